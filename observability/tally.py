"""Counters and histograms for what happens many thousand times a second.

A change in `prometheus_client` takes a lock and half a microsecond, with labels up to two. Here it is an addition in
an object that the caller holds on to; metrics are made of it at a scrape. One thread may count, the event loop's.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar
from prometheus_client.utils import floatToGoString

Labels = tuple[str, ...]
NO_LABELS: tuple[Labels, ...] = ((),)


class Count:
    """One number that only grows: `count.value += 1`."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0


class Tally(Collector):
    """A counter whose series are known beforehand, or made once and kept."""

    def __init__(
        self,
        name: str,
        documentation: str,
        labelnames: Sequence[str] = (),
        series: Iterable[Labels] = NO_LABELS,
        *,
        registry: CollectorRegistry,
    ) -> None:
        """Count `series`, each given by the values of its labels; `name` without `_total`."""
        self._name = name
        self._documentation = documentation
        self._labelnames = tuple(labelnames)
        self._counts = {labels: Count() for labels in series}
        registry.register(self)

    def labels(self, *values: str) -> Count:
        """Return the count of a series, to be kept. Raises `KeyError` for one that was not named."""
        return self._counts[values]

    def series(self, *values: str) -> Count:
        """Return the count of a series, to be kept, beginning it where it was not named."""
        return self._counts.setdefault(values, Count())

    def describe(self) -> Iterator[CounterMetricFamily]:
        """Return the metric without its values."""
        yield CounterMetricFamily(self._name, self._documentation, labels=self._labelnames)

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Return what was counted."""
        for family in self.describe():
            for labels, count in list(self._counts.items()):
                family.add_metric(labels, count.value)
            yield family


class Buckets:
    """One series of a histogram."""

    __slots__ = ("_bounds", "_counts", "_exemplars", "_sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._exemplars: list[tuple[str, float, float] | None] = [None] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        """Count a value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def observe_traced(self, value: float, trace_id: str, now: float) -> None:
        """Count a value that belongs to a trace: the exemplar of its bucket until the next. `now`: since 1970 UTC."""
        bucket = bisect_left(self._bounds, value)
        self._counts[bucket] += 1
        self._sum += value
        self._exemplars[bucket] = (trace_id, value, now)

    def add_to(self, family: HistogramMetricFamily, labels: Labels) -> None:
        """Add this series to what is exposed, counts becoming cumulative."""
        buckets: list[tuple[str, float] | tuple[str, float, Exemplar]] = []
        total = 0
        for bound, count, traced in zip((*self._bounds, float("inf")), self._counts, self._exemplars, strict=True):
            total += count
            bucket = floatToGoString(bound)  # type: ignore[no-untyped-call]
            if traced is None:
                buckets.append((bucket, total))
            else:
                buckets.append((bucket, total, Exemplar({"trace_id": traced[0]}, traced[1], traced[2])))
        family.add_metric(labels, buckets, self._sum)


class HotHistogram(Collector):
    """A histogram whose series are known beforehand, or made once and kept."""

    def __init__(
        self,
        name: str,
        documentation: str,
        labelnames: Sequence[str] = (),
        series: Iterable[Labels] = NO_LABELS,
        *,
        buckets: Sequence[float],
        registry: CollectorRegistry,
    ) -> None:
        """Observe `series`, each given by the values of its labels; `buckets`: upper bounds, growing, without +Inf."""
        self._name = name
        self._documentation = documentation
        self._labelnames = tuple(labelnames)
        self._buckets = tuple(buckets)
        self._series = {labels: Buckets(self._buckets) for labels in series}
        registry.register(self)

    def labels(self, *values: str) -> Buckets:
        """Return a series, to be kept. Raises `KeyError` for one that was not named."""
        return self._series[values]

    def series(self, *values: str) -> Buckets:
        """Return a series, to be kept, beginning it where it was not named."""
        return self._series.setdefault(values, Buckets(self._buckets))

    def describe(self) -> Iterator[HistogramMetricFamily]:
        """Return the metric without its values."""
        yield HistogramMetricFamily(self._name, self._documentation, labels=self._labelnames)

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """Return what was observed."""
        for family in self.describe():
            for labels, series in list(self._series.items()):
                series.add_to(family, labels)
            yield family


class Census(Collector):
    """A gauge with one label, counted anew at each scrape: cheaper than to keep count where things come and go."""

    def __init__(
        self, name: str, documentation: str, labelname: str, values: Iterable[str], *, registry: CollectorRegistry
    ) -> None:
        """Show a count for each of `values`, 0 where none is found."""
        self._name = name
        self._documentation = documentation
        self._labelnames = (labelname,)
        self._values = tuple(values)
        self._count: Callable[[], Mapping[str, int]] = dict
        registry.register(self)

    def watch(self, count: Callable[[], Mapping[str, int]]) -> None:
        """Take the counts from this function."""
        self._count = count

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Return the metric without its values."""
        yield GaugeMetricFamily(self._name, self._documentation, labels=self._labelnames)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Return the counts of now."""
        counted = self._count()
        for family in self.describe():
            for value in self._values:
                family.add_metric((value,), counted.get(value, 0))
            yield family
