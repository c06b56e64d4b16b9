"""Results for people: medians, spread and ratios."""

from __future__ import annotations

import platform
from pathlib import Path
from statistics import median
from typing import Any

from bench.relay import RelayResult

_ROWS = {
    "messages_per_second": ("messages/s", "{:,.0f}", True),
    "cpu_us_per_message": ("CPU µs per message", "{:.1f}", False),
    "saturated_p50_ms": ("p50 ms, saturated", "{:.2f}", False),
    "saturated_p99_ms": ("p99 ms, saturated", "{:.2f}", False),
    "paced_p50_ms": ("p50 ms, same pace", "{:.2f}", False),
    "paced_p99_ms": ("p99 ms, same pace", "{:.2f}", False),
    "kib_per_idle_connection": ("KiB per idle connection", "{:.1f}", False),
}


def machine() -> dict[str, Any]:
    """Describe where this ran."""
    models = [line for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines() if line.startswith("model name")]
    return {
        "cpu": models[0].partition(":")[2].strip() if models else platform.processor(),
        "cores": len(models),
        "system": platform.platform(),
        "python": platform.python_version(),
    }


def markdown(results: list[RelayResult]) -> str:
    """Return a table: median (lowest–highest) of each server, and how many times better Chatter is."""
    servers = list(dict.fromkeys(result.server for result in results))
    lines = [
        f"| | {' | '.join(servers)} | Chatter is better by |",
        f"|---|{'---:|' * (len(servers) + 1)}",
    ]
    for field, (label, form, higher_is_better) in _ROWS.items():
        values = {name: [getattr(result, field) for result in results if result.server == name] for name in servers}
        cells = [
            f"{form.format(median(found))} ({form.format(min(found))}–{form.format(max(found))})"
            for found in values.values()
        ]
        pairs = list(zip(values["Chatter"], values["PeerJS"], strict=True))
        ratios = [ours / theirs if higher_is_better else theirs / ours for ours, theirs in pairs if ours and theirs]
        lines.append(f"| {label} | {' | '.join(cells)} | {median(ratios):.2f}× |" if ratios else f"| {label} | – |")
    return "\n".join(lines)
