"""Two members of a call: what they negotiate, and what their browsers say of it. Pure."""

from __future__ import annotations

import math

from msgspec import UNSET, Struct

from signaling.core.calls.attempts import Attempts, place_among
from signaling.core.calls.facts import Fact, Negotiated, PathChanged
from signaling.core.calls.frozen import FrozenOffer, FrozenPair
from signaling.core.calls.ledger import Ledger
from signaling.core.calls.quality import Digests
from signaling.core.calls.record import Attempt, AttemptKind, CallRecord, PairRecord, Quality, SideReport
from signaling.core.calls.reports import MOST_CANDIDATES
from signaling.core.messages import CandidateCounts, IceState, PathState, PeerStats, ReportPath, SelectedPair

_UFRAG = "a=ice-ufrag:"
_MAX_UFRAG = 256
_TYPE = " typ "
_NO_CANDIDATES = CandidateCounts()


class _Offer(Struct):
    """An offer that waits for its answer; `attempt` is None where it only renegotiates."""

    connection: str
    at: int
    attempt: Attempt | None
    glare: bool = False

    def freeze(self, known: list[Attempt]) -> FrozenOffer:
        """Return it with its attempt named by its number among `known`."""
        number = None if self.attempt is None else place_among(known, self.attempt)
        return FrozenOffer(connection=self.connection, at=self.at, attempt=number, glare=self.glare)


