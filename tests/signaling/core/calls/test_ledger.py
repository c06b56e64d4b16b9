"""A record stays small, whatever a call is like."""

from __future__ import annotations

import msgspec
import pytest

from signaling.core.calls.ledger import (
    MAX_ATTEMPTS,
    MAX_EVENTS,
    MAX_EVENTS_OF_ONE,
    MAX_MEMBERS,
    MAX_PAIRS,
    MAX_RECORD_BYTES,
    Ledger,
)
from signaling.core.calls.record import Attempt, CallRecord, MemberRecord, PairRecord, Quality, SideReport
from signaling.core.messages import CandidateCounts, SelectedPair

NOW = 1_790_000_000_000
SELECTED = SelectedPair("srflx", "srflx", "udp", "udp", "v4")
COUNTS = CandidateCounts(1000, 1000, 1000, 1000)


class Book:
    """A record and its ledger."""

    def __init__(self) -> None:
        self.record = CallRecord(id="0" * 32, room="r" * 64, node="n" * 64, started_at=NOW)
        self.ledger = Ledger(self.record)

    def enter(self, member_id: str) -> MemberRecord:
        member = MemberRecord(id=member_id, name="N", role="guest", joined_at=NOW)
        self.ledger.enter(member)
        return member

    def open(self, a: str, b: str) -> PairRecord | None:
        pair = PairRecord(a=a, b=b)
        return pair if self.ledger.open(pair) else None

    @property
    def size(self) -> int:
        return len(msgspec.json.encode(self.record))


@pytest.fixture
def book() -> Book:
    return Book()


def long_id(number: int) -> str:
    return f"{number:016}"


def long_report() -> SideReport:
    return SideReport(
        state="disconnected",
        ice_state="disconnected",
        at=NOW,
        elapsed_ms=599_999.9,
        gathering_ms=599_999.9,
        ice_ms=599_999.9,
        local=COUNTS,
        remote=COUNTS,
        server_errors=[701] * 8,
        pair=SELECTED,
    )


def long_quality() -> Quality:
    return Quality(
        digests=100_000,
        rtt_ms=(59_999.9, 59_999.9),
        jitter_ms=(9999.9, 9999.9),
        loss_in=(0.9999, 0.9999),
        loss_out=(0.9999, 0.9999),
        bitrate_in=9_999_999_999.0,
        bitrate_out=9_999_999_999.0,
        freezes=1_000_000,
        frozen_ms=99_999_999.9,
        limited_by_cpu=100_000,
        limited_by_bandwidth=100_000,
        pair=SELECTED,
    )


def fill(pair: PairRecord) -> None:
    pair.outcome = "unreported"
    pair.connected_at = NOW
    pair.quality = {pair.a: long_quality(), pair.b: long_quality()}
    for attempt in pair.attempts:
        attempt.connection = "c" * 64
        attempt.offered_by = pair.a
        attempt.answered_at = attempt.settled_at = NOW
        attempt.outcome = "unreported"
        attempt.glare = True
        attempt.relayed = {pair.a: COUNTS, pair.b: COUNTS}
        attempt.reports = {pair.a: long_report(), pair.b: long_report()}


def test_members_beyond_the_bound_are_counted(book: Book) -> None:
    for number in range(MAX_MEMBERS + 3):
        book.ledger.leave(book.enter(long_id(number)))
    assert (len(book.record.members), book.record.more_members) == (MAX_MEMBERS, 3)


def test_who_has_no_place_has_no_pairs_and_no_events(book: Book) -> None:
    for number in range(MAX_MEMBERS + 1):
        book.ledger.leave(book.enter(long_id(number)))
    known, unknown = long_id(0), long_id(MAX_MEMBERS)
    assert book.open(known, unknown) is None
    book.ledger.note("connected", NOW, known, unknown)
    book.ledger.note("leave", NOW, unknown)
    assert (book.record.pairs, book.record.more_pairs) == ([], 1)
    assert (book.record.events, book.record.more_events) == ([], 2)


def test_pairs_beyond_the_bound_are_counted(book: Book) -> None:
    book.enter("a")
    book.enter("b")
    for _ in range(MAX_PAIRS + 2):
        pair = book.open("a", "b")
        if pair is not None:
            book.ledger.close(pair)
    assert (len(book.record.pairs), book.record.more_pairs) == (MAX_PAIRS, 2)


def test_attempts_beyond_the_bound_are_counted(book: Book) -> None:
    book.enter("a")
    book.enter("b")
    pair = book.open("a", "b")
    assert pair is not None
    for _ in range(MAX_ATTEMPTS + 4):
        book.ledger.begin(pair, Attempt(kind="rebuild", started_at=NOW))
    assert (len(pair.attempts), pair.more_attempts) == (MAX_ATTEMPTS, 4)


def test_nobody_fills_the_timeline_alone(book: Book) -> None:
    book.enter("a")
    book.enter("b")
    for _ in range(MAX_EVENTS_OF_ONE + 5):
        book.ledger.note("lost", NOW, "a")
        book.ledger.note("refused", NOW, detail="room_locked")
    book.ledger.note("lost", NOW, "b")
    assert len(book.record.events) == 2 * MAX_EVENTS_OF_ONE + 1
    assert book.record.more_events == 10


def test_events_beyond_the_bound_are_counted(book: Book) -> None:
    for number in range(100):
        book.enter(str(number))
        for _ in range(MAX_EVENTS // 100 + 1):
            book.ledger.note("back", NOW, str(number))
    assert (len(book.record.events), book.record.more_events) == (MAX_EVENTS, 100)


@pytest.mark.parametrize("people", [2, 8, 50])
def test_the_record_of_the_worst_call_stays_below_its_bound(book: Book, people: int) -> None:
    ids = [long_id(number) for number in range(people)]
    for member_id in ids:
        member = book.enter(member_id)
        member.name = "\N{PILE OF POO}" * 64
        member.network = member.browser = "x" * 64
        member.left_at = NOW
        member.leave_reason = "signed_out"
        member.media_errors = {"audio": "overconstrained", "video": "overconstrained", "screen": "overconstrained"}
    pairs = [pair for a in ids for b in ids if a < b and (pair := book.open(a, b))]
    for _ in range(MAX_ATTEMPTS + 1):
        for pair in pairs:
            book.ledger.begin(pair, Attempt(kind="ice_restart", started_at=NOW))
    for pair in pairs:
        fill(pair)
    for _ in range(MAX_EVENTS):
        for a in ids:
            book.ledger.note("disconnected", NOW, a, ids[0], "no_answer")
    assert MAX_RECORD_BYTES / 4 < book.size <= MAX_RECORD_BYTES
    before = len(book.record.pairs)
    for pair in pairs:
        book.ledger.close(pair)
    if people == 50:
        assert book.open(ids[0], ids[1]) is not None, "what was reserved and not used is free again"
        assert len(book.record.pairs) == before + 1


def test_a_small_call_may_be_long(book: Book) -> None:
    """Ten thousand people who each stay for a moment, one after the other with the first, leave a small record."""
    book.enter("a")
    for number in range(10_000):
        member = book.enter(long_id(number))
        pair = book.open("a", member.id)
        if pair is not None:
            book.ledger.begin(pair, Attempt(kind="initial", started_at=NOW))
            fill(pair)
            book.ledger.close(pair)
        book.ledger.leave(member)
    assert book.size <= MAX_RECORD_BYTES
    assert len(book.record.pairs) > 50
