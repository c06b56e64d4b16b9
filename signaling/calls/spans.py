"""The spans of a call: what happened, told when it is over. Attributes never hold a name, an address or an SDP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterable

    from observability.calls import CallTrace, SpanRef
    from signaling.calls.arrival import Arrival
    from signaling.core.calls.facts import Negotiated, PathChanged, Settled
    from signaling.core.calls.record import Attempt, CallRecord, LeaveReason, PairRecord, SideReport
    from signaling.core.messages import SelectedPair
    from signaling.core.room import Member

Values = dict[str, str | int | float | bool]
FAILURES = frozenset({"failed", "timeout"})
"""The outcomes of an attempt that are errors; who left before it settled is none."""
_FINAL_STATES = frozenset({"connected", "failed"})


class _Setup(Struct):
    """The span of an attempt, for the browser that tells of it only after it was settled."""

    attempt: Attempt
    span: SpanRef
    told: set[str]


class CallSpans:
    """Tell the trace of one call what happened in it. Times are seconds since 1970 UTC."""

    def __init__(self, trace: CallTrace) -> None:
        self._trace = trace
        self._setups: dict[tuple[str, str], _Setup] = {}
        self._lost_at: dict[str, float] = {}

    def joined(self, member: Member, arrival: Arrival, now: float) -> None:
        """Tell of someone who came in: from the accepted socket to the place in the room."""
        attributes = _of_arrival(member.id, arrival) | {
            "chatter.member.role": member.role,
            "chatter.member.kind": member.kind,
            "chatter.join.via": arrival.via,
        }
        span = self._trace.span(
            "join", _ms(arrival.accepted_at), _ms(now), attributes, links=arrival.links, work=arrival.work
        )
        if arrival.knocked_at is not None:
            self._trace.span("lobby", _ms(arrival.knocked_at), _ms(now), {}, parent=span)

    @property
    def lost_at(self) -> dict[str, float]:
        """When those were lost who are not back."""
        return self._lost_at

    def knows_lost(self, member_id: str) -> bool:
        """Tell whether a member was lost and is not back."""
        return member_id in self._lost_at

    def lost(self, member_id: str, now: float) -> None:
        """Note when a member's connection broke; what becomes of it is told later."""
        self._lost_at[member_id] = now

    def back(self, member_id: str, arrival: Arrival, now: float) -> None:
        """Tell of someone who came back: from the loss, if it was noticed, to the resumed session."""
        since = self._lost_at.pop(member_id, arrival.accepted_at)
        attributes = _of_arrival(member_id, arrival)
        self._trace.span("resume", _ms(since), _ms(now), attributes, links=arrival.links, work=arrival.work)

    def left(self, member_id: str, reason: LeaveReason, stayed_s: float, now: float) -> None:
        """Tell of someone who went, and that they never came back if they were lost."""
        since = self._lost_at.pop(member_id, None)
        if since is not None:
            self._trace.span("resume", _ms(since), _ms(now), _of(member_id), error=reason)
        for pair in [pair for pair in self._setups if member_id in pair]:
            del self._setups[pair]
        attributes = _of(member_id) | {
            "chatter.leave.reason": reason,
            "chatter.member.stayed_ms": round(stayed_s * 1000),
        }
        self._trace.span("leave", _ms(now), _ms(now), attributes)

    def negotiated(self, fact: Negotiated) -> None:
        """Tell of an offer that was answered."""
        attributes: Values = {
            "chatter.negotiation.kind": fact.kind,
            "chatter.negotiation.glare": fact.glare,
            "chatter.offer.from": fact.offered_by,
            "chatter.answer.from": fact.answered_by,
        }
        self._trace.span("negotiate", fact.offered_at, fact.answered_at, attributes)

    def settled(self, fact: Settled) -> None:
        """Tell of an attempt to connect two members, with what each browser said of it."""
        attempt = fact.attempt
        span = self._trace.span(
            "setup",
            attempt.started_at,
            _end(attempt),
            _of_pair(fact.pair) | _of_attempt(attempt, fact.outcome),
            error=fact.outcome if fact.outcome in FAILURES else None,
        )
        if span is None:
            return
        setup = self._setups[fact.pair.a, fact.pair.b] = _Setup(attempt, span, set())
        for member_id, report in attempt.reports.items():
            self._browser(setup, member_id, report)

    def path_changed(self, fact: PathChanged) -> None:
        """Tell of what the slower browser says of an attempt that is settled already."""
        setup = self._setups.get((fact.member, fact.other)) or self._setups.get((fact.other, fact.member))
        if setup is not None and setup.attempt.reports.get(fact.member) is fact.report:
            self._browser(setup, fact.member, fact.report)

    def ended(self, record: CallRecord) -> None:
        """Tell how the call was, at its end."""
        ended_at = record.ended_at or record.started_at
        attributes: Values = {
            "chatter.call.members": len(record.members) + record.more_members,
            "chatter.call.people": sum(member.kind == "person" for member in record.members),
            "chatter.call.pairs": len(record.pairs) + record.more_pairs,
            "chatter.call.failed_pairs": sum(pair.outcome in FAILURES for pair in record.pairs),
            "chatter.call.duration_ms": ended_at - record.started_at,
        }
        self._trace.span("call ended", ended_at, ended_at, attributes)

    # --- inside

    def _browser(self, setup: _Setup, member_id: str, report: SideReport) -> None:
        if report.state not in _FINAL_STATES or member_id in setup.told:
            return
        setup.told.add(member_id)
        first, last = setup.attempt.started_at, _end(setup.attempt)
        # The browser's clock only says how long it took; when it ended is when we heard of it.
        ended = min(max(report.at, first), last)
        started = max(first, ended - (report.elapsed_ms or 0))
        error = "failed" if report.state == "failed" else None
        attributes = _of(member_id) | _of_report(report)
        name = f"browser {report.state}"
        span = self._trace.span(name, started, ended, attributes, error=error, parent=setup.span)
        for step, since, until in _steps(report):
            begin, end = min(started + since, ended), min(started + until, ended)
            self._trace.span(step, begin, end, {}, parent=span)


