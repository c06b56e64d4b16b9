"""From a record to the signs that causes are read from: which attempt of a pair to judge, and what is known of it."""

from __future__ import annotations

from typing import NamedTuple

from signaling.core.calls.record import Attempt, CallRecord, LeaveReason, MemberRecord, PairRecord, SideReport
from signaling.core.messages import CandidateCounts, SelectedPair

GIVE_UP_MS = 5_000
"""An attempt cut short tells something only after this long: a path that works is found within a second or two."""
_VANISHED: frozenset[LeaveReason] = frozenset({"lost", "slow", "protocol", "expired", "server"})
"""Reasons to leave that are nobody's wish."""
_ICE_DONE = ("connected", "completed")


class Side(NamedTuple):
    """What is known of one member's side of an attempt."""

    id: str
    report: SideReport | None
    relayed: CandidateCounts | None
    """Candidates that passed this server; None where not one did."""

    @property
    def local(self) -> CandidateCounts | None:
        """What it gathered, by its own word and by what passed this server since; None where nobody knows."""
        told = self.report.local if self.report else None
        if told is None or self.relayed is None:
            return told or self.relayed
        return _most(told, self.relayed)

    @property
    def lacks_relay(self) -> bool:
        """Whether it is known to have got no relay candidate."""
        return self.local is not None and not self.has_relay

    @property
    def has_relay(self) -> bool:
        """Whether a TURN server gave it an address."""
        return self.local is not None and self.local.relay > 0

    @property
    def host_only(self) -> bool:
        """Whether it is known to have had addresses of its own network only (names of mDNS among them)."""
        local = self.local
        return local is not None and local.host > 0 and total(local) == local.host

    @property
    def ice_done(self) -> bool:
        """Whether ICE had found a path when it last spoke."""
        return self.report is not None and self.report.ice_state in _ICE_DONE

    def was_told(self, *codes: int) -> bool:
        """Tell whether a STUN or TURN server answered it with one of these errors."""
        return self.report is not None and not set(codes).isdisjoint(self.report.server_errors)


class PathSigns(NamedTuple):
    """The attempt by which a pair that found no path, or lost it, is judged."""

    record: CallRecord
    pair: PairRecord
    attempt: Attempt
    sides: tuple[Side, Side]
    gone: tuple[str, ...]
    """Who was not there any more at its end, without having wished to leave."""

    @property
    def answered(self) -> bool:
        """Whether the offer was answered."""
        return self.attempt.answered_at is not None

    @property
    def answerer(self) -> str:
        """Return who was to answer; the empty string where nobody offered."""
        if not self.attempt.offered_by:
            return ""
        return self.pair.b if self.attempt.offered_by == self.pair.a else self.pair.a

    @property
    def broke(self) -> bool:
        """Whether this is a path that was found and then broke, with no later attempt."""
        return self.attempt.outcome == "connected"

    @property
    def worked_before(self) -> bool:
        """Whether the two were connected before this attempt."""
        return self.pair.connected_at is not None


class MediaSigns(NamedTuple):
    """A pair by how media flowed."""

    record: CallRecord
    pair: PairRecord


class MemberSigns(NamedTuple):
    """One member of a call."""

    record: CallRecord
    member: MemberRecord


def total(counts: CandidateCounts) -> int:
    """Count candidates of all types."""
    return counts.host + counts.srflx + counts.prflx + counts.relay


def selected_pairs(pair: PairRecord) -> dict[str, SelectedPair]:
    """Return the path that media took last, as each of the two saw it, where they told."""
    paths: dict[str, SelectedPair] = {}
    for attempt in pair.attempts:
        paths |= {member_id: report.pair for member_id, report in attempt.reports.items() if report.pair is not None}
    paths |= {member_id: told.pair for member_id, told in pair.quality.items() if told.pair is not None}
    return {member_id: paths[member_id] for member_id in (pair.a, pair.b) if member_id in paths}


def is_running(record: CallRecord) -> bool:
    """Tell whether the call goes on, as far as the record knows."""
    return record.ended_at is None and not record.interrupted


def path_signs(record: CallRecord, pair: PairRecord) -> PathSigns | None:
    """Return the signs of a pair without a path; None where there is, or nothing can be said yet."""
    attempt = _attempt_to_judge(record, pair)
    if attempt is None:
        return None
    sides = (_side(attempt, pair.a), _side(attempt, pair.b))
    ended_at = _ended_at(attempt)
    gone = tuple(side.id for side in sides if has_vanished(record, side.id, ended_at))
    if attempt.outcome == "connected" and gone:  # their leaving broke it, which is told of the member
        return None
    return PathSigns(record, pair, attempt, sides, gone)


def has_vanished(record: CallRecord, member_id: str, at: int) -> bool:
    """Tell whether a member was cut off at this time: signaling lost and not back, or gone without wishing to."""
    lost = False
    for event in record.events:
        if event.member == member_id and event.kind in ("lost", "back") and event.at <= at:
            lost = event.kind == "lost"
    left = [
        member.leave_reason in _VANISHED
        for member in record.members
        if member.id == member_id and member.left_at is not None and member.left_at <= at
    ]
    return lost or any(left)


def gave_up(attempt: Attempt) -> bool:
    """Tell whether someone left after waiting for a path longer than it takes to find one."""
    if attempt.outcome != "abandoned" or attempt.settled_at is None:
        return False
    return attempt.settled_at - attempt.started_at >= GIVE_UP_MS


def _attempt_to_judge(record: CallRecord, pair: PairRecord) -> Attempt | None:
    since = _since_connected(pair)
    # A browser that gave up itself says more than one that was silent; that says more than one that was closed.
    for outcome in ("failed", "timeout", "abandoned"):
        for attempt in reversed(since):
            if attempt.outcome == outcome and (outcome != "abandoned" or gave_up(attempt)):
                return None if pair.outcome == "connected" else attempt
    if not since and pair.attempts and _is_broken(pair.attempts[-1]):
        return pair.attempts[-1]
    if pair.outcome in ("failed", "timeout"):  # by an attempt that the record does not hold
        return pair.attempts[-1] if pair.attempts else Attempt(kind="initial", started_at=record.started_at)
    return None


def _since_connected(pair: PairRecord) -> list[Attempt]:
    connected = [index for index, attempt in enumerate(pair.attempts) if attempt.outcome == "connected"]
    return pair.attempts[connected[-1] + 1 :] if connected else pair.attempts


def _is_broken(attempt: Attempt) -> bool:
    return any(report.state == "failed" for report in attempt.reports.values())


def _ended_at(attempt: Attempt) -> int:
    last_heard = max((report.at for report in attempt.reports.values()), default=0)
    if attempt.outcome == "connected":
        return last_heard
    return attempt.settled_at if attempt.settled_at is not None else max(last_heard, attempt.started_at)


def _most(one: CandidateCounts, other: CandidateCounts) -> CandidateCounts:
    return CandidateCounts(
        host=max(one.host, other.host),
        srflx=max(one.srflx, other.srflx),
        prflx=max(one.prflx, other.prflx),
        relay=max(one.relay, other.relay),
    )


def _side(attempt: Attempt, member_id: str) -> Side:
    relayed = attempt.relayed.get(member_id)
    if relayed is not None and total(relayed) == 0:
        relayed = None
    return Side(member_id, attempt.reports.get(member_id), relayed)
