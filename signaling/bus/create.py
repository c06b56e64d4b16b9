"""The bus that an address names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from signaling.bus.memory import MemoryBus
from signaling.bus.urls import check_bus_url

if TYPE_CHECKING:
    from signaling.bus.metrics import BusMetrics
    from signaling.bus.ports import Bus


def create_bus(url: str, name: str, metrics: BusMetrics) -> Bus:
    """Return the bus at a URL, not started; without one, that of a node which is alone. Raises `ValueError`.

    `name` is how the node is called at the engine. `nats://` and `tls://` name NATS servers, several with commas
    between them; `redis://` and `rediss://` a Redis or Valkey server.
    """
    bus = _create(url, name, metrics)
    metrics.watch(lambda: bus.up)
    return bus


def _create(url: str, name: str, metrics: BusMetrics) -> Bus:
    if not url:
        return MemoryBus()
    check_bus_url(url)
    # Imported here: who runs a single node pays for neither.
    if url.startswith(("nats:", "tls:")):
        from signaling.bus.nats import NatsBus

        return NatsBus(url, name, metrics)
    from signaling.bus.redis import RedisBus

    return RedisBus(url, name, metrics)
