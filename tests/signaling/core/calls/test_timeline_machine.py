"""Whatever comes in whatever order, the record is sound: it fits, it reads back, and what is settled stays settled."""

from __future__ import annotations

import itertools
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from signaling.core.calls.attempts import SETUP_TIMEOUT_MS
from signaling.core.calls.facts import DeviceFailed, Digested, Fact, Negotiated, PathChanged, Settled
from signaling.core.calls.record import Attempt, CallRecord, Entry, LeaveReason, PairRecord
from signaling.core.calls.reports import bounded_stats
from signaling.core.calls.timeline import Timeline
from signaling.core.messages import Candidate, MediaState, PathState, ReportPath, Role, SendStats, WebRtc
from signaling.core.room import Member
from tests.signaling.core.samples import digests, path_reports, troubles

START = 1_790_000_000
MAX_MEMBERS = 4
CONNECTIONS = ["c1", "c2", "c3"]
LINES = ["candidate:1 1 udp 1 192.0.2.1 9 typ host", " typ srflx", " typ relay", " typ", "", "typ prflx"]
BOUNDS = {
    "MAX_MEMBERS": 4,
    "MAX_PAIRS": 3,
    "MAX_ATTEMPTS": 2,
    "MAX_EVENTS": 40,
    "MAX_EVENTS_OF_ONE": 20,
    "MAX_EVENT_BYTES": 3_000,
    "MAX_RECORD_BYTES": 8_500,
}
"""So small that a few people reach them within a few steps."""
SOUND_ENDS = {"connected", "failed", "timeout", "abandoned", "unreported"}


