"""Invitations: links that let their holder into a room without account, password or knock, until they end."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from signaling.core.moderation import Action, Deed, Party
from signaling.invitation_store import InvitationRecord
from signaling.keys import SortedIds, fingerprint, new_token
from signaling.ports import FoundInvitation

if TYPE_CHECKING:
    from signaling.audit import AuditTrail
    from signaling.invitation_store import InvitationStore
    from signaling.ports import Account, Clock
    from signaling.rooms import RoomService

MAX_INVITATIONS = 100
"""How many of one room may hold at a time."""
DEFAULT_LIFETIME = timedelta(days=7)
MAX_LIFETIME = timedelta(days=90)
_KEPT = timedelta(days=30)
_BATCH = 500


class InvitationNotFound(Exception):
    """There is no such invitation that could be revoked."""


class TooManyInvitations(Exception):
    """The room has as many invitations as it may have."""


class InvitationService:
    """Make, list, find, count and revoke invitations. Only a room's owner makes, sees and revokes them."""

    def __init__(self, store: InvitationStore, rooms: RoomService, audit: AuditTrail, clock: Clock) -> None:
        self._store = store
        self._rooms = rooms
        self._audit = audit
        self._clock = clock
        self._ids = SortedIds()

    async def create(
        self, room_id: str, owner: Account, lifetime: timedelta, max_uses: int | None
    ) -> tuple[InvitationRecord, str]:
        """Make an invitation; return it with its token, which is not kept. Raises `RoomNotFound`,
        `TooManyInvitations`.
        """
        await self._rooms.owned_room(room_id, owner.user_id)
        now = self._now_ms()
        if len(await self._store.select_all(room_id, now)) >= MAX_INVITATIONS:
            raise TooManyInvitations
        token = new_token()
        invitation = InvitationRecord(
            id=self._ids.next(now),
            room_id=room_id,
            token_hash=fingerprint(token),
            created_by=owner.user_id,
            created_at=now,
            expires_at=now + lifetime // timedelta(milliseconds=1),
            max_uses=max_uses,
            uses=0,
        )
        await self._store.insert(invitation)
        await self._note(invitation.room_id, "invitation_created", owner, invitation.id)
        return invitation, token

    async def all(self, room_id: str, owner_id: int) -> list[InvitationRecord]:
        """List the invitations that hold, newest first. Raises `RoomNotFound`."""
        await self._rooms.owned_room(room_id, owner_id)
        return await self._store.select_all(room_id, self._now_ms())

    async def revoke(self, room_id: str, owner: Account, invitation_id: str) -> None:
        """End an invitation. Raises `RoomNotFound`, `InvitationNotFound`."""
        await self._rooms.owned_room(room_id, owner.user_id)
        if not await self._store.revoke(room_id, invitation_id, self._now_ms()):
            raise InvitationNotFound
        await self._note(room_id, "invitation_revoked", owner, invitation_id)

    async def find(self, room_id: str, token: str, person: str = "") -> FoundInvitation | None:
        """Return the invitation with this token, None when it has ended, was revoked or never was.

        To who came in by it before it is not used up.
        """
        found = await self._store.select(room_id, fingerprint(token))
        if found is None or not found.holds(self._now_ms()):
            return None
        used_up = found.used_up and not (person and await self._store.is_known(found.id, person))
        return FoundInvitation(found.id, used_up)

    async def use(self, invitation_id: str, person: str) -> bool:
        """Count a use, once per person who is known; False when there was none left."""
        return await self._store.use(invitation_id, person, self._now_ms())

    async def delete_ended(self) -> None:
        """Delete invitations that ended long ago."""
        before = self._now_ms() - _KEPT // timedelta(milliseconds=1)
        while await self._store.delete_ended(before, _BATCH) == _BATCH:
            pass

    async def _note(self, room_id: str, action: Action, owner: Account, detail: str) -> None:
        actor = Party(str(owner.user_id), owner.username)
        await self._audit.record(room_id, Deed(action, actor, detail=detail))

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)
