"""Many members in one process: picows clients that relay candidates to each other in pairs."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Any, cast

import msgspec
import picows
from picows import WSFrame, WSMsgType, WSTransport

MESSAGE_BYTES = 250
_CANDIDATE = (
    "candidate:842163049 1 udp 1677729535 192.0.2.20 46154 typ srflx raddr 198.51.100.17 rport 46154 "
    "generation 0 ufrag EEtu network-cost 999"
)
_CONNECTING_AT_ONCE = 50
_ACKNOWLEDGE_AFTER = 32
_ACKNOWLEDGE_S = 3.0
"""When our web client tells which frames arrived (`web/src/call/incoming.ts`, `signaling.ts`)."""


def chatter_message(to: str) -> dict[str, Any]:
    """Return a candidate as Chatter's clients send it."""
    candidate = {"candidate": _CANDIDATE, "sdpMid": "0", "sdpMLineIndex": 0, "usernameFragment": "EEtu"}
    return {"type": "webrtc", "action": "ice", "to": to, "candidate": candidate}


def peerjs_message(to: str) -> dict[str, Any]:
    """Return a candidate as PeerJS's clients send it."""
    payload = {"candidate": {"candidate": _CANDIDATE, "sdpMid": "0", "sdpMLineIndex": 0}, "type": "data"}
    return {"type": "CANDIDATE", "payload": payload, "dst": to}


def _padded(body: dict[str, Any], by: int) -> dict[str, Any]:
    candidate = body.get("payload", body)["candidate"]
    candidate["candidate"] += " " + "x" * (by - 1)
    return body


class Member(picows.WSListener):
    """One end of a pair. `ready` is set when the server has let it in; `id` is its name there.

    It opens `url`, and sends to its peer what `message` returns.
    """

    message = staticmethod(chatter_message)

    def __init__(self) -> None:
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.id = ""
        self.peer: Member | None = None
        self.sent_at: deque[float] = deque()
        self.on_relayed: Callable[[Member], None] | None = None
        self.closed = False
        self._transport: WSTransport | None = None
        self._message = b""

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Keep the transport."""
        self._transport = transport

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Look at text only."""
        if frame.msg_type == WSMsgType.TEXT:
            self.received(frame.get_payload_as_bytes())

    def received(self, payload: bytes) -> None:
        """Count what was relayed; learn one's name from the first frames."""
        if b'"candidate"' in payload:
            if self.on_relayed is not None:
                self.on_relayed(self)
        elif not self.ready.done():
            self._learn(msgspec.json.decode(payload))

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """Note the end."""
        self.closed = True
        if not self.ready.done():
            self.ready.set_exception(ConnectionError("closed before it was let in"))

    def send(self) -> None:
        """Send one candidate to the peer."""
        self.sent_at.append(time.perf_counter())
        self.transmit(self._message)

    def transmit(self, frame: bytes) -> None:
        """Send a frame to the server."""
        cast(WSTransport, self._transport).send(WSMsgType.TEXT, frame)

    def pair_with(self, peer: Member) -> None:
        """Aim at a peer: from now on `send` goes there."""
        self.peer = peer
        body = self.message(peer.id)
        padding = MESSAGE_BYTES - len(msgspec.json.encode(body))
        self._message = msgspec.json.encode(body if padding <= 0 else _padded(body, padding))

    def disconnect(self) -> None:
        """Drop the connection."""
        if self._transport is not None:
            self._transport.disconnect(graceful=False)

    def _learn(self, frame: dict[str, Any]) -> None:
        if frame["type"] == "welcome":
            self.id = frame["clientId"]
        elif frame["type"] in {"participants", "OPEN"}:
            self.ready.set_result(None)


