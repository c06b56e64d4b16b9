"""A socket at this node whose room may live at another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from signaling.cluster.parcels import Binary, Lost, Open, Pong, Refused, Text
from signaling.core.messages import MAX_FRAME_BYTES
from signaling.errors import Close, CloseReason
from signaling.outbox import Outbox

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from signaling.bus.courier import Sender
    from signaling.cluster.cluster import Cluster
    from signaling.link import Link, LinkRequest
    from signaling.ports import Transport

_EARLY_FRAMES = 32
"""What a client may send before it is known where its room lives."""


class EdgeLink:
    """Carry frames between a transport here and a `Link` at the owner of its room, or here if that is this node.

    The adapter calls what it would call on a `Link`. Until the owner is known, frames are held.
    """

    __slots__ = (
        "_accepted_at",
        "_cluster",
        "_early",
        "_early_size",
        "_ended",
        "_here",
        "_outbox",
        "_timer",
        "number",
        "owner",
        "request",
        "transport",
    )

    def __init__(
        self,
        cluster: Cluster,
        number: int,
        request: LinkRequest,
        transport: Transport,
        outbox_bytes: int,
        queued: Callable[[int], None],
        accepted_at: float,
    ) -> None:
        self._cluster = cluster
        self._accepted_at = accepted_at
        self.transport = transport
        self._outbox = Outbox(transport.write, outbox_bytes, queued)
        self._early: list[str] = []
        self._early_size = 0
        self._here: Link | None = None
        self._ended = False
        self._timer: asyncio.TimerHandle | None = None
        self.number = number
        self.request = request
        self.owner: Sender | None = None
        """The node to tell what happens here, once it is known."""

    # --- called by the adapter

    def opened(self) -> None:
        """Begin: find out where the room lives."""
        self._cluster.find_owner(self)

    def text(self, text: str) -> None:
        """Pass on a text frame."""
        if self._here is not None:
            self._here.text(text)
        elif self._ended:
            return
        elif self.owner is not None:
            self._cluster.send(self.owner, Text(self.number, text))
        else:
            self._keep_early(text)

    def binary(self) -> None:
        """Pass on that a binary frame came."""
        if self._here is not None:
            self._here.binary()
        elif self._ended:
            return
        elif self.owner is not None:
            self._cluster.send(self.owner, Binary(self.number))
        else:
            self.close(Close.BAD_PROTOCOL)

    def pong(self) -> None:
        """Pass on a sign of life."""
        if self._here is not None:
            self._here.pong()
        elif self.owner is not None and not self._ended:
            self._cluster.send(self.owner, Pong(self.number))

    def pause(self) -> None:
        """Stop writing: the transport's buffer is full."""
        (self._here or self._outbox).pause()

    def resume(self) -> None:
        """Write again: the transport's buffer has room."""
        (self._here or self._outbox).resume()

    def lost(self, code: int = 1006) -> None:
        """Clean up after the transport is gone. Idempotent."""
        if self._here is not None:
            self._here.lost(code)
        elif self.owner is not None:
            self._cluster.send(self.owner, Lost(self.number, code))
            self.owner = None
        self._end()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._cluster.forget(self)

    def close(self, reason: CloseReason) -> None:
        """End the connection for a reason that shows here, and tell the owner. Idempotent."""
        if self._here is not None:
            self._here.close(reason)
        elif not self._ended:
            if self.owner is not None:
                self._cluster.send(self.owner, Refused(self.number, reason))
            self.close_with(reason.code, reason.name)

    # --- called by the cluster

    @property
    def ended(self) -> bool:
        """Whether nothing more will come of it."""
        return self._ended

    @property
    def undecided(self) -> bool:
        """Whether it waits to hear where its room lives."""
        return self.owner is None and not self._ended

    def stay(self, link: Link) -> None:
        """The room lives here: go on as the link that the hub made for it."""
        self._here = link
        self._cluster.forget(self)
        link.opened()
        early, self._early = self._early, []
        for text in early:
            link.text(text)

    def go(self, owner: Sender) -> None:
        """The room lives elsewhere: open there, and pass on what came meanwhile."""
        self.owner = owner
        self._cluster.send(owner, Open.of(self.number, self.request, self._accepted_at, self._cluster.now()))
        early, self._early = self._early, []
        for text in early:
            self._cluster.send(owner, Text(self.number, text))

    def write(self, frame: bytes) -> None:
        """Send a frame of the owner to the client; a client that cannot keep up is cut off."""
        if not self._ended and not self._outbox.put(frame):
            self.close(Close.SLOW_CONSUMER)

    def ping(self) -> None:
        """Ask the client for a sign of life, as the owner wishes."""
        if not self._ended:
            self.transport.ping()

    def close_with(self, code: int, reason: str) -> None:
        """End the connection as the owner says. The peer gets a moment to answer, then it is cut."""
        if not self._ended:
            self._end()
            self._timer = self._cluster.later_abort(self.transport)
            self.transport.close(code, reason)

    def part(self) -> None:
        """End the connection because the owner cannot be reached, or has given it up: the client resumes."""
        self.owner = None
        self.close_with(Close.RESTART.code, Close.RESTART.name)

    def abort(self) -> None:
        """Cut the connection without a word."""
        self._end()
        self.transport.abort()

    # --- inside

    def _end(self) -> None:
        self._ended = True
        self._outbox.clear()
        self._early = []

    def _keep_early(self, text: str) -> None:
        self._early_size += len(text)
        if len(self._early) >= _EARLY_FRAMES or self._early_size > MAX_FRAME_BYTES:
            self.close(Close.RATE_LIMITED)
        else:
            self._early.append(text)
