"""Names, numbers and times in words."""

from __future__ import annotations

import pytest

from signaling.core.calls.record import CallRecord
from signaling.core.calls.words import Names, count_people, counted, duration, listed, percent, times
from tests.signaling.core.calls.records import MINUTE, T0, call, member


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (-5, "0.0 s"),
        (0, "0.0 s"),
        (420, "0.4 s"),
        (9_949, "9.9 s"),
        (9_951, "10 s"),
        (59_400, "59 s"),
        (59_600, "1 min"),
        (59.4 * MINUTE, "59 min"),
        (59.6 * MINUTE, "1 h 00 min"),
        (125 * MINUTE, "2 h 05 min"),
    ],
)
def test_a_length_of_time_is_read_at_a_glance(milliseconds: float, text: str) -> None:
    assert duration(milliseconds) == text


def test_words_are_listed() -> None:
    assert [listed(words) for words in ([], ["A"], ["A", "B"], ["A", "B", "C"])] == ["", "A", "A and B", "A, B and C"]


def test_numbers_are_told_in_words() -> None:
    assert [counted(number, "person", "people") for number in (0, 1, 2)] == ["0 people", "1 person", "2 people"]
    assert [times(1), times(2), percent(0.084)] == ["once", "2 times", "8 %"]


def test_a_name_stands_alone_unless_it_is_not_the_only_one() -> None:
    names = Names([member("aaaaaaa", "Sam"), member("bbbbbbb", "Sam"), member("ccccccc", "Kim"), member("ddddddd", "")])
    assert names.of("aaaaaaa") == "Sam (aaaa)"
    assert names.listed(["ccccccc", "bbbbbbb"]) == "Kim and Sam (bbbb)"
    assert names.of("ddddddd") == "someone (dddd)"
    assert names.of("eeeeeee") == "someone (eeee)"


BACK_LATER = call(
    members=[
        member("a", "Ann", left=None),
        member("b1", "Bob", left=MINUTE, reason="lost"),
        member("b2", "Bob", joined_at=T0 + 2 * MINUTE),
    ]
)
TWO_BOBS = call(members=[member("b1", "Bob"), member("b2", "Bob", joined_at=T0 + 2 * MINUTE)])
CLOCK_SET_BACK = call(members=[member("a", "Ann", left=-MINUTE)])
WITH_A_RECORDER = call(members=[member("a", "Ann"), member("r", "Recorder", kind="recorder")], more_members=2)


@pytest.mark.parametrize(
    ("record", "people"),
    [(call(members=[]), 0), (BACK_LATER, 2), (TWO_BOBS, 2), (CLOCK_SET_BACK, 1), (WITH_A_RECORDER, 3)],
)
def test_people_are_counted_once_however_often_they_came(record: CallRecord, people: int) -> None:
    assert count_people(record) == people
