"""Parcels between nodes: together, numbered, and what happens when some are missing or come from elsewhere."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator

import msgspec
import pytest
import pytest_asyncio
from msgspec import Struct
from prometheus_client import CollectorRegistry

from signaling.bus.courier import PROTOCOL, Courier, Sender
from signaling.bus.memory import MemoryBus, MemoryEngine
from signaling.bus.metrics import BusMetrics
from tests.signaling.bus.test_bus import until


class Word(Struct, frozen=True, array_like=True, tag="word"):
    """A parcel."""

    text: str


class Number(Struct, frozen=True, array_like=True, tag="number"):
    """Another parcel."""

    value: int


Parcel = Word | Number
A, B, C = (Sender(name, "1") for name in "abc")


class Node:
    """A node that writes down what comes."""

    def __init__(self, engine: MemoryEngine, name: str, incarnation: str = "1") -> None:
        self.registry = CollectorRegistry()
        self.bus = MemoryBus(engine)
        self.now = 100.0
        self.got: list[Parcel] = []
        self.senders: set[Sender] = set()
        self.gaps: list[str] = []
        self.clashes: list[str] = []
        self.fails = False
        self.courier: Courier[Parcel] = Courier(
            self.bus,
            Sender(name, incarnation),
            Parcel,  # type: ignore[arg-type]
            self,
            BusMetrics(self.registry),
            lambda: self.now,
        )

    def arrived(self, sender: Sender, parcel: Parcel) -> None:
        if self.fails:
            raise RuntimeError("oops")
        self.senders.add(sender)
        self.got.append(parcel)

    def missed(self, sender: Sender) -> None:
        self.gaps.append(sender.node)

    def clashed(self, sender: Sender) -> None:
        self.clashes.append(sender.incarnation)

    def counted(self, direction: str, result: str) -> float | None:
        labels = {"direction": direction, "result": result}
        return self.registry.get_sample_value("chatter_bus_messages_total", labels)

    async def start(self) -> None:
        await self.bus.start()
        await self.courier.start()


@pytest.fixture
def engine() -> MemoryEngine:
    """What the nodes of a test have in common."""
    return MemoryEngine()


@pytest_asyncio.fixture
async def pair(engine: MemoryEngine) -> AsyncIterator[tuple[Node, Node]]:
    """Two nodes, a and b."""
    nodes = Node(engine, "a"), Node(engine, "b")
    for node in nodes:
        await node.start()
    yield nodes
    for node in nodes:
        await node.bus.stop()


async def test_parcels_of_one_turn_travel_together(pair: tuple[Node, Node]) -> None:
    a, b = pair
    for value in range(50):
        a.courier.send(B, Number(value))
    await until(lambda: len(b.got) == 50)
    assert b.got == [Number(value) for value in range(50)]
    assert b.senders == {A}
    assert a.counted("out", "ok") == 1
    assert b.counted("in", "ok") == 1
    assert a.got == []


async def test_much_is_split(pair: tuple[Node, Node]) -> None:
    a, b = pair
    for _ in range(100):
        a.courier.send(B, Word("x" * 10_000))
    await until(lambda: len(b.got) == 100)
    assert 3 < (a.counted("out", "ok") or 0) < 10
    assert b.gaps == []


async def test_an_announcement_reaches_all_others(pair: tuple[Node, Node]) -> None:
    a, b = pair
    a.courier.announce(Word("hear"))
    b.courier.announce(Word("hear too"))
    await until(lambda: len(a.got) == len(b.got) == 1)
    assert (a.got, b.got) == ([Word("hear too")], [Word("hear")])


async def test_a_missing_message_is_noticed_once(pair: tuple[Node, Node], engine: MemoryEngine) -> None:
    a, b = pair
    a.courier.send(B, Number(1))
    a.courier.flush()
    engine.running = False
    a.courier.send(B, Number(2))
    a.courier.flush()
    assert a.counted("out", "dropped") == 1
    engine.running = True
    for value in (3, 4):
        a.courier.send(B, Number(value))
        a.courier.flush()
    await until(lambda: len(b.got) == 3)
    assert b.got == [Number(1), Number(3), Number(4)]
    assert b.gaps == ["a"]
    assert b.registry.get_sample_value("chatter_bus_gaps_total") == 1


async def test_the_loss_of_the_first_message_is_noticed(pair: tuple[Node, Node], engine: MemoryEngine) -> None:
    a, b = pair
    engine.running = False
    a.courier.send(B, Number(1))
    a.courier.flush()
    engine.running = True
    a.courier.send(B, Number(2))
    await until(lambda: b.got == [Number(2)])
    assert b.gaps == ["a"]


async def test_a_node_that_comes_late_missed_nothing(pair: tuple[Node, Node], engine: MemoryEngine) -> None:
    a, b = pair
    for value in range(3):
        a.courier.send(B, Number(value))
        a.courier.flush()
    late = Node(engine, "b", "2")
    await late.start()
    a.courier.send(Sender("b", "2"), Number(7))
    await until(lambda: late.got == [Number(7)])
    assert late.gaps == []
    assert b.got == [Number(0), Number(1), Number(2)]
    await late.bus.stop()


@pytest.mark.parametrize("forgetful", ["sender", "receiver", "both"])
async def test_one_who_was_forgotten_too_early_is_heard_again(pair: tuple[Node, Node], forgetful: str) -> None:
    a, b = pair
    for value in range(3):
        a.courier.send(B, Number(value))
        a.courier.flush()
    await until(lambda: len(b.got) == 3)
    if forgetful != "receiver":
        a.courier.forget(B)
        assert list(a.courier.correspondents) == []
    if forgetful != "sender":
        b.courier.forget(A)
    for value in range(3, 6):
        a.courier.send(B, Number(value))
        a.courier.flush()
    await until(lambda: len(b.got) == 6)
    assert b.got == [Number(value) for value in range(6)]
    assert len(b.gaps) == (1 if forgetful == "receiver" else 0)


async def test_a_message_that_comes_twice_counts_once(pair: tuple[Node, Node], engine: MemoryEngine) -> None:
    _, b = pair
    copy = envelope(number=1, parcels=[Number(1)])
    for _ in range(2):
        b.bus.take("chatter.node.b.1", copy)
    b.bus.take("chatter.node.b.1", envelope(number=2, parcels=[Number(2)]))
    await until(lambda: len(b.got) == 2)
    assert b.got == [Number(1), Number(2)]
    assert b.gaps == []


async def test_a_node_that_begins_anew_begins_its_numbers_anew(pair: tuple[Node, Node]) -> None:
    _, b = pair
    b.bus.take("chatter.node.b.1", envelope(first=70, number=70, parcels=[Number(1)]))
    b.bus.take("chatter.node.b.1", envelope(number=1, parcels=[Number(2)], incarnation="another"))
    await until(lambda: len(b.got) == 2)
    assert b.gaps == []
    b.courier.forget(Sender("c", "another"))
    b.bus.take("chatter.node.b.1", envelope(number=1, parcels=[Number(3)], incarnation="another"))
    await until(lambda: len(b.got) == 3)


@pytest.mark.parametrize(
    "message",
    [
        b"\0",
        b"hello",
        b"{}",
        bytes(range(256)),
        msgspec.msgpack.encode(["other", 1, "a", "1", 1, 1, 0.0, []]),
        b"\x99\xa7chatter\x02\xa1c" + b"\x91" * 100_000 + b"\xc0",
        b"\x98\xa7chatter\x01\xa1c\xa11\x01\x01\x00" + b"\x91" * 100_000 + b"\xc0",
    ],
    ids=["a byte", "text", "json", "all bytes", "another's", "nested in another version", "nested"],
)
@pytest.mark.parametrize("subject", ["chatter.node.b.1", "chatter.all"])
async def test_foreign_messages_are_counted_and_ignored(pair: tuple[Node, Node], message: bytes, subject: str) -> None:
    _, b = pair
    b.bus.take(subject, message)
    await until(lambda: b.counted("in", "foreign") == 1)
    assert (b.got, b.gaps) == ([], [])


async def test_another_version_is_refused_by_name(pair: tuple[Node, Node], caplog: pytest.LogCaptureFixture) -> None:
    _, b = pair
    for _ in range(3):
        b.bus.take("chatter.all", envelope(number=0, parcels=[Number(1)], protocol=PROTOCOL + 1))
    await until(lambda: b.counted("in", "version") == 3)
    b.bus.take("chatter.all", msgspec.msgpack.encode(["chatter", PROTOCOL + 1, "c", {"of": "another shape"}]))
    await until(lambda: b.counted("in", "version") == 4)
    assert b.got == []
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert "node c speaks version 2 of the bus protocol, this one 1" in record.getMessage()


async def test_a_parcel_of_no_known_kind_breaks_the_stream_not_the_node(
    pair: tuple[Node, Node], caplog: pytest.LogCaptureFixture
) -> None:
    _, b = pair
    b.bus.take("chatter.node.b.1", envelope(number=1, parcels=[["unheard-of", 1]]))
    await until(lambda: b.counted("in", "failed") == 1)
    assert b.gaps == ["c"]
    b.bus.take("chatter.node.b.1", envelope(number=2, parcels=[Number(2)]))
    await until(lambda: b.got == [Number(2)])


async def test_a_listener_that_fails_is_contained(pair: tuple[Node, Node]) -> None:
    a, b = pair
    b.fails = True
    a.courier.send(B, Number(1))
    await until(lambda: b.counted("in", "failed") == 1)
    b.fails = False
    a.courier.send(B, Number(2))
    await until(lambda: b.got == [Number(2)])


async def test_two_nodes_of_one_name_notice(engine: MemoryEngine) -> None:
    first, second = Node(engine, "a", "first"), Node(engine, "a", "second")
    await first.start()
    await second.start()
    second.courier.announce(Word("here I am"))
    await until(lambda: first.clashes == ["second"])
    assert second.clashes == []
    await first.bus.stop()
    await second.bus.stop()


async def test_the_time_on_the_way_is_measured(pair: tuple[Node, Node]) -> None:
    a, b = pair
    b.now = a.now + 0.3
    a.courier.send(B, Number(1))
    await until(lambda: bool(b.got))
    assert b.registry.get_sample_value("chatter_bus_lag_seconds_sum") == pytest.approx(0.3)
    b.now = a.now - 5  # its clock is behind
    a.courier.send(B, Number(2))
    await until(lambda: len(b.got) == 2)
    assert b.registry.get_sample_value("chatter_bus_lag_seconds_sum") == pytest.approx(0.3)


async def test_the_way_of_an_announcement_back_is_measured(pair: tuple[Node, Node]) -> None:
    a, _ = pair
    assert (a.courier.echo_lag_s, a.courier.echo_age_s) == (0.0, 0.0)
    a.courier.announce(Word("hear"))
    a.now += 1.5
    await until(lambda: a.courier.echo_lag_s == 1.5)
    a.now += 2
    assert (a.courier.echo_lag_s, a.courier.echo_age_s) == (1.5, 3.5)


def envelope(
    *, number: int, parcels: list[object], first: int = 1, incarnation: str = "1", protocol: int = PROTOCOL
) -> bytes:
    """Return a message of node c."""
    return msgspec.msgpack.encode(["chatter", protocol, "c", incarnation, first, number, 100.0, parcels])
