"""Handshakes that were refused: logged, and remembered for a while, because browsers are not told why theirs failed."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from signaling.link import LinkRequest
    from signaling.ports import Clock

logger = logging.getLogger(__name__)

Refusal = Literal["bad_origin", "draining", "room_not_found"]

STATUSES: dict[Refusal, int] = {"bad_origin": 403, "draining": 503, "room_not_found": 404}
"""The HTTP status that goes with each."""
KEPT_S = 600.0
MOST_ROOMS = 1000
_MOST_OF_ORIGIN = 256


class Refusals:
    """The refused handshakes of the last minutes, the newest of each room. `clock`: seconds since 1970 UTC."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._newest: dict[str, tuple[Refusal, float]] = {}

    def add(self, request: LinkRequest, code: Refusal) -> None:
        """Note that a handshake was refused, and say so in the log."""
        room_id = "" if code == "room_not_found" else request.room_id  # what was asked for may be anything
        origin = None if request.origin is None else request.origin[:_MOST_OF_ORIGIN]
        fields = {"event": "handshake_refused", "code": code, "origin": origin, "remote_addr": request.address}
        logger.info("a handshake was refused", extra=fields | {"room": room_id})
        if room_id and (code == "draining" or origin is not None):  # who names no origin is no browser
            self._newest.pop(room_id, None)
            self._newest[room_id] = (code, self._clock())
            if len(self._newest) > MOST_ROOMS:
                del self._newest[next(iter(self._newest))]

    def newest(self, room_id: str) -> Refusal | None:
        """Return how the newest handshake was refused that came for a room in the last minutes; None if none was."""
        code, at = self._newest.get(room_id, (None, 0.0))
        return code if self._clock() - at < KEPT_S else None
