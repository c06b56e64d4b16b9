"""WebSockets over HTTP/2 (RFC 8441), which the HTTP port accepts from whoever asks: the same limits hold there."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator

import h2.config
import h2.connection
import h2.events
import pytest_asyncio

from tests.contracts.site import ORIGIN, PATIENCE_S, Site, resident_bytes, until

MEBIBYTE = 1024 * 1024
TEXT, CONTINUATION, CLOSE = 1, 0, 8


class Http2Socket:
    """One WebSocket in a stream of an HTTP/2 connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding="utf-8"))
        self._stream = 1
        self._received = bytearray()
        self.ended = False
        self.status = ""
        self.headers: dict[str, str] = {}

    async def open(self, path: str, port: int) -> None:
        """Shake hands."""
        self._h2.initiate_connection()
        await self._flush()
        await self._read()  # the settings, which must allow the extended CONNECT
        headers = [
            (":method", "CONNECT"),
            (":protocol", "websocket"),
            (":scheme", "http"),
            (":path", path),
            (":authority", f"127.0.0.1:{port}"),
            ("origin", ORIGIN),
            ("sec-websocket-version", "13"),
            ("sec-websocket-extensions", "permessage-deflate"),
        ]
        self._h2.send_headers(self._stream, headers)
        await self._flush()
        while not self.status:
            await self._read()

    async def send(self, kind: int, payload: bytes, *, final: bool = True) -> None:
        """Send a frame, as far as the peer lets it through."""
        head = bytes([final << 7 | kind, 0x80 | 126]) + struct.pack("!H", len(payload)) + b"\0\0\0\0"
        data = head + payload
        while data and not self.ended:
            room = min(self._h2.local_flow_control_window(self._stream), self._h2.max_outbound_frame_size)
            if room:
                self._h2.send_data(self._stream, data[:room])
                data = data[room:]
                await self._flush()
            else:
                await self._read()

    async def end(self) -> int:
        """Return the code of the server's close."""
        while True:
            while len(self._received) >= 2:
                size, start = self._received[1] & 127, 2
                if size == 126:
                    size, start = struct.unpack_from("!H", self._received, 2)[0], 4
                if len(self._received) < start + size:
                    break
                kind, payload = self._received[0] & 15, bytes(self._received[start : start + size])
                del self._received[: start + size]
                if kind == CLOSE:
                    return int(struct.unpack("!H", payload[:2])[0])
            if self.ended:
                raise AssertionError("no close frame")
            await self._read()

    async def _flush(self) -> None:
        self._writer.write(self._h2.data_to_send())
        async with asyncio.timeout(PATIENCE_S):
            await self._writer.drain()

    async def _read(self) -> None:
        async with asyncio.timeout(PATIENCE_S):
            data = await self._reader.read(65536)
        self.ended = self.ended or not data
        for event in self._h2.receive_data(data):
            match event:
                case h2.events.ResponseReceived():
                    self.headers = dict(event.headers)  # type: ignore[arg-type]
                    self.status = self.headers[":status"]
                case h2.events.DataReceived():
                    self._received += event.data
                    self._h2.acknowledge_received_data(event.flow_controlled_length, self._stream)
                case h2.events.StreamEnded() | h2.events.StreamReset() | h2.events.ConnectionTerminated():
                    self.ended = True
        await self._flush()


@pytest_asyncio.fixture
async def http2(running_app: Site) -> AsyncIterator[Http2Socket]:
    """An open WebSocket in a room."""
    await running_app.open_room("standup", await running_app.sign_up("olivia"))
    port = running_app.ports["asgi"]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    client = Http2Socket(reader, writer)
    await client.open("/ws/standup", port)
    assert client.status == "200"
    yield client
    writer.transport.abort()
    await until(lambda: running_app.is_empty)


async def test_compression_is_not_agreed_on(http2: Http2Socket) -> None:
    assert "sec-websocket-extensions" not in http2.headers


async def test_an_endless_message_ends_with_1009_and_takes_no_memory(http2: Http2Socket) -> None:
    fragment = b" " * 32 * 1024
    before = peak = resident_bytes()
    await http2.send(TEXT, fragment, final=False)
    for _ in range(20 * MEBIBYTE // len(fragment)):
        await http2.send(CONTINUATION, fragment, final=False)
        peak = max(peak, resident_bytes())
    assert peak - before < 5 * MEBIBYTE
    assert await http2.end() == 1009


async def test_invalid_utf8_closes_with_1007(http2: Http2Socket) -> None:
    await http2.send(TEXT, b'"\xff"' + b" " * 200)
    assert await http2.end() == 1007
