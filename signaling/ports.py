"""What the signaling package needs from others, in its own words. `api.app` brings the two together."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from signaling.core.room import RoomRules

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

Clock = Callable[[], float]
"""Seconds since 1970 UTC."""


class Identity(Struct, frozen=True):
    """A signed-in person on one device. Times are milliseconds since 1970 UTC."""

    user_id: int
    username: str
    session_id: str
    expires_at: int
    """When the credential that was shown stops being good."""


class NotIdentified(Exception):
    """The credential is not valid, or no longer (`expired`)."""

    def __init__(self, *, expired: bool = False) -> None:
        super().__init__("expired" if expired else "invalid")
        self.expired = expired


class Unavailable(Exception):
    """A part that is needed to answer cannot be reached now; the same request may succeed later."""


class RoomRefused(Exception):
    """The room cannot be opened for the one who asks."""


class Authenticator(Protocol):
    """Tells who stands behind a credential. Both raise `NotIdentified` and `Unavailable`."""

    async def authenticate(self, token: str) -> Identity:
        """Check an access token."""

    async def redeem_ticket(self, ticket: str) -> Identity:
        """Spend a single-use ticket."""


class RoomDirectory(Protocol):
    """The rooms that exist, whether or not anyone is in them. Both raise `Unavailable`."""

    async def find(self, room_id: str) -> RoomRules | None:
        """Return the rules of a room, None where there is no such room."""

    async def open(self, room_id: str, owner_id: int) -> RoomRules:
        """Return the rules of a room, creating it for this owner where it does not exist. Raises `RoomRefused`."""


class Database(Protocol):
    """The doors to the database that a store goes through."""

    def read(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """Open a transaction for queries."""

    def write(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """Open a transaction for changes."""


class Transport(Protocol):
    """One WebSocket connection as the signaling core sees it. No call blocks or raises."""

    def write(self, frame: bytes) -> None:
        """Send one text frame."""

    def ping(self) -> None:
        """Send a protocol ping (RFC 6455 §5.5.2)."""

    def close(self, code: int, reason: str) -> None:
        """Start the closing handshake (RFC 6455 §7.1.2)."""

    def abort(self) -> None:
        """Drop the connection now."""
