"""Calls that ended and are not stored yet. The database may be away for long, and memory is not endless."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from signaling.calls.overview import CallOverview

MOST_CALLS = 1000
MOST_BYTES = 64 * 1024 * 1024


class EndedCall(Struct):
    """What is left of a call: its record in JSON, as of `updated_at` (milliseconds since 1970 UTC)."""

    id: str
    room: str
    encoded: bytes
    updated_at: int
    overview: CallOverview | None = None
    """None until someone needed it."""


class Backlog:
    """Keeps ended calls in order. Of more than fit the oldest are let go, and `dropped` is told of each."""

    def __init__(self, dropped: Callable[[], None]) -> None:
        self._dropped = dropped
        self._calls: dict[str, EndedCall] = {}
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._calls)

    def __contains__(self, call_id: object) -> bool:
        return call_id in self._calls

    @property
    def calls(self) -> list[EndedCall]:
        """The calls that wait, the oldest first."""
        return list(self._calls.values())

    def add(self, call: EndedCall) -> None:
        """Let a call wait."""
        self._calls[call.id] = call
        self._bytes += len(call.encoded)
        while len(self._calls) > MOST_CALLS or self._bytes > MOST_BYTES:
            self.drop(next(iter(self._calls)))

    def remove(self, call_id: str) -> bool:
        """Forget a call that is stored; false where it did not wait."""
        call = self._calls.pop(call_id, None)
        if call is None:
            return False
        self._bytes -= len(call.encoded)
        return True

    def drop(self, call_id: str) -> None:
        """Let go of a call that was not stored, and never will be."""
        if self.remove(call_id):
            self._dropped()
