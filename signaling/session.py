"""A member's life in a room, whichever transport carries it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from signaling.core.codec import encode, number
from signaling.core.messages import Ack

if TYPE_CHECKING:
    from signaling.core.connection import Connection
    from signaling.link import Link
    from signaling.live import LiveRoom
    from signaling.ports import Identity


class Session:
    """Number what goes to a member and keep what belongs to it: its place in the room, its identity, its link."""

    __slots__ = ("_acked", "_seq", "connection", "identity", "link", "live")

    def __init__(self, live: LiveRoom, connection: Connection, identity: Identity | None, link: Link) -> None:
        self.live = live
        self.connection = connection
        self.identity = identity
        self.link = link
        self._seq = 0
        self._acked = -1

    @property
    def member_id(self) -> str:
        """The `clientId` of this member."""
        return self.connection.member_id

    def send(self, body: bytes) -> None:
        """Send an encoded message under the next sequence number."""
        self._seq += 1
        self.link.send(number(body, self._seq))

    @property
    def owes_ack(self) -> bool:
        """Whether client frames were handled that the client was not told of."""
        return self.connection.last_id > self._acked

    def acknowledge(self) -> None:
        """Tell the client how far its frames were handled. Acks are cumulative, so they carry no `seq`."""
        self._acked = self.connection.last_id
        self.link.send(encode(Ack(id=self._acked)))
