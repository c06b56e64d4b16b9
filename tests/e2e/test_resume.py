"""Calls that outlive their connections: the line to the server is cut, held or moved, and media broken, on purpose."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, expect

from tests.e2e.conftest import IMPATIENT, People, Server
from tests.e2e.cutter import Cutter, cutting, is_away, is_back, known, server_to_cut
from tests.e2e.impatient import RESUME_WINDOW
from tests.e2e.person import Person, until

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


@pytest.fixture(scope="session")
def cut_server() -> Iterator[tuple[Server, int]]:
    """An impatient server whose gateway browsers reach over another port; that port is the cutter's."""
    server, port = server_to_cut(program=IMPATIENT)
    server.start()
    yield server, port
    server.close()


@pytest_asyncio.fixture(loop_scope="session")
async def cutter(cut_server: tuple[Server, int]) -> AsyncIterator[Cutter]:
    """The cutter before the gateway."""
    async with cutting(*cut_server) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="session")
async def cut_people(cut_server: tuple[Server, int], cutter: Cutter, browser: Browser) -> AsyncIterator[People]:
    """People whose lines go through the cutter."""
    made = People(cut_server[0], browser)
    yield made
    await made.close()


async def three(people: People, name: str) -> tuple[Person, Person, Person]:
    """Bring a host and the guests Ben and Cem into a call."""
    host, ben, cem = await known(people, "host"), await known(people, "ben"), await known(people, "cem")
    await host.sign_up(name)
    link = await host.create_room()
    await host.join(link)
    await ben.join(link, "Ben")
    await cem.join(link, "Cem")
    await asyncio.gather(*(person.watches(2) for person in (host, ben, cem)))
    for person in (host, ben, cem):
        await person.page.evaluate("window.__announced.length = 0")
    return host, ben, cem


async def built(person: Person) -> int:
    """Count the peer connections that a page has ever made."""
    count: int = await person.page.evaluate("window.__connections.length")
    return count


async def announced(person: Person) -> list[str]:
    """Return what a page said of people who came and went."""
    found: list[str] = await person.page.evaluate("window.__announced")
    return found


async def tile_of(person: Person, name: str) -> str | None:
    """Return the test id of someone's tile: it has the clientId in it."""
    return await tile_called(person, name).get_attribute("data-testid")


def tile_called(person: Person, name: str) -> Locator:
    """Find someone's tile."""
    return person.page.get_by_role("article", name=name, exact=True)


async def messages(person: Person, texts: str) -> list[str]:
    """Return the chat messages that match, in the order in which the page shows them."""
    if not await person.page.get_by_test_id("chat-log").is_visible():
        await person.page.get_by_role("button", name=re.compile("^Chat")).click()
    log = await person.page.get_by_test_id("chat-log").inner_text()
    return re.findall(texts, log)


async def test_a_cut_of_5_seconds_is_nobody_elses_business(cut_people: People, cutter: Cutter) -> None:
    host, ben, cem = await three(cut_people, "cut-5")
    everyone = (host, ben, cem)
    connections = [await built(person) for person in everyone]
    tile = await tile_of(host, "Ben")

    cutter.cut("ben")
    await is_away(ben)
    await host.say("said while Ben was away 1")
    await ben.still_watches(2)  # the picture needs no server
    await asyncio.sleep(5)  # the length of the cut, not a wait
    await expect(ben.page.get_by_role("button", name="Leave")).to_be_visible()
    cutter.heal("ben")
    await is_back(ben)

    await ben.reads("said while Ben was away 1")
    await ben.say("said by Ben afterwards 2")
    await asyncio.gather(host.reads("said by Ben afterwards 2"), cem.reads("said by Ben afterwards 2"))
    assert await tile_of(host, "Ben") == tile
    assert [await built(person) for person in everyone] == connections
    assert [await announced(person) for person in everyone] == [[], [], []]
    await asyncio.gather(*(person.still_watches(2) for person in everyone))


