"""Metrics of the TURN checks; `docs/metrics.md` describes each."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Gauge

from signaling.turn.urls import Transport


class TurnMetrics:
    """Result and time of the last check, per way to reach a TURN server."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._success = Gauge(
            "chatter_turn_check_success",
            "Whether the last check of all TURN addresses of this transport succeeded.",
            ["transport"],
            registry=registry,
        )
        self._duration = Gauge(
            "chatter_turn_check_duration_seconds",
            "How long the last check took; the slowest address of this transport.",
            ["transport"],
            registry=registry,
        )

    def checked(self, transport: Transport, *, ok: bool, seconds: float) -> None:
        """Keep the result of a check."""
        self._success.labels(transport).set(ok)
        self._duration.labels(transport).set(seconds)