class ResumingMember(Member):
    """A member with a session that could go on over another connection, as our web client has it (`?v=2`).

    Its frames are numbered, and it acknowledges the server's. Before it begins, it says hello.
    """

    def __init__(self) -> None:
        super().__init__()
        self._sent = 0
        self._arrived = 0
        self._acknowledged = 0
        self._timer: asyncio.TimerHandle | None = None

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Keep the transport and say hello."""
        super().on_ws_connected(transport)
        self.transmit(b'{"type":"hello","displayName":"bench"}')

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """Note the end."""
        super().on_ws_disconnected(transport)
        if self._timer is not None:
            self._timer.cancel()

    def received(self, payload: bytes) -> None:
        """Handle a frame, and acknowledge it sooner or later."""
        if payload.startswith(b'{"seq":'):
            self._arrived += 1
            if self._arrived - self._acknowledged >= _ACKNOWLEDGE_AFTER:
                self._acknowledge()
            elif self._timer is None:
                self._timer = asyncio.get_running_loop().call_later(_ACKNOWLEDGE_S, self._acknowledge)
        super().received(payload)

    def transmit(self, frame: bytes) -> None:
        """Send a frame to the server under the next number."""
        self._sent += 1
        super().transmit(b'%b,"id":%d}' % (frame[:-1], self._sent))

    def _acknowledge(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._acknowledged = self._arrived
        super().transmit(b'{"type":"ack","seq":%d}' % self._arrived)


class PeerJSMember(Member):
    """A client of PeerJS."""

    message = staticmethod(peerjs_message)


async def connect(kind: type[Member], url: str, origin: str | None) -> Member:
    """Open one connection and wait until it is let in."""
    headers = {"Origin": origin} if origin else None
    _, listener = await picows.ws_connect(kind, url, extra_headers=headers, websocket_handshake_timeout=30)
    member = cast(Member, listener)
    await asyncio.wait_for(member.ready, 30)
    return member


async def connect_pairs(
    kind: type[Member], urls: list[tuple[str, str]], origin: str | None
) -> list[tuple[Member, Member]]:
    """Open both ends of every pair, some at a time, and aim them at each other."""
    gate = asyncio.Semaphore(_CONNECTING_AT_ONCE)

    async def one(pair: tuple[str, str], index: int) -> tuple[Member, Member]:
        async with gate:
            members = await connect(kind, pair[0], origin), await connect(kind, pair[1], origin)
        for member, letter in zip(members, "ab", strict=True):
            member.id = member.id or f"{letter}{index}"  # PeerJS clients choose their names, and urls() named them so
        members[0].pair_with(members[1])
        members[1].pair_with(members[0])
        return members

    return list(await asyncio.gather(*(one(pair, index) for index, pair in enumerate(urls))))


async def saturate(pairs: list[tuple[Member, Member]], seconds: float, in_flight: int) -> tuple[float, list[float]]:
    """Keep `in_flight` messages each way in every pair; return messages per second and all delays in seconds."""
    delays: list[float] = []
    running = True

    def relayed(receiver: Member) -> None:
        sender = cast(Member, receiver.peer)
        delays.append(time.perf_counter() - sender.sent_at.popleft())
        if running:
            sender.send()

    members = [member for pair in pairs for member in pair]
    for member in members:
        member.sent_at.clear()
        member.on_relayed = relayed
    for _ in range(in_flight):
        for member in members:
            member.send()
    begun = time.perf_counter()
    await asyncio.sleep(seconds)
    elapsed, count = time.perf_counter() - begun, len(delays)
    running = False
    await _settle(members)
    return count / elapsed, delays[:count]


async def pace(pairs: list[tuple[Member, Member]], seconds: float, per_second: float) -> list[float]:
    """Send at a fixed rate, evenly over all members, whatever comes back; return all delays in seconds."""
    delays: list[float] = []

    def relayed(receiver: Member) -> None:
        delays.append(time.perf_counter() - cast(Member, receiver.peer).sent_at.popleft())

    members = [member for pair in pairs for member in pair]
    for member in members:
        member.sent_at.clear()
        member.on_relayed = relayed
    begun = time.perf_counter()
    sent = 0
    while (elapsed := time.perf_counter() - begun) < seconds:
        due = int(elapsed * per_second)
        while sent < due:
            members[sent % len(members)].send()
            sent += 1
        await asyncio.sleep(0.001)
    await _settle(members)
    return delays


async def _settle(members: list[Member]) -> None:
    deadline = time.perf_counter() + 10
    while any(member.sent_at for member in members) and time.perf_counter() < deadline:
        await asyncio.sleep(0.01)
    lost = sum(len(member.sent_at) for member in members)
    if lost or any(member.closed for member in members):
        raise RuntimeError(f"{lost} messages were not delivered, {sum(m.closed for m in members)} connections closed")
