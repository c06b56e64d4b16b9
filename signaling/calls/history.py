"""The calls of a room as its owner and moderators see them; every door to them is here."""

from __future__ import annotations

import asyncio
import logging
import secrets
from typing import TYPE_CHECKING, Literal

from signaling.calls.snapshot import Snapshot, decode_record
from signaling.calls.store import Place, Silent, Wanted
from signaling.core.calls.record import CallRecord, Event
from signaling.elsewhere import ALONE, Elsewhere, Trouble
from signaling.rooms import RoomNotFound

if TYPE_CHECKING:
    from collections.abc import Callable

    from signaling.calls.keeper import CallKeeper
    from signaling.calls.metrics import CallMetrics
    from signaling.calls.overview import CallOverview
    from signaling.calls.settings import CallSettings
    from signaling.calls.store import CallStore
    from signaling.ports import Clock, KeptSince
    from signaling.refusals import Refusal

logger = logging.getLogger(__name__)

Detail = Literal[Trouble, "origin_refused", "draining"]
"""What is noted of it: browsers do not learn that it was this server that refused their handshake."""

SILENT_MS = 300_000
"""After so long without a word of its server a call counts as interrupted; servers' clocks may differ by most of it."""
_TOGETHER_MS = 10 * 60_000
"""Troubles of a room without a call go into one record for so long."""
_MOST_EVENTS = 50
_BATCH = 200


class CallNotFound(Exception):
    """There is no such call, or it is not open to the one who asks."""


