"""What the trace of a call tells, and what it never does."""

from __future__ import annotations

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import SpanContext, StatusCode, TraceFlags

from observability.calls import CallTracer
from observability.work import Work
from signaling.calls.arrival import Arrival
from signaling.calls.spans import CallSpans
from signaling.core.calls.facts import Negotiated, PathChanged, Settled
from signaling.core.calls.record import Attempt, CallRecord, MemberRecord, Outcome, PairRecord, SideReport
from signaling.core.messages import CandidateCounts, SelectedPair
from signaling.core.room import Member
from tests.observability.traces import Traces, context_of, parent_of, times_of, values_of

T0 = 1_790_000_000_000
NOW = T0 / 1000
HANDSHAKE = SpanContext(0xE15E, 0xA1, is_remote=False, trace_flags=TraceFlags(1))
PATH = SelectedPair(local="relay", remote="srflx", protocol="udp", relayProtocol="tls", family="v4")
PATH_VALUES = {
    "chatter.path.local": "relay",
    "chatter.path.remote": "srflx",
    "chatter.path.protocol": "udp",
    "chatter.path.relay_protocol": "tls",
    "chatter.path.family": "v4",
}


class Told:
    """The spans of a call that begins now."""

    def __init__(self) -> None:
        self.traces = Traces()
        self.trace = CallTracer(self.traces.tracer).begin(T0, {})
        self.spans = CallSpans(self.trace)

    def settle(self, outcome: Outcome = "connected", **fields: object) -> Attempt:
        """Settle the attempt of a pair 500 ms after it began."""
        attempt = Attempt(kind="initial", started_at=T0, settled_at=T0 + 500, outcome=outcome, **fields)  # type: ignore[arg-type]
        self.spans.settled(Settled(PairRecord(a="ann", b="bob", attempts=[attempt]), attempt, outcome))
        return attempt

    def below(self, parent: ReadableSpan) -> list[str]:
        """Return the names of a span's children."""
        return [span.name for span in self.traces.spans if parent_of(span) == context_of(parent).span_id]


# --- people ---------------------------------------------------------------------------------------------------------


def test_a_join_begins_with_the_socket_and_shows_what_was_done() -> None:
    told = Told()
    member = Member(id="ann", display_name="Ann Secret", role="host")
    arrival = Arrival(NOW - 0.25, (HANDSHAKE,), "ticket", work=[Work("SELECT rooms", 1, 2, {})])
    told.spans.joined(member, arrival, NOW)
    join = told.traces.one("join")
    assert times_of(join) == (T0 - 250, T0)
    assert [link.context for link in join.links] == [HANDSHAKE]
    assert told.below(join) == ["SELECT rooms"]
    assert parent_of(join) == context_of(told.traces.one("call")).span_id
    assert values_of(join) == {
        "chatter.member.id": "ann",
        "chatter.member.role": "host",
        "chatter.member.kind": "person",
        "chatter.join.via": "ticket",
    }
    assert not any("Secret" in span.to_json() for span in told.traces.spans)


def test_the_wait_in_the_lobby_is_a_part_of_the_join() -> None:
    told = Told()
    arrival = Arrival(NOW - 60, knocked_at=NOW - 59)
    told.spans.joined(Member(id="ann", display_name="", role="guest"), arrival, NOW)
    assert told.below(told.traces.one("join")) == ["lobby"]
    assert times_of(told.traces.one("lobby")) == (T0 - 59_000, T0)


def test_who_comes_back_was_away_since_the_loss() -> None:
    told = Told()
    told.spans.lost("ann", NOW - 3)
    assert told.spans.knows_lost("ann")
    told.spans.back("ann", Arrival(NOW - 0.1, (HANDSHAKE,)), NOW)
    resume = told.traces.one("resume")
    assert times_of(resume) == (T0 - 3000, T0)
    assert [link.context for link in resume.links] == [HANDSHAKE]
    assert resume.status.status_code is StatusCode.UNSET
    assert not told.spans.knows_lost("ann")


