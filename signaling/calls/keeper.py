"""Writes the records of calls while they run and when they are over; calls themselves never wait for it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Protocol

from signaling.calls.backlog import Backlog, EndedCall
from signaling.calls.snapshot import Snapshot, encode_record

if TYPE_CHECKING:
    from signaling.calls.metrics import CallMetrics
    from signaling.calls.overview import CallOverview
    from signaling.core.calls.timeline import Timeline
    from signaling.ports import Clock

logger = logging.getLogger(__name__)

_FLUSH_INTERVAL_S = 5.0
_SIGN_OF_LIFE_S = 60.0
"""How often a record is written in which nothing happened: other nodes see that its call runs, and how media does."""
_FRESH_S = 1.0
"""A copy that is younger is new enough for those who look at it from another node."""


class RecordStore(Protocol):
    """Takes records."""

    async def write(self, snapshot: Snapshot) -> None:
        """Store how a record was; its `updated_at` grows with each write."""


class _RunningCall:
    """A timeline with what is known of its stored copy."""

    __slots__ = ("failed", "overview", "stamp", "timeline", "written_at")

    def __init__(self, timeline: Timeline) -> None:
        self.timeline = timeline
        self.failed = False
        self.stamp = 0
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

    def begin(self, timeline: Timeline) -> None:
        """Keep the record of a call that begins."""
        self._running[timeline.record.room] = _RunningCall(timeline)

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
                for ended in self._ended.calls:
                    await self._write_ended(ended)
                for call in due:
                    await self._write_running(call)
            except self._away as error:
                self._note_away(error)
            else:
                self._note_back()

    async def write_room(self, room_id: str) -> None:
        """Write what is newer of the calls of a room than what is stored, out of turn. Raises what the store raises.

        At most once a second for a call that runs: each look at it from another node comes here.
        """
        async with self._flushing:
            for ended in self._ended.calls:
                if ended.room == room_id:
                    await self._write_ended(ended)
            running, now = self._running.get(room_id), self._clock()
            if running is not None and running.due(now) and not running.written_within(_FRESH_S, now):
                await self._write_running(running)

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

    async def _write_ended(self, call: EndedCall) -> None:
        try:
            overview = await self._overview(call)
            await self._store.write(Snapshot(overview, call.encoded))
        except self._away:
            raise
        except Exception as error:
            _say_refused(call.id, call.room, error)
            self._ended.drop(call.id)
        else:
            self._ended.remove(call.id)

    async def _write_running(self, call: _RunningCall) -> None:
        timeline, now = call.timeline, self._clock()
        if self._running.get(timeline.record.room) is not call:  # it ended while others were written
            return
        timeline.changed = False  # what changes from here on is for the next time
        try:
            snapshot = await asyncio.to_thread(Snapshot.read, call.encoded, call.next_stamp(now))
            call.overview = snapshot.overview
            await self._store.write(snapshot)
        except (self._away, asyncio.CancelledError):
            timeline.changed = True
            raise
        except Exception as error:
            if not call.failed:
                _say_refused(timeline.record.id, timeline.record.room, error)
            call.failed = True
        call.written_at = now

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


def _say_refused(call_id: str, room_id: str, error: Exception) -> None:
    extra = {"event": "call_record_refused", "call_id": call_id, "room": room_id}
    logger.error("a call record cannot be written", exc_info=error, extra=extra)
