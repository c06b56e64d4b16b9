"""A timeline at rest, as one node hands it to another. Plain data: MessagePack carries it, fields may be added later.

A record holds its parts by reference and so do those who write it. Here they stand in the record once, and everyone
else names their place in it; what has no place in the record stands beside it.
"""

from __future__ import annotations

from msgspec import Struct

from signaling.core.calls.record import Attempt, CallRecord, MemberRecord, PairRecord, Quality


class FrozenPresence(Struct, frozen=True, kw_only=True):
    """Someone who is in. `member` is set where the record has no place for them."""

    id: str
    order: int
    reports: bool
    lost: bool
    member: MemberRecord | None = None


class FrozenDigests(Struct, frozen=True, kw_only=True):
    """What was summed up of one browser; `quality` is set where it was dropped from the record."""

    means: list[tuple[int, float, float]]
    """Count, mean and worst of each number."""
    quality: Quality | None = None


class FrozenOffer(Struct, frozen=True, kw_only=True):
    """An offer that waits for its answer."""

    connection: str
    at: int
    attempt: int | None
    glare: bool


class FrozenAttempts(Struct, frozen=True, kw_only=True):
    """The attempts of a pair: numbers count those in its record first, then `others`."""

    others: list[Attempt]
    newest: int | None
    untold: int | None
    deadline: float
    connections: dict[str, int]
    reporting: set[str]
    connected: set[str]
    failed: set[str]
    broken: set[str]
    flowing: set[str]


class FrozenPair(Struct, frozen=True, kw_only=True):
    """Two who are in. `record` is set where the call's record has no place for the pair, else `place` is its number."""

    place: int | None
    record: PairRecord | None
    attempts: FrozenAttempts
    offers: dict[str, FrozenOffer]
    ufrags: dict[str, str]
    announced: set[str]
    digests: dict[str, FrozenDigests]


class FrozenTimeline(Struct, frozen=True, kw_only=True):
    """A call's record, and what its timeline knows beside it."""

    record: CallRecord
    at: int
    joins: int
    left: dict[str, int]
    present: list[FrozenPresence]
    pairs: list[FrozenPair]
