"""A call whose two people are at different nodes: the bus is killed, either node is killed, and the call goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Playwright, expect

from tests.buses import BusServer
from tests.databases import PostgresFactory
from tests.e2e.conftest import CHROMIUM_FLAGS, People
from tests.e2e.cutter import is_away, is_back, known
from tests.e2e.nodes import FIRST, SECOND, Nodes, kill, metric, running_nodes
from tests.e2e.person import Person, until
from tests.e2e.test_resume import announced, built, tile_of
from tests.infra.conftest import nginx_program

__all__ = ["nginx_program"]
pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


@pytest.fixture
def nodes(tmp_path: Path, nginx_program: str, postgres_factory: PostgresFactory, nats: BusServer) -> Iterator[Nodes]:
    """Two nodes of the test's own."""
    database = postgres_factory.create()
    with running_nodes(tmp_path, nginx_program, database, nats.url) as running:
        yield running
    postgres_factory.drop(database)


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def browser(playwright: Playwright, chromium: str) -> AsyncIterator[Browser]:
    """A browser that takes the proxy's certificate."""
    flags = [*CHROMIUM_FLAGS, "--use-fake-ui-for-media-stream", "--ignore-certificate-errors"]
    launched = await playwright.chromium.launch(executable_path=chromium, args=flags)
    yield launched
    await launched.close()


@pytest_asyncio.fixture(loop_scope="session")
async def call(nodes: Nodes, browser: Browser) -> AsyncIterator[tuple[Person, Person]]:
    """Alice, at the node with the room, and Bob, at the other one, see and hear each other."""
    people = People(nodes.first, browser)
    alice, bob = await known(people, FIRST), await known(people, SECOND)
    await until(lambda: meet(nodes))
    await alice.sign_up("alice")
    link = await alice.create_room()
    await alice.join(link)
    await bob.join(link, "Bob")
    await asyncio.gather(alice.watches(1), bob.watches(1))
    assert await metric(nodes.first, 'chatter_bus_links{side="room"}') == 1
    assert await metric(nodes.second, 'chatter_bus_links{side="socket"}') == 1
    await talk(alice, bob, "before")
    for person in (alice, bob):
        await person.page.evaluate("window.__announced.length = 0")
    yield alice, bob
    await people.close()


async def meet(nodes: Nodes) -> bool:
    """Tell whether each node hears the other."""
    return [await metric(node, "chatter_bus_nodes") for node in nodes.both] == [1, 1]


async def talk(alice: Person, bob: Person, when: str) -> None:
    """Let each say something that the other reads."""
    await alice.say(f"Alice {when}")
    await bob.reads(f"Alice {when}")
    await bob.say(f"Bob {when}")
    await alice.reads(f"Bob {when}")


async def pictures_go_on(*people: Person) -> None:
    """Wait until new pictures have come in on the connections that there are."""
    await asyncio.gather(*(person.still_watches(1) for person in people))


async def test_the_death_of_the_bus(nodes: Nodes, call: tuple[Person, Person], nats: BusServer) -> None:
    alice, bob = call
    tile = await tile_of(alice, "Bob")
    nats.kill()
    await is_away(bob)  # his node is silent to the one with the room
    await alice.say("while there was no bus")
    await alice.reads("while there was no bus")
    await pictures_go_on(alice, bob)
    await asyncio.to_thread(nats.start)
    await is_back(bob)
    await bob.reads("while there was no bus")
    await talk(alice, bob, "afterwards")
    assert await metric(nodes.second, 'chatter_bus_links{side="socket"}') == 1
    assert await tile_of(alice, "Bob") == tile
    await nobody_noticed(alice, bob)


async def test_the_death_of_the_node_without_the_room(nodes: Nodes, call: tuple[Person, Person]) -> None:
    alice, bob = call
    tile = await tile_of(alice, "Bob")
    kill(nodes.second)
    await talk(alice, bob, "afterwards")

    async def noticed() -> bool:
        return await metric(nodes.first, "chatter_bus_links") == 0

    await until(noticed)
    assert await metric(nodes.first, "chatter_ws_connections") == 2
    assert await tile_of(alice, "Bob") == tile
    await nobody_noticed(alice, bob)


async def test_the_death_of_the_node_with_the_room(nodes: Nodes, call: tuple[Person, Person]) -> None:
    alice, bob = call
    kill(nodes.first)
    await asyncio.gather(is_away(alice), is_away(bob))
    await pictures_go_on(alice, bob)  # the call needs no node
    await asyncio.gather(is_back(alice), is_back(bob))
    for person in call:
        await expect(person.page.get_by_role("button", name="People, 2 in the call")).to_be_visible(timeout=30_000)
    await asyncio.gather(alice.watches(1), bob.watches(1))
    await talk(alice, bob, "afterwards")
    await asyncio.gather(alice.reads("Bob before"), bob.reads("Alice before"))
    assert await metric(nodes.second, 'chatter_ws_resumes_total{result="unknown"}') == 2
    assert await metric(nodes.second, "chatter_participants") == 2


async def nobody_noticed(alice: Person, bob: Person) -> None:
    """Check that nobody was seen to go or come, and that the picture goes on over the one connection that there was."""
    assert [await announced(person) for person in (alice, bob)] == [[], []]
    assert [await built(person) for person in (alice, bob)] == [1, 1]
    await pictures_go_on(alice, bob)