def _steps(report: SideReport) -> Iterable[tuple[str, float, float]]:
    """Return the steps that a browser timed, in milliseconds since its attempt began."""
    if report.gathering_ms is not None:
        yield "gathering", 0, report.gathering_ms
    if report.ice_ms is not None:
        yield "ice", 0, report.ice_ms
        if report.state == "connected" and report.elapsed_ms is not None:
            yield "dtls", report.ice_ms, max(report.ice_ms, report.elapsed_ms)


def _of(member_id: str) -> Values:
    return {"chatter.member.id": member_id}


def _of_arrival(member_id: str, arrival: Arrival) -> Values:
    return _of(member_id) | ({"chatter.node.edge": arrival.edge} if arrival.edge else {})


def _of_pair(pair: PairRecord) -> Values:
    return {"chatter.pair.a": pair.a, "chatter.pair.b": pair.b}


def _of_attempt(attempt: Attempt, outcome: str) -> Values:
    attributes: Values = {
        "chatter.setup.outcome": outcome,
        "chatter.setup.kind": attempt.kind,
        "chatter.setup.glare": attempt.glare,
        "chatter.candidates.relayed": sum(
            counts.host + counts.srflx + counts.prflx + counts.relay for counts in attempt.relayed.values()
        ),
    }
    chosen = next((report.pair for report in attempt.reports.values() if report.pair is not None), None)
    return attributes | _of_path(chosen)


def _of_report(report: SideReport) -> Values:
    timings = {
        "chatter.browser.elapsed_ms": report.elapsed_ms,
        "chatter.browser.gathering_ms": report.gathering_ms,
        "chatter.browser.ice_ms": report.ice_ms,
        "chatter.browser.ice_state": report.ice_state,
    }
    known: Values = {name: value for name, value in timings.items() if value is not None}
    return known | _of_path(report.pair)


def _of_path(pair: SelectedPair | None) -> Values:
    if pair is None:
        return {}
    path = {
        "chatter.path.local": pair.local,
        "chatter.path.remote": pair.remote,
        "chatter.path.protocol": pair.protocol,
        "chatter.path.relay_protocol": pair.relayProtocol,
        "chatter.path.family": pair.family,
    }
    return {name: value for name, value in path.items() if value is not None}


def _end(attempt: Attempt) -> int:
    return attempt.started_at if attempt.settled_at is None else attempt.settled_at


def _ms(seconds: float) -> float:
    return seconds * 1000
