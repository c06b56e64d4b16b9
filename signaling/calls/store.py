"""Records of calls in the database."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
from msgspec import Struct
from sqlalchemy import text

from signaling.calls.overview import CallOverview
from signaling.calls.snapshot import Snapshot, decode_record
from signaling.core.calls.finding import Result
from signaling.core.calls.record import CallRecord
from signaling.ports import Database


class Place(NamedTuple):
    """A place in the order of calls, which is by start; `call_id` tells apart those that start together."""

    started_at: int
    call_id: str


class Silent(NamedTuple):
    """A call that seems to run, but was not written for a while; `record` is None where a newer version wrote it."""

    updated_at: int
    call_id: str
    record: CallRecord | None


class Wanted(Struct, frozen=True):
    """Which calls to select; what is None or empty does not matter. Times are milliseconds since 1970 UTC."""

    room_id: str | None = None
    since: int = 0
    """They began then or later."""
    running_since: int | None = None
    """They still ran then, or began later."""
    results: tuple[Result, ...] = ()


class CallStore:
    """The SQL of call records. Every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def write(self, *snapshots: Snapshot) -> None:
        """Store how records were, each unless something newer is stored of it. At least one."""
        async with self._database.write() as db:
            await db.execute(_WRITE, [_row(snapshot) for snapshot in snapshots])

    async def replace(self, snapshot: Snapshot, written_at: int) -> bool:
        """Store what became of the record that was written then; False when another was written since."""
        async with self._database.write() as db:
            row = _row(snapshot) | {"written_at": written_at}
            return (await db.execute(_REPLACE, row)).one_or_none() is not None

    async def interrupt(self, snapshot: Snapshot) -> bool:
        """Store the end of a call whose server is gone; False when that server wrote since `updated_at`."""
        async with self._database.write() as db:
            return (await db.execute(_INTERRUPT, _row(snapshot))).one_or_none() is not None

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
            rows = [(_readable(row.record), int(row.updated_at)) for row in await db.execute(_SELECT_ALONE, about)]
        return [(record, written_at) for record, written_at in rows if record is not None]

    async def select_running(self, room_id: str, since: int, *, node: str) -> str | None:
        """Return the id of the call that another node than `node` has in a room, and wrote since then; None if none."""
        about = {"room_id": room_id, "since": since, "node": node}
        async with self._database.read() as db:
            found = (await db.execute(_SELECT_RUNNING, about)).first()
            return None if found is None else str(found.id)

    async def select_silent(self, before: int, limit: int, after: Silent | None = None) -> list[Silent]:
        """Return calls that run but were written before then last, the longest silent first, from `after` on."""
        at, call_id = (0, "") if after is None else (after.updated_at, after.call_id)
        page = {"before": before, "limit": limit, "at": at, "id": call_id}
        async with self._database.read() as db:
            rows = await db.execute(_SELECT_SILENT, page)
            return [Silent(int(row.updated_at), row.id, _readable(row.record)) for row in rows]

    async def delete_old(self, before: int, batch: int) -> int:
        """Delete up to `batch` calls that began before then and do not run; return how many."""
        async with self._database.write() as db:
            return int((await db.execute(_DELETE_OLD, {"before": before, "batch": batch})).rowcount)

    async def _page(self, columns: str, wanted: Wanted, before: Place | None, limit: int) -> list[Any]:
        at, call_id = before or _END
        conditions = ["started_at >= :since", "(started_at, id) < (:at, :id)"]
        values: dict[str, object] = {"since": wanted.since, "at": at, "id": call_id, "limit": limit}
        if wanted.room_id is not None:
            conditions.append("room_id = :room_id")
            values["room_id"] = wanted.room_id
        if wanted.running_since is not None:
            conditions.append("(ended_at IS NULL OR ended_at >= :running_since)")
            values["running_since"] = wanted.running_since
        if wanted.results:
            names = [f"result{number}" for number in range(len(wanted.results))]
            conditions.append(f"result IN ({', '.join(f':{name}' for name in names)})")
            values |= zip(names, wanted.results, strict=True)
        query = f"SELECT {columns} FROM calls WHERE {' AND '.join(conditions)} {_NEWEST_FIRST}"  # noqa: S608
        async with self._database.read() as db:
            return list(await db.execute(text(query), values))


def _row(snapshot: Snapshot) -> dict[str, object]:
    return msgspec.structs.asdict(snapshot.overview) | {"record": snapshot.encoded.decode()}


def _readable(stored: str) -> CallRecord | None:
    """Return a record, None where a newer version wrote what this one cannot read."""
    try:
        return decode_record(stored)
    except msgspec.ValidationError:
        return None


_END = Place(2**62, "g")
_COLUMNS = (*CallOverview.__struct_fields__, "record")
_OVERVIEW = ", ".join(CallOverview.__struct_fields__)
_CHANGES = ", ".join(f"{name} = :{name}" for name in _COLUMNS if name != "id")
_NEWEST_FIRST = "ORDER BY started_at DESC, id DESC LIMIT :limit"
_WRITE = text(f"""
    INSERT INTO calls ({", ".join(_COLUMNS)}) VALUES ({", ".join(f":{name}" for name in _COLUMNS)})
    ON CONFLICT (id) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in _COLUMNS if name != "id")}
    WHERE calls.updated_at < excluded.updated_at
""")  # noqa: S608
_SELECT = text("SELECT record FROM calls WHERE id = :id")
_SELECT_IDS = text("SELECT id FROM calls WHERE id >= :first AND id < :last ORDER BY id LIMIT :limit")
_SELECT_ALONE = text(f"""
    SELECT record, updated_at FROM calls
    WHERE room_id = :room_id AND started_at >= :since AND people = 0 AND ended_at IS NOT NULL {_NEWEST_FIRST}
""")  # noqa: S608
_SELECT_SILENT = text("""
    SELECT id, record, updated_at FROM calls
    WHERE ended_at IS NULL AND updated_at < :before AND (updated_at, id) > (:at, :id)
    ORDER BY updated_at, id LIMIT :limit
""")
_SELECT_RUNNING = text("""
    SELECT id FROM calls
    WHERE room_id = :room_id AND node <> :node AND ended_at IS NULL AND updated_at >= :since
    ORDER BY started_at DESC, id DESC LIMIT 1
""")
_REPLACE = text(f"UPDATE calls SET {_CHANGES} WHERE id = :id AND updated_at = :written_at RETURNING id")  # noqa: S608
_INTERRUPT = text(
    f"UPDATE calls SET {_CHANGES} WHERE id = :id AND ended_at IS NULL AND updated_at = :updated_at RETURNING id"  # noqa: S608
)
_DELETE_OLD = text("""
    DELETE FROM calls WHERE id IN (
        SELECT id FROM calls WHERE started_at < :before AND (ended_at IS NOT NULL OR updated_at < :before)
        ORDER BY started_at LIMIT :batch
    )
""")
