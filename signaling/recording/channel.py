"""The recorder's WebSocket: the only module besides the gateway that uses picows."""

from __future__ import annotations

import asyncio
from typing import cast

import picows
from picows import WSCloseCode, WSFrame, WSMsgType, WSTransport

_CONNECT_TIMEOUT_S = 10
_MAX_FRAME_BYTES = 1024 * 1024
"""The list of everyone in a full room is the largest frame there is, and far smaller."""
ABNORMAL = 1006
"""The close code of a connection that broke (RFC 6455 §7.4.1)."""

_NO_CODE = 1005


class ChannelClosed(Exception):
    """The connection has ended; `code` says why."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Channel:
    """One open connection: texts go out at once and come in one by one."""

    def __init__(self, transport: WSTransport, listener: _Listener) -> None:
        self._transport = transport
        self._listener = listener

    @classmethod
    async def open(cls, url: str) -> Channel:
        """Connect. Raises `OSError`, whatever went wrong."""
        try:
            transport, listener = await picows.ws_connect(
                _Listener,
                url,
                websocket_handshake_timeout=_CONNECT_TIMEOUT_S,
                max_frame_size=_MAX_FRAME_BYTES,
                enable_auto_ping=True,
            )
        except (picows.WSError, TimeoutError) as error:
            raise OSError(f"cannot connect: {type(error).__name__}") from error
        return cls(transport, cast("_Listener", listener))

    def send(self, text: str) -> None:
        """Send a text; one that is sent after the end is lost."""
        if not self._transport.is_disconnected:
            self._transport.send(WSMsgType.TEXT, text.encode())

    async def receive(self) -> str:
        """Return the next text. Raises `ChannelClosed`, after all that came before."""
        text = await self._listener.texts.get()
        if text is None:
            self._listener.texts.put_nowait(None)
            raise ChannelClosed(self._listener.code)
        return text

    def close(self) -> None:
        """Say goodbye (1000) and hang up."""
        if not self._transport.is_disconnected:
            self._transport.send_close(WSCloseCode.OK)
            self._transport.disconnect()


class _Listener(picows.WSListener):
    def __init__(self) -> None:
        self.texts: asyncio.Queue[str | None] = asyncio.Queue()
        self.code = ABNORMAL

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.TEXT:
            self.texts.put_nowait(frame.get_payload_as_utf8_text())
        elif frame.msg_type == WSMsgType.CLOSE:
            code = frame.get_close_code()
            self.code = _NO_CODE if code is None else cast("int", code)
            transport.send_close(code or WSCloseCode.OK)
            transport.disconnect()

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self.texts.put_nowait(None)
