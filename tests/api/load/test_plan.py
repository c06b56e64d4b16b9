"""What is left out of a plan is filled in so that it fits together."""

from __future__ import annotations

import pytest

from api.load.plan import Plan, PlanError, make_plan


def plan(pairs: int | None = None, rooms: int | None = None, members: int | None = None) -> Plan:
    return make_plan(pairs, rooms, members, seconds=10, candidates=2, chat=0.5, joins=5)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ((None, None, None), (10, 10, 2)),
        ((40, None, None), (40, 40, 2)),
        ((None, 7, None), (7, 7, 2)),
        ((40, 10, None), (40, 10, 8)),
        ((41, 10, None), (41, 10, 10)),
        ((None, 2, 5), (4, 2, 5)),
        ((12, None, 8), (12, 3, 8)),
        ((13, None, 8), (13, 4, 8)),
        ((1, 3, None), (1, 3, 2)),
        ((2, 2, 6), (2, 2, 6)),
    ],
)
def test_what_comes_of_what_was_given(
    given: tuple[int | None, int | None, int | None], wanted: tuple[int, int, int]
) -> None:
    made = plan(*given)
    assert (made.pairs, made.rooms, made.members) == wanted
    assert sum(made.pairs_in(room) for room in range(made.rooms)) == made.pairs
    assert all(2 * made.pairs_in(room) <= made.members for room in range(made.rooms))


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(PlanError, match="10 pairs in 2 rooms need 10 members in a room, not 4"):
        plan(10, 2, 4)
    with pytest.raises(PlanError, match="50 members at most"):
        plan(100, 2)
    with pytest.raises(PlanError, match="500 rooms at most, not 501"):
        plan(501)


def test_how_much_it_is() -> None:
    made = plan(40, 10)
    assert made.people == 80
    assert made.frames_per_second == 200