def test_who_comes_back_before_the_loss_was_noticed_was_away_since_the_new_socket() -> None:
    told = Told()
    told.spans.back("ann", Arrival(NOW - 0.1), NOW)
    assert times_of(told.traces.one("resume")) == (T0 - 100, T0)


def test_who_never_came_back_is_an_error() -> None:
    told = Told()
    told.spans.lost("ann", NOW - 30)
    told.spans.left("ann", "lost", 90.5, NOW)
    resume, leave = told.traces.one("resume"), told.traces.one("leave")
    assert times_of(resume) == (T0 - 30_000, T0)
    assert values_of(resume) == {"chatter.member.id": "ann", "error.type": "lost"}
    assert times_of(leave) == (T0, T0)
    assert values_of(leave) == {
        "chatter.member.id": "ann",
        "chatter.leave.reason": "lost",
        "chatter.member.stayed_ms": 90_500,
    }


# --- paths ----------------------------------------------------------------------------------------------------------


def test_a_negotiation_lasts_from_the_offer_to_the_answer() -> None:
    told = Told()
    told.spans.negotiated(Negotiated("ice_restart", True, "ann", "bob", T0 + 10, T0 + 80))
    span = told.traces.one("negotiate")
    assert times_of(span) == (T0 + 10, T0 + 80)
    assert values_of(span) == {
        "chatter.negotiation.kind": "ice_restart",
        "chatter.negotiation.glare": True,
        "chatter.offer.from": "ann",
        "chatter.answer.from": "bob",
    }


def test_a_setup_shows_both_browsers_and_their_steps() -> None:
    told = Told()
    ann = SideReport(
        state="connected", at=T0 + 400, elapsed_ms=390, gathering_ms=120, ice_ms=250, ice_state="connected", pair=PATH
    )
    told.settle(
        relayed={"ann": CandidateCounts(host=2, srflx=1), "bob": CandidateCounts(relay=1, prflx=1)},
        reports={"ann": ann, "bob": SideReport(state="connected", at=T0 + 500, elapsed_ms=480)},
    )
    setup = told.traces.one("setup")
    assert times_of(setup) == (T0, T0 + 500)
    assert setup.status.status_code is StatusCode.UNSET
    assert values_of(setup) == PATH_VALUES | {
        "chatter.pair.a": "ann",
        "chatter.pair.b": "bob",
        "chatter.setup.outcome": "connected",
        "chatter.setup.kind": "initial",
        "chatter.setup.glare": False,
        "chatter.candidates.relayed": 5,
    }
    first, second = told.traces.named("browser connected")
    assert told.below(setup) == ["browser connected"] * 2
    assert times_of(first) == (T0 + 10, T0 + 400)
    assert times_of(second) == (T0 + 20, T0 + 500)
    assert values_of(first) == PATH_VALUES | {
        "chatter.member.id": "ann",
        "chatter.browser.elapsed_ms": 390,
        "chatter.browser.gathering_ms": 120,
        "chatter.browser.ice_ms": 250,
        "chatter.browser.ice_state": "connected",
    }
    assert told.below(first) == ["gathering", "ice", "dtls"]
    assert times_of(told.traces.one("gathering")) == (T0 + 10, T0 + 130)
    assert times_of(told.traces.one("ice")) == (T0 + 10, T0 + 260)
    assert times_of(told.traces.one("dtls")) == (T0 + 260, T0 + 400)
    assert told.below(second) == []


@pytest.mark.parametrize("outcome", ["failed", "timeout"])
def test_a_setup_that_failed_is_an_error(outcome: Outcome) -> None:
    told = Told()
    told.settle(outcome, reports={"ann": SideReport(state="failed", at=T0 + 400, elapsed_ms=300, ice_ms=100)})
    setup, browser = told.traces.one("setup"), told.traces.one("browser failed")
    assert setup.status.status_code is browser.status.status_code is StatusCode.ERROR
    assert values_of(setup)["error.type"] == outcome
    assert told.below(browser) == ["ice"]


