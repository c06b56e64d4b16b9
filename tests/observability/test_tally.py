"""Counts for hot paths are exposed as the client library would expose its own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from observability.exposition import expose
from observability.tally import Census, HotHistogram, Tally

OPENMETRICS = "application/openmetrics-text; version=1.0.0"
BOUNDS = (0.1, 1.0, 2.5)
TRACE = "0123456789abcdef" * 2


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


def exposed(registry: CollectorRegistry) -> list[str]:
    text = expose(registry, OPENMETRICS)[0].decode()
    assert list(text_string_to_metric_families(text))  # type: ignore[no-untyped-call]  # it is valid
    return text.splitlines()


def test_every_series_is_there_from_the_start(registry: CollectorRegistry) -> None:
    tally = Tally("x", "X.", ["way", "kind"], [("in", "a"), ("out", "b")], registry=registry)
    tally.labels("out", "b").value += 2
    assert exposed(registry) == [
        "# HELP x X.",
        "# TYPE x counter",
        'x_total{kind="a",way="in"} 0.0',
        'x_total{kind="b",way="out"} 2.0',
        "# EOF",
    ]


def test_no_other_series_can_be_made(registry: CollectorRegistry) -> None:
    tally = Tally("x", "X.", ["kind"], [("a",)], registry=registry)
    with pytest.raises(KeyError):
        tally.labels("b")
    histogram = HotHistogram("y", "Y.", ["kind"], [("a",)], buckets=BOUNDS, registry=registry)
    with pytest.raises(KeyError):
        histogram.labels("b")


def test_a_name_is_given_once(registry: CollectorRegistry) -> None:
    Tally("x", "X.", registry=registry)
    with pytest.raises(ValueError, match="Duplicated"):
        Tally("x", "X.", registry=registry)


@given(st.lists(st.sampled_from([0.0, 0.05, 0.1, 0.1000001, 1.0, 2.0, 2.5, 2.6, 1e9])))
def test_a_histogram_says_what_that_of_the_library_says(values: list[float]) -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    hot = HotHistogram("x", "X.", buckets=BOUNDS, registry=ours).labels()
    plain = Histogram("x", "X.", buckets=BOUNDS, registry=theirs)
    for value in values:
        hot.observe(value)
        plain.observe(value)
    assert exposed(ours) == [line for line in exposed(theirs) if "_created" not in line]


def test_the_last_trace_of_a_bucket_is_its_exemplar(registry: CollectorRegistry) -> None:
    series = HotHistogram("x", "X.", ["kind"], [("a",)], buckets=BOUNDS, registry=registry).labels("a")
    series.observe_traced(0.5, "f" * 32, 1_790_000_000.0)
    series.observe_traced(0.75, TRACE, 1_790_000_001.5)
    series.observe(0.9)
    series.observe_traced(99, TRACE, 1_790_000_002.0)
    assert [line for line in exposed(registry) if "_bucket" in line] == [
        'x_bucket{kind="a",le="0.1"} 0.0',
        f'x_bucket{{kind="a",le="1.0"}} 3.0 # {{trace_id="{TRACE}"}} 0.75 1790000001.5',
        'x_bucket{kind="a",le="2.5"} 3.0',
        f'x_bucket{{kind="a",le="+Inf"}} 4.0 # {{trace_id="{TRACE}"}} 99.0 1790000002.0',
    ]
    assert "trace_id" not in expose(registry, "")[0].decode(), "the older format has no exemplars"


def test_a_census_is_taken_at_the_scrape(registry: CollectorRegistry) -> None:
    census = Census("x", "X.", "kind", ["a", "b"], registry=registry)
    assert [registry.get_sample_value("x", {"kind": kind}) for kind in "ab"] == [0, 0]
    found = {"a": 1}
    census.watch(lambda: found)
    found |= {"b": 2, "unknown": 3}
    assert exposed(registry)[2:] == ['x{kind="a"} 1.0', 'x{kind="b"} 2.0', "# EOF"]
