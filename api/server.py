"""Serve ASGI over Hypercorn, without the faults of its own runner.

Hypercorn 0.18 hangs at shutdown behind open WebSockets (Python 3.12+) and behind a stalled reader, leaves connections
open that it no longer reads, does not bound messages that come in fragments or deflated, and closes without a code on
a protocol error. `tests/api/test_server.py`
shows each against this module; when upstream mends one, its part here can go.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import socket
from contextvars import ContextVar
from ssl import SSLError
from typing import Any

import hypercorn.protocol.h2 as hypercorn_h2
import hypercorn.protocol.h11 as hypercorn_h11
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.asyncio.tcp_server import MAX_RECV, TCPServer
from hypercorn.asyncio.worker_context import WorkerContext
from hypercorn.config import Config
from hypercorn.events import Closed, RawData, Updated
from hypercorn.protocol.events import Event, StreamClosed
from hypercorn.protocol.ws_stream import ASGIWebsocketState, WSStream
from wsproto.connection import ConnectionState
from wsproto.events import CloseConnection, Message, Ping, Pong, TextMessage

from api.ports import holder
from api.settings import Address

logger = logging.getLogger(__name__)

MAX_MESSAGE_BYTES = 64 * 1024
_READ_TIMEOUT_S = 25
"""A connection that sends nothing for so long is dropped; WebSockets are pinged more often than that.

