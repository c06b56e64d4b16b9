"""Three nodes of one deployment over a real bus and PostgreSQL, and those who come in at any of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from sqlalchemy.engine import URL

from auth.service import SignedIn
from signaling.cluster.settings import ClusterSettings
from tests.buses import BusServer
from tests.contracts.site import Door, Site, Visitor, running_site, site_settings, until
from tests.databases import PostgresFactory

ROOM = "standup"


@pytest.fixture
def postgres(postgres_factory: PostgresFactory) -> Any:
    """An empty, migrated PostgreSQL database."""
    url = postgres_factory.create()
    yield url
    postgres_factory.drop(url)


@asynccontextmanager
async def running_node(
    folder: Path, database: URL, nats: BusServer, name: str, collector: str = ""
) -> AsyncIterator[Door]:
    """Run one node, with a folder of its own."""
    own = folder / name
    own.mkdir()
    settings = site_settings(own, database, close_timeout=timedelta(milliseconds=300), limits_scale=1000.0)
    settings = msgspec.structs.replace(settings, cluster=ClusterSettings(bus_url=nats.url, node=name))
    if collector:
        observability = msgspec.structs.replace(settings.observability, otlp_endpoint=collector)
        settings = msgspec.structs.replace(settings, observability=observability)
    async with running_site(settings, alone=False) as site:
        yield Door(site, "gateway")


class Three:
    """The nodes a, b and c, and the ways into each."""

    def __init__(self, doors: list[Door], stacks: list[AsyncExitStack]) -> None:
        self.a, self.b, self.c = self.doors = doors
        self._stacks = stacks

    async def stop(self, door: Door) -> None:
        """End a node in good order."""
        await self._stacks[self.doors.index(door)].aclose()

    def owner(self) -> Site:
        """Return the node where the room lives."""
        (owner,) = (door.site for door in self.doors if door.site.hub.members(ROOM))
        return owner


@pytest.fixture
def bus(request: pytest.FixtureRequest) -> BusServer:
    """NATS, or the bus that a test is parametrized with."""
    chosen: BusServer = request.getfixturevalue(getattr(request, "param", "nats"))
    return chosen


@pytest_asyncio.fixture
async def three(tmp_path: Path, postgres: URL, bus: BusServer) -> AsyncIterator[Three]:
    """Three nodes that know of each other."""
    async with AsyncExitStack() as whole:
        stacks = [await whole.enter_async_context(AsyncExitStack()) for _ in range(3)]
        doors = [
            await stack.enter_async_context(running_node(tmp_path, postgres, bus, name))
            for stack, name in zip(stacks, "abc", strict=True)
        ]
        await until(lambda: all(door.site.metric("chatter_bus_nodes") == 2 for door in doors))
        yield Three(doors, stacks)
        for door in doors:
            await door.close()


@pytest_asyncio.fixture
async def owner(three: Three) -> SignedIn:
    """Someone with a room that admits guests."""
    person = await three.a.site.sign_up("olivia")
    await three.a.site.open_room(ROOM, person)
    return person


async def hello(door: Door, *present: Visitor, person: SignedIn | None = None) -> tuple[Visitor, str]:
    """Come in, so that those present see it; return the token to resume with too."""
    visitor = await door.knock(ROOM, "v=2")
    await visitor.send("hello", **({} if person is None else {"token": person.access_token}))
    welcome = await visitor.expect("welcome")
    visitor.id, visitor.role = welcome["clientId"], welcome["role"]
    visitor.people = (await visitor.expect("participants"))["participants"]
    for other in present:
        await other.expect("presence", action="join", clientId=visitor.id)
    return visitor, welcome["resumeToken"]


async def resume(door: Door, token: str, visitor: Visitor, last_seq: int) -> Visitor:
    """Come back to a session, and read nothing yet."""
    back = await door.knock(ROOM, "v=2")
    await back.send("resume", resumeToken=token, lastSeq=last_seq)
    back.goes_on(visitor.id, last_seq)
    return back
