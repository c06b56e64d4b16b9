"""What the signaling package needs from others, in its own words. `api.app` brings the two together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from signaling.core.room import RoomRules

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from observability.calls import SpanRef
    from signaling.core.moderation import Deed
    from signaling.errors import CloseReason
    from signaling.link import LinkRequest

Clock = Callable[[], float]
"""Seconds since 1970 UTC."""
KeptSince = Callable[[str, int], Awaitable[int | None]]
"""Tells since when there is a room that an account owns or moderates, in milliseconds since 1970 UTC; None if not."""


class Identity(Struct, frozen=True, gc=False):
    """A signed-in person on one device. Times are milliseconds since 1970 UTC."""

    user_id: int
    username: str
    session_id: str
    expires_at: int
    """When the credential that was shown stops being good."""
    recorder_of: str | None = None
    """The id of the room that this one may record; None for people."""
    origin: SpanRef | None = None
    """The request that gave out the ticket, where that was one and is traced."""


class NotIdentified(Exception):
    """The credential is not valid, or no longer (`expired`)."""

    def __init__(self, *, expired: bool = False) -> None:
        super().__init__("expired" if expired else "invalid")
        self.expired = expired


class Unavailable(Exception):
    """A part that is needed to answer cannot be reached now; the same request may succeed later."""


class Standing(Struct, frozen=True, gc=False):
    """What is known in a room of one who wants to come in."""

    account_banned: bool = False
    guest_banned: bool = False
    """The browser is that of a banned guest."""
    address_banned: bool = False
    """Someone from the same household is banned."""
    moderator: bool = False
    guest_key: str | None = None
    """Stands for the browser and tells nothing about it; None when it did not say which it is."""
    address_key: str = ""


class FoundInvitation(Struct, frozen=True):
    """An invitation that holds. `used_up`: it does not let this person in."""

    id: str
    used_up: bool = False


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


class Doorkeeper(Protocol):
    """What is known at the door of a room, and what is remembered of what happens inside. All raise `Unavailable`."""

    async def standing(self, room_id: str, user_id: int | None, guest_id: str | None, address: str) -> Standing:
        """Return what is known of one who wants to come in."""

    async def check_password(self, room_id: str, password: str) -> bool:
        """Tell whether this is the password of a room. Takes as long as such a check takes."""

    async def find_invitation(self, room_id: str, token: str, person: str) -> FoundInvitation | None:
        """Return the invitation with this token, None when it has ended or never was."""

    async def use_invitation(self, invitation_id: str, person: str) -> bool:
        """Count a use, once per person who is known; False when there was none left."""

    async def ban(self, room_id: str, ban: NewBan, deed: Deed) -> None:
        """Keep someone out of a room for good, and note who did it: both or neither."""

    async def set_moderator(self, room_id: str, user_id: int, moderator: bool, deed: Deed) -> None:
        """Let an account moderate a room in later calls too, or no longer, and note who did it."""

    async def record(self, room_id: str, deed: Deed) -> None:
        """Note what someone did in a room."""


class NewBan(Struct, frozen=True):
    """Whom to keep out: an account, or a guest by the keyed names of browser and address."""

    user_id: int | None
    guest_key: str | None
    address_key: str
    display_name: str
    by_user: int | None
    by_name: str


class Passwords(Protocol):
    """Hashes passwords without stopping the event loop. Raises `Unavailable` when too many are at it."""

    async def hash(self, password: str) -> str:
        """Return what to store."""

    async def verify(self, password: str, stored: str | None) -> bool:
        """Tell whether `stored` was made from `password`; None costs the same and is false."""


class Account(Struct, frozen=True):
    """Someone who has an account."""

    user_id: int
    username: str


class Accounts(Protocol):
    """Tells who has an account."""

    async def find(self, name: str) -> Account | None:
        """Return the account with this id or, if there is none, this username."""

    async def get(self, user_id: int) -> Account | None:
        """Return the account with this id."""


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


class Connected(Protocol):
    """An accepted connection as its adapter sees it; `signaling.link.Link` says what each call means."""

    def opened(self) -> None: ...

    def text(self, text: str) -> None: ...

    def binary(self) -> None: ...

    def pong(self) -> None: ...

    def pause(self) -> None: ...

    def resume(self) -> None: ...

    def lost(self, code: int = 0) -> None: ...

    def close(self, reason: CloseReason) -> None: ...


class Door(Protocol):
    """Where new connections go: the hub, or the cluster where there are several nodes."""

    def refusal(self, request: LinkRequest) -> tuple[int, str] | None:
        """Say with which HTTP status and code a handshake is refused, or None when it is good."""

    def accept(self, request: LinkRequest, transport: Transport) -> Connected:
        """Take a connection whose handshake was good."""