class TimelineMachine(RuleBasedStateMachine):
    """A few people and their browsers, some of which lie, forget, repeat themselves and speak too late.

    Their record is soon full.
    """

    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        for name, bound in BOUNDS.items():
            self.patch.setattr(f"signaling.core.calls.ledger.{name}", bound)
        self.serial = itertools.count(1)
        self.now = float(START)
        self.record = CallRecord(id="0" * 32, room="standup", node="n1", started_at=START * 1000)
        self.timeline = Timeline(self.record)
        self.present: list[str] = []
        self.former: list[str] = ["nobody"]
        self.settled: dict[int, tuple[Attempt, str, int]] = {}
        self.connected: dict[str, int] = {}

    def teardown(self) -> None:
        self.patch.undo()

    def check(self, facts: list[Fact]) -> None:
        for fact in facts:
            match fact:
                case Settled(pair=pair, attempt=attempt, outcome=outcome):
                    self.check_settled(pair, attempt, outcome)
                case Negotiated():
                    assert {fact.offered_by, fact.answered_by} <= set(self.present)
                    assert START * 1000 <= fact.offered_at <= fact.answered_at
                case PathChanged(member=member, other=other):
                    assert {member, other} <= set(self.present)
                    assert fact.report.elapsed_ms is None or 0 <= fact.report.elapsed_ms <= 600_000
                case Digested(stats=stats):
                    assert bounded_stats(stats) == (stats, True)
                case DeviceFailed(member=member):
                    assert member in self.present

    def check_settled(self, pair: PairRecord, attempt: Attempt, outcome: str) -> None:
        assert id(attempt) not in self.settled, "an attempt settles once"
        assert attempt.outcome == outcome
        assert outcome in SOUND_ENDS
        assert attempt.settled_at is not None
        assert attempt.started_at <= attempt.settled_at
        assert outcome != "unreported" or not attempt.reports
        self.settled[id(attempt)] = (attempt, outcome, attempt.settled_at)

    def someone(self, data: st.DataObject) -> str:
        return data.draw(st.sampled_from([*self.present[:2] * 3, *self.present, self.former[-1]]))

    # --- what may happen

    @initialize(entries=st.lists(st.booleans(), min_size=2, max_size=3))
    def meet(self, entries: list[bool]) -> None:
        for reports in entries:
            self.come(reports)

    @precondition(lambda self: len(self.present) < MAX_MEMBERS)
    @rule(reports=st.booleans())
    def come(self, reports: bool) -> None:
        member = Member(f"m{next(self.serial)}", "Name", "guest")
        self.check(self.timeline.join(member, Entry(reports=reports), self.now))
        if self.record.ended_at is None:
            self.present.append(member.id)

    @rule(data=st.data(), reason=st.sampled_from(get_args(LeaveReason)))
    def go(self, data: st.DataObject, reason: LeaveReason) -> None:
        self.let_go(self.someone(data), reason)

    def let_go(self, member_id: str, reason: LeaveReason = "left") -> None:
        self.check(self.timeline.leave(member_id, reason, self.now))
        if member_id in self.present:
            self.present.remove(member_id)
            self.former.append(member_id)

    @rule(data=st.data(), lost=st.booleans())
    def break_or_mend(self, data: st.DataObject, lost: bool) -> None:
        change = self.timeline.lose if lost else self.timeline.regain
        self.check(change(self.someone(data), self.now))

    @rule(data=st.data(), role=st.sampled_from(get_args(Role)), camera=st.booleans())
    def change(self, data: st.DataObject, role: Role, camera: bool) -> None:
        member_id = self.someone(data)
        self.timeline.rename(member_id, "Another name")
        self.timeline.set_role(member_id, role, self.now)
        self.timeline.refused("room_locked", self.now)
        self.timeline.unreachable("socket_blocked", self.now)
        self.timeline.media(member_id, MediaState(audio=True, video=camera), self.now)

    @rule(
        data=st.data(),
        action=st.sampled_from(["offer", "answer", "answer"]),
        connection=st.sampled_from([msgspec.UNSET, *CONNECTIONS]),
        ufrag=st.sampled_from(["", "a=ice-ufrag:u1\r\n", "a=ice-ufrag:u2\r\n"]),
    )
    def describe(self, data: st.DataObject, action: Any, connection: Any, ufrag: str) -> None:
        message = WebRtc(
            action=action,
            from_=self.someone(data),
            to=self.someone(data),
            sdp="v=0\r\n" + ufrag,
            connection=connection,
        )
        self.check(self.timeline.signal(message, self.now))

    @rule(data=st.data(), ufrags=st.lists(st.sampled_from(["u1", "u2", "u3"]), min_size=1, max_size=4))
    def agree(self, data: st.DataObject, ufrags: list[str]) -> None:
        """Let two agree as honest browsers do, again and again."""
        sender, receiver = self.someone(data), self.someone(data)
        for ufrag in ufrags:
            offer = WebRtc(action="offer", from_=sender, to=receiver, sdp=f"a=ice-ufrag:{ufrag}", connection="c1")
            answer = WebRtc(action="answer", from_=receiver, to=sender, sdp=f"a=ice-ufrag:{ufrag}'", connection="c1")
            for message in (offer, answer):
                self.check(self.timeline.signal(message, self.now))

    @rule(state=st.sampled_from(["connected", "failed", "connecting"]))
    def all_agree(self, state: PathState) -> None:
        """Let each two try anew, and both say what came of it."""
        connection = f"c{next(self.serial)}"
        for one, other in itertools.combinations(self.present, 2):
            for action, sender, receiver in (("offer", one, other), ("answer", other, one)):
                sdp = f"a=ice-ufrag:{connection}"
                message = WebRtc(action=action, from_=sender, to=receiver, sdp=sdp, connection=connection)  # type: ignore[arg-type]
                self.check(self.timeline.signal(message, self.now))
            for teller, told in ((one, other), (other, one)):
                report = ReportPath(clientId=told, connection=connection, state=state)
                self.check(self.timeline.path(teller, report, self.now))

    @rule(data=st.data(), connection=st.sampled_from([msgspec.UNSET, *CONNECTIONS]), line=st.sampled_from(LINES))
    def trickle(self, data: st.DataObject, connection: Any, line: str) -> None:
        message = WebRtc(
            action="ice",
            from_=self.someone(data),
            to=self.someone(data),
            candidate=Candidate(line) if line else None,
            connection=connection,
        )
        assert self.timeline.signal(message, self.now) == []

    @rule(data=st.data(), states=st.lists(st.sampled_from(get_args(PathState)), min_size=1, max_size=4))
    def progress(self, data: st.DataObject, states: list[PathState]) -> None:
        """Tell of the progress of one connection, in turn as each of the two sees it."""
        sides = self.someone(data), self.someone(data)
        for state, (teller, other) in zip(states, itertools.cycle([sides, sides[::-1]]), strict=False):
            report = ReportPath(clientId=other, connection=CONNECTIONS[0], state=state)
            self.check(self.timeline.path(teller, report, self.now))

    @rule(data=st.data(), report=path_reports(st.just("?"), st.sampled_from(CONNECTIONS)))
    def report(self, data: st.DataObject, report: ReportPath) -> None:
        told = msgspec.structs.replace(report, clientId=self.someone(data))
        self.check(self.timeline.path(self.someone(data), told, self.now))

    @rule(data=st.data(), digest=digests(st.sampled_from(["m1", "m2", "m3", "nobody"])))
    def send_digest(self, data: st.DataObject, digest: SendStats) -> None:
        self.check(self.timeline.digest(self.someone(data), digest, self.now))

    @rule(data=st.data(), trouble=troubles())
    def fail_device(self, data: st.DataObject, trouble: Any) -> None:
        self.check(self.timeline.trouble(self.someone(data), trouble, self.now))

    @rule(seconds=st.sampled_from([-5.0, 0.4, 1.0, 10.0, SETUP_TIMEOUT_MS / 1000]))
    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        self.check(self.timeline.tick(self.now))

    @precondition(lambda self: len(self.settled) > 2 or len(self.former) > 3)
    @rule()
    def end(self) -> None:
        self.check(self.timeline.end(self.now))
        self.former += self.present
        self.present.clear()

    # --- what always holds

    @invariant()
    def it_reads_back_and_fits(self) -> None:
        written = msgspec.json.encode(self.record)
        assert len(written) <= BOUNDS["MAX_RECORD_BYTES"]
        assert msgspec.json.decode(written, type=CallRecord) == self.record

    @invariant()
    def what_is_settled_stays_settled(self) -> None:
        for attempt, outcome, settled_at in self.settled.values():
            assert (attempt.outcome, attempt.settled_at) == (outcome, settled_at)

    @invariant()
    def one_attempt_of_a_pair_is_open_at_most(self) -> None:
        for pair in self.record.pairs:
            opened = [attempt for attempt in pair.attempts if attempt.settled_at is None]
            assert opened in ([], pair.attempts[-1:])
            assert all(id(attempt) in self.settled for attempt in pair.attempts if attempt not in opened)
            assert opened == [] or {pair.a, pair.b} <= set(self.present)
            assert (pair.connected_at is None) or pair.outcome != "connecting"

    @invariant()
    def the_timeline_is_in_order_and_of_this_call(self) -> None:
        times = [event.at for event in self.record.events]
        assert times == sorted(times)
        members = {"", *(member.id for member in self.record.members)}
        assert all({event.member, event.other} <= members for event in self.record.events)
        assert all(event.other != event.member or not event.member for event in self.record.events)

    @invariant()
    def only_the_two_of_a_pair_speak_of_it(self) -> None:
        for pair in self.record.pairs:
            both = {pair.a, pair.b}
            assert len(both) == 2
            assert set(pair.quality) <= both
            for attempt in pair.attempts:
                assert set(attempt.reports) | set(attempt.relayed) <= both
                assert attempt.offered_by in both | {""}

    @invariant()
    def after_the_end_nothing_is_open(self) -> None:
        if self.record.ended_at is not None:
            assert all(member.left_at is not None for member in self.record.members)
            assert all(attempt.settled_at is not None for pair in self.record.pairs for attempt in pair.attempts)
            assert self.timeline.tick(self.now + SETUP_TIMEOUT_MS) == []


TestTimeline = TimelineMachine.TestCase
TestTimeline.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)


def test_the_bounds_are_within_reach_of_the_machine() -> None:
    machine = TimelineMachine()
    try:
        for _ in range(MAX_MEMBERS):
            machine.come(True)
        for state in ("connected", "failed", "failed"):
            machine.all_agree(state)
        machine.let_go("m1")
        machine.come(True)
        machine.all_agree("failed")
        record = machine.record
        assert all((record.more_members, record.more_pairs, record.more_events, record.more_failed))
        assert any(pair.more_attempts for pair in record.pairs)
        machine.it_reads_back_and_fits()
        machine.one_attempt_of_a_pair_is_open_at_most()
    finally:
        machine.teardown()
