"""From start to film, with recorders that do as told: states, limits, crashes, restarts."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Collection
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from signaling.elsewhere import Elsewhere, NodeUnreachable
from signaling.recording.errors import (
    AlreadyRecording,
    QuotaExceeded,
    RecordersBusy,
    RecordingNotFound,
    RecordingNotReady,
    RoomEmpty,
    StorageFull,
    TooManyRecordings,
)
from signaling.recording.store import Recording, RecordingChange, RecordingExists, Status
from signaling.recording.tickets import TicketInvalid
from signaling.recording.wire import FILM, TRACKS, TRIES
from signaling.rooms import RoomNotFound
from tests.signaling.recording.conftest import MODERATOR, NOW, OWNER, ROOM, STRANGER, Studio
from tests.signaling.recording.waiting import until


async def test_from_start_to_film(studio: Studio) -> None:
    recording_id = await studio.begin()
    recorder = await studio.launcher.worker(1)
    assert recorder.job.url == "ws://127.0.0.1:8081/ws/stand-up?v=2"
    assert "alice" in recorder.job.display_name
    recorder.say(event="ticket_wanted")
    await until(lambda: asyncio.sleep(0, bool(recorder.orders)))
    claim = studio.service.tickets.recorder(recorder.orders[0].ticket)
    assert (claim.room_id, claim.recording_id) == (ROOM, recording_id)
    recorder.say(event="joined")
    await studio.until(recording_id, "recording")
    recorder.say(event="size", bytes=1234)
    studio.now += 60
    await studio.service.end(ROOM, recording_id, OWNER)
    maker = await studio.launcher.worker(2)
    assert maker.job.task == "compose"
    shown = await studio.service.show(ROOM, recording_id, OWNER)
    assert (shown.recording.status, shown.recording.bytes) == ("processing", 1234)
    assert shown.recording.stopped_at == (NOW + 60) * 1000
    maker.say(event="progress", progress=0.4)
    await until(lambda: half_done(studio, recording_id))
    maker.make()
    await studio.until(recording_id, "ready")
    shown = await studio.service.show(ROOM, recording_id, OWNER)
    assert shown.progress == 1.0
    assert (shown.recording.bytes, shown.recording.duration_ms, shown.recording.error) == (4, 5000, "")
    film = await studio.service.film(ROOM, recording_id, OWNER)
    assert film.read_bytes() == b"film"
    await until(lambda: asyncio.sleep(0, not (film.parent / TRACKS).exists()))
    assert studio.registry.get_sample_value("chatter_recordings_total", {"result": "ready"}) == 1


async def half_done(studio: Studio, recording_id: str) -> bool:
    return (await studio.service.show(ROOM, recording_id, OWNER)).progress == 0.4


async def test_a_moderator_may_and_a_stranger_learns_nothing(studio: Studio) -> None:
    recording_id = await studio.begin(MODERATOR)
    await studio.service.show(ROOM, recording_id, OWNER)
    for user, room in ((STRANGER, ROOM), (OWNER, "nowhere")):
        with pytest.raises(RoomNotFound):
            await studio.begin(user, room)
        with pytest.raises(RoomNotFound):
            await studio.service.show(room, recording_id, user)
        with pytest.raises(RoomNotFound):
            await studio.service.end(room, recording_id, user)
        with pytest.raises(RoomNotFound):
            await studio.service.list(room, user)
        with pytest.raises(RoomNotFound):
            await studio.service.delete(room, recording_id, user)
    assert (await studio.store.select(recording_id)) is not None


async def test_who_was_handed_the_call_may_record_it_and_sees_no_other_recording(studio: Studio) -> None:
    earlier = await studio.recorded()
    studio.leads.add(STRANGER)
    assert await studio.service.list(ROOM, STRANGER) == []
    running = await studio.begin(STRANGER)
    assert [shown.recording.id for shown in await studio.service.list(ROOM, STRANGER)] == [running]
    with pytest.raises(RecordingNotFound):
        await studio.service.film(ROOM, earlier, STRANGER)
    await studio.service.end(ROOM, running, STRANGER)
    studio.leads.clear()
    with pytest.raises(RoomNotFound):
        await studio.service.show(ROOM, running, STRANGER)


async def test_a_room_is_recorded_once_at_a_time(studio: Studio) -> None:
    results = await asyncio.gather(*(studio.begin() for _ in range(4)), return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["AlreadyRecording"] * 3 + ["str"]
    with pytest.raises(AlreadyRecording):
        await studio.begin()
    assert len(studio.launcher.started) == 1


async def test_an_empty_room_is_not_recorded(studio: Studio) -> None:
    studio.people = 0
    with pytest.raises(RoomEmpty):
        await studio.begin()
    assert await studio.service.list(ROOM, OWNER) == []


async def test_so_many_at_once(studio: Studio) -> None:
    studio.open(max_active=1)
    recording_id = await studio.begin()
    (await studio.launcher.worker(1)).end("stopped")
    await studio.launcher.worker(2)  # the film is being made: that counts too
    with pytest.raises(RecordersBusy):
        await studio.begin()
    studio.launcher.started[1].make()
    await studio.until(recording_id, "ready")
    await until(lambda: asyncio.sleep(0, studio.service.active == 0))
    await studio.begin()


async def test_so_many_each(studio: Studio) -> None:
    studio.open(max_per_user=1)
    await studio.recorded()
    with pytest.raises(TooManyRecordings):
        await studio.begin()
    await studio.begin(MODERATOR)


async def test_the_quota_counts_what_is_there_and_what_grows(studio: Studio) -> None:
    studio.open(quota_bytes=10)
    await studio.recorded(b"123456")
    studio.now += 1
    await studio.begin()
    recorder = await studio.launcher.worker(3)
    assert recorder.job.max_bytes == 2  # others may start, as many as are allowed
    recorder.say(event="size", bytes=4)
    recorder.end("quota_exceeded")
    (await studio.launcher.worker(4)).make(b"1234")
    await until(lambda: asyncio.sleep(0, studio.service.active == 0))
    newest = (await studio.service.list(ROOM, OWNER))[0].recording
    assert (newest.status, newest.error) == ("ready", "quota_exceeded")
    with pytest.raises(QuotaExceeded):
        await studio.begin()


async def test_a_disk_that_is_nearly_full(studio: Studio) -> None:
    studio.open(free_floor_bytes=2**62)
    with pytest.raises(StorageFull):
        await studio.begin()
    assert await studio.service.list(ROOM, OWNER) == []


async def test_a_crash_keeps_what_was_recorded(studio: Studio) -> None:
    recording_id = await studio.begin()
    recorder = await studio.launcher.worker(1)
    recorder.say(event="joined")
    recorder.crash()
    (await studio.launcher.worker(2)).make()
    await studio.until(recording_id, "ready")
    shown = await studio.service.show(ROOM, recording_id, OWNER)
    assert shown.recording.error == "crashed"


async def test_a_full_disk_in_the_midst_is_named(studio: Studio) -> None:
    recording_id = await studio.begin()
    (await studio.launcher.worker(1)).end("disk_full")
    (await studio.launcher.worker(2)).make()
    await studio.until(recording_id, "ready")
    assert (await studio.service.show(ROOM, recording_id, OWNER)).recording.error == "disk_full"


async def fail(studio: Studio, worker: int, code: str) -> None:
    """Let the making of a film fail, and wait until nothing is worked on."""
    maker = await studio.launcher.worker(worker)
    assert maker.job.task == "compose"
    if code != "crashed":
        maker.say(event="failed", code=code)
    maker.crash()
    await until(lambda: asyncio.sleep(0, studio.service.active == 0))


@pytest.mark.parametrize(
    ("code", "tries"), [("nothing_recorded", 1), ("disk_full", 3), ("crashed", 3), ("write_failed", 3)]
)
async def test_no_film(studio: Studio, code: str, tries: int) -> None:
    recording_id = await studio.begin()
    (await studio.launcher.worker(1)).end("empty")
    for number in range(tries):
        if number:
            assert (await studio.service.show(ROOM, recording_id, OWNER)).recording.status == "processing"
            studio.open()  # a restart does not forget how often it was tried
            await studio.service.recover()
        await fail(studio, 1 if number else 2, code)
    assert (await studio.service.show(ROOM, recording_id, OWNER)).recording.status == "failed"
    assert (await studio.service.show(ROOM, recording_id, OWNER)).recording.error == code
    assert (studio.settings.folder / recording_id / TRACKS).is_dir()
    with pytest.raises(RecordingNotReady):
        await studio.service.film(ROOM, recording_id, OWNER)
    assert studio.registry.get_sample_value("chatter_recordings_total", {"result": code}) == 1
    await studio.service.recover()
    assert studio.service.active == 0


@pytest.mark.parametrize("code", ["disk_full", "crashed", "write_failed"])
async def test_a_film_that_failed_is_made_the_next_time(studio: Studio, code: str) -> None:
    recording_id = await studio.begin()
    (await studio.launcher.worker(1)).end("stopped")
    await fail(studio, 2, code)
    await studio.service.tidy()
    (await studio.launcher.worker(3)).make()
    await studio.until(recording_id, "ready")
    await until(lambda: asyncio.sleep(0, studio.service.active == 0))
    shown = await studio.service.show(ROOM, recording_id, OWNER)
    assert shown.recording.error == ""
    assert not (studio.settings.folder / recording_id / TRIES).exists()


async def test_a_film_has_limits_too(studio: Studio) -> None:
    studio.open(free_floor_bytes=2)
    await studio.recorded()
    maker = studio.launcher.started[1]
    assert maker.job.free_floor_bytes == 1
    assert maker.job.max_seconds == studio.settings.max_length.total_seconds()


async def test_no_process_can_be_started(studio: Studio) -> None:
    studio.launcher.broken = True
    recording_id = await studio.begin()
    for _ in range(2):
        await until(lambda: asyncio.sleep(0, studio.service.active == 0))
        await studio.service.recover()
    await studio.until(recording_id, "failed")
    assert (await studio.service.show(ROOM, recording_id, OWNER)).recording.error == "crashed"


async def test_stop_ends_recorders_and_the_next_start_makes_the_films(studio: Studio) -> None:
    recording_id = await studio.begin()
    recorder = await studio.launcher.worker(1)
    recorder.say(event="joined")
    await studio.until(recording_id, "recording")
    await studio.service.stop()
    assert recorder.orders[-1].stop
    assert len(studio.launcher.started) == 1
    await studio.until(recording_id, "processing")
    studio.open()
    await studio.service.tidy()
    (await studio.launcher.worker(1)).make()
    await studio.until(recording_id, "ready")


async def test_stop_kills_who_does_not_obey(studio: Studio) -> None:
    recording_id = await studio.begin()
    recorder = await studio.launcher.worker(1)
    recorder.obeys = False
    await studio.service.stop()
    assert recorder.killed
    assert (await studio.store.select(recording_id)).status == "processing"  # type: ignore[union-attr]


async def test_a_server_that_drains_ends_its_recorders_and_makes_their_films(studio: Studio) -> None:
    recording_id = await studio.begin()
    recorder = await studio.launcher.worker(1)
    await studio.service.end_all()
    assert recorder.orders[-1].stop
    (await studio.launcher.worker(2)).make()
    await studio.until(recording_id, "ready")
    with pytest.raises(RecordersBusy):
        await studio.begin()
    await studio.service.end_all()


async def test_a_drain_does_not_wait_for_who_does_not_obey(studio: Studio) -> None:
    studio.open(stop_timeout=timedelta(milliseconds=10))
    await studio.begin()
    recorder = await studio.launcher.worker(1)
    recorder.obeys = False
    await studio.service.end_all()
    assert not recorder.killed


async def test_stop_leaves_a_half_made_film_for_the_next_start(studio: Studio) -> None:
    recording_id = await studio.begin()
    (await studio.launcher.worker(1)).end("stopped")
    maker = await studio.launcher.worker(2)
    await studio.service.stop()
    assert maker.killed
    assert (await studio.store.select(recording_id)).status == "processing"  # type: ignore[union-attr]
    studio.open()
    await studio.service.tidy()
    await studio.service.tidy()  # what is being recovered is not recovered twice
    (await studio.launcher.worker(1)).make()
    await studio.until(recording_id, "ready")
    assert len(studio.launcher.started) == 1


async def test_a_server_that_was_killed_left_rows_behind(studio: Studio) -> None:
    with_files = str(uuid.uuid4())
    for name, age_h in ((with_files, 0), ("of-another", 1), ("lost-for-good", 25)):
        await studio.store.insert(
            Recording(
                id=name,
                room_id=name,
                started_by=OWNER,
                started_at=int((NOW - age_h * 3600) * 1000),
                status="recording",
            )
        )
    (studio.settings.folder / with_files / TRACKS).mkdir(parents=True)
    await studio.service.recover()
    (await studio.launcher.worker(1)).make()
    await studio.until(with_files, "ready")
    await studio.until("lost-for-good", "failed")
    await studio.until("of-another", "recording")
    assert len(studio.launcher.started) == 1


async def test_nothing_stands_between_the_row_and_the_recorder(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    insert, inserted = studio.store.insert, False

    async def insert_and_note(recording: Recording) -> None:
        nonlocal inserted
        await insert(recording)
        inserted = True

    def unless_inserted(owner: object, name: str) -> None:
        method = getattr(owner, name)

        async def guarded(*arguments: object) -> object:
            if inserted:
                raise ConnectionError
            return await method(*arguments)

        monkeypatch.setattr(owner, name, guarded)

    monkeypatch.setattr(studio.store, "insert", insert_and_note)
    for name in ("sum_bytes", "count_by", "select_of_room"):
        unless_inserted(studio.store, name)
    unless_inserted(studio.service, "_kept_since")
    await studio.begin()
    assert (await studio.launcher.worker(1)).job.task == "record"


async def test_a_row_that_got_no_recorder_does_not_block_its_room(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert = studio.store.insert

    async def insert_and_break(recording: Recording) -> None:
        await insert(recording)
        raise ConnectionError

    monkeypatch.setattr(studio.store, "insert", insert_and_break)
    with pytest.raises(ConnectionError):
        await studio.begin()
    monkeypatch.undo()
    with pytest.raises(AlreadyRecording):
        await studio.begin()
    await studio.service.recover()
    await fail(studio, 1, "nothing_recorded")
    await studio.begin()


async def test_who_comes_second_leaves_no_folder(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    async def taken(_: Recording) -> None:
        raise RecordingExists

    monkeypatch.setattr(studio.store, "insert", taken)
    with pytest.raises(AlreadyRecording):
        await studio.begin()
    assert list(studio.settings.folder.iterdir()) == []


async def test_what_begins_meanwhile_is_not_recovered(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    insert, recovering = studio.store.insert, []

    async def insert_slowly(recording: Recording) -> None:
        await insert(recording)
        recovering.append(asyncio.create_task(studio.service.recover()))
        for _ in range(3):  # long enough for whoever does not wait
            await studio.store.select(recording.id)

    monkeypatch.setattr(studio.store, "insert", insert_slowly)
    await studio.begin()
    await asyncio.gather(*recovering)
    assert [worker.job.task for worker in studio.launcher.started] == ["record"]


async def test_what_ends_meanwhile_is_not_made_again(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    recording_id = await studio.begin()
    (await studio.launcher.worker(1)).end("stopped")
    maker = await studio.launcher.worker(2)
    select = studio.store.select_unfinished

    async def select_slowly() -> list[Recording]:
        found = await select()
        maker.make()
        await until(lambda: asyncio.sleep(0, studio.service.active == 0))
        return found

    monkeypatch.setattr(studio.store, "select_unfinished", select_slowly)
    await studio.service.recover()
    assert studio.service.active == 0
    assert (await studio.service.show(ROOM, recording_id, OWNER)).recording.status == "ready"


async def test_an_outage_of_the_database_does_not_end_a_recording(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    update, failed = studio.store.update, asyncio.Event()

    async def update_later(recording_id: str, change: RecordingChange) -> Recording | None:
        if not failed.is_set():
            failed.set()
            raise ConnectionError
        return await update(recording_id, change)

    monkeypatch.setattr(studio.store, "update", update_later)
    recording_id = await studio.begin()
    recorder = await studio.launcher.worker(1)
    recorder.say(event="joined")
    await failed.wait()
    recorder.say(event="size", bytes=7)
    await studio.until(recording_id, "recording")
    assert not recorder.killed
    recorder.end("stopped")
    (await studio.launcher.worker(2)).make()
    await studio.until(recording_id, "ready")


async def test_deleting_takes_the_files_along(studio: Studio) -> None:
    recording_id = await studio.recorded()
    await studio.service.delete(ROOM, recording_id, OWNER)
    assert not (studio.settings.folder / recording_id).exists()
    for ask in (studio.service.show, studio.service.delete, studio.service.film, studio.service.link):
        with pytest.raises(RecordingNotFound):
            await ask(ROOM, recording_id, OWNER)


async def test_what_runs_cannot_be_deleted(studio: Studio) -> None:
    recording_id = await studio.begin()
    with pytest.raises(RecordingNotReady):
        await studio.service.delete(ROOM, recording_id, OWNER)


async def test_what_is_old_goes_by_itself(studio: Studio) -> None:
    old = await studio.recorded()
    studio.now += 719 * 3600
    young = await studio.recorded()
    studio.now += 3600 + 1
    await studio.service.tidy()
    assert [shown.recording.id for shown in await studio.service.list(ROOM, OWNER)] == [young]
    assert not (studio.settings.folder / old).exists()
    assert studio.registry.get_sample_value("chatter_recordings_bytes") == 4


async def test_a_new_room_of_an_old_name_does_not_inherit(studio: Studio) -> None:
    recording_id = await studio.recorded()
    async with studio.database.write() as db:
        await db.execute(text("UPDATE rooms SET created_at = :now"), {"now": int(NOW * 1000) + 1})
    assert await studio.service.list(ROOM, OWNER) == []
    with pytest.raises(RecordingNotFound):
        await studio.service.film(ROOM, recording_id, OWNER)
    await studio.service.tidy()
    assert not (studio.settings.folder / recording_id).exists()


async def test_a_link_opens_its_film_and_no_other(studio: Studio) -> None:
    one, other = await studio.recorded(b"one"), await studio.recorded(b"other")
    link = await studio.service.link(ROOM, one, OWNER)
    assert (await studio.service.linked_film(ROOM, one, link)).read_bytes() == b"one"
    for room, recording in ((ROOM, other), ("elsewhere", one)):
        with pytest.raises(RecordingNotFound):
            await studio.service.linked_film(room, recording, link)
    with pytest.raises(TicketInvalid):
        await studio.service.linked_film(ROOM, one, "x.y")
    (studio.settings.folder / one / FILM).unlink()
    with pytest.raises(RecordingNotFound):
        await studio.service.linked_film(ROOM, one, link)


# --- at other nodes


class Neighbours(Elsewhere):
    """Other nodes: who is in calls there, who leads them, and what is recorded there."""

    def __init__(self) -> None:
        self.count: int | None = 0
        self.leads: set[int] = set()
        self.working: dict[str, tuple[int, float]] = {}
        self.stopped: list[str] = []
        self.deleted: list[str] = []

    async def people(self, room_ids: Collection[str]) -> dict[str, int | None]:
        return dict.fromkeys(room_ids, self.count)

    async def moderates(self, room_id: str, user_id: int) -> bool:
        return user_id in self.leads

    async def stop_recording(self, recording_id: str) -> bool:
        self.stopped.append(recording_id)
        return recording_id in self.working

    async def progress(self, recording_ids: Collection[str]) -> dict[str, tuple[int, float]]:
        return {one: self.working[one] for one in recording_ids if one in self.working}

    def recording_deleted(self, recording_id: str) -> None:
        self.deleted.append(recording_id)


@pytest.fixture
def neighbours(studio: Studio) -> Neighbours:
    """Other nodes; nobody is in the room here."""
    made = Neighbours()
    studio.service._elsewhere = made
    studio.people = 0
    return made


async def test_a_call_at_another_node_is_recorded(studio: Studio, neighbours: Neighbours) -> None:
    with pytest.raises(RoomEmpty):
        await studio.begin()
    neighbours.count = None
    with pytest.raises(NodeUnreachable):
        await studio.begin()
    neighbours.count = 1
    with pytest.raises(RoomNotFound):
        await studio.begin(STRANGER)
    neighbours.leads = {STRANGER}
    await studio.begin(STRANGER)


async def elsewhere(studio: Studio, status: Status = "recording") -> str:
    """Store a recording of another node; return its id."""
    recording = Recording(id="r1", room_id=ROOM, started_by=OWNER, started_at=int(NOW * 1000), status=status, bytes=5)
    await studio.store.insert(recording)
    return recording.id


async def test_a_recording_at_another_node_is_shown_as_it_is(studio: Studio, neighbours: Neighbours) -> None:
    recording_id = await elsewhere(studio, "processing")
    shown = await studio.service.show(ROOM, recording_id, OWNER)
    assert (shown.recording.bytes, shown.progress) == (5, 0.0)
    neighbours.working = {recording_id: (77, 0.4)}
    (shown,) = await studio.service.list(ROOM, OWNER)
    assert (shown.recording.bytes, shown.progress) == (77, 0.4)


async def test_a_recording_at_another_node_is_stopped(studio: Studio, neighbours: Neighbours) -> None:
    recording_id = await elsewhere(studio)
    with pytest.raises(NodeUnreachable):
        await studio.service.end(ROOM, recording_id, OWNER)
    neighbours.working = {recording_id: (5, 0.0)}
    await studio.service.end(ROOM, recording_id, OWNER)
    assert neighbours.stopped == [recording_id] * 2
    await studio.store.update(recording_id, RecordingChange(status="processing"))
    await studio.service.end(ROOM, recording_id, OWNER)
    assert len(neighbours.stopped) == 2, "it has stopped"


async def test_a_recording_that_ends_by_itself_need_not_be_stopped(studio: Studio, neighbours: Neighbours) -> None:
    recording_id = await elsewhere(studio)

    async def stop_recording(_: str) -> bool:
        await studio.store.update(recording_id, RecordingChange(status="processing"))
        return False

    neighbours.stop_recording = stop_recording  # type: ignore[method-assign,assignment]
    assert (await studio.service.end(ROOM, recording_id, OWNER)).recording.status == "processing"


async def test_a_recording_that_is_deleted_while_it_is_stopped(studio: Studio, neighbours: Neighbours) -> None:
    recording_id = await elsewhere(studio)

    async def stop_recording(_: str) -> bool:
        await studio.store.delete(recording_id)
        return False

    neighbours.stop_recording = stop_recording  # type: ignore[method-assign,assignment]
    with pytest.raises(RecordingNotFound):
        await studio.service.end(ROOM, recording_id, OWNER)


async def test_who_may_stop_a_recording_is_asked_once(studio: Studio, neighbours: Neighbours) -> None:
    recording_id, asked = await elsewhere(studio), []

    async def moderates(_: str, user_id: int) -> bool:
        asked.append(user_id)
        return True

    neighbours.moderates = moderates  # type: ignore[method-assign,assignment]
    with pytest.raises(NodeUnreachable):
        await studio.service.end(ROOM, recording_id, STRANGER)
    assert asked == [STRANGER]


async def test_a_node_that_is_asked_for_people_holds_up_no_other_start(studio: Studio, neighbours: Neighbours) -> None:
    asked, answered = asyncio.Event(), asyncio.Event()

    async def people(room_ids: Collection[str]) -> dict[str, int | None]:
        asked.set()
        await answered.wait()
        return dict.fromkeys(room_ids, None)

    neighbours.people = people  # type: ignore[method-assign]
    waiting = asyncio.create_task(studio.begin())
    await asked.wait()
    studio.people = 1
    async with asyncio.timeout(10):
        await studio.begin(MODERATOR)
    answered.set()
    with pytest.raises(NodeUnreachable):
        await waiting


@pytest.mark.parametrize("asker", ["a person", "another node"])
async def test_a_recorder_that_ended_while_the_database_was_away_counts_as_stopped(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, asker: str
) -> None:
    async def away(*_: object) -> None:
        raise ConnectionError

    recording_id = await studio.begin()
    monkeypatch.setattr(studio.store, "update", away)
    (await studio.launcher.worker(1)).end("stopped")
    await until(lambda: asyncio.sleep(0, studio.service.active == 0))
    monkeypatch.undo()
    if asker == "a person":
        assert (await studio.service.end(ROOM, recording_id, OWNER)).recording.id == recording_id
    else:
        assert await studio.service.end_here(recording_id)
    (await studio.launcher.worker(2)).make()
    await studio.until(recording_id, "ready")


async def test_two_who_stop_what_is_to_be_recovered_make_one_film(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    update = studio.store.update
    recovering: list[asyncio.Task[None]] = []
    left = str(uuid.uuid4())
    for name, room, age_h in (("lost", "another", 25), (left, ROOM, 26)):  # the newest comes first
        started_at = int((NOW - age_h * 3600) * 1000)
        await studio.store.insert(
            Recording(id=name, room_id=room, started_by=OWNER, started_at=started_at, status="recording")
        )
    (studio.settings.folder / left / TRACKS).mkdir(parents=True)

    async def update_slowly(recording_id: str, change: RecordingChange) -> Recording | None:
        if recording_id == "lost" and not recovering:
            recovering.append(asyncio.create_task(studio.service.recover()))
            for _ in range(3):  # long enough for whoever does not wait
                await studio.store.select(left)
        return await update(recording_id, change)

    monkeypatch.setattr(studio.store, "update", update_slowly)
    await studio.service.recover()
    await asyncio.gather(*recovering)
    (await studio.launcher.worker(1)).make()
    await studio.until(left, "ready")
    assert len(studio.launcher.started) == 1


async def test_what_other_nodes_ask(studio: Studio) -> None:
    recording_id = await studio.begin()
    recorder = await studio.launcher.worker(1)
    recorder.say(event="size", bytes=12)
    await until(lambda: asyncio.sleep(0, studio.service.progress_here([recording_id, "another"]) != {}))
    assert not await studio.service.end_here("another")
    assert await studio.service.end_here(recording_id)
    assert recorder.orders[-1].stop


async def test_files_go_with_their_recording_wherever_it_is_deleted(studio: Studio, neighbours: Neighbours) -> None:
    studio.people = 1
    recording_id = await studio.recorded()
    folder = studio.settings.folder / recording_id
    await studio.service.clear_here(recording_id)
    assert folder.is_dir(), "it is not deleted yet"
    await studio.store.delete(recording_id)
    for _ in range(2):
        await studio.service.clear_here(recording_id)
    assert not folder.exists()
    another = await studio.recorded()
    await studio.service.delete(ROOM, another, OWNER)
    assert neighbours.deleted == [another]


@pytest.mark.parametrize("name", ["", ".", "..", "../neighbour", "{outside}", "tracks", "{id}/..", "{upper}"])
async def test_what_is_no_id_of_a_recording_deletes_nothing(studio: Studio, tmp_path: Path, name: str) -> None:
    known = str(uuid.uuid4())
    kept = [tmp_path / "neighbour", *(studio.settings.folder / folder for folder in (known.upper(), known, "tracks"))]
    for folder in kept:
        folder.mkdir(parents=True)
    await studio.service.clear_here(name.format(outside=kept[0], id=known, upper=known.upper()))
    assert all(folder.is_dir() for folder in kept)


async def test_files_of_which_no_row_tells_go_after_a_week(studio: Studio) -> None:
    await studio.service.tidy()  # there is no folder yet
    stored, stray = await studio.recorded(), str(uuid.uuid4())
    folders = [studio.settings.folder / name for name in (stored, stray, "lost+found")]
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
        os.utime(folder, (NOW - 7200, NOW - 7200))
    await studio.service.tidy()
    assert all(folder.is_dir() for folder in folders)
    studio.now += 7 * 86_400
    await studio.service.tidy()
    assert [folder.is_dir() for folder in folders] == [True, False, True]
