"""Sessions without a connection: counted, and over in the order in which they were lost."""

from __future__ import annotations

from typing import cast

from signaling.session import Session
from signaling.sessions import ResumableSessions


class Known:
    """A session of which the token matters."""

    def __init__(self, token: str) -> None:
        self.token = token


def test_those_of_other_nodes_are_over_in_the_order_in_which_they_were_lost() -> None:
    sessions = ResumableSessions(30.0)
    first, second, third, there = (cast("Session", Known(token)) for token in "abcd")
    sessions.lose(second, 2.0)
    sessions.take_in(third, 3.0)
    sessions.take_in(first, 1.0)
    sessions.take_in(there, None)
    assert sessions.count_lost() == 3
    assert sessions.overdue(30.9) == []
    assert sessions.overdue(32.0) == [first, second]
    assert sessions.overdue(40.0) == [first, second, third]
    assert sessions.find("d") is there
