"""Results for people and for programs: medians, spread, ratios, and the machine they come from."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import msgspec

from bench.plot import Bar, draw
from bench.scenario import Metric, Sample, Scale, Scenario

Results = list[tuple[Scenario, list[Sample]]]


def machine() -> dict[str, Any]:
    """Describe where this runs, and how busy that is already."""
    models = [line for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines() if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cpu": models[0].partition(":")[2].strip() if models else platform.processor(),
        "cores": os.cpu_count(),
        "memoryGiB": round(memory / 2**30, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "node": _said_by("node", "--version"),
        "load": round(os.getloadavg()[0], 1),
        "commit": _said_by("git", "rev-parse", "--short", "HEAD"),
        "at": datetime.now(UTC).isoformat(timespec="minutes"),
    }


def markdown(here: dict[str, Any], command: str, results: Results) -> str:
    """Return the whole report."""
    lines = [
        "# Benchmark report",
        "",
        f"`{command}`, {here['at']}, commit {here['commit']}.",
        f"{here['cpu']}, {here['cores']} cores, {here['memoryGiB']} GiB; {here['system']}; Python {here['python']}, "
        f"Node {here['node']}. Load average when it began: {here['load']}.",
        "",
        "Each cell is the median of the repetitions, with the lowest and the highest behind it. The servers ran "
        "in turn, pinned to one core, the load generator to another. How to read it: "
        "[performance.md](../../docs/performance.md).",
    ]
    for scenario, samples in results:
        lines += ["", f"## {scenario.title}", "", scenario.about, ""]
        if not samples:
            lines.append("Not measured: what it needs is not installed.")
            continue
        lines += [table(scenario, samples)]
    return "\n".join(lines) + "\n"


def table(scenario: Scenario, samples: Sequence[Sample]) -> str:
    """Return the numbers of one scenario: a column for each server, and one for each comparison."""
    servers = list(dict.fromkeys(sample.server for sample in samples))
    compared = [name for name in scenario.compared_to if name in servers and scenario.ours in servers]
    heads = [*servers, *(f"{scenario.ours} against {name}" for name in compared)]
    lines = [f"| | {' | '.join(heads)} |", f"|---|{'---:|' * len(heads)}"]
    for metric in scenario.metrics or _metrics_of(samples):
        cells = [_cell(metric, _values(samples, server, metric)) for server in servers]
        cells += [_ratio(metric, scenario.ours, name, samples) for name in compared]
        lines.append(f"| {metric.label} | {' | '.join(cells)} |")
    return "\n".join(lines)


def save(folder: Path, here: dict[str, Any], command: str, scale: Scale, results: Results) -> list[Path]:
    """Write `report.json`, `report.md` and the pictures it shows; return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    document = {
        "command": command,
        "machine": here,
        "scale": msgspec.to_builtins(scale),
        "scenarios": {scenario.name: msgspec.to_builtins(samples) for scenario, samples in results},
    }
    written = {"report.json": json.dumps(document, indent=2) + "\n"}
    pictures = {
        f"{scenario.name}-{key.replace('_', '-')}.svg": _picture(scenario, key, samples)
        for scenario, samples in results
        if samples
        for key in scenario.plotted
    }
    shown = "".join(f"\n![{name.removesuffix('.svg')}]({name})\n" for name in pictures)
    written |= {"report.md": markdown(here, command, results) + ("\n## Pictures\n" + shown if shown else "")} | pictures
    for name, text in written.items():
        (folder / name).write_text(text, "utf-8")
    return [folder / name for name in written]


def _picture(scenario: Scenario, key: str, samples: Sequence[Sample]) -> str:
    metric = next(metric for metric in scenario.metrics if metric.key == key)
    servers = dict.fromkeys(sample.server for sample in samples)
    found = {server: _values(samples, server, metric) for server in servers}
    bars = [
        Bar(
            server,
            median(values),
            min(values),
            max(values),
            metric.form.format(median(values)),
            _is_ours(server),
        )
        for server, values in found.items()
    ]
    better = "more is better" if metric.higher_is_better else "less is better"
    return draw(f"{scenario.title}: {metric.label} ({better})", bars)


def _is_ours(server: str) -> bool:
    return server.partition(",")[0] == "Chatter"


def _metrics_of(samples: Sequence[Sample]) -> list[Metric]:
    """Make a row of every key, those with the highest values first."""
    highest: dict[str, float] = {}
    for sample in samples:
        for key, value in sample.values.items():
            highest[key] = max(value, highest.get(key, 0.0))
    return [
        Metric(key, f"`{key}`" if "/" in key else key) for key in sorted(highest, key=highest.__getitem__, reverse=True)
    ]


def _values(samples: Sequence[Sample], server: str, metric: Metric) -> list[float]:
    return [s.values[metric.key] for s in samples if s.server == server and metric.key in s.values]


def _cell(metric: Metric, values: list[float]) -> str:
    if not values:
        return "–"
    middle, least, most = (metric.form.format(value) for value in (median(values), min(values), max(values)))
    return middle if len(values) == 1 else f"{middle} ({least}–{most})"


def _ratio(metric: Metric, ours: str, theirs: str, samples: Sequence[Sample]) -> str:
    """Return how many times better ours is, repetition by repetition; of cost, how many times less."""
    pairs = list(zip(_values(samples, ours, metric), _values(samples, theirs, metric), strict=False))
    ratios = [us / them if metric.higher_is_better else them / us for us, them in pairs if us > 0 and them > 0]
    return _cell(metric._replace(form="{:.2f}×"), ratios)


def _said_by(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return "unknown"
