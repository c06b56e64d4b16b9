"""What becomes of two who look for a path: offers, answers and reports in every order that life has."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest
from msgspec import UNSET

from signaling.core.calls.attempts import RESUME_GRACE_MS, SETUP_TIMEOUT_MS
from signaling.core.calls.causes import findings
from signaling.core.calls.facts import Fact, Negotiated, PathChanged, Settled
from signaling.core.calls.frozen import FrozenPair
from signaling.core.calls.ledger import MAX_ATTEMPTS, Ledger
from signaling.core.calls.pairs import Pair
from signaling.core.calls.quality import DIGEST_MS
from signaling.core.calls.record import Attempt, CallRecord, MemberRecord, PairRecord
from signaling.core.calls.reports import MOST_CANDIDATES
from signaling.core.messages import CandidateCounts, PeerStats, ReportPath, SelectedPair

START = 1_790_000_000_000
DIRECT = SelectedPair("host", "host", "udp", None, "v4")


class Two:
    """Ann and Bob, who came later. Each word is a second after the one before."""

    def __init__(self, *reporting: str, kept: bool = True) -> None:
        self.call = CallRecord(id="0" * 32, room="standup", node="n1", started_at=START)
        ledger = Ledger(self.call)
        for name in ("ann", "bob") if kept else ():
            ledger.enter(MemberRecord(id=name, name=name, role="guest", joined_at=START))
        self.record = PairRecord(a="ann", b="bob")
        self.pair = Pair.begin(self.record, ledger, set(reporting))
        self.now = START

    def at(self) -> int:
        self.now += 1000
        return self.now

    def offer(self, sender: str, connection: str = "", ufrag: str = "u1") -> list[Fact]:
        return self.pair.offer(sender, connection, f"v=0\r\na=ice-ufrag:{ufrag}\r\na=mid:0\r\n", self.at())

    def answer(self, sender: str, connection: str = "", ufrag: str = "u2") -> list[Fact]:
        return self.pair.answer(sender, connection, f"v=0\r\na=ice-ufrag:{ufrag}\r\na=mid:0\r\n", self.at())

    def agree(self, offerer: str = "bob", connection: str = "c1", ufrag: str = "u1") -> Negotiated:
        self.offer(offerer, connection, ufrag)
        [fact] = self.answer("ann" if offerer == "bob" else "bob", connection, ufrag + "'")
        assert isinstance(fact, Negotiated)
        return fact

    def say(self, member: str, state: Any, connection: str = "c1", **more: Any) -> list[Fact]:
        report = ReportPath(clientId="bob" if member == "ann" else "ann", connection=connection, state=state, **more)
        return self.pair.report(member, report, self.at())

    def wait(self) -> list[Fact]:
        assert self.pair.attempts.deadline < math.inf
        self.now = max(self.now, int(self.pair.attempts.deadline))
        return self.pair.attempts.conclude("timeout", self.now)

    def connect(self, connection: str = "c1") -> None:
        self.agree(connection=connection)
        assert outcomes(self.say("bob", "connected", connection)) == ["connected"]
        assert outcomes(self.say("ann", "connected", connection)) == []

    @property
    def kinds(self) -> list[str]:
        return [attempt.kind for attempt in self.record.attempts]

    @property
    def ends(self) -> list[str]:
        return [attempt.outcome for attempt in self.record.attempts]

    @property
    def events(self) -> list[tuple[str, str]]:
        return [(event.kind, event.member) for event in self.call.events]

    @property
    def last(self) -> Attempt:
        return self.record.attempts[-1]


def settled(facts: list[Fact]) -> list[Settled]:
    return [fact for fact in facts if isinstance(fact, Settled)]


def outcomes(facts: list[Fact]) -> list[str]:
    assert all(fact.outcome == fact.attempt.outcome for fact in settled(facts))
    return [fact.outcome for fact in settled(facts)]


def changes(facts: list[Fact]) -> list[PathChanged]:
    return [fact for fact in facts if isinstance(fact, PathChanged)]


class MovingTwo(Two):
    """The same in a call that goes on at another node before each word."""

    def offer(self, sender: str, connection: str = "", ufrag: str = "u1") -> list[Fact]:
        self.move()
        return super().offer(sender, connection, ufrag)

    def answer(self, sender: str, connection: str = "", ufrag: str = "u2") -> list[Fact]:
        self.move()
        return super().answer(sender, connection, ufrag)

    def say(self, member: str, state: Any, connection: str = "c1", **more: Any) -> list[Fact]:
        self.move()
        return super().say(member, state, connection, **more)

    def wait(self) -> list[Fact]:
        self.move()
        return super().wait()

    def move(self) -> None:
        sent = msgspec.msgpack.encode((self.call, self.pair.freeze()))
        self.call, frozen = msgspec.msgpack.decode(sent, type=tuple[CallRecord, FrozenPair])
        self.pair = Pair.thaw(self.call, Ledger.thaw(self.call), frozen)
        self.record = self.pair.record


@pytest.fixture(params=[Two, MovingTwo], ids=["staying", "moving"])
def two(request: pytest.FixtureRequest) -> Two:
    made: Two = request.param("ann", "bob")
    return made


# --- the ordinary way -------------------------------------------------------------------------------------------------


def test_an_offer_an_answer_and_a_path(two: Two) -> None:
    assert two.offer("bob", "c1") == []
    assert two.answer("ann", "c1") == [Negotiated("initial", False, "bob", "ann", START + 1000, START + 2000)]
    facts = two.say("bob", "connected", iceState="completed", elapsedMs=812.34, iceMs=700.0, pair=DIRECT)
    side = two.last.reports["bob"]
    assert facts == [
        PathChanged("bob", "ann", side, "completed", DIRECT),
        Settled(two.record, two.last, "connected"),
    ]
    assert two.last == Attempt(
        kind="initial",
        started_at=START + 1000,
        connection="c1",
        offered_by="bob",
        answered_at=START + 2000,
        settled_at=START + 2000,
        outcome="connected",
        reports={"bob": side},
    )
    assert (side.elapsed_ms, side.ice_ms, side.gathering_ms) == (812.3, 700.0, None)
    assert (two.record.outcome, two.record.connected_at) == ("connected", START + 2000)
    assert outcomes(two.say("ann", "connected")) == []
    assert two.events == [("offer", "bob"), ("answer", "ann"), ("connected", "bob"), ("connected", "ann")]


def test_descriptions_with_the_same_credentials_renegotiate(two: Two) -> None:
    two.connect()
    fact = two.agree("bob", ufrag="u1")
    assert (fact.kind, fact.glare) == ("renegotiate", False)
    assert two.agree("ann", ufrag="u1'").kind == "renegotiate"
    assert two.kinds == ["initial"]


def test_without_credentials_an_offer_renegotiates(two: Two) -> None:
    two.connect()
    assert two.pair.offer("bob", "c1", "v=0", two.at()) == []
    [fact] = two.pair.answer("ann", "c1", "v=0", two.at())
    assert isinstance(fact, Negotiated)
    assert fact.kind == "renegotiate"


def test_the_first_offer_of_the_side_that_answered_renegotiates() -> None:
    two = Two()
    two.pair.offer("bob", "", "v=0", two.at())
    two.pair.answer("ann", "", "v=0", two.at())
    two.offer("ann")
    assert two.kinds == ["initial"]


@pytest.mark.parametrize("end", ["\n", "\r\n", ""])
def test_credentials_are_read_whatever_ends_the_line(two: Two, end: str) -> None:
    two.connect()
    two.pair.offer("bob", "c1", f"v=0{end or ' '}a=ice-ufrag:u1{end}", two.at())
    two.pair.answer("ann", "c1", f"v=0{end or ' '}a=ice-ufrag:{'u' * 300}", two.at())
    assert two.kinds == ["initial"]
    two.pair.offer("bob", "c1", f"v=0{end or ' '}a=ice-ufrag:u9{end}", two.at())
    assert two.kinds == ["initial", "ice_restart"]


def test_answers_to_nothing_change_nothing(two: Two) -> None:
    assert two.answer("ann") == []
    two.offer("bob", "c2")
    assert two.answer("ann", "c1") == [], "of a connection that is gone"
    assert two.answer("bob", "c2") == [], "nobody answers themselves"
    assert two.last.answered_at is None
    assert two.answer("ann", "c2") != []
    assert two.answer("ann", "c2") == [], "only once"


def test_clients_without_connection_names_are_understood() -> None:
    two = Two("ann")
    two.offer("bob")
    [fact] = two.answer("ann", "a1")  # Bob's client gives no name, so Ann's own names it
    assert isinstance(fact, Negotiated)
    assert outcomes(two.say("ann", "connected", "a1")) == ["connected"]
    two.offer("bob", ufrag="other")
    assert two.kinds == ["initial", "ice_restart"]
    assert outcomes(two.say("ann", "failed", "a1")) == ["failed"]


def test_a_name_that_cannot_be_printed_is_used_and_not_written(two: Two) -> None:
    two.agree(connection="c\N{ZERO WIDTH SPACE}")
    assert two.last.connection == ""
    assert outcomes(two.say("ann", "connected", "c\N{ZERO WIDTH SPACE}")) == ["connected"]


# --- candidates -------------------------------------------------------------------------------------------------------


def test_candidates_are_counted_by_type_and_sender(two: Two) -> None:
    two.offer("bob", "c1")
    for line in (
        "candidate:1 1 udp 2122260223 8f3c.local 50000 typ host generation 0",
        "candidate:1 1 udp 2122260223 192.0.2.1 50000 typ host",
        "candidate:2 1 udp 1677729535 192.0.2.1 50000 typ srflx raddr 0.0.0.0 rport 0",
        "candidate:3 1 udp 33562367 192.0.2.9 60000 typ relay raddr 0.0.0.0 rport 0",
        "candidate:4 1 tcp 1 192.0.2.9 9 typ prflx tcptype active",
        "candidate:5 1 udp 1 192.0.2.9 9 typ other",
        "candidate:6 1 udp 1 192.0.2.9 9 typ ",
        "",
        "nonsense",
    ):
        two.pair.candidate("bob", "c1", line)
    two.pair.candidate("ann", "", " typ host")
    assert two.last.relayed == {"bob": CandidateCounts(2, 1, 1, 1), "ann": CandidateCounts(host=1)}


def test_candidates_of_unknown_connections_are_not_counted(two: Two) -> None:
    two.pair.candidate("bob", "c1", " typ host")
    two.offer("bob", "c1")
    two.pair.candidate("bob", "c2", " typ host")
    assert two.last.relayed == {}


def test_late_candidates_belong_to_their_own_attempt(two: Two) -> None:
    two.agree(connection="c1")
    two.offer("bob", "c2")
    two.pair.candidate("ann", "c1", " typ host")
    first, second = two.record.attempts
    assert (first.relayed, second.relayed) == ({"ann": CandidateCounts(host=1)}, {})


# --- glare ------------------------------------------------------------------------------------------------------------


def test_offers_that_cross_are_one_attempt(two: Two) -> None:
    two.offer("bob", "b1")
    two.offer("ann", "a1")
    [fact] = two.answer("bob", "a1", "u3")  # Bob is polite: he rolls back and comes over
    assert isinstance(fact, Negotiated)
    assert (fact.kind, fact.glare, fact.offered_by) == ("initial", True, "ann")
    assert two.kinds == ["initial"]
    assert (two.last.glare, two.last.offered_by, two.last.connection) == (True, "ann", "a1")
    assert changes(two.say("bob", "connecting", "b1")), "his own name for it is still understood"
    assert outcomes(two.say("bob", "connected", "a1")) == ["connected"]
    assert two.answer("ann", "b1") == [], "the offer that was rolled back waits for nothing"
    assert two.agree("bob", "a1", "u3").kind == "renegotiate"


def test_either_of_two_offers_may_stand(two: Two) -> None:
    two.offer("ann", "a1")
    two.offer("bob", "b1")
    two.answer("ann", "b1")
    assert (two.last.offered_by, two.last.connection) == ("bob", "b1")


def test_renegotiations_may_cross(two: Two) -> None:
    two.connect()
    two.offer("bob", "c1", "u1")
    two.offer("ann", "c1", "u1'")
    [fact] = two.answer("bob", "c1", "u1")
    assert isinstance(fact, Negotiated)
    assert (fact.kind, fact.glare) == ("renegotiate", True)
    assert not two.last.glare


def test_a_renegotiation_that_crosses_a_restart_is_none_itself(two: Two) -> None:
    two.connect()
    two.offer("bob", "c1", "u1")
    two.offer("ann", "c1", "other")
    assert two.kinds == ["initial", "ice_restart"]
    assert two.last.glare
    two.answer("bob", "c1", "other'")
    assert two.last.answered_at == two.now


def test_an_offer_that_was_rolled_back_comes_again_without_another_attempt(two: Two) -> None:
    two.connect()
    two.offer("bob", "c1", "restart")
    two.offer("ann", "c1", "u1'")
    two.answer("bob", "c1", "u1")  # to Ann's renegotiation
    two.offer("bob", "c1", "restart again")
    assert two.kinds == ["initial", "ice_restart"]
    two.answer("ann", "c1", "new")
    assert two.last.answered_at == two.now


# --- ICE restarts and other connections -------------------------------------------------------------------------------


def test_other_credentials_restart_ice(two: Two) -> None:
    two.connect()
    assert two.agree(ufrag="u9").kind == "ice_restart"
    assert two.kinds == ["initial", "ice_restart"]
    assert ("ice_restart", "bob") in two.events
    two.say("ann", "connected")
    two.agree(connection="c2")
    two.agree(connection="c2", ufrag="u9")
    assert two.kinds == ["initial", "ice_restart", "rebuild", "ice_restart"]
    two.say("ann", "closed", "c1")
    assert [list(attempt.reports) for attempt in two.record.attempts[1:]] == [["ann"], [], []]
    assert outcomes(two.say("ann", "connected", "c2")) == ["connected"]
    assert two.record.connected_at == START + 3000


@pytest.mark.parametrize("reason", ["ice_restart", "rebuild"])
@pytest.mark.parametrize("report_first", [True, False])
def test_what_is_announced_and_offered_is_one_attempt(two: Two, reason: str, report_first: bool) -> None:
    two.connect()
    connection = "c1" if reason == "ice_restart" else "c2"
    two.say("bob", "failed")
    if report_first:
        assert two.say("bob", "failed", connection, reason=reason) == []
        assert two.last.offered_by == ""
        two.offer("bob", connection, "u9")
    else:
        two.offer("bob", connection, "u9")
        assert two.say("bob", "failed", connection, reason=reason) == []
    assert two.kinds == ["initial", reason]
    assert (two.last.offered_by, two.last.connection) == ("bob", connection)
    assert two.answer("ann", connection, "u10") != []
    assert outcomes(two.say("bob", "connected", connection)) == ["connected"]
    assert two.record.outcome == "connected"


def test_both_may_announce_the_same(two: Two) -> None:
    two.connect()
    for member in ("ann", "bob"):
        two.say(member, "failed", reason="ice_restart")
    two.agree(ufrag="u9")
    assert two.kinds == ["initial", "ice_restart"]
    two.say("ann", "failed", reason="ice_restart")
    assert two.kinds == ["initial", "ice_restart", "ice_restart"], "one says it again: another one"
    assert two.ends == ["connected", "failed", "connecting"]


def test_both_may_rebuild_at_once(two: Two) -> None:
    two.connect()
    two.say("ann", "failed", "a2", reason="rebuild")
    two.say("bob", "failed", "b2", reason="rebuild")
    two.offer("ann", "a2")
    two.offer("bob", "b2")
    assert two.kinds == ["initial", "rebuild"]
    two.answer("bob", "a2")
    assert outcomes(two.say("bob", "connected", "a2")) == ["connected"]
    assert two.last.connection == "a2"


def test_a_rebuild_that_comes_to_nothing_is_followed_by_another(two: Two) -> None:
    two.connect()
    two.say("ann", "failed", "a2", reason="rebuild")
    two.offer("ann", "a2")
    facts = two.say("ann", "new", "a3", reason="rebuild")
    assert outcomes(facts) == ["failed"]
    two.say("ann", "new", "a4", reason="rebuild")
    assert two.kinds == ["initial", "rebuild", "rebuild", "rebuild"]
    assert two.ends == ["connected", "failed", "failed", "connecting"]


def test_a_rebuild_takes_no_part_in_a_restart(two: Two) -> None:
    two.connect()
    two.offer("ann", "c1", "u9")
    two.offer("bob", "c2")
    assert two.kinds == ["initial", "ice_restart", "rebuild"]


def test_both_tell_of_one_rebuild(two: Two) -> None:
    two.connect()
    two.offer("ann", "a2")
    two.say("bob", "failed", "a2", reason="rebuild")  # his browser follows hers
    two.say("ann", "failed", "a2", reason="rebuild")
    assert two.kinds == ["initial", "rebuild"]


def test_news_of_gone_and_unknown_connections_begin_nothing(two: Two) -> None:
    assert two.say("ann", "new", reason="rebuild") == []
    two.connect("c1")
    two.agree(connection="c2")
    two.say("ann", "failed", "c1", reason="ice_restart")
    two.say("ann", "failed", "c1", reason="rebuild")
    two.say("ann", "failed", "c9", reason="ice_restart")
    two.offer("ann", "c1", "late")
    assert two.kinds == ["initial", "rebuild"]


def test_reports_of_an_earlier_connection_are_noted_there(two: Two) -> None:
    two.agree(connection="c1")
    two.agree(connection="c2")
    facts = two.say("ann", "failed", "c1", serverErrors=(701,))
    first, second = two.record.attempts
    assert facts == [PathChanged("ann", "bob", first.reports["ann"], None, None)]
    assert first.reports["ann"].server_errors == [701]
    assert second.reports == {}
    assert outcomes(two.say("ann", "connected", "c1")) == []
    assert two.record.outcome == "failed"
    assert two.say("ann", "connected", "unknown") == []


def test_names_that_are_long_gone_are_forgotten(two: Two) -> None:
    for number in range(20):
        two.agree(connection=f"c{number}")
    assert two.say("ann", "failed", "c0") == []
    assert changes(two.say("ann", "failed", "c15"))


def test_more_attempts_than_are_kept_are_told_all_the_same(two: Two) -> None:
    for number in range(MAX_ATTEMPTS + 2):
        two.agree(connection=f"c{number}")
    assert (len(two.record.attempts), two.record.more_attempts) == (MAX_ATTEMPTS, 2)
    assert outcomes(two.say("ann", "connected", f"c{MAX_ATTEMPTS + 1}")) == ["connected"]
    assert two.record.outcome == "connected"


def test_a_pair_without_a_place_in_the_record_is_told_all_the_same() -> None:
    two = Two("ann", "bob", kept=False)
    two.agree()
    assert outcomes(two.say("ann", "connected")) == ["connected"]
    assert two.call.pairs == []
    assert two.pair.part("ann", two.at()) == []


# --- how it ends ------------------------------------------------------------------------------------------------------


def test_both_say_that_it_failed(two: Two) -> None:
    two.agree()
    assert outcomes(two.say("ann", "failed")) == []
    assert outcomes(two.say("bob", "failed")) == ["failed"]
    assert two.events[-2:] == [("failed", "ann"), ("failed", "bob")]


def test_one_says_that_it_failed_and_nobody_the_contrary_in_time(two: Two) -> None:
    two.agree()
    two.say("ann", "failed")
    assert outcomes(two.wait()) == ["failed"]
    assert two.events[-1] == ("failed", "ann")


def test_the_only_side_that_reports_decides() -> None:
    two = Two("ann")
    two.agree()
    assert outcomes(two.say("ann", "failed")) == ["failed"]


def test_whoever_failed_and_tries_again_does_not_stand_in_the_way(two: Two) -> None:
    two.agree()
    two.say("ann", "failed")
    assert outcomes(two.say("bob", "connected")) == [], "Ann says the contrary"
    assert outcomes(two.say("ann", "connecting")) == ["connected"]


def test_one_is_connected_and_the_other_is_not(two: Two) -> None:
    two.agree()
    two.say("ann", "failed")
    two.say("bob", "connected")
    assert outcomes(two.wait()) == ["failed"]
    two.say("bob", "connected")
    assert two.record.outcome == "failed"
    assert outcomes(two.say("ann", "connected")) == []
    assert (two.record.outcome, two.ends) == ("connected", ["failed"])


def test_an_answer_that_never_comes(two: Two) -> None:
    two.offer("bob", "c1")
    two.say("bob", "new", reason="no_answer")
    assert (two.call.events[-1].kind, two.call.events[-1].detail) == ("failed", "no_answer")
    assert outcomes(two.wait()) == ["failed"]


def test_an_answer_that_never_comes_takes_nothing_from_a_path_that_holds(two: Two) -> None:
    two.connect()
    two.offer("bob", "c1", "u1")
    two.say("bob", "connected", reason="no_answer")
    assert two.record.outcome == "connected"
    two.offer("bob", "c1", "u9")
    assert two.kinds == ["initial", "ice_restart"]
    assert two.say("bob", "connected", reason="no_answer") != []
    assert outcomes(two.wait()) == ["timeout"]
    assert two.record.outcome == "connected"


@pytest.mark.parametrize(
    ("elapsed", "settled_at"), [(2500.7, START + 3500), (9000.0, START + 9000), (0.0, START + 2000)]
)
def test_a_report_that_had_to_wait_says_how_long_ago_it_was(two: Two, elapsed: float, settled_at: int) -> None:
    two.agree()
    two.now = START + 8000
    two.say("bob", "connected", elapsedMs=elapsed)
    assert two.last.settled_at == two.record.connected_at == settled_at
    assert two.call.events[-1].at == START + 9000


def test_a_path_is_found_after_its_offer_though_nobody_answered(two: Two) -> None:
    two.offer("bob", "c1")
    two.say("ann", "connected", elapsedMs=0.0)
    assert two.last.settled_at == two.last.started_at


def test_nothing_is_heard_in_time(two: Two) -> None:
    two.agree()
    two.say("ann", "connecting")
    assert outcomes(two.wait()) == ["timeout"]
    assert two.last.settled_at == two.last.started_at + SETUP_TIMEOUT_MS
    assert two.events[-1] == ("timeout", "bob")
    assert outcomes(two.say("ann", "connected")) == []
    assert (two.record.outcome, two.ends) == ("connected", ["timeout"])


def test_an_announced_attempt_without_an_offer_ends_too(two: Two) -> None:
    two.connect()
    two.say("bob", "failed")
    two.say("bob", "failed", reason="ice_restart")
    assert outcomes(two.wait()) == ["timeout"]
    assert two.events[-1] == ("timeout", "ann")


def test_nobody_reports() -> None:
    two = Two()
    two.agree()
    assert outcomes(two.wait()) == ["unreported"]
    assert two.events == [("offer", "bob"), ("answer", "ann")]
    assert Two().pair.attempts.conclude("timeout", START) == []


def test_whoever_reports_unasked_is_heard() -> None:
    two = Two()
    two.agree()
    two.say("ann", "connecting")
    assert outcomes(two.wait()) == ["timeout"]


@pytest.mark.parametrize("answered", [True, False])
@pytest.mark.parametrize("reporting", [("ann", "bob"), ()])
def test_someone_leaves_before(answered: bool, reporting: tuple[str, ...]) -> None:
    two = Two(*reporting)
    two.offer("bob", "c1")
    if answered:
        two.answer("ann", "c1")
    known = bool(reporting) or not answered
    assert outcomes(two.pair.part("ann", two.at())) == ["abandoned" if known else "unreported"]
    assert (("abandoned", "ann") in two.events) is known


def test_someone_leaves_after_the_other_gave_up(two: Two) -> None:
    two.agree()
    two.say("bob", "failed")
    assert outcomes(two.pair.part("ann", two.at())) == ["failed"]


def test_a_path_that_was_found_may_break(two: Two) -> None:
    two.connect()
    two.say("ann", "disconnected")
    assert two.record.outcome == "connected", "it may heal"
    two.say("ann", "failed")
    assert (two.record.outcome, two.ends) == ("failed", ["connected"])
    assert two.events[-2:] == [("disconnected", "ann"), ("failed", "ann")]
    two.say("ann", "connected")
    assert two.record.outcome == "connected"


def test_a_path_that_comes_and_goes_is_noted_each_time(two: Two) -> None:
    two.connect()
    for state in ("disconnected", "disconnected", "connected", "disconnected", "connected", "closed"):
        two.say("ann", state)
    kinds = [kind for kind, member in two.events if member == "ann"]
    assert kinds[2:] == ["disconnected", "connected", "disconnected", "connected"]
    assert two.record.outcome == "connected"


def test_a_restart_mends_what_broke(two: Two) -> None:
    two.connect()
    two.say("ann", "failed")
    two.agree(ufrag="u9")
    assert (two.record.outcome, two.ends) == ("failed", ["connected", "connecting"])
    two.say("bob", "connected")
    assert (two.record.outcome, two.ends) == ("connected", ["connected", "connected"])


def test_a_restart_that_never_completes(two: Two) -> None:
    two.connect()
    two.say("ann", "disconnected")
    two.say("ann", "disconnected", reason="ice_restart")
    two.offer("ann", "c1", "u9")
    assert outcomes(two.wait()) == ["timeout"]
    assert two.record.outcome == "timeout"


def test_a_restart_of_a_path_that_holds_is_not_noticed(two: Two) -> None:
    two.connect()
    two.say("ann", "connected", reason="ice_restart")
    two.agree("ann", ufrag="u9")
    assert outcomes(two.wait()) == ["connected"]
    assert two.last.settled_at == two.last.answered_at
    assert two.record.outcome == "connected"


def test_a_restart_of_a_path_that_holds_may_go_unanswered(two: Two) -> None:
    two.connect()
    two.offer("ann", "c1", "u9")
    assert outcomes(two.pair.part("bob", two.at())) == ["abandoned"]
    assert two.record.outcome == "connected", "it was, as far as anybody knows, until Bob left"


def test_a_path_that_breaks_during_a_restart_does_not_hold(two: Two) -> None:
    two.connect()
    two.agree("ann", ufrag="u9")
    two.say("bob", "disconnected")
    assert outcomes(two.wait()) == ["timeout"]
    assert two.record.outcome == "timeout"


def test_whoever_comes_back_is_given_time_to_report(two: Two) -> None:
    two.pair.attempts.wait_for(two.at())
    assert two.pair.attempts.deadline == math.inf
    two.agree()
    back = two.last.started_at + SETUP_TIMEOUT_MS - 1
    two.pair.attempts.wait_for(START)
    assert two.pair.attempts.deadline == two.last.started_at + SETUP_TIMEOUT_MS
    two.pair.attempts.wait_for(back)
    assert two.pair.attempts.deadline == back + RESUME_GRACE_MS


# --- what is written down ---------------------------------------------------------------------------------------------


def test_what_was_said_before_holds_where_a_report_is_silent(two: Two) -> None:
    two.agree()
    counts = CandidateCounts(host=2)
    two.say(
        "ann",
        "connecting",
        iceState="checking",
        gatheringMs=12.0,
        local=counts,
        remote=counts,
        serverErrors=(701, 401, 701),
    )
    two.say("ann", "connected", elapsedMs=50.0, serverErrors=(401, 486), pair=DIRECT)
    side = two.last.reports["ann"]
    assert (side.state, side.ice_state, side.at) == ("connected", "checking", two.now)
    assert (side.elapsed_ms, side.gathering_ms, side.ice_ms) == (50.0, 12.0, None)
    assert (side.local, side.remote, side.pair) == (counts, counts, DIRECT)
    assert side.server_errors == [701, 401, 486]
    two.say("ann", "connected", serverErrors=tuple(range(300, 308)))
    assert len(two.last.reports["ann"].server_errors) == 8


def test_a_state_is_told_once(two: Two) -> None:
    two.agree()
    assert len(changes(two.say("ann", "connecting", iceState="checking"))) == 1
    assert changes(two.say("ann", "connecting", elapsedMs=5.0)) == []
    assert len(changes(two.say("ann", "connecting", iceState="connected"))) == 1
    assert len(changes(two.say("ann", "connecting", pair=DIRECT))) == 1
    assert changes(two.say("ann", "connecting", pair=DIRECT)) == []


def test_a_fact_names_only_what_is_new_in_a_report(two: Two) -> None:
    two.agree()
    said = [("connected", "connected"), ("disconnected", "disconnected"), ("connected", "connected")]
    facts = [change for state, ice in said for change in changes(two.say("ann", state, iceState=ice, pair=DIRECT))]
    assert [fact.ice_state for fact in facts] == ["connected", "disconnected", "connected"]
    assert [fact.pair for fact in facts] == [DIRECT, None, None]
    over_turn = SelectedPair("relay", "host", "udp", "udp", "v4")
    (moved,) = changes(two.say("ann", "connected", iceState="connected", pair=over_turn))
    assert (moved.ice_state, moved.pair) == (None, over_turn)


def test_digests_are_summed_up_by_reporter(two: Two) -> None:
    two.agree()
    two.pair.digest("ann", PeerStats(clientId="bob", rttMs=10.0), two.at())
    two.pair.digest("ann", PeerStats(clientId="bob", rttMs=30.0), two.at())
    two.pair.digest("bob", PeerStats(clientId="ann", pair=UNSET), two.at())
    assert two.record.quality["ann"].rtt_ms == (20.0, 30.0)
    assert two.record.quality["bob"].digests == 1


# --- what digests tell of a path --------------------------------------------------------------------------------------

FLOWS = PeerStats(clientId="bob", bitrateIn=50_000.0)
NOMINATED = PeerStats(clientId="bob", pair=DIRECT)


@pytest.mark.parametrize("told", [FLOWS, NOMINATED, PeerStats(clientId="bob", bitrateOut=50_000.0)])
def test_media_tells_that_a_pair_is_connected_whose_reports_were_lost(two: Two, told: PeerStats) -> None:
    two.agree()
    two.pair.digest("ann", told, two.at())
    assert outcomes(two.wait()) == ["connected"]
    assert two.record.connected_at == two.last.answered_at


@pytest.mark.parametrize("told", [PeerStats(clientId="bob"), PeerStats(clientId="bob", bitrateIn=0.0)])
def test_no_media_tells_nothing(two: Two, told: PeerStats) -> None:
    two.pair.digest("ann", FLOWS, two.at())
    two.agree()
    two.pair.digest("ann", told, two.at())
    assert outcomes(two.wait()) == ["timeout"]


def test_media_that_is_told_after_the_time_is_not_too_late(two: Two) -> None:
    two.offer("bob", "c1")
    assert outcomes(two.wait()) == ["timeout"]
    two.pair.digest("ann", FLOWS, two.at())
    assert (two.record.outcome, two.record.connected_at) == ("connected", two.last.started_at)
    assert two.ends == ["timeout"]


def test_a_browser_whose_reports_arrive_is_believed_more_than_its_digests(two: Two) -> None:
    two.agree()
    two.say("ann", "connecting", iceState="connected")
    two.pair.digest("ann", NOMINATED, two.at())
    assert outcomes(two.wait()) == ["timeout"], "ICE has a path, DTLS has not"
    two.pair.digest("ann", FLOWS, two.at())
    assert two.record.outcome == "connected"


@pytest.mark.parametrize("state", ["disconnected", "failed"])
def test_a_path_that_ends_is_not_held_up_by_an_old_digest(two: Two, state: str) -> None:
    two.agree()
    two.say("ann", "connecting")
    two.pair.digest("ann", FLOWS, two.at())
    two.say("ann", state)
    two.pair.digest("ann", FLOWS, two.at())
    assert outcomes(two.wait()) == ["failed" if state == "failed" else "timeout"]
    two.pair.digest("bob", FLOWS, two.at())
    assert two.record.outcome == ("failed" if state == "failed" else "connected")


def test_a_digest_may_speak_of_the_path_before(two: Two) -> None:
    two.connect()
    two.say("ann", "failed")
    two.agree(connection="c2")
    two.pair.digest("ann", FLOWS, two.last.started_at + DIGEST_MS - 1)
    assert outcomes(two.wait()) == ["timeout"]
    two.pair.digest("ann", FLOWS, two.last.started_at + DIGEST_MS)
    assert two.record.outcome == "connected"


@pytest.mark.parametrize("kind", ["host", "srflx", "prflx", "relay"])
def test_candidates_without_end_are_not_counted_without_end(two: Two, kind: str) -> None:
    two.offer("bob", "c1")
    for _ in range(MOST_CANDIDATES + 5):
        two.pair.candidate("bob", "c1", f" typ {kind}")
    assert getattr(two.last.relayed["bob"], kind) == MOST_CANDIDATES


def test_the_newest_of_many_attempts_tells_why_there_is_no_path(two: Two) -> None:
    two.connect()
    for number in range(MAX_ATTEMPTS):
        two.agree(ufrag=f"r{number}")
        if number < MAX_ATTEMPTS - 1:
            two.say("bob", "connected")
    two.say("bob", "failed")
    assert outcomes(two.say("ann", "failed")) == ["failed"]
    two.pair.attempts.weigh()
    assert (len(two.record.attempts), two.record.more_attempts) == (MAX_ATTEMPTS, 1)
    assert two.last.outcome == "failed"
    assert [finding.cause for finding in findings(two.call) if finding.severity == "failed"] == ["no_candidates_seen"]
