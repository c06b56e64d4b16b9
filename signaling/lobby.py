"""The connections that wait before a room until a moderator lets them in. They are no members and hold no session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import UNSET

from observability.addresses import network_of
from signaling.core.codec import BadFrame, decode, encode, number
from signaling.core.connection import MALFORMED_FRAMES, error_for
from signaling.core.kinds import UNREADABLE, kind_of
from signaling.core.limits import REFUSALS_PER_WINDOW, TokenBucket
from signaling.core.lobby import Lobby, News, Tell
from signaling.core.messages import Leave, Received
from signaling.errors import Close, FrameFault

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from signaling.core.messages import ServerMessage
    from signaling.core.room import Room, RoomRules
    from signaling.doors import Visit
    from signaling.link import Link
    from signaling.live import LiveRoom


class Waiter:
    """Someone at the door: the connection, and what the checks found."""

    __slots__ = ("_malformed", "_refusals", "fault", "heard", "id", "link", "visit")

    def __init__(self, id: str, link: Link, visit: Visit, scale: float) -> None:
        self.id = id
        self.link = link
        self.visit = visit
        self._refusals = TokenBucket(REFUSALS_PER_WINDOW * scale)
        self._malformed = 0
        self.heard = UNREADABLE
        """What the last frame was, one of `CLIENT_KINDS`."""
        self.fault: FrameFault | None = None
        """Why the last frame was refused, None where it was not."""

    def send(self, message: ServerMessage) -> None:
        """Send a message under the connection's next number."""
        self.link.seq += 1
        self.link.send(number(encode(message), self.link.seq), kind_of(message))

    def received(self, text: str, now: float) -> None:
        """Handle a frame of someone who is not in yet: they may leave, and acknowledge what they were told."""
        self.heard, self.fault = UNREADABLE, None
        try:
            message = decode(text)
            self.heard = kind_of(message)
            if isinstance(message, Leave):
                self.link.close(Close.NORMAL)
            elif not isinstance(message, Received):
                raise BadFrame(FrameFault.NOT_IN_ROOM, ref=None if message.id is UNSET else message.id)
        except BadFrame as refused:
            self._refuse(refused, now)

    def _refuse(self, refused: BadFrame, now: float) -> None:
        self.fault = refused.fault
        if not self._refusals.take(now):
            self.link.close(Close.RATE_LIMITED)
            return
        self.send(error_for(refused))
        self._malformed += refused.fault.malformed
        if self._malformed >= MALFORMED_FRAMES:
            self.link.close(Close.BAD_PROTOCOL)


class Lobbies:
    """Know who waits before which room, and bring the news of it to those inside and outside."""

    def __init__(self, rooms: Mapping[str, LiveRoom]) -> None:
        self._rooms = rooms
        self._lobbies: dict[str, Lobby] = {}
        self._waiters: dict[str, Waiter] = {}

    def of(self, room_id: str) -> Lobby:
        """Return the queue before a room; there is one as long as someone waits or is in."""
        return self._lobbies.setdefault(room_id, Lobby())

    def adopt(self, room_id: str, lobby: Lobby) -> None:
        """Let a room that comes from another node bring its queue; whoever waits here has to knock again."""
        for waiter in self.before(room_id):
            waiter.link.close(Close.RESTART)
        self._lobbies[room_id] = lobby

    def knock(self, waiter: Waiter) -> None:
        """Let someone wait. The caller has asked whether the queue is full."""
        self._waiters[waiter.id] = waiter
        waiter.link.wait(waiter)
        if waiter.id not in self._waiters:  # what they had sent already made them go
            return
        self.tell(waiter.visit.room_id, self.of(waiter.visit.room_id).knock(waiter.id, waiter.visit.display_name))

    def take(self, knocker_id: str) -> Waiter | None:
        """Take someone out who was ushered in or away; None when they are gone."""
        waiter = self._waiters.pop(knocker_id, None)
        if waiter is not None:
            waiter.link.waiter = None
        return waiter

    def gone(self, waiter: Waiter) -> None:
        """Take someone out who went by themselves, or whose connection was closed. Idempotent."""
        self.take(waiter.id)
        room_id = waiter.visit.room_id
        self.tell(room_id, self.of(room_id).gone(waiter.id))
        self.tidy(room_id)

    def attend(self, room: Room) -> None:
        """Tell whom it concerns that someone who can open the door came or went."""
        self.tell(room.id, self.of(room.id).attend(room.keepers, room.members))

    def tidy(self, room_id: str) -> None:
        """Forget the queue of a room in which and before which nobody is."""
        lobby = self._lobbies.get(room_id)
        if lobby is not None and not lobby.waiting and room_id not in self._rooms:
            del self._lobbies[room_id]

    def before(self, room_id: str) -> list[Waiter]:
        """Return who waits before a room, in the order they came."""
        lobby = self._lobbies.get(room_id)
        return [] if lobby is None else [self._waiters[id] for id in lobby.waiting]

    def count_from(self, room_id: str, network: str) -> int:
        """Count who waits before a room and comes from one household."""
        return sum(network_of(waiter.visit.address) == network for waiter in self.before(room_id))

    def rules(self) -> dict[str, RoomRules]:
        """Return the rooms before which someone waits, with the rules as they were read."""
        return {waiter.visit.room_id: waiter.visit.rules for waiter in self._waiters.values()}

    def tell(self, room_id: str, news: Iterable[News]) -> None:
        """Send each message to its receivers."""
        for item in news:
            if isinstance(item, Tell):
                for id in item.to:
                    if id in self._waiters:  # else cut off by an earlier one
                        self._waiters[id].send(item.message)
            elif room_id in self._rooms:
                self._rooms[room_id].deliver((item,))
