"""Metrics of the recordings; `docs/metrics.md` describes each."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge

_RESULTS = frozenset({"ready", "nothing_recorded", "disk_full", "write_failed", "crashed", "lost"})


class RecordingMetrics:
    """What becomes of recordings, counted."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._active = Gauge(
            "chatter_recordings_active", "Recordings by what is done now.", ["stage"], registry=registry
        )
        self._results = Counter("chatter_recordings", "Recordings by how they ended.", ["result"], registry=registry)
        for result in (*_RESULTS, "other"):
            self._results.labels(result)  # at 0 from the start, so that the first one is seen as a change
        self._bytes = Gauge("chatter_recordings_bytes", "What all recordings take on the disk.", registry=registry)

    def watch(self, *, recording: Callable[[], float], processing: Callable[[], float]) -> None:
        """Read the gauges from these at each scrape."""
        self._active.labels("recording").set_function(recording)
        self._active.labels("processing").set_function(processing)

    def ended(self, result: str) -> None:
        """Count a recording by its result: `ready`, or the code of its failure."""
        self._results.labels(result if result in _RESULTS else "other").inc()

    def size(self, size: int) -> None:
        """Note what all recordings take."""
        self._bytes.set(size)
