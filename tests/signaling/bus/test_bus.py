"""The contract of a bus, over every engine; and what each does while its engine is away."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from nats.errors import MaxPayloadError
from prometheus_client import CollectorRegistry

from signaling.bus.backlog import MAX_BYTES, Backlog
from signaling.bus.create import create_bus
from signaling.bus.memory import MemoryBus, MemoryEngine
from signaling.bus.metrics import BusMetrics
from signaling.bus.nats import NatsBus
from signaling.bus.ports import Bus, BusUnavailable
from tests.buses import BusServer, free_port, nats_server, redis_server

WATCHDOG_S = 30
MakeBus = Callable[[], Bus]


class Heard:
    """What a subscriber heard."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []
        self._news = asyncio.Event()

    def take(self, message: bytes) -> None:
        self.messages.append(message)
        self._news.set()

    async def until(self, settled: Callable[[list[bytes]], bool]) -> None:
        async with asyncio.timeout(WATCHDOG_S):
            while not settled(self.messages):
                self._news.clear()
                await self._news.wait()


async def until(settled: Callable[[], bool]) -> None:
    async with asyncio.timeout(WATCHDOG_S):
        while not settled():  # noqa: ASYNC110  # the engine is another process
            await asyncio.sleep(0.01)


@pytest.fixture(
    params=[
        "memory",
        pytest.param("nats", marks=pytest.mark.integration),
        pytest.param("redis", marks=pytest.mark.integration),
    ]
)
def make_bus(request: pytest.FixtureRequest) -> MakeBus:
    """Make one more node's bus over the same engine; the test runs once per engine."""
    if request.param == "memory":
        engine = MemoryEngine()
        return lambda: MemoryBus(engine)
    server: BusServer = request.getfixturevalue(request.param)
    return lambda: create_bus(server.url, "test", BusMetrics(CollectorRegistry()))


@asynccontextmanager
async def started(*buses: Bus) -> AsyncIterator[None]:
    try:
        for bus in buses:
            await bus.start()
        yield
    finally:
        for bus in buses:
            await bus.stop()


async def test_what_one_publishes_others_hear(make_bus: MakeBus) -> None:
    one, two, three = make_bus(), make_bus(), make_bus()
    heard, also = Heard(), Heard()
    async with started(one, two, three):
        await two.subscribe("news", heard.take)
        await three.subscribe("news", also.take)
        assert one.publish("news", b"hello")
        await heard.until(lambda messages: messages == [b"hello"])
        await also.until(lambda messages: messages == [b"hello"])


async def test_other_subjects_are_not_heard(make_bus: MakeBus) -> None:
    one, two = make_bus(), make_bus()
    heard = Heard()
    async with started(one, two):
        await two.subscribe("mine", heard.take)
        one.publish("theirs", b"no")
        one.publish("mine.too", b"no")
        one.publish("mine", b"yes")
        await heard.until(bool)
    assert heard.messages == [b"yes"]


async def test_one_hears_oneself(make_bus: MakeBus) -> None:
    bus = make_bus()
    heard = Heard()
    async with started(bus):
        await bus.subscribe("me", heard.take)
        bus.publish("me", b"echo")
        await heard.until(bool)


async def test_nothing_is_delivered_before_publish_returns(make_bus: MakeBus) -> None:
    bus = make_bus()
    heard = Heard()
    async with started(bus):
        await bus.subscribe("me", heard.take)
        bus.publish("me", b"later")
        assert heard.messages == []
        await heard.until(bool)


async def test_the_order_of_one_sender_is_kept(make_bus: MakeBus) -> None:
    one, two = make_bus(), make_bus()
    heard = Heard()
    sent = [b"%d" % number for number in range(2000)]
    async with started(one, two):
        await two.subscribe("many", heard.take)
        for message in sent:
            assert one.publish("many", message)
        await heard.until(lambda messages: len(messages) >= len(sent))
    assert heard.messages == sent


@pytest.mark.parametrize("payload", [b"\0", bytes(range(256)) * 100, b"x" * 500_000], ids=["one", "binary", "large"])
async def test_any_bytes_arrive(make_bus: MakeBus, payload: bytes) -> None:
    one, two = make_bus(), make_bus()
    heard = Heard()
    async with started(one, two):
        await two.subscribe("bytes", heard.take)
        one.publish("bytes", payload)
        await heard.until(bool)
    assert heard.messages == [payload]


async def test_two_handlers_of_one_node(make_bus: MakeBus) -> None:
    bus = make_bus()
    first, second = Heard(), Heard()
    async with started(bus):
        await bus.subscribe("both", first.take)
        await bus.subscribe("both", second.take)
        bus.publish("both", b"!")
        await first.until(bool)
        await second.until(bool)
    assert first.messages == second.messages == [b"!"]


async def test_up_follows_the_life_of_a_bus(make_bus: MakeBus) -> None:
    bus = make_bus()
    assert not bus.up
    async with started(bus):
        assert bus.up
    assert not bus.up
    await bus.stop()


