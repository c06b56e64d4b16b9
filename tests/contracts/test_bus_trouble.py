"""The bus of two nodes is restarted, stands still, is out of reach of one of them, or is slow: nobody misses a word."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest
import pytest_asyncio
from prometheus_client import CollectorRegistry
from sqlalchemy.engine import URL

from signaling.bus.backlog import MAX_BYTES
from signaling.bus.create import create_bus
from signaling.bus.metrics import BusMetrics
from signaling.cluster.settings import ClusterSettings
from tests.buses import BusServer
from tests.contracts.roamers import Roamer, check_sessions
from tests.contracts.site import ORIGIN, Site, running_site, site_settings
from tests.databases import SqliteFactory
from tests.forwarder import Forwarder, forwarding
from tests.signaling.chaos import chaos_seed

pytestmark = pytest.mark.integration
ROOM = "standup"
WATCHDOG_S = 40
SLOW_S = 1.3
"""What 4 KiB take to the bus, and back: little enough that its clients stay connected."""


@dataclass
class Two:
    """The node with the room, and another one that reaches the bus over a line of its own."""

    owner: Site
    edge: Site
    engine: BusServer
    line: Forwarder


@pytest.fixture(params=["nats", "redis"])
def engine(request: pytest.FixtureRequest) -> BusServer:
    """A running engine; the test runs once per kind."""
    found: BusServer = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def database(sqlite_factory: SqliteFactory) -> URL:
    """An empty, migrated database."""
    return sqlite_factory.create()


@pytest_asyncio.fixture
async def two(tmp_path: Path, database: URL, engine: BusServer) -> AsyncIterator[Two]:
    """Two nodes that know of each other."""
    async with AsyncExitStack() as stack:
        line = await stack.enter_async_context(forwarding((engine.host, engine.port)))
        host, port = line.address
        settings = site_settings(tmp_path, database, close_timeout=timedelta(milliseconds=300), limits_scale=1000.0)
        owner, edge = [
            await stack.enter_async_context(running_site(among(settings, name, url), alone=False))
            for name, url in (("owner", engine.url), ("edge", f"{engine.url.partition(':')[0]}://{host}:{port}"))
        ]
        await patiently(lambda: meet(owner, edge))
        await owner.open_room(ROOM, await owner.sign_up("olivia"))
        yield Two(owner, edge, engine, line)
        line.heal()


def among(settings: Any, name: str, url: str) -> Any:
    return msgspec.structs.replace(settings, cluster=ClusterSettings(bus_url=url, node=name))


async def patiently(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(WATCHDOG_S):
        while not condition():  # noqa: ASYNC110  # what is waited for happens elsewhere
            await asyncio.sleep(0.02)


def meet(*nodes: Site) -> bool:
    return all(node.metric("chatter_bus_nodes") == 1 for node in nodes)


async def report_of(node: Site) -> dict[str, Any]:
    """Return what a node says of its bus when asked whether traffic may come, which it may."""
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{node.ports['asgi']}", trust_env=False) as client:
        answer = await client.get("/readyz")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()["checks"]["bus"]
    return found


async def says(node: Site, **wanted: object) -> None:
    """Wait until a node says this of its bus."""
    async with asyncio.timeout(WATCHDOG_S):
        while not wanted.items() <= (await report_of(node)).items():  # noqa: ASYNC110  # asked over HTTP
            await asyncio.sleep(0.05)


def late_messages(node: Site) -> float:
    """Count the messages that took too long."""
    in_time = node.metric("chatter_bus_lag_seconds_bucket", le="1.0")
    return node.metric("chatter_bus_lag_seconds_count") - in_time


# --- the troubles: each is there inside its block, and says how one knows --------------------------------------------


@asynccontextmanager
async def restart(two: Two) -> AsyncIterator[None]:
    two.engine.kill()
    for node in (two.owner, two.edge):
        await says(node, ok=False, problem="not connected")
        assert node.metric("chatter_bus_up") == 0
    yield
    await asyncio.to_thread(two.engine.start)


@asynccontextmanager
async def pause(two: Two) -> AsyncIterator[None]:
    began = time.monotonic()
    two.engine.freeze()
    for node in (two.owner, two.edge):
        await says(node, ok=False)
    yield
    await asyncio.sleep(5 - (time.monotonic() - began))  # what is tested is this pause
    two.engine.thaw()


@asynccontextmanager
async def partition(two: Two) -> AsyncIterator[None]:
    two.line.hold()
    await says(two.edge, ok=False, problem="not connected")
    await patiently(lambda: not meet(two.owner))
    assert await report_of(two.owner) == {"ok": True, "required": False}
    yield
    two.line.heal()


@asynccontextmanager
async def slowness(two: Two) -> AsyncIterator[None]:
    before = late_messages(two.edge)
    two.line.slow(SLOW_S)
    await says(two.edge, ok=False)
    yield
    await patiently(lambda: late_messages(two.edge) > before)
    two.line.heal()


TROUBLES: tuple[Callable[[Two], AbstractAsyncContextManager[None]], ...] = (restart, pause, partition, slowness)


async def test_nobody_misses_a_word(two: Two) -> None:
    seed = chaos_seed()
    print(f"replay with CHAOS_SEED={seed}")
    ann, ben = (person_at(two.owner, name, seed + number) for number, name in enumerate(("Ann", "Ben")))
    cleo = person_at(two.edge, "Cleo", seed + 2)
    over = asyncio.Event()
    async with asyncio.timeout(4 * WATCHDOG_S), asyncio.TaskGroup() as group:
        for person in (ann, ben, cleo):
            group.create_task(person.live(cuts=False, talks=lambda: True, until=over.is_set))
            await hear_news(person)  # the first decides where the room lives
        for trouble in TROUBLES:
            print(trouble.__name__)
            await hear_news(ann, ben, cleo)
            async with trouble(two):
                await hear_news(ann, ben)
            await patiently(lambda: meet(two.owner, two.edge))
            for node in (two.owner, two.edge):
                await says(node, ok=True)
                assert node.metric("chatter_bus_up") == 1
        await hear_news(ann, ben, cleo)
        over.set()
    check_sessions([ann, ben, cleo])
    assert (ann.resumes, ben.resumes) == (0, 0), "at the owner nobody notices"
    assert (ann.losses, ben.losses, cleo.losses) == (0, 0, 0)


def person_at(node: Site, name: str, seed: int) -> Roamer:
    url = f"ws://127.0.0.1:{node.ports['gateway']}"
    return Roamer(name, ROOM, lambda: [url], ORIGIN, seed)


async def hear_news(*people: Roamer) -> None:
    """Wait until each of these has heard something that each of them says from now on."""
    said = {person.speaker.name: person.speaker.said for person in people}

    def up_to_date() -> bool:
        return all(newest(person).get(name, 0) > before for person in people for name, before in said.items())

    await patiently(up_to_date)


def newest(person: Roamer) -> dict[str, int]:
    """Return the number of the last words of each that someone lately heard."""
    words = (text.rpartition(" ") for text in person.speaker.heard[-100:])
    return {name: int(number) for name, _, number in words}


async def test_what_waits_for_a_bus_that_stands_still_is_bounded(engine: BusServer) -> None:
    registry = CollectorRegistry()
    bus = create_bus(engine.url, "test", BusMetrics(registry))
    await bus.start()
    engine.freeze()
    try:
        payload, accepted = b"x" * 64 * 1024, 0
        for _ in range(3000):
            accepted += bus.publish("flood", payload)
            await asyncio.sleep(0)  # let the engine have what it takes
        assert accepted * len(payload) <= 4 * MAX_BYTES, "what waits here, in the client and in two kernels' buffers"
    finally:
        engine.thaw()
        await bus.stop()
