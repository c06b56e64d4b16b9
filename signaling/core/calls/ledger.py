"""How much a record may hold. It is written to a database row every few seconds and read as a page. Pure."""

from __future__ import annotations

from itertools import accumulate, groupby

import msgspec

from signaling.core.calls.index import Index
from signaling.core.calls.record import Attempt, CallRecord, Event, EventKind, MemberRecord, PairRecord
from signaling.core.calls.worth import THINNING, Worth, is_without_path, spare_attempt, worth_of

MAX_MEMBERS = 200
MAX_PAIRS = 2000
MAX_ATTEMPTS = 20
"""Of one pair."""
MAX_EVENTS = 2000
MAX_EVENTS_OF_ONE = 400
"""Of one member, or of one kind where it is nobody's: no unsteady network and no one who knocks again and again takes
the place of what befell the others."""
MAX_RECORD_BYTES = 512 * 1024
MAX_EVENT_BYTES = 160 * 1024

_FRAME_BYTES = 1024
_MEMBER_BYTES = 768
"""The most that one can grow to."""
_RELAYED_BYTES = 160
"""The most that the counts of candidates of one attempt can grow to; only these grow without `weigh`."""
_BATCH = 10
"""When something must go, one part in so many goes at once, so that it is not looked for each time."""
_ROUTINE: frozenset[EventKind] = frozenset({"offer", "answer"})
"""What happens whenever two meet."""
_ROUTINE_SHARE = 0.75
"""Of the timeline that this may fill."""

_encoder = msgspec.json.Encoder()


class Place:
    """The place of a pair in a record, or outside of it."""

    __slots__ = ("counted", "held", "known", "open", "record", "size", "untold", "worth")

    def __init__(self, record: PairRecord, *, known: bool) -> None:
        self.record = record
        self.known = known
        """Whether the record has both members; without them a pair has no place."""
        self.held = False
        self.open = True
        self.untold: Attempt | None = None
        """The newest attempt, kept or not, while nothing came of it that has to be told."""
        self.worth: Worth | None = None
        """None where it has changed since it was found out."""
        self.size = 0
        self.counted = False
        """Whether it is among the `more_failed`."""


