"""Recordings in the database."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from signaling.ports import Database

Status = Literal["starting", "recording", "processing", "ready", "failed"]


class RecordingExists(Exception):
    """The room is being recorded already."""


class Recording(Struct, frozen=True):
    """A stored recording. Times are milliseconds since 1970 UTC."""

    id: str
    room_id: str
    started_by: int
    started_at: int
    status: Status
    stopped_at: int | None = None
    bytes: int = 0
    """What it takes on the disk, tracks and film together."""
    duration_ms: int = 0
    error: str = ""
    """Why it ended before it was told to, or why there is no film; empty when all went well."""


class RecordingChange(Struct, frozen=True):
    """What becomes of a recording, named as its columns; what is unset stays."""

    status: Status | UnsetType = UNSET
    stopped_at: int | UnsetType = UNSET
    bytes: int | UnsetType = UNSET
    duration_ms: int | UnsetType = UNSET
    error: str | UnsetType = UNSET


_COLUMNS = ", ".join(Recording.__struct_fields__)
_VALUES = ", ".join(f":{name}" for name in Recording.__struct_fields__)


class RecordingStore:
    """The SQL of recordings."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def insert(self, recording: Recording) -> None:
        """Store a new recording. Raises `RecordingExists` while its room is recorded."""
        try:
            async with self._database.write() as db:
                await db.execute(text(f"INSERT INTO recordings ({_COLUMNS}) VALUES ({_VALUES})"), _row(recording))  # noqa: S608
        except IntegrityError as error:
            raise RecordingExists(recording.room_id) from error

    async def select(self, recording_id: str) -> Recording | None:
        """Return a recording, None where there is none."""
        found = await self._select("id = :id", {"id": recording_id})
        return found[0] if found else None

    async def select_of_room(self, room_id: str, limit: int) -> list[Recording]:
        """Return the recordings of a room, newest first."""
        return await self._select("room_id = :room_id", {"room_id": room_id}, limit)

    async def select_unfinished(self) -> list[Recording]:
        """Return those that are not at their end."""
        return await self._select("status IN ('starting', 'recording', 'processing')", {})

    async def select_older(self, started_before: int) -> list[Recording]:
        """Return the finished ones that were started before then."""
        condition = "started_at < :before AND status IN ('ready', 'failed')"
        return await self._select(condition, {"before": started_before})

    async def select_orphans(self) -> list[Recording]:
        """Return the finished ones whose room is gone, or is another of the same name."""
        lives = "EXISTS (SELECT 1 FROM rooms WHERE rooms.id = room_id AND rooms.created_at <= started_at)"
        return await self._select(f"NOT {lives} AND status IN ('ready', 'failed')", {})

    async def select_ids(self) -> set[str]:
        """Return the ids of all recordings."""
        async with self._database.read() as db:
            return set((await db.execute(text("SELECT id FROM recordings"))).scalars())

    async def count_by(self, user_id: int) -> int:
        """Count those that someone started."""
        return await self._number("count(*)", "WHERE started_by = :user_id", {"user_id": user_id})

    async def sum_bytes(self) -> int:
        """Add up what all recordings take."""
        return await self._number("coalesce(sum(bytes), 0)", "", {})

    async def update(self, recording_id: str, change: RecordingChange) -> Recording | None:
        """Change what is set in `change` and nothing else; None where there is no such recording."""
        wanted = {name: value for name, value in msgspec.structs.asdict(change).items() if value is not UNSET}
        assignments = ", ".join(f"{column} = :{column}" for column in wanted)
        statement = f"UPDATE recordings SET {assignments} WHERE id = :id RETURNING {_COLUMNS}"  # noqa: S608
        async with self._database.write() as db:
            found = (await db.execute(text(statement), {**wanted, "id": recording_id})).one_or_none()
            return None if found is None else _record(found)

    async def delete(self, recording_id: str) -> bool:
        """Delete a recording; False where there is none."""
        async with self._database.write() as db:
            statement = "DELETE FROM recordings WHERE id = :id RETURNING id"
            return (await db.execute(text(statement), {"id": recording_id})).one_or_none() is not None

    async def _select(self, condition: str, values: dict[str, object], limit: int = 10_000) -> list[Recording]:
        query = f"SELECT {_COLUMNS} FROM recordings WHERE {condition} ORDER BY started_at DESC, id LIMIT :limit"  # noqa: S608
        async with self._database.read() as db:
            return [_record(row) for row in await db.execute(text(query), {**values, "limit": limit})]

    async def _number(self, what: str, condition: str, values: dict[str, object]) -> int:
        async with self._database.read() as db:
            found = await db.execute(text(f"SELECT {what} FROM recordings {condition}"), values)  # noqa: S608
            return int(found.scalar_one())


def _row(recording: Recording) -> dict[str, object]:
    return msgspec.structs.asdict(recording)


def _record(row: Any) -> Recording:
    return Recording(**{name: getattr(row, name) for name in Recording.__struct_fields__})
