"""Records of calls in the database."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct
from sqlalchemy import text

from signaling.calls.overview import CallOverview, overview
from signaling.core.calls.record import CallRecord
from signaling.ports import Database


class Place(NamedTuple):
    """A place in the order of calls, which is by start; `call_id` tells apart those that start together."""

    started_at: int
    call_id: str


class Wanted(Struct, frozen=True):
    """Which calls to select; what is None does not matter. `since`: milliseconds since 1970 UTC."""

    room_id: str | None = None
    since: int = 0
    result: str | None = None


class CallStore:
    """The SQL of call records. Every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def write(self, record: CallRecord, updated_at: int) -> None:
        """Store how a record is at `updated_at`, unless something newer is stored."""
        row = msgspec.structs.asdict(overview(record, updated_at)) | {"record": encode_record(record)}
        async with self._database.write() as db:
            await db.execute(_WRITE, row)

    async def select(self, call_id: str) -> CallRecord | None:
        """Return a record, None where there is none."""
        async with self._database.read() as db:
            found = (await db.execute(_SELECT, {"id": call_id})).one_or_none()
            return None if found is None else decode_record(found.record)

    async def select_ids(self, prefix: str, limit: int) -> list[str]:
        """Return the ids that begin with these hexadecimal digits."""
        bounds = {"first": prefix, "last": f"{prefix}g", "limit": limit}  # g: after every digit
        async with self._database.read() as db:
            return list((await db.execute(_SELECT_IDS, bounds)).scalars())

    async def select_overviews(self, wanted: Wanted, before: Place | None, limit: int) -> list[CallOverview]:
        """Return calls as lists show them, newest first, from just before that place on."""
        return [CallOverview(**row._mapping) for row in await self._page(_OVERVIEW, wanted, before, limit)]

    async def select_records(self, wanted: Wanted, before: Place | None, limit: int) -> list[CallRecord]:
        """Return whole records, newest first, from just before that place on."""
        return [decode_record(row.record) for row in await self._page("record", wanted, before, limit)]

    async def select_without_people(self, room_id: str, since: int, limit: int) -> list[tuple[CallRecord, int]]:
        """Return the newest records of a room that name nobody, with when they were written."""
        about = {"room_id": room_id, "since": since, "limit": limit}
        async with self._database.read() as db:
            return _readable(await db.execute(_SELECT_WITHOUT_PEOPLE, about))

    async def select_silent(self, before: int, limit: int) -> list[tuple[CallRecord, int]]:
        """Return calls that run but were written before then last, with when that was; the longest silent first."""
        async with self._database.read() as db:
            return _readable(await db.execute(_SELECT_SILENT, {"before": before, "limit": limit}))

    async def interrupt(self, record: CallRecord, updated_at: int) -> bool:
        """Store the end of a call whose server is gone; False when that server wrote since `updated_at`."""
        row = msgspec.structs.asdict(overview(record, updated_at)) | {"record": encode_record(record)}
        async with self._database.write() as db:
            return (await db.execute(_INTERRUPT, row)).one_or_none() is not None

    async def delete_old(self, before: int, batch: int) -> int:
        """Delete up to `batch` calls that began before then and do not run; return how many."""
        async with self._database.write() as db:
            return int((await db.execute(_DELETE_OLD, {"before": before, "batch": batch})).rowcount)

    async def _page(self, columns: str, wanted: Wanted, before: Place | None, limit: int) -> list[Any]:
        at, call_id = before or _END
        conditions = ["started_at >= :since", "(started_at, id) < (:at, :id)"]
        values: dict[str, object] = {"since": wanted.since, "at": at, "id": call_id, "limit": limit}
        for column, value in (("room_id", wanted.room_id), ("result", wanted.result)):
            if value is not None:
                conditions.append(f"{column} = :{column}")
                values[column] = value
        query = f"SELECT {columns} FROM calls WHERE {' AND '.join(conditions)} {_NEWEST_FIRST}"  # noqa: S608
        async with self._database.read() as db:
            return list(await db.execute(text(query), values))


def encode_record(record: CallRecord) -> str:
    """Return a record as it is stored and exported: JSON on one line."""
    return msgspec.json.encode(record).decode()


def decode_record(stored: str) -> CallRecord:
    """Return the record that was stored."""
    return _DECODER.decode(stored)


def _readable(rows: Iterable[Any]) -> list[tuple[CallRecord, int]]:
    """Return records with when they were written, leaving out those of a newer version that this one cannot read."""
    found = []
    for row in rows:
        with contextlib.suppress(msgspec.ValidationError):
            found.append((decode_record(row.record), int(row.updated_at)))
    return found


_DECODER = msgspec.json.Decoder(CallRecord)
_END = Place(2**62, "g")
_COLUMNS = (*CallOverview.__struct_fields__, "record")
_OVERVIEW = ", ".join(CallOverview.__struct_fields__)
_NEWEST_FIRST = "ORDER BY started_at DESC, id DESC LIMIT :limit"
_WRITE = text(f"""
    INSERT INTO calls ({", ".join(_COLUMNS)}) VALUES ({", ".join(f":{name}" for name in _COLUMNS)})
    ON CONFLICT (id) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in _COLUMNS if name != "id")}
    WHERE calls.updated_at < excluded.updated_at
""")  # noqa: S608
_SELECT = text("SELECT record FROM calls WHERE id = :id")
_SELECT_IDS = text("SELECT id FROM calls WHERE id >= :first AND id < :last ORDER BY id LIMIT :limit")
_SELECT_WITHOUT_PEOPLE = text(f"""
    SELECT record, updated_at FROM calls
    WHERE room_id = :room_id AND started_at >= :since AND people = 0 AND ended_at IS NOT NULL {_NEWEST_FIRST}
""")  # noqa: S608
_SELECT_SILENT = text("""
    SELECT record, updated_at FROM calls
    WHERE ended_at IS NULL AND updated_at < :before ORDER BY updated_at LIMIT :limit
""")
_INTERRUPT = text("""
    UPDATE calls SET ended_at = :ended_at, people = :people, result = :result, cause = :cause, text = :text,
        record = :record
    WHERE id = :id AND ended_at IS NULL AND updated_at = :updated_at RETURNING id
""")
_DELETE_OLD = text("""
    DELETE FROM calls WHERE id IN (
        SELECT id FROM calls WHERE started_at < :before AND (ended_at IS NOT NULL OR updated_at < :before)
        ORDER BY started_at LIMIT :batch
    )
""")
