"""The data plane: WebSockets over picows on their own port."""

from __future__ import annotations

import asyncio
import logging
from http import HTTPStatus
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

import picows
from picows import WSCloseCode, WSFrame, WSMsgType, WSTransport, WSUpgradeRequest, WSUpgradeResponse
from picows.picows import WSProtocol  # type: ignore[attr-defined]  # its stubs leave it out

from observability.request import RequestInfo
from signaling.core.messages import MAX_FRAME_BYTES
from signaling.errors import Close
from signaling.frame_writer import FrameWriter, LoopTurn
from signaling.link import LinkRequest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from socket import socket

    from observability.sockets import Handshake, Handshakes
    from signaling.ports import Door
    from signaling.settings import SignalingSettings

logger = logging.getLogger(__name__)

_PATH_PREFIXES = ("/ws/", "/api/ws/")
_ROUTE = "/ws/{room_id}"
_WRITE_BUFFER_BYTES = 64 * 1024
_READ_BUFFER_BYTES = 2048
"""picows grows it when a larger frame comes; most connections never need more."""
_HANDSHAKE_TIMEOUT_S = 5.0
_BACKLOG = 4096
_NO_STATUS = 1005
"""The peer's close named no code."""
_ABNORMAL = 1006
"""It ended without a close (both RFC 6455 §7.4.1)."""
_NO_HEADERS: Any = MappingProxyType({})
_TEXT = WSMsgType.TEXT  # looked up once: in an enumeration of Cython that takes longer than to compare


class Gateway:
    """Listen for WebSockets and hand each to the door."""

    def __init__(self, door: Door, settings: SignalingSettings, handshakes: Handshakes | None = None) -> None:
        self._door = door
        self._settings = settings
        self._handshakes = handshakes
        self._turn = LoopTurn()
        self._servers: list[asyncio.Server] = []

    async def start(self, sockets: list[socket]) -> None:
        """Start listening on sockets that are already bound."""
        loop = asyncio.get_running_loop()
        for sock in sockets:
            # uvloop's own transport takes less memory per connection than that of aiofastnet.
            self._servers.append(await loop.create_server(self._protocol, sock=sock, backlog=_BACKLOG))

    def stop_listening(self) -> None:
        """Refuse new connections; those that are open go on."""
        for server in self._servers:
            server.close()

    def _protocol(self) -> asyncio.BaseProtocol:
        """Make what `picows.ws_create_server` would; with that, one would not see the address of who is refused."""

        def route(request: WSUpgradeRequest) -> picows.WSListener | picows.WSUpgradeResponseWithListener:
            peer = protocol.transport.underlying_transport.get_extra_info("peername")
            return self._route(request, str(peer[0]) if peer else "")

        protocol: Any = WSProtocol(
            host_port=None,
            ws_path=None,
            is_client_side=False,
            ws_listener_factory=route,
            logger=_picows_log,
            disconnect_on_exception=True,
            websocket_handshake_timeout=_HANDSHAKE_TIMEOUT_S,
            enable_auto_ping=False,
            auto_ping_idle_timeout=0,
            auto_ping_reply_timeout=0,
            auto_ping_strategy=picows.WSAutoPingStrategy.PING_WHEN_IDLE,
            enable_auto_pong=True,
            max_frame_size=MAX_FRAME_BYTES,
            extra_headers=None,
            read_buffer_init_size=_READ_BUFFER_BYTES,
        )
        return cast("asyncio.BaseProtocol", protocol)

    def _route(self, request: WSUpgradeRequest, peer: str) -> picows.WSListener | picows.WSUpgradeResponseWithListener:
        path, _, query = request.path.decode("latin-1").partition("?")
        if path == "/health":
            return _answer(HTTPStatus.OK, "ok")
        room_id = next((path[len(prefix) :] for prefix in _PATH_PREFIXES if path.startswith(prefix)), None)
        headers = {name.lower(): value for name, value in request.headers.items()}
        link_request = LinkRequest.parse(room_id or "", query, headers).seen_from(peer, self._settings.trusted_hops)
        handshake = self._observe(path, headers, _ROUTE if room_id is not None else None, link_request.address)
        if room_id is None:
            return _answer(HTTPStatus.NOT_FOUND, "not_found", handshake)
        refusal = self._door.refusal(link_request)
        if refusal is not None:
            return _answer(HTTPStatus(refusal[0]), refusal[1], handshake)
        return _Listener(self._door, link_request, handshake, self._turn)

    def _observe(self, path: str, headers: Mapping[str, str], route: str | None, address: str) -> Handshake | None:
        if self._handshakes is None:
            return None
        return self._handshakes.begin(path, headers, route=route, info=RequestInfo(address=address))


def _answer(status: HTTPStatus, code: str, handshake: Handshake | None = None) -> picows.WSUpgradeResponseWithListener:
    if handshake is not None:
        handshake.end(int(status))
    if status is HTTPStatus.OK:
        response = WSUpgradeResponse.create_ok_response(code.encode())
    else:
        body = f'{{"error":"{status.phrase}","code":"{code}"}}'.encode()
        response = WSUpgradeResponse.create_error_response(status, body, {"Content-Type": "application/json"})
    return picows.WSUpgradeResponseWithListener(response, None)


