"""Calls that outlive their connections: the line to the server is cut, held or moved, and media broken, on purpose."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.e2e.conftest import People, Server
from tests.e2e.person import Person, until

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

_MARK = "who="
# Names the person in the address of each socket, so that the cutter knows whose line it is; keeps what was announced.
_BE_KNOWN = """
window.__announced = [];
new MutationObserver((changes) => {
  for (const change of changes) for (const node of change.addedNodes) {
    const text = node.textContent ?? '';
    if (/(joined|left)$/.test(text)) window.__announced.push(text);
  }
}).observe(document, {childList: true, subtree: true});
window.WebSocket = class extends window.WebSocket {
  constructor(url, ...rest) { super(url + (url.includes('?') ? '&' : '?') + 'who=%s', ...rest); }
};
"""


class Cutter:
    """A TCP proxy before the gateway that cuts or holds the lines of one person."""

    def __init__(self, gateway_port: int) -> None:
        self._gateway_port = gateway_port
        self._lines: defaultdict[str, set[asyncio.StreamWriter]] = defaultdict(set)
        self._open: defaultdict[str, asyncio.Event] = defaultdict(_set_event)
        self._deaf: set[str] = set()
        self._refused: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.dials: defaultdict[str, int] = defaultdict(int)

    def cut(self, who: str) -> None:
        """Reset all lines of a person and every new one."""
        self._refused.add(who)
        self._deaf.discard(who)
        for line in self._lines.pop(who, set()):
            line.transport.abort()

    def heal(self, who: str) -> None:
        """Let lines of a person through again."""
        self._refused.discard(who)
        self._open[who].set()

    def hold(self, who: str) -> None:
        """Let nothing through either way, and tell nobody: what is sent arrives when the line is healed."""
        self._open[who].clear()

    def swallow(self, who: str) -> None:
        """Lose what a person sends from now on, until the line is cut."""
        self._deaf.add(who)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await self._carry(reader, writer)
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def close(self) -> None:
        """End all lines."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        who = _who(head)
        self.dials[who] += 1
        if who in self._refused:
            return
        await self._open[who].wait()
        upstream_reader, upstream = await asyncio.open_connection("127.0.0.1", self._gateway_port)
        self._lines[who] |= {writer, upstream}
        upstream.write(head)
        try:
            out = asyncio.ensure_future(self._pump(who, reader, upstream, outward=True))
            back = asyncio.ensure_future(self._pump(who, upstream_reader, writer, outward=False))
            _, others = await asyncio.wait((out, back), return_when=asyncio.FIRST_COMPLETED)
            for other in others:
                other.cancel()
            await asyncio.gather(out, back, return_exceptions=True)
        finally:
            self._lines[who] -= {writer, upstream}
            upstream.transport.abort()

    async def _pump(self, who: str, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, outward: bool) -> None:
        while True:
            data = await source.read(65536)
            await self._open[who].wait()  # a network that is gone carries no goodbye either
            if not data:
                return
            if not (outward and who in self._deaf):
                sink.write(data)
                await sink.drain()


def _set_event() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


def _who(head: bytes) -> str:
    line = head.split(b"\r\n", 1)[0].decode()
    return line.partition(_MARK)[2].split("&")[0].split(" ")[0]


@pytest.fixture(scope="session")
def cut_server() -> Iterator[tuple[Server, int]]:
    """A server whose gateway browsers reach over another port; that port is the cutter's."""
    server = Server()
    port = server.gateway_port + 1000 if server.gateway_port < 60000 else server.gateway_port - 1000
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GATEWAY_URL", f"ws://localhost:{port}")
        server.start()
    yield server, port
    server.close()


@pytest_asyncio.fixture(loop_scope="session")
async def cutter(cut_server: tuple[Server, int]) -> AsyncIterator[Cutter]:
    """The cutter before the gateway."""
    server, port = cut_server
    made = Cutter(server.gateway_port)
    listening = await asyncio.start_server(made.serve, "127.0.0.1", port)
    yield made
    listening.close()
    await made.close()


