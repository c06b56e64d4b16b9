"""What other nodes may ask of this one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from signaling.calls.history import CallHistory
    from signaling.calls.keeper import CallKeeper
    from signaling.cluster.arrivals import Arrivals
    from signaling.hub import Hub
    from signaling.moderation import ModerationService
    from signaling.recording.service import RecordingService
    from signaling.rooms import RoomService


@dataclass(frozen=True)
class Host:
    """Those of this node who answer."""

    hub: Hub
    rooms: RoomService
    moderation: ModerationService
    calls: CallHistory
    keeper: CallKeeper
    recordings: RecordingService
    arrivals: Arrivals
