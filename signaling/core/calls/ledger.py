"""How much a record may hold. It is written to a database row every few seconds and read as a page. Pure."""

from __future__ import annotations

import msgspec

from signaling.core.calls.record import Attempt, CallRecord, Event, EventKind, MemberRecord, PairRecord

MAX_MEMBERS = 200
MAX_PAIRS = 500
MAX_ATTEMPTS = 20
"""Of one pair."""
MAX_EVENTS = 2000
MAX_EVENTS_OF_ONE = 400
"""Of one member, or of all that are not in: nobody's unsteady network takes the place of what befell the others."""
MAX_RECORD_BYTES = 256 * 1024

_EVENT_BYTES = 112 * 1024
_BYTES = MAX_RECORD_BYTES - _EVENT_BYTES - 1024
"""For members and pairs; the rest is for the frame of the record."""
_MEMBER_BYTES = 768
_PAIR_BYTES = 1024
_ATTEMPT_BYTES = 1536
"""The most that each can grow to. What cannot grow any more is counted as it is."""

_encoder = msgspec.json.Encoder()


class Ledger:
    """Adds to a record what still fits, and counts what does not."""

    __slots__ = ("_bytes", "_event_bytes", "_events_of", "_known", "_record")

    def __init__(self, record: CallRecord) -> None:
        self._record = record
        self._bytes = _BYTES
        self._event_bytes = _EVENT_BYTES
        self._events_of: dict[str, int] = {}
        self._known: set[str] = {""}

    def enter(self, member: MemberRecord) -> None:
        """Add a member."""
        if len(self._record.members) < MAX_MEMBERS and self._reserve(_MEMBER_BYTES):
            self._record.members.append(member)
            self._known.add(member.id)
        else:
            self._record.more_members += 1

    def leave(self, member: MemberRecord) -> None:
        """Note that nothing more will be written of a member."""
        if member.id in self._known:
            self._bytes += _MEMBER_BYTES - len(_encoder.encode(member))

    def open(self, pair: PairRecord) -> bool:
        """Add a pair; False when it has no place."""
        fits = len(self._record.pairs) < MAX_PAIRS and self._known.issuperset((pair.a, pair.b))
        if fits and self._reserve(_PAIR_BYTES):
            self._record.pairs.append(pair)
            return True
        self._record.more_pairs += 1
        return False

    def begin(self, pair: PairRecord, attempt: Attempt) -> None:
        """Add an attempt to a pair that has its place."""
        if len(pair.attempts) < MAX_ATTEMPTS and self._reserve(_ATTEMPT_BYTES):
            pair.attempts.append(attempt)
        else:
            pair.more_attempts += 1

    def close(self, pair: PairRecord) -> None:
        """Note that nothing more will be written of a pair that has its place."""
        reserved = _PAIR_BYTES + _ATTEMPT_BYTES * len(pair.attempts)
        self._bytes += reserved - len(_encoder.encode(pair))

    def note(self, kind: EventKind, at: int, member: str = "", other: str = "", detail: str = "") -> None:
        """Add an event to the timeline."""
        if len(self._record.events) < MAX_EVENTS and self._known.issuperset((member, other)):
            event = Event(at=at, kind=kind, member=member, other=other, detail=detail)
            size = len(_encoder.encode(event)) + 1
            count = self._events_of.get(member, 0)
            if size <= self._event_bytes and count < MAX_EVENTS_OF_ONE:
                self._event_bytes -= size
                self._events_of[member] = count + 1
                self._record.events.append(event)
                return
        self._record.more_events += 1

    def _reserve(self, size: int) -> bool:
        if size > self._bytes:
            return False
        self._bytes -= size
        return True
