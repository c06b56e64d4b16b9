"""The calls of a room as its owner and moderators see them; every door to them is here."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Literal

from signaling.calls.overview import CallOverview, overview
from signaling.calls.store import Place, Wanted
from signaling.core.calls.record import CallRecord, Event
from signaling.rooms import RoomNotFound

if TYPE_CHECKING:
    from signaling.calls.keeper import CallKeeper
    from signaling.calls.settings import CallSettings
    from signaling.calls.store import CallStore
    from signaling.ports import Clock

logger = logging.getLogger(__name__)

Trouble = Literal["socket_blocked", "socket_lost"]
"""What a browser says over HTTP of its socket: it never opened; it broke and does not open again."""
KeptBy = Callable[[str, int], Awaitable[int | None]]
"""Tells when a room was made, if this account owns or moderates it; None if not."""

SILENT_MS = 120_000
"""After so long without a word of its server a call counts as interrupted."""
_TOGETHER_MS = 10 * 60_000
"""Troubles of a room without a call go into one record for so long."""
_MOST_EVENTS = 50
_BATCH = 200


class CallNotFound(Exception):
    """There is no such call, or it is not open to the one who asks."""


class CallHistory:
    """Show calls, note what browsers could not tell otherwise, and forget both after a while.

    What runs on this node comes from its keeper, so it is never old; the rest from the database.
    """

    def __init__(
        self,
        settings: CallSettings,
        store: CallStore,
        keeper: CallKeeper,
        *,
        kept_by: KeptBy,
        node: str,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._store = store
        self._keeper = keeper
        self._kept_by = kept_by
        self._node = node
        self._clock = clock
        self._noting = asyncio.Lock()

    # --- for people

    async def list(self, room_id: str, user_id: int, before: Place | None, limit: int) -> list[CallOverview]:
        """Return calls of a room, newest first, from just before that place on. Raises `RoomNotFound`."""
        made_at = await self._door(room_id, user_id)
        stored = await self._store.select_overviews(Wanted(room_id=room_id, since=made_at), before, limit)
        found = {call.id: call for call in stored}
        for record in self._keeper.records(room_id):
            if record.started_at >= made_at and (before is None or _place(record) < before):
                found[record.id] = overview(record, self._now_ms())
        return sorted(found.values(), key=lambda call: (call.started_at, call.id), reverse=True)[:limit]

    async def show(self, room_id: str, call_id: str, user_id: int) -> CallRecord:
        """Return the record of a call. Raises `RoomNotFound`, `CallNotFound`."""
        made_at = await self._door(room_id, user_id)
        record = next((record for record in self._keeper.records(room_id) if record.id == call_id), None)
        if record is None:
            record = await self._store.select(call_id)
        if record is None or record.room != room_id or record.started_at < made_at:
            raise CallNotFound(call_id)
        return record

    async def note(self, room_id: str, trouble: Trouble) -> None:
        """Note that a browser cannot open its socket: in the call that runs, or in a record without a call."""
        timeline = self._keeper.timeline_of(room_id)
        if timeline is not None:
            timeline.unreachable(trouble, self._clock())
            return
        async with self._noting:
            await self._note_alone(room_id, trouble)

    # --- chores

    async def end_interrupted(self) -> None:
        """End the records of calls whose server is gone: they say what it wrote last."""
        here = {record.id for record in self._keeper.records()}
        for record, updated_at in await self._store.select_silent(self._now_ms() - SILENT_MS, _BATCH):
            if record.id in here:  # the database was away, not the call
                continue
            record.ended_at, record.interrupted = updated_at, True
            if await self._store.interrupt(record, updated_at):
                extra = {"event": "call_interrupted", "call_id": record.id, "room": record.room, "node": record.node}
                logger.info("call interrupted", extra=extra)

    async def delete_expired(self) -> None:
        """Delete what was kept long enough."""
        before = self._now_ms() - round(self._settings.retention.total_seconds() * 1000)
        while await self._store.delete_old(before, _BATCH) == _BATCH:
            pass

    # --- inside

    async def _door(self, room_id: str, user_id: int) -> int:
        """Return when the room was made: calls in one of the same name before it are not its owner's to see."""
        made_at = await self._kept_by(room_id, user_id)
        if made_at is None:
            raise RoomNotFound(room_id)
        return made_at

    async def _note_alone(self, room_id: str, trouble: Trouble) -> None:
        now = self._now_ms()
        record, written_at = await self._troubles(room_id, now)
        record.ended_at = max(now, record.started_at)
        if len(record.events) < _MOST_EVENTS:
            record.events.append(Event(at=now, kind="unreachable", detail=trouble))
        else:
            record.more_events += 1
        await self._store.write(record, max(now, written_at + 1))

    async def _troubles(self, room_id: str, now: int) -> tuple[CallRecord, int]:
        """Return the record that takes the troubles of a room now, with when it was written last."""
        for record, written_at in await self._store.select_without_people(room_id, now - _TOGETHER_MS, _BATCH):
            if not record.members:
                return record, written_at
        return CallRecord(id=secrets.token_hex(16), room=room_id, node=self._node, started_at=now), 0

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)


def _place(record: CallRecord) -> Place:
    return Place(record.started_at, record.id)
