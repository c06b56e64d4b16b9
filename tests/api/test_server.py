"""The faults of Hypercorn's own runner, each shown to be gone: bounds, codes, silence, shutdown."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import re
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from api.server import _READ_TIMEOUT_S, MAX_MESSAGE_BYTES, HttpServer, PortInUse, bind, current_transport
from api.settings import Address

Asgi = Callable[[Any, Any, Any], Awaitable[None]]
UPGRADE = (
    b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n"
)
TEXT, CONTINUATION, CLOSE, PING, PONG = 1, 0, 8, 9, 10


class Sockets:
    """An ASGI application that takes every WebSocket and remembers what came."""

    def __init__(self) -> None:
        self.received: list[Any] = []
        self.ended = asyncio.Event()
        self.to_send: asyncio.Queue[Any] = asyncio.Queue()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await self._answer(receive, send)
            return
        await receive()
        await send({"type": "websocket.accept"})
        sender = asyncio.create_task(self._pump(send))
        try:
            while True:
                message = await receive()
                self.received.append(message)
                if message["type"] == "websocket.disconnect":
                    return
        finally:
            sender.cancel()
            self.ended.set()

    async def _pump(self, send: Any) -> None:
        while True:
            await send(await self.to_send.get())

    async def _answer(self, receive: Any, send: Any) -> None:
        headers = [(b"content-length", b"2")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"ok"})


@asynccontextmanager
async def serving(application: Asgi) -> AsyncIterator[tuple[HttpServer, int]]:
    """Serve on a free port; yield the server and the port."""
    listener = bind(Address("127.0.0.1", 0), "TEST")
    port = listener.getsockname()[1]
    server = HttpServer(application)
    await server.start([listener])
    try:
        yield server, port
    finally:
        await server.stop(0)


class Raw:
    """A WebSocket client that sends any bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def open(cls, port: int, headers: bytes = b"") -> tuple[Raw, bytes]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(UPGRADE % headers)
        head = await reader.readuntil(b"\r\n\r\n")
        assert b" 101 " in head
        return cls(reader, writer), head

    async def send(self, opcode: int, payload: bytes = b"", *, final: bool = True, reserved: int = 0) -> None:
        first = (0x80 if final else 0) | reserved | opcode
        length = len(payload)
        if length < 126:
            head = struct.pack("!BB", first, 0x80 | length)
        elif length < 65536:
            head = struct.pack("!BBH", first, 0x80 | 126, length)
        else:
            head = struct.pack("!BBQ", first, 0x80 | 127, length)
        self.writer.write(head + bytes(4) + payload)  # a mask of zeros changes nothing
        await self.writer.drain()

    async def frame(self) -> tuple[int, bytes]:
        async with asyncio.timeout(10):
            first, second = await self.reader.readexactly(2)
            length = second & 0x7F
            if length == 126:
                (length,) = struct.unpack("!H", await self.reader.readexactly(2))
            return first & 0x0F, await self.reader.readexactly(length)

    async def close_code(self) -> int:
        opcode, payload = await self.frame()
        assert opcode == CLOSE
        return int(struct.unpack("!H", payload[:2])[0])

    def close(self) -> None:
        self.writer.close()


def resident_bytes() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def test_a_fragmented_flood_is_bounded() -> None:
    sockets = Sockets()
    async with serving(sockets) as (_, port):
        client, _ = await Raw.open(port)
        gc.collect()
        before = resident_bytes()
        fragment = b"x" * 32_000
        closed = asyncio.create_task(client.close_code())
        await client.send(TEXT, fragment, final=False)
        sent = 0
        try:
            while sent < 100_000_000 and not closed.done():
                await client.send(CONTINUATION, fragment, final=False)
                sent += len(fragment)
            for _ in range(500):  # and it goes on after being told
                await client.send(CONTINUATION, fragment, final=False)
        except ConnectionError:
            pass
        assert await closed == 1009
        await asyncio.wait_for(sockets.ended.wait(), 10)
        assert [message["type"] for message in sockets.received] == ["websocket.disconnect"]
        assert sent < 50_000_000
        assert resident_bytes() - before < 15_000_000
        client.close()


