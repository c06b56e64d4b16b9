"""Watches over the recorders' processes, each from its start to the film; a crash costs nothing that was written."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from signaling.recording.store import Recording, RecordingChange
from signaling.recording.wire import TRACKS, TRIES, Job, News, Order

if TYPE_CHECKING:
    from collections.abc import Iterable

    from signaling.ports import Clock
    from signaling.recording.metrics import RecordingMetrics
    from signaling.recording.process import Launcher, Worker
    from signaling.recording.settings import RecordingSettings
    from signaling.recording.store import RecordingStore
    from signaling.recording.tickets import Tickets

logger = logging.getLogger(__name__)

_HARMLESS = frozenset({"stopped", "empty", "removed", "room_closed"})
"""Ends that nobody needs to be told of."""
_PASSING = frozenset({"crashed", "disk_full", "write_failed"})
"""Why there is no film yet, where the next time may go better."""
_MAX_TRIES = 3


@dataclass
class _Running:
    recording: Recording
    stage: Literal["recording", "processing"]
    bytes: int = 0
    progress: float = 0.0
    joined: bool = False
    stop_wanted: bool = False
    worker: Worker | None = None
    task: asyncio.Task[None] | None = None
    recorded: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when its recorder has left the room."""


class Supervisor:
    """Run one process per recording: first the recorder, then, whatever became of it, the one that makes the film."""

    def __init__(
        self,
        settings: RecordingSettings,
        store: RecordingStore,
        launcher: Launcher,
        tickets: Tickets,
        metrics: RecordingMetrics,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._store = store
        self.launcher = launcher
        self._tickets = tickets
        self._metrics = metrics
        self._clock = clock
        self._running: dict[str, _Running] = {}
        self._processing = asyncio.Semaphore(max(1, settings.max_active))
        self._stopping = False
        self.leaving = False
        """Whether no recorder may begin any more."""
        metrics.watch(recording=lambda: self._count("recording"), processing=lambda: self._count("processing"))

    @property
    def active(self) -> int:
        """How many recordings are worked on."""
        return len(self._running)

    @property
    def bytes(self) -> int:
        """What running recordings take on the disk that the database does not know of yet."""
        return sum(running.bytes - running.recording.bytes for running in self._running.values())

    def known(self) -> frozenset[str]:
        """Return the ids of the recordings that are worked on here."""
        return frozenset(self._running)

    def latest(self, recording: Recording) -> tuple[Recording, float]:
        """Return a recording as it is now, and how far its film is, from 0 to 1."""
        running = self._running.get(recording.id)
        if running is None:
            return recording, 1.0 if recording.status == "ready" else 0.0
        return msgspec.structs.replace(running.recording, bytes=running.bytes), running.progress

    def progress(self, recording_ids: Iterable[str]) -> dict[str, tuple[int, float]]:
        """Return the bytes, and how far the film is, of those of the recordings that are worked on here."""
        found = ((recording_id, self._running.get(recording_id)) for recording_id in recording_ids)
        return {recording_id: (one.bytes, one.progress) for recording_id, one in found if one is not None}

    def record(self, recording: Recording, username: str, max_bytes: int) -> None:
        """Start the recorder of a new recording."""
        job = Job(
            task="record",
            folder=str(self._settings.folder / recording.id),
            url=f"{self._settings.gateway_url}/ws/{recording.room_id}?v=2",
            display_name=f"Recorder of {username}",
            free_floor_bytes=self._settings.free_floor_bytes,
            max_bytes=max_bytes,
            max_seconds=self._settings.max_length.total_seconds(),
            alone_seconds=self._settings.alone_after.total_seconds(),
        )
        self._spawn(_Running(recording, "recording"), job)

    def recover(self, recording: Recording) -> None:
        """Make the film of what an earlier process recorded."""
        self._spawn(_Running(recording, "processing", bytes=recording.bytes), None)

    def end(self, recording_id: str) -> None:
        """Tell a recorder to stop. Idempotent."""
        running = self._running.get(recording_id)
        if running is not None and running.stage == "recording":
            running.stop_wanted = True
            if running.worker is not None:
                running.worker.order(Order(stop=True))

    async def end_all(self) -> None:
        """Tell all recorders to stop, let no other begin, and wait for them to leave, for a moment. Idempotent."""
        self.leaving = True
        recording = [one for one in self._running.values() if one.stage == "recording"]
        for one in recording:
            self.end(one.recording.id)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._settings.stop_timeout.total_seconds()):
                await asyncio.gather(*(one.recorded.wait() for one in recording))

    async def stop(self) -> None:
        """Stop every process: recorders may close their files up to the deadline. Idempotent."""
        self._stopping = True
        running = list(self._running.values())
        tasks = [one.task for one in running if one.task is not None]
        for one in running:
            if one.stage == "recording":
                self.end(one.recording.id)
            elif one.worker is not None:
                one.worker.kill()
        if tasks:
            await asyncio.wait(tasks, timeout=self._settings.stop_timeout.total_seconds())
        for one in running:
            if one.worker is not None:
                one.worker.kill()
        for task in tasks:
            if not task.done():  # it waits for a process that is dead now, or for its turn
                await asyncio.wait([task], timeout=0.5)
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # --- one recording

    def _spawn(self, running: _Running, job: Job | None) -> None:
        self._running[running.recording.id] = running
        running.task = asyncio.get_running_loop().create_task(self._run(running, job))

    async def _run(self, running: _Running, job: Job | None) -> None:
        try:
            error = running.recording.error
            if job is not None:
                code = await self._record(running, job)
                error = "" if code in _HARMLESS else code
            change = RecordingChange(status="processing", error=error, bytes=running.bytes)
            if running.recording.stopped_at is None:
                change = msgspec.structs.replace(change, stopped_at=self._now_ms())
            running.stage = "processing"
            running.recorded.set()
            await self._save(running, change)
            async with self._processing:
                if not self._stopping:
                    await self._compose(running)
        except Exception:
            # What is on the disk stays there, and the row says that it is not done: `recover` will find both.
            logger.exception("recording failed", extra={"event": "recording_failed", "recording": running.recording.id})
        finally:
            running.recorded.set()
            if running.worker is not None:
                running.worker.kill()
            del self._running[running.recording.id]

    async def _record(self, running: _Running, job: Job) -> str:
        code = "crashed"
        try:
            running.worker = await self.launcher.launch(job)
        except OSError:
            logger.exception("no recorder", extra={"event": "recorder_not_started"})
            return code
        if running.stop_wanted:
            running.worker.order(Order(stop=True))
        while (news := await running.worker.news()) is not None:
            if news.event == "ticket_wanted":
                recording = running.recording
                ticket = self._tickets.for_recorder(recording.room_id, recording.id, recording.started_by)
                running.worker.order(Order(ticket=ticket))
            elif news.event == "joined":
                running.joined = True
            elif news.event == "size":
                running.bytes = news.bytes
            elif news.event == "ended":
                code = news.code
            if running.joined and running.recording.status == "starting":
                await self._save_joined(running)
        running.worker = None
        logger.info(
            "recorder ended", extra={"event": "recorder_ended", "recording": running.recording.id, "code": code}
        )
        return code

    async def _compose(self, running: _Running) -> None:
        folder = self._settings.folder / running.recording.id
        result = News(event="failed", code="crashed")
        try:
            running.worker = await self.launcher.launch(self._compose_job(folder))
        except OSError:
            logger.exception("no recorder", extra={"event": "recorder_not_started"})
        while running.worker is not None and (news := await running.worker.news()) is not None:
            if news.event == "progress":
                running.progress = news.progress
            else:
                result = news
        running.worker = None
        if self._stopping and result.code == "crashed":  # it was killed by us; the next start does it again
            return
        if result.event == "made":
            running.bytes = result.bytes
            change = RecordingChange(status="ready", bytes=result.bytes, duration_ms=result.duration_ms)
        elif result.code in _PASSING and await asyncio.to_thread(_may_try_again, folder):
            extra = {"event": "recording_put_off", "recording": running.recording.id, "code": result.code}
            logger.warning("no film yet", extra=extra)
            return  # the row still says `processing`, so `recover` takes it up
        else:
            change = RecordingChange(status="failed", error=running.recording.error or result.code)
        await self._save(running, change)
        await asyncio.to_thread(_clear, folder, tracks=result.event == "made")  # the film holds all of them
        self._metrics.ended("ready" if result.event == "made" else result.code)
        logger.info(
            "recording done",
            extra={"event": "recording_done", "recording": running.recording.id, "status": running.recording.status},
        )

    def _compose_job(self, folder: Path) -> Job:
        return Job(
            task="compose",
            folder=str(folder),
            free_floor_bytes=self._settings.free_floor_bytes // 2,  # else what a full disk ended would get no film
            max_seconds=self._settings.max_length.total_seconds(),
        )

    async def _save_joined(self, running: _Running) -> None:
        try:
            await self._save(running, RecordingChange(status="recording"))
        except Exception as error:  # an outage of the database must not end the recording; the next news try again
            extra = {"event": "recording_not_saved", "recording": running.recording.id}
            logger.warning("status not saved: %s", type(error).__name__, extra=extra)

    async def _save(self, running: _Running, change: RecordingChange) -> None:
        saved = await self._store.update(running.recording.id, change)
        if saved is not None:
            running.recording = saved

    def _count(self, stage: str) -> int:
        return sum(running.stage == stage for running in self._running.values())

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)


def _may_try_again(folder: Path) -> bool:
    """Count one more failure; False after the last one, and where not even that can be written."""
    tries = folder / TRIES
    try:
        with tries.open("ab") as file:
            file.write(b".")
        return tries.stat().st_size < _MAX_TRIES
    except OSError:
        return False


def _clear(folder: Path, *, tracks: bool) -> None:
    (folder / TRIES).unlink(missing_ok=True)
    if tracks:
        shutil.rmtree(folder / TRACKS, ignore_errors=True)
