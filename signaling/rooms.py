"""Rooms as their owners and visitors see them over HTTP, and as the hub finds them."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING

import msgspec
from msgspec import UNSET, UnsetType

from signaling.core.moderation import Action, Deed, Party
from signaling.elsewhere import ALONE, Elsewhere
from signaling.ports import RoomRefused
from signaling.store import RoomChange, RoomExists, RoomRecord

if TYPE_CHECKING:
    from collections.abc import Collection

    from signaling.audit import AuditTrail
    from signaling.core.room import RoomRules
    from signaling.hub import Hub
    from signaling.ports import Account, Clock, Passwords
    from signaling.store import RoomStore

# No vowels and none of 0/o, 1/l/i: codes that can be read aloud and do not spell words.
_ALPHABET = "23456789bcdfghjkmnpqrstvwxyz"
_CODE_LENGTH = 11
"""28^11 codes, 53 bits: a link to a room that admits guests must not be guessable."""
MAX_OWNED = 500
"""How many rooms one person may have."""
DEFAULT_MAX_MEMBERS = 8


class RoomNotFound(Exception):
    """There is no such room, or it is not open to the one who asks; both are the same to them."""


class RoomIdTaken(Exception):
    """A room with the wanted id exists."""


class TooManyRooms(RoomRefused):
    """The owner has as many rooms as one may have."""


class RoomService:
    """Create, show, change and delete rooms. Every door to a room is here."""

    def __init__(self, store: RoomStore, audit: AuditTrail, passwords: Passwords, clock: Clock) -> None:
        self._store = store
        self._audit = audit
        self._passwords = passwords
        self._clock = clock
        self._hub: Hub | None = None
        self._elsewhere = ALONE
        self._following = asyncio.Lock()
        """Held from reading or writing rules until the calls run by them: what was read first is not applied last."""

    def attach(self, hub: Hub, elsewhere: Elsewhere = ALONE) -> None:
        """Name the hub that runs the calls, which in turn finds rooms here, and those who run the others."""
        self._hub = hub
        self._elsewhere = elsewhere

    # --- for the hub (the `RoomDirectory` port)

    async def find(self, room_id: str) -> RoomRules | None:
        """Return the rules of a room, None where there is no such room."""
        room = await self._store.select(room_id)
        return None if room is None else room.rules

    async def open(self, room_id: str, owner_id: int) -> RoomRules:
        """Return the rules of a room, creating it for this owner where it does not exist."""
        room = await self._store.select(room_id)
        if room is None:
            await self._check_owned(owner_id)
            room = await self._store.insert_or_get(self._new(owner_id, RoomChange(), room_id))
        return room.rules

    async def check_password(self, room_id: str, password: str) -> bool:
        """Tell whether this is the password of a room; a room without one has no right password."""
        room = await self._store.select(room_id)
        return await self._passwords.verify(password, None if room is None else room.password_hash)

    # --- for what is kept of rooms: recordings, and how calls were

    async def kept_since(self, room_id: str, user_id: int) -> int | None:
        """Return when a room was made, if someone owns or lastingly moderates it; None if not.

        What was kept of a former room of the same name is not theirs.
        """
        return await self._store.select_kept_since(room_id, user_id)

    # --- for people

    async def create(
        self, owner_id: int, wanted: RoomChange, room_id: str | None, password: str | UnsetType | None = UNSET
    ) -> RoomRecord:
        """Create a room with a fresh code, or with the id that is asked for. Raises `RoomIdTaken`, `TooManyRooms`."""
        await self._check_owned(owner_id)
        wanted = await self._with_password(wanted, password)
        room = self._new(owner_id, wanted, room_id or _code())
        while True:
            try:
                await self._store.insert(room)
            except RoomExists:
                if room_id is not None:
                    raise RoomIdTaken(room_id) from None
                room = msgspec.structs.replace(room, id=_code())
            else:
                return room

    async def owned(self, owner_id: int) -> list[RoomRecord]:
        """List someone's rooms, newest first."""
        return await self._store.select_owned(owner_id, MAX_OWNED)

    async def show(self, room_id: str, user_id: int | None) -> RoomRecord:
        """Return a room to someone who may enter it; None is a guest. Raises `RoomNotFound`."""
        room = await self._store.select(room_id)
        if room is None or (user_id is None and not room.guests_allowed):
            raise RoomNotFound(room_id)
        return room

    async def owned_room(self, room_id: str, owner_id: int) -> RoomRecord:
        """Return a room to its owner. Raises `RoomNotFound`."""
        room = await self._store.select(room_id)
        if room is None or room.owner_id != owner_id:
            raise RoomNotFound(room_id)
        return room

    async def show_invited(self, room_id: str) -> RoomRecord:
        """Return a room to the holder of an invitation into it. Raises `RoomNotFound`."""
        room = await self._store.select(room_id)
        if room is None:
            raise RoomNotFound(room_id)
        return room

    async def change(
        self, room_id: str, owner: Account, wanted: RoomChange, password: str | UnsetType | None = UNSET
    ) -> RoomRecord:
        """Change a room of one's own; a running call follows at once. `password` None clears it.

        Raises `RoomNotFound`.
        """
        former = await self.owned_room(room_id, owner.user_id)  # before a stranger makes us hash anything
        wanted = await self._with_password(wanted, password)
        async with self._following:
            changed = await self._store.update(room_id, owner.user_id, wanted, self._now_ms())
            if changed is None:
                raise RoomNotFound(room_id)
            if self._hub is not None:
                self._hub.change_rules(room_id, changed.rules)
        self._elsewhere.room_changed(room_id)
        await self._note_change(former, changed, owner)
        return changed

    async def delete(self, room_id: str, owner_id: int) -> None:
        """Delete a room of one's own and end its call. Raises `RoomNotFound`."""
        async with self._following:
            if not await self._store.delete(room_id, owner_id):
                raise RoomNotFound(room_id)
            if self._hub is not None:
                self._hub.close_room(room_id)
        self._elsewhere.room_changed(room_id)

    async def follow_room(self, room_id: str) -> None:
        """Bring the call of a room in line with the database now: another process changed it."""
        if self._hub is None:
            return
        async with self._following:
            rules = await self.find(room_id)
            if _ends(self._hub.live_rooms().get(room_id), rules):
                self._hub.close_room(room_id)
            elif rules is not None:
                self._hub.change_rules(room_id, rules)

    async def follow(self) -> None:
        """Bring running calls in line with the database: other processes, and deleted accounts, change rooms too."""
        if self._hub is None:
            return
        async with self._following:
            live = self._hub.live_rooms()
            stored = await self._store.select_rules(live) if live else {}
            for room_id, former in live.items():
                rules = stored.get(room_id)
                if _ends(former, rules):
                    self._hub.close_room(room_id)
                elif rules is not None and rules != former:
                    self._hub.change_rules(room_id, rules)

    async def people(self, room_ids: Collection[str]) -> dict[str, int | None]:
        """Count who is in each room now; None where the node on which it lives does not answer."""
        here = {room_id: self._hub.members(room_id) if self._hub is not None else 0 for room_id in room_ids}
        return here | dict(await self._elsewhere.people([room_id for room_id in room_ids if not here[room_id]]))

    # --- inside

    async def _with_password(self, wanted: RoomChange, password: str | UnsetType | None) -> RoomChange:
        if isinstance(password, str):
            return msgspec.structs.replace(wanted, password_hash=await self._passwords.hash(password))
        return wanted if password is UNSET else msgspec.structs.replace(wanted, password_hash=None)

    async def _note_change(self, former: RoomRecord, changed: RoomRecord, owner: Account) -> None:
        actor = Party(str(owner.user_id), owner.username)
        if changed.password_hash != former.password_hash:
            action: Action = "password_cleared" if changed.password_hash is None else "password_set"
            await self._audit.record(changed.id, Deed(action, actor))
        if changed.lobby != former.lobby:
            await self._audit.record(changed.id, Deed("lobby", actor, detail=changed.lobby))

    async def _check_owned(self, owner_id: int) -> None:
        if await self._store.count_owned(owner_id) >= MAX_OWNED:
            raise TooManyRooms

    def _new(self, owner_id: int, wanted: RoomChange, room_id: str) -> RoomRecord:
        now = self._now_ms()
        return RoomRecord(
            id=room_id,
            owner_id=owner_id,
            name="" if wanted.name is UNSET else wanted.name,
            guests_allowed=True if wanted.guests_allowed is UNSET else wanted.guests_allowed,
            max_members=DEFAULT_MAX_MEMBERS if wanted.max_members is UNSET else wanted.max_members,
            created_at=now,
            updated_at=now,
            lobby="off" if wanted.lobby is UNSET else wanted.lobby,
            password_hash=None if wanted.password_hash is UNSET else wanted.password_hash,
        )

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)


def _ends(live: RoomRules | None, stored: RoomRules | None) -> bool:
    """Tell whether the room of a call is gone, though somebody else may have made one of the same name since."""
    return stored is None or (live is not None and live.owner_id != stored.owner_id)


def _code() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(_CODE_LENGTH))
