"""The bus that an address names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from signaling.bus.memory import MemoryBus

if TYPE_CHECKING:
    from signaling.bus.metrics import BusMetrics
    from signaling.bus.ports import Bus

SCHEMES = ("nats", "tls", "redis", "rediss")


def create_bus(url: str, name: str, metrics: BusMetrics) -> Bus:
    """Return the bus at a URL, not started; without one, that of a node which is alone. Raises `ValueError`.

    `name` is how the node is called at the engine. `nats://` and `tls://` name NATS servers, several with commas
    between them; `redis://` and `rediss://` a Redis or Valkey server.
    """
    bus = _create(url, name, metrics)
    metrics.watch(lambda: bus.up)
    return bus


def _create(url: str, name: str, metrics: BusMetrics) -> Bus:
    scheme, found, _ = url.partition("://")
    if not url:
        return MemoryBus()
    # Imported here: who runs a single node pays for neither.
    if found and scheme in {"nats", "tls"}:
        from signaling.bus.nats import NatsBus

        return NatsBus(url, name, metrics)
    if found and scheme in {"redis", "rediss"}:
        from signaling.bus.redis import RedisBus

        return RedisBus(url, name, metrics)
    raise ValueError(f"a bus is at nats://…, tls://…, redis://… or rediss://…, not {scheme!r}")
