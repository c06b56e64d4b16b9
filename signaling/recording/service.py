"""Recordings as people start, see and delete them; every door to them is here."""

from __future__ import annotations

import asyncio
import logging
import shutil
import uuid
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from signaling.elsewhere import ALONE, Elsewhere, NodeUnreachable
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
from signaling.recording.folders import Folders
from signaling.recording.store import Recording, RecordingChange, RecordingExists
from signaling.recording.supervisor import Supervisor
from signaling.recording.tickets import Tickets
from signaling.recording.wire import FILM
from signaling.rooms import RoomNotFound

if TYPE_CHECKING:
    from signaling.ports import Clock, KeptSince
    from signaling.recording.metrics import RecordingMetrics
    from signaling.recording.process import Launcher
    from signaling.recording.settings import RecordingSettings
    from signaling.recording.store import RecordingStore

logger = logging.getLogger(__name__)

_LOST_AFTER_MS = 24 * 3600 * 1000
"""A recording without files is another server's, or lost; after so long it is lost."""
_RUNNING = frozenset({"starting", "recording"})
_UNFINISHED = _RUNNING | {"processing"}
LISTED = 200
"""How many recordings of a room are listed."""


class Shown(Struct, frozen=True):
    """A recording with what the database does not know."""

    recording: Recording
    progress: float


class _Door(Struct, frozen=True):
    """Which recordings of a room someone may see: those made since the room exists, or only the one that runs."""

    made_at: int
    running_only: bool = False

    def shows(self, recording: Recording) -> bool:
        """Tell whether a recording of the room is among them."""
        if self.running_only and recording.status not in _RUNNING:
            return False
        return recording.started_at >= self.made_at


