"""A room that someone is in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from signaling.core.codec import encode
from signaling.core.room import Deliver

if TYPE_CHECKING:
    from collections.abc import Iterable

    from signaling.core.lobby import Lobby
    from signaling.core.room import Room
    from signaling.session import Session


class LiveRoom:
    """A room's decisions together with the sessions that carry them out."""

    __slots__ = ("_delivering", "_waiting", "lobby", "room", "sessions")

    def __init__(self, room: Room, lobby: Lobby) -> None:
        self.room = room
        self.lobby = lobby
        self.sessions: dict[str, Session] = {}
        self._waiting: list[Deliver] = []
        self._delivering = False

    def deliver(self, deliveries: Iterable[Deliver]) -> None:
        """Send each message, encoded once, to its receivers.

        A receiver that is cut off leaves the room in the midst of this; the others hear of it after what came before.
        """
        self._waiting.extend(deliveries)
        if self._delivering:
            return
        self._delivering = True
        try:
            for delivery in self._waiting:  # it may grow meanwhile
                body = encode(delivery.message)
                for member_id in delivery.to:
                    session = self.sessions.get(member_id)
                    if session is not None:
                        session.send(body)
        finally:
            self._waiting.clear()
            self._delivering = False
