"""How often a password may be tried."""

from __future__ import annotations

from signaling.attempts import PasswordAttempts


def test_tries_run_out_per_key_and_come_back_with_time() -> None:
    attempts = PasswordAttempts()
    assert [attempts.take("a", 0.0) for _ in range(11)] == [True] * 10 + [False]
    assert attempts.take("b", 0.0)
    attempts.give_back("a")
    attempts.give_back("unknown")
    assert [attempts.take("a", 0.0) for _ in range(2)] == [True, False]
    assert [attempts.take("a", 6.0) for _ in range(2)] == [True, False]


def test_memory_is_bounded() -> None:
    attempts = PasswordAttempts(scale=0.1, capacity=2)
    assert attempts.take("a", 0.0)
    assert not attempts.take("a", 0.0)
    attempts.take("b", 0.0)
    attempts.take("c", 0.0)
    assert attempts.take("a", 0.0)  # forgotten meanwhile
