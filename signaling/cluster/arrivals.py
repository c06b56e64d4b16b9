"""Rooms that come from nodes that drain."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from signaling.cluster.departures import MOST_BYTES

if TYPE_CHECKING:
    from signaling.cluster.metrics import MoveMetrics
    from signaling.cluster.ownership import Ownership
    from signaling.cluster.questions import TakeRoom
    from signaling.hub import Hub

logger = logging.getLogger(__name__)

_MOST_BYTES = 64 * 1024 * 1024
"""Of parts that wait for the last one of their room."""
_KEPT_S = 15.0
"""How long a part may wait for it."""


class Arrivals:
    """Take rooms that other nodes hand over: first the parts of what was frozen, then the room itself."""

    def __init__(self, hub: Hub, rooms: Ownership, metrics: MoveMetrics) -> None:
        self._hub = hub
        self._rooms = rooms
        self._metrics = metrics
        self._parts: dict[str, list[bytes]] = {}

    def keep(self, offer: str, data: bytes) -> bool:
        """Keep the next part of a room for a moment; false where there is no place, or nothing in it."""
        kept = sum(len(part) for parts in self._parts.values() for part in parts)
        if self._hub.draining or not data or kept + len(data) > _MOST_BYTES:
            return False
        if offer not in self._parts:
            self._parts[offer] = []
            self._hub.later(_KEPT_S, partial(self._parts.pop, offer, None))
        self._parts[offer].append(data)
        return True

    async def take(self, room: TakeRoom) -> bool:
        """Let a room go on here; false where it does not. Raises `msgspec.DecodeError`."""
        encoded = b"".join([*self._parts.pop(room.offer, []), room.data])
        is_whole = len(encoded) == room.size <= MOST_BYTES
        if self._hub.draining or not is_whole or self._hub.live(room.room_id) is not None:
            return False
        thawed = self._hub.moves.thaw(encoded)
        if thawed.live.room.id != room.room_id:
            return False
        taken = await self._rooms.take(room.room_id, room.giver, room.offer, partial(self._hub.moves.open, thawed))
        if taken:
            self._metrics.took()
            extra = {"event": "room_arrived", "room": room.room_id, "node": room.giver.node}
            logger.info("a room came from another node", extra=extra | thawed.live.call.log_fields)
        return taken
