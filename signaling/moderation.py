"""What holds for a room beyond one call: its moderators, its bans, its password, its audit trail."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from signaling.core.moderation import Deed, Party
from signaling.elsewhere import ALONE, Elsewhere, NodeUnreachable
from signaling.keys import SortedIds
from signaling.moderation_store import BanRecord
from signaling.ports import RoomRefused

if TYPE_CHECKING:
    from collections.abc import Collection

    from signaling.audit import AuditTrail
    from signaling.hub import Hub
    from signaling.keys import KeyedNames
    from signaling.moderation_store import AuditRecord, ModerationStore
    from signaling.ports import Account, Accounts, Clock, NewBan, Standing
    from signaling.rooms import RoomService

MAX_BANS_SHOWN = 1000
MAX_MODERATORS = 50
_OVERLAP_MS = 60_000
"""How far the clocks of processes may differ for bans made elsewhere to be noticed."""


class BanNotFound(Exception):
    """There is no such ban in this room."""


class UserNotFound(Exception):
    """There is no such person, or none that this could be done to."""


class TooManyModerators(RoomRefused):
    """The room has as many moderators as it may have."""


class ModerationService:
    """Look after rooms. Owners change, moderators may read."""

    def __init__(
        self,
        store: ModerationStore,
        rooms: RoomService,
        accounts: Accounts,
        audit: AuditTrail,
        names: KeyedNames,
        clock: Clock,
    ) -> None:
        self._store = store
        self._rooms = rooms
        self._accounts = accounts
        self._audit = audit
        self._names = names
        self._clock = clock
        self._ids = SortedIds()
        self._followed_at = self._now_ms()
        self._hub: Hub | None = None
        self._elsewhere = ALONE
        self._following = asyncio.Lock()

    def attach(self, hub: Hub, elsewhere: Elsewhere = ALONE) -> None:
        """Name the hub that runs the calls, and those who run the others."""
        self._hub = hub
        self._elsewhere = elsewhere

    # --- at the door

    async def standing(self, room_id: str, user_id: int | None, guest_id: str | None, address: str) -> Standing:
        """Return what is known in a room of one who wants to come in."""
        guest_key = None if guest_id is None else self._names.guest(guest_id)
        return await self._store.standing(room_id, user_id, guest_key, self._names.address(address))

    def household(self, address: str) -> str:
        """Return a name for the household at an address that tells nobody where it is."""
        return self._names.address(address)

    # --- from a call

    async def ban(self, room_id: str, ban: NewBan, deed: Deed) -> None:
        """Keep someone out of a room for good, and note who did it."""
        now = self._now_ms()
        record = BanRecord(
            id=self._ids.next(now),
            room_id=room_id,
            user_id=ban.user_id,
            guest_key=ban.guest_key,
            address_key=ban.address_key,
            display_name=ban.display_name,
            by_user=ban.by_user,
            by_name=ban.by_name,
            created_at=now,
        )
        entry = self._audit.entry(room_id, deed)
        await self._store.insert_ban(record, entry)
        self._audit.happened(entry)

    async def set_moderator(self, room_id: str, user_id: int, moderator: bool, deed: Deed) -> None:
        """Let an account moderate a room in later calls too, or no longer, and note who did it."""
        if moderator:
            await self._check_moderators(room_id, user_id)
            await self._store.insert_moderator(room_id, user_id, self._now_ms())
        else:
            await self._store.delete_moderator(room_id, user_id)
        await self._audit.record(room_id, deed)

    # --- for owners and moderators

    async def bans(self, room_id: str, user_id: int) -> list[BanRecord]:
        """List the bans of a room, newest first. Raises `RoomNotFound`."""
        await self._moderated_room(room_id, user_id)
        return await self._store.select_bans(room_id, MAX_BANS_SHOWN)

    async def lift_ban(self, room_id: str, owner: Account, ban_id: str) -> None:
        """Let someone in again. Raises `RoomNotFound`, `BanNotFound`."""
        await self._rooms.owned_room(room_id, owner.user_id)
        ban = await self._store.delete_ban(room_id, ban_id)
        if ban is None:
            raise BanNotFound
        banned = Party("" if ban.user_id is None else str(ban.user_id), ban.display_name)
        await self._audit.record(room_id, Deed("unban", _party(owner), banned))

    async def audit(self, room_id: str, user_id: int, before: str | None, limit: int) -> list[AuditRecord]:
        """Return what was done in a room, newest first. Raises `RoomNotFound`."""
        await self._moderated_room(room_id, user_id)
        return await self._audit.page(room_id, before, limit)

    async def moderators(self, room_id: str, user_id: int) -> list[Account]:
        """List those who moderate a room beside its owner. Raises `RoomNotFound`."""
        await self._moderated_room(room_id, user_id)
        found = [await self._accounts.get(moderator) for moderator in await self._store.select_moderators(room_id)]
        return [account for account in found if account is not None]

    async def appoint(self, room_id: str, owner: Account, name: str) -> Account:
        """Make someone a moderator, in a running call at once.

        Raises `RoomNotFound`, `UserNotFound`, `TooManyModerators`; `NodeUnreachable` where the call does not know yet.
        """
        account = await self._other_account(room_id, owner, name)
        deed = Deed("role", _party(owner), _party(account), "moderator")
        await self.set_moderator(room_id, account.user_id, True, deed)
        await self._let_follow(room_id, account.user_id)
        return account

    async def dismiss(self, room_id: str, owner: Account, name: str) -> None:
        """Take the moderation from someone, in a running call at once; there it may have been given for the call only.

        Raises `RoomNotFound`, `UserNotFound`; `NodeUnreachable` where the call does not know yet.
        """
        account = await self._other_account(room_id, owner, name)
        appointed = account.user_id in await self._store.select_moderators(room_id)
        if appointed:
            deed = Deed("role", _party(owner), _party(account), "member")
            await self.set_moderator(room_id, account.user_id, False, deed)
        followed = await self._let_follow(room_id, account.user_id)  # the last time may not have reached the call
        if not appointed and not followed:
            raise UserNotFound

    # --- across processes

    async def follow_moderator(self, room_id: str, user_id: int) -> bool:
        """Let an account have the role in the running call that the database gives it; tell whether it had not.

        Raises `NodeUnreachable` while the call is on its way to another node.
        """
        if self._hub is None:
            return False
        async with self._following:  # what was read first must not be applied last
            moderator = user_id in await self._store.select_moderators(room_id)
            if room_id in self._hub.moves:  # what is changed here now would not go with it
                raise NodeUnreachable
            return self._hub.steward.appoint(room_id, user_id, "moderator" if moderator else "member")

    async def follow(self, room_ids: Collection[str]) -> None:
        """Carry out in these rooms the bans that other processes made since the last time."""
        now = self._now_ms()
        if room_ids and self._hub is not None:
            since = self._followed_at - _OVERLAP_MS
            for ban in await self._store.select_bans_since(room_ids, since):
                self._hub.steward.shut_out(ban.room_id, ban.user_id, ban.guest_key)
        self._followed_at = now

    # --- inside

    async def _moderated_room(self, room_id: str, user_id: int) -> None:
        if user_id not in await self._store.select_moderators(room_id):
            await self._rooms.owned_room(room_id, user_id)

    async def _other_account(self, room_id: str, owner: Account, name: str) -> Account:
        await self._rooms.owned_room(room_id, owner.user_id)
        account = await self._accounts.find(name)
        if account is None or account.user_id == owner.user_id:
            raise UserNotFound
        return account

    async def _let_follow(self, room_id: str, user_id: int) -> bool:
        """Tell whether the call that runs, here or elsewhere, had it otherwise."""
        here = await self.follow_moderator(room_id, user_id)
        return await self._elsewhere.follow_moderator(room_id, user_id) or here

    async def _check_moderators(self, room_id: str, user_id: int) -> None:
        present = await self._store.select_moderators(room_id)
        if user_id not in present and len(present) >= MAX_MODERATORS:
            raise TooManyModerators

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)


def _party(account: Account) -> Party:
    return Party(str(account.user_id), account.username)