class RecordingService:
    """Start, stop, show and delete recordings.

    `people` counts those in a room on this node, `moderates` tells whether an account leads the call that runs in it
    here. Owners and lasting moderators see all recordings of a room; who leads a call sees the one that is being made
    of it. A recording is worked on, and its files stay, at the node where it was started.
    """

    def __init__(
        self,
        settings: RecordingSettings,
        store: RecordingStore,
        launcher: Launcher,
        metrics: RecordingMetrics,
        *,
        kept_since: KeptSince,
        people: Callable[[str], int],
        moderates: Callable[[str, int], bool],
        clock: Clock,
        elsewhere: Elsewhere = ALONE,
    ) -> None:
        self._settings = settings
        self._folders = Folders(settings.folder)
        self._store = store
        self._elsewhere = elsewhere
        self._kept_since = kept_since
        self._people = people
        self._moderates = moderates
        self._clock = clock
        self._starting = asyncio.Lock()
        self._metrics = metrics
        self.tickets = Tickets(settings.secret, clock)
        self.supervisor = Supervisor(settings, store, launcher, self.tickets, metrics, clock)

    # --- life

    async def recover(self) -> None:
        """Go on with what an earlier process, or an outage of the database, left half-finished."""
        async with self._starting:  # a new row is known to the supervisor as soon as this is free
            known = self.supervisor.known()  # asked before the rows: what ends meanwhile is not to be done again
            for recording in await self._store.select_unfinished():
                if recording.id not in known:
                    await self._recover(recording)

    async def end_all(self) -> None:
        """End what is recorded here, and record nothing more: this server drains. Films are made as long as it runs."""
        await self.supervisor.end_all()

    async def stop(self) -> None:
        """Let recorders close their files, up to the deadline; the next start puts the films together. Idempotent."""
        await self.supervisor.stop()

    async def tidy(self) -> None:
        """Delete what is older than the retention, what belongs to rooms that are gone, and stray files."""
        await self.recover()
        retention_ms = round(self._settings.retention.total_seconds() * 1000)
        old = await self._store.select_older(self._now_ms() - retention_ms)
        gone = await self._store.select_orphans()
        for recording in {recording.id: recording for recording in [*old, *gone]}.values():
            await self._delete(recording)
        await self._delete_strays()
        self._metrics.size(await self._store.sum_bytes())

    @property
    def active(self) -> int:
        """How many recordings are made or put together now."""
        return self.supervisor.active

    # --- for people

    async def begin(self, room_id: str, user_id: int, username: str) -> Shown:
        """Start to record a call. Raises `RoomNotFound`, `RecordingRefused`, `NodeUnreachable`."""
        await self._door(room_id, user_id)
        await self._check_people(room_id)  # before the others have to wait: another node may be asked
        async with self._starting:  # so that two who ask at once do not share the last place
            await self._check_free(room_id)
            max_bytes = await self._check_limits(user_id)
            recording = Recording(
                id=str(uuid.uuid4()),
                room_id=room_id,
                started_by=user_id,
                started_at=self._now_ms(),
                status="starting",
            )
            folder = self._settings.folder / recording.id
            folder.mkdir()  # before the row: `recover` takes a row without a folder for another server's
            try:
                await self._store.insert(recording)
            except RecordingExists:
                folder.rmdir()
                raise AlreadyRecording from None
            # Nothing may be waited for between the row and this: whoever asked may hang up at any time.
            self.supervisor.record(recording, username, max_bytes)
        logger.info("recording", extra={"event": "recording_started", "recording": recording.id, "room": room_id})
        return Shown(recording, 0.0)

    async def end(self, room_id: str, recording_id: str, user_id: int) -> Shown:
        """Tell the recorder to stop; one that has ended stays as it is.

        Raises `RoomNotFound`, `RecordingNotFound`, `NodeUnreachable`.
        """
        recording = await self._find(room_id, recording_id, user_id)
        if recording.status in _RUNNING and not await self._end_anywhere(recording.id):
            again = await self._store.select(recording.id)
            if again is None:
                raise RecordingNotFound(recording_id)
            if again.status in _RUNNING:  # else it ended by itself meanwhile
                raise NodeUnreachable
            recording = again
        (shown,) = await self._shown(recording)
        return shown

    async def list(self, room_id: str, user_id: int) -> list[Shown]:
        """Return the recordings of a room, newest first. Raises `RoomNotFound`."""
        door = await self._door(room_id, user_id)
        found = await self._store.select_of_room(room_id, LISTED)
        return [*await self._shown(*(recording for recording in found if door.shows(recording)))]

    async def show(self, room_id: str, recording_id: str, user_id: int) -> Shown:
        """Return one recording. Raises `RoomNotFound`, `RecordingNotFound`."""
        (shown,) = await self._shown(await self._find(room_id, recording_id, user_id))
        return shown

    async def delete(self, room_id: str, recording_id: str, user_id: int) -> None:
        """Delete a recording with its files. Raises `RoomNotFound`, `RecordingNotFound`, `RecordingNotReady`."""
        recording = await self._find(room_id, recording_id, user_id)
        if recording.status not in {"ready", "failed"}:
            raise RecordingNotReady
        await self._delete(recording)
        logger.info("deleted", extra={"event": "recording_deleted", "recording": recording.id, "room": room_id})

    async def link(self, room_id: str, recording_id: str, user_id: int) -> str:
        """Return the signed part of a link to the film. Raises as `film` does."""
        return self.tickets.for_file((await self._ready(room_id, recording_id, user_id)).id)

    async def film(self, room_id: str, recording_id: str, user_id: int) -> Path:
        """Return the file of the film. Raises `RoomNotFound`, `RecordingNotFound`, `RecordingNotReady`."""
        return self._file(await self._ready(room_id, recording_id, user_id))

    async def linked_film(self, room_id: str, recording_id: str, link: str) -> Path:
        """Return the file of the film to the holder of a link. Raises `TicketInvalid`, `RecordingNotFound`."""
        linked = self.tickets.file(link)
        recording = await self._store.select(linked)
        if recording is None or linked != recording_id or recording.room_id != room_id or recording.status != "ready":
            raise RecordingNotFound(recording_id)
        return self._file(recording)

    # --- for other nodes

    async def end_here(self, recording_id: str) -> bool:
        """Tell a recorder of this node to stop; false where it is not one. Idempotent.

        One that ended while the database was away is one too: its film is made now.
        """
        if recording_id not in self.supervisor.known() and self._folders.has(recording_id):
            await self.recover()
        self.supervisor.end(recording_id)
        return recording_id in self.supervisor.known()

    def progress_here(self, recording_ids: Collection[str]) -> dict[str, tuple[int, float]]:
        """Return the bytes, and how far the film is, of those of the recordings that are worked on here."""
        return self.supervisor.progress(recording_ids)

    async def clear_here(self, recording_id: str) -> None:
        """Delete the files of a recording that is no more, if they are here."""
        if self._folders.has(recording_id) and await self._store.select(recording_id) is None:
            await self._folders.delete(recording_id)

    # --- inside

    async def _recover(self, recording: Recording) -> None:
        if self._folders.has(recording.id):
            logger.info("recovering", extra={"event": "recording_recovered", "recording": recording.id})
            self.supervisor.recover(recording)
        elif recording.started_at < self._now_ms() - _LOST_AFTER_MS:
            change = RecordingChange(status="failed", error="lost", stopped_at=self._now_ms())
            await self._store.update(recording.id, change)

    async def _door(self, room_id: str, user_id: int) -> _Door:
        made_at = await self._kept_since(room_id, user_id)
        if made_at is not None:
            return _Door(made_at)
        if self._moderates(room_id, user_id) or await self._elsewhere.moderates(room_id, user_id):
            return _Door(0, running_only=True)
        raise RoomNotFound(room_id)

    async def _find(self, room_id: str, recording_id: str, user_id: int) -> Recording:
        door = await self._door(room_id, user_id)
        recording = await self._store.select(recording_id)
        if recording is None or recording.room_id != room_id or not door.shows(recording):
            raise RecordingNotFound(recording_id)
        return recording

    async def _ready(self, room_id: str, recording_id: str, user_id: int) -> Recording:
        recording = await self._find(room_id, recording_id, user_id)
        if recording.status != "ready":
            raise RecordingNotReady
        return recording

    def _file(self, recording: Recording) -> Path:
        path = self._settings.folder / recording.id / FILM
        if not path.is_file():  # deleted by hand
            raise RecordingNotFound(recording.id)
        return path

    async def _end_anywhere(self, recording_id: str) -> bool:
        return await self.end_here(recording_id) or await self._elsewhere.stop_recording(recording_id)

    async def _check_free(self, room_id: str) -> None:
        if any(known.status in _RUNNING for known in await self._store.select_of_room(room_id, 10)):
            raise AlreadyRecording

    async def _check_people(self, room_id: str) -> None:
        if not self._people(room_id) and not await self._people_elsewhere(room_id):
            raise RoomEmpty

    async def _people_elsewhere(self, room_id: str) -> int:
        people = (await self._elsewhere.people([room_id])).get(room_id, 0)
        if people is None:
            raise NodeUnreachable
        return people

    async def _check_limits(self, user_id: int) -> int:
        """Return how many bytes a new recorder may write. Raises `RecordingRefused`."""
        if await self._store.count_by(user_id) >= self._settings.max_per_user:
            raise TooManyRecordings
        if self.supervisor.leaving or self.supervisor.active >= self._settings.max_active:
            raise RecordersBusy
        left = self._settings.quota_bytes - await self._store.sum_bytes() - self.supervisor.bytes
        share = left // self._settings.max_active  # as others may start, and each may take all of its own
        if share <= 0:
            raise QuotaExceeded
        self._settings.folder.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(self._settings.folder).free < self._settings.free_floor_bytes:
            raise StorageFull
        return share

    async def _shown(self, *recordings: Recording) -> tuple[Shown, ...]:
        here = self.supervisor.known()
        afar = [one.id for one in recordings if one.status in _UNFINISHED and one.id not in here]
        known = await self._elsewhere.progress(afar)
        return tuple(
            Shown(msgspec.structs.replace(one, bytes=known[one.id][0]), known[one.id][1])
            if one.id in known
            else Shown(*self.supervisor.latest(one))
            for one in recordings
        )

    async def _delete(self, recording: Recording) -> None:
        # The files first: a row without files can be deleted again, files without a row stay until they are strays.
        await self._folders.delete(recording.id)
        await self._store.delete(recording.id)
        self._elsewhere.recording_deleted(recording.id)

    async def _delete_strays(self) -> None:
        """Delete files of recordings that are no more: those deleted at another node while this one did not hear."""
        for recording_id in await self._folders.strays(await self._store.select_ids(), self._clock()):
            logger.info("stray files", extra={"event": "recording_stray", "recording": recording_id})
            await self._folders.delete(recording_id)

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)
