"""Metrics of the signaling package; `docs/metrics.md` describes each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge

from signaling.core.messages import Role

_HANDSHAKE_RESULTS = frozenset(
    {
        "accepted",
        "waiting",
        "unauthenticated",
        "forbidden",
        "banned",
        "denied",
        "room_full",
        "room_locked",
        "room_not_found",
        "password_required",
        "wrong_password",
        "invitation_invalid",
        "rate_limited",
        "bad_origin",
    }
)


class SignalingMetrics:
    """What happens to connections and rooms, counted. Labels are closed sets: never a room, member or address."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._connections = Gauge("chatter_ws_connections", "Open signaling connections.", registry=registry)
        self._rooms = Gauge("chatter_rooms", "Rooms with someone in them.", registry=registry)
        self._participants = Gauge("chatter_participants", "Members in all rooms.", registry=registry)
        self._handshakes = Counter(
            "chatter_ws_handshakes", "Connections by how their entry ended.", ["result"], registry=registry
        )
        self._closes = Counter(
            "chatter_ws_closes", "Connections that the server closed, by reason.", ["reason"], registry=registry
        )
        self._joins = Counter("chatter_joins", "Members that came into a room.", ["role"], registry=registry)
        self._leaves = Counter("chatter_leaves", "Members that left a room.", registry=registry)
        self._lost = Gauge("chatter_sessions_lost", "Members whose connection broke, may resume.", registry=registry)
        self._resumes = Counter(
            "chatter_ws_resumes", "Attempts to go on with a session, by result.", ["result"], registry=registry
        )
        self._moderation = Counter(
            "chatter_moderation_actions", "What moderators and owners did.", ["action"], registry=registry
        )

    def watch(
        self,
        *,
        rooms: Callable[[], float],
        links: Callable[[], float],
        members: Callable[[], float],
        lost: Callable[[], float],
    ) -> None:
        """Read the gauges from these at each scrape."""
        self._rooms.set_function(rooms)
        self._connections.set_function(links)
        self._participants.set_function(members)
        self._lost.set_function(lost)

    def handshake(self, result: str) -> None:
        """Count a connection attempt by its result."""
        self._handshakes.labels(result if result in _HANDSHAKE_RESULTS else "other").inc()

    def closed(self, reason: str) -> None:
        """Count a close by its name."""
        self._closes.labels(reason).inc()

    def joined(self, role: Role) -> None:
        """Count a join."""
        self._joins.labels(role).inc()

    def left(self) -> None:
        """Count a leave."""
        self._leaves.inc()

    def moderated(self, action: str) -> None:
        """Count what a moderator or owner did; `action` is one of `core.moderation.Action`."""
        self._moderation.labels(action).inc()

    def resumed(self, result: Literal["resumed", "unknown", "state_lost"]) -> None:
        """Count an attempt to go on with a session."""
        self._resumes.labels(result).inc()
