"""Questions between nodes, news to all, and what comes of them where a node is silent, slow or broken."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest
import pytest_asyncio

from signaling.bus.courier import Sender
from signaling.cluster.host import Host
from signaling.cluster.others import OtherNodes
from signaling.cluster.parcels import Parcel
from signaling.cluster.questions import Answer, Ask, People, RoomChanged
from signaling.elsewhere import NodeUnreachable
from tests.signaling.cluster.town import NoDatabase, Node, Town, settled
from tests.signaling.fakes import OWNER, ROOM

Pair = tuple[Node, Node]


class Services:
    """What a node answers with; writes down what it was told."""

    def __init__(self) -> None:
        self.told: list[tuple[object, ...]] = []
        self.broken = False
        self.gate = asyncio.Event()
        """While it is not set, what waits for the database waits."""
        self.gate.set()

    async def note(self, answer: object, *what: object) -> object:
        await self.gate.wait()
        if self.broken:
            raise RuntimeError("oops")
        self.told.append(what)
        return answer

    def here(self, answer: Any) -> Any:
        def answered(*what: object, **options: object) -> Any:
            self.told.append((*what, *options.values()))
            return answer

        return answered

    def host(self, node: Node) -> Host:
        def told(name: str, answer: object = None) -> Any:
            return lambda *what: self.note(answer, name, *what)

        host = SimpleNamespace(
            hub=node.hub,
            rooms=SimpleNamespace(follow_room=told("room")),
            moderation=SimpleNamespace(follow_moderator=told("moderator", answer=True)),
            keeper=SimpleNamespace(write_room=told("calls")),
            calls=SimpleNamespace(note_here=self.here(answer=True)),
            recordings=SimpleNamespace(
                end_here=told("stop", answer=True),
                progress_here=self.here({"film": (12, 0.5)}),
                clear_here=told("deleted"),
            ),
        )
        return cast("Host", host)


@pytest_asyncio.fixture
async def pair(town: Town) -> AsyncIterator[Pair]:
    """Two nodes that know of each other, with a short patience; a room lives at the first."""
    town.patience_s = 0.02
    nodes = await town.start("a"), await town.start("b")
    await nodes[0].join()
    yield nodes


@pytest.fixture
def services(pair: Pair) -> Services:
    """What the owner of the room answers with."""
    made = Services()
    pair[0].cluster.serve(made.host(pair[0]))
    return made


@pytest.fixture
def others(pair: Pair) -> OtherNodes:
    """The other nodes, as those at the second see them."""
    return OtherNodes(pair[1].cluster)


@pytest.mark.usefixtures("services")
async def test_people_are_counted_where_they_are(pair: Pair, others: OtherNodes) -> None:
    await pair[1].join()
    assert await others.people([ROOM, "empty"]) == {ROOM: 2}
    assert pair[1].metric("chatter_bus_questions_total", result="ok") == 1
    assert await OtherNodes(pair[0].cluster).people([ROOM]) == {}, "it lives here"
    assert await others.people([]) == {}


async def test_what_one_asks_of_the_node_of_a_room(others: OtherNodes, services: Services) -> None:
    assert not await others.moderates(ROOM, OWNER)
    assert await others.follow_moderator(ROOM, OWNER)
    await others.write_calls(ROOM)
    assert await others.note_trouble(ROOM, "socket_lost", "draining", page_allowed=False)
    assert services.told == [
        ("moderator", ROOM, OWNER),
        ("calls", ROOM),
        (ROOM, "socket_lost", "draining", False),
    ]


async def test_a_room_that_lives_nowhere_is_nobodys(others: OtherNodes, services: Services) -> None:
    assert not await others.moderates("empty", OWNER)
    assert not await others.follow_moderator("empty", OWNER)
    await others.write_calls("empty")
    assert not await others.note_trouble("empty", "socket_lost", None, page_allowed=None)
    assert services.told == []


async def test_what_one_asks_of_all(others: OtherNodes, services: Services) -> None:
    assert await others.stop_recording("film")
    assert await others.progress(["film", "another"]) == {"film": (12, 0.5)}
    assert services.told == [("stop", "film"), (["film", "another"],)]
    assert await others.progress([]) == {}
    assert len(services.told) == 2, "who wants nothing asks nobody"


async def test_news_reach_all_others(town: Town, pair: Pair, others: OtherNodes, services: Services) -> None:
    also = Services()
    third = await town.start("c")
    third.cluster.serve(also.host(third))
    others.room_changed(ROOM)
    others.recording_deleted("film")
    others.sessions_ended(["one", "two"])
    await settled()
    assert services.told == also.told == [("room", ROOM), ("deleted", "film")]
    assert pair[0].hub._ended_sessions.keys() == {"one", "two"}


# --- trouble ---------------------------------------------------------------------------------------------------------


async def unanswered(others: OtherNodes) -> None:
    """Check what each question comes to that nobody answers."""
    assert await others.people([ROOM]) == {ROOM: None}
    assert not await others.moderates(ROOM, OWNER)
    with pytest.raises(NodeUnreachable):
        await others.follow_moderator(ROOM, OWNER)
    await others.write_calls(ROOM)
    assert not await others.note_trouble(ROOM, "socket_lost", None, page_allowed=None)
    assert not await others.stop_recording("film")
    assert await others.progress(["film"]) == {}


async def test_a_node_that_serves_nobody_yet_says_so(pair: Pair, others: OtherNodes) -> None:
    await unanswered(others)
    assert pair[1].metric("chatter_bus_questions_total", result="failed") == 7


async def test_a_node_on_its_way_out_says_so(pair: Pair, others: OtherNodes, services: Services) -> None:
    await pair[0].cluster.close_sockets()
    await unanswered(others)
    assert services.told == []
    assert pair[1].metric("chatter_bus_questions_total", result="failed") == 7


async def test_a_node_that_is_gone_does_not_answer(
    town: Town, pair: Pair, others: OtherNodes, services: Services
) -> None:
    await town.kill(pair[0])
    await unanswered(others)
    assert pair[1].metric("chatter_bus_questions_total", result="unanswered") == 7
    await town.wait(12)
    assert await others.people([ROOM]) == {}, "nobody is in a room of a node that is gone"
    assert services.told == []


@pytest.mark.usefixtures("pair")
async def test_without_the_bus_nobody_is_asked(town: Town) -> None:
    town.patience_s = 3600
    third = await town.start("c")
    town.engine.running = False
    async with asyncio.timeout(60):
        await unanswered(OtherNodes(third.cluster))
    assert third.metric("chatter_bus_questions_total", result="unanswered") == 0


async def test_without_a_database_it_is_said_so(town: Town, others: OtherNodes) -> None:
    town.ledger.down = True
    with pytest.raises(NoDatabase):
        await others.people([ROOM])


async def test_what_cannot_be_done_is_answered_so(
    others: OtherNodes, services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    services.broken = True
    with pytest.raises(NodeUnreachable):
        await others.follow_moderator(ROOM, OWNER)
    others.room_changed(ROOM)
    await settled()
    assert [vars(record)["kind"] for record in caplog.records] == ["FollowModerator", "RoomChanged"]


async def test_a_node_that_was_never_heard_is_waited_for_a_moment_only(town: Town, pair: Pair) -> None:
    stranger = Sender("c", "1")
    town.ledger.rooms["there"] = stranger
    town.ledger.nodes["c"] = "1", round(town.now * 1000)
    assert await OtherNodes(pair[1].cluster).people(["there"]) == {"there": None}
    await town.wait(4)
    assert stranger not in pair[1].cluster._courier.correspondents


@pytest.mark.usefixtures("services")
async def test_an_answer_counts_once_in_time_and_from_who_was_asked(town: Town, pair: Pair) -> None:
    third = await town.start("c")
    asked: list[Parcel] = []
    pair[1].cluster._inquiries._send = lambda _, parcel: asked.append(parcel)
    waiting = asyncio.create_task(pair[1].cluster.ask(pair[0].me, People([ROOM]), list[int]))
    await settled()
    (ask,) = asked
    assert isinstance(ask, Ask)
    inquiries = pair[1].cluster._inquiries
    inquiries.answered(third.me, Answer(ask.number, True, msgspec.Raw(b"\x91\x07")))
    inquiries.answered(pair[0].me, Answer(ask.number + 1, True, msgspec.Raw(b"\x91\x07")))
    assert not waiting.done()
    for answer in (b"\x91\x02", b"\x91\x03"):
        inquiries.answered(pair[0].me, Answer(ask.number, True, msgspec.Raw(answer)))
    assert await waiting == [2]
    inquiries.answered(pair[0].me, Answer(ask.number, True, msgspec.Raw(b"\x91\x04")))
    assert inquiries._open == {}


@pytest.mark.parametrize("end", ["goodbye", "silence"])
async def test_who_asked_and_is_gone_gets_no_answer(
    town: Town, pair: Pair, others: OtherNodes, services: Services, end: str
) -> None:
    services.gate.clear()
    await others.write_calls(ROOM)
    if end == "goodbye":
        await pair[1].cluster.stop()
    else:
        await town.kill(pair[1])
        await town.wait(12)
    await settled()
    services.gate.set()
    await settled()
    assert services.told == [("calls", ROOM)], "it was done all the same"
    assert pair[1].me not in pair[0].cluster._courier.correspondents


@pytest.mark.parametrize("value", [{"seven": 7}, [1, 2], "\ud7ff"], ids=["a map", "too many", "text"])
async def test_an_answer_that_means_nothing_is_none(pair: Pair, others: OtherNodes, value: object) -> None:
    answer = msgspec.Raw(msgspec.msgpack.encode(value))
    inquiries = pair[1].cluster._inquiries
    inquiries._send = lambda node, ask: inquiries.answered(node, Answer(cast("Ask", ask).number, True, answer))
    assert await others.people([ROOM]) == {ROOM: None}
    with pytest.raises(NodeUnreachable):
        await others.follow_moderator(ROOM, OWNER)


async def test_news_for_nobody_are_ignored(pair: Pair) -> None:
    pair[1].cluster.announce(RoomChanged(ROOM))
    await settled()
    assert pair[0].hub.members(ROOM) == 1
