"""A record stays small, whatever a call is like."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import msgspec
import pytest

from signaling.core.calls.causes import findings, summary
from signaling.core.calls.ledger import (
    MAX_ATTEMPTS,
    MAX_EVENTS,
    MAX_EVENTS_OF_ONE,
    MAX_MEMBERS,
    MAX_RECORD_BYTES,
    Ledger,
    Place,
)
from signaling.core.calls.record import (
    Attempt,
    AttemptKind,
    CallRecord,
    MemberRecord,
    Outcome,
    PairRecord,
    Quality,
    SideReport,
)
from signaling.core.messages import CandidateCounts, SelectedPair

NOW = 1_790_000_000_000
SELECTED = SelectedPair("srflx", "srflx", "udp", "udp", "v4")
FEW = CandidateCounts(3, 2, 0, 0)
COUNTS = CandidateCounts(1000, 1000, 1000, 1000)


class Book:
    """A record and its ledger."""

    def __init__(self) -> None:
        self.record = CallRecord(id="0" * 32, room="r" * 64, node="n" * 64, started_at=NOW)
        self.ledger = Ledger(self.record)

    def enter(self, *member_ids: str) -> MemberRecord:
        for member_id in member_ids:
            member = MemberRecord(id=member_id, name="N", role="guest", joined_at=NOW)
            self.ledger.enter(member)
        return member

    def open(self, a: str, b: str) -> Place:
        return self.ledger.open(PairRecord(a=a, b=b))

    def attempt(self, place: Place, outcome: Outcome, kind: AttemptKind = "initial") -> Attempt:
        """Let a pair have an attempt that two browsers tell all of."""
        attempt = Attempt(kind=kind, started_at=NOW)
        self.ledger.begin(place, attempt)
        end(place.record, attempt, outcome)
        self.ledger.weigh(place)
        return attempt

    def meet(self, a: str, b: str, outcome: Outcome = "connected") -> Place:
        place = self.open(a, b)
        self.attempt(place, outcome)
        return place

    def mesh(self, people: int, outcome: Callable[[str, str], Outcome] = lambda a, b: "connected") -> list[Place]:
        """Let so many people meet, each two of them."""
        ids = [long_id(number) for number in range(people)]
        self.enter(*ids)
        places = [self.meet(a, b, outcome(a, b)) for a, b in itertools.combinations(ids, 2)]
        for place in places:
            place.record.quality = {place.record.a: good_quality(), place.record.b: good_quality()}
            self.ledger.weigh(place)
        return places

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


def good_quality() -> Quality:
    return Quality(
        digests=360,
        rtt_ms=(40.1, 90.2),
        jitter_ms=(5.1, 20.3),
        loss_in=(0.001, 0.0124),
        loss_out=(0.001, 0.0124),
        bitrate_in=1_250_000.0,
        bitrate_out=1_250_000.0,
        freezes=3,
        frozen_ms=1500.1,
        pair=SELECTED,
    )


def end(pair: PairRecord, attempt: Attempt, outcome: Outcome, told: SideReport | None = None) -> None:
    told = told or SideReport(state="failed", at=NOW, elapsed_ms=599_999.9, local=FEW, remote=FEW, server_errors=[701])
    pair.outcome = attempt.outcome = outcome
    attempt.connection = "c" * 22
    attempt.offered_by = pair.a
    attempt.answered_at = attempt.settled_at = NOW + 20_000
    attempt.relayed = {pair.a: FEW, pair.b: FEW}
    if outcome == "connected":
        told = msgspec.structs.replace(told, state="connected", pair=SELECTED)
        pair.connected_at = NOW
        attempt.settled_at = NOW + 800
    attempt.reports = {pair.a: told, pair.b: told}


def fill(pair: PairRecord) -> None:
    pair.connected_at = NOW
    pair.quality = {pair.a: long_quality(), pair.b: long_quality()}
    for attempt in pair.attempts:
        end(pair, attempt, "unreported", long_report())
        attempt.connection = "c" * 64
        attempt.glare = True
        attempt.relayed = {pair.a: COUNTS, pair.b: COUNTS}


def test_members_beyond_the_bound_are_counted(book: Book) -> None:
    for number in range(MAX_MEMBERS + 3):
        book.ledger.leave(book.enter(long_id(number)))
    assert (len(book.record.members), book.record.more_members) == (MAX_MEMBERS, 3)


def test_who_has_no_place_has_no_pairs_and_no_events(book: Book) -> None:
    for number in range(MAX_MEMBERS + 1):
        book.ledger.leave(book.enter(long_id(number)))
    known, unknown = long_id(0), long_id(MAX_MEMBERS)
    place = book.open(known, unknown)
    book.ledger.note("connected", NOW, known, unknown)
    book.ledger.note("leave", NOW, unknown)
    assert (book.record.pairs, book.record.more_pairs, book.record.more_failed) == ([], 1, 0)
    assert (book.record.events, book.record.more_events) == ([], 2)
    book.attempt(place, "failed")
    book.attempt(place, "timeout", "rebuild")
    assert (book.record.pairs, book.record.more_pairs, book.record.more_failed) == ([], 1, 1), "it is counted"
    assert len(place.record.attempts) == 1
    book.attempt(place, "connected", "rebuild")
    book.ledger.close(place)
    assert (book.record.more_pairs, book.record.more_failed) == (1, 0)


def test_of_too_many_pairs_those_that_are_fine_and_over_go_first(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("signaling.core.calls.ledger.MAX_PAIRS", 4)
    book.enter("a", "b", "c", "d", "e", "f", "g")
    failed, running, over = book.meet("a", "b", "failed"), book.meet("a", "c"), book.meet("a", "d")
    trying = book.open("a", "e")
    book.ledger.begin(trying, Attempt(kind="initial", started_at=NOW))
    book.ledger.close(over)
    book.open("a", "f")
    assert (over.held, running.held, trying.held, failed.held) == (False, True, True, True)
    book.open("a", "g")
    assert (running.held, trying.held, failed.held) == (False, True, True)
    assert (len(book.record.pairs), book.record.more_pairs, book.record.more_failed) == (4, 2, 0)
    book.attempt(running, "failed", "ice_restart")
    assert book.record.pairs[-1] is running.record, "a pair that fails takes the place of one that does not"
    assert (len(book.record.pairs), book.record.more_pairs, book.record.more_failed) == (4, 2, 0)


def test_where_all_have_failed_the_rest_is_counted(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("signaling.core.calls.ledger.MAX_PAIRS", 2)
    book.enter("a", "b", "c", "d", "e")
    places = [book.meet("a", other, "failed") for other in ("b", "c", "d", "e")]
    assert [place.held for place in places] == [False, False, True, True]
    assert (book.record.more_pairs, book.record.more_failed) == (2, 2)


def test_of_too_many_attempts_the_first_and_the_newest_stay(book: Book) -> None:
    book.enter("a", "b")
    place = book.open("a", "b")
    first = book.attempt(place, "failed")
    for _ in range(MAX_ATTEMPTS + 3):
        newest = book.attempt(place, "connected", "ice_restart")
    attempts = place.record.attempts
    assert (len(attempts), place.record.more_attempts) == (MAX_ATTEMPTS, 4)
    assert (attempts[0], attempts[-1]) == (first, newest)
    assert attempts[-1] is newest
    failures = [book.attempt(place, "timeout", "ice_restart") for _ in range(MAX_ATTEMPTS + 1)]
    assert place.record.attempts[0] is first
    assert place.record.attempts[1] is newest, "that they were connected before stays known"
    assert [id(one) for one in place.record.attempts[2:]] == [id(one) for one in failures[-MAX_ATTEMPTS + 2 :]]


@pytest.mark.parametrize("most", [2, 3])
def test_few_attempts_may_be_kept(book: Book, monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    monkeypatch.setattr("signaling.core.calls.ledger.MAX_ATTEMPTS", most)
    book.enter("a", "b")
    place = book.open("a", "b")
    attempts = [book.attempt(place, "connected", "rebuild") for _ in range(5)]
    assert len(place.record.attempts) == most
    assert place.record.attempts[-1] is attempts[-1]


# --- large calls ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("people", [8, 14])
def test_an_ordinary_room_keeps_everything(book: Book, people: int) -> None:
    places = book.mesh(people)
    for place in places:
        for _ in range(2 if people == 8 else 0):
            book.attempt(place, "connected", "ice_restart")
    assert len(book.record.pairs) == people * (people - 1) // 2
    assert {len(pair.attempts) for pair in book.record.pairs} == {3 if people == 8 else 1}
    assert all(pair.quality and not pair.more_attempts for pair in book.record.pairs)
    assert summary(book.record).text.endswith(f"all {len(places)} pairs connected, {len(places)} directly")


@pytest.mark.parametrize("people", [14, 30, 50])
def test_the_last_one_in_a_large_room_finds_no_path_to_anybody(book: Book, people: int) -> None:
    places = book.mesh(people - 1)
    last = long_id(people - 1)
    book.enter(last)
    failed = [book.meet(long_id(number), last, "failed") for number in range(people - 1)]
    assert len(book.record.pairs) == people * (people - 1) // 2
    assert all(len(place.record.attempts) == 1 for place in failed)
    assert all(place.record.outcome == "connected" for place in places)
    assert summary(book.record).result == "failed"
    assert last in findings(book.record)[0].members
    assert book.size <= MAX_RECORD_BYTES


def test_a_room_of_thirty_keeps_why_two_hundred_pairs_failed(book: Book) -> None:
    """Twenty of thirty have no relay: nobody of them reaches another."""
    poor = {long_id(number) for number in range(20)}
    places = book.mesh(30, lambda a, b: "failed" if {a, b} <= poor else "connected")
    failed = [place.record for place in places if place.record.outcome == "failed"]
    assert len(failed) == 190
    assert all(len(pair.attempts) == 1 for pair in failed)
    assert (len(book.record.pairs), book.record.more_pairs) == (435, 0)
    assert book.size <= MAX_RECORD_BYTES


def test_a_call_in_which_everything_fails_says_so_of_each_pair(book: Book) -> None:
    book.mesh(50, lambda a, b: "timeout")
    assert (len(book.record.pairs), book.record.more_pairs) == (1225, 0)
    assert book.size <= MAX_RECORD_BYTES
    causes = {finding.cause for finding in findings(book.record)}
    assert "path_not_kept" in causes
    assert len(causes) > 1, "of many the reason is known"


def test_what_was_left_out_while_it_went_on_is_told_when_it_fails(book: Book) -> None:
    book.enter(*(long_id(number) for number in range(50)))
    places = [book.open(long_id(a), long_id(b)) for a, b in itertools.combinations(range(50), 2)]
    for place in places:
        attempt = Attempt(kind="initial", started_at=NOW)
        book.ledger.begin(place, attempt)
        attempt.reports = dict.fromkeys((place.record.a, place.record.b), long_report())
        book.ledger.weigh(place)
    first = places[0]
    assert (first.record.attempts, first.record.more_attempts) == ([], 1)
    untold = first.untold
    assert untold is not None
    end(first.record, untold, "abandoned")
    book.ledger.close(first)
    assert first.record.attempts == [untold]
    assert first.record.more_attempts == 0
    assert summary(book.record).result == "failed"
    assert book.size <= MAX_RECORD_BYTES


def test_what_is_bad_is_left_out_after_what_is_fine(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    places = book.mesh(14)
    bad = [place.record for place in places[:10]]
    for pair in bad:
        pair.quality[pair.a].loss_in = (0.2, 0.5)
    monkeypatch.setattr("signaling.core.calls.ledger.MAX_RECORD_BYTES", (160 + 40) * 1024)
    small = Book()
    small.enter(*(long_id(number) for number in range(14)))
    for place in places:
        small.ledger.close(small.ledger.open(place.record))
    assert all(pair.quality for pair in bad)
    assert not all(place.record.quality for place in places[10:])
    assert (len(small.record.pairs), summary(small.record).cause) == (91, "high_loss")


def test_nobody_fills_the_timeline_alone(book: Book) -> None:
    book.enter("a")
    book.enter("b")
    for _ in range(MAX_EVENTS_OF_ONE + 5):
        book.ledger.note("lost", NOW, "a")
        book.ledger.note("refused", NOW, detail="room_locked")
    book.ledger.note("lost", NOW, "b")
    assert len(book.record.events) == 2 * MAX_EVENTS_OF_ONE + 1
    assert book.record.more_events == 10


def test_who_knocks_again_and_again_hides_nobody_else(book: Book) -> None:
    for _ in range(MAX_EVENTS_OF_ONE + 5):
        book.ledger.note("refused", NOW, detail="wrong_password")
    book.ledger.note("unreachable", NOW, detail="socket_blocked")
    assert book.record.events[-1].kind == "unreachable"
    assert book.record.more_events == 5


def test_negotiations_leave_room_for_what_goes_wrong(book: Book) -> None:
    ids = [long_id(number) for number in range(50)]
    book.enter(*ids)
    for _ in range(50):
        for a in ids:
            book.ledger.note("offer", NOW, a, ids[0])
    assert MAX_EVENTS / 2 < len(book.record.events) <= 3 * MAX_EVENTS / 4
    book.ledger.note("lost", NOW, ids[1])
    assert book.record.events[-1].kind == "lost"


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
    places = [book.open(a, b) for a, b in itertools.combinations(ids, 2)]
    for _ in range(MAX_ATTEMPTS + 1):
        for place in places:
            book.ledger.begin(place, Attempt(kind="ice_restart", started_at=NOW))
    for place in places:
        fill(place.record)
        for attempt in place.record.attempts:
            attempt.relayed = {}
        book.ledger.weigh(place)
        for attempt in place.record.attempts:
            attempt.relayed = {place.record.a: COUNTS, place.record.b: COUNTS}
    for _ in range(MAX_EVENTS):
        for a in ids:
            book.ledger.note("disconnected", NOW, a, ids[0], "no_answer")
    assert book.size <= MAX_RECORD_BYTES
    assert people == 2 or book.size > MAX_RECORD_BYTES / 2
    assert (len(book.record.pairs), book.record.more_pairs) == (len(places), 0)


def test_members_that_do_not_fit_are_counted(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("signaling.core.calls.ledger.MAX_RECORD_BYTES", 160 * 1024 + 4096)
    small = Book()
    small.enter("a", "b")
    place = small.meet("a", "b")
    small.enter("c", "d", "e")
    assert [member.id for member in small.record.members] == ["a", "b", "c", "d"]
    assert (small.record.more_members, place.held, small.record.more_pairs) == (1, False, 1), "people go first"
    assert small.size <= 160 * 1024 + 4096


def test_a_small_call_may_be_long(book: Book) -> None:
    """Ten thousand people who each stay for a moment, one after the other with the first, leave a small record."""
    book.enter("a")
    for number in range(10_000):
        member = book.enter(long_id(number))
        place = book.open("a", member.id)
        book.ledger.begin(place, Attempt(kind="initial", started_at=NOW))
        fill(place.record)
        book.ledger.close(place)
        book.ledger.leave(member)
    assert book.size <= MAX_RECORD_BYTES
    assert len(book.record.pairs) == MAX_MEMBERS - 1


def test_pairs_keep_their_places_at_another_node(book: Book) -> None:
    book.enter("a", "b")
    inside, outside = book.open("a", "b"), book.open("a", "stranger")
    assert (inside.held, outside.held) == (True, False)
    there = Ledger.thaw(book.record)
    held = there.place_of(book.ledger.number_of(inside), inside.record, None)
    left_out = there.place_of(book.ledger.number_of(outside), outside.record, None)
    assert (held.held, there.number_of(held)) == (True, 0)
    assert (left_out.held, there.number_of(left_out)) == (False, None)
