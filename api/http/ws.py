"""WebSockets on the HTTP port, as raw ASGI, for where only one port can be had."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from http import HTTPStatus
from typing import TYPE_CHECKING

from api.server import current_transport
from observability.sockets import handshake_span
from signaling.link import LinkRequest

if TYPE_CHECKING:
    from observability.request import Message, Receive, Scope, Send
    from signaling.ports import Connected, Door

_PATH_PREFIX = "/ws/"
_BUFFER_BYTES = 64 * 1024


class SignalingEndpoint:
    """The ASGI application behind `/ws/{roomId}`."""

    def __init__(self, door: Door, *, enabled: bool, trusted_hops: int) -> None:
        self._door = door
        self._enabled = enabled
        self._trusted_hops = trusted_hops

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one WebSocket from its handshake to its end."""
        path: str = scope["path"]
        if not self._enabled or not path.startswith(_PATH_PREFIX):
            await _reject(send, HTTPStatus.NOT_FOUND, "not_found")
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        query = scope["query_string"].decode("latin-1")
        peer = scope["client"][0] if scope.get("client") else ""
        request = LinkRequest.parse(path[len(_PATH_PREFIX) :], query, headers).seen_from(peer, self._trusted_hops)
        refusal = self._door.refusal(request)
        if refusal is not None:
            await _reject(send, HTTPStatus(refusal[0]), refusal[1])
            return
        await receive()  # websocket.connect
        await send({"type": "websocket.accept"})
        transport = _AsgiTransport(send, current_transport.get())
        link = self._door.accept(request.within(handshake_span(scope)), transport)
        transport.link = link
        writer = asyncio.get_running_loop().create_task(transport.run())
        code = 0
        try:
            link.opened()
            code = await _pump(link, receive)
        finally:
            link.lost(code)
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)


async def _pump(link: Connected, receive: Receive) -> int:
    while True:
        message = await receive()
        kind = message["type"]
        if kind == "websocket.disconnect":
            return int(message.get("code") or 0)
        if kind == "websocket.pong":
            link.pong()
        elif message.get("text") is not None:
            link.text(message["text"])
        else:
            link.binary()


async def _reject(send: Send, status: HTTPStatus, code: str) -> None:
    body = json.dumps({"error": status.phrase, "code": code}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "websocket.http.response.start", "status": int(status), "headers": headers})
    await send({"type": "websocket.http.response.body", "body": body})


class _AsgiTransport:
    """A `Transport` over ASGI's send, which waits for the peer: a task sends, the buffer before it is bounded."""

    link: Connected

    def __init__(self, send: Send, connection: asyncio.WriteTransport) -> None:
        self._send = send
        self._connection = connection
        self._queue: deque[tuple[Message, int]] = deque()
        self._queued_bytes = 0
        self._wake = asyncio.Event()
        self._paused = False

    def write(self, frame: bytes) -> None:
        self._queued_bytes += len(frame)
        if self._queued_bytes > _BUFFER_BYTES and not self._paused:
            self._paused = True
            self.link.pause()
        self._put({"type": "websocket.send", "text": frame.decode()}, len(frame))

    def ping(self) -> None:
        self._put({"type": "websocket.ping"})

    def close(self, code: int, reason: str) -> None:
        self._put({"type": "websocket.close", "code": code, "reason": reason})

    def abort(self) -> None:
        self._connection.abort()

    def _put(self, message: Message, size: int = 0) -> None:
        self._queue.append((message, size))
        self._wake.set()

    async def run(self) -> None:
        """Send what was written, in order, until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                message, size = self._queue.popleft()
                await self._send(message)
                self._queued_bytes -= size
                if self._paused and self._queued_bytes < _BUFFER_BYTES // 4:
                    self._paused = False
                    self.link.resume()
