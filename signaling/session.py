"""A member's life in a room, whichever transport carries it, and between two of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import UNSET
from msgspec.structs import force_setattr

from signaling.core.codec import encode, number
from signaling.core.kinds import RESENT
from signaling.core.messages import Ack, Resumed

if TYPE_CHECKING:
    from signaling.core.calls.record import LeaveReason
    from signaling.core.connection import Connection
    from signaling.core.messages import WebRtc
    from signaling.doors import Visit
    from signaling.link import Link
    from signaling.live import LiveRoom
    from signaling.metrics import Visitor
    from signaling.ports import Identity


def visitor_of(identity: Identity | None) -> Visitor:
    """Return what kind of visitor this is."""
    if identity is None:
        return "guest"
    return "user" if identity.recorder_of is None else "recorder"


class Session:
    """Number what goes to a member and keep what belongs to it: its place in the room, its identity, its link.

    Without a link it is lost: what goes to the member is kept for the day it resumes. `token` is empty when it cannot.
    """

    __slots__ = (
        "_acked",
        "_seq",
        "ack_is_due",
        "connection",
        "identity",
        "is_remote",
        "link",
        "live",
        "parted_for",
        "token",
        "visit",
    )

    def __init__(self, live: LiveRoom, connection: Connection, visit: Visit, link: Link | None, token: str) -> None:
        self.live = live
        self.connection = connection
        self.visit = visit
        self.identity: Identity | None = visit.identity
        self.link = link
        self.token = token
        self.parted_for: LeaveReason = "lost"
        """Why it has no link: what it will have left for if it does not resume."""
        self._seq = _sent(connection) if link is None else link.seq
        self._acked = -1
        self.is_remote = link is not None and link.is_remote
        """Whether its socket is, or was last, at another node."""
        self.ack_is_due = False
        """Whether it is among the `Acks`, which keep this."""

    @property
    def member_id(self) -> str:
        """The `clientId` of this member."""
        return self.connection.member_id

    def send(self, body: bytes, kind: str) -> None:
        """Send an encoded message of this kind (`core.kinds`) under the next sequence number."""
        self._seq += 1
        self._carry(number(body, self._seq), kind)

    def relay(self, message: WebRtc) -> None:
        """Send what goes to this member alone under the next sequence number."""
        self._seq += 1
        force_setattr(message, "seq", self._seq)
        self._carry(encode(message), message.action)

    def _carry(self, frame: bytes, kind: str) -> None:
        replay = self.connection.replay
        if replay is not None:
            replay.add(frame)
        if self.link is not None:
            self.link.send(frame, kind)

    def missed_since(self, seq: int) -> list[bytes] | None:
        """Return the frames after `seq`; None when they are not kept any more, or were never sent."""
        return None if self.connection.replay is None else self.connection.replay.since(seq)

    def resume(self, link: Link, missed: list[bytes]) -> None:
        """Go on over another link: say how far the client's frames came, then send what the client missed."""
        self.link = link
        self.is_remote = link.is_remote
        handled = self.connection.last_id
        self._acked = handled
        link.send(encode(Resumed(clientId=self.member_id, lastId=UNSET if handled < 0 else handled)), "resumed")
        for frame in missed:
            link.send(frame, RESENT)

    @property
    def owes_ack(self) -> bool:
        """Whether client frames were handled that the client was not told of."""
        return self.connection.last_id > self._acked

    def acknowledge(self) -> None:
        """Tell the client how far its frames were handled. Acks are cumulative, so they carry no `seq`."""
        if self.link is not None:  # else it is told when it resumes
            self._acked = self.connection.last_id
            self.link.send(encode(Ack(id=self._acked)), "ack")


def _sent(connection: Connection) -> int:
    """Return how many frames another node sent."""
    return 0 if connection.replay is None else connection.replay.last_seq
