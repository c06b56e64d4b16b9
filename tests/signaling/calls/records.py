"""Records of calls, and clocks, for the tests of what keeps them."""

from __future__ import annotations

from typing import Any

from signaling.core.calls.record import CallRecord, MemberRecord
from signaling.core.calls.timeline import Timeline

NOW = 1_790_000_000.0
NOW_MS = 1_790_000_000_000
ROOM = "stand-up"


def call_id(number: int) -> str:
    """Return an id that sorts by number."""
    return f"{number:032x}"


def call(number: int = 1, **fields: Any) -> CallRecord:
    """Return the record of a call that ran for a minute with one person in it."""
    given: dict[str, Any] = {
        "id": call_id(number),
        "room": ROOM,
        "node": "one",
        "started_at": NOW_MS,
        "ended_at": NOW_MS + 60_000,
        "members": [MemberRecord(id="a1", name="Ada", role="host", joined_at=NOW_MS)],
    }
    return CallRecord(**(given | fields))


def running(number: int = 1, **fields: Any) -> Timeline:
    """Return the timeline of a call that runs."""
    return Timeline(call(number, **({"ended_at": None} | fields)))


class SetClock:
    """A clock that stands where the test puts it."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now
