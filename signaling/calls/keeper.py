"""Writes the records of calls while they run and when they are over; calls themselves never wait for it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, NamedTuple, Protocol

from signaling.calls.backlog import Backlog, EndedCall
from signaling.calls.snapshot import Snapshot, encode_record

if TYPE_CHECKING:
    from collections.abc import Iterable

    from signaling.calls.metrics import CallMetrics
    from signaling.calls.overview import CallOverview
    from signaling.core.calls.timeline import Timeline
    from signaling.ports import Clock

logger = logging.getLogger(__name__)

_FLUSH_INTERVAL_S = 5.0
_SIGN_OF_LIFE_S = 60.0
"""How often a record is written in which nothing happened: other nodes see that its call runs, and how media does."""
_BATCH_CALLS = 50
_BATCH_BYTES = 64 * 1024
"""What is written at once: a transaction costs a hundred times what a small record in it does, and a large record keeps
the thread that reads it busy, which everyone waits for now and then."""
_FRESH_S = 1.0
"""A copy that is younger is new enough for those who look at it from another node."""


class RecordStore(Protocol):
    """Takes records."""

    async def write(self, *snapshots: Snapshot) -> None:
        """Store how records were, all or none; the `updated_at` of each grows with each write."""


class _RunningCall:
    """A timeline with what is known of its stored copy."""

    __slots__ = ("failed", "overview", "stamp", "timeline", "written_at")

    def __init__(self, timeline: Timeline, stamp: int = 0) -> None:
        self.timeline = timeline
        self.failed = False
        self.stamp = stamp
        """The `updated_at` of the newest copy."""
        self.overview: CallOverview | None = None
        """As of the newest copy."""
        self.written_at: float | None = None

    @property
    def encoded(self) -> bytes:
        """The record as it is now."""
        return encode_record(self.timeline.record)

    def due(self, now: float) -> bool:
        """Tell whether the stored copy is out of date, or so old that the call would be taken for a broken one."""
        if self.timeline.changed or self.written_at is None:
            return True
        return not self.written_within(_SIGN_OF_LIFE_S, now)

    def written_within(self, seconds: float, now: float) -> bool:
        """Tell whether the stored copy is no older than so."""
        return self.written_at is not None and 0 <= now - self.written_at < seconds

    def next_stamp(self, now: float) -> int:
        """Return the `updated_at` of the next copy; it grows whatever the clock does."""
        self.stamp = max(self.stamp + 1, int(now * 1000))
        return self.stamp


class _Copy(NamedTuple):
    """A call as it was at `taken_at`."""

    call: _RunningCall | EndedCall
    encoded: bytes
    updated_at: int
    taken_at: float

    def read(self) -> Snapshot:
        """Find out what it means, unless someone has done so. Belongs into a thread."""
        if isinstance(self.call, EndedCall) and self.call.overview is not None:
            return Snapshot(self.call.overview, self.encoded)
        return Snapshot.read(self.encoded, self.updated_at)


class CallKeeper:
    """Keeps the timelines of this node's calls while they run, and their records until they are stored.

    `away` is what the store raises when the database cannot be reached: then everything waits. Any other failure is
    about one record, which is given up when its call is over. What a record means is found out in a thread: it takes
    milliseconds for a large call, and frames are relayed meanwhile.
    """

    def __init__(
        self,
        store: RecordStore,
        metrics: CallMetrics,
        clock: Clock,
        away: type[Exception],
        interval_s: float = _FLUSH_INTERVAL_S,
    ) -> None:
        self._store = store
        self._interval_s = interval_s
        self._clock = clock
        self._away = away
        self._running: dict[str, _RunningCall] = {}
        self._ended = Backlog(metrics.record_dropped)
        self._flushing = asyncio.Lock()
        self._something_ended = asyncio.Event()
        self._waiting = False

    # --- for calls

    def begin(self, timeline: Timeline, stamp: int = 0) -> None:
        """Keep the record of a call that begins, or goes on here after a copy with this `updated_at`."""
        self._running[timeline.record.room] = _RunningCall(timeline, stamp)

    def newest(self, timeline: Timeline) -> int:
        """Return the `updated_at` of the newest copy of a call that runs, 0 where there is none."""
        call = self._running.get(timeline.record.room)
        return 0 if call is None else call.stamp

    def release(self, timeline: Timeline) -> None:
        """Write no more of a call: it goes on at another node."""
        self._running.pop(timeline.record.room, None)

    def ended(self, timeline: Timeline) -> None:
        """Write the record of a call for the last time, soon."""
        record = timeline.record
        call = self._running.get(record.room)
        if call is None or call.timeline is not timeline:
            call = _RunningCall(timeline)
        else:
            del self._running[record.room]
        self._ended.add(EndedCall(record.id, record.room, call.encoded, call.next_stamp(self._clock())))
        self._something_ended.set()

    # --- for those who look at them

    def timeline_of(self, room_id: str) -> Timeline | None:
        """Return the timeline of the call that runs in a room on this node."""
        call = self._running.get(room_id)
        return None if call is None else call.timeline

    def knows(self, call_id: str) -> bool:
        """Tell whether a call is newer here than in the database."""
        return call_id in self._ended or any(call.timeline.record.id == call_id for call in self._running.values())

    def encoded(self, room_id: str, call_id: str) -> bytes | None:
        """Return the record of a call as it is now; None where it is not newer than in the database."""
        running = self._running.get(room_id)
        if running is not None and running.timeline.record.id == call_id:
            return running.encoded
        return next((call.encoded for call in self._ended.calls if (call.id, call.room) == (call_id, room_id)), None)

    async def overviews(self, room_id: str) -> list[CallOverview]:
        """Return what lists show of the calls of a room that are newer here; of one that runs, when it was written."""
        running = self._running.get(room_id)
        found = [] if running is None else [await self._overview(running)]
        return [*found, *[await self._overview(call) for call in self._ended.calls if call.room == room_id]]

    # --- writing

    async def run(self) -> None:
        """Write what changed every few seconds, and what ended at once, until cancelled."""
        while True:
            await self._next_time()
            await self.flush()

    async def flush(self) -> None:
        """Write what is not stored as it is now. While the database is away, everything stays for the next time."""
        async with self._flushing:
            now = self._clock()
            due = [call for call in self._running.values() if call.due(now)]
            try:
                await self._write_all([*self._ended.calls, *due])
            except self._away as error:
                self._note_away(error)
            else:
                self._note_back()

    async def write_room(self, room_id: str) -> None:
        """Write what is newer of the calls of a room than what is stored, out of turn. Raises what the store raises.

        At most once a second for a call that runs: each look at it from another node comes here.
        """
        async with self._flushing:
            due: list[_RunningCall | EndedCall] = [ended for ended in self._ended.calls if ended.room == room_id]
            running, now = self._running.get(room_id), self._clock()
            if running is not None and running.due(now) and not running.written_within(_FRESH_S, now):
                due.append(running)
            await self._write_all(due)

    async def stop(self, timeout_s: float) -> None:
        """Write what is left, in so many seconds. `run` must have ended."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self.flush()
        if self._ended:
            extra = {"event": "call_records_lost", "count": len(self._ended)}
            logger.warning("call records are lost: they could not be written in time", extra=extra)
        for call in self._ended.calls:
            self._ended.drop(call.id)

    # --- inside

    async def _next_time(self) -> None:
        if self._waiting:  # not sooner: each call that ends would ask a database anew that is away
            await asyncio.sleep(self._interval_s)
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._interval_s):
                await self._something_ended.wait()
        self._something_ended.clear()

    async def _write_all(self, calls: Iterable[_RunningCall | EndedCall]) -> None:
        """Write calls together; those that the store refused before would spoil that each time, and come alone."""
        refused: list[_RunningCall] = []
        together: list[_RunningCall | EndedCall] = []
        for call in calls:
            if isinstance(call, _RunningCall) and call.failed:
                refused.append(call)
            else:
                together.append(call)
        await self._write_together(together)
        for call in refused:
            await self._write_together([call])

    async def _write_together(self, calls: Iterable[_RunningCall | EndedCall]) -> None:
        batch: list[_Copy] = []
        size = 0
        for call in calls:
            if self._is_over(call):  # while others were written
                continue
            batch.append(self._copy(call))
            size += len(batch[-1].encoded)
            if len(batch) == _BATCH_CALLS or size >= _BATCH_BYTES:
                await self._write(batch)
                batch, size = [], 0
        if batch:
            await self._write(batch)

    def _is_over(self, call: _RunningCall | EndedCall) -> bool:
        return isinstance(call, _RunningCall) and self._running.get(call.timeline.record.room) is not call

    def _copy(self, call: _RunningCall | EndedCall) -> _Copy:
        now = self._clock()
        if isinstance(call, EndedCall):
            return _Copy(call, call.encoded, call.updated_at, now)
        call.timeline.changed = False  # what changes from here on is for the next time
        return _Copy(call, call.encoded, call.next_stamp(now), now)

    async def _write(self, batch: list[_Copy]) -> None:
        """Write copies together; where the store refuses that, one by one."""
        try:
            snapshots = await asyncio.to_thread(_read, batch)
            await self._store.write(*snapshots)
        except (self._away, asyncio.CancelledError):
            _put_off(batch)
            raise
        except Exception as error:
            if len(batch) == 1:
                self._refused(batch[0], error)
                return
            _put_off(batch)
            for copy in batch:
                await self._write_together([copy.call])
        else:
            for copy, snapshot in zip(batch, snapshots, strict=True):
                self._stored(copy, snapshot.overview)

    def _stored(self, copy: _Copy, overview: CallOverview) -> None:
        if isinstance(copy.call, EndedCall):
            self._ended.remove(copy.call.id)
        else:
            copy.call.failed = False
            copy.call.overview = overview
            copy.call.written_at = copy.taken_at

    def _refused(self, copy: _Copy, error: Exception) -> None:
        call = copy.call
        if isinstance(call, EndedCall):
            _say_refused(call.id, call.room, error)
            self._ended.drop(call.id)
            return
        if not call.failed:
            _say_refused(call.timeline.record.id, call.timeline.record.room, error)
        call.failed = True
        call.written_at = copy.taken_at

    async def _overview(self, call: _RunningCall | EndedCall) -> CallOverview:
        if call.overview is None:
            updated_at = call.updated_at if isinstance(call, EndedCall) else int(self._clock() * 1000)
            found = (await asyncio.to_thread(Snapshot.read, call.encoded, updated_at)).overview
            call.overview = call.overview or found  # it may have been written meanwhile
        return call.overview

    def _note_away(self, error: Exception) -> None:
        if not self._waiting:
            extra = {"event": "call_records_waiting", "detail": str(error)[:200]}
            logger.warning("call records wait for the database", extra=extra)
        self._waiting = True

    def _note_back(self) -> None:
        if self._waiting:
            logger.info("call records are written again", extra={"event": "call_records_written"})
        self._waiting = False


def _read(batch: list[_Copy]) -> list[Snapshot]:
    return [copy.read() for copy in batch]


def _put_off(batch: list[_Copy]) -> None:
    """What was not stored is to be stored the next time."""
    for copy in batch:
        if isinstance(copy.call, _RunningCall):
            copy.call.timeline.changed = True


def _say_refused(call_id: str, room_id: str, error: Exception) -> None:
    extra = {"event": "call_record_refused", "call_id": call_id, "room": room_id}
    logger.error("a call record cannot be written", exc_info=error, extra=extra)
