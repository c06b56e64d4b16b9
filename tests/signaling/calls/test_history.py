"""Calls as owners and moderators see them, on both databases, with some of them still in the keeper's memory."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import msgspec
import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import text

from signaling.calls.history import CallHistory, CallNotFound
from signaling.calls.keeper import CallKeeper
from signaling.calls.metrics import CallMetrics
from signaling.calls.overview import CallOverview
from signaling.calls.settings import CallSettings
from signaling.calls.snapshot import Snapshot
from signaling.calls.store import CallStore, Place, Wanted
from signaling.core.calls.record import CallRecord
from signaling.elsewhere import Elsewhere, Trouble
from signaling.ports import Database, Unavailable
from signaling.refusals import Refusal
from signaling.rooms import RoomNotFound
from tests.signaling.calls.records import NOW, NOW_MS, ROOM, SetClock, call, call_id, running

OWNER, STRANGER = 1, 3
DAY_MS = 86_400_000


class Node:
    """One server's keeper and history on a database that it may share."""

    def __init__(self, database: Database, name: str = "one") -> None:
        self.clock = SetClock()
        self.store = CallStore(database)
        self.made_at = 0
        self.registry = CollectorRegistry()
        self.refused: dict[str, Refusal] = {}
        metrics = CallMetrics(self.registry)
        self.keeper = CallKeeper(self.store, metrics, self.clock, Unavailable)
        self.history = CallHistory(
            CallSettings(),
            self.store,
            self.keeper,
            metrics,
            kept_since=self._kept_since,
            refused=self.refused.get,
            node=name,
            clock=self.clock,
        )

    async def _kept_since(self, room_id: str, user_id: int) -> int | None:
        return self.made_at if (room_id, user_id) == (ROOM, OWNER) else None

    async def numbers(self, before: Place | None = None, limit: int = 50) -> list[int]:
        """List the calls of the room by number."""
        return [int(found.id, 16) for found in await self.history.list(ROOM, OWNER, before, limit)]

    async def alone(self) -> list[CallRecord]:
        """Return the stored records that name nobody, newest first."""
        return [record for record, _ in await self.store.select_without_people(ROOM, 0, 1000)]


@pytest.fixture
def node(database: Database) -> Node:
    return Node(database)


@pytest.fixture
def other(database: Database) -> Node:
    return Node(database, "two")


# --- who sees what


async def test_strangers_see_nothing(node: Node) -> None:
    await node.store.write(Snapshot.of(call(), NOW_MS))
    for room, user in ((ROOM, STRANGER), ("elsewhere", OWNER)):
        with pytest.raises(RoomNotFound):
            await node.history.list(room, user, None, 50)
        with pytest.raises(RoomNotFound):
            await node.history.show(room, call_id(1), user)


async def test_calls_of_another_room_are_not_there(node: Node) -> None:
    await node.store.write(Snapshot.of(call(1, room="elsewhere"), NOW_MS))
    node.keeper.begin(running(2, room="elsewhere"))
    assert await node.numbers() == []
    for number in (1, 2, 3):
        with pytest.raises(CallNotFound):
            await node.history.show(ROOM, call_id(number), OWNER)


async def test_calls_in_a_former_room_of_the_same_name_are_not_the_new_owners(node: Node) -> None:
    await node.store.write(Snapshot.of(call(1), NOW_MS))
    node.keeper.begin(running(2))
    await node.store.write(Snapshot.of(call(3, started_at=NOW_MS + 10), NOW_MS))
    node.made_at = NOW_MS + 5
    assert await node.numbers() == [3]
    for number in (1, 2):
        with pytest.raises(CallNotFound):
            await node.history.show(ROOM, call_id(number), OWNER)


# --- memory and database


async def test_what_runs_here_is_shown_as_it_is_now(node: Node) -> None:
    timeline = running()
    node.keeper.begin(timeline)
    await node.keeper.flush()
    timeline.record.members.clear()
    shown = await node.history.show(ROOM, call_id(1), OWNER)
    assert shown == timeline.record
    assert shown is not timeline.record, "it goes on changing"


async def test_lists_show_what_runs_here_as_it_was_written_last(node: Node) -> None:
    timeline = running()
    node.keeper.begin(timeline)
    await node.keeper.flush()
    timeline.record.members.clear()
    timeline.changed = True
    for people in (1, 0):
        (found,) = await node.history.list(ROOM, OWNER, None, 50)
        assert (found.people, found.ended_at) == (people, None)
        await node.keeper.flush()


