"""A node on its way out, and the line by which it hands its rooms over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, TypeVar, cast

import msgspec
import pytest
from prometheus_client import CollectorRegistry

from signaling.bus.courier import Sender
from signaling.cluster.departures import Departures
from signaling.cluster.host import Host
from signaling.cluster.metrics import MoveMetrics
from signaling.cluster.questions import AnyQuestion, TakeRoom
from signaling.elsewhere import NodeUnreachable
from tests.signaling.cluster.movers import RESTART, Pair, come_back, texts
from tests.signaling.cluster.town import NoDatabase, Node, Town, settled
from tests.signaling.fakes import ROOM, FakeTransport, send

T = TypeVar("T")


class Line:
    """The way to another node: what is asked gets there and the answer back, unless `questions` or `answers` are lost.

    `before` is called before each question to take a room gets there.
    """

    def __init__(self, other: Node) -> None:
        self._node = other
        self._host = cast("Host", SimpleNamespace(hub=other.hub, arrivals=other.cluster.arrivals))
        self.nobody = False
        self.lost_questions: tuple[type, ...] = ()
        self.lost_answers: tuple[type, ...] = ()
        self.before: Callable[[], object] = lambda: None
        self.change: Callable[[TakeRoom], TakeRoom] = lambda question: question
        """What the other node hears instead."""
        self.told: list[AnyQuestion] = []
        self.asked: list[AnyQuestion] = []

    def taker(self) -> Sender | None:
        return None if self.nobody else self._node.me

    async def ask(self, node: Sender, question: AnyQuestion, kind: type[T], patience_s: float | None = None) -> T:
        assert node == self._node.me
        if isinstance(question, TakeRoom):
            self.before()
            question = self.change(question)
        self.asked.append(question)
        if isinstance(question, self.lost_questions):
            raise NodeUnreachable
        answer = await self._answer(question)
        if isinstance(question, self.lost_answers):
            raise NodeUnreachable
        assert isinstance(answer, kind)
        return answer

    async def _answer(self, question: AnyQuestion) -> object:
        try:
            return await question.answer(self._host)
        except (NoDatabase, msgspec.MsgspecError):  # the other node says that it could not
            raise NodeUnreachable from None

    def tell(self, node: Sender, question: AnyQuestion) -> None:
        self.told.append(question)
        self._node.hub.spawn(cast("Any", question.answer(self._host)))


class Leaver:
    """A node that hands rooms over by a line; `paused` tells how long it waited for what."""

    def __init__(self, node: Node, other: Node) -> None:
        self.line = Line(other)
        self.registry = CollectorRegistry()
        self.paused: list[float] = []
        self.while_paused: Callable[[], object] = lambda: None
        rooms = node.cluster._rooms
        metrics = MoveMetrics(self.registry)
        self.departures = Departures(
            node.hub, node.me, rooms, self.line, metrics, NoDatabase, self._pause, node.board.clock
        )
        self._node = node

    async def hand_over(self) -> str:
        """Hand the room over."""
        self._node.hub.drain()
        return await self.departures.hand_over(ROOM)

    async def run(self, spread_s: float = 0.0) -> None:
        """Hand everything over."""
        self._node.hub.drain()
        await self.departures.run(spread_s)

    async def _pause(self, seconds: float) -> None:
        self.paused.append(seconds)
        self.while_paused()
        await asyncio.sleep(0)

    def count(self, result: str) -> float:
        return self.registry.get_sample_value("chatter_room_moves_total", {"result": result}) or 0.0


@pytest.fixture
def leaver(pair: Pair) -> Leaver:
    """The first node on its way out."""
    return Leaver(*pair)


async def stays(town: Town, pair: Pair, *people: FakeTransport) -> None:
    """Check that the room is at the first node only, with all who are in."""
    a, b = pair
    assert town.ledger.rooms == {ROOM: a.me}
    assert (a.hub.members(ROOM), b.hub.members(ROOM)) == (len(people), 0)
    send(people[0], "chat", text="still here")
    await settled()
    assert [texts(person)[-1] for person in people] == ["still here"] * len(people)


async def has_moved(town: Town, pair: Pair, *people: FakeTransport) -> None:
    """Check that the room is at the second node only, with all who are in."""
    a, b = pair
    await settled()
    assert town.ledger.rooms == {ROOM: b.me}
    assert (a.hub.members(ROOM), b.hub.members(ROOM)) == (0, len(people))
    assert [person.closed for person in people] == [RESTART] * len(people)
    back = [await come_back(b, person) for person in people]
    assert all(person.kinds()[0] == "resumed" for person in back)
    send(back[0], "chat", text="here now")
    await settled()
    assert [texts(person)[-1] for person in back] == ["here now"] * len(people)
