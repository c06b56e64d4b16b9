"""Rooms in the database."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType
from sqlalchemy import bindparam, text

from signaling.core.messages import LobbyMode
from signaling.core.room import RoomRules
from signaling.ports import Database


class RoomExists(Exception):
    """A room with this id exists."""


class RoomRecord(Struct, frozen=True):
    """A stored room. Times are milliseconds since 1970 UTC."""

    id: str
    owner_id: int
    name: str
    guests_allowed: bool
    max_members: int
    created_at: int
    updated_at: int
    lobby: LobbyMode = "off"
    password_hash: str | None = None

    @property
    def rules(self) -> RoomRules:
        """Return what the signaling core needs to know."""
        has_password = self.password_hash is not None
        return RoomRules(self.owner_id, self.guests_allowed, self.max_members, self.lobby, has_password)


class RoomChange(Struct, frozen=True):
    """What an owner decides about a room, named as its columns; what is unset stays, or is the default."""

    name: str | UnsetType = UNSET
    guests_allowed: bool | UnsetType = UNSET
    max_members: int | UnsetType = UNSET
    lobby: LobbyMode | UnsetType = UNSET
    password_hash: str | UnsetType | None = UNSET


_COLUMNS = "id, owner_id, name, guests_allowed, max_members, created_at, updated_at, lobby, password_hash"


class RoomStore:
    """The SQL of rooms."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def insert(self, room: RoomRecord) -> None:
        """Store a new room. Raises `RoomExists`."""
        async with self._database.write() as db:
            inserted = await db.execute(text(f"{_INSERT} ON CONFLICT (id) DO NOTHING RETURNING id"), _row(room))
            if inserted.one_or_none() is None:
                raise RoomExists(room.id)

    async def insert_or_get(self, room: RoomRecord) -> RoomRecord:
        """Store a room unless its id exists; return the one that stands."""
        async with self._database.write() as db:
            await db.execute(text(f"{_INSERT} ON CONFLICT (id) DO NOTHING"), _row(room))
            found = (await db.execute(text(_SELECT), {"id": room.id})).one()
            return _record(found)

    async def select(self, room_id: str) -> RoomRecord | None:
        """Return a room, None where there is none."""
        async with self._database.read() as db:
            found = (await db.execute(text(_SELECT), {"id": room_id})).one_or_none()
            return None if found is None else _record(found)

    async def select_rules(self, room_ids: Collection[str]) -> dict[str, RoomRules]:
        """Return the rules of those of the rooms that exist."""
        query = text(f"SELECT {_COLUMNS} FROM rooms WHERE id IN :ids").bindparams(bindparam("ids", expanding=True))  # noqa: S608
        async with self._database.read() as db:
            found = await db.execute(query, {"ids": list(room_ids)})
            return {row.id: _record(row).rules for row in found}

    async def select_kept_since(self, room_id: str, user_id: int) -> int | None:
        """Return when a room was made, if someone owns or lastingly moderates it; None if not."""
        async with self._database.read() as db:
            found = (await db.execute(text(_SELECT_KEPT), {"room_id": room_id, "user_id": user_id})).one_or_none()
            return None if found is None else int(found.created_at)

    async def count_owned(self, owner_id: int) -> int:
        """Count someone's rooms."""
        query = "SELECT count(*) FROM rooms WHERE owner_id = :owner_id"
        async with self._database.read() as db:
            return int((await db.execute(text(query), {"owner_id": owner_id})).scalar_one())

    async def select_owned(self, owner_id: int, limit: int) -> list[RoomRecord]:
        """Return someone's rooms, newest first."""
        query = f"SELECT {_COLUMNS} FROM rooms WHERE owner_id = :owner_id ORDER BY created_at DESC, id LIMIT :limit"  # noqa: S608
        async with self._database.read() as db:
            return [_record(row) for row in await db.execute(text(query), {"owner_id": owner_id, "limit": limit})]

    async def update(self, room_id: str, owner_id: int, change: RoomChange, now: int) -> RoomRecord | None:
        """Change what is set in `change` and nothing else; None where there is no such room of this owner."""
        wanted = {name: value for name, value in msgspec.structs.asdict(change).items() if value is not UNSET}
        assignments = ", ".join(f"{column} = :{column}" for column in [*wanted, "updated_at"])
        statement = f"UPDATE rooms SET {assignments} WHERE id = :id AND owner_id = :owner_id RETURNING {_COLUMNS}"  # noqa: S608
        parameters = {**wanted, "updated_at": now, "id": room_id, "owner_id": owner_id}
        async with self._database.write() as db:
            found = (await db.execute(text(statement), parameters)).one_or_none()
            return None if found is None else _record(found)

    async def delete(self, room_id: str, owner_id: int) -> bool:
        """Delete a room of this owner; False where there is none."""
        statement = "DELETE FROM rooms WHERE id = :id AND owner_id = :owner_id RETURNING id"
        async with self._database.write() as db:
            found = await db.execute(text(statement), {"id": room_id, "owner_id": owner_id})
            return found.one_or_none() is not None


_INSERT = f"""
    INSERT INTO rooms ({_COLUMNS})
    VALUES (:id, :owner_id, :name, :guests_allowed, :max_members, :created_at, :updated_at, :lobby, :password_hash)
"""  # noqa: S608
_SELECT_KEPT = """
    SELECT created_at FROM rooms
    WHERE id = :room_id AND (
        owner_id = :user_id
        OR EXISTS (SELECT 1 FROM room_moderators m WHERE m.room_id = rooms.id AND m.user_id = :user_id)
    )
"""
_SELECT = f"SELECT {_COLUMNS} FROM rooms WHERE id = :id"  # noqa: S608


def _row(room: RoomRecord) -> dict[str, object]:
    return {name: getattr(room, name) for name in room.__struct_fields__}


def _record(row: Any) -> RoomRecord:
    return RoomRecord(
        id=row.id,
        owner_id=row.owner_id,
        name=row.name,
        guests_allowed=bool(row.guests_allowed),  # SQLite has no booleans
        max_members=row.max_members,
        created_at=row.created_at,
        updated_at=row.updated_at,
        lobby=row.lobby,
        password_hash=row.password_hash,
    )
