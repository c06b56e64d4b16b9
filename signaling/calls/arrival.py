"""How someone comes to a call, and how they leave it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from observability.calls import SpanRef
from observability.work import Work
from signaling.core.calls.record import LeaveReason
from signaling.errors import Close, CloseReason

Via = Literal["ticket", "token", "hello", "guest"]
"""What says who they are: a ticket or token in the URL, a token in the hello, or nothing."""


class Arrival(Struct, gc=False):
    """The way of one connection to its place in a call, as its span will tell it. Times are seconds since 1970 UTC."""

    accepted_at: float
    links: tuple[SpanRef, ...] = ()
    """The handshake, and the request that gave out the ticket."""
    via: Via = "guest"
    resumes: bool = False
    """It comes back to a session."""
    knocked_at: float | None = None
    """When it began to wait in the lobby."""
    edge: str = ""
    """The node that has the socket, where that is another one."""
    work: Sequence[Work] = ()
    """What was done to let it in."""


_LEAVE_REASONS: dict[CloseReason, LeaveReason] = {
    Close.NORMAL: "left",
    Close.RESTART: "server",
    Close.INTERNAL: "server",
    Close.PING_TIMEOUT: "lost",
    Close.SLOW_CONSUMER: "slow",
    Close.CREDENTIALS_EXPIRED: "expired",
    Close.SIGNED_OUT: "signed_out",
    Close.KICKED: "removed",
    Close.BANNED: "banned",
    Close.ENDED: "ended",
    Close.ROOM_CLOSED: "ended",
}


def leave_reason(close: CloseReason) -> LeaveReason:
    """Return why a member leaves whose connection the server closes so."""
    return _LEAVE_REASONS.get(close, "protocol")
