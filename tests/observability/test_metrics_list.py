"""docs/metrics.md is true, and promtool finds nothing to complain about."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase

from api.app import create_app
from observability.exposition import expose
from observability.tally import HotHistogram, Tally
from tests.api.site import settings_for

DOCS = Path(__file__).resolve().parents[2] / "docs" / "metrics.md"
TURN = {"TURN_URLS": "turn:turn.example.org:3478", "TURN_SECRET": "s" * 32}
_ROW = re.compile(r"\| `([a-z0-9_]+)` \| (counter|gauge|histogram) \| (.*?) \|")
_USUAL = re.compile(r"(process|python)_")
"""Of the client library, for every program."""

Described = dict[str, tuple[str, frozenset[str]]]


def documented() -> Described:
    """Return type and labels of every row."""
    rows = [_ROW.match(line) for line in DOCS.read_text("utf-8").splitlines() if line.startswith("| `")]
    assert all(rows), "a row does not look like the others"
    described = {row[1]: (row[2], frozenset(re.findall(r"`(\w+)`", row[3]))) for row in rows if row is not None}
    assert len(described) == len(rows), "a metric has two rows"
    return described


def registered(registry: CollectorRegistry) -> Described:
    """Return type and labels of every metric, whether it has samples yet or not."""
    described: Described = {}
    for collector in list(registry._collector_to_names):
        labels = frozenset(getattr(collector, "_labelnames", ()))
        for family in collector.describe() if hasattr(collector, "describe") else collector.collect():
            suffix, kind = {"counter": ("_total", "counter"), "info": ("_info", "gauge")}.get(
                family.type, ("", family.type)
            )
            if family.type == "info":
                labels = frozenset(name for sample in _samples(collector) for name in sample)
            described[f"{family.name}{suffix}"] = (kind, labels)
    return {name: what for name, what in described.items() if not _USUAL.match(name)}


def _samples(collector: object) -> list[dict[str, str]]:
    assert isinstance(collector, MetricWrapperBase)
    return [sample.labels for family in collector.collect() for sample in family.samples]


@pytest.mark.seed("S1-18")
def test_every_metric_has_its_row_and_every_row_its_metric(tmp_path: Path) -> None:
    have = registered(create_app(settings_for(None, tmp_path, **TURN)).registry)
    rows = documented()
    assert have.keys() - rows.keys() == set(), "without a row in docs/metrics.md"
    assert rows.keys() - have.keys() == set(), "in docs/metrics.md only"
    for name, what in have.items():
        assert rows[name] == what, name


def test_draining_is_seen(tmp_path: Path) -> None:
    application = create_app(settings_for(None, tmp_path))
    assert application.registry.get_sample_value("chatter_draining") == 0
    application.hub._draining = True
    assert application.registry.get_sample_value("chatter_draining") == 1


@pytest.mark.integration
@pytest.mark.seed("S1-18")
def test_promtool_finds_nothing(tmp_path: Path) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool not installed; on Debian: apt-get install prometheus")
    registry = create_app(settings_for(None, tmp_path, **TURN)).registry
    for collector in list(registry._collector_to_names):
        labels = getattr(collector, "_labelnames", ())
        if labels and isinstance(collector, MetricWrapperBase):  # promtool looks only at what has samples
            collector.labels(*labels)
        elif labels and isinstance(collector, HotHistogram | Tally):
            collector.series(*labels)
    text, _ = expose(registry, "")
    for name in documented():
        assert f"\n{name}" in text.decode()
    checked = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, timeout=60)
    assert (checked.stdout, checked.stderr, checked.returncode) == (b"", b"", 0)


@pytest.mark.integration
def test_promtool_would_notice() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool not installed; on Debian: apt-get install prometheus")
    text = b"# HELP a_duration_ms_total x\n# TYPE a_duration_ms_total counter\na_duration_ms_total 1\n"
    checked = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, timeout=60)
    assert checked.returncode != 0
