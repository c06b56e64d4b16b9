"""Writes the records of calls while they run and when they are over; calls themselves never wait for it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from signaling.calls.metrics import CallMetrics
    from signaling.core.calls.record import CallRecord
    from signaling.core.calls.timeline import Timeline
    from signaling.ports import Clock

logger = logging.getLogger(__name__)

_FLUSH_INTERVAL_S = 5.0
_SIGN_OF_LIFE_S = 60.0
"""How often a record is written that did not change, so that other nodes see that its call runs."""
_MOST_ENDED = 1000
"""How many ended calls wait for a database that is away."""


class RecordStore(Protocol):
    """Takes records."""

    async def write(self, record: CallRecord, updated_at: int) -> None:
        """Store how a record is when this is called; `updated_at` grows with each write."""


class _Kept:
    """A timeline with what is known of its stored copy."""

    __slots__ = ("ended", "failed", "stamp", "timeline", "written_at")

    def __init__(self, timeline: Timeline) -> None:
        self.timeline = timeline
        self.ended = False
        self.failed = False
        self.stamp = 0
        """The `updated_at` of the newest copy; grows with each, whatever the clock does."""
        self.written_at: float | None = None

    def due(self, now: float) -> bool:
        """Tell whether the stored copy is out of date, or so old that the call would be taken for a broken one."""
        if self.ended or self.timeline.changed or self.written_at is None:
            return True
        return not 0 <= now - self.written_at < _SIGN_OF_LIFE_S


class CallKeeper:
    """Keeps the timelines of this node's calls until they are stored.

    `away` is what the store raises when the database cannot be reached: then everything waits. Any other failure is
    about one record, which is given up when its call is over.
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
        self._metrics = metrics
        self._clock = clock
        self._away = away
        self._running: dict[str, _Kept] = {}
        self._ended: dict[str, _Kept] = {}
        self._flushing = asyncio.Lock()
        self._something_ended = asyncio.Event()
        self._waiting = False

    # --- for calls

    def begin(self, timeline: Timeline) -> None:
        """Keep the record of a call that begins."""
        self._running[timeline.record.room] = _Kept(timeline)

    def ended(self, timeline: Timeline) -> None:
        """Write the record of a call for the last time, soon."""
        record = timeline.record
        kept = self._running.get(record.room)
        if kept is None or kept.timeline is not timeline:
            kept = _Kept(timeline)
        else:
            del self._running[record.room]
        kept.ended = True
        self._ended[record.id] = kept
        if len(self._ended) > _MOST_ENDED:
            self._drop(next(iter(self._ended)))
        self._something_ended.set()

    def timeline_of(self, room_id: str) -> Timeline | None:
        """Return the timeline of the call that runs in a room on this node."""
        kept = self._running.get(room_id)
        return None if kept is None else kept.timeline

    def records(self, room_id: str | None = None) -> Iterator[CallRecord]:
        """Yield the records that are newer here than in the database, of one room or of all."""
        for kept in (*self._running.values(), *self._ended.values()):
            if room_id is None or kept.timeline.record.room == room_id:
                yield kept.timeline.record

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
            for kept in [kept for kept in (*self._ended.values(), *self._running.values()) if kept.due(now)]:
                try:
                    await self._write(kept)
                except self._away as error:
                    self._note_away(error)
                    return
            self._note_back()

    async def stop(self, timeout_s: float) -> None:
        """Write what is left, in so many seconds. `run` must have ended."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self.flush()
        if self._ended:
            extra = {"event": "call_records_lost", "count": len(self._ended)}
            logger.warning("call records are lost: they could not be written in time", extra=extra)
        for call_id in list(self._ended):
            self._drop(call_id)

    # --- inside

    async def _next_time(self) -> None:
        if self._waiting:  # not sooner: each call that ends would ask a database anew that is away
            await asyncio.sleep(self._interval_s)
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._interval_s):
                await self._something_ended.wait()
        self._something_ended.clear()

    async def _write(self, kept: _Kept) -> None:
        timeline, ended, now = kept.timeline, kept.ended, self._clock()
        kept.stamp = max(kept.stamp + 1, int(now * 1000))
        timeline.changed = False  # what changes from here on is for the next time
        try:
            await self._store.write(timeline.record, kept.stamp)
        except (self._away, asyncio.CancelledError):
            timeline.changed = True
            raise
        except Exception as error:
            self._note_failure(kept, error)
            if ended:
                self._drop(timeline.record.id)
        kept.written_at = now
        if ended:
            self._ended.pop(timeline.record.id, None)

    def _drop(self, call_id: str) -> None:
        if self._ended.pop(call_id, None) is not None:
            self._metrics.record_dropped()

    def _note_failure(self, kept: _Kept, error: Exception) -> None:
        if not kept.failed:
            record = kept.timeline.record
            extra = {"event": "call_record_refused", "call_id": record.id, "room": record.room}
            logger.error("a call record cannot be written", exc_info=error, extra=extra)
        kept.failed = True

    def _note_away(self, error: Exception) -> None:
        if not self._waiting:
            extra = {"event": "call_records_waiting", "detail": str(error)[:200]}
            logger.warning("call records wait for the database", extra=extra)
        self._waiting = True

    def _note_back(self) -> None:
        if self._waiting:
            logger.info("call records are written again", extra={"event": "call_records_written"})
        self._waiting = False
