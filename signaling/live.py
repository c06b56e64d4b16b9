"""A room that someone is in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from signaling.core.codec import encode
from signaling.core.room import Deliver

if TYPE_CHECKING:
    from collections.abc import Iterable

    from signaling.core.room import Room
    from signaling.session import Session


class LiveRoom:
    """A room's decisions together with the sessions that carry them out."""

    __slots__ = ("room", "sessions")

    def __init__(self, room: Room) -> None:
        self.room = room
        self.sessions: dict[str, Session] = {}

    def deliver(self, deliveries: Iterable[Deliver]) -> None:
        """Send each message, encoded once, to its receivers."""
        for delivery in deliveries:
            body = encode(delivery.message)
            for member_id in delivery.to:
                session = self.sessions.get(member_id)
                if session is not None:
                    session.send(body)