class _Listener(picows.WSListener):
    """One connection, translated from picows to a `Link`."""

    __slots__ = ("_door", "_fragments", "_handshake", "_link", "_request", "_turn", "_writer")

    def __init__(self, door: Door, request: LinkRequest, handshake: Handshake | None, turn: LoopTurn) -> None:
        self._handshake = handshake
        self._door = door
        self._request = request
        self._turn = turn
        self._fragments: bytearray | None = None

    def on_ws_connected(self, transport: WSTransport) -> None:
        transport.underlying_transport.set_write_buffer_limits(high=_WRITE_BUFFER_BYTES)
        request, handshake = self._request, self._handshake
        del self._request, self._handshake  # the link keeps what it needs of them
        if handshake is not None:
            handshake.end(HTTPStatus.SWITCHING_PROTOCOLS)
            request = request.within(handshake.span)
        _forget_handshake(transport)
        self._writer = _PicowsTransport(transport, self._turn)
        self._link = self._door.accept(request, self._writer)
        self._link.opened()

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        kind = frame.msg_type
        if transport.is_close_frame_sent:
            # picows goes on parsing for a moment after a breach, the refused frame included.
            if kind == WSMsgType.CLOSE:
                transport.disconnect()
        elif frame.rsv1 or frame.rsv2 or frame.rsv3:  # no extension was agreed on (RFC 6455 §5.2)
            self._link.close(Close.BAD_FRAMING)
        elif kind is _TEXT and frame.fin and self._fragments is None:
            try:
                text = frame.get_payload_as_utf8_text()
            except UnicodeDecodeError:
                self._link.close(Close.BAD_UTF8)
                return
            self._link.text(text)
        elif kind == WSMsgType.PONG:
            self._link.pong()
        elif kind == WSMsgType.CLOSE:
            self._writer.end()
            _answer_close(transport, frame)
        else:
            self._fragment(frame)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self._link.lost(_end_of(transport))

    def pause_writing(self) -> None:
        self._link.pause()

    def resume_writing(self) -> None:
        self._link.resume()

    def _fragment(self, frame: WSFrame) -> None:
        """Put fragments together under our own limit; picows bounds single frames only."""
        if frame.msg_type == WSMsgType.BINARY:
            # Refused whole, so its continuations are let go without being kept.
            if self._fragments is not None:
                self._link.close(Close.BAD_FRAMING)
            elif frame.fin:
                self._link.binary()
            else:
                self._link.close(Close.BAD_PROTOCOL)
            return
        starts = frame.msg_type == WSMsgType.TEXT
        if starts is (self._fragments is not None):
            self._link.close(Close.BAD_FRAMING)
            return
        if self._fragments is None:
            self._fragments = bytearray()
        self._fragments += frame.get_payload_as_memoryview()
        if len(self._fragments) > MAX_FRAME_BYTES:
            self._fragments.clear()
            self._link.close(Close.TOO_BIG)
        elif frame.fin:
            payload, self._fragments = self._fragments, None
            try:
                text = payload.decode()
            except UnicodeDecodeError:
                self._link.close(Close.BAD_UTF8)
                return
            self._link.text(text)


def _forget_handshake(transport: WSTransport) -> None:
    """Let go of 3 KiB that picows would keep as long as the connection."""
    request, response = transport.request, transport.response
    request.method = request.path = request.version = b""
    request.headers = response.headers = _NO_HEADERS


def _end_of(transport: WSTransport) -> int:
    """Return the close code (RFC 6455 §7.1.5): the peer's, else that with which picows answered a breach."""
    handshake = transport.close_handshake
    info = None if handshake is None else handshake.recv or handshake.sent
    if info is None:
        return _ABNORMAL
    return int(info.code.value) or _NO_STATUS


def _answer_close(transport: WSTransport, frame: WSFrame) -> None:
    # A close without a code is answered with 1000: picows would send 0, which is none (RFC 6455 §7.4.2).
    transport.send_close(frame.get_close_code() or WSCloseCode.OK, frame.get_close_message())
    transport.disconnect()


class _PicowsTransport(FrameWriter):
    """A picows connection as a `Transport`. Its text frames do not pass picows, which would send each by itself."""

    __slots__ = ("_picows",)

    def __init__(self, transport: WSTransport, turn: LoopTurn) -> None:
        super().__init__(transport.underlying_transport, turn)
        self._picows = transport

    def flush(self) -> None:
        """Send now what was written, unless picows has closed by itself, as it does after a breach. Idempotent."""
        if self._picows.is_close_frame_sent:
            self._ended = True
        super().flush()

    def ping(self) -> None:
        self._picows.send_ping()

    def close(self, code: int, reason: str) -> None:
        self.end()
        # The enumeration names only the registered codes; the wire takes any.
        self._picows.send_close(cast(WSCloseCode, code), reason)

    def abort(self) -> None:
        self._picows.disconnect(graceful=False)


class _PicowsLog:
    """Keep what goes wrong inside picows, drop its line per connection (it names addresses).

    Not a `logging.Logger`, for which picows would make a child per connection.
    """

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802  # the name picows calls
        return level >= logging.ERROR

    def log(self, *_: object, **__: object) -> None:
        """Drop it."""

    debug = info = warning = log

    def error(self, message: str, *args: object, **_: object) -> None:
        # Protocol errors of clients come here too; they are not faults of the server.
        logger.info("websocket error", extra={"event": "ws_error", "detail": message % args if args else message})

    def exception(self, message: str, *args: object, **_: object) -> None:
        logger.error(message, *args, exc_info=True, extra={"event": "ws_exception"})  # noqa: LOG014  # picows calls it in one


_picows_log = _PicowsLog()
