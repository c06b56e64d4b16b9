"""The flood limits."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.core.limits import (
    CANDIDATES_PER_WINDOW,
    CHAT_PER_WINDOW,
    DIGEST_EVERY_S,
    DIGESTS_AT_ONCE,
    DROPS_PER_WINDOW,
    OTHER_PER_WINDOW,
    REFUSALS_PER_WINDOW,
    REPORTS_AT_ONCE,
    REPORTS_PER_PEER,
    REPORTS_REFILL_S,
    FloodGuard,
    TokenBucket,
)

NOW = 1_790_000_000.0


def take_all(bucket: TokenBucket, now: float, attempts: int = 10_000) -> int:
    return sum(bucket.take(now) for _ in range(attempts))


def test_the_whole_window_may_come_at_once() -> None:
    assert take_all(TokenBucket(20, 10.0), NOW) == 20


def test_tokens_come_back_evenly() -> None:
    bucket = TokenBucket(20, 10.0)
    take_all(bucket, NOW)
    assert take_all(bucket, NOW + 1) == 2
    assert take_all(bucket, NOW + 1.25) == 0
    assert take_all(bucket, NOW + 1.5) == 1
    assert take_all(bucket, NOW + 1000) == 20


def test_being_refused_costs_nothing() -> None:
    bucket = TokenBucket(1, 10.0)
    assert bucket.take(NOW)
    assert not any(bucket.take(NOW + tenths / 10) for tenths in range(1, 100))
    assert bucket.take(NOW + 10.1)


def test_a_clock_set_back_neither_refills_nor_blocks() -> None:
    bucket = TokenBucket(20, 10.0)
    assert take_all(bucket, NOW, 19) == 19
    assert take_all(bucket, NOW - 3600) == 1
    assert take_all(bucket, NOW - 3600) == 0
    assert take_all(bucket, NOW - 3599) == 2


@given(
    capacity=st.integers(1, 50),
    window=st.floats(0.5, 60),
    steps=st.lists(st.tuples(st.floats(-30, 30), st.integers(1, 30)), max_size=30),
)
def test_no_pattern_gets_more_than_the_capacity_and_what_came_back(
    capacity: int, window: float, steps: list[tuple[float, int]]
) -> None:
    bucket = TokenBucket(capacity, window)
    now, forward, taken = NOW, 0.0, 0
    for step, attempts in steps:
        now += step
        forward += max(step, 0.0)
        got = take_all(bucket, now, attempts)
        assert got <= capacity
        taken += got
        assert taken <= math.floor(capacity + forward * capacity / window + 1e-3)


@given(capacity=st.integers(1, 50), steps=st.lists(st.floats(0, 5), min_size=1, max_size=30))
def test_whoever_keeps_to_the_rate_is_never_refused(capacity: int, steps: list[float]) -> None:
    bucket = TokenBucket(capacity, 10.0)
    now = NOW
    pause = 10.0 / capacity
    for step in steps:
        now += pause * 1.0001 + step
        assert bucket.take(now)


@pytest.mark.parametrize("scale", [1.0, 2.0, 1000.0])
def test_each_kind_is_counted_apart(scale: float) -> None:
    guard = FloodGuard(scale)
    for bucket, per_window in (
        (guard.candidates, CANDIDATES_PER_WINDOW),
        (guard.chat, CHAT_PER_WINDOW),
        (guard.other, OTHER_PER_WINDOW),
        (guard.reports, REPORTS_AT_ONCE),
        (guard.drops, DROPS_PER_WINDOW),
        (guard.digests, DIGESTS_AT_ONCE),
        (guard.refusals, REFUSALS_PER_WINDOW),
    ):
        assert take_all(bucket, NOW, int(per_window * scale) + 5) == per_window * scale


def test_the_limits_are_the_documented_ones() -> None:
    assert (CANDIDATES_PER_WINDOW, CHAT_PER_WINDOW, OTHER_PER_WINDOW) == (200, 20, 60)
    assert (REPORTS_AT_ONCE, REPORTS_PER_PEER, REPORTS_REFILL_S) == (256, 8, 30.0)
    assert (DIGESTS_AT_ONCE, DIGEST_EVERY_S, DROPS_PER_WINDOW) == (2, 8.0, 1000)


def test_reports_are_allowed_for_each_other_in_the_room() -> None:
    reports = FloodGuard(peers=49).reports
    assert take_all(reports, NOW) == 256 + 8 * 49
    assert take_all(reports, NOW + 15) == (256 + 8 * 49) / 2


def test_a_digest_comes_back_every_eight_seconds() -> None:
    digests = FloodGuard().digests
    assert take_all(digests, NOW) == 2
    assert take_all(digests, NOW + 7.9) == 0
    assert take_all(digests, NOW + 8.1) == 1
    assert take_all(digests, NOW + 1000) == 2


def test_a_token_put_back_can_be_taken_again_but_no_bucket_overflows() -> None:
    bucket = TokenBucket(1)
    bucket.give_back()
    assert bucket.take(0.0)
    assert not bucket.take(0.0)
    bucket.give_back()
    assert bucket.take(0.0)
    assert not bucket.take(0.0)


def test_a_guard_keeps_a_bucket_from_its_first_use_on() -> None:
    guard = FloodGuard()
    assert guard.chat is guard.chat
    assert guard.chat is not guard.other
    assert not hasattr(guard, "carrots")
