"""Hand-overs that fail, wherever they fail: a room lives at one node, and goes on there."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import cast

import msgspec
import pytest

from signaling.cluster import arrivals, departures
from signaling.cluster.host import Host
from signaling.cluster.questions import FollowModerator, TakePart, TakeRoom
from signaling.elsewhere import NodeUnreachable
from tests.signaling.cluster.leavers import Leaver, has_moved, leaver, stays
from tests.signaling.cluster.movers import RESTART, Pair, come_back, come_in, pair, ready, texts
from tests.signaling.cluster.town import NoDatabase, Town, settled
from tests.signaling.fakes import OWNER, ROOM, id_of, send

__all__ = ["leaver", "pair"]


# --- where it fails ---------------------------------------------------------------------------------------------------


async def test_a_node_that_does_not_hear_takes_nothing(town: Town, pair: Pair, leaver: Leaver) -> None:
    people = await ready(pair)
    leaver.line.lost_questions = (TakeRoom,)
    assert await leaver.hand_over() == "unanswered"
    await stays(town, pair, *people)


async def test_what_comes_meanwhile_is_handled_where_the_room_stays(town: Town, pair: Pair, leaver: Leaver) -> None:
    a, _ = pair
    ann, ben = await ready(pair)
    cleo = await come_in(a)
    leaver.line.lost_questions = (TakeRoom,)

    def meanwhile() -> None:
        send(ann, "chat", text="one", id=1)
        send(ann, "chat", text="two", id=2)
        assert ben.link is not None
        ben.link.lost(1000)
        cleo.disconnect()
        assert texts(ann) == []

    leaver.line.before = meanwhile
    send(ann, "reaction", emoji="👍", id=0)
    assert await leaver.hand_over() == "unanswered"
    await settled()
    assert texts(ann) == ["one", "two"]
    assert [frame["action"] for frame in ann.frames if frame["type"] == "presence"][-2:] == ["leave", "lost"]
    assert a.hub.members(ROOM) == 2
    back = await come_back(pair[1], cleo)
    assert texts(back) == ["one", "two"]


class Moderation:
    """Finds nothing to change in a call."""

    async def follow_moderator(self, room_id: str, user_id: int) -> bool:
        return False


@pytest.mark.parametrize(("lost", "is_known"), [((), False), ((TakeRoom,), True)])
async def test_a_role_that_is_changed_where_a_room_was_is_asked_for_again(
    pair: Pair, leaver: Leaver, lost: tuple[type, ...], is_known: bool
) -> None:
    a, _ = pair
    await ready(pair)
    leaver.line.lost_questions = lost
    await leaver.hand_over()
    question = FollowModerator(ROOM, 2).answer(cast("Host", SimpleNamespace(hub=a.hub, moderation=Moderation())))
    if is_known:
        assert not await question
    else:
        with pytest.raises(NodeUnreachable):
            await question


async def test_what_is_being_decided_is_carried_out_first(town: Town, pair: Pair, leaver: Leaver) -> None:
    a, b = pair
    for node in pair:
        node.board.authenticator.add("host", OWNER)
    host, guest = await come_in(a, token="host"), await come_in(a)
    a.board.doorkeeper.gate.clear()
    send(host, "ban", clientId=id_of(guest))
    task = asyncio.create_task(leaver.hand_over())
    await settled()
    assert ROOM not in a.hub.moves
    a.board.doorkeeper.gate.set()
    assert await task == "ok"
    assert guest.closed == (4503, "banned")
    assert b.hub.members(ROOM) == 1


async def test_what_is_asked_late_finds_the_offer_withdrawn(town: Town, pair: Pair, leaver: Leaver) -> None:
    people = await ready(pair)
    leaver.line.lost_questions = (TakeRoom,)
    await leaver.hand_over()
    (late,) = leaver.line.asked
    assert isinstance(late, TakeRoom)
    assert not await pair[1].cluster.arrivals.take(late)
    await stays(town, pair, *people)


@pytest.mark.parametrize("first", ["take", "withdraw"])
async def test_of_two_who_decide_at_once_one_wins(town: Town, pair: Pair, leaver: Leaver, first: str) -> None:
    people = await ready(pair)
    leaver.line.lost_questions = (TakeRoom,)
    gates = {"take": town.ledger.takes, "withdraw": town.ledger.withdrawals}
    for gate in gates.values():
        gate.clear()
    handing_over = asyncio.create_task(leaver.hand_over())
    await settled()
    (late,) = leaver.line.asked
    assert isinstance(late, TakeRoom)
    taking = asyncio.create_task(pair[1].cluster.arrivals.take(late))
    await settled()
    assert not handing_over.done()
    assert not taking.done()
    gates.pop(first).set()
    await settled()
    (last,) = gates.values()
    last.set()
    assert await taking is (first == "take")
    assert await handing_over == ("ok" if first == "take" else "unanswered")
    await (has_moved if first == "take" else stays)(town, pair, *people)


async def test_a_lost_answer_changes_nothing(town: Town, pair: Pair, leaver: Leaver) -> None:
    people = await ready(pair)
    leaver.line.lost_answers = (TakeRoom,)
    assert await leaver.hand_over() == "ok"
    await has_moved(town, pair, *people)


async def test_while_nobody_can_say_where_a_room_is_it_rests(town: Town, pair: Pair, leaver: Leaver) -> None:
    a, _ = pair
    people = await ready(pair)
    leaver.line.lost_questions = (TakeRoom,)
    leaver.line.before = lambda: setattr(town.ledger, "down", True)

    def look() -> None:
        assert ROOM in a.hub.moves
        town.ledger.down = len(leaver.paused) < 3

    leaver.while_paused = look
    send(people[0], "chat", text="before")
    assert await leaver.hand_over() == "unanswered"
    assert len(leaver.paused) == 3
    await stays(town, pair, *people)


async def test_without_a_database_a_room_stays(town: Town, pair: Pair, leaver: Leaver) -> None:
    people = await ready(pair)
    town.ledger.down = True
    with pytest.raises(NoDatabase):
        await leaver.hand_over()
    town.ledger.down = False
    await stays(town, pair, *people)


async def test_a_node_that_drains_too_refuses(town: Town, pair: Pair, leaver: Leaver) -> None:
    people = await ready(pair)
    pair[1].hub.drain()
    assert await leaver.hand_over() == "refused"
    await stays(town, pair, *people)


async def test_a_part_that_is_missing_is_noticed(town: Town, pair: Pair, leaver: Leaver) -> None:
    people = await ready(pair)
    leaver.line.before = lambda: pair[1].cluster.arrivals._parts.clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(departures, "PART_BYTES", 500)
        assert await leaver.hand_over() == "refused"
    await stays(town, pair, *people)


async def test_a_node_without_place_refuses_parts(
    town: Town, pair: Pair, leaver: Leaver, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = await ready(pair)
    monkeypatch.setattr(departures, "PART_BYTES", 500)
    monkeypatch.setattr(arrivals, "_MOST_BYTES", 700)
    assert await leaver.hand_over() == "refused"
    await stays(town, pair, *people)


async def test_a_node_without_place_refuses_a_room(
    town: Town, pair: Pair, leaver: Leaver, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = await ready(pair)
    monkeypatch.setattr(arrivals, "MOST_BYTES", 500)
    assert await leaver.hand_over() == "refused"
    await stays(town, pair, *people)


async def test_a_part_with_nothing_in_it_is_refused(pair: Pair) -> None:
    assert not pair[1].cluster.arrivals.keep("x", b"")
    assert not pair[1].cluster.arrivals._parts


async def test_what_is_not_what_it_says_is_refused(town: Town, pair: Pair, leaver: Leaver) -> None:
    people = await ready(pair)
    leaver.line.change = lambda question: msgspec.structs.replace(question, room_id="other")
    assert await leaver.hand_over() == "refused"
    leaver.line.change = lambda question: msgspec.structs.replace(question, data=b"no room", size=7)
    assert await leaver.hand_over() == "unanswered"
    assert not pair[1].hub._lobbies._lobbies, "nothing is left behind"
    await stays(town, pair, *people)


async def test_a_room_that_is_too_large_stays(
    town: Town, pair: Pair, leaver: Leaver, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = await ready(pair)
    monkeypatch.setattr(departures, "MOST_BYTES", 500)
    assert await leaver.hand_over() == "refused"
    assert leaver.line.asked == []
    await stays(town, pair, *people)


async def test_a_large_room_goes_in_parts(
    town: Town, pair: Pair, leaver: Leaver, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = await ready(pair)
    monkeypatch.setattr(departures, "PART_BYTES", 500)
    assert await leaver.hand_over() == "ok"
    assert [type(question) for question in leaver.line.asked][-2:] == [TakePart, TakeRoom]
    await has_moved(town, pair, *people)


async def test_what_cannot_be_frozen_stays(
    town: Town, pair: Pair, leaver: Leaver, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = await ready(pair)
    live = pair[0].hub.live(ROOM)
    assert live is not None
    with monkeypatch.context() as patch:
        patch.setattr(live.room, "rules", object())
        leaver.while_paused = lambda: setattr(leaver.line, "nobody", leaver.count("failed") > 0)
        await leaver.run()
    assert leaver.count("failed") == 1
    await stays(town, pair, *people)


async def test_a_room_that_another_node_has_is_not_handed_over(town: Town, pair: Pair, leaver: Leaver) -> None:
    a, b = pair
    await ready(pair)
    town.ledger.rooms[ROOM] = b.me
    assert await leaver.hand_over() == "refused"
    await a.cluster.hold()
    assert a.hub.members(ROOM) == 0


async def test_a_room_that_empties_meanwhile_is_left(town: Town, pair: Pair, leaver: Leaver) -> None:
    a, _ = pair
    (ann,) = [await come_in(a)]
    town.ledger.gate.clear()
    task = asyncio.create_task(leaver.hand_over())
    await settled()
    send(ann, "leave")
    ann.disconnect()
    town.ledger.gate.set()
    assert await task == "empty"
    await a.cluster.hold()
    assert town.ledger.rooms == {}


# --- its end ----------------------------------------------------------------------------------------------------------


async def test_a_drain_that_is_broken_off_finds_out_what_became_of_a_room(
    town: Town, pair: Pair, leaver: Leaver
) -> None:
    people = await ready(pair)
    town.ledger.takes.clear()
    task = asyncio.create_task(leaver.hand_over())
    await settled()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    town.ledger.takes.set()
    await settled()
    await stays(town, pair, *people)


async def test_what_nobody_knows_at_the_end_rests_for_good(
    town: Town, pair: Pair, leaver: Leaver, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, _ = pair
    ann, ben = await ready(pair)
    monkeypatch.setattr(departures, "_HASTE_S", 0.01)
    town.ledger.takes.clear()
    task = asyncio.create_task(leaver.hand_over())
    await settled()
    town.ledger.down = True
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ROOM in a.hub.moves
    ann.link.lost()  # type: ignore[union-attr]
    stopping = asyncio.create_task(a.hub.stop())
    await settled()
    assert ben.closed == RESTART
    ben.disconnect()
    await stopping


# --- all of them ------------------------------------------------------------------------------------------------------


async def test_rooms_are_spread_over_the_time(town: Town, pair: Pair, leaver: Leaver) -> None:
    a, b = pair
    rooms = [f"room-{number}" for number in range(4)]
    for room in rooms:
        for node in pair:
            node.board.directory.rooms[room] = node.board.directory.rooms[ROOM]
        await a.join("v=2" if room == ROOM else "v=1", room=room)
    await leaver.run(6.0)
    assert leaver.paused == [1.5] * 3
    assert leaver.count("ok") == 4
    assert set(town.ledger.rooms.values()) == {b.me}


async def test_what_is_refused_is_tried_again(town: Town, pair: Pair, leaver: Leaver) -> None:
    people = await ready(pair)
    town.ledger.down = True
    leaver.while_paused = lambda: setattr(town.ledger, "down", len(leaver.paused) < 4)
    await leaver.run()
    assert leaver.count("no_database") > 0
    assert leaver.count("ok") == 1
    await has_moved(town, pair, *people)


async def test_where_nobody_is_nobody_is_waited_for(town: Town, pair: Pair, leaver: Leaver) -> None:
    people = await ready(pair)
    leaver.line.nobody = True
    await leaver.run()
    assert leaver.count("no_node") == 1
    await stays(town, pair, *people)


async def test_who_is_at_the_door_of_an_empty_room_is_sent_away(pair: Pair, leaver: Leaver) -> None:
    a, _ = pair
    early = a.connect("v=2")
    await settled()
    await leaver.run()
    assert early.closed == RESTART