async def test_a_cut_longer_than_the_window_ends_in_a_whole_rejoin(cut_people: People, cutter: Cutter) -> None:
    host, ben, cem = await three(cut_people, "cut-long")
    tile = await tile_of(host, "Ben")
    await ben.say("before the cut")
    await host.reads("before the cut")
    cutter.cut("ben")
    await is_away(ben)
    await host.say("while Ben was away")
    await ben.still_watches(2)
    await host.sees_nobody_called("Ben", within=2 * RESUME_WINDOW)
    cutter.heal("ben")
    await is_back(ben)
    await asyncio.gather(*(person.watches(2) for person in (host, ben, cem)))
    await ben.reads("while Ben was away")
    await host.sees("Ben")
    assert await tile_of(host, "Ben") != tile
    assert await messages(ben, "before the cut|while Ben was away") == ["before the cut", "while Ben was away"]
    assert await announced(host) == ["Ben left", "Ben joined"]


@pytest.mark.parametrize("noticed", [False, True], ids=["unnoticed", "noticed"])
async def test_a_page_whose_network_is_gone_comes_back(cut_people: People, cutter: Cutter, noticed: bool) -> None:
    host, ben, cem = await three(cut_people, f"offline-{noticed}")
    tile = await tile_of(host, "Ben")
    cutter.hold("ben")
    await ben.context.set_offline(True)
    await host.say("while Ben was offline")
    if noticed:
        await expect(tile_called(host, "Ben")).to_have_attribute("data-signal", "lost")
    else:
        await asyncio.sleep(1)  # the length of the outage, not a wait
    cutter.heal("ben")
    await ben.context.set_offline(False)
    await is_back(ben)
    await ben.reads("while Ben was offline")
    await ben.say("online again")
    await asyncio.gather(host.reads("online again"), cem.reads("online again"))
    # The server waits from the moment it missed the second ping, so both can be resumed.
    assert await tile_of(host, "Ben") == tile
    assert await announced(host) == []
    await asyncio.gather(*(person.still_watches(2) for person in (host, ben, cem)))


async def test_what_is_said_across_a_cut_arrives_once_and_in_order(cut_people: People, cutter: Cutter) -> None:
    host, ben, _ = await three(cut_people, "chat-once")
    said = []
    for turn in range(4):
        for number in range(3):
            said.append(f"line {turn}-{number}")
            if number == 1:
                cutter.swallow("ben")  # it leaves the page and never arrives
            await ben.say(said[-1])
        cutter.cut("ben")
        await is_away(ben)
        cutter.heal("ben")
        await is_back(ben)
    await host.reads(said[-1])
    await ben.reads(said[-1])
    assert await messages(host, r"line \d-\d") == said
    assert await messages(ben, r"line \d-\d") == said
    await expect(ben.page.get_by_text("Sending…")).to_have_count(0)


async def test_a_restart_of_the_server_doubles_nobody(cut_people: People, cut_server: tuple[Server, int]) -> None:
    host, ben, cem = await three(cut_people, "resume-restart")
    server, _ = cut_server
    server.stop()
    await asyncio.gather(*(is_away(person) for person in (host, ben, cem)))
    await asyncio.gather(*(person.still_watches(2) for person in (host, ben, cem)))
    await asyncio.to_thread(server.start)
    await asyncio.gather(*(is_back(person) for person in (host, ben, cem)))
    await asyncio.gather(*(person.watches(2) for person in (host, ben, cem)))
    for person in (host, ben, cem):
        await expect(person.page.get_by_role("button", name="People, 3 in the call")).to_be_visible()
    await ben.say("all here")
    await asyncio.gather(host.reads("all here"), cem.reads("all here"))


async def test_another_network_means_another_path_for_everyone(cut_people: People) -> None:
    host, ben, cem = await three(cut_people, "ice-restart")
    connections = await built(ben)
    await ben.changes_network()
    await asyncio.gather(*(person.still_watches(2) for person in (host, ben, cem)))
    assert await built(ben) == connections
    await expect(ben.page.get_by_role("button", name="Try now")).to_be_hidden()


async def test_a_connection_that_died_is_built_anew(cut_people: People) -> None:
    host, ben, cem = await three(cut_people, "rebuild")
    # Without a word to the other side, as when a browser loses its network process.
    await ben.page.evaluate("window.__connections[0].close()")
    await host.watches(2)

    async def mended() -> bool:
        return len(await ben.received()) == 2 and await built(ben) == 3

    await until(mended, lambda: ben.received(), timeout=60)
    await asyncio.gather(*(person.still_watches(2) for person in (host, ben, cem)))
    assert await built(cem) == 2  # nobody else was touched