class CallHistory:
    """Show calls, note what browsers could not tell otherwise, and forget both after a while.

    `refused` tells how the newest handshake was refused that came for a room in the last minutes.

    What runs on this node comes from its keeper: a call as it is now, lists as it was written last. The rest comes
    from the database; the node where the room lives is asked to write what is newer first.
    """

    def __init__(
        self,
        settings: CallSettings,
        store: CallStore,
        keeper: CallKeeper,
        metrics: CallMetrics,
        *,
        kept_since: KeptSince,
        refused: Callable[[str], Refusal | None],
        node: str,
        clock: Clock,
        elsewhere: Elsewhere = ALONE,
    ) -> None:
        self._settings = settings
        self._store = store
        self._keeper = keeper
        self._metrics = metrics
        self._kept_since = kept_since
        self._refused = refused
        self._node = node
        self._clock = clock
        self._elsewhere = elsewhere
        self._noting = asyncio.Lock()

    # --- for people

    async def list(self, room_id: str, user_id: int, before: Place | None, limit: int) -> list[CallOverview]:
        """Return calls of a room, newest first, from just before that place on. Raises `RoomNotFound`."""
        made_at = await self._door(room_id, user_id)
        if before is None:  # what is newer comes first
            await self._elsewhere.write_calls(room_id)
        here = await self._keeper.overviews(room_id)
        stored = await self._store.select_overviews(Wanted(room_id=room_id, since=made_at), before, limit)
        found = {call.id: call for call in stored}
        for call in here:
            known = found.get(call.id)
            if known is not None and known.updated_at > call.updated_at:  # it was written meanwhile
                continue
            if call.started_at >= made_at and (before is None or Place(call.started_at, call.id) < before):
                found[call.id] = call
        return sorted(found.values(), key=lambda call: (call.started_at, call.id), reverse=True)[:limit]

    async def show(self, room_id: str, call_id: str, user_id: int) -> CallRecord:
        """Return the record of a call. Raises `RoomNotFound`, `CallNotFound`."""
        made_at = await self._door(room_id, user_id)
        encoded = self._keeper.encoded(room_id, call_id)
        record = await self._stored(room_id, call_id) if encoded is None else decode_record(encoded)
        if record is None or record.room != room_id or record.started_at < made_at:
            raise CallNotFound(call_id)
        return record

    async def note(self, room_id: str, trouble: Trouble, *, page_allowed: bool | None = None) -> None:
        """Note that a browser cannot open its socket: in the call that runs, or in a record without a call.

        `page_allowed`: whether sockets may be opened from where its page came from; None where that is not known.
        """
        refused = self._refused(room_id)
        if self.note_here(room_id, trouble, refused, page_allowed=page_allowed):
            return
        if await self._elsewhere.note_trouble(room_id, trouble, refused, page_allowed=page_allowed):
            return
        detail = _detail(trouble, refused, page_allowed)
        self._metrics.trouble(detail)
        async with self._noting:
            while not await self._note_alone(room_id, detail):
                pass  # another server noted something in the same record

    def note_here(self, room_id: str, trouble: Trouble, refused: Refusal | None, *, page_allowed: bool | None) -> bool:
        """Note a trouble in the call that runs in a room on this node; false where none does.

        `refused`: how another node refused the newest handshake that came for the room, if one did.
        """
        timeline = self._keeper.timeline_of(room_id)
        if timeline is None:
            return False
        detail = _detail(trouble, refused or self._refused(room_id), page_allowed)
        self._metrics.trouble(detail)
        timeline.unreachable(detail, self._clock())
        return True

    # --- chores

    async def end_interrupted(self) -> None:
        """End the records of calls whose server is gone: they say what it wrote last."""
        before, last = self._now_ms() - SILENT_MS, None
        while page := await self._store.select_silent(before, _BATCH, last):
            for call in page:
                if not self._keeper.knows(call.call_id):  # else the database was away, not the call
                    await self._interrupt(call)
            last = page[-1]

    async def delete_expired(self) -> None:
        """Delete what was kept long enough."""
        before = self._now_ms() - round(self._settings.retention.total_seconds() * 1000)
        while await self._store.delete_old(before, _BATCH) == _BATCH:
            pass

    # --- inside

    async def _door(self, room_id: str, user_id: int) -> int:
        """Return when the room was made: calls in one of the same name before it are not its owner's to see."""
        made_at = await self._kept_since(room_id, user_id)
        if made_at is None:
            raise RoomNotFound(room_id)
        return made_at

    async def _stored(self, room_id: str, call_id: str) -> CallRecord | None:
        """Return the record of a call that is not of this node; the node of one that may run is asked to write it."""
        record = await self._store.select(call_id)
        if record is not None and record.ended_at is not None:
            return record
        await self._elsewhere.write_calls(room_id)
        return await self._store.select(call_id)

    async def _interrupt(self, call: Silent) -> None:
        record = call.record
        if record is None:  # a server of a newer version will do it
            return
        record.ended_at, record.interrupted = call.updated_at, True
        if await self._store.interrupt(Snapshot.of(record, call.updated_at)):
            extra = {"event": "call_interrupted", "call_id": record.id, "room": record.room, "node": record.node}
            logger.info("call interrupted", extra=extra)

    async def _note_alone(self, room_id: str, detail: Detail) -> bool:
        """Note a trouble in a record of its own; False when that record was changed meanwhile."""
        now = self._now_ms()
        record, written_at = await self._troubles(room_id, now)
        record.ended_at = max(now, record.started_at)
        if len(record.events) < _MOST_EVENTS:
            record.events.append(Event(at=now, kind="unreachable", detail=detail))
        else:
            record.more_events += 1
        elsewhere = await self._store.select_running(room_id, now - SILENT_MS, node=self._node)
        record.beside = elsewhere or record.beside
        if written_at is None:
            await self._store.write(Snapshot.of(record, now))
            return True
        return await self._store.replace(Snapshot.of(record, max(now, written_at + 1)), written_at)

    async def _troubles(self, room_id: str, now: int) -> tuple[CallRecord, int | None]:
        """Return the record that takes the troubles of a room now, with when it was written; None for a new one."""
        for record, written_at in await self._store.select_without_people(room_id, now - _TOGETHER_MS, _BATCH):
            if not record.members:
                return record, written_at
        return CallRecord(id=secrets.token_hex(16), room=room_id, node=self._node, started_at=now), None

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)


def _detail(trouble: Trouble, refused: Refusal | None, page_allowed: bool | None) -> Detail:
    if page_allowed is False:
        return "origin_refused"
    if refused == "draining":
        return "draining"
    # Who had a socket before came from a page that is allowed.
    guessed = page_allowed is None and refused == "bad_origin" and trouble == "socket_blocked"
    return "origin_refused" if guessed else trouble