So it is also how long a connection is kept for another request, counted from the last one. `keepalive_timeout` in
`infra/nginx/upstreams.conf` counts from the answer: it must be less by the time that an answer takes, or nginx sends
requests into connections that close.
"""
_REQUEST_HEAD_TIMEOUT_S = 75
"""By then, after it began or after an answer, a connection must bring the whole head of a request, or it is dropped."""
_LONG_ANSWER_BYTES = 32 * 1024
"""What a peer must take within that time not to count as silent; pings to one that is gone are far less."""

current_transport: ContextVar[asyncio.WriteTransport] = ContextVar("current_transport")
"""The connection that the running ASGI call came over."""


class PortInUse(Exception):
    """The address cannot be had; the message is one line for the operator. `busy`: because somebody else has it."""

    busy = False


def bind(address: Address, setting: str) -> socket.socket:
    """Bind a listening socket, on IPv4 and IPv6 where no host is given. Raises `PortInUse` and `OSError`."""
    try:
        if address.host is None and socket.has_dualstack_ipv6():
            return socket.create_server(("", address.port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=1024)
        family = socket.AF_INET6 if address.host and ":" in address.host else socket.AF_INET
        return socket.create_server((address.host or "", address.port), family=family, backlog=1024)
    except OSError as error:
        raise _refusal(address, setting, error) from None


def _refusal(address: Address, setting: str, error: OSError) -> PortInUse:
    where = f"{address.host or ''}:{address.port}"
    reason = os.strerror(error.errno) if error.errno else str(error)
    if error.errno != errno.EADDRINUSE:
        return PortInUse(f"cannot listen on {where} ({setting}): {reason}")
    found = holder(address)
    by = f" by {found}" if found else ""
    refusal = PortInUse(
        f"cannot listen on {where} ({setting}): {reason}{by}; set {setting} to another, or let --remap find one"
    )
    refusal.busy = True
    return refusal


class HttpServer:
    """An ASGI application on already bound sockets."""

    def __init__(self, application: Any) -> None:
        self._config = Config()
        self._config.include_server_header = False
        # Hypercorn's name for it misleads: a silent connection is kept for `_READ_TIMEOUT_S` only.
        self._config.keep_alive_timeout = _REQUEST_HEAD_TIMEOUT_S
        self._config.read_timeout = _READ_TIMEOUT_S
        self._config.h11_max_incomplete_size = 32 * 1024
        self._config.websocket_max_message_size = MAX_MESSAGE_BYTES
        self._config.errorlog = None
        self._application = ASGIWrapper(application)
        self._context = WorkerContext(None)
        self._servers: list[asyncio.Server] = []
        self._connections: dict[asyncio.Task[None], asyncio.WriteTransport] = {}

    async def start(self, sockets: list[socket.socket]) -> None:
        """Start listening."""
        for sock in sockets:
            self._servers.append(await asyncio.start_server(self._connected, sock=sock, backlog=1024))

    async def stop(self, grace: float) -> None:
        """Stop listening, let running requests end within `grace` seconds, then cut what is left. Idempotent."""
        for server in self._servers:
            server.close()  # without wait_closed: it waits for connections, which from Python 3.12 on may be for ever
        await self._context.terminated.set()
        if self._connections:
            await asyncio.wait(self._connections, timeout=grace)
        for transport in list(self._connections.values()):
            transport.abort()
        tasks = list(self._connections)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  # start_server runs this in a task
        transport = writer.transport
        self._connections[task] = transport
        current_transport.set(transport)
        try:
            loop = asyncio.get_running_loop()
            await _Connection(self._application, loop, self._config, self._context, {}, reader, writer)
        except asyncio.CancelledError:
            transport.abort()
        except Exception:
            logger.exception("connection failed", extra={"event": "http_connection_failed"})
            transport.abort()
        finally:
            del self._connections[task]


class _Connection(TCPServer):
    """A connection on which taking a long answer counts as a sign of life: a download says nothing for minutes.

    It is closed when nobody reads it any more. Hypercorn's own stays open until the keep-alive time is over too, and
    whoever sends a request meanwhile waits that long for nothing.
    """

    _sent_bytes = 0
    _reading = True

    async def protocol_send(self, event: Any) -> None:
        if not self._reading and isinstance(event, Updated):
            return  # it would begin to wait for another request
        await super().protocol_send(event)
        if isinstance(event, RawData):  # and the peer took it, or what came before it
            self._sent_bytes += len(event.data)

    async def _read_data(self) -> None:
        while not self.reader.at_eof():
            self._sent_bytes = 0
            try:
                data = await asyncio.wait_for(self.reader.read(MAX_RECV), self.config.read_timeout)
            except TimeoutError:
                if self._sent_bytes < _LONG_ANSWER_BYTES:
                    break
            except (OSError, SSLError):
                break
            else:
                await self.protocol.handle(RawData(data))
        self._reading = False
        await self.idle_task.stop()
        await self.protocol.handle(Closed())


class _BoundedWSStream(WSStream):
    """A WebSocket that keeps its limits.

    On top of ASGI the application may send `websocket.ping`, and receives `websocket.pong`.
    """

    _refusing = False

    async def handle(self, event: Event) -> None:
        if self._refusing and not isinstance(event, StreamClosed):
            return  # what comes after a refused message is not even parsed
        await super().handle(event)

    async def app_send(self, message: Any) -> None:
        if message is not None and message["type"] == "websocket.ping":
            if not self.closed and self.state is ASGIWebsocketState.CONNECTED:
                await self._send_wsproto_event(Ping())
            return
        await super().app_send(message)

    async def _accept(self, message: Any) -> None:
        self.handshake.extensions = None  # no permessage-deflate, so no deflate bombs
        await super()._accept(message)

    async def _handle_events(self) -> None:
        for event in self.connection.events():
            if isinstance(event, Message):
                if not await self._collect(event):
                    return
            elif isinstance(event, Ping):
                await self._send_wsproto_event(event.response())
            elif isinstance(event, Pong):
                await self._tell({"type": "websocket.pong"})
            elif isinstance(event, CloseConnection):
                if self.connection.state is ConnectionState.REMOTE_CLOSING:
                    await self._send_wsproto_event(event.response())
                    await self._tell({"type": "websocket.disconnect", "code": int(event.code)})
                elif self.connection.state is ConnectionState.OPEN:  # a frame that could not be parsed
                    await self._refuse(int(event.code))
                await self.send(StreamClosed(stream_id=self.stream_id))
                return

    async def _collect(self, event: Message[Any]) -> bool:
        data = event.data
        size = len(data.encode()) if isinstance(event, TextMessage) else len(data)
        self._received_bytes = getattr(self, "_received_bytes", 0) + size
        if self._received_bytes > MAX_MESSAGE_BYTES:
            self.buffer.clear()
            await self._refuse(1009, "frame_too_large")
            return False
        self.buffer.extend(event)
        if event.message_finished:
            self._received_bytes = 0
            message = self.buffer.to_message()
            self.buffer.clear()
            await self._tell(message)
        return True

    async def _refuse(self, code: int, reason: str | None = None) -> None:
        self._refusing = True
        await self._send_wsproto_event(CloseConnection(code=code, reason=reason))
        await self._tell({"type": "websocket.disconnect", "code": code})

    async def _tell(self, message: dict[str, Any]) -> None:
        if self.app_put is not None:
            await self.app_put(message)


hypercorn_h11.WSStream = _BoundedWSStream  # type: ignore[attr-defined]
hypercorn_h2.WSStream = _BoundedWSStream  # type: ignore[attr-defined]