@pytest_asyncio.fixture(loop_scope="session")
async def cut_people(cut_server: tuple[Server, int], cutter: Cutter, browser: Browser) -> AsyncIterator[People]:
    """People whose lines go through the cutter."""
    made = People(cut_server[0], browser)
    yield made
    await made.close()


async def known(people: People, who: str) -> Person:
    """Open a browser profile whose lines the cutter knows by name."""
    person = await people.new()
    await person.context.add_init_script(_BE_KNOWN.replace("%s", who))
    return person


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
    return await person.page.get_by_role("article", name=name, exact=True).get_attribute("data-testid")


async def is_away(person: Person) -> None:
    """Wait until the page says that it has no connection."""
    await expect(person.page.get_by_role("button", name="Try now")).to_be_visible(timeout=30_000)


async def is_back(person: Person) -> None:
    """Wait until the page has its connection again."""
    await expect(person.page.get_by_role("button", name="Try now")).to_be_hidden(timeout=30_000)


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


async def test_a_cut_of_40_seconds_ends_in_a_whole_rejoin(cut_people: People, cutter: Cutter) -> None:
    host, ben, cem = await three(cut_people, "cut-40")
    tile = await tile_of(host, "Ben")
    await ben.say("before the cut")
    await host.reads("before the cut")
    cutter.cut("ben")
    await is_away(ben)
    await host.say("while Ben was away")
    await ben.still_watches(2)
    await asyncio.sleep(40)  # the length of the cut, not a wait
    await host.sees_nobody_called("Ben")
    cutter.heal("ben")
    await is_back(ben)
    await asyncio.gather(*(person.watches(2) for person in (host, ben, cem)))
    await ben.reads("while Ben was away")
    await host.sees("Ben")
    assert await tile_of(host, "Ben") != tile
    assert await messages(ben, "before the cut|while Ben was away") == ["before the cut", "while Ben was away"]
    assert await announced(host) == ["Ben left", "Ben joined"]


@pytest.mark.parametrize("seconds", [5, 40])
async def test_a_page_whose_network_is_gone_comes_back(cut_people: People, cutter: Cutter, seconds: int) -> None:
    host, ben, cem = await three(cut_people, f"offline-{seconds}")
    tile = await tile_of(host, "Ben")
    cutter.hold("ben")
    await ben.context.set_offline(True)
    await host.say("while Ben was offline")
    await asyncio.sleep(seconds)  # the length of the outage, not a wait
    cutter.heal("ben")
    await ben.context.set_offline(False)
    await is_back(ben)
    await ben.reads("while Ben was offline")
    await ben.say("online again")
    await asyncio.gather(host.reads("online again"), cem.reads("online again"))
    # The server waits 30 seconds from the moment it missed the second ping, so both can be resumed.
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
    server, port = cut_server
    server.stop()
    await asyncio.gather(*(is_away(person) for person in (host, ben, cem)))
    await asyncio.gather(*(person.still_watches(2) for person in (host, ben, cem)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GATEWAY_URL", f"ws://localhost:{port}")
        await asyncio.to_thread(server.start)
    await asyncio.gather(*(is_back(person) for person in (host, ben, cem)))
    await asyncio.gather(*(person.watches(2) for person in (host, ben, cem)))
    for person in (host, ben, cem):
        await expect(person.page.get_by_role("button", name="People, 3 in the call")).to_be_visible()
    await ben.say("all here")
    await asyncio.gather(host.reads("all here"), cem.reads("all here"))


_UFRAGS = """
() => window.__connections.map(({localDescription}) => /a=ice-ufrag:(\\S+)/.exec(localDescription.sdp)[1])
"""


async def test_another_network_means_another_path_for_everyone(cut_people: People) -> None:
    host, ben, cem = await three(cut_people, "ice-restart")
    connections = await built(ben)
    before: list[str] = await ben.page.evaluate(_UFRAGS)
    await ben.page.evaluate("window.dispatchEvent(new Event('online'))")

    async def restarted() -> bool:
        now: list[str] = await ben.page.evaluate(_UFRAGS)
        states = {peer["state"] for peer in await ben.received()}
        return set(now).isdisjoint(before) and states == {"stable"}

    await until(restarted, lambda: ben.page.evaluate(_UFRAGS))
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
