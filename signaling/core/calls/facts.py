"""What the timeline finds out while a call runs; the shell makes metrics, spans and log lines of it."""

from __future__ import annotations

from typing import Literal, NamedTuple

from signaling.core.calls.record import Attempt, AttemptKind, Outcome, PairRecord, SideReport
from signaling.core.messages import IceState, PeerStats, SelectedPair

Negotiation = Literal[AttemptKind, "renegotiate"]
"""What an offer is for: an attempt to find a path, or other media over the path there is."""
Refusal = Literal["invalid", "rate_limited"]


class Negotiated(NamedTuple):
    """An answer came to an offer. Times are milliseconds since 1970 UTC."""

    kind: Negotiation
    glare: bool
    offered_by: str
    answered_by: str
    offered_at: int
    answered_at: int


class Settled(NamedTuple):
    """An attempt to find a path came to an end: `attempt.outcome` says how. Told once per attempt."""

    pair: PairRecord
    attempt: Attempt
    outcome: Outcome


class PathChanged(NamedTuple):
    """A browser told of another state, of its connection or of ICE, or of another path than it told last.

    `ice_state` and `pair` are None where they are what it told last.
    """

    member: str
    other: str
    report: SideReport
    ice_state: IceState | None
    pair: SelectedPair | None


class Digested(NamedTuple):
    """A digest was taken in; `stats` are bounded already, what was nonsense is UNSET."""

    member: str
    stats: PeerStats


class DeviceFailed(NamedTuple):
    """A browser could not use a device."""

    member: str
    media: str
    reason: str


class ReportRefused(NamedTuple):
    """A report was nonsense in whole (about nobody, or about oneself) or in part; counted, otherwise without effect."""

    reason: Refusal


Fact = Negotiated | Settled | PathChanged | Digested | DeviceFailed | ReportRefused