async def test_what_was_published_before_the_stop_arrives(make_bus: MakeBus) -> None:
    one, two = make_bus(), make_bus()
    heard = Heard()
    async with started(two):
        await two.subscribe("last", heard.take)
        async with started(one):
            for number in range(100):
                one.publish("last", b"%d" % number)
        await heard.until(lambda messages: len(messages) == 100)


# --- trouble -------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["nats", "redis"])
def server(request: pytest.FixtureRequest) -> BusServer:
    """A running engine; the test runs once per kind."""
    found: BusServer = request.getfixturevalue(request.param)
    return found


def bus_at(server: BusServer, registry: CollectorRegistry | None = None) -> Bus:
    return create_bus(server.url, "test", BusMetrics(registry or CollectorRegistry()))


@pytest.mark.integration
async def test_a_restart_of_the_engine_is_survived(server: BusServer) -> None:
    registry = CollectorRegistry()
    one, two = bus_at(server, registry), bus_at(server)
    heard = Heard()
    async with started(one, two):
        await two.subscribe("news", heard.take)
        server.kill()
        await until(lambda: not one.up and not two.up)
        assert registry.get_sample_value("chatter_bus_up") == 0
        one.publish("news", b"meanwhile")  # may be lost; must not raise
        server.start()
        await until(lambda: one.up and two.up)
        while b"after" not in heard.messages:  # a subscription may come back a moment after the connection
            one.publish("news", b"after")
            await asyncio.sleep(0.01)
        assert registry.get_sample_value("chatter_bus_up") == 1
        assert registry.get_sample_value("chatter_bus_reconnects_total") == 1


@pytest.mark.integration
async def test_an_engine_that_stands_still_is_noticed(server: BusServer) -> None:
    one = bus_at(server)
    async with started(one):
        server.freeze()
        try:
            await until(lambda: not one.up)
        finally:
            server.thaw()
        await until(lambda: one.up)


@pytest.mark.integration
async def test_an_engine_that_turns_one_away_is_asked_again(server: BusServer) -> None:
    one, two = bus_at(server), bus_at(server)
    heard = Heard()
    async with started(one, two):
        await two.subscribe("news", heard.take)
        server.kill()
        strict = copy.deepcopy(server)
        strict.require("unknown here")
        strict.start()
        for _ in range(10):  # for a while, in which what is published may not raise
            one.publish("news", b"meanwhile")
            two.publish("other", b"news")
            await asyncio.sleep(0.1)
        assert not one.up
        strict.kill()
        server.start()
        await until(lambda: one.up and two.up)
        while b"after" not in heard.messages:
            one.publish("news", b"after")
            await asyncio.sleep(0.01)


@pytest.mark.integration
async def test_what_waits_for_the_engine_is_bounded(server: BusServer) -> None:
    one = bus_at(server)
    async with started(one):
        server.freeze()
        try:
            payload = b"x" * 100_000
            accepted = sum(one.publish("flood", payload) for _ in range(1000))
            assert accepted * len(payload) <= 8 * 1024 * 1024
        finally:
            server.thaw()


@pytest.mark.integration
@pytest.mark.parametrize("how", ["killed", "frozen"])
async def test_a_stop_waits_for_no_engine(server: BusServer, how: str) -> None:
    one = bus_at(server)
    await one.start()
    server.freeze()
    for _ in range(100):
        one.publish("flood", b"x" * 100_000)
    if how == "killed":
        server.kill()
        await until(lambda: not one.up)
    async with asyncio.timeout(WATCHDOG_S):
        await one.stop()
    assert not one.up
    if how == "frozen":
        server.thaw()


@pytest.mark.integration
async def test_what_was_taken_is_sent_however_long_the_engine_stands_still(nats: BusServer) -> None:
    registry = CollectorRegistry()
    one, two = bus_at(nats, registry), bus_at(nats)
    heard = Heard()
    async with started(one, two):
        await two.subscribe("flood", heard.take)
        nats.freeze()
        taken = 0
        try:
            while one.publish("flood", b"%09d" % taken + b"x" * 100_000):  # until the last buffer is full
                taken += 1
                await asyncio.sleep(0)
        finally:
            nats.thaw()
        await heard.until(lambda messages: len(messages) == taken)
    assert [int(message[:9]) for message in heard.messages] == list(range(taken))
    assert taken * 100_000 > 2 * MAX_BYTES, "more than the backlog holds"
    assert registry.get_sample_value("chatter_bus_messages_total", {"direction": "out", "result": "dropped"}) == 0


@pytest.mark.integration
async def test_an_engine_for_small_messages_only_is_refused(tmp_path: Path) -> None:
    settings = tmp_path / "nats.conf"
    settings.write_text("max_payload: 4096\n")
    server = nats_server()
    server.configure("--config", str(settings))
    server.start()
    try:
        bus = bus_at(server)
        with pytest.raises(BusUnavailable, match="messages of up to 4096 bytes"):
            await bus.start()
        await bus.stop()
    finally:
        server.kill()


