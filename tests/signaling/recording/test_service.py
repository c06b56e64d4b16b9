"""From start to film, with recorders that do as told: states, limits, crashes, restarts."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text

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
from signaling.recording.store import Recording
from signaling.recording.tickets import TicketInvalid
from signaling.recording.wire import FILM, TRACKS
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
    assert recorder.job.max_bytes == 4
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


@pytest.mark.parametrize("code", ["nothing_recorded", "disk_full", "crashed"])
async def test_no_film(studio: Studio, code: str) -> None:
    recording_id = await studio.begin()
    (await studio.launcher.worker(1)).end("empty")
    maker = await studio.launcher.worker(2)
    if code != "crashed":
        maker.say(event="failed", code=code)
    maker.crash()
    await studio.until(recording_id, "failed")
    assert (await studio.service.show(ROOM, recording_id, OWNER)).recording.error == code
    assert (studio.settings.folder / recording_id / TRACKS).is_dir()
    with pytest.raises(RecordingNotReady):
        await studio.service.film(ROOM, recording_id, OWNER)
    assert studio.registry.get_sample_value("chatter_recordings_total", {"result": code}) == 1


async def test_no_process_can_be_started(studio: Studio) -> None:
    studio.launcher.broken = True
    recording_id = await studio.begin()
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
    for name, age_h in (("with-files", 0), ("of-another", 1), ("lost-for-good", 25)):
        await studio.store.insert(
            Recording(
                id=name,
                room_id=name,
                started_by=OWNER,
                started_at=int((NOW - age_h * 3600) * 1000),
                status="recording",
            )
        )
    (studio.settings.folder / "with-files" / TRACKS).mkdir(parents=True)
    await studio.service.recover()
    (await studio.launcher.worker(1)).make()
    await studio.until("with-files", "ready")
    await studio.until("lost-for-good", "failed")
    await studio.until("of-another", "recording")
    assert len(studio.launcher.started) == 1


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
