"""One WebSocket connection, from the handshake to its end, whatever library carries it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from enum import Enum, auto
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import msgspec
from msgspec import Struct

from signaling.calls.arrival import Arrival, Via
from signaling.core.calls.browsers import browser_of
from signaling.core.codec import BadFrame, decode
from signaling.core.kinds import UNREADABLE, kind_of
from signaling.core.messages import MAX_FRAME_BYTES, Hello, Resume
from signaling.errors import Close, CloseReason, FrameFault
from signaling.outbox import Outbox

if TYPE_CHECKING:
    from observability.calls import SpanRef
    from signaling.hub import Hub
    from signaling.lobby import Waiter
    from signaling.metrics import SignalingMetrics
    from signaling.ports import Identity, Transport
    from signaling.session import Session

_EARLY_FRAMES = 32
"""What a client may send before it is let in."""
_PARTING_CODES = frozenset({1000, 1001})
"""The peer meant to go: it closed, or its page went away (RFC 6455 §7.4.1)."""


class LinkRequest(Struct, frozen=True, gc=False):
    """What a WebSocket handshake asks for."""

    room_id: str
    origin: str | None
    address: str = ""
    forwarded_for: str | None = None
    token: str | None = None
    ticket: str | None = None
    speaks_first: bool = False
    """`?v=2`: the client says hello before the server says welcome."""
    browser: str = ""
    """Family and major version, such as `Chrome 156`."""
    span: SpanRef | None = None
    """Of the handshake, where that is traced."""
    edge: str = ""
    """The node that has the socket, where that is not this one."""

    @classmethod
    def parse(cls, room_id: str, query: str, headers: Mapping[str, str]) -> LinkRequest:
        """Read what matters from a handshake; header names in lower case. What is missing or malformed is left out."""
        values = parse_qs(query)

        def first(name: str) -> str | None:
            found = values.get(name)
            return found[0] if found else None

        return cls(
            room_id=room_id,
            origin=headers.get("origin"),
            forwarded_for=headers.get("x-forwarded-for"),
            token=first("token"),
            ticket=first("ticket"),
            speaks_first=first("v") == "2",
            browser=browser_of(headers.get("user-agent", "")),
        )

    def seen_from(self, peer: str, trusted_hops: int) -> LinkRequest:
        """Add the client's address: the peer's, or what the outermost trusted proxy saw."""
        return msgspec.structs.replace(self, address=client_address(peer, self.forwarded_for, trusted_hops))

    def within(self, span: SpanRef | None) -> LinkRequest:
        """Add the span of the handshake, if it is traced."""
        return self if span is None or not span.is_valid else msgspec.structs.replace(self, span=span)

    @property
    def via(self) -> Via:
        """What in the URL says who comes."""
        return "token" if self.token is not None else "guest" if self.ticket is None else "ticket"

    @property
    def has_credentials(self) -> bool:
        """Whether a token or ticket stands in the URL."""
        return self.token is not None or self.ticket is not None


def client_address(peer: str, forwarded_for: str | None, trusted_hops: int) -> str:
    """Return the client's address: the peer's, or what the outermost trusted proxy saw."""
    if trusted_hops >= 1 and forwarded_for:
        hops = [hop.strip() for hop in forwarded_for.split(",")]
        peer = hops[-trusted_hops] if len(hops) >= trusted_hops else hops[0]
    return peer.removeprefix("::ffff:")  # an IPv4 peer of a socket that listens on both


class Phase(Enum):
    """Where a connection stands."""

    HELLO = auto()
    ENTERING = auto()
    WAITING = auto()
    JOINED = auto()
    FROZEN = auto()
    """Its room is on the way to another node."""
    CLOSED = auto()


_JOINED, _CLOSED = Phase.JOINED, Phase.CLOSED
"""Those that are asked for with each frame: up to Python 3.11 to look a member of an enumeration up takes a call."""


class Link:
    """Carry frames between one transport and the member behind it.

    The adapter calls `opened`, then `text`, `binary`, `pong`, `pause`, `resume` as things happen, and `lost` once at
    the end. Everything else is for the hub and the session.
    """

    __slots__ = (
        "_early",
        "_hub",
        "_joined_at",
        "_metrics",
        "_outbox",
        "_outbox_bytes",
        "_pinged_at",
        "_task",
        "_timer",
        "_transport",
        "arrival",
        "identity",
        "is_remote",
        "phase",
        "request",
        "seq",
        "session",
        "unanswered_pings",
        "waiter",
    )

    def __init__(
        self,
        hub: Hub,
        request: LinkRequest,
        transport: Transport,
        outbox_bytes: int,
        metrics: SignalingMetrics,
        accepted_at: float,
    ) -> None:
        self._hub = hub
        self._metrics = metrics
        self._transport = transport
        self._outbox: Outbox | None = None  # made at the first pause: most transports take all they are given
        self._outbox_bytes = outbox_bytes
        self._joined_at: float | None = None
        self._pinged_at: float | None = None
        self._early: list[str] | None = None
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.request = request
        self.arrival = Arrival(accepted_at, () if request.span is None else (request.span,), edge=request.edge)
        self.identity: Identity | None = None
        self.is_remote = request.edge != ""
        """Whether its socket is at another node."""
        self.session: Session | None = None
        self.waiter: Waiter | None = None
        self.seq = 0
        """Numbered frames that were sent before there was a session."""
        self.phase = Phase.HELLO
        self.unanswered_pings = 0

    # --- called by the adapter

    def opened(self) -> None:
        """Begin: wait for the client's hello, or let it in at once."""
        if self._hub.stopping or (self._hub.draining and not self.is_remote):  # since the handshake
            self.close(Close.RESTART)
            return
        if self._hub.is_crowded(self.request.address):
            self._metrics.rate_limited("connections")
            self.close(Close.RATE_LIMITED)
            return
        if self.request.speaks_first:
            self._timer = self._hub.later(self._hub.hello_timeout, self._no_hello)
        else:
            self._enter(None)

    def text(self, text: str) -> None:
        """Handle a text frame."""
        self.unanswered_pings = 0
        if self.phase is _JOINED and self.session is not None:
            self._hub.received(self.session, text)
        elif self.phase is Phase.ENTERING:
            self._keep_early(text)
        elif self.phase is Phase.WAITING and self.waiter is not None:
            self._hub.heard(self.waiter, text)
        elif self.phase is Phase.HELLO:
            self._hello(text)
        elif self.phase is Phase.FROZEN:
            self._keep_early(text, Close.RESTART)

    def binary(self) -> None:
        """Refuse a binary frame."""
        self.unanswered_pings = 0
        if self.phase is Phase.JOINED and self.session is not None:
            self._hub.refused(self.session, BadFrame(FrameFault.BINARY_FRAME))
        elif self.phase is Phase.FROZEN:
            self.close(Close.RESTART)
        else:
            self.close(Close.BAD_PROTOCOL)

    def pong(self) -> None:
        """Note a sign of life, and how long it took."""
        self.unanswered_pings = 0
        if self._pinged_at is not None:
            self._metrics.ponged(self._metrics.timer() - self._pinged_at)
            self._pinged_at = None

    def pause(self) -> None:
        """Stop writing: the transport's buffer is full."""
        if self._outbox is None:
            self._outbox = Outbox(self._transport.write, self._outbox_bytes, self._metrics.queued)
        self._outbox.pause()

    def resume(self) -> None:
        """Write again: the transport's buffer has room."""
        if self._outbox is not None:
            self._outbox.resume()

    def lost(self, code: int = 1006) -> None:
        """Clean up after the transport is gone. Idempotent.

        `code` is that of the peer's close (RFC 6455 §7.4.1): 1005 for a close without one, 1006 where none came.
        """
        if self.phase is not Phase.CLOSED:
            self._metrics.parted(code)
        self._end()
        self._hub.forget(self, left=code in _PARTING_CODES)

    # --- called by the hub and the session

    @property
    def held_bytes(self) -> int:
        """Bytes that wait for a transport that does not take them."""
        return 0 if self._outbox is None else self._outbox.held

    def wait(self, waiter: Waiter) -> None:
        """Stand before the room; frames that came early are answered now."""
        self.waiter = waiter
        self.phase = Phase.WAITING
        early, self._early = self._early or [], None
        for text in early:
            self.text(text)

    def joined(self, session: Session) -> None:
        """Connect to the member; frames that came early are handled now, in order."""
        self.session = session
        self.phase = Phase.JOINED
        self._joined_at = self._metrics.timer()
        early, self._early = self._early or [], None
        for text in early:
            self.text(text)

    def freeze(self) -> None:
        """Hold what the client sends: its room is on the way to another node."""
        self.session = None
        self.phase = Phase.FROZEN

    def thaw(self, session: Session) -> None:
        """Go on: the room stays here."""
        self.session = session
        self.phase = Phase.JOINED

    def held(self) -> list[str]:
        """Return, once, what the client sent meanwhile, though its connection may have ended since."""
        early, self._early = self._early or [], None
        return early

    def send(self, frame: bytes, kind: str) -> None:
        """Send a frame to the client; a client that cannot keep up is cut off. Nothing is sent after close.

        `kind`: what to count it as, one of `core.kinds.SERVER_KINDS`.
        """
        if self.phase is _CLOSED:
            return
        if self._outbox is None:
            self._transport.write(frame)
        elif not self._outbox.put(frame):
            self._metrics.overflowed(kind)
            self.close(Close.SLOW_CONSUMER)
            return
        self._metrics.sent(kind, len(frame))

    def ping(self) -> None:
        """Ask for a sign of life, unless the end has begun."""
        if self.phase is not Phase.CLOSED:
            self.unanswered_pings += 1
            if self._pinged_at is None:  # else one is unanswered, and the next pong may be for either
                self._pinged_at = self._metrics.timer()
            self._transport.ping()

    def close(self, reason: CloseReason) -> None:
        """End the connection with a named code. The peer gets a moment to answer, then it is cut. Idempotent."""
        if self.phase is Phase.CLOSED:
            return
        self._end()
        self._metrics.closed(reason)
        self._transport.close(reason.code, reason.name)
        self._timer = self._hub.later(self._hub.close_timeout, self._transport.abort)
        self._hub.closed(self, reason)

    def abort(self) -> None:
        """Cut the connection without a word."""
        self._transport.abort()

    # --- inside

    def _end(self) -> None:
        if self.phase not in {Phase.FROZEN, Phase.CLOSED}:  # else what came is handled where the room goes on
            self._early = None
        self.phase = Phase.CLOSED
        if self._joined_at is not None:
            self._metrics.carried(self._metrics.timer() - self._joined_at)
            self._joined_at = None
        if self._outbox is not None:
            self._outbox.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()

    def _enter(self, first: Hello | Resume | None) -> None:
        self.phase = Phase.ENTERING
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._task = self._hub.spawn(self._hub.enter(self, first))
        self._task.add_done_callback(self._entered)

    def _entered(self, _task: asyncio.Task[None]) -> None:
        self._task = None

    def _hello(self, text: str) -> None:
        try:
            message = decode(text)
        except BadFrame:
            message = None
        self._metrics.received(UNREADABLE if message is None else kind_of(message), text)
        if isinstance(message, Hello | Resume):
            self._enter(message)
        else:
            self.close(Close.BAD_PROTOCOL)

    def _no_hello(self) -> None:
        self._timer = None
        self.close(Close.BAD_PROTOCOL)

    def _keep_early(self, text: str, too_much: CloseReason = Close.RATE_LIMITED) -> None:
        if self._early is None:
            self._early = []
        if len(self._early) >= _EARLY_FRAMES or sum(map(_size, [*self._early, text])) > MAX_FRAME_BYTES:
            self._early = None
            self.close(too_much)
        else:
            self._early.append(text)


def _size(text: str) -> int:
    """Return how many bytes a frame has (UTF-8, RFC 6455 §5.6)."""
    return len(text) if text.isascii() else len(text.encode(errors="surrogatepass"))
