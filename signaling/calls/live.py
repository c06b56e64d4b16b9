"""A call while it runs: what happens in it becomes its record, spans, metrics and lines in the log."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from functools import wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec

from msgspec import Struct

from observability.calls import traceparent_of
from signaling.calls.spans import FAILURES, CallSpans
from signaling.core.calls.facts import DeviceFailed, Digested, Fact, Negotiated, PathChanged, ReportRefused, Settled
from signaling.core.calls.frozen import FrozenTimeline
from signaling.core.calls.timeline import Timeline
from signaling.core.messages import MediaState, ReportPath, ReportTrouble, SendStats, WebRtc

if TYPE_CHECKING:
    from observability.calls import CallTrace
    from signaling.calls.arrival import Arrival
    from signaling.calls.calls import Calls
    from signaling.core.calls.record import Entry, LeaveReason
    from signaling.core.messages import Media, Role
    from signaling.core.room import Member

logger = logging.getLogger(__name__)

Report = ReportPath | SendStats | ReportTrouble
_P = ParamSpec("_P")


class FrozenCall(Struct, frozen=True, kw_only=True):
    """A call at rest, as one node hands it to another. Spans of setups are not gone on with: few are told late."""

    timeline: FrozenTimeline
    traceparent: str
    joined_at: dict[str, float]
    people: set[str]
    met_at: float | None
    lost_at: dict[str, float]
    written_at: int
    """The `updated_at` of the newest stored copy."""


def _contained(method: Callable[Concatenate[LiveCall, _P], None]) -> Callable[Concatenate[LiveCall, _P], None]:
    """Keep what goes wrong in here from those who are in the call; say it once per call."""

    @wraps(method)
    def contained(self: LiveCall, /, *args: _P.args, **options: _P.kwargs) -> None:
        try:
            method(self, *args, **options)
        except Exception as error:
            self.broke(method.__name__, error)

    return contained


class LiveCall:
    """Watch one call from its first join until the room is empty. Nothing here raises, or waits.

    `now` is in seconds since 1970 UTC. `id` names the call everywhere, and is the id of its trace.
    """

    __slots__ = (
        "_broken",
        "_calls",
        "_joined_at",
        "_met_at",
        "_people",
        "_spans",
        "_timeline",
        "_trace",
        "exemplar",
        "id",
    )

    def __init__(self, calls: Calls, timeline: Timeline, trace: CallTrace) -> None:
        self._calls = calls
        self._timeline = timeline
        self._trace = trace
        self._spans = CallSpans(trace)
        self._joined_at: dict[str, float] = {}
        self._people: set[str] = set()
        self._met_at: float | None = None
        self._broken = False
        self.id = trace.id
        self.exemplar = trace.id if trace.sampled else None
        """What measurements of this call name as their trace; None where that is not kept."""

    @classmethod
    def thaw(cls, calls: Calls, frozen: FrozenCall, trace: CallTrace) -> LiveCall:
        """Return a call as it was at another node."""
        call = cls(calls, Timeline.thaw(frozen.timeline), trace)
        call._joined_at |= frozen.joined_at
        call._people |= frozen.people
        call._met_at = frozen.met_at
        call._spans.lost_at.update(frozen.lost_at)
        return call

    def freeze(self) -> FrozenCall:
        """Return the call as it is; nothing is copied."""
        return FrozenCall(
            timeline=self._timeline.freeze(),
            traceparent=traceparent_of(self._trace.root),
            joined_at=self._joined_at,
            people=self._people,
            met_at=self._met_at,
            lost_at=self._spans.lost_at,
            written_at=self._calls.written_at(self._timeline),
        )

    @property
    def log_fields(self) -> dict[str, str]:
        """What every line of the log about this call says."""
        return {"call_id": self.id, "trace_id": self.id}

    @property
    def trace(self) -> CallTrace:
        """The trace of this call."""
        return self._trace

    @property
    def has_company(self) -> bool:
        """Whether two people or more are in; a recorder is no company."""
        return self._met_at is not None

    # --- members

    @_contained
    def joined(self, member: Member, entry: Entry, arrival: Arrival, now: float) -> None:
        """Note someone who came in."""
        self._joined_at[member.id] = now
        if member.kind == "person":
            self._people.add(member.id)
            if len(self._people) == 2:
                self._met_at = now
        self._calls.metrics.joined(len(self._joined_at))
        self._spans.joined(member, arrival, now)
        self._learn(self._timeline.join(member, entry, now))

    @_contained
    def left(self, member_id: str, reason: LeaveReason, now: float) -> None:
        """Note that someone went for good."""
        joined_at = self._joined_at.pop(member_id)
        self._people.discard(member_id)
        if len(self._people) < 2 and self._met_at is not None:
            self._calls.metrics.parted(now - self._met_at)
            self._met_at = None
        self._learn(self._timeline.leave(member_id, reason, now))
        self._spans.left(member_id, reason, now - joined_at, now)

    @_contained
    def lost(self, member_id: str, now: float) -> None:
        """Note that a member's connection broke."""
        self._spans.lost(member_id, now)
        self._learn(self._timeline.lose(member_id, now))

    @_contained
    def back(self, member_id: str, arrival: Arrival, now: float) -> None:
        """Note that a member goes on over another connection, which came before or after the loss of the last."""
        if not self._spans.knows_lost(member_id):
            self._learn(self._timeline.lose(member_id, arrival.accepted_at))
        self._spans.back(member_id, arrival, now)
        self._learn(self._timeline.regain(member_id, now))

    @_contained
    def renamed(self, member_id: str, name: str) -> None:
        """Note a member's new name."""
        self._timeline.rename(member_id, name)

    @_contained
    def role_changed(self, member_id: str, role: Role, now: float) -> None:
        """Note a member's new role."""
        self._timeline.set_role(member_id, role, now)

    @_contained
    def refused(self, close_name: str, now: float) -> None:
        """Note that someone was kept out."""
        self._timeline.refused(close_name, now)

    # --- media

    def signaled(self, message: WebRtc, now: float) -> None:
        """Note an offer, answer or candidate that was relayed."""
        try:  # itself, not by a wrapper: it is called for each candidate
            facts = self._timeline.signal(message, now)
            if facts:
                self._learn(facts)
        except Exception as error:
            self.broke("signaled", error)

    @_contained
    def reported(self, member_id: str, message: Report, now: float) -> None:
        """Note what a browser tells of its media."""
        match message:
            case ReportPath():
                facts = self._timeline.path(member_id, message, now)
            case SendStats():
                facts = self._timeline.digest(member_id, message, now)
            case ReportTrouble():
                facts = self._timeline.trouble(member_id, message, now)
        if not any(type(fact) is ReportRefused for fact in facts):
            self._calls.metrics.reported("ok")
        self._learn(facts)

    @_contained
    def media_changed(self, message: Media, now: float) -> None:
        """Note which of a member's devices are on."""
        state = MediaState(audio=message.audio, video=message.video, screen=message.screen)
        self._timeline.media(message.clientId, state, now)

    @_contained
    def report_dropped(self) -> None:
        """Note a report that came on top of too many."""
        self._calls.metrics.reported("rate_limited")

    # --- time

    @_contained
    def tick(self, now: float) -> None:
        """Do what is due once a second."""
        facts = self._timeline.tick(now)
        if facts:
            self._learn(facts)

    @_contained
    def started(self) -> None:
        """Begin: the first member is about to come in."""
        self._calls.took_in(self, self._timeline)
        self._log("call started", "call_started")

    @_contained
    def rest(self) -> None:
        """Stand still: the call is about to go on at another node, or has been there in vain."""
        self._calls.release(self, self._timeline)

    @_contained
    def here(self, written_at: int) -> None:
        """Go on here, after a copy with this `updated_at` was stored."""
        self._calls.took_in(self, self._timeline, written_at)

    @_contained
    def ended(self, now: float) -> None:
        """End: the room is empty."""
        try:
            self._learn(self._timeline.end(now))
            record = self._timeline.record
            self._spans.ended(record)
            seconds = now - record.started_at / 1000
            self._calls.metrics.emptied(seconds)
            self._log("call ended", "call_ended", duration=round(seconds, 3), members=len(record.members))
        finally:
            self._calls.let_go(self, self._timeline)

    def broke(self, where: str, error: Exception) -> None:
        """Say once that this call is not watched as it should be."""
        if not self._broken:
            self._broken = True
            extra = {"event": "call_watch_failed", "where": where, **self.log_fields}
            logger.error("watching a call failed", exc_info=error, extra=extra)

    # --- inside

    def _learn(self, facts: Iterable[Fact]) -> None:
        for fact in facts:
            match fact:
                case Digested(stats=stats):
                    self._calls.metrics.digested(stats)
                case Negotiated():
                    seconds = (fact.answered_at - fact.offered_at) / 1000
                    self._calls.metrics.negotiated(fact.kind, seconds, glare=fact.glare)
                    self._spans.negotiated(fact)
                case Settled():
                    self._settled(fact)
                case PathChanged():
                    self._path_changed(fact)
                case DeviceFailed(reason=reason):
                    self._calls.metrics.device_failed(reason)
                case ReportRefused(reason=refusal):
                    self._calls.metrics.reported(refusal)

    def _settled(self, fact: Settled) -> None:
        attempt = fact.attempt
        ended_at = attempt.started_at if attempt.settled_at is None else attempt.settled_at
        seconds = (ended_at - attempt.started_at) / 1000
        if attempt.kind == "initial":
            self._calls.metrics.settled(fact.outcome, seconds, self.exemplar)
        self._spans.settled(fact)
        fields = {"a": fact.pair.a, "b": fact.pair.b, "attempt": attempt.kind, "duration": round(seconds, 3)}
        if fact.outcome == "connected":
            self._log("pair connected", "pair_connected", **fields)
        elif fact.outcome in FAILURES:
            self._log("pair failed", "pair_failed", outcome=fact.outcome, **fields)

    def _path_changed(self, fact: PathChanged) -> None:
        if fact.ice_state is not None:
            self._calls.metrics.ice_state(fact.ice_state)
        if fact.pair is not None:
            self._calls.metrics.selected(fact.pair)
        self._spans.path_changed(fact)

    def _log(self, text: str, event: str, **fields: object) -> None:
        room = self._timeline.record.room
        logger.info(text, extra={"event": event, "room": room, **fields, **self.log_fields})
