"""Signaling connections by the hundred: picows clients that do as little as can be between two frames."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from ssl import SSLContext
from typing import Any, TypeVar, cast

import msgspec
import picows
from picows import WSCloseCode, WSFrame, WSMsgType, WSTransport

ABNORMAL = 1006
"""The close code of a connection that broke (RFC 6455 §7.4.1)."""
_NO_CODE = 1005
_TEXT = WSMsgType.TEXT  # looked up once: in an enumeration of Cython that takes long
_TIMEOUT_S = 30
_MAX_FRAME_BYTES = 1024 * 1024
_BUFFER_BYTES = 4096
ACKNOWLEDGE_AFTER = 32
_ACKNOWLEDGE_S = 3.0
"""When our web client tells which frames arrived (`web/src/call/incoming.ts`, `signaling.ts`)."""

_NUMBERED = (b'{"seq":', b'{"type":"webrtc"')
"""How frames begin that have a number; relayed ones have it further behind."""

HELLO = b'{"type":"hello","displayName":"Load test"}'


class Refused(Exception):
    """The server did not let someone in; `cause` is the handshake's status, or the code and name of the close."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


class Connection(picows.WSListener):
    """One connection. `ready` is set when the server has let it in; `id` is its name there.

    Understands `?v=1`. `closed` says why it ended, such as "4000 slow_consumer"; it is empty before that.
    """

    def __init__(self) -> None:
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.id = ""
        self.closed = ""
        self._transport: WSTransport | None = None

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Keep the transport."""
        self._transport = transport

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Hand on texts; answer a close."""
        if frame.msg_type is _TEXT:
            self.received(frame.get_payload_as_bytes())
        elif frame.msg_type == WSMsgType.CLOSE:
            self.closed = _cause(frame)
            transport.send_close(WSCloseCode.OK)
            transport.disconnect()

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """Note the end."""
        self.closed = self.closed or str(ABNORMAL)
        if not self.ready.done():
            self.ready.set_exception(Refused(self.closed))

    def received(self, payload: bytes) -> None:
        """Learn one's name from the first frames."""
        if not self.ready.done():
            self.learn(msgspec.json.decode(payload))

    def learn(self, frame: dict[str, Any]) -> None:
        """Look at one of the frames that come before one is in."""
        if frame["type"] == "welcome":
            self.id = frame["clientId"]
        elif frame["type"] == "participants":
            self.ready.set_result(None)

    def transmit(self, frame: bytes) -> None:
        """Send a frame to the server, if there still is a connection."""
        if not self.closed:
            cast("WSTransport", self._transport).send(WSMsgType.TEXT, frame)

    def leave(self) -> None:
        """Say goodbye (1000) and hang up."""
        if self._transport is not None and not self.closed:
            self._transport.send_close(WSCloseCode.OK)
            self._transport.disconnect()

    def disconnect(self) -> None:
        """Drop the connection without a word."""
        if self._transport is not None:
            self._transport.disconnect(graceful=False)


class ResumableConnection(Connection):
    """A connection of a session that could go on over another, as our web client has it (`?v=2`).

    Its frames are numbered, and it acknowledges the server's. It speaks first: hello, or what `first_frame` is.
    """

    first_frame = HELLO

    def __init__(self) -> None:
        super().__init__()
        self.arrived = 0
        self.sent = 0
        self._resume_token = ""
        self._acknowledged = 0
        self._timer: asyncio.TimerHandle | None = None

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Keep the transport and speak first."""
        super().on_ws_connected(transport)
        transport.send(WSMsgType.TEXT, self.first_frame)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """Note the end."""
        super().on_ws_disconnected(transport)
        if self._timer is not None:
            self._timer.cancel()

    def received(self, payload: bytes) -> None:
        """Handle a frame, and acknowledge it sooner or later."""
        if payload.startswith(_NUMBERED):
            self.arrived += 1
            if self.arrived - self._acknowledged >= ACKNOWLEDGE_AFTER:
                self._acknowledge()
            elif self._timer is None:
                self._acknowledge_soon()
        super().received(payload)

    def learn(self, frame: dict[str, Any]) -> None:
        """Keep what a resume needs too."""
        if frame["type"] == "welcome":
            self._resume_token = frame["resumeToken"]
        elif frame["type"] == "resumed":
            self.ready.set_result(None)
        super().learn(frame)

    def transmit(self, frame: bytes) -> None:
        """Send a frame to the server under the next number."""
        self.sent += 1
        super().transmit(b'%b,"id":%d}' % (frame[:-1], self.sent))

    def resume(self, lost: ResumableConnection) -> None:
        """Go on with the session of a connection that is gone; before this one is open."""
        self.id, self.arrived, self.sent = lost.id, lost.arrived, lost.sent
        self._acknowledged, self._resume_token = lost.arrived, lost._resume_token
        self.first_frame = msgspec.json.encode(
            {"type": "resume", "resumeToken": self._resume_token, "lastSeq": self.arrived}
        )

    def _acknowledge_soon(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(_ACKNOWLEDGE_S, self._acknowledge)

    def _acknowledge(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._acknowledged = self.arrived
        super().transmit(b'{"type":"ack","seq":%d}' % self.arrived)


C = TypeVar("C", bound=Connection)


async def connect(make: Callable[[], C], url: str, origin: str | None = None, tls: SSLContext | None = None) -> C:
    """Open one connection and wait until it is let in. Raises `Refused` and `OSError`."""
    try:
        _, listener = await picows.ws_connect(
            make,
            url,
            ssl_context=tls,
            extra_headers={"Origin": origin} if origin else None,
            websocket_handshake_timeout=_TIMEOUT_S,
            max_frame_size=_MAX_FRAME_BYTES,
            max_redirects=0,
            read_buffer_init_size=_BUFFER_BYTES,
        )
    except picows.WSHandshakeError as error:
        status = None if error.response is None else error.response.status
        raise Refused("no handshake" if status is None else f"HTTP {int(status)}") from None
    connection = cast("C", listener)
    try:
        await asyncio.wait_for(connection.ready, _TIMEOUT_S)
    except TimeoutError:
        connection.disconnect()
        raise Refused("no answer") from None
    return connection


def _cause(frame: WSFrame) -> str:
    code = cast("int", frame.get_close_code()) or _NO_CODE
    return f"{code} {frame.get_close_reason() or ''}".rstrip()