@pytest.mark.parametrize("outcome", ["abandoned", "unreported"])
def test_a_setup_that_nobody_waited_for_is_no_error(outcome: Outcome) -> None:
    told = Told()
    told.settle(outcome, reports={"ann": SideReport(state="connecting", at=T0 + 400)})
    assert told.traces.one("setup").status.status_code is StatusCode.UNSET
    assert told.traces.names() == ["call", "setup"]


@pytest.mark.parametrize(
    ("at", "elapsed", "times"),
    [
        (T0 + 400, 10.0**12, (T0, T0 + 400)),
        (T0 + 90_000, 100.0, (T0 + 400, T0 + 500)),
        (T0 - 90_000, 100.0, (T0, T0)),
        (T0 + 400, None, (T0 + 400, T0 + 400)),
    ],
)
def test_what_a_browser_claims_stays_within_the_setup(at: int, elapsed: float | None, times: tuple[int, int]) -> None:
    told = Told()
    report = SideReport(state="connected", at=at, elapsed_ms=elapsed, gathering_ms=10.0**12, ice_ms=10.0**12)
    told.settle(reports={"ann": report})
    assert times_of(told.traces.one("browser connected")) == times
    for step in ("gathering", "ice"):
        start, end = times_of(told.traces.one(step))
        assert times[0] <= start <= end <= times[1]


def test_the_slower_browser_is_told_of_once_it_speaks() -> None:
    told = Told()
    attempt = told.settle(reports={"ann": SideReport(state="connected", at=T0 + 400)})
    late = attempt.reports["bob"] = SideReport(state="connected", at=T0 + 700, elapsed_ms=600)
    for _ in range(2):
        told.spans.path_changed(PathChanged("bob", "ann", late, "connected", None))
    told.spans.path_changed(PathChanged("ann", "bob", attempt.reports["ann"], "completed", None))
    told.spans.path_changed(PathChanged("ann", "bob", SideReport(state="failed"), None, None))
    told.spans.path_changed(PathChanged("ann", "eve", late, None, None))
    assert told.traces.names() == ["call", "setup", "browser connected", "browser connected"]
    assert told.below(told.traces.one("setup")) == ["browser connected"] * 2


def test_nothing_is_told_of_a_setup_whose_member_is_gone() -> None:
    told = Told()
    attempt = told.settle()
    told.spans.left("ann", "left", 1, NOW)
    late = attempt.reports["bob"] = SideReport(state="connected")
    told.spans.path_changed(PathChanged("bob", "ann", late, None, None))
    assert "browser connected" not in told.traces.names()


# --- the end --------------------------------------------------------------------------------------------------------


def test_the_end_sums_up() -> None:
    told = Told()
    record = CallRecord(
        id=told.trace.id,
        room="standup",
        node="here",
        started_at=T0,
        ended_at=T0 + 60_000,
        members=[
            MemberRecord(id="ann", name="Ann", role="host", joined_at=T0),
            MemberRecord(id="rec", name="Recorder", role="member", joined_at=T0, kind="recorder"),
        ],
        more_members=1,
        pairs=[PairRecord(a="ann", b="bob", outcome="failed"), PairRecord(a="ann", b="eve", outcome="connected")],
    )
    told.spans.ended(record)
    span = told.traces.one("call ended")
    assert times_of(span) == (T0 + 60_000, T0 + 60_000)
    assert values_of(span) == {
        "chatter.call.members": 3,
        "chatter.call.people": 1,
        "chatter.call.pairs": 2,
        "chatter.call.failed_pairs": 1,
        "chatter.call.duration_ms": 60_000,
    }


def test_a_call_that_is_not_sampled_tells_nothing() -> None:
    traces = Traces(ALWAYS_OFF)
    spans = CallSpans(CallTracer(traces.tracer).begin(T0, {}))
    attempt = Attempt(kind="initial", started_at=T0, reports={"ann": SideReport(state="connected")})
    spans.joined(Member(id="ann", display_name="", role="guest"), Arrival(NOW, knocked_at=NOW), NOW)
    spans.settled(Settled(PairRecord(a="ann", b="bob"), attempt, "connected"))
    spans.path_changed(PathChanged("ann", "bob", attempt.reports["ann"], None, None))
    assert traces.spans == ()
