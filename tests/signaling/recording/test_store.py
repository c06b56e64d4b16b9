"""The SQL of recordings, on both databases."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from sqlalchemy import text

from api.db import Database
from signaling.recording.store import Recording, RecordingChange, RecordingExists, RecordingStore
from tests.signaling.recording.conftest import OWNER, ROOM, STRANGER, add_room

FIRST = Recording(id="r1", room_id=ROOM, started_by=OWNER, started_at=1000, status="starting")


@pytest.fixture
def store(database: Database) -> RecordingStore:
    return RecordingStore(database)


async def test_a_recording_comes_back_as_it_was_stored(store: RecordingStore) -> None:
    await store.insert(FIRST)
    assert await store.select("r1") == FIRST
    assert await store.select("r2") is None


async def test_a_room_is_recorded_once_at_a_time(store: RecordingStore) -> None:
    await store.insert(FIRST)
    second = replace(FIRST, id="r2")
    with pytest.raises(RecordingExists):
        await store.insert(second)
    await store.insert(replace(second, room_id="elsewhere"))
    await store.update("r1", RecordingChange(status="processing"))
    await store.insert(replace(FIRST, id="r3"))


async def test_a_change_touches_what_it_names(store: RecordingStore) -> None:
    await store.insert(FIRST)
    changed = await store.update("r1", RecordingChange(status="ready", bytes=2**40, stopped_at=2000))
    assert changed == replace(FIRST, status="ready", bytes=2**40, stopped_at=2000)
    assert await store.select("r1") == changed
    assert await store.update("r2", RecordingChange(status="failed")) is None


async def test_lists_are_newest_first_and_bounded(store: RecordingStore) -> None:
    for number in range(5):
        await store.insert(replace(FIRST, id=f"r{number}", started_at=number, status="ready", bytes=10))
    assert [r.id for r in await store.select_of_room(ROOM, 3)] == ["r4", "r3", "r2"]
    assert await store.sum_bytes() == 50
    assert await store.count_by(OWNER) == 5
    assert await store.count_by(STRANGER) == 0
    assert [r.id for r in await store.select_older(2)] == ["r1", "r0"]


async def test_sums_of_nothing(store: RecordingStore) -> None:
    assert await store.sum_bytes() == 0
    assert await store.select_unfinished() == []


async def test_only_the_finished_are_old(store: RecordingStore) -> None:
    await store.insert(FIRST)
    assert await store.select_older(10**15) == []
    assert await store.select_unfinished() == [FIRST]


async def test_deleting(store: RecordingStore) -> None:
    await store.insert(FIRST)
    assert await store.delete("r1")
    assert not await store.delete("r1")


async def test_what_belongs_to_no_room_is_an_orphan(store: RecordingStore, database: Database) -> None:
    await add_room(database)
    await store.insert(replace(FIRST, status="ready"))
    assert await store.select_orphans() == []
    async with database.write() as db:
        await db.execute(text("UPDATE rooms SET created_at = 5000"))
    assert [r.id for r in await store.select_orphans()] == ["r1"]
