"""The tries of two members to find a path for their media: how each begins and what comes of it. Pure."""

from __future__ import annotations

import math

from msgspec import UNSET

from signaling.core.calls.facts import Fact, Settled
from signaling.core.calls.frozen import FrozenAttempts
from signaling.core.calls.ledger import Ledger, Place
from signaling.core.calls.quality import DIGEST_MS
from signaling.core.calls.record import Attempt, AttemptKind, EventKind, Outcome, PairRecord, SideReport
from signaling.core.messages import PathState, ReportPath

SETUP_TIMEOUT_MS = 30_000
"""An attempt of which nothing good was heard for so long came to nothing."""
RESUME_GRACE_MS = 5_000
"""What happened while a signaling connection was lost is told soon after it is back."""
_CONNECTIONS_KEPT = 8
"""Of so many peer connections a late report is still understood."""
_MOST_SERVER_ERRORS = 8


class Attempts:
    """The attempts of one pair, one after the other. Times are milliseconds since 1970 UTC.

    An attempt is connected when one browser says so and the other does not say the contrary; it failed when all who
    report say so, or one does and the others had nothing better to say in time. It settles once: what is said
    afterwards changes the pair's outcome, not the attempt's.

    The call's record may lack attempts for which there is no place; what is decided is the same. `reporting` holds the
    members whose browsers report.
    """

    __slots__ = (
        "_broken",
        "_by_connection",
        "_connected",
        "_failed",
        "_flowing",
        "_ledger",
        "_place",
        "_reporting",
        "deadline",
        "newest",
        "record",
    )

    def __init__(self, record: PairRecord, ledger: Ledger, reporting: set[str], place: Place | None = None) -> None:
        self.record = record
        self.newest: Attempt | None = None
        self.deadline = math.inf
        """When the newest attempt comes to nothing; infinite once it has settled."""
        self._ledger = ledger
        self._place = place or ledger.open(record)
        self._reporting = reporting
        self._by_connection: dict[str, Attempt] = {}
        self._connected: set[str] = set()
        """Who said last that the newest attempt is connected; `_failed`: that it failed."""
        self._failed: set[str] = set()
        self._broken: set[str] = set()
        """Who said last of the newest peer connection that no media passes, whatever attempt it was."""
        self._flowing: set[str] = set()
        """Whose digests tell of media over the newest attempt, though no report says that it is connected."""

    @classmethod
    def thaw(cls, record: PairRecord, number: int | None, ledger: Ledger, frozen: FrozenAttempts) -> Attempts:
        """Go on with a pair of another node, which has this number in the call's record."""
        known = [*record.attempts, *frozen.others]
        untold = None if frozen.untold is None else known[frozen.untold]
        attempts = cls(record, ledger, set(frozen.reporting), ledger.place_of(number, record, untold))
        attempts.newest = None if frozen.newest is None else known[frozen.newest]
        attempts.deadline = frozen.deadline
        attempts._by_connection = {name: known[number] for name, number in frozen.connections.items()}
        attempts._connected |= frozen.connected
        attempts._failed |= frozen.failed
        attempts._broken |= frozen.broken
        attempts._flowing |= frozen.flowing
        return attempts

    def freeze(self, known: list[Attempt]) -> FrozenAttempts:
        """Return what is known beside the record; attempts are named by their number among `known`."""
        newest, untold = self.newest, self._place.untold
        return FrozenAttempts(
            others=known[len(self.record.attempts) :],
            newest=None if newest is None else place_among(known, newest),
            untold=None if untold is None else place_among(known, untold),
            deadline=self.deadline,
            connections={name: place_among(known, one) for name, one in self._by_connection.items()},
            reporting=self._reporting,
            connected=self._connected,
            failed=self._failed,
            broken=self._broken,
            flowing=self._flowing,
        )

    @property
    def known(self) -> list[Attempt]:
        """All attempts that are still spoken of, those in the record first."""
        spoken_of = [self.newest, self._place.untold, *self._by_connection.values()]
        known = {id(one): one for one in [*self.record.attempts, *spoken_of] if one is not None}
        return list(known.values())

    @property
    def number(self) -> int | None:
        """The number of the pair in the call's record, None where it has no place there."""
        return self._ledger.number_of(self._place)

    def other(self, member: str) -> str:
        """Return the other one of the pair."""
        return self.record.b if member == self.record.a else self.record.a

    # --- beginning

    def begin(self, kind: AttemptKind, member: str, connection: str, at: int) -> Attempt:
        """Begin another attempt, where the one before has settled."""
        former, attempt = self.newest, Attempt(kind=kind, started_at=at, connection=_plain(connection))
        if kind == "ice_restart":
            for name, known in self._by_connection.items():
                if known is former:
                    self._by_connection[name] = attempt
        else:
            self._broken.clear()
        self.newest = attempt
        self._connected.clear()
        self._failed.clear()
        self._flowing.clear()
        self.deadline = at + SETUP_TIMEOUT_MS
        self._ledger.begin(self._place, attempt)
        self._ledger.note("offer" if kind == "initial" else kind, at, member, self.other(member))
        return attempt

    def name(self, connection: str, attempt: Attempt) -> None:
        """Remember by which name of a peer connection an attempt may be spoken of; empty where it has none."""
        if connection:
            self._by_connection.pop(connection, None)
            self._by_connection[connection] = attempt
            if len(self._by_connection) > _CONNECTIONS_KEPT:
                del self._by_connection[next(iter(self._by_connection))]

    def find(self, connection: str) -> Attempt | None:
        """Return the newest attempt on a peer connection; without a name, the newest of all."""
        return self._by_connection.get(connection) if connection else self.newest

    def answer(self, attempt: Attempt, offerer: str, connection: str, at: int) -> None:
        """Take in that an offer of an attempt was answered: of two that crossed, the one that stood."""
        attempt.answered_at = at
        attempt.offered_by = offerer
        attempt.connection = _plain(connection)
        self._ledger.note("answer", at, self.other(offerer), offerer)
        if connection not in self._by_connection:
            self.name(connection, attempt)

    # --- what browsers say

    def write(self, attempt: Attempt, member: str, report: ReportPath, at: int) -> SideReport:
        """Write a report down; where it is silent, what the browser said before holds."""
        self._reporting.add(member)
        former = attempt.reports.get(member) or SideReport()
        errors = dict.fromkeys([*former.server_errors, *report.serverErrors])
        side = attempt.reports[member] = SideReport(
            state=report.state,
            ice_state=former.ice_state if report.iceState is UNSET else report.iceState,
            at=at,
            elapsed_ms=former.elapsed_ms if report.elapsedMs is UNSET else round(report.elapsedMs, 1),
            gathering_ms=former.gathering_ms if report.gatheringMs is UNSET else round(report.gatheringMs, 1),
            ice_ms=former.ice_ms if report.iceMs is UNSET else round(report.iceMs, 1),
            local=former.local if report.local is UNSET else report.local,
            remote=former.remote if report.remote is UNSET else report.remote,
            server_errors=list(errors)[:_MOST_SERVER_ERRORS],
            pair=former.pair if report.pair is UNSET else report.pair,
        )
        return side

    def give_up(self, member: str, report: ReportPath) -> None:
        """Take in the state of the path that a browser is about to replace."""
        if report.state == "disconnected" or report.state == "failed":
            self._broken.add(member)

    def hear(self, attempt: Attempt, member: str, report: ReportPath, at: int) -> list[Fact]:
        """Take in how the newest attempt does, and settle it when that is enough to tell."""
        state = _verdict(attempt, report)
        if state == "connected":
            self._failed.discard(member)
            self._broken.discard(member)
            self._tell("connected", self._connected, member, at)
        elif state == "disconnected":
            self._connected.discard(member)
            self._flowing.discard(member)
            self._tell("disconnected", self._broken, member, at)
        elif state == "failed":
            self._connected.discard(member)
            self._flowing.discard(member)
            self._broken.add(member)
            self._tell("failed", self._failed, member, at, "" if report.reason == "state" else report.reason)
        elif state == "new" or state == "connecting":
            self._failed.discard(member)  # it tries again
        return self._weigh(attempt, report, at)

    def flow(self, member: str, at: int, *, media: bool) -> None:
        """Take in a digest by which a browser has a path, with `media` on it: its reports may have been lost."""
        attempt = self.newest
        if attempt is None or (attempt.kind != "initial" and at < attempt.started_at + DIGEST_MS):
            return  # it may speak of the path before
        side = attempt.reports.get(member)
        if side is None or (media and side.state in ("new", "connecting")):
            self._flowing.add(member)
            if self.record.outcome in ("timeout", "unreported") and not self._failed:
                self._settle(attempt, "connected", _flows_since(attempt))

    def _tell(self, kind: EventKind, told: set[str], member: str, at: int, detail: str = "") -> None:
        if member not in told:
            told.add(member)
            self._ledger.note(kind, at, member, self.other(member), detail)

    def _weigh(self, attempt: Attempt, report: ReportPath, at: int) -> list[Fact]:
        if self._connected and not self._failed:
            return self._settle(attempt, "connected", _connected_at(attempt, report, at))
        if self._failed >= self._reporting or (self._failed and attempt.settled_at is not None):
            return self._settle(attempt, "failed", at)
        return []

    # --- what time brings

    def wait_for(self, at: int) -> None:
        """Give an open attempt a moment more: a side is back that could not report."""
        if self.deadline < math.inf:
            self.deadline = max(self.deadline, at + RESUME_GRACE_MS)

    def conclude(self, otherwise: Outcome, at: int, member: str = "") -> list[Fact]:
        """Settle the newest attempt, if it is open, with what is known, or else with `otherwise`, by that member."""
        attempt = self.newest
        if attempt is None or attempt.settled_at is not None:
            return []
        answered_at = attempt.answered_at
        if self._failed:
            return self._settle(attempt, "failed", at)
        if self._flowing:
            return self._settle(attempt, "connected", _flows_since(attempt))
        if self._flows(attempt) and answered_at is not None:
            return self._settle(attempt, "connected", answered_at)  # another path or the same: nobody noticed
        if not self._reporting and (otherwise != "abandoned" or answered_at is not None):
            return self._settle(attempt, "unreported", at)
        if otherwise == "timeout" or otherwise == "abandoned":
            member = member or attempt.offered_by or self.record.a
            self._ledger.note(otherwise, at, member, self.other(member))
        return self._settle(attempt, otherwise, at)

    def close(self) -> None:
        """Note that nothing more comes of the pair."""
        self._ledger.close(self._place)

    def weigh(self) -> None:
        """Let the pair take the place in the record that it has come to need."""
        self._ledger.weigh(self._place)

    def _settle(self, attempt: Attempt, outcome: Outcome, at: int) -> list[Fact]:
        if outcome == "connected" and self.record.connected_at is None:
            self.record.connected_at = at
        if not self._flows(attempt):
            self.record.outcome = outcome
        if attempt.settled_at is not None:
            return []
        attempt.outcome = outcome
        attempt.settled_at = at
        self.deadline = math.inf
        return [Settled(self.record, attempt, outcome)]

    def _flows(self, attempt: Attempt) -> bool:
        """Tell whether media goes on through an ICE restart: whoever said that it flowed did not take it back."""
        return attempt.kind == "ice_restart" and self.record.outcome == "connected" and not self._broken


def place_among(known: list[Attempt], attempt: Attempt) -> int:
    """Return the place of this very attempt; others may be equal to it."""
    return next(place for place, one in enumerate(known) if one is attempt)


def _verdict(attempt: Attempt, report: ReportPath) -> PathState | None:
    """Return the state that a report speaks of; None where media goes on and only an answer is missing."""
    if report.reason != "no_answer" or attempt.answered_at is not None:
        return report.state
    return None if report.state == "connected" else "failed"


def _connected_at(attempt: Attempt, report: ReportPath, at: int) -> int:
    """Return when a path was found: a report that had to wait for a resume says how long ago, within what can be."""
    if report.elapsedMs is UNSET or report.state != "connected":
        return at
    earliest = attempt.started_at if attempt.answered_at is None else attempt.answered_at
    return min(at, max(earliest, attempt.started_at + int(report.elapsedMs)))


def _flows_since(attempt: Attempt) -> int:
    """Return when a path was found of which only digests tell: nobody said when, so as early as can be."""
    return attempt.started_at if attempt.answered_at is None else attempt.answered_at


def _plain(connection: str) -> str:
    """Return a name that a client made up, if it may stand in a record: it is there to be compared by eye."""
    return connection if connection.isascii() and connection.isprintable() else ""
