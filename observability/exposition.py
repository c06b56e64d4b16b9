"""What a scraper of `/metrics` gets."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector


class _Snapshot(Collector):
    """What there was to count at one moment."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._metrics = list(registry.collect())

    def collect(self) -> Iterable[Metric]:
        return self._metrics


class Exposition:
    """Exposes a registry without holding up the event loop.

    Metrics are read at once, while nothing else runs, and turned into text by a thread, which takes five times as long.
    Scrapers take turns, so that many of them cost no more than one that comes often.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._turn = asyncio.Lock()

    async def expose(self, accept: str) -> tuple[bytes, str]:
        """Return all metrics and their content type, as `expose` does."""
        async with self._turn:
            return await asyncio.to_thread(expose, _Snapshot(self._registry), accept)


def expose(metrics: CollectorRegistry | Collector, accept: str) -> tuple[bytes, str]:
    """Return all metrics and their content type: OpenMetrics where the scraper asks for it, else Prometheus text."""
    try:
        encode, content_type = choose_encoder(accept)
    except (TypeError, ValueError):  # a version that is none
        encode, content_type = choose_encoder("")
    return encode(metrics), content_type
