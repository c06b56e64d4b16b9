"""A line between two programs that tests may hold and slow down; nobody at its ends is told."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_PIECE = 4 * 1024
_BUFFER = 64 * 1024
"""Of each socket, so that who sends too much soon feels it."""


class Forwarder:
    """Carries every TCP connection that comes to `address` on to `target`."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._open = asyncio.Event()
        self._open.set()
        self._delay_s = 0.0
        self._carried: set[asyncio.Task[None]] = set()
        self.address = ("", 0)

    def hold(self) -> None:
        """Let nothing through either way, as when a cable is pulled; what is sent arrives when the line is healed."""
        self._open.clear()

    def slow(self, seconds: float) -> None:
        """Let one piece after the other through, either way, each of which takes so long."""
        self._delay_s = seconds

    def heal(self) -> None:
        """Let everything through again, as fast as it comes."""
        self._delay_s = 0.0
        self._open.set()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection until either side ends it."""
        # A task of its own: what `start_server` runs must not be cancelled (Python 3.11 reports that as an error).
        task = asyncio.create_task(self._join(reader, writer))
        self._carried.add(task)
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await task
        self._carried.discard(task)
        writer.transport.abort()

    async def close(self) -> None:
        """End all connections."""
        for task in list(self._carried):
            task.cancel()
        await asyncio.gather(*self._carried, return_exceptions=True)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._open.wait()
        their_reader, their_writer = await asyncio.open_connection(sock=await _dialled(self._target), limit=_PIECE)
        directions = [
            asyncio.ensure_future(self._pump(reader, their_writer)),
            asyncio.ensure_future(self._pump(their_reader, writer)),
        ]
        try:
            await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for direction in directions:
                direction.cancel()
            await asyncio.gather(*directions, return_exceptions=True)
            their_writer.transport.abort()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(_PIECE):
            await self._open.wait()
            if self._delay_s:
                await asyncio.sleep(self._delay_s)
            sink.write(data)
            await sink.drain()
        await self._open.wait()  # a line that is held does not carry the end either


async def _dialled(target: tuple[str, int]) -> socket.socket:
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
    sock.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(sock, target)
    except BaseException:
        sock.close()
        raise
    return sock


@asynccontextmanager
async def forwarding(target: tuple[str, int], host: str = "127.0.0.1") -> AsyncIterator[Forwarder]:
    """Run a forwarder on a free port until the end of the block."""
    made = Forwarder(target)
    listener = socket.create_server((host, 0))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
    made.address = listener.getsockname()
    serving = await asyncio.start_server(made.carry, sock=listener, limit=_PIECE)
    try:
        yield made
    finally:
        serving.close()
        await made.close()
