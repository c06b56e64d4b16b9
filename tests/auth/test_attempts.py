"""How often one may try."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.attempts import AttemptLimiter, FailureLock, RateLimiter, Recent
from auth.errors import BadCredentials, Busy, RateLimited
from observability.addresses import network_of

NOW = 1_790_000_000_000
SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE


def fail(limiter: AttemptLimiter, now: int, *, account: str = "alice", device: str = "d", address: str = "a") -> None:
    with pytest.raises(BadCredentials), limiter.deciding(limiter.login(account, device, address, now)):
        raise BadCredentials


def lock_out(limiter: AttemptLimiter, now: int, *, account: str = "alice") -> None:
    for number in range(5):
        fail(limiter, now, account=account, device=f"attacker-{number}", address=f"203.0.113.{number}")


def test_five_failures_are_free_then_the_wait_doubles_up_to_fifteen_minutes() -> None:
    lock, now = FailureLock(5), NOW
    waits: list[float] = []
    while len(waits) < 16:
        wait = lock.take("alice", now)
        if wait:
            waits.append(wait)
            now += round(wait * SECOND)
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900, 900, 900, 900]
    fresh = FailureLock(5)
    assert [fresh.take("alice", NOW) for _ in range(6)] == [0, 0, 0, 0, 0, 1]


def test_asking_during_a_lock_does_not_make_it_longer() -> None:
    lock = FailureLock(1)
    lock.take("alice", NOW)
    for _ in range(100):
        assert lock.take("alice", NOW + 500) == 0.5
    assert lock.take("alice", NOW + SECOND) == 0


def test_an_hour_without_failures_clears_the_slate() -> None:
    lock = FailureLock(5)
    now = NOW
    for _ in range(17):
        now += round(lock.take("alice", now) * SECOND)
    assert lock.take("alice", now) > 60
    for _ in range(5):
        assert lock.take("alice", now + HOUR) == 0


def test_the_sixth_guess_waits_whatever_the_address_and_whether_the_name_exists_or_not() -> None:
    for account in ("alice", "nobody"):
        limiter = AttemptLimiter()
        lock_out(limiter, NOW, account=account)
        sixth = limiter.login(account, "attacker-9", "203.0.113.9", NOW)
        assert sixth.retry_after == 1
        with pytest.raises(RateLimited) as refused, limiter.deciding(sixth):
            pytest.fail("the attempt was made")
        assert (refused.value.code, refused.value.status, refused.value.retry_after) == ("rate_limited", 429, 1)


def test_parallel_guesses_count_before_they_are_decided() -> None:
    limiter = AttemptLimiter()
    admitted = [limiter.login("alice", "d", "a", NOW) for _ in range(20)]
    assert [attempt.retry_after == 0 for attempt in admitted] == [True] * 5 + [False] * 15


def test_success_resets_the_account() -> None:
    limiter = AttemptLimiter()
    for _ in range(3):
        for _ in range(4):
            fail(limiter, NOW)
        with limiter.deciding(limiter.login("alice", "d", "a", NOW)):
            pass


def test_an_attempt_that_decides_nothing_is_taken_back() -> None:
    limiter = AttemptLimiter()
    for _ in range(20):
        with pytest.raises(Busy), limiter.deciding(limiter.login("alice", "d", "a", NOW)):
            raise Busy


def test_going_away_before_the_answer_counts() -> None:
    limiter = AttemptLimiter()
    for _ in range(5):
        with pytest.raises(KeyboardInterrupt), limiter.deciding(limiter.login("alice", "d", "a", NOW)):
            raise KeyboardInterrupt
    assert limiter.login("alice", "d", "a", NOW).retry_after > 0


def test_an_attack_does_not_lock_out_a_device_that_signed_in_before() -> None:
    limiter = AttemptLimiter()
    limiter.remember("alice", "laptop")
    now = NOW
    for _ in range(101):  # strangers take every chance there is, the last one just now
        attempt = limiter.login("alice", "stranger", "203.0.113.7", now)
        now += round(attempt.retry_after * SECOND)
    assert limiter.login("alice", "stranger", "198.51.100.1", now).retry_after > 0
    with limiter.deciding(limiter.login("alice", "laptop", "192.0.2.1", now)):
        pass
    # and the owner's success gives the strangers no new chances
    assert limiter.login("alice", "stranger", "198.51.100.1", now).retry_after > 0


def test_whoever_knows_a_familiar_device_id_is_slowed_down_too() -> None:
    limiter = AttemptLimiter()
    limiter.remember("alice", "laptop")
    for _ in range(5):
        fail(limiter, NOW, device="laptop")
    assert limiter.login("alice", "laptop", "a", NOW).retry_after == 1


def test_thirty_sign_ins_a_minute_from_one_address_whatever_the_names() -> None:
    limiter = AttemptLimiter()
    for number in range(30):
        assert limiter.login(f"user-{number}", "d", "192.0.2.1", NOW).retry_after == 0
    assert limiter.login("user-30", "d", "192.0.2.1", NOW).retry_after == 2
    assert limiter.login("user-30", "d", "192.0.2.2", NOW).retry_after == 0
    assert limiter.login("user-31", "d", "192.0.2.1", NOW + 2 * SECOND).retry_after == 0


def test_an_address_over_its_limit_does_not_lock_the_accounts_it_tries() -> None:
    limiter = AttemptLimiter()
    for number in range(30):
        limiter.login(f"user-{number}", "d", "192.0.2.1", NOW)
    for _ in range(20):
        assert limiter.login("alice", "d", "192.0.2.1", NOW).retry_after > 0
    for _ in range(5):
        fail(limiter, NOW, address="192.0.2.2")


def test_registrations_refreshes_and_changes_of_password_have_limits() -> None:
    limiter = AttemptLimiter()
    assert [limiter.register("a", NOW).retry_after == 0 for _ in range(31)] == [True] * 30 + [False]
    assert [limiter.refresh("a", NOW).retry_after == 0 for _ in range(121)] == [True] * 120 + [False]
    assert [limiter.password(7, NOW).retry_after == 0 for _ in range(6)] == [True] * 5 + [False]
    assert limiter.password(8, NOW).retry_after == 0


def test_scale_multiplies_every_limit() -> None:
    limiter = AttemptLimiter(scale=10)
    assert [limiter.login("alice", "d", "a", NOW).retry_after == 0 for _ in range(51)] == [True] * 50 + [False]
    assert sum(limiter.register("a", NOW).retry_after == 0 for _ in range(400)) == 300
    assert sum(limiter.refresh("a", NOW).retry_after == 0 for _ in range(1300)) == 1200


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("not an address", "not an address"),
    ],
)
def test_one_visitor_is_an_ipv4_address_or_an_ipv6_network(address: str, key: str) -> None:
    assert network_of(address) == key


def test_memory_is_bounded_and_keeps_what_was_used_last() -> None:
    recent: Recent[int] = Recent(3)
    for number in range(3):
        recent.put(number, number)
    recent.get(0)
    recent.put(3, 3)
    assert len(recent) == 3
    assert [number in recent for number in range(4)] == [True, False, True, True]


@given(
    limit=st.integers(1, 50),
    period=st.integers(1, 100_000),
    steps=st.lists(st.integers(0, 20_000), max_size=200),
)
def test_no_window_admits_more_than_burst_and_refill(limit: int, period: int, steps: list[int]) -> None:
    limiter, now, admitted = RateLimiter(limit, period), NOW, []
    for step in steps:
        now += step
        if limiter.take("key", now) == 0:
            admitted.append(now)
    for first, start in enumerate(admitted):
        for last, end in enumerate(admitted[first:], start=first):
            assert last - first + 1 <= limit + (end - start) * limit / period + 1e-6


@given(limit=st.integers(1, 50), period=st.integers(50, 100_000), steps=st.lists(st.integers(0, 5_000), max_size=100))
def test_whoever_waits_as_told_is_admitted(limit: int, period: int, steps: list[int]) -> None:
    limiter, now = RateLimiter(limit, period), NOW
    for step in steps:
        now += step
        wait = limiter.take("key", now)
        if wait:
            now += int(wait * SECOND) + 1
            assert limiter.take("key", now) == 0


@given(free=st.integers(1, 10), steps=st.lists(st.integers(0, 30 * MINUTE), max_size=60))
def test_no_lock_is_longer_than_fifteen_minutes(free: int, steps: list[int]) -> None:
    lock, now = FailureLock(free), NOW
    for step in steps:
        now += step
        wait = lock.take("key", now)
        assert 0 <= wait <= 15 * 60
        if wait:
            now += round(wait * SECOND)
            assert lock.take("key", now) == 0


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 2_000)), max_size=300))
def test_limiters_never_hold_more_keys_than_they_may(steps: list[tuple[int, int]]) -> None:
    limiter, lock, now = RateLimiter(3, 1_000, capacity=8), FailureLock(2, capacity=8), NOW
    for key, step in steps:
        now += step
        limiter.take(key, now)
        lock.take(key, now)
    assert len(limiter._due) <= 8
    assert len(lock._failures) <= 8
