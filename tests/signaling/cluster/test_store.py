"""Nodes and the rooms they have, in both databases."""

from __future__ import annotations

import asyncio

import pytest

from api.db import Database
from signaling.bus.courier import Sender
from signaling.cluster.store import ClusterStore

A, A2, B, C = Sender("a", "1"), Sender("a", "2"), Sender("b", "1"), Sender("c", "1")
ROOM = "standup"


@pytest.fixture
def store(database: Database) -> ClusterStore:
    """The tables, empty."""
    return ClusterStore(database)


async def test_a_name_belongs_to_one_process(store: ClusterStore) -> None:
    assert await store.seen_at("a") is None
    assert await store.seen(A, now=20, stale=10)
    assert await store.seen(A, now=21, stale=11)
    assert not await store.seen(A2, now=30, stale=20), "it was seen a moment ago"
    assert await store.seen_at("a") == 21
    assert await store.seen(A2, now=31, stale=21)
    assert not await store.seen(A, now=32, stale=22)


async def test_a_room_belongs_to_the_first_who_wants_it(store: ClusterStore) -> None:
    for node in (A, B):
        await store.seen(node, now=20, stale=10)
    assert await store.find(ROOM) is None
    assert await store.claim(ROOM, A, stale=10) == A
    assert await store.claim(ROOM, B, stale=10) == A
    assert await store.claim(ROOM, A, stale=10) == A
    assert await store.find(ROOM) == A
    assert (await store.owned(A), await store.owned(B)) == ({ROOM}, set())


async def test_a_room_of_a_node_that_is_gone_is_taken_over(store: ClusterStore) -> None:
    await store.seen(A, now=20, stale=10)
    await store.claim(ROOM, A, stale=10)
    await store.seen(B, now=40, stale=30)
    assert await store.claim(ROOM, B, stale=19) == A
    assert await store.claim(ROOM, B, stale=20) == B
    assert await store.claim(ROOM, A, stale=20) == B
    assert await store.owned(A) == set()


async def test_a_room_of_an_earlier_life_is_taken_over_at_once(store: ClusterStore) -> None:
    await store.seen(A, now=20, stale=10)
    await store.claim(ROOM, A, stale=10)
    await store.seen(A2, now=40, stale=30)
    assert await store.claim(ROOM, B, stale=30) == B


async def test_a_room_of_a_node_that_nobody_knows_is_taken_over(store: ClusterStore) -> None:
    await store.claim(ROOM, A, stale=10)
    await store.seen(B, now=20, stale=10)
    assert await store.claim(ROOM, B, stale=10) == B


async def test_only_ones_own_rooms_are_given_up(store: ClusterStore) -> None:
    for node in (A, B):
        await store.seen(node, now=20, stale=10)
    await store.claim("one", A, stale=10)
    await store.claim("two", A, stale=10)
    await store.claim("three", B, stale=10)
    await store.release({"one", "three"}, A)
    assert (await store.owned(A), await store.owned(B)) == ({"two"}, {"three"})
    assert await store.claim("one", B, stale=10) == B


async def test_one_who_leaves_leaves_nothing(store: ClusterStore) -> None:
    for node in (A, B):
        await store.seen(node, now=20, stale=10)
        await store.claim(f"room of {node.node}", node, stale=10)
    await store.leave(A2)  # an earlier life ends late
    assert await store.owned(A) == {"room of a"}
    await store.leave(A)
    assert (await store.owned(A), await store.owned(B)) == (set(), {"room of b"})
    assert await store.seen_at("a") is None


async def test_of_those_who_race_for_a_room_one_gets_it(store: ClusterStore) -> None:
    rivals = [A, B, C]
    for node in rivals:
        await store.seen(node, now=50, stale=40)
    for number in range(10):
        room = f"room-{number}"
        if number % 2:  # of a node that is gone
            await store.claim(room, Sender("gone", "1"), stale=40)
        owners = await asyncio.gather(*(store.claim(room, node, stale=40) for node in rivals * 2))
        assert len(set(owners)) == 1
        assert owners[0] in rivals
        assert room in await store.owned(owners[0])


async def test_a_claim_meets_a_release(store: ClusterStore) -> None:
    for node in (A, B):
        await store.seen(node, now=50, stale=40)
    for _ in range(10):
        await store.claim(ROOM, A, stale=40)
        _, owner = await asyncio.gather(store.release({ROOM}, A), store.claim(ROOM, B, stale=40))
        assert owner in {A, B}
        await store.release({ROOM}, B)


async def test_where_rooms_live_and_when_their_node_was_seen(store: ClusterStore) -> None:
    await store.seen(A, now=20, stale=10)
    await store.seen(B, now=25, stale=10)
    for room, node in ((ROOM, A), ("daily", B)):
        await store.claim(room, node, stale=10)
    assert await store.homes([ROOM, "daily", "nowhere"]) == {ROOM: (A, 20), "daily": (B, 25)}
    await store.seen(A2, now=40, stale=30)
    assert await store.homes([ROOM]) == {}, "it lived there in an earlier life of the node"


# --- rooms that are handed over ---------------------------------------------------------------------------------------


async def test_an_offer_is_taken_once_by_who_names_it(store: ClusterStore) -> None:
    await store.seen(A, now=20, stale=10)
    await store.claim(ROOM, A, stale=10)
    assert not await store.take(ROOM, A, B, "x"), "nothing is offered"
    assert not await store.offer(ROOM, B, "x"), "it is not this node's"
    assert await store.offer(ROOM, A, "x")
    assert not await store.take(ROOM, A, B, "y")
    assert not await store.take(ROOM, A2, B, "x")
    assert await store.take(ROOM, A, B, "x")
    assert await store.find(ROOM) == B
    assert not await store.take(ROOM, A, C, "x")
    assert not await store.withdraw(ROOM, A)


async def test_a_withdrawn_offer_is_void(store: ClusterStore) -> None:
    await store.seen(A, now=20, stale=10)
    await store.claim(ROOM, A, stale=10)
    await store.offer(ROOM, A, "x")
    assert await store.withdraw(ROOM, A)
    assert not await store.take(ROOM, A, B, "x")
    assert await store.withdraw(ROOM, A), "said again, where the first answer was lost"
    assert not await store.withdraw(ROOM, A2)
    assert await store.find(ROOM) == A


async def test_taken_or_withdrawn_never_both(store: ClusterStore) -> None:
    await store.seen(A, now=20, stale=10)
    for number in range(10):
        room = f"room-{number}"
        await store.claim(room, A, stale=10)
        await store.offer(room, A, "x")
        taken, withdrawn = await asyncio.gather(store.take(room, A, B, "x"), store.withdraw(room, A))
        assert taken is not withdrawn
        assert await store.find(room) == (B if taken else A)
