"""Records of calls, made by hand: two people, Ann and Bob, and what one says of them."""

from __future__ import annotations

from typing import Any

from signaling.core.calls.record import (
    Attempt,
    CallRecord,
    Event,
    EventKind,
    LeaveReason,
    MemberRecord,
    PairRecord,
    Quality,
    SideReport,
)
from signaling.core.messages import CandidateCounts, SelectedPair

T0 = 1_790_000_000_000
"""When the calls here begin: milliseconds since 1970 UTC."""
MINUTE = 60_000
HOST = CandidateCounts(host=2)
SRFLX = CandidateCounts(host=2, srflx=1)
RELAY = CandidateCounts(host=2, srflx=1, relay=1)
NONE = CandidateCounts()
DIRECT = SelectedPair(local="host", remote="srflx", protocol="udp", family="v4")
OVER_UDP = SelectedPair(local="relay", remote="srflx", protocol="udp", relayProtocol="udp")
OVER_TLS = SelectedPair(local="relay", remote="relay", protocol="udp", relayProtocol="tls")


def member(
    member_id: str, name: str, *, left: int | None = 10 * MINUTE, reason: LeaveReason | None = "left", **more: Any
) -> MemberRecord:
    """Make someone who came at the start and left after `left` milliseconds; None: who is still there."""
    left_at = None if left is None else T0 + left
    fields: dict[str, Any] = {"role": "member", "joined_at": T0, "left_at": left_at}
    return MemberRecord(id=member_id, name=name, leave_reason=None if left is None else reason, **(fields | more))


def event(kind: EventKind, at: int, member_id: str = "", other: str = "", detail: str = "") -> Event:
    """Make an event `at` milliseconds after the start."""
    return Event(at=T0 + at, kind=kind, member=member_id, other=other, detail=detail)


def report(state: str = "failed", local: CandidateCounts | None = SRFLX, *errors: int, **more: Any) -> SideReport:
    """Make what a browser says of an attempt: by default that it failed, after both sides told their candidates."""
    fields: dict[str, Any] = {"ice_state": None, "remote": SRFLX, "at": T0 + 15_000}
    return SideReport(state=state, local=local, server_errors=list(errors), **(fields | more))  # type: ignore[arg-type]


def attempt(
    outcome: str = "failed",
    a: SideReport | None = None,
    b: SideReport | None = None,
    *,
    at: int = 1_000,
    lasted: int | None = 15_000,
    **more: Any,
) -> Attempt:
    """Make an attempt that Bob offered `at` milliseconds after the start and Ann answered."""
    fields: dict[str, Any] = {
        "kind": "initial",
        "offered_by": "bob",
        "answered_at": T0 + at + 100,
        "relayed": {"ann": SRFLX, "bob": SRFLX},
        "settled_at": None if lasted is None else T0 + at + lasted,
    }
    fields["reports"] = {member_id: told for member_id, told in (("ann", a), ("bob", b)) if told is not None}
    return Attempt(started_at=T0 + at, outcome=outcome, **(fields | more))  # type: ignore[arg-type]


def connected(at: int = 1_000, lasted: int = 800, path: SelectedPair | None = DIRECT, **more: Any) -> Attempt:
    """Make an attempt that found a path."""
    told = report("connected", SRFLX, ice_state="connected", pair=path, at=T0 + at + lasted)
    return attempt("connected", told, told, at=at, lasted=lasted, **more)


def pair(*attempts: Attempt, **more: Any) -> PairRecord:
    """Make the pair of Ann and Bob; its outcome is that of the last settled attempt."""
    settled = [one for one in attempts if one.outcome != "connecting"]
    first = next((one.settled_at for one in attempts if one.outcome == "connected"), None)
    fields: dict[str, Any] = {
        "a": "ann",
        "b": "bob",
        "connected_at": first,
        "outcome": settled[-1].outcome if settled else "connecting",
    }
    return PairRecord(attempts=list(attempts), **(fields | more))


def quality(**more: Any) -> Quality:
    """Make ten minutes of good media over a direct path."""
    fields: dict[str, Any] = {
        "digests": 60,
        "rtt_ms": (40.0, 90.0),
        "jitter_ms": (5.0, 20.0),
        "loss_in": (0.001, 0.01),
        "loss_out": (0.001, 0.01),
        "bitrate_in": 1e6,
        "bitrate_out": 1e6,
        "pair": DIRECT,
    }
    return Quality(**(fields | more))


def call(*pairs: PairRecord, **more: Any) -> CallRecord:
    """Make a call of Ann and Bob that lasted ten minutes."""
    fields: dict[str, Any] = {
        "id": "0123456789abcdef" * 2,
        "room": "team",
        "node": "node-1",
        "started_at": T0,
        "ended_at": T0 + 10 * MINUTE,
        "members": [member("ann", "Ann"), member("bob", "Bob")],
        "pairs": list(pairs),
    }
    return CallRecord(**(fields | more))


def judged(*attempts: Attempt, **more: Any) -> CallRecord:
    """Make a call whose only pair had these attempts."""
    return call(pair(*attempts), **more)


def measured(ann: Quality | None = None, bob: Quality | None = None, **more: Any) -> CallRecord:
    """Make a call that connected at once, with what the two browsers measured."""
    told = {member_id: one for member_id, one in (("ann", ann), ("bob", bob)) if one is not None}
    return call(pair(connected(), quality=told), **more)
