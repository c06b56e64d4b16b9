"""The line between a browser and the server, to cut and to hold on purpose."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator

from playwright.async_api import expect

from tests.e2e.conftest import People, Server
from tests.e2e.person import Person

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


def server_to_cut(variables: dict[str, str] | None = None, program: str = "api.cli") -> tuple[Server, int]:
    """Make a server whose gateway browsers reach over another port, which is the cutter's; return both."""
    server = Server(variables, program=program)
    port = server.gateway_port + 1000 if server.gateway_port < 60000 else server.gateway_port - 1000
    server.variables["GATEWAY_URL"] = f"ws://localhost:{port}"
    return server, port


@contextlib.asynccontextmanager
async def cutting(server: Server, port: int) -> AsyncIterator[Cutter]:
    """Run a cutter before the gateway until the end of the block."""
    made = Cutter(server.gateway_port)
    listening = await asyncio.start_server(made.serve, "127.0.0.1", port)
    try:
        yield made
    finally:
        listening.close()
        await made.close()


async def known(people: People, who: str) -> Person:
    """Open a browser profile whose lines the cutter knows by name."""
    person = await people.new()
    await person.context.add_init_script(_BE_KNOWN.replace("%s", who))
    return person


async def is_away(person: Person) -> None:
    """Wait until the page says that it has no connection."""
    await expect(person.page.get_by_role("button", name="Try now")).to_be_visible(timeout=30_000)


async def is_back(person: Person) -> None:
    """Wait until the page has its connection again."""
    await expect(person.page.get_by_role("button", name="Try now")).to_be_hidden(timeout=30_000)