async def test_the_size_is_that_of_the_bytes() -> None:
    sockets = Sockets()
    async with serving(sockets) as (_, port):
        client, _ = await Raw.open(port)
        await client.send(TEXT, b"x" * MAX_MESSAGE_BYTES)
        await client.send(TEXT, "é".encode() * (MAX_MESSAGE_BYTES // 2))
        await client.send(TEXT, "é".encode() * (MAX_MESSAGE_BYTES // 2) + b"x")
        assert await client.close_code() == 1009
        await asyncio.wait_for(sockets.ended.wait(), 10)
        kinds = [message["type"] for message in sockets.received]
        assert kinds == ["websocket.receive", "websocket.receive", "websocket.disconnect"]
        client.close()


async def test_fragments_of_a_good_size_are_put_together() -> None:
    sockets = Sockets()
    async with serving(sockets) as (_, port):
        client, _ = await Raw.open(port)
        for _ in range(3):  # the count starts anew with each message
            await client.send(TEXT, b"a" * 40_000, final=False)
            await client.send(CONTINUATION, b"b" * 20_000)
        await client.send(CLOSE, struct.pack("!H", 1000))
        assert await client.close_code() == 1000
        await asyncio.wait_for(sockets.ended.wait(), 10)
        texts = [message["text"] for message in sockets.received if message["type"] == "websocket.receive"]
        assert texts == ["a" * 40_000 + "b" * 20_000] * 3
        client.close()


async def test_deflate_is_refused() -> None:
    sockets = Sockets()
    async with serving(sockets) as (_, port):
        client, head = await Raw.open(port, b"Sec-WebSocket-Extensions: permessage-deflate\r\n")
        assert b"extensions" not in head.lower()
        await client.send(TEXT, b"\x00", reserved=0x40)  # a deflated frame all the same
        assert await client.close_code() == 1002
        await asyncio.wait_for(sockets.ended.wait(), 10)
        client.close()


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        ([(3, b"", True)], 1002),  # no such opcode
        ([(CONTINUATION, b"x", True)], 1002),  # continues nothing
        ([(TEXT, b"a", False), (TEXT, b"b", True)], 1002),  # begins anew before the end
        ([(PING, b"x" * 126, True)], 1002),  # too long for a control frame
        ([(TEXT, b"\xff", True)], 1007),
        ([(TEXT, b"\xc3", False), (CONTINUATION, b"\x28", True)], 1007),
    ],
)
async def test_a_protocol_error_closes_with_its_code(frames: list[tuple[int, bytes, bool]], code: int) -> None:
    sockets = Sockets()
    async with serving(sockets) as (_, port):
        client, _ = await Raw.open(port)
        for opcode, payload, final in frames:
            await client.send(opcode, payload, final=final)
        assert await client.close_code() == code
        await asyncio.wait_for(sockets.ended.wait(), 10)
        assert sockets.received[-1] == {"type": "websocket.disconnect", "code": code}
        client.close()


async def test_the_app_pings_and_hears_the_pong() -> None:
    sockets = Sockets()
    async with serving(sockets) as (_, port):
        client, _ = await Raw.open(port)
        sockets.to_send.put_nowait({"type": "websocket.ping"})
        assert (await client.frame())[0] == PING
        await client.send(PONG)
        await client.send(TEXT, b"after")
        await client.send(PING, b"x")
        assert await client.frame() == (PONG, b"x")
        assert [message["type"] for message in sockets.received] == ["websocket.pong", "websocket.receive"]
        client.close()


async def test_a_peer_that_sends_nothing_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.server._READ_TIMEOUT_S", 0.05)
    sockets = Sockets()
    async with serving(sockets) as (_, port):
        client, _ = await Raw.open(port)
        await asyncio.wait_for(sockets.ended.wait(), 10)
        client.close()


async def request(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Ask something and read the answer; return the connection, which stays open."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    await reader.readuntil(b"\r\n\r\nok")
    return reader, writer


async def test_a_connection_ends_when_its_peer_closes_it() -> None:
    async with serving(Sockets()) as (server, port), asyncio.timeout(10):
        _, writer = await request(port)
        writer.close()
        while server._connections:  # noqa: ASYNC110  # the other end notices in its own time
            await asyncio.sleep(0.01)


async def test_a_connection_without_requests_is_closed_as_soon_as_nobody_reads_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("api.server._READ_TIMEOUT_S", 0.05)
    async with serving(Sockets()) as (_, port), asyncio.timeout(10):
        reader, writer = await request(port)
        assert await reader.read() == b""
        writer.close()


async def test_a_request_whose_head_comes_byte_by_byte_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.server._REQUEST_HEAD_TIMEOUT_S", 0.05)
    async with serving(Sockets()) as (_, port), asyncio.timeout(10):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nX: ")
        end = asyncio.create_task(reader.read())
        while not end.done():
            writer.write(b"x")
            await asyncio.sleep(0.01)
        with contextlib.suppress(ConnectionResetError):  # where a byte came after the end
            assert end.result() == b""
        writer.close()


def test_nginx_keeps_no_connection_for_as_long_as_we_do() -> None:
    upstreams = (Path(__file__).parents[2] / "infra" / "nginx" / "upstreams.conf").read_text("utf-8")
    kept = [int(seconds) for seconds in re.findall(r"^ *keepalive_timeout (\d+)s;", upstreams, re.MULTILINE)]
    assert kept
    assert max(kept) < _READ_TIMEOUT_S


def stalled_client(port: int) -> socket.socket:
    """Open a WebSocket on a client with a small window that reads its handshake and no more."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(("127.0.0.1", port))
    client.sendall(UPGRADE % b"")
    return client


async def test_the_stop_does_not_wait_for_a_stalled_reader() -> None:
    sockets = Sockets()
    transports: list[asyncio.WriteTransport] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        transports.append(current_transport.get())
        await sockets(scope, receive, send)

    async with serving(application) as (server, port):
        client = await asyncio.to_thread(stalled_client, port)
        assert b" 101 " in await asyncio.to_thread(client.recv, 1000)
        for _ in range(1000):
            sockets.to_send.put_nowait({"type": "websocket.send", "text": "x" * 10_000})
        while transports[0].get_write_buffer_size() < 20_000:  # noqa: ASYNC110  # until the kernel takes no more
            await asyncio.sleep(0)
        async with asyncio.timeout(5):
            await server.stop(0.1)
        assert sockets.ended.is_set()
        assert transports[0].is_closing()
        await server.stop(0)  # again, for nothing
        client.close()


async def test_open_sockets_end_with_the_stop() -> None:
    sockets = Sockets()
    async with serving(sockets) as (server, port), connect(f"ws://127.0.0.1:{port}/") as client:
        await client.send("hello")
        async with asyncio.timeout(5):
            await server.stop(0.05)
        with pytest.raises(ConnectionClosed):
            await client.recv()
        assert sockets.ended.is_set()


async def test_kept_alive_connections_end_with_the_stop() -> None:
    async with serving(Sockets()) as (server, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(2):
            writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            head = await reader.readuntil(b"\r\n\r\n")
            assert b" 200 " in head
            assert b"server:" not in head.lower()
            assert await reader.readexactly(2) == b"ok"
        async with asyncio.timeout(5):
            await server.stop(30)  # long before the grace ends
            assert await reader.read() == b""
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)
        writer.close()


async def test_a_running_request_may_end() -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        begun.set()
        await go_on.wait()
        await Sockets()(scope, receive, send)

    async with serving(slow) as (server, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await begun.wait()
        stopping = asyncio.create_task(server.stop(10))
        await asyncio.sleep(0)
        go_on.set()
        async with asyncio.timeout(5):
            assert (await reader.read()).endswith(b"ok")
            await stopping
        writer.close()


async def test_a_request_that_never_ends_is_cut() -> None:
    begun, cut = asyncio.Event(), asyncio.Event()

    async def stuck(scope: Any, receive: Any, send: Any) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cut.set()

    async with serving(stuck) as (server, port):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await begun.wait()
        async with asyncio.timeout(5):
            await server.stop(0.01)
            await cut.wait()
        writer.close()


async def test_headers_without_end_are_refused() -> None:
    async with serving(Sockets()) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"x" * 100_000)
        async with asyncio.timeout(5):
            try:
                answer = await reader.read()  # to the end: it hangs up
            except ConnectionError:  # with what was on its way unread
                answer = b""
        assert answer == b"" or answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 431 "))
        writer.close()


# --- listening ------------------------------------------------------------------------------------------------------


def test_without_a_host_both_families_are_served() -> None:
    listener = bind(Address(None, 0), "TEST")
    port = listener.getsockname()[1]
    for host in ("127.0.0.1", *(["::1"] if socket.has_dualstack_ipv6() else [])):
        with socket.create_connection((host, port), timeout=5):
            pass
    listener.close()


def test_a_taken_address_is_named() -> None:
    with bind(Address("127.0.0.1", 0), "FIRST") as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            PortInUse, match=rf"cannot listen on 127\.0\.0\.1:{port} \(SECOND\): Address already in use"
        ):
            bind(Address("127.0.0.1", port), "SECOND")


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host"])
def test_an_address_that_is_not_ours_is_named(host: str) -> None:
    with pytest.raises(PortInUse, match="TEST"):
        bind(Address(host, 1), "TEST")