@pytest.mark.integration
@pytest.mark.parametrize(("scheme", "other"), [("nats", "redis"), ("redis", "nats")])
async def test_an_engine_of_another_kind_is_refused(request: pytest.FixtureRequest, scheme: str, other: str) -> None:
    server: BusServer = request.getfixturevalue(other)
    bus = create_bus(f"{scheme}://127.0.0.1:{server.port}", "test", BusMetrics(CollectorRegistry()))
    with pytest.raises(BusUnavailable) as refused:
        await bus.start()
    assert "\n" not in str(refused.value)
    await bus.stop()


@pytest.mark.parametrize(
    "url",
    ["nats://127.0.0.1:{port}", "redis://127.0.0.1:{port}", "nats://u:hush-hush@127.0.0.1:{port}"],
)
async def test_nobody_listens(url: str) -> None:
    bus = create_bus(url.format(port=free_port()), "test", BusMetrics(CollectorRegistry()))
    with pytest.raises(BusUnavailable) as refused:
        await bus.start()
    assert "cannot reach the bus at " in str(refused.value)
    assert "hush" not in str(refused.value)
    assert "\n" not in str(refused.value)
    await bus.stop()


@pytest.mark.integration
@pytest.mark.parametrize("make", [nats_server, redis_server])
async def test_wrong_credentials(make: Callable[[], BusServer]) -> None:
    server = make()
    server.require("the-password")
    server.start()
    try:
        wrong = server.url.replace("//", "//chatter:hush-hush@")
        bus = create_bus(wrong, "test", BusMetrics(CollectorRegistry()))
        with pytest.raises(BusUnavailable) as refused:
            await bus.start()
        assert "hush" not in str(refused.value)
        await bus.stop()
        right = create_bus(server.url.replace("//", "//chatter:the-password@"), "test", BusMetrics(CollectorRegistry()))
        async with started(right):
            assert right.up
    finally:
        server.kill()


@pytest.mark.parametrize("url", ["http://127.0.0.1", "nats", "amqp://x", "127.0.0.1:4222", "nats://a,http://b"])
def test_a_bus_of_no_known_kind(url: str) -> None:
    with pytest.raises(ValueError, match="nats://"):
        create_bus(url, "test", BusMetrics(CollectorRegistry()))


async def test_what_is_too_large_for_nats_is_dropped_and_the_rest_arrives(nats: BusServer) -> None:
    bus = bus_at(nats)
    heard = Heard()
    async with started(bus):
        await bus.subscribe("news", heard.take)
        assert not bus.publish("news", b"x" * 2_000_000)
        assert bus.publish("news", b"small")
        await heard.until(lambda messages: messages == [b"small"])


class FickleClient:
    """Stands in for a NATS client whose server turns away what it took before."""

    max_payload = 1024 * 1024
    refuses = True

    async def publish(self, subject: str, payload: bytes) -> None:
        if self.refuses:
            raise MaxPayloadError


async def test_what_nats_turns_away_counts_as_dropped_and_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    registry = CollectorRegistry()
    bus = NatsBus("nats://127.0.0.1", "test", BusMetrics(registry))
    client = FickleClient()
    bus._client = client  # type: ignore[assignment]

    def dropped() -> float | None:
        return registry.get_sample_value("chatter_bus_messages_total", {"direction": "out", "result": "dropped"})

    for _ in range(3):
        await bus._send("news", b"lost")
    assert dropped() == 3
    assert len(caplog.records) == 1
    client.refuses = False
    await bus._send("news", b"sent")
    assert dropped() == 3
    client.refuses = True
    await bus._send("news", b"lost")
    assert len(caplog.records) == 2, "another outage"


async def test_the_memory_engine_can_be_away() -> None:
    engine = MemoryEngine()
    bus = MemoryBus(engine)
    heard = Heard()
    async with started(bus):
        await bus.subscribe("news", heard.take)
        engine.running = False
        assert not bus.up
        assert not bus.publish("news", b"lost")
        engine.running = True
        assert bus.publish("news", b"found")
        await heard.until(bool)
    assert heard.messages == [b"found"]


async def test_a_backlog_sends_in_order_and_refuses_what_is_too_much() -> None:
    sent: list[tuple[str, bytes]] = []
    gate = asyncio.Event()

    async def send(subject: str, payload: bytes) -> None:
        await gate.wait()
        sent.append((subject, payload))

    backlog = Backlog(send, max_bytes=10)
    pump = asyncio.create_task(backlog.run())
    assert backlog.put("a", b"12345")
    assert backlog.put("b", b"12345")
    assert not backlog.put("c", b"1")
    gate.set()
    await backlog.emptied()
    assert sent == [("a", b"12345"), ("b", b"12345")]
    assert backlog.put("c", b"1")
    await backlog.emptied()
    pump.cancel()
    await asyncio.gather(pump, return_exceptions=True)
