"""This node among others: the bus, and who lives where, put together from the settings."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from api.db import DatabaseUnavailable
from observability.health import CheckResult
from signaling.bus.courier import Sender
from signaling.bus.create import create_bus
from signaling.bus.metrics import BusMetrics
from signaling.cluster.cluster import Cluster
from signaling.cluster.metrics import MoveMetrics
from signaling.cluster.store import ClusterStore

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from api.db import Database
    from api.settings import Settings
    from observability.health import Readiness
    from signaling.bus.ports import Bus
    from signaling.hub import Hub
    from signaling.metrics import SignalingMetrics
    from signaling.ports import Clock


def create_cluster(
    settings: Settings,
    registry: CollectorRegistry,
    hub: Hub,
    database: Database,
    metrics: SignalingMetrics,
    clock: Clock,
) -> tuple[Bus, Cluster | None]:
    """Return the bus of this node, and the cluster that speaks over it; None for a node that is alone."""
    wanted = settings.cluster
    bus_metrics, move_metrics = BusMetrics(registry), MoveMetrics(registry)
    bus = create_bus(wanted.bus_url, f"chatter-{wanted.node}", bus_metrics)
    if not wanted.bus_url:
        return bus, None
    cluster = Cluster(
        hub,
        bus,
        ClusterStore(database),
        Sender(wanted.node, secrets.token_hex(8)),
        bus_metrics,
        outbox_bytes=settings.signaling.outbox_bytes,
        queued=metrics.queued,
        unavailable=DatabaseUnavailable,
        clock=clock,
        move_metrics=move_metrics,
    )
    return bus, cluster


def add_bus_report(readiness: Readiness, bus: Bus, cluster: Cluster | None) -> None:
    """Show how the bus is. Without it the calls of this node go on, so traffic may come."""
    if cluster is None:
        return

    def report() -> CheckResult:
        if cluster.clash:
            return CheckResult(ok=False, problem="another node has this name", required=False)
        if not bus.up:
            return CheckResult(ok=False, problem="not connected", required=False)
        return CheckResult(ok=not cluster.slow, problem="slow" if cluster.slow else None, required=False)

    readiness.add_report("bus", report)
