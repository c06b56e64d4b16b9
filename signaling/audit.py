"""The audit trail of rooms: who did what to whom."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from signaling.keys import SortedIds
from signaling.moderation_store import AuditRecord

if TYPE_CHECKING:
    from signaling.core.moderation import Deed
    from signaling.metrics import SignalingMetrics
    from signaling.moderation_store import ModerationStore
    from signaling.ports import Clock

logger = logging.getLogger(__name__)

KEPT_DAYS = 90
_DAY_MS = 24 * 60 * 60 * 1000
_BATCH = 500


class AuditTrail:
    """Note what moderators and owners do, show it to owners, and forget it after a while."""

    def __init__(self, store: ModerationStore, metrics: SignalingMetrics, clock: Clock) -> None:
        self._store = store
        self._metrics = metrics
        self._clock = clock
        self._ids = SortedIds()

    def entry(self, room_id: str, deed: Deed) -> AuditRecord:
        """Make the note about a deed; for stores that keep it together with what was done."""
        now = int(self._clock() * 1000)
        return AuditRecord(
            id=self._ids.next(now),
            room_id=room_id,
            at=now,
            actor_id=deed.actor.id,
            actor_name=deed.actor.name,
            action=deed.action,
            target_id=deed.target.id if deed.target else None,
            target_name=deed.target.name if deed.target else None,
            detail=deed.detail,
        )

    def happened(self, entry: AuditRecord) -> None:
        """Count and log a deed. Names of people are for the trail only."""
        self._metrics.moderated(entry.action)
        extra = {"event": "moderation", "action": entry.action, "room": entry.room_id, "actor": entry.actor_id}
        logger.info("moderation", extra=extra | {"target": entry.target_id})

    async def record(self, room_id: str, deed: Deed) -> None:
        """Note a deed that is done."""
        entry = self.entry(room_id, deed)
        self.happened(entry)
        await self._store.insert_audit(entry)

    async def page(self, room_id: str, before: str | None, limit: int) -> list[AuditRecord]:
        """Return what was done in a room, newest first, from just before the entry `before` on."""
        return await self._store.select_audit(room_id, before, limit)

    async def delete_old(self) -> None:
        """Delete notes that were kept long enough."""
        before = int(self._clock() * 1000) - KEPT_DAYS * _DAY_MS
        while await self._store.delete_audit(before, _BATCH) == _BATCH:
            pass