async def test_a_call_that_ends_while_it_is_listed_is_listed_as_ended(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    timeline = running()
    node.keeper.begin(timeline)
    await node.keeper.flush()
    select = node.store.select_overviews

    async def select_later(wanted: Wanted, before: Place | None, limit: int) -> list[CallOverview]:
        timeline.record.ended_at = NOW_MS + 1
        node.keeper.ended(timeline)
        await node.keeper.flush()
        return await select(wanted, before, limit)

    monkeypatch.setattr(node.store, "select_overviews", select_later)
    (found,) = await node.history.list(ROOM, OWNER, None, 50)
    assert found.ended_at == NOW_MS + 1


async def test_what_runs_elsewhere_is_shown_as_it_was_written(node: Node, other: Node) -> None:
    timeline = running()
    other.keeper.begin(timeline)
    await other.keeper.flush()
    assert await node.history.show(ROOM, call_id(1), OWNER) == timeline.record
    assert await node.numbers() == [1]


async def test_pages_have_what_is_stored_and_what_is_not_yet(node: Node) -> None:
    for number in (1, 2, 4):
        await node.store.write(Snapshot.of(call(number, started_at=NOW_MS + number), NOW_MS))
    for number in (3, 5):
        node.keeper.begin(timeline := running(number, started_at=NOW_MS + number))
        node.keeper.ended(timeline)
    assert await node.numbers() == [5, 4, 3, 2, 1]
    seen: list[int] = []
    before = None
    while page := await node.history.list(ROOM, OWNER, before, 2):
        seen += [int(found.id, 16) for found in page]
        before = Place(page[-1].started_at, page[-1].id)
    assert seen == [5, 4, 3, 2, 1]


# --- servers that are gone


async def test_what_a_killed_server_left_is_marked_as_interrupted(node: Node, other: Node) -> None:
    """Kill -9: nothing is written at the end, the last flush is all there is."""
    other.keeper.begin(running())
    await other.keeper.flush()
    node.clock.now = NOW + 299
    await node.history.end_interrupted()
    assert (await node.history.show(ROOM, call_id(1), OWNER)).ended_at is None
    node.clock.now = NOW + 301
    await node.history.end_interrupted()
    await node.history.end_interrupted()
    record = await node.history.show(ROOM, call_id(1), OWNER)
    assert (record.interrupted, record.ended_at) == (True, NOW_MS)
    (found,) = await node.history.list(ROOM, OWNER, None, 50)
    assert found.ended_at == NOW_MS


async def test_what_a_newer_server_wrote_does_not_keep_the_others_from_being_marked(
    node: Node, other: Node, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("signaling.calls.history._BATCH", 2)
    for number in (1, 2, 3):
        await other.store.write(Snapshot.of(call(number, ended_at=None), NOW_MS))
    async with database.write() as db:
        unreadable = {"record": '{"version":99}', "first": call_id(1), "second": call_id(2)}
        await db.execute(text("UPDATE calls SET record = :record WHERE id IN (:first, :second)"), unreadable)
    node.clock.now = NOW + 301
    await node.history.end_interrupted()
    found = await node.history.list(ROOM, OWNER, None, 50)
    assert {int(shown.id, 16): shown.ended_at for shown in found} == {1: None, 2: None, 3: NOW_MS}


async def test_a_quiet_call_on_another_node_is_left_alone(node: Node, other: Node) -> None:
    other.keeper.begin(running())
    for seconds in range(0, 600, 5):
        node.clock.now = other.clock.now = NOW + seconds
        await other.keeper.flush()
        await node.history.end_interrupted()
    assert not (await node.history.show(ROOM, call_id(1), OWNER)).interrupted


async def test_a_call_of_ones_own_runs_on_after_the_database_was_away(node: Node) -> None:
    node.keeper.begin(running())
    await node.keeper.flush()
    node.clock.now = NOW + 600
    await node.history.end_interrupted()
    record = await node.store.select(call_id(1))
    assert record is not None
    assert not record.interrupted


async def test_a_call_whose_node_could_not_write_for_a_while_runs_on(node: Node, other: Node) -> None:
    other.keeper.begin(timeline := running())
    await other.keeper.flush()
    node.clock.now = other.clock.now = NOW + 600
    await node.history.end_interrupted()
    await other.keeper.flush()
    assert await node.history.show(ROOM, call_id(1), OWNER) == timeline.record


# --- what browsers cannot say over the socket


async def test_a_trouble_goes_into_the_call_that_runs(node: Node) -> None:
    node.keeper.begin(timeline := running())
    await node.history.note(ROOM, "socket_blocked")
    (event,) = timeline.record.events
    assert (event.at, event.kind, event.detail) == (NOW_MS, "unreachable", "socket_blocked")
    assert timeline.changed
    assert await node.alone() == []


async def test_troubles_without_a_call_share_a_record_for_ten_minutes(node: Node, other: Node) -> None:
    await node.history.note(ROOM, "socket_blocked")
    node.clock.now = other.clock.now = NOW + 600
    await other.history.note(ROOM, "socket_lost")
    await node.history.note("elsewhere", "socket_lost")
    (record,) = await node.alone()
    assert [event.detail for event in record.events] == ["socket_blocked", "socket_lost"]
    assert (record.started_at, record.ended_at, record.members) == (NOW_MS, NOW_MS + 600_000, [])
    node.clock.now = NOW + 601
    await node.history.note(ROOM, "socket_blocked")
    assert len(await node.alone()) == 2
    (newest, _) = await node.history.list(ROOM, OWNER, None, 50)
    assert (newest.result, newest.people) == ("failed", 0)


async def test_a_trouble_told_to_another_server_names_the_call_that_ran(node: Node, other: Node) -> None:
    other.keeper.begin(timeline := running(node="two"))
    await other.keeper.flush()
    await node.history.note(ROOM, "socket_blocked")
    assert timeline.record.events == []
    (record,) = await node.alone()
    assert record.beside == timeline.record.id
    newest = max(await node.history.list(ROOM, OWNER, None, 50), key=lambda found: found.people == 0)
    assert f"while call {call_id(1)[:12]} ran at another server" in newest.text
    timeline.record.ended_at = NOW_MS
    other.keeper.ended(timeline)
    await other.keeper.flush()
    await node.history.note(ROOM, "socket_blocked")
    (record,) = await node.alone()
    assert (record.beside, len(record.events)) == (call_id(1), 2)


async def test_two_servers_note_troubles_at_once_and_none_is_lost(node: Node, other: Node) -> None:
    await node.history.note(ROOM, "socket_blocked")
    await asyncio.gather(*(here.history.note(ROOM, "socket_lost") for _ in range(10) for here in (node, other)))
    (record,) = await node.alone()
    assert len(record.events) == 21


async def test_a_call_of_a_recorder_alone_takes_no_troubles(node: Node) -> None:
    members = [msgspec.structs.replace(call().members[0], kind="recorder")]
    await node.store.write(Snapshot.of(call(members=members), NOW_MS))
    await node.history.note(ROOM, "socket_lost")
    assert len(await node.alone()) == 2


async def test_many_troubles_at_once_make_one_bounded_record(node: Node) -> None:
    await asyncio.gather(*(node.history.note(ROOM, "socket_blocked") for _ in range(60)))
    (record,) = await node.alone()
    assert (len(record.events), record.more_events) == (50, 10)


async def test_a_clock_that_is_set_back_does_not_lose_a_trouble(node: Node) -> None:
    await node.history.note(ROOM, "socket_blocked")
    node.clock.now = NOW - 60
    await node.history.note(ROOM, "socket_blocked")
    (record,) = await node.alone()
    assert len(record.events) == 2
    assert record.ended_at == record.started_at


@pytest.mark.parametrize(
    ("trouble", "refused", "page_allowed", "detail"),
    [
        ("socket_blocked", None, None, "socket_blocked"),
        ("socket_blocked", "bad_origin", None, "origin_refused"),
        ("socket_blocked", "bad_origin", True, "socket_blocked"),  # that was somebody else
        ("socket_blocked", None, False, "origin_refused"),  # another server refused it
        ("socket_blocked", "draining", True, "draining"),
        ("socket_lost", None, True, "socket_lost"),
        ("socket_lost", "bad_origin", None, "socket_lost"),  # it had a socket: its origin is not the matter
        ("socket_lost", "draining", None, "draining"),
    ],
)
async def test_a_refusal_of_our_own_is_not_blamed_on_a_network(
    node: Node, trouble: Trouble, refused: Refusal | None, page_allowed: bool | None, detail: str
) -> None:
    if refused is not None:
        node.refused[ROOM] = refused
    await node.history.note(ROOM, trouble, page_allowed=page_allowed)
    (alone,) = await node.alone()
    node.keeper.begin(timeline := running())
    await node.history.note(ROOM, trouble, page_allowed=page_allowed)
    assert [record.events[-1].detail for record in (alone, timeline.record)] == [detail] * 2
    assert node.registry.get_sample_value("chatter_client_troubles_total", {"reason": detail}) == 2


# --- how long it is kept


async def test_calls_are_kept_for_thirty_days(node: Node) -> None:
    assert CallSettings().retention == timedelta(days=30)
    for number, age in ((1, 30 * DAY_MS + 1), (2, 30 * DAY_MS), (3, 0)):
        await node.store.write(Snapshot.of(call(number, started_at=NOW_MS - age), NOW_MS))
    await node.history.delete_expired()
    assert await node.numbers() == [3, 2]


async def test_more_than_a_batch_expires_at_once(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("signaling.calls.history._BATCH", 2)
    for number in range(5):
        await node.store.write(Snapshot.of(call(number, started_at=NOW_MS - 40 * DAY_MS), NOW_MS))
    await node.history.delete_expired()
    assert await node.numbers() == []


# --- calls at other nodes


class Owner(Elsewhere):
    """The node where the room lives, as another one asks it."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.reachable = True
        self.asked = 0

    async def write_calls(self, room_id: str) -> None:
        self.asked += 1
        if self.reachable:
            await self.node.keeper.write_room(room_id)

    async def note_trouble(
        self, room_id: str, trouble: Trouble, refused: Refusal | None, *, page_allowed: bool | None
    ) -> bool:
        return self.reachable and self.node.history.note_here(room_id, trouble, refused, page_allowed=page_allowed)


@pytest.fixture
def owner(node: Node, other: Node) -> Owner:
    """The first node, with a call, as the second sees it."""
    made = Owner(node)
    other.history._elsewhere = made
    return made


async def test_a_call_at_another_node_is_written_before_it_is_shown(node: Node, other: Node, owner: Owner) -> None:
    timeline = running()
    node.keeper.begin(timeline)
    assert await other.numbers() == [1]
    timeline.unreachable("socket_lost", NOW)
    node.clock.now = NOW + 1
    assert len((await other.history.show(ROOM, call_id(1), OWNER)).events) == 1
    owner.reachable = False
    timeline.unreachable("socket_lost", NOW + 1)
    assert len((await other.history.show(ROOM, call_id(1), OWNER)).events) == 1, "as it was written last"


async def test_nobody_is_asked_for_a_call_that_has_ended(node: Node, other: Node, owner: Owner) -> None:
    timeline = running()
    node.keeper.begin(timeline)
    assert (await other.history.show(ROOM, call_id(1), OWNER)).ended_at is None, "not stored yet"
    timeline.record.ended_at = NOW_MS + 1
    node.keeper.ended(timeline)
    assert (await other.history.show(ROOM, call_id(1), OWNER)).ended_at == NOW_MS + 1
    assert owner.asked == 2
    assert (await other.history.show(ROOM, call_id(1), OWNER)).ended_at == NOW_MS + 1
    assert owner.asked == 2


@pytest.mark.parametrize(
    ("there", "here", "detail"),
    [(None, None, "socket_blocked"), ("draining", None, "draining"), (None, "draining", "draining")],
)
async def test_a_trouble_is_noted_once_where_the_call_runs(
    node: Node, other: Node, owner: Owner, there: Refusal | None, here: Refusal | None, detail: str
) -> None:
    for asked, refused in ((node, there), (other, here)):
        if refused is not None:
            asked.refused[ROOM] = refused
    timeline = running()
    node.keeper.begin(timeline)
    await other.history.note(ROOM, "socket_blocked")
    assert [event.detail for event in timeline.record.events] == [detail]
    assert await other.alone() == []
    counted = [
        each.registry.get_sample_value("chatter_client_troubles_total", {"reason": detail}) for each in (node, other)
    ]
    assert counted == [1, 0]


async def test_a_trouble_is_noted_beside_a_call_that_cannot_be_reached(node: Node, other: Node, owner: Owner) -> None:
    owner.reachable = False
    node.keeper.begin(running())
    await other.history.note(ROOM, "socket_blocked")
    assert [event.detail for record in await other.alone() for event in record.events] == ["socket_blocked"]
