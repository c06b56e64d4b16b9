"""One HTTP request to one address of a name, over a connection of its own."""

from __future__ import annotations

import asyncio
import base64
import http.client
import io
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from ssl import SSLContext
from typing import NamedTuple

_MOST_BYTES = 256 * 1024
_CONNECT_S = 5.0
_ANSWER_S = 8.0


class Place(NamedTuple):
    """Where to connect: an address, and the name by which the server there is known."""

    address: str
    port: int
    host: str
    tls: SSLContext | None

    @property
    def authority(self) -> str:
        """The `Host` header (RFC 9110 §7.2)."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == (443 if self.tls else 80) else f"{name}:{self.port}"


class Answer(NamedTuple):
    """The head of an answer, and its body as far as it was read."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def summary(self) -> str:
        """The status in words, and who gave it where that is said."""
        phrase = HTTPStatus(self.status).phrase if self.status in HTTPStatus._value2member_map_ else ""
        server = self.headers.get("Server")
        return f"{self.status} {phrase}".rstrip() + (f" from {server}" if server else "")


class NoHttp(OSError):
    """What answered does not speak HTTP."""


@asynccontextmanager
async def connected(place: Place) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Have a connection for the length of a block. Raises `OSError`, `ssl.SSLError` and `TimeoutError` among them."""
    async with asyncio.timeout(_CONNECT_S):
        reader, writer = await asyncio.open_connection(
            place.address, place.port, ssl=place.tls, server_hostname=place.host if place.tls else None
        )
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def get(place: Place, path: str, headers: Mapping[str, str] | None = None) -> Answer:
    """Ask for a resource. Raises `OSError`."""
    async with connected(place) as (reader, writer), asyncio.timeout(_ANSWER_S):
        await _send(writer, place, path, {"Connection": "close", **(headers or {})})
        status, received = await _head(reader)
        if received.get("Transfer-Encoding", "").lower() == "chunked":
            return Answer(status, received, await _chunks(reader))
        length = received.get("Content-Length", "")
        most = min(int(length), _MOST_BYTES) if length.isdecimal() else _MOST_BYTES
        return Answer(status, received, await _up_to(reader, most))


async def shake_hands(place: Place, path: str, origin: str | None) -> Answer:
    """Ask for a WebSocket (RFC 6455 §4.1) and hang up whatever the answer. Raises `OSError`."""
    headers = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": base64.b64encode(secrets.token_bytes(16)).decode(),
        **({"Origin": origin} if origin else {}),
    }
    async with connected(place) as (reader, writer), asyncio.timeout(_ANSWER_S):
        await _send(writer, place, path, headers)
        status, received = await _head(reader)
        return Answer(status, received, b"")


async def _send(writer: asyncio.StreamWriter, place: Place, path: str, headers: Mapping[str, str]) -> None:
    lines = [f"GET {path} HTTP/1.1", f"Host: {place.authority}", "Accept: application/json"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    writer.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
    await writer.drain()


async def _head(reader: asyncio.StreamReader) -> tuple[int, http.client.HTTPMessage]:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        first, _, rest = head.partition(b"\r\n")
        version, status, *_ = first.decode("latin-1").split(" ", 2)
        if not version.startswith("HTTP/"):
            raise NoHttp("it does not speak HTTP")
        return int(status), http.client.parse_headers(io.BytesIO(rest))
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError, http.client.HTTPException):
        raise NoHttp("it does not speak HTTP, or hung up at once") from None


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    """Read a body that comes in chunks (RFC 9112 §7.1), which proxies make of one that they rewrite."""
    body = b""
    try:
        while size := int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16):
            if not 0 < size <= _MOST_BYTES - len(body):
                break
            body += await reader.readexactly(size)
            await reader.readexactly(2)
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
        raise NoHttp("its answer breaks off") from None
    return body


async def _up_to(reader: asyncio.StreamReader, most: int) -> bytes:
    try:
        return await reader.readexactly(most)
    except asyncio.IncompleteReadError as cut:
        return cut.partial
