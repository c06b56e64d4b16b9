"""Records of calls as Hypothesis draws them: of the right shape, but what their parts say need not fit together."""

from __future__ import annotations

from typing import Any, get_args

from hypothesis import strategies as st

from signaling.core.calls.record import (
    Attempt,
    AttemptKind,
    CallRecord,
    Event,
    EventKind,
    LeaveReason,
    MemberRecord,
    Outcome,
    PairRecord,
    Quality,
    SideReport,
)
from signaling.core.messages import (
    CandidateCounts,
    CandidateType,
    IceState,
    MediaKind,
    PathState,
    RelayProtocol,
    SelectedPair,
)

_IDS = st.sampled_from(["ann", "bob", "cem", ""])
_TIMES = st.integers(0, 100).map(lambda seconds: 1_790_000_000_000 + 1_000 * seconds)
_COUNTS = st.builds(CandidateCounts, *[st.integers(0, 2)] * 4)
_MEANS = st.none() | st.tuples(st.floats(0, 1_000), st.floats(0, 1_000))
_TEXTS = st.sampled_from(["", "{who}", "%s", "room_full", "permission", "restart", "🎉 Ünal"])


def _one_of(literal: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from(get_args(literal))


def _few(drawn: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(drawn, max_size=3)


def _by_member(drawn: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(_IDS, drawn, max_size=2)


_PATHS = st.builds(
    SelectedPair,
    local=st.none() | _one_of(CandidateType),
    remote=st.none() | _one_of(CandidateType),
    relayProtocol=st.none() | _one_of(RelayProtocol),
)
_REPORTS = st.builds(
    SideReport,
    state=_one_of(PathState),
    ice_state=st.none() | _one_of(IceState),
    at=st.just(0) | _TIMES,
    local=st.none() | _COUNTS,
    remote=st.none() | _COUNTS,
    server_errors=_few(st.sampled_from([401, 486, 701, 0, -1])),
    pair=st.none() | _PATHS,
)
_ATTEMPTS = st.builds(
    Attempt,
    kind=_one_of(AttemptKind),
    started_at=_TIMES,
    offered_by=_IDS,
    answered_at=st.none() | _TIMES,
    settled_at=st.none() | _TIMES,
    outcome=_one_of(Outcome),
    relayed=_by_member(_COUNTS),
    reports=_by_member(_REPORTS),
)
_QUALITIES = st.builds(
    Quality,
    digests=st.integers(0, 10),
    rtt_ms=_MEANS,
    jitter_ms=_MEANS,
    loss_in=_MEANS,
    loss_out=_MEANS,
    bitrate_in=st.none() | st.floats(0, 1e7),
    bitrate_out=st.none() | st.floats(0, 1e7),
    frozen_ms=st.floats(0, 1e6),
    limited_by_cpu=st.integers(0, 10),
    limited_by_bandwidth=st.integers(0, 10),
    pair=st.none() | _PATHS,
)
_PAIRS = st.builds(
    PairRecord,
    a=_IDS,
    b=_IDS,
    attempts=_few(_ATTEMPTS),
    more_attempts=st.integers(0, 1),
    connected_at=st.none() | _TIMES,
    outcome=_one_of(Outcome),
    quality=_by_member(_QUALITIES),
)
_MEMBERS = st.builds(
    MemberRecord,
    id=_IDS,
    name=_TEXTS,
    role=st.just("member"),
    joined_at=_TIMES,
    kind=st.sampled_from(["person", "recorder"]),
    left_at=st.none() | _TIMES,
    leave_reason=st.none() | _one_of(LeaveReason),
    losses=st.integers(0, 4),
    media_errors=st.dictionaries(_one_of(MediaKind), _TEXTS, max_size=2),
)
_EVENTS = st.builds(Event, at=_TIMES, kind=_one_of(EventKind), member=_IDS, other=_IDS, detail=_TEXTS)


def records() -> st.SearchStrategy[CallRecord]:
    """Draw any record."""
    return st.builds(
        CallRecord,
        id=st.just("0123456789abcdef" * 2),
        room=st.just("team"),
        node=st.just("node-1"),
        started_at=_TIMES,
        ended_at=st.none() | _TIMES,
        turn=st.booleans(),
        stun=st.booleans(),
        members=_few(_MEMBERS),
        pairs=_few(_PAIRS),
        events=_few(_EVENTS),
        more_members=st.integers(0, 2),
        more_pairs=st.integers(0, 2),
        more_events=st.integers(0, 2),
        more_failed=st.integers(0, 2),
        interrupted=st.booleans(),
    )
