"""The keeper of call records: what is written when, and what becomes of it when the database is away."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from prometheus_client import CollectorRegistry

from signaling.calls import backlog
from signaling.calls.keeper import CallKeeper
from signaling.calls.metrics import CallMetrics
from signaling.calls.snapshot import Snapshot, decode_record, encode_record
from signaling.core.calls.record import Entry
from signaling.core.calls.timeline import Timeline
from signaling.core.messages import Candidate, PeerStats, SendStats, WebRtc
from signaling.core.room import Member
from tests.signaling.calls.records import NOW, NOW_MS, SetClock, call_id, running


class Away(Exception):
    """The database cannot be reached."""


class FakeStore:
    """A store that can be away, slow, or refuse single records."""

    def __init__(self) -> None:
        self.written: list[tuple[str, int, bool]] = []
        self.tried: list[int] = []
        """How much was to be written at once, each time."""
        self.sizes: list[int] = []
        """Of what was written at once."""
        self.away = False
        self.away_after: int | None = None
        """How many more are written before the database goes away."""
        self.refused: set[str] = set()
        self.open = asyncio.Event()
        self.open.set()
        self.asked = asyncio.Event()
        self.changed = asyncio.Condition()

    async def write(self, *snapshots: Snapshot) -> None:
        told = [(one.id, one.updated_at, one.ended_at is not None) for one in (copy.overview for copy in snapshots)]
        self.tried.append(len(told))
        self.asked.set()
        await self.open.wait()
        if self.away or self.away_after == len(self.written):
            raise Away("no route")
        if not self.refused.isdisjoint(call for call, _, _ in told):
            raise ValueError("not like this")
        async with self.changed:
            self.written += told
            self.sizes.append(len(told))
            self.changed.notify_all()

    async def until(self, count: int) -> None:
        """Wait until so much was written."""
        async with asyncio.timeout(10), self.changed:
            await self.changed.wait_for(lambda: len(self.written) >= count)

    @property
    def ids(self) -> list[int]:
        """What was written, by number."""
        return [int(call, 16) for call, _, _ in self.written]


class Desk:
    """A keeper among fakes."""

    def __init__(self) -> None:
        self.store = FakeStore()
        self.clock = SetClock()
        self.registry = CollectorRegistry()
        self.keeper = CallKeeper(self.store, CallMetrics(self.registry), self.clock, Away, interval_s=0.01)

    def begin(self, number: int = 1) -> Timeline:
        timeline = running(number, room=f"room-{number}")
        self.keeper.begin(timeline)
        return timeline

    def end(self, timeline: Timeline) -> None:
        timeline.record.ended_at = NOW_MS + 1
        timeline.changed = True
        self.keeper.ended(timeline)

    @property
    def dropped(self) -> float | None:
        return self.registry.get_sample_value("chatter_call_records_dropped_total")


@pytest.fixture
def desk() -> Desk:
    return Desk()


def events(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [str(getattr(record, "event", "")) for record in caplog.records]


@asynccontextmanager
async def at_work(desk: Desk) -> AsyncIterator[None]:
    task = asyncio.create_task(desk.keeper.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


# --- out of turn


async def test_the_calls_of_one_room_are_written_when_someone_looks(desk: Desk) -> None:
    first, second = desk.begin(1), desk.begin(2)
    await desk.keeper.write_room("room-1")
    await desk.keeper.write_room("room-1")
    assert desk.store.ids == [1], "nothing new to write, the second time"
    first.changed = True
    desk.clock.now = NOW + 0.9
    await desk.keeper.write_room("room-1")
    assert desk.store.ids == [1], "what is there is new enough"
    assert first.changed
    desk.clock.now = NOW + 1
    await desk.keeper.write_room("room-1")
    desk.end(second)
    await desk.keeper.write_room("room-1")
    assert desk.store.ids == [1, 1]
    await desk.keeper.write_room("room-2")
    assert desk.store.ids == [1, 1, 2]
    await desk.keeper.write_room("nowhere")


async def test_who_looks_while_the_database_is_away_is_told(desk: Desk) -> None:
    timeline = desk.begin()
    desk.store.away = True
    with pytest.raises(Away):
        await desk.keeper.write_room("room-1")
    assert timeline.changed


# --- what is written when


async def test_only_what_changed_is_written(desk: Desk) -> None:
    first, _ = desk.begin(1), desk.begin(2)
    await desk.keeper.flush()
    assert desk.store.ids == [1, 2]
    await desk.keeper.flush()
    assert desk.store.ids == [1, 2]
    first.changed = True
    await desk.keeper.flush()
    assert desk.store.ids == [1, 2, 1]
    assert not first.changed


async def test_many_are_written_together_but_not_all_at_once(desk: Desk) -> None:
    for number in range(120):
        desk.begin(number)
    desk.end(desk.begin(120))
    await desk.keeper.flush()
    assert desk.store.ids == [120, *range(120)]
    assert desk.store.sizes == [50, 50, 21]


async def test_large_ones_are_not_written_together(desk: Desk) -> None:
    for number in range(4):
        timeline = desk.begin(number)
        for name in range(200):
            timeline.join(Member(f"member-{name}", "n" * 64, "guest"), Entry(), NOW)
    await desk.keeper.flush()
    assert desk.store.ids == [0, 1, 2, 3]
    assert max(desk.store.sizes) < 4


async def test_what_ended_while_others_were_written_is_left_to_its_end(desk: Desk) -> None:
    timelines = [desk.begin(number) for number in range(51)]
    desk.store.open.clear()
    flushing = asyncio.create_task(desk.keeper.flush())
    await desk.store.asked.wait()
    desk.end(timelines[50])
    desk.store.open.set()
    await flushing
    assert desk.store.ids == list(range(50))
    await desk.keeper.flush()
    assert [(call, ended) for call, _, ended in desk.store.written[50:]] == [(call_id(50), True)]


async def test_a_quiet_call_is_written_as_a_sign_of_life(desk: Desk) -> None:
    desk.begin()
    await desk.keeper.flush()
    for later, count in ((59.9, 1), (60.0, 2), (119.9, 2), (120.0, 3)):
        desk.clock.now = NOW + later
        await desk.keeper.flush()
        assert len(desk.store.written) == count, later


async def test_a_clock_that_is_set_back_stops_nothing(desk: Desk) -> None:
    timeline = desk.begin()
    await desk.keeper.flush()
    desk.clock.now = NOW - 3600
    timeline.changed = True
    await desk.keeper.flush()
    desk.clock.now = NOW - 7200
    await desk.keeper.flush()
    assert [stamp for _, stamp, _ in desk.store.written] == [NOW_MS, NOW_MS + 1, NOW_MS + 2]


async def test_the_end_is_written_once_and_forgotten(desk: Desk) -> None:
    timeline = desk.begin()
    await desk.keeper.flush()
    desk.end(timeline)
    assert desk.keeper.timeline_of("room-1") is None
    assert desk.keeper.knows(call_id(1))
    await desk.keeper.flush()
    await desk.keeper.flush()
    assert [ended for _, _, ended in desk.store.written] == [False, True]
    assert not desk.keeper.knows(call_id(1))


async def test_the_end_is_written_at_once_while_it_runs(desk: Desk) -> None:
    keeper = CallKeeper(desk.store, CallMetrics(CollectorRegistry()), desk.clock, Away, interval_s=3600)
    desk.keeper = keeper
    async with at_work(desk):
        await asyncio.sleep(0)
        desk.end(desk.begin())
        await desk.store.until(1)


async def test_what_changed_is_written_again_and_again_while_it_runs(desk: Desk) -> None:
    timeline = desk.begin()
    async with at_work(desk):
        for count in (1, 2, 3):
            await desk.store.until(count)
            timeline.changed = True


async def test_a_call_that_ends_while_it_is_being_written_is_written_again(desk: Desk) -> None:
    timeline = desk.begin()
    desk.store.open.clear()
    flushing = asyncio.create_task(desk.keeper.flush())
    await asyncio.sleep(0)
    desk.end(timeline)
    desk.store.open.set()
    await flushing
    await desk.keeper.flush()
    assert [ended for _, _, ended in desk.store.written] == [False, True]


async def test_the_next_call_in_a_room_does_not_end_with_the_last(desk: Desk) -> None:
    first = desk.begin()
    second = running(2, room="room-1")
    desk.keeper.begin(second)
    desk.end(first)
    assert desk.keeper.timeline_of("room-1") is second
    await desk.keeper.flush()
    assert sorted(desk.store.ids) == [1, 2]


async def test_what_is_newer_here_by_room(desk: Desk) -> None:
    first, second = desk.begin(1), desk.begin(2)
    desk.end(second)
    assert desk.keeper.timeline_of("room-1") is first
    for number, timeline in ((1, first), (2, second)):
        room = f"room-{number}"
        encoded = desk.keeper.encoded(room, call_id(number))
        assert encoded is not None
        assert decode_record(encoded) == timeline.record
        assert desk.keeper.encoded(room, call_id(3 - number)) is None
        (overview,) = await desk.keeper.overviews(room)
        assert (overview.id, overview.ended_at) == (call_id(number), timeline.record.ended_at)
        assert desk.keeper.knows(call_id(number))
    assert await desk.keeper.overviews("room-3") == []
    assert not desk.keeper.knows(call_id(3))


async def test_what_lists_show_is_found_out_once_per_copy_and_never_on_the_loop(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[int] = []
    read = Snapshot.read

    def read_and_note(encoded: bytes, updated_at: int) -> Snapshot:
        threads.append(threading.get_ident())
        return read(encoded, updated_at)

    monkeypatch.setattr(Snapshot, "read", read_and_note)
    timeline = desk.begin()
    await desk.keeper.overviews("room-1")  # before it was ever written
    for _ in range(3):
        await desk.keeper.flush()
        await desk.keeper.overviews("room-1")
    assert len(threads) == 2
    desk.end(timeline)
    await desk.keeper.overviews("room-1")
    await desk.keeper.flush()
    assert len(threads) == 3
    assert threading.get_ident() not in threads


async def test_what_is_only_counted_waits_for_the_next_sign_of_life(desk: Desk) -> None:
    timeline = desk.begin()
    for name in ("ann", "bob"):
        timeline.join(Member(name, name, "guest"), Entry(), NOW)
    offer = WebRtc(action="offer", from_="bob", to="ann", sdp="a=ice-ufrag:u", connection="c1")
    timeline.signal(offer, NOW)
    await desk.keeper.flush()
    host = Candidate("candidate:1 1 udp 2122 192.0.2.1 5000 typ host")
    for later, count in ((5, 1), (55, 1), (60, 2)):
        desk.clock.now = NOW + later
        timeline.signal(WebRtc(action="ice", from_="bob", to="ann", candidate=host, connection="c1"), desk.clock.now)
        timeline.digest("bob", SendStats(peers=(PeerStats(clientId="ann", rttMs=50.0),)), desk.clock.now)
        await desk.keeper.flush()
        assert len(desk.store.written) == count, later


# --- the database is away


async def test_everything_waits_for_a_database_that_is_away(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    desk.end(desk.begin(1))
    live = desk.begin(2)
    desk.store.away = True
    for _ in range(3):
        await desk.keeper.flush()
    assert events(caplog) == ["call_records_waiting"]
    assert live.changed
    desk.store.away = False
    await desk.keeper.flush()
    await desk.keeper.flush()
    assert desk.store.ids == [1, 2]
    assert events(caplog) == ["call_records_waiting", "call_records_written"]
    assert desk.dropped == 0


async def test_it_goes_on_by_itself_when_the_database_is_back(desk: Desk) -> None:
    desk.store.away = True
    async with at_work(desk):
        desk.end(desk.begin(1))
        await desk.keeper.flush()
        desk.store.away = False
        await desk.store.until(1)


async def test_the_oldest_of_too_many_are_dropped_and_counted(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "MOST_CALLS", 3)
    desk.store.away = True
    for number in range(1, 6):
        desk.end(desk.begin(number))
        await desk.keeper.flush()
    assert desk.dropped == 2
    desk.store.away = False
    await desk.keeper.flush()
    assert desk.store.ids == [3, 4, 5]


async def test_the_oldest_of_too_large_ones_are_dropped_and_counted(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog, "MOST_BYTES", 2 * len(encode_record(running(1, ended_at=NOW_MS + 1).record)) + 20)
    desk.store.away = True
    for number in range(1, 4):
        desk.end(desk.begin(number))
    assert desk.dropped == 1
    desk.store.away = False
    await desk.keeper.flush()
    assert desk.store.ids == [2, 3]
    desk.end(desk.begin(4))
    desk.end(desk.begin(5))
    assert desk.dropped == 1, "what was stored takes no place any more"


def test_of_a_call_that_ended_only_its_record_is_kept(desk: Desk) -> None:
    desk.end(desk.begin(77))
    gc.collect()
    timelines = [found for found in gc.get_objects() if type(found) is Timeline]
    assert call_id(77) not in [timeline.record.id for timeline in timelines]
    assert desk.keeper.knows(call_id(77))


def test_a_thousand_ended_calls_may_wait_in_64_mib() -> None:
    assert (backlog.MOST_CALLS, backlog.MOST_BYTES) == (1000, 64 * 2**20)


# --- a record that cannot be stored


async def test_one_record_that_is_refused_does_not_hold_up_the_others(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    bad, ended = desk.begin(1), desk.begin(2)
    desk.begin(3)
    desk.store.refused = {call_id(1), call_id(2)}
    desk.end(ended)
    await desk.keeper.flush()
    assert desk.store.ids == [3]
    assert desk.dropped == 1
    bad.changed = True
    await desk.keeper.flush()
    assert events(caplog) == ["call_record_refused", "call_record_refused"]  # once for each
    desk.store.refused = set()
    desk.end(bad)
    await desk.keeper.flush()
    assert desk.store.ids == [3, 1]
    assert desk.dropped == 1
    caplog.clear()


async def test_a_record_that_was_refused_is_tried_apart_from_the_others(desk: Desk) -> None:
    timelines = [desk.begin(number) for number in (1, 2, 3)]
    for refused, expected in (({call_id(1)}, [3, 1, 1, 1]), ({call_id(1)}, [2, 1]), (set(), [2, 1]), (set(), [3])):
        desk.store.refused = refused
        desk.store.tried.clear()
        for timeline in timelines:
            timeline.changed = True
        await desk.keeper.flush()
        assert desk.store.tried == expected


async def test_a_database_that_goes_away_among_refused_ones_leaves_the_rest_for_later(desk: Desk) -> None:
    timelines = [desk.begin(number) for number in (1, 2, 3)]
    desk.store.refused = {call_id(1)}
    desk.store.away_after = 1
    await desk.keeper.flush()
    assert desk.store.ids == [2]
    assert [timeline.changed for timeline in timelines] == [False, False, True]
    desk.store.away_after = None
    await desk.keeper.flush()
    assert desk.store.ids == [2, 3]


# --- the end of it


async def test_stopping_writes_all(desk: Desk) -> None:
    desk.end(desk.begin(1))
    desk.begin(2)
    await desk.keeper.stop(10)
    assert desk.store.ids == [1, 2]
    assert desk.dropped == 0


async def test_stopping_does_not_wait_for_a_database_that_never_answers(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.end(desk.begin(1))
    desk.end(desk.begin(2))
    desk.store.open.clear()
    await desk.keeper.stop(0.01)
    assert desk.store.written == []
    assert desk.dropped == 2
    assert events(caplog) == ["call_records_lost"]


async def test_stopping_after_being_cancelled_in_the_midst_of_writing(desk: Desk) -> None:
    desk.store.open.clear()
    async with at_work(desk):
        await asyncio.sleep(0)
        desk.end(desk.begin(1))
        desk.begin(2)
        await desk.store.asked.wait()
    desk.store.open.set()
    await desk.keeper.stop(10)
    assert desk.store.ids == [1, 2]


async def test_a_call_that_goes_on_elsewhere_is_written_there(desk: Desk) -> None:
    there = CallKeeper(desk.store, CallMetrics(CollectorRegistry()), desk.clock, Away)
    assert desk.keeper.newest(running(2)) == 0
    timeline = desk.begin()
    await desk.keeper.flush()
    stamp = desk.keeper.newest(timeline)
    desk.keeper.release(timeline)
    timeline.changed = True
    await desk.keeper.flush()
    assert len(desk.store.written) == 1
    there.begin(timeline, stamp)
    await there.flush()
    stamps = [updated_at for _, updated_at, _ in desk.store.written]
    assert stamps == [stamp, stamp + 1], "it grows, whatever the clock does"
