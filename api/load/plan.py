"""What a load test is to do, put together from what was asked for."""

from __future__ import annotations

from msgspec import Struct

MOST_MEMBERS = 50
"""What a room admits at most."""
MOST_ROOMS = 500
"""What an account may own."""
_PAIRS = 10


class PlanError(ValueError):
    """What was asked for does not fit together; the message says why."""


class Plan(Struct, frozen=True, rename="camel"):
    """So many rooms with so many members each. The first of them in pairs exchange frames, the rest listen."""

    rooms: int
    members: int
    pairs: int
    seconds: float
    candidates: float
    """Per second and member of a pair."""
    chat: float
    """Messages per second and member of a pair."""
    joins: float
    """How many members come in per second."""

    @property
    def people(self) -> int:
        """All members of all rooms."""
        return self.rooms * self.members

    @property
    def frames_per_second(self) -> float:
        """What the server receives."""
        return 2 * self.pairs * (self.candidates + self.chat)

    def pairs_in(self, room: int) -> int:
        """How many pairs of a room, counted from 0, exchange frames."""
        return self.pairs // self.rooms + (room < self.pairs % self.rooms)


def make_plan(
    pairs: int | None,
    rooms: int | None,
    members: int | None,
    *,
    seconds: float,
    candidates: float,
    chat: float,
    joins: float,
) -> Plan:
    """Fill in what was left out: rooms of two, unless there are more pairs than rooms. Raises `PlanError`."""
    if pairs is None:
        pairs = _PAIRS if rooms is None else rooms * ((members or 2) // 2)
    if rooms is None:
        rooms = -(-pairs // ((members or 2) // 2))
    in_one = -(-pairs // rooms)
    if members is None:
        members = 2 * in_one
    if 2 * in_one > members:
        raise PlanError(f"{pairs} pairs in {rooms} rooms need {2 * in_one} members in a room, not {members}")
    if rooms > MOST_ROOMS:
        raise PlanError(f"an account has {MOST_ROOMS} rooms at most, not {rooms}: ask for more members in each")
    if members > MOST_MEMBERS:
        raise PlanError(f"a room has {MOST_MEMBERS} members at most, not {members}: ask for more rooms")
    return Plan(rooms, members, pairs, seconds, candidates, chat, joins)
