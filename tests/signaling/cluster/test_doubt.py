"""Hand-overs in which what was done is not confirmed: who has the room finds it out, and nobody else serves it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from signaling.bus.courier import Sender
from signaling.cluster import ownership
from signaling.cluster.questions import TakeRoom
from tests.signaling.cluster.leavers import Leaver, has_moved, leaver, stays
from tests.signaling.cluster.movers import Pair, pair, ready
from tests.signaling.cluster.town import NoDatabase, Town, settled
from tests.signaling.fakes import ROOM

__all__ = ["leaver", "pair"]


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ownership, "_ASK_AGAIN_S", 0)


async def test_an_offer_that_is_not_confirmed_is_made_anew(town: Town, pair: Pair, leaver: Leaver) -> None:
    people = await ready(pair)
    town.ledger.cuts = {"offer": 1}
    with pytest.raises(NoDatabase):
        await leaver.hand_over()
    assert not pair[0].cluster._rooms._offered
    assert await leaver.hand_over() == "ok"
    await has_moved(town, pair, *people)


async def test_a_room_that_is_withdrawn_without_a_word_stays(town: Town, pair: Pair, leaver: Leaver) -> None:
    people = await ready(pair)
    leaver.line.lost_questions = (TakeRoom,)
    town.ledger.cuts = {"withdraw": 2}
    assert await leaver.hand_over() == "unanswered"
    await stays(town, pair, *people)


async def test_a_room_that_is_taken_without_a_word_has_moved(town: Town, pair: Pair, leaver: Leaver) -> None:
    people = await ready(pair)
    town.ledger.cuts = {"take": 2}
    assert await leaver.hand_over() == "ok"
    await has_moved(town, pair, *people)


async def test_a_room_that_was_withdrawn_meanwhile_is_not_taken(town: Town, pair: Pair, leaver: Leaver) -> None:
    people = await ready(pair)
    leaver.line.lost_questions = (TakeRoom,)
    town.ledger.takes.clear()
    await leaver.hand_over()
    (late,) = leaver.line.asked
    assert isinstance(late, TakeRoom)
    taking = asyncio.create_task(pair[1].cluster.arrivals.take(late))
    await settled()
    town.ledger.down = True
    town.ledger.takes.set()
    await settled()
    assert not taking.done(), "nobody knows yet"
    town.ledger.down = False
    assert not await taking
    await stays(town, pair, *people)


async def test_a_drain_broken_off_while_a_room_is_withdrawn(town: Town, pair: Pair, leaver: Leaver) -> None:
    people = await ready(pair)
    leaver.line.lost_questions = (TakeRoom,)
    withdraw: Callable[[str, Sender], Awaitable[bool]] = town.ledger.withdraw
    never, asked = asyncio.Event(), asyncio.Event()

    async def withdraw_and_say_nothing(room_id: str, me: Sender) -> bool:
        found = await withdraw(room_id, me)
        if not asked.is_set():
            asked.set()
            await never.wait()
        return found

    town.ledger.withdraw = withdraw_and_say_nothing  # type: ignore[method-assign]
    task = asyncio.create_task(leaver.hand_over())
    await asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await stays(town, pair, *people)


@pytest.mark.parametrize("is_broken_off", [False, True])
async def test_whatever_fails_a_room_does_not_rest_for_ever(
    town: Town, pair: Pair, leaver: Leaver, caplog: pytest.LogCaptureFixture, is_broken_off: bool
) -> None:
    people = await ready(pair)

    def fail() -> None:
        town.ledger.broken = True
        raise RuntimeError("bug")

    def pause() -> None:
        town.ledger.broken = len(leaver.paused) < 3
        in_doubt.set()

    in_doubt = asyncio.Event()
    leaver.line.before, leaver.while_paused = fail, pause
    task = asyncio.create_task(leaver.hand_over())
    if is_broken_off:
        await in_doubt.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    else:
        assert await task == "unanswered"
    said = [str(getattr(record, "event", "")) for record in caplog.records if record.levelname == "WARNING"]
    assert said == ["room_move_failed", *["room_in_doubt"] * (1 + is_broken_off)]
    caplog.clear()
    await stays(town, pair, *people)


@pytest.mark.parametrize("owner", [None, Sender("third", "1")])
async def test_a_room_that_is_anywhere_else_is_gone_from_here(
    town: Town, pair: Pair, leaver: Leaver, owner: Sender | None
) -> None:
    a, b = pair
    people = await ready(pair)

    def disappear() -> None:
        del town.ledger.rooms[ROOM]
        if owner is not None:
            town.ledger.rooms[ROOM] = owner

    leaver.line.before = disappear
    assert await leaver.hand_over() == "refused"
    assert (a.hub.members(ROOM), b.hub.members(ROOM)) == (0, 0)
    assert all(person.closed for person in people)


async def test_a_node_that_lost_a_room_does_not_take_it_before_it_knows(town: Town, pair: Pair, leaver: Leaver) -> None:
    people = await ready(pair)
    pair[1].cluster._rooms._rooms.add(ROOM)  # it had it once
    assert await leaver.hand_over() == "refused"
    await pair[1].cluster.hold()
    assert await leaver.hand_over() == "ok"
    await has_moved(town, pair, *people)


async def test_a_node_that_begins_to_drain_while_it_takes_a_room_hands_it_on(town: Town, pair: Pair) -> None:
    a, b = pair
    c = await town.start("c")
    c.take_rooms()
    people = await ready(pair)
    a.cluster._takers = {b.me}
    town.ledger.takes.clear()
    giving = asyncio.create_task(a.drain())
    await settled()
    b.cluster._takers = {c.me}
    onward = Leaver(b, c)
    draining = asyncio.create_task(onward.run())
    await settled()
    assert not draining.done(), "a room is on its way here"
    town.ledger.takes.set()
    await asyncio.gather(giving, draining)
    assert onward.count("ok") == 1
    await has_moved(town, (a, c), *people)
