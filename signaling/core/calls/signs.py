"""From a record to the signs that causes are read from: which attempt of a pair to judge, and what is known of it."""

from __future__ import annotations

from typing import NamedTuple

from signaling.core.calls.index import Index
from signaling.core.calls.record import Attempt, CallRecord, MemberRecord, PairRecord, SideReport
from signaling.core.messages import CandidateCounts, SelectedPair

GIVE_UP_MS = 5_000
"""An attempt cut short tells something only after this long: a path that works is found within a second or two."""
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
    held: bool = True
    """Whether the record holds the attempt; where it does not, nothing is known but that there is no path."""

    @property
    def at(self) -> int | None:
        """When the attempt ended, or else began."""
        return (self.attempt.settled_at or self.attempt.started_at) if self.held else None

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

    call: Index
    pair: PairRecord


class MemberSigns(NamedTuple):
    """One member of a call."""

    call: Index
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


def is_connecting(record: CallRecord) -> bool:
    """Tell whether some look for their first path while nobody has found one."""
    if any(pair.connected_at is not None for pair in record.pairs):
        return False
    return any(pair.outcome == "connecting" for pair in record.pairs)


def path_signs(index: Index, pair: PairRecord) -> PathSigns | None:
    """Return the signs of a pair without a path; None where there is, or nothing can be said yet."""
    attempt = attempt_to_judge(pair)
    if attempt is None:
        return _without_attempt(index, pair) if pair.outcome in ("failed", "timeout") else None
    sides = (_side(attempt, pair.a), _side(attempt, pair.b))
    ended_at = _ended_at(attempt)
    gone = tuple(side.id for side in sides if index.was_cut_off(side.id, ended_at))
    if attempt.outcome == "connected" and gone:  # their leaving broke it, which is told of the member
        return None
    return PathSigns(index.record, pair, attempt, sides, gone)


def _without_attempt(index: Index, pair: PairRecord) -> PathSigns:
    attempt = Attempt(kind="initial", started_at=index.record.started_at)
    return PathSigns(index.record, pair, attempt, (_side(attempt, pair.a), _side(attempt, pair.b)), (), held=False)


def gave_up(attempt: Attempt) -> bool:
    """Tell whether someone left after waiting for a path longer than it takes to find one."""
    if attempt.outcome != "abandoned" or attempt.settled_at is None:
        return False
    return attempt.settled_at - attempt.started_at >= GIVE_UP_MS


def attempt_to_judge(pair: PairRecord) -> Attempt | None:
    """Return the attempt that tells why a pair has no path; None where it has one, or the record holds no such."""
    since = _since_connected(pair)
    # A browser that gave up itself says more than one that was silent; that says more than one that was closed.
    for outcome in ("failed", "timeout", "abandoned"):
        for attempt in reversed(since):
            if attempt.outcome == outcome and (outcome != "abandoned" or gave_up(attempt)):
                return None if pair.outcome == "connected" else attempt
    if not since and pair.attempts and _is_broken(pair.attempts[-1]):
        return pair.attempts[-1]
    if pair.outcome in ("failed", "timeout") and pair.attempts and not pair.more_attempts:
        return pair.attempts[-1]
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
