"""Brings rooms, accounts and passwords together for the signaling package."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, TypeVar

from api.db import DatabaseUnavailable
from auth.errors import Busy
from signaling.audit import AuditTrail
from signaling.invitation_store import InvitationStore
from signaling.invitations import InvitationService
from signaling.keys import KeyedNames
from signaling.moderation import ModerationService
from signaling.moderation_store import ModerationStore
from signaling.ports import Account, Unavailable
from signaling.rooms import RoomService
from signaling.store import RoomStore

if TYPE_CHECKING:
    from api.db import Database
    from auth.passwords import PasswordHasher
    from auth.store import AuthStore
    from signaling.core.moderation import Deed
    from signaling.core.room import RoomRules
    from signaling.elsewhere import Elsewhere
    from signaling.hub import Hub
    from signaling.metrics import SignalingMetrics
    from signaling.ports import Clock, FoundInvitation, NewBan, Standing

T = TypeVar("T")


class RoomServices:
    """Everything that is known of rooms in the database."""

    def __init__(
        self,
        database: Database,
        accounts: AuthStore,
        hasher: PasswordHasher,
        metrics: SignalingMetrics,
        secret: str,
        clock: Clock,
    ) -> None:
        store = ModerationStore(database)
        self.audit = AuditTrail(store, metrics, clock)
        self.rooms = RoomService(RoomStore(database), self.audit, hasher, clock)
        self.invitations = InvitationService(InvitationStore(database), self.rooms, self.audit, clock)
        self.moderation = ModerationService(
            store, self.rooms, _Accounts(accounts), self.audit, KeyedNames(secret), clock
        )

    def attach(self, hub: Hub, elsewhere: Elsewhere) -> None:
        """Name the hub that runs the calls, which in turn finds rooms here, and those who run the others."""
        self.rooms.attach(hub, elsewhere)
        self.moderation.attach(hub, elsewhere)
        self._hub = hub

    async def follow(self) -> None:
        """Bring running calls in line with the database."""
        await self.rooms.follow()
        await self.moderation.follow(self._hub.live_rooms())

    async def delete_expired(self) -> None:
        """Delete what was kept long enough."""
        await self.audit.delete_old()
        await self.invitations.delete_ended()


class _Accounts:
    """The accounts of auth in the words of the signaling package."""

    def __init__(self, store: AuthStore) -> None:
        self._store = store

    async def find(self, name: str) -> Account | None:
        # By id first: a username made of digits must not stand in for somebody's id.
        found = await self.get(int(name)) if name.isascii() and name.isdigit() and len(name) <= 16 else None
        if found is not None:
            return found
        user = await self._store.select_user_by_login(name.casefold())
        if user is None or user.username.casefold() != name.casefold():  # an e-mail address names nobody here
            return None
        return Account(user.id, user.username)

    async def get(self, user_id: int) -> Account | None:
        user = await self._store.select_user(user_id)
        return None if user is None else Account(user.id, user.username)


class Directory:
    """The room service in the words of the hub."""

    def __init__(self, services: RoomServices) -> None:
        self._rooms = services.rooms

    async def find(self, room_id: str) -> RoomRules | None:
        return await _available(self._rooms.find(room_id))

    async def open(self, room_id: str, owner_id: int) -> RoomRules:
        return await _available(self._rooms.open(room_id, owner_id))


class Doorkeeper:
    """Bans, passwords, invitations and notes in the words of the hub."""

    def __init__(self, services: RoomServices) -> None:
        self._services = services

    async def standing(self, room_id: str, user_id: int | None, guest_id: str | None, address: str) -> Standing:
        return await _available(self._services.moderation.standing(room_id, user_id, guest_id, address))

    async def check_password(self, room_id: str, password: str) -> bool:
        return await _available(self._services.rooms.check_password(room_id, password))

    async def find_invitation(self, room_id: str, token: str, person: str) -> FoundInvitation | None:
        return await _available(self._services.invitations.find(room_id, token, person))

    async def use_invitation(self, invitation_id: str, person: str) -> bool:
        return await _available(self._services.invitations.use(invitation_id, person))

    async def ban(self, room_id: str, ban: NewBan, deed: Deed) -> None:
        await _available(self._services.moderation.ban(room_id, ban, deed))

    async def set_moderator(self, room_id: str, user_id: int, moderator: bool, deed: Deed) -> None:
        await _available(self._services.moderation.set_moderator(room_id, user_id, moderator, deed))

    async def record(self, room_id: str, deed: Deed) -> None:
        await _available(self._services.audit.record(room_id, deed))


async def _available(answer: Awaitable[T]) -> T:
    try:
        return await answer
    except (DatabaseUnavailable, Busy) as error:
        raise Unavailable(str(error)) from None