class Pair:
    """Tells the attempts of two members from what passes between them. Times are milliseconds since 1970 UTC.

    Browsers and server see things in different orders: an attempt begins with whatever is heard of it first, and what
    comes of an earlier one is noted there.
    """

    __slots__ = ("_announced", "_digests", "_offers", "_ufrags", "attempts", "record")

    def __init__(self, record: PairRecord, attempts: Attempts) -> None:
        self.record = record
        self.attempts = attempts
        self._offers: dict[str, _Offer] = {}
        self._ufrags: dict[str, str] = {}
        """By whose they are: of the newest peer connection."""
        self._announced: set[str] = set()
        """Whose browsers said that they begin the newest attempt."""
        self._digests: dict[str, Digests] = {}

    @classmethod
    def begin(cls, record: PairRecord, ledger: Ledger, reporting: set[str]) -> Pair:
        """Begin the pair of two who meet."""
        return cls(record, Attempts(record, ledger, reporting))

    @classmethod
    def thaw(cls, call: CallRecord, ledger: Ledger, frozen: FrozenPair) -> Pair:
        """Go on with a pair of another node."""
        record = frozen.record or call.pairs[frozen.place or 0]
        pair = cls(record, Attempts.thaw(record, frozen.place, ledger, frozen.attempts))
        known = [*record.attempts, *frozen.attempts.others]
        for member, offer in frozen.offers.items():
            attempt = None if offer.attempt is None else known[offer.attempt]
            pair._offers[member] = _Offer(offer.connection, offer.at, attempt, offer.glare)
        pair._ufrags |= frozen.ufrags
        pair._announced |= frozen.announced
        for member, digests in frozen.digests.items():
            pair._digests[member] = Digests.thaw(digests, record.quality.get(member, Quality()))
        return pair

    def freeze(self) -> FrozenPair:
        """Return what is known of the pair; what stands in the call's record is only named."""
        waiting = [offer.attempt for offer in self._offers.values() if offer.attempt is not None]
        known = list({id(one): one for one in [*self.attempts.known, *waiting]}.values())
        place = self.attempts.number
        return FrozenPair(
            place=place,
            record=self.record if place is None else None,
            attempts=self.attempts.freeze(known),
            offers={member: offer.freeze(known) for member, offer in self._offers.items()},
            ufrags=self._ufrags,
            announced=self._announced,
            digests={one: digests.freeze(self.record.quality.get(one)) for one, digests in self._digests.items()},
        )

    # --- what is relayed

    def offer(self, sender: str, connection: str, sdp: str, at: int) -> list[Fact]:
        """Take in an offer: it begins an attempt, or takes part in one that began, or renegotiates."""
        ufrag = _ufrag(sdp)
        kind = self._meaning(sender, connection, ufrag)
        facts: list[Fact] = []
        attempt = None
        if kind is not None:
            attempt = self._beginning(sender, kind)
            if attempt is None:
                facts = self.attempts.conclude("failed", at)
                attempt = self._begin(kind, sender, connection, at)
            self.attempts.name(connection, attempt)
            attempt.offered_by = attempt.offered_by or sender
        if ufrag:
            self._ufrags[sender] = ufrag
        self._await_answer(sender, _Offer(connection, at, attempt))
        return facts

    def answer(self, sender: str, connection: str, sdp: str, at: int) -> list[Fact]:
        """Take in an answer; a late one, to an offer that counts no more, changes nothing."""
        other = self.attempts.other(sender)
        offer = self._offers.get(other)
        if offer is None or (connection and offer.connection and connection != offer.connection):
            return []
        del self._offers[other]
        self._offers.pop(sender, None)  # whoever answers has rolled their own offer back
        ufrag = _ufrag(sdp)
        if ufrag:
            self._ufrags[sender] = ufrag
        attempt = offer.attempt
        if attempt is None:
            return [Negotiated("renegotiate", offer.glare, other, sender, offer.at, at)]
        self.attempts.answer(attempt, other, offer.connection or connection, at)
        return [Negotiated(attempt.kind, offer.glare, other, sender, offer.at, at)]

    def candidate(self, sender: str, connection: str, line: str) -> None:
        """Count a candidate by its type (`cand-type`, RFC 8839 §5.1)."""
        attempt = self.attempts.find(connection)
        start = line.find(_TYPE) + len(_TYPE)
        if attempt is None or start < len(_TYPE):
            return
        counts = attempt.relayed.get(sender, _NO_CANDIDATES)
        host, srflx, prflx, relay = counts.host, counts.srflx, counts.prflx, counts.relay
        match line[start : start + 1]:
            case "h":
                host += host < MOST_CANDIDATES
            case "s":
                srflx += srflx < MOST_CANDIDATES
            case "r":
                relay += relay < MOST_CANDIDATES
            case "p":
                prflx += prflx < MOST_CANDIDATES
        attempt.relayed[sender] = CandidateCounts(host, srflx, prflx, relay)

    # --- what browsers say

    def report(self, member: str, report: ReportPath, at: int) -> list[Fact]:
        """Take in what a browser says of its peer connection, bounded already. One that is not known is no matter."""
        announces = report.reason == "ice_restart" or report.reason == "rebuild"
        facts = self._announce(member, report, at) if announces else []
        attempt = self.attempts.find(report.connection)
        if attempt is None:
            return facts
        before = attempt.reports.get(member)
        side = self.attempts.write(attempt, member, report, at)
        if announces:
            return facts  # the state is that of the path they give up
        if before is None or _said(before) != _said(side):
            facts.append(PathChanged(member, self.attempts.other(member), side, *_news(before, side)))
        if attempt is self.attempts.newest:
            facts += self.attempts.hear(attempt, member, report, at)
        return facts

    def digest(self, member: str, stats: PeerStats, at: int) -> None:
        """Take in how media flows as one side sees it, bounded already."""
        digests = self._digests.get(member)
        if digests is None:
            digests = self._digests[member] = Digests()
            self.record.quality[member] = digests.quality
        digests.add(stats)
        media = any(rate is not UNSET and rate > 0 for rate in (stats.bitrateIn, stats.bitrateOut))
        if media or stats.pair is not UNSET:
            self.attempts.flow(member, at, media=media)

    def part(self, leaver: str, at: int) -> list[Fact]:
        """End the pair, because one side leaves."""
        facts = self.attempts.conclude("abandoned", at, leaver)
        self.attempts.close()
        return facts

    # --- what they mean

    def _meaning(self, sender: str, connection: str, ufrag: str) -> AttemptKind | None:
        """Say what an offer begins or takes part in; None where it only renegotiates (RFC 8839 §4.4.1.1)."""
        newest = self.attempts.newest
        if newest is None:
            return "initial"
        known = self.attempts.find(connection)
        if known is not newest:
            return "rebuild" if known is None else None
        if not newest.offered_by:
            return newest.kind  # it was announced
        former = self._ufrags.get(sender)
        if former is None:
            return newest.kind if newest.answered_at is None else None
        return "ice_restart" if ufrag and ufrag != former else None

    def _beginning(self, member: str, kind: AttemptKind) -> Attempt | None:
        """Return the attempt that a member may still join: both begin at once, or an offer was rolled back."""
        newest = self.attempts.newest
        if newest is None or newest.settled_at is not None or newest.answered_at is not None:
            return None
        if member in self._offers or (kind == "rebuild" and newest.kind == "ice_restart"):
            return None
        return newest

    def _begin(self, kind: AttemptKind, member: str, connection: str, at: int) -> Attempt:
        self._announced.clear()
        if kind != "ice_restart":
            self._offers.clear()
            self._ufrags.clear()
        return self.attempts.begin(kind, member, connection, at)

    def _await_answer(self, sender: str, offer: _Offer) -> None:
        crossing = self._offers.get(self.attempts.other(sender))
        if crossing is not None:
            offer.glare = crossing.glare = True
            for attempt in (offer.attempt, crossing.attempt):
                if attempt is not None:
                    attempt.glare = True
        self._offers[sender] = offer

    def _announce(self, member: str, report: ReportPath, at: int) -> list[Fact]:
        """Take in that a browser begins something new; its offer may have come before, or the other side's."""
        kind: AttemptKind = "ice_restart" if report.reason == "ice_restart" else "rebuild"
        newest, known = self.attempts.newest, self.attempts.find(report.connection)
        if newest is None or (known is not newest and (known is not None or kind == "ice_restart")):
            return []  # of a connection that is gone, or was never heard of
        self.attempts.give_up(member, report)
        facts: list[Fact] = []
        if not self._is_announced(newest, member, kind, new=known is None):
            facts = self.attempts.conclude("failed", at)
            newest = self._begin(kind, member, report.connection, at)
        self.attempts.name(report.connection, newest)
        self._announced.add(member)
        return facts

    def _is_announced(self, newest: Attempt, member: str, kind: AttemptKind, *, new: bool) -> bool:
        """Tell whether what a browser announces is the newest attempt itself."""
        if kind == "rebuild" and not new:
            return True
        if member in self._announced:
            return False
        if kind == "rebuild":
            return self._beginning(member, kind) is not None
        return newest.kind == kind and self.attempts.deadline < math.inf


def _ufrag(sdp: str) -> str:
    """Return the first ICE user name fragment of a description (RFC 8839 §5.4), empty where there is none."""
    start = sdp.find(_UFRAG)
    if start < 0:
        return ""
    start += len(_UFRAG)
    return sdp[start : start + _MAX_UFRAG].split("\n", 1)[0].rstrip("\r")


def _news(before: SideReport | None, side: SideReport) -> tuple[IceState | None, SelectedPair | None]:
    """Return state of ICE and path where they are others than those that were told before."""
    if before is None:
        return side.ice_state, side.pair
    ice_state = None if side.ice_state == before.ice_state else side.ice_state
    return ice_state, None if side.pair == before.pair else side.pair


def _said(side: SideReport) -> tuple[PathState, IceState | None, SelectedPair | None]:
    return side.state, side.ice_state, side.pair
