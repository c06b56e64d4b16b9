"""Names and rooms: taken, kept, given up, lost."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from signaling.bus.courier import Sender
from signaling.cluster.ownership import NameTaken, Ownership
from signaling.cluster.store import ClusterStore
from tests.signaling.cluster.town import Ledger, NoDatabase
from tests.signaling.fakes import settle

A, A2, B = Sender("a", "1"), Sender("a", "2"), Sender("b", "1")
ROOM = "standup"


class Desk:
    """The ownership of one node, with time and the bus as the test wishes."""

    def __init__(self, ledger: Ledger, me: Sender) -> None:
        self.ledger = ledger
        self.now = 1000.0
        self.heard: set[Sender] = set()
        self.used: set[str] = set()
        self.slept = 0.0
        self.twin: Desk | None = None
        """Another node of the same name, which shows itself every other second."""
        self.rooms = Ownership(
            cast("ClusterStore", ledger), me, self.heard.__contains__, lambda: self.now, self._pass_time
        )

    async def review(self) -> set[str]:
        return await self.rooms.review(lambda: self.used)

    async def _pass_time(self, seconds: float) -> None:
        self.now += seconds
        self.slept += seconds
        if self.twin is not None and self.slept % 2 == 0:
            self.twin.now = self.now
            await self.twin.rooms.hold()


@pytest.fixture
def ledger() -> Ledger:
    """An empty database."""
    return Ledger()


@pytest.fixture
def desk(ledger: Ledger) -> Desk:
    """The node a."""
    return Desk(ledger, A)


async def test_a_free_name_is_taken_at_once(desk: Desk) -> None:
    await desk.rooms.take_name()
    assert desk.slept == 0


async def test_the_name_of_a_node_that_crashed_is_free_after_a_while(desk: Desk, ledger: Ledger) -> None:
    ledger.nodes["a"] = "0", 999_000
    await desk.rooms.take_name()
    assert desk.slept == pytest.approx(9.0)
    assert ledger.nodes["a"][0] == "1"


async def test_the_name_of_a_node_that_runs_is_refused_in_words(desk: Desk, ledger: Ledger) -> None:
    twin = Desk(ledger, A2)
    await twin.rooms.take_name()
    desk.twin = twin
    with pytest.raises(NameTaken, match="another node named a is running; give each its own NODE_ID"):
        await desk.rooms.take_name()
    assert desk.slept < 5


async def test_a_room_is_claimed_once_for_all_who_ask(desk: Desk, ledger: Ledger) -> None:
    await desk.rooms.take_name()
    assert ROOM not in desk.rooms
    owners = await asyncio.gather(*(desk.rooms.owner_of(ROOM) for _ in range(5)))
    assert owners == [A] * 5
    assert ledger.claims == 1
    assert ROOM in desk.rooms


async def test_a_node_that_is_heard_keeps_its_room_whatever_the_database_says(desk: Desk, ledger: Ledger) -> None:
    await desk.rooms.take_name()
    ledger.rooms[ROOM] = B
    ledger.nodes["b"] = "1", 0
    desk.heard.add(B)
    assert await desk.rooms.owner_of(ROOM) == B
    desk.heard.clear()
    assert await desk.rooms.owner_of(ROOM) == A


async def test_a_node_that_is_not_heard_keeps_its_room_for_ten_seconds(desk: Desk, ledger: Ledger) -> None:
    await desk.rooms.take_name()
    ledger.rooms[ROOM] = B
    ledger.nodes["b"] = "1", 1_000_000
    desk.now += 9.9
    assert await desk.rooms.owner_of(ROOM) == B
    desk.now += 0.1
    assert await desk.rooms.owner_of(ROOM) == A


async def test_a_room_that_nobody_uses_is_given_up(desk: Desk, ledger: Ledger) -> None:
    await desk.rooms.take_name()
    await desk.rooms.owner_of(ROOM)
    desk.used = {ROOM}
    assert await desk.review() == set()
    assert ROOM in desk.rooms
    desk.used = set()
    assert await desk.review() == set()
    assert ROOM not in desk.rooms
    assert ledger.rooms == {}


async def test_a_room_that_was_taken_is_told_once(desk: Desk, ledger: Ledger) -> None:
    await desk.rooms.take_name()
    await desk.rooms.owner_of(ROOM)
    desk.used = {ROOM}
    ledger.rooms[ROOM] = B
    assert await desk.review() == {ROOM}
    assert ROOM not in desk.rooms
    assert await desk.review() == set()
    assert ledger.rooms == {ROOM: B}


async def test_a_claim_waits_for_the_release_of_the_same_room(desk: Desk, ledger: Ledger) -> None:
    await desk.rooms.take_name()
    await desk.rooms.owner_of(ROOM)
    ledger.deletes.clear()
    reviewing = asyncio.create_task(desk.review())
    await settle()
    assert ROOM not in desk.rooms, "whoever comes now has to ask"
    claim = asyncio.create_task(desk.rooms.owner_of(ROOM))
    await settle()
    assert not claim.done()
    ledger.deletes.set()
    assert await claim == A
    await reviewing
    assert ROOM in desk.rooms
    assert ledger.rooms == {ROOM: A}


async def test_a_room_claimed_during_a_review_was_not_taken(desk: Desk, ledger: Ledger) -> None:
    await desk.rooms.take_name()
    owned = await ledger.owned(A)
    answer: asyncio.Future[set[str]] = asyncio.get_running_loop().create_future()
    ledger.owned = lambda _: answer  # type: ignore[assignment,method-assign,return-value]
    reviewing = asyncio.create_task(desk.review())
    await settle()
    await desk.rooms.owner_of(ROOM)
    answer.set_result(owned)
    assert await reviewing == set()
    assert ROOM in desk.rooms


async def test_a_release_that_fails_is_tried_again(desk: Desk, ledger: Ledger) -> None:
    await desk.rooms.take_name()
    await desk.rooms.owner_of(ROOM)
    ledger.deletes.clear()
    reviewing = asyncio.create_task(desk.review())
    await settle()
    ledger.down = True
    ledger.deletes.set()
    with pytest.raises(NoDatabase):
        await reviewing
    ledger.down = False
    assert ROOM in desk.rooms
    await desk.review()
    assert ledger.rooms == {}


async def test_one_who_leaves_waits_for_nothing(desk: Desk, ledger: Ledger) -> None:
    await desk.rooms.take_name()
    await desk.rooms.owner_of(ROOM)
    ledger.gate.clear()
    claim = asyncio.create_task(desk.rooms.owner_of("another"))
    await settle()
    ledger.gate.set()
    await desk.rooms.leave()
    assert (ledger.rooms, ledger.nodes) == ({}, {})
    with pytest.raises(asyncio.CancelledError):
        await claim


async def test_rooms_that_live_elsewhere(desk: Desk, ledger: Ledger) -> None:
    other = Desk(ledger, B)
    for node, room in ((desk, "here"), (other, ROOM)):
        await node.rooms.take_name()
        await node.rooms.owner_of(room)
    assert await desk.rooms.homes(["here", ROOM, "nowhere"]) == {ROOM: B}
    assert await desk.rooms.homes([]) == {}


@pytest.mark.parametrize(("heard", "lives"), [(True, {ROOM: B}), (False, {})])
async def test_a_room_lives_as_long_as_its_node_is_seen_or_heard(
    desk: Desk, ledger: Ledger, heard: bool, lives: dict[str, Sender]
) -> None:
    other = Desk(ledger, B)
    await other.rooms.take_name()
    await other.rooms.owner_of(ROOM)
    desk.now += 9.9
    assert await desk.rooms.homes([ROOM]) == {ROOM: B}
    desk.now += 0.1
    desk.heard |= {B} if heard else set()
    assert await desk.rooms.homes([ROOM]) == lives


# --- handed over ------------------------------------------------------------------------------------------------------


async def test_a_room_that_is_offered_is_neither_given_up_nor_lost(ledger: Ledger, desk: Desk) -> None:
    await desk.rooms.owner_of(ROOM)
    assert await desk.rooms.offer(ROOM, "x")
    assert await desk.review() == set()
    assert ledger.rooms == {ROOM: A}, "nobody is in it, for a moment"
    ledger.rooms[ROOM] = B
    assert await desk.review() == set(), "it was given, not taken"
    desk.rooms.concluded(ROOM, kept=False)
    assert ROOM not in desk.rooms


async def test_a_room_that_stays_is_reviewed_again(ledger: Ledger, desk: Desk) -> None:
    await desk.rooms.owner_of(ROOM)
    await desk.rooms.offer(ROOM, "x")
    assert await desk.rooms.withdraw(ROOM) == A
    desk.rooms.concluded(ROOM, kept=True)
    assert ROOM in desk.rooms
    await desk.review()
    assert ledger.rooms == {}


async def test_who_asks_meanwhile_waits_until_a_room_is_open(ledger: Ledger, desk: Desk) -> None:
    other = Desk(ledger, B)
    await desk.rooms.owner_of(ROOM)
    await desk.rooms.offer(ROOM, "x")
    ledger.takes.clear()
    opened: list[bool] = []
    taking = asyncio.create_task(other.rooms.take(ROOM, A, "x", lambda: opened.append(ROOM in other.rooms)))
    await settle()
    asking = asyncio.create_task(other.rooms.owner_of(ROOM))
    await settle()
    assert not asking.done()
    ledger.takes.set()
    assert await asking == B
    assert await taking
    assert opened == [True]


async def test_who_asked_before_has_an_answer_first(ledger: Ledger, desk: Desk) -> None:
    other = Desk(ledger, B)
    other.heard.add(A)
    await desk.rooms.owner_of(ROOM)
    await desk.rooms.offer(ROOM, "x")
    ledger.gate.clear()
    asking = asyncio.create_task(other.rooms.owner_of(ROOM))
    await settle()
    taking = asyncio.create_task(other.rooms.take(ROOM, A, "y", lambda: None))
    ledger.gate.set()
    assert await asking == A
    assert not await taking
    assert ROOM not in other.rooms