class Ledger:
    """Adds to a record what is to be told, and leaves out what says least when there is no more place.

    Of pairs, detail goes first, that of those without trouble before all others, then whole pairs in the same order.
    Whatever goes is counted.
    """

    __slots__ = ("_bytes", "_event_bytes", "_events_of", "_free", "_known", "_places", "_record")

    def __init__(self, record: CallRecord) -> None:
        self._record = record
        self._bytes = self._free = MAX_RECORD_BYTES - MAX_EVENT_BYTES - _FRAME_BYTES
        """For members and pairs: in all, and left."""
        self._event_bytes = 0
        self._events_of: dict[str, int] = {}
        self._known: set[str] = {""}
        self._places: list[Place] = []
        """Of the pairs in the record, in the same order."""

    @classmethod
    def thaw(cls, record: CallRecord) -> Ledger:
        """Go on with the record of another node; until `place_of` says otherwise, all its pairs are over."""
        ledger = cls(record)
        for member in record.members:
            ledger._known.add(member.id)
            ledger._free -= _MEMBER_BYTES if member.left_at is None else _size_of(member)
        for pair in record.pairs:
            place = Place(pair, known=True)
            place.held, place.open = True, False
            ledger._places.append(place)
            ledger._measure(place)
        for event in record.events:
            ledger._event_bytes += _size_of(event)
            whose = event.member or event.kind
            ledger._events_of[whose] = ledger._events_of.get(whose, 0) + 1
        return ledger

    def place_of(self, number: int | None, pair: PairRecord, untold: Attempt | None) -> Place:
        """Return the place of a pair that goes on: that of this number in the record, or one outside of it."""
        outside = Place(pair, known=self._known.issuperset((pair.a, pair.b)))
        place = outside if number is None else self._places[number]
        place.open, place.untold = True, untold
        place.counted = not place.held and is_without_path(pair, untold)
        if place.held:
            self._measure(place)
        return place

    def number_of(self, place: Place) -> int | None:
        """Return the number of a pair in the record, None where it has no place there."""
        return next((number for number, one in enumerate(self._places) if one is place), None)

    # --- members

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
            self._free += _MEMBER_BYTES - _size_of(member)

    # --- pairs

    def open(self, pair: PairRecord) -> Place:
        """Add a pair."""
        place = Place(pair, known=self._known.issuperset((pair.a, pair.b)))
        self._record.more_pairs += 1
        if place.known:
            self._hold(place)
        return place

    def begin(self, place: Place, attempt: Attempt) -> None:
        """Add an attempt to a pair; of too many, or of a pair without a place, the newest counts."""
        attempts = place.record.attempts
        attempts.append(attempt)
        place.untold = attempt
        most = MAX_ATTEMPTS if place.held else 1
        while len(attempts) > most:
            del attempts[spare_attempt(attempts) if place.held else 0]
            place.record.more_attempts += 1

    def weigh(self, place: Place) -> None:
        """Take in that a pair has changed in anything but the counts of candidates."""
        place.worth = None
        if is_without_path(place.record, place.untold):
            self._tell(place)
        if place.held:
            self._measure(place)
            self._make_room(0)
        self._count(place)

    def close(self, place: Place) -> None:
        """Note that nothing more will be written of a pair."""
        place.open = False
        self.weigh(place)

    def _tell(self, place: Place) -> None:
        """Give a pair that failed a place, and the attempt that failed, if it was left out while it went on."""
        untold, place.untold = place.untold, None
        if untold is not None and not place.record.attempts:
            place.record.attempts.append(untold)
            place.record.more_attempts -= 1
        if place.known and not place.held:
            self._hold(place)

    def _hold(self, place: Place) -> None:
        if len(self._places) >= MAX_PAIRS:
            self._remove({id(one) for _, one in self._by_worth()[: max(1, MAX_PAIRS // _BATCH)]})
        place.held = True
        self._record.more_pairs -= 1
        self._record.pairs.append(place.record)
        self._places.append(place)
        self._measure(place)
        self._make_room(0)

    def _measure(self, place: Place) -> None:
        former, place.size = place.size, _size_of(place.record)
        if place.open:
            place.size += _RELAYED_BYTES * len(place.record.attempts)
        self._free += former - place.size

    def _count(self, place: Place) -> None:
        failed = not place.held and is_without_path(place.record, place.untold)
        self._record.more_failed += failed - place.counted
        place.counted = failed

    # --- room

    def _reserve(self, size: int) -> bool:
        self._make_room(size)
        if size > self._free:
            return False
        self._free -= size
        return True

    def _make_room(self, size: int) -> None:
        if self._free >= size:
            return
        enough = size + self._bytes // _BATCH
        by_worth = self._by_worth()
        for worth, group in groupby(by_worth, key=lambda one: one[0]):
            places = [place for _, place in group]
            for thin in THINNING[worth]:
                for place in places:
                    if self._free >= enough:
                        return
                    if thin(place.record):
                        self._measure(place)
        self._remove_until(size, [place for _, place in by_worth])

    def _remove_until(self, size: int, places: list[Place]) -> None:
        lacking = [size - self._free, *(-place.size for place in places)]
        removed = [place for place, lack in zip(places, accumulate(lacking), strict=False) if lack > 0]
        self._remove({id(place) for place in removed})

    def _remove(self, removed: set[int]) -> None:
        for place in [place for place in self._places if id(place) in removed]:
            self._free += place.size
            place.size = 0
            place.held = False
            self._record.more_pairs += 1
            self._count(place)
        self._places = [place for place in self._places if place.held]
        self._record.pairs[:] = [place.record for place in self._places]

    def _by_worth(self) -> list[tuple[Worth, Place]]:
        """Return what a pair says with its place, those that say least and are over first, then by age."""
        index = Index(self._record)
        valued = []
        for place in self._places:
            if place.worth is None:
                place.worth = worth_of(index, place.record)
            valued.append((place.worth, place))
        return sorted(valued, key=lambda one: (one[0], one[1].open))

    # --- events

    def note(self, kind: EventKind, at: int, member: str = "", other: str = "", detail: str = "") -> None:
        """Add an event to the timeline."""
        event = Event(at=at, kind=kind, member=member, other=other, detail=detail)
        if self._known.issuperset((member, other)) and self._has_place(event, size := _size_of(event)):
            self._event_bytes += size
            self._record.events.append(event)
        else:
            self._record.more_events += 1

    def _has_place(self, event: Event, size: int) -> bool:
        share = _ROUTINE_SHARE if event.kind in _ROUTINE else 1.0
        if len(self._record.events) >= MAX_EVENTS * share or self._event_bytes + size > MAX_EVENT_BYTES * share:
            return False
        whose = event.member or event.kind
        count = self._events_of[whose] = self._events_of.get(whose, 0) + 1
        return count <= MAX_EVENTS_OF_ONE


def _size_of(part: MemberRecord | PairRecord | Event) -> int:
    """Return how many bytes a part takes in the record, with the comma behind it."""
    return len(_encoder.encode(part)) + 1
