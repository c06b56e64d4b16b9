"""The SQL of call records, on both databases."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text

from api.db import Database
from signaling.calls.snapshot import Snapshot, encode_record
from signaling.calls.store import CallStore, Place, Silent, Wanted
from signaling.core.calls.record import CallRecord, Event, MemberRecord
from tests.signaling.calls.records import NOW_MS, ROOM, call, call_id

EVERYTHING = Wanted()


@pytest.fixture
def store(database: Database) -> CallStore:
    return CallStore(database)


async def ids(store: CallStore, wanted: Wanted = EVERYTHING, before: Place | None = None, limit: int = 50) -> list[int]:
    return [int(found.id, 16) for found in await store.select_overviews(wanted, before, limit)]


async def test_a_record_comes_back_as_it_was_stored(store: CallStore) -> None:
    record = call(events=[Event(at=NOW_MS, kind="join", member="a1", detail="\0 “” 👋")])
    await store.write(Snapshot.of(record, NOW_MS))
    assert await store.select(record.id) == record
    assert await store.select(call_id(2)) is None


async def test_what_lists_show(store: CallStore) -> None:
    await store.write(Snapshot.of(call(), NOW_MS + 1))
    (found,) = await store.select_overviews(EVERYTHING, None, 10)
    assert (found.id, found.room_id, found.node) == (call_id(1), ROOM, "one")
    assert (found.started_at, found.ended_at, found.updated_at) == (NOW_MS, NOW_MS + 60_000, NOW_MS + 1)
    assert (found.people, found.result, found.cause) == (1, "empty", None)
    assert found.text


async def test_writing_again_replaces(store: CallStore) -> None:
    await store.write(Snapshot.of(call(ended_at=None), NOW_MS))
    await store.write(Snapshot.of(call(room="stand-up", members=[]), NOW_MS + 1))
    assert await store.select(call_id(1)) == call(members=[])
    (found,) = await store.select_overviews(EVERYTHING, None, 10)
    assert (found.people, found.ended_at) == (0, NOW_MS + 60_000)


@pytest.mark.parametrize("late", [0, 1, 1000])
async def test_nothing_older_replaces_what_is_newer(store: CallStore, late: int) -> None:
    await store.write(Snapshot.of(call(), NOW_MS))
    await store.write(Snapshot.of(call(ended_at=None), NOW_MS - late))
    assert await store.select(call_id(1)) == call()


async def test_two_nodes_write_at_once(store: CallStore) -> None:
    numbers = range(20)
    await asyncio.gather(
        *(store.write(Snapshot.of(call(n, node="one" if n % 2 else "two"), NOW_MS + n)) for n in numbers)
    )
    await asyncio.gather(*(store.write(Snapshot.of(call(7, ended_at=NOW_MS + n), NOW_MS + 100 + n)) for n in numbers))
    assert sorted(await ids(store)) == list(numbers)
    newest = await store.select(call_id(7))
    assert newest is not None
    assert newest.ended_at == NOW_MS + 19


async def test_pages_are_newest_first_and_stable_with_equal_times(store: CallStore) -> None:
    for number in (1, 5, 3, 2, 4):
        await store.write(Snapshot.of(call(number, started_at=NOW_MS + (number > 3)), NOW_MS))
    assert await ids(store) == [5, 4, 3, 2, 1]
    seen: list[int] = []
    before = None
    while page := await store.select_records(EVERYTHING, before, 2):
        seen += [int(record.id, 16) for record in page]
        before = Place(page[-1].started_at, page[-1].id)
    assert seen == [5, 4, 3, 2, 1]


async def test_what_is_wanted(store: CallStore) -> None:
    lost = [Event(at=NOW_MS, kind="unreachable", detail="socket_blocked")]
    await store.write(Snapshot.of(call(1), NOW_MS))
    await store.write(Snapshot.of(call(2, room="elsewhere", started_at=NOW_MS + 1), NOW_MS))
    await store.write(Snapshot.of(call(3, members=[], events=lost, started_at=NOW_MS + 2), NOW_MS))
    assert await ids(store, Wanted(room_id=ROOM)) == [3, 1]
    assert await ids(store, Wanted(since=NOW_MS + 1)) == [3, 2]
    assert await ids(store, Wanted(results=("failed",))) == [3]
    assert await ids(store, Wanted(room_id="elsewhere", results=("failed",))) == []
    assert await ids(store, Wanted(results=("failed", "empty"))) == [3, 2, 1]
    assert await ids(store, limit=2) == [3, 2]


async def test_what_still_ran_then(store: CallStore) -> None:
    """A call is in the hours in which it ran, not only in that in which it began."""
    for number, ended_at in ((1, NOW_MS + 99), (2, NOW_MS + 100), (3, None)):
        await store.write(Snapshot.of(call(number, ended_at=ended_at), NOW_MS))
    await store.write(Snapshot.of(call(4, started_at=NOW_MS + 200, ended_at=NOW_MS + 201), NOW_MS))
    assert await ids(store, Wanted(running_since=NOW_MS + 100)) == [4, 3, 2]
    assert await ids(store, Wanted(running_since=NOW_MS + 202)) == [3]


async def test_ids_by_their_first_digits(store: CallStore) -> None:
    for known in ("ab" * 16, "abac" * 8, "9f" * 16):
        await store.write(Snapshot.of(CallRecord(id=known, room=ROOM, node="one", started_at=NOW_MS), NOW_MS))
    assert await store.select_ids("ab", 10) == ["ab" * 16, "abac" * 8]
    assert await store.select_ids("ab", 1) == ["ab" * 16]
    assert await store.select_ids("abac", 10) == ["abac" * 8]
    assert await store.select_ids("9f" * 16, 10) == ["9f" * 16]
    assert await store.select_ids("9e", 10) == []


async def test_records_that_name_nobody(store: CallStore) -> None:
    await store.write(Snapshot.of(call(1, members=[]), NOW_MS + 5))
    await store.write(Snapshot.of(call(2), NOW_MS))
    await store.write(Snapshot.of(call(3, members=[], ended_at=None), NOW_MS))
    await store.write(Snapshot.of(call(4, members=[], room="elsewhere"), NOW_MS))
    assert await store.select_without_people(ROOM, NOW_MS, 10) == [(call(1, members=[]), NOW_MS + 5)]
    assert await store.select_without_people(ROOM, NOW_MS + 1, 10) == []


async def test_silent_calls_run_and_were_not_written(store: CallStore) -> None:
    await store.write(Snapshot.of(call(1, ended_at=None), NOW_MS))
    await store.write(Snapshot.of(call(2), NOW_MS))
    await store.write(Snapshot.of(call(3, ended_at=None), NOW_MS + 10))
    assert await store.select_silent(NOW_MS + 10, 10) == [Silent(NOW_MS, call_id(1), call(1, ended_at=None))]


async def test_silent_calls_come_in_pages(store: CallStore) -> None:
    for number, written_at in ((3, 1), (1, 2), (2, 2), (4, 0)):
        await store.write(Snapshot.of(call(number, ended_at=None), NOW_MS + written_at))
    seen: list[int] = []
    last = None
    while page := await store.select_silent(NOW_MS + 10, 1, last):
        seen += [int(found.call_id, 16) for found in page]
        last = page[-1]
    assert seen == [4, 3, 1, 2]


async def test_the_call_that_runs_in_a_room_at_another_node(store: CallStore) -> None:
    await store.write(Snapshot.of(call(1), NOW_MS))
    await store.write(Snapshot.of(call(2, ended_at=None, room="elsewhere"), NOW_MS))
    assert await store.select_running(ROOM, NOW_MS, node="two") is None
    await store.write(Snapshot.of(call(3, ended_at=None), NOW_MS))
    assert await store.select_running(ROOM, NOW_MS, node="two") == call_id(3)
    assert await store.select_running(ROOM, NOW_MS, node="one") is None
    assert await store.select_running(ROOM, NOW_MS + 1, node="two") is None


async def test_a_record_is_replaced_only_as_it_was_read(store: CallStore) -> None:
    await store.write(Snapshot.of(call(), NOW_MS))
    assert await store.replace(Snapshot.of(call(members=[]), NOW_MS + 1), NOW_MS)
    assert not await store.replace(Snapshot.of(call(), NOW_MS + 2), NOW_MS)
    assert await store.select(call_id(1)) == call(members=[])
    (found,) = await store.select_overviews(EVERYTHING, None, 10)
    assert (found.people, found.updated_at) == (0, NOW_MS + 1)


async def test_an_interrupted_call_whose_server_speaks_again_goes_on(store: CallStore) -> None:
    await store.write(Snapshot.of(call(ended_at=None), NOW_MS))
    cut_off = call(ended_at=NOW_MS, interrupted=True)
    assert await store.interrupt(Snapshot.of(cut_off, NOW_MS))
    assert await store.select(call_id(1)) == cut_off
    assert not await store.interrupt(Snapshot.of(cut_off, NOW_MS))
    await store.write(Snapshot.of(call(ended_at=None), NOW_MS + 1))
    assert not await store.interrupt(Snapshot.of(cut_off, NOW_MS))
    assert await store.select(call_id(1)) == call(ended_at=None)


async def test_old_calls_are_deleted_in_batches(store: CallStore) -> None:
    for number in range(5):
        await store.write(Snapshot.of(call(number, started_at=NOW_MS + number), NOW_MS + 100))
    await store.write(Snapshot.of(call(9, started_at=NOW_MS, ended_at=None), NOW_MS + 100))
    assert await store.delete_old(NOW_MS + 4, 3) == 3
    assert await store.delete_old(NOW_MS + 4, 3) == 1
    assert await ids(store) == [4, 9]  # the one that runs stays


async def test_what_a_newer_version_wrote_stops_nobody(store: CallStore, database: Database) -> None:
    await store.write(Snapshot.of(call(1, ended_at=None), NOW_MS))
    await store.write(Snapshot.of(call(2, ended_at=None), NOW_MS))
    strange = encode_record(call(1)).decode().replace('"role":"host"', '"role":"emperor"')
    async with database.write() as db:
        await db.execute(
            text("UPDATE calls SET record = :record WHERE id = :id"), {"record": strange, "id": call_id(1)}
        )
    unreadable, readable = await store.select_silent(NOW_MS + 1, 10)
    assert (unreadable.call_id, unreadable.record) == (call_id(1), None)
    assert (readable.call_id, readable.record) == (call_id(2), call(2, ended_at=None))
    assert await ids(store) == [2, 1]
    assert await store.delete_old(NOW_MS + 1, 10) == 2


async def test_a_record_names_people_in_any_script(store: CallStore) -> None:
    member = MemberRecord(id="m", name="Ωμέγα 👩‍💻 \u2028", role="guest", joined_at=NOW_MS)
    await store.write(Snapshot.of(call(members=[member]), NOW_MS))
    found = await store.select(call_id(1))
    assert found is not None
    assert found.members == [member]
