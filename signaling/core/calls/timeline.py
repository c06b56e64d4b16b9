"""What happens in a call, written down while it runs. Pure: it returns facts and performs nothing."""

from __future__ import annotations

from msgspec import UNSET, Struct

from signaling.core.calls.facts import DeviceFailed, Digested, Fact, ReportRefused
from signaling.core.calls.frozen import FrozenPresence, FrozenTimeline
from signaling.core.calls.ledger import Ledger
from signaling.core.calls.pairs import Pair
from signaling.core.calls.record import CallRecord, Entry, LeaveReason, MemberRecord, PairRecord
from signaling.core.calls.reports import bounded_path, bounded_stats
from signaling.core.messages import (
    MAX_NAME_CODE_POINTS,
    MediaKind,
    MediaState,
    ReportPath,
    ReportTrouble,
    Role,
    SendStats,
    WebRtc,
)
from signaling.core.room import Member

LEAVE_GRACE_MS = 15_000
"""So long after a leave others may still tell of who left: a digest is due every 10 s, and may be late."""
_MAX_DETAIL = 64


class _Presence(Struct, gc=False):
    """Someone who is in."""

    record: MemberRecord
    order: int
    reports: bool
    lost: bool = False


class Timeline:
    """Writes the record of one call: who came and went, and what became of the media between each two.

    `now` is seconds since 1970 UTC everywhere; a clock that is set back does not turn the order of events around.
    `record` is always current. `changed` is set by every event until the one who stores it clears it, but not by what
    is only counted: candidates and digests come all the time, and may be stored with whatever happens next.
    """

    __slots__ = ("_at", "_joins", "_ledger", "_left", "_pairs", "_present", "changed", "record")

    def __init__(self, record: CallRecord) -> None:
        self.record = record
        self.changed = True
        self._ledger = Ledger(record)
        self._at = record.started_at
        self._joins = 0
        self._left: dict[str, int] = {}
        """When those left who did so a moment ago."""
        self._present: dict[str, _Presence] = {}
        self._pairs: dict[tuple[str, str], Pair] = {}
        """Each pair of two who are in, under both orders of their ids."""

    @classmethod
    def thaw(cls, frozen: FrozenTimeline) -> Timeline:
        """Go on with the timeline of another node."""
        timeline = cls(frozen.record)
        timeline._ledger = Ledger.thaw(frozen.record)
        timeline._at, timeline._joins = frozen.at, frozen.joins
        timeline._left = dict(frozen.left)
        stays = {member.id: member for member in frozen.record.members if member.left_at is None}
        for one in frozen.present:
            timeline._present[one.id] = _Presence(one.member or stays[one.id], one.order, one.reports, one.lost)
        for pair in frozen.pairs:
            thawed = Pair.thaw(frozen.record, timeline._ledger, pair)
            a, b = thawed.record.a, thawed.record.b
            timeline._pairs[a, b] = timeline._pairs[b, a] = thawed
        return timeline

    def freeze(self) -> FrozenTimeline:
        """Return the record with what is known beside it; nothing is copied."""
        recorded = {id(member) for member in self.record.members}
        present = [
            FrozenPresence(
                id=member_id,
                order=one.order,
                reports=one.reports,
                lost=one.lost,
                member=None if id(one.record) in recorded else one.record,
            )
            for member_id, one in self._present.items()
        ]
        pairs = [pair.freeze() for key, pair in self._pairs.items() if key == (pair.record.a, pair.record.b)]
        return FrozenTimeline(
            record=self.record, at=self._at, joins=self._joins, left=self._left, present=present, pairs=pairs
        )

    # --- who is in

    def join(self, member: Member, entry: Entry, now: float) -> list[Fact]:
        """Note that someone came in."""
        if member.id in self._present or self.record.ended_at is not None:
            return []
        at = self._time(now)
        record = MemberRecord(
            id=member.id,
            name=member.display_name[:MAX_NAME_CODE_POINTS],
            role=member.role,
            joined_at=at,
            kind=member.kind,
            account=entry.account,
            network=entry.network[:_MAX_DETAIL],
            browser=entry.browser[:_MAX_DETAIL],
        )
        self._joins += 1
        self._present[member.id] = _Presence(record, self._joins, entry.reports)
        self._ledger.enter(record)
        self._ledger.note("join", at, member.id)
        return []

    def leave(self, member_id: str, reason: LeaveReason, now: float) -> list[Fact]:
        """Note that someone left, and settle what they were setting up. Idempotent."""
        presence = self._present.pop(member_id, None)
        if presence is None:
            return []
        at = self._time(now)
        presence.record.left_at = at
        self._left = {one: left_at for one, left_at in self._left.items() if left_at > at - LEAVE_GRACE_MS}
        self._left[member_id] = at
        presence.record.leave_reason = reason
        self._ledger.note("leave", at, member_id, detail=reason)
        self._ledger.leave(presence.record)
        facts: list[Fact] = []
        for first, second in [key for key in self._pairs if key[0] == member_id]:
            facts += self._pairs.pop((first, second)).part(member_id, at)
            del self._pairs[second, first]
        return facts

    def lose(self, member_id: str, now: float) -> list[Fact]:
        """Note that someone's signaling connection broke."""
        presence = self._present.get(member_id)
        if presence is not None and not presence.lost:
            presence.lost = True
            presence.record.losses += 1
            self._ledger.note("lost", self._time(now), member_id)
        return []

    def regain(self, member_id: str, now: float) -> list[Fact]:
        """Note that someone's signaling connection is back; what they could not report may come yet."""
        presence = self._present.get(member_id)
        if presence is not None and presence.lost:
            at = self._time(now)
            presence.lost = False
            presence.record.resumes += 1
            self._ledger.note("back", at, member_id)
            for key, pair in self._pairs.items():
                if key[0] == member_id:
                    pair.attempts.wait_for(at)
        return []

    def rename(self, member_id: str, name: str) -> None:
        """Note another display name."""
        presence = self._present.get(member_id)
        if presence is not None:
            self.changed = True
            presence.record.name = name[:MAX_NAME_CODE_POINTS]

    def set_role(self, member_id: str, role: Role, now: float) -> None:
        """Note another role."""
        presence = self._present.get(member_id)
        if presence is not None and presence.record.role != role:
            presence.record.role = role
            self._ledger.note("role", self._time(now), member_id, detail=role)

    def refused(self, close_name: str, now: float) -> None:
        """Note that someone was kept out while the call ran."""
        self._ledger.note("refused", self._time(now), detail=close_name[:_MAX_DETAIL])

    def unreachable(self, detail: str, now: float) -> None:
        """Note that a browser said over HTTP that it cannot open a socket."""
        self._ledger.note("unreachable", self._time(now), detail=detail[:_MAX_DETAIL])

    # --- what passes between them

    def signal(self, message: WebRtc, now: float) -> list[Fact]:
        """Take in an offer, answer or candidate that was relayed."""
        pair = self._pairs.get((message.from_, message.to))
        connection = "" if message.connection is UNSET else message.connection
        if message.action == "ice":
            if pair is not None and message.candidate:
                pair.candidate(message.from_, connection, message.candidate.candidate)
            return []
        if message.action == "offer":
            pair = pair or self._meet(message.from_, message.to)
        if pair is None or message.sdp is UNSET:
            return []
        told = pair.offer if message.action == "offer" else pair.answer
        facts = told(message.from_, connection, message.sdp, self._time(now))
        pair.attempts.weigh()
        return facts

    # --- what browsers say

    def path(self, member_id: str, report: ReportPath, now: float) -> list[Fact]:
        """Take in what a browser says of its peer connection to another member."""
        pair = self._pairs.get((member_id, report.clientId))
        if pair is None:
            return [] if self._just_left(report.clientId, now) else [ReportRefused("invalid")]
        bounded, sound = bounded_path(report)
        facts = pair.report(member_id, bounded, self._time(now))
        pair.attempts.weigh()
        return facts if sound else [*facts, ReportRefused("invalid")]

    def digest(self, member_id: str, stats: SendStats, now: float) -> list[Fact]:
        """Take in how media flows between a member and others; each of them counts once."""
        facts: list[Fact] = []
        sound = True
        for peer in {peer.clientId: peer for peer in stats.peers}.values():
            pair = self._pairs.get((member_id, peer.clientId))
            if pair is None:
                sound = sound and self._just_left(peer.clientId, now)
                continue
            bounded, is_sound = bounded_stats(peer)
            pair.digest(member_id, bounded, int(now * 1000))
            pair.attempts.weigh()
            facts.append(Digested(member_id, bounded))
            sound = sound and is_sound
        return facts if sound else [*facts, ReportRefused("invalid")]

    def trouble(self, member_id: str, report: ReportTrouble, now: float) -> list[Fact]:
        """Take in that a device of a member cannot be used."""
        presence = self._present.get(member_id)
        if presence is None:
            return [ReportRefused("invalid")]
        presence.record.media_errors[report.media] = report.reason
        self._ledger.note("media_error", self._time(now), member_id, detail=f"{report.media}:{report.reason}")
        return [DeviceFailed(member_id, report.media, report.reason)]

    def media(self, member_id: str, state: MediaState, now: float) -> None:
        """Note which devices of a member are on: of these, nothing is wrong any more."""
        presence = self._present.get(member_id)
        if presence is None or not presence.record.media_errors:
            return
        on: dict[MediaKind, bool] = {"audio": state.audio, "video": state.video, "screen": state.screen}
        for device in [device for device in presence.record.media_errors if on[device]]:
            del presence.record.media_errors[device]
            self._ledger.note("media", self._time(now), member_id, detail=device)

    # --- what time brings

    def tick(self, now: float) -> list[Fact]:
        """Settle what was not settled in time; to be called once a second. Who is lost is waited for."""
        at = int(now * 1000)
        facts: list[Fact] = []
        for (first, second), pair in self._pairs.items():
            if pair.attempts.deadline <= at and not self._present[first].lost and not self._present[second].lost:
                facts += pair.attempts.conclude("timeout", self._time(now))
                pair.attempts.weigh()
        return facts

    def end(self, now: float) -> list[Fact]:
        """Settle what is open and close the record; nobody joins any more. Idempotent."""
        if self.record.ended_at is not None:
            return []
        facts = [fact for member_id in list(self._present) for fact in self.leave(member_id, "ended", now)]
        self.record.ended_at = self._time(now)
        return facts

    # --- inside

    def _meet(self, offerer: str, other: str) -> Pair | None:
        """Begin the pair of two who are in; None when they are not, or are the same."""
        first, second = self._present.get(offerer), self._present.get(other)
        if first is None or second is None or offerer == other:
            return None
        a, b = sorted((first, second), key=lambda presence: presence.order)
        reporting = {presence.record.id for presence in (a, b) if presence.reports}
        pair = Pair.begin(PairRecord(a=a.record.id, b=b.record.id), self._ledger, reporting)
        self._pairs[offerer, other] = self._pairs[other, offerer] = pair
        return pair

    def _just_left(self, member_id: str, now: float) -> bool:
        left_at = self._left.get(member_id)
        return left_at is not None and int(now * 1000) <= left_at + LEAVE_GRACE_MS

    def _time(self, now: float) -> int:
        """Return the time of a change in milliseconds."""
        self.changed = True
        self._at = max(self._at, int(now * 1000))
        return self._at
