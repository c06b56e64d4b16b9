"""What nodes tell each other. Small: most are sent for every frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from observability.calls import span_of, traceparent_of
from observability.work import Work
from signaling.cluster.questions import Answer, AnyNews, Ask
from signaling.errors import CloseReason
from signaling.link import LinkRequest

if TYPE_CHECKING:
    from signaling.cluster.edge import EdgeLink
    from signaling.ports import Connected


class Alive(Struct, frozen=True, array_like=True, tag="alive"):
    """The sender is there; announced every other second, and sent so that the loss of what came before is noticed."""

    takes: int = 0
    """Which version of frozen rooms it takes from others; 0: none, because it drains, or is older than that."""


class Gone(Struct, frozen=True, array_like=True, tag="gone"):
    """The sender ends now."""


class Parted(Struct, frozen=True, array_like=True, tag="parted"):
    """The sender has given up all connections between it and the receiver."""


class Open(Struct, frozen=True, array_like=True, tag="open"):
    """Someone is at a socket of the sender; `link` names the connection between the two nodes from now on."""

    link: int
    room_id: str
    origin: str | None
    address: str
    token: str | None
    ticket: str | None
    speaks_first: bool
    browser: str
    traceparent: str
    """Of the handshake (W3C Trace Context §3.2); empty where nothing is traced."""
    accepted_at: float
    """When the socket was, by the sender's clock in seconds since 1970 UTC; so is `sent_at`."""
    sent_at: float

    @classmethod
    def of(cls, link: int, request: LinkRequest, accepted_at: float, sent_at: float) -> Open:
        """Pack the request of a connection."""
        return cls(
            link,
            request.room_id,
            request.origin,
            request.address,
            request.token,
            request.ticket,
            request.speaks_first,
            request.browser,
            traceparent_of(request.span),
            accepted_at,
            sent_at,
        )

    def request(self, edge: str) -> LinkRequest:
        """Return the request as the owner sees it; `edge` is the node that sent this."""
        return LinkRequest(
            room_id=self.room_id,
            origin=self.origin,
            address=self.address,
            token=self.token,
            ticket=self.ticket,
            speaks_first=self.speaks_first,
            browser=self.browser,
            span=span_of(self.traceparent),
            edge=edge,
        )

    def trip(self, system: str, heard_at: float) -> Work:
        """Return the way over the bus to where this was heard, by OpenTelemetry's names for messaging."""
        attributes = {
            "messaging.system": system,
            "messaging.operation.name": "publish",
            "messaging.operation.type": "send",
            "messaging.destination.template": "chatter.node.{node}",
        }
        return Work("publish chatter.node", _ns(min(self.sent_at, heard_at)), _ns(heard_at), attributes)


def _ns(seconds: float) -> int:
    return round(seconds * 1e6) * 1000


# --- from the node with the socket to the owner of the room ----------------------------------------------------------


class ToOwner(Struct, frozen=True, array_like=True):
    """Something happened at the socket of a connection."""

    link: int

    def tell(self, link: Connected) -> None:
        """Do what the adapter of the socket would do."""
        raise NotImplementedError


class Text(ToOwner, frozen=True, array_like=True, tag="t"):
    """A text frame came."""

    text: str

    def tell(self, link: Connected) -> None:
        link.text(self.text)


class Binary(ToOwner, frozen=True, array_like=True, tag="b"):
    """A binary frame came; what is in it does not matter."""

    def tell(self, link: Connected) -> None:
        link.binary()


class Pong(ToOwner, frozen=True, array_like=True, tag="pong"):
    """The answer to a ping came."""

    def tell(self, link: Connected) -> None:
        link.pong()


class Refused(ToOwner, frozen=True, array_like=True, tag="refused"):
    """The socket is being closed, for a reason that showed there."""

    reason: CloseReason

    def tell(self, link: Connected) -> None:
        link.close(self.reason)


class Lost(ToOwner, frozen=True, array_like=True, tag="lost"):
    """The socket is gone; `code` as for `Link.lost`."""

    code: int

    def tell(self, link: Connected) -> None:
        link.lost(self.code)


# --- back ------------------------------------------------------------------------------------------------------------


class ToEdge(Struct, frozen=True, array_like=True):
    """Something is to happen at the socket of a connection."""

    link: int

    def do(self, edge: EdgeLink) -> None:
        """Let it happen."""
        raise NotImplementedError


class Write(ToEdge, frozen=True, array_like=True, tag="w"):
    """Send a frame."""

    frame: bytes

    def do(self, edge: EdgeLink) -> None:
        edge.write(self.frame)


class Ping(ToEdge, frozen=True, array_like=True, tag="ping"):
    """Ask for a sign of life."""

    def do(self, edge: EdgeLink) -> None:
        edge.ping()


class Close(ToEdge, frozen=True, array_like=True, tag="close"):
    """End the connection with this code and reason."""

    code: int
    reason: str

    def do(self, edge: EdgeLink) -> None:
        edge.close_with(self.code, self.reason)


class Abort(ToEdge, frozen=True, array_like=True, tag="abort"):
    """Cut the connection, or: no such connection is known here."""

    def do(self, edge: EdgeLink) -> None:
        edge.abort()


Parcel = (
    Alive
    | Gone
    | Parted
    | Open
    | Text
    | Binary
    | Pong
    | Refused
    | Lost
    | Write
    | Ping
    | Close
    | Abort
    | Ask
    | Answer
    | AnyNews
)
