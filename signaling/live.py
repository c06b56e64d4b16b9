"""A room that someone is in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from signaling.core.codec import encode
from signaling.core.kinds import kind_of
from signaling.core.messages import Media, Profile, RoleChanged
from signaling.core.room import Deliver

if TYPE_CHECKING:
    from collections.abc import Iterable

    from signaling.calls.live import LiveCall
    from signaling.core.lobby import Lobby
    from signaling.core.messages import ServerMessage, WebRtc
    from signaling.core.room import Room
    from signaling.ports import Clock
    from signaling.session import Session


class LiveRoom:
    """A room's decisions together with the sessions that carry them out, and the call that this makes."""

    __slots__ = ("_clock", "_delivering", "_waiting", "call", "lobby", "room", "sessions")

    def __init__(self, room: Room, lobby: Lobby, call: LiveCall, clock: Clock) -> None:
        self.room = room
        self.lobby = lobby
        self.call = call
        self._clock = clock
        self.sessions: dict[str, Session] = {}
        self._waiting: list[Deliver] = []
        self._delivering = False

    def relay(self, message: WebRtc, now: float) -> Session | None:
        """Send an offer, answer or candidate to its receiver, and return who that is.

        Nearly all frames are candidates, and have one receiver: `deliver` would do the same by a longer way.
        """
        receiver = self.sessions.get(message.to)
        if receiver is not None:
            receiver.relay(message)
        self.call.signaled(message, now)
        return receiver

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
                body, kind = encode(delivery.message), kind_of(delivery.message)
                for member_id in delivery.to:
                    session = self.sessions.get(member_id)
                    if session is not None:
                        session.send(body, kind)
                self._note(delivery.message)
        finally:
            self._waiting.clear()
            self._delivering = False

    def _note(self, message: ServerMessage) -> None:
        if type(message) is Profile:
            self.call.renamed(message.clientId, message.displayName)
        elif type(message) is Media:
            self.call.media_changed(message, self._clock())
        elif type(message) is RoleChanged:
            self.call.role_changed(message.clientId, message.role, self._clock())
