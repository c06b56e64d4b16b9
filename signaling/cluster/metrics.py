"""Metrics of rooms that move between nodes; `docs/metrics.md` describes each."""

from __future__ import annotations

from typing import Literal, get_args

from prometheus_client import CollectorRegistry, Counter, Histogram

MoveResult = Literal["ok", "empty", "no_node", "refused", "unanswered", "no_database", "failed"]
_STANDSTILLS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class MoveMetrics:
    """What becomes of rooms that a node hands over when it drains."""

    def __init__(self, registry: CollectorRegistry) -> None:
        moves = Counter("chatter_room_moves", "Tries to hand a room over, by result.", ["result"], registry=registry)
        self._moves = {result: moves.labels(result) for result in get_args(MoveResult)}
        self._standstill = Histogram(
            "chatter_room_standstill_seconds",
            "How long a room stood still while it was handed over, or in vain.",
            buckets=_STANDSTILLS,
            registry=registry,
        )
        self._taken = Counter("chatter_rooms_taken", "Rooms that were taken from other nodes.", registry=registry)

    def tried(self, result: MoveResult) -> None:
        """Count a try to hand a room over."""
        self._moves[result].inc()

    def stood_still(self, seconds: float) -> None:
        """Note how long a room stood still."""
        self._standstill.observe(seconds)

    def took(self) -> None:
        """Count a room that was taken from another node."""
        self._taken.inc()
