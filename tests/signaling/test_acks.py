"""Acknowledgements come late enough to tell of many frames, and never all in one moment."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

import pytest

from signaling import acks
from signaling.acks import DELAY_S, Acks

if TYPE_CHECKING:
    from signaling.session import Session


class Told:
    """A session that counts how often it acknowledged."""

    def __init__(self) -> None:
        self.times = 0
        self.ack_is_due = False

    def acknowledge(self) -> None:
        self.times += 1


class Timer:
    """Time that passes when it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        self._calls: list[tuple[float, Callable[[], object]]] = []
        monkeypatch.setattr(acks, "_now", lambda: self.now)

    def later(self, delay: float, call: Callable[[], object]) -> None:
        self._calls.append((self.now + delay, call))

    def pass_until(self, moment: float) -> None:
        while self._calls and self._calls[0][0] <= moment:
            self.now, call = self._calls.pop(0)
            call()
        self.now = moment

    @property
    def waiting(self) -> int:
        return len(self._calls)


@pytest.fixture
def timer(monkeypatch: pytest.MonkeyPatch) -> Timer:
    """Time in the test's hands."""
    return Timer(monkeypatch)


def owing(owed: Acks, count: int) -> list[Told]:
    sessions = [Told() for _ in range(count)]
    for session in sessions:
        owed.owe(cast("Session", session))
    return sessions


def test_many_frames_are_acknowledged_once_after_the_delay(timer: Timer) -> None:
    owed = Acks(timer.later)
    [session] = owing(owed, 1)
    timer.pass_until(100 + DELAY_S - 0.1)
    assert session.ack_is_due
    assert session.times == 0
    timer.pass_until(100 + DELAY_S)
    assert session.times == 1
    assert not session.ack_is_due
    assert timer.waiting == 0


def test_those_that_are_due_together_are_told_a_few_at_a_time(timer: Timer) -> None:
    owed = Acks(timer.later)
    sessions = owing(owed, 400)
    timer.pass_until(100 + DELAY_S)
    assert 0 < sum(session.times for session in sessions) <= 100
    timer.pass_until(100 + 2.5 * DELAY_S)
    assert [session.times for session in sessions] == [1] * 400
    assert timer.waiting == 0


def test_who_came_later_is_told_later(timer: Timer) -> None:
    owed = Acks(timer.later)
    [first] = owing(owed, 1)
    timer.pass_until(100.3)
    [second] = owing(owed, 1)
    timer.pass_until(100.7)
    assert (first.times, second.times) == (1, 0)
    timer.pass_until(100.9)
    assert (first.times, second.times) == (1, 1)


def test_who_left_is_told_nothing(timer: Timer) -> None:
    owed = Acks(timer.later)
    sessions = owing(owed, 2)
    owed.forget(cast("Session", sessions[0]))
    owed.forget(cast("Session", sessions[0]))
    timer.pass_until(102)
    assert [session.times for session in sessions] == [0, 1]


def test_there_is_one_timer_however_often_all_left(timer: Timer) -> None:
    owed = Acks(timer.later)
    for _ in range(3):
        [session] = owing(owed, 1)
        owed.forget(cast("Session", session))
    owing(owed, 1)
    assert timer.waiting == 1
