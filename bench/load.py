"""Many members in one process: clients of each server that relay candidates to each other in pairs."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import msgspec
from picows import WSMsgType, WSTransport

from api.load.client import ACKNOWLEDGE_AFTER, Connection, ResumableConnection
from api.load.client import connect as connect_one

MESSAGE_BYTES = 250
_TEXT = WSMsgType.TEXT
SPREED_SECRET = "bench"
CONNECTING_AT_ONCE = 50
_SETTLE_S = 6.0
"""By then what follows from a join is done: Chatter stores new calls every 5 seconds."""
_CANDIDATE = (
    "candidate:842163049 1 udp 1677729535 192.0.2.20 46154 typ srflx raddr 198.51.100.17 rport 46154 "
    "generation 0 ufrag EEtu network-cost 999"
)


def chatter_message(to: str) -> dict[str, Any]:
    """Return a candidate as Chatter's clients send it."""
    candidate = {"candidate": _CANDIDATE, "sdpMid": "0", "sdpMLineIndex": 0, "usernameFragment": "EEtu"}
    return {"type": "webrtc", "action": "ice", "to": to, "candidate": candidate}


def peerjs_message(to: str) -> dict[str, Any]:
    """Return a candidate as PeerJS's clients send it."""
    payload = {"candidate": {"candidate": _CANDIDATE, "sdpMid": "0", "sdpMLineIndex": 0}, "type": "data"}
    return {"type": "CANDIDATE", "payload": payload, "dst": to}


def spreed_message(to: str) -> dict[str, Any]:
    """Return a candidate as the clients of nextcloud-spreed-signaling send it; its session ids have 300 characters."""
    payload = {"candidate": {"candidate": _CANDIDATE, "sdpMid": "0", "sdpMLineIndex": 0}}
    data = {"type": "candidate", "payload": payload}
    return {"type": "message", "message": {"recipient": {"type": "session", "sessionid": to}, "data": data}}


def _padded(body: dict[str, Any], by: int) -> dict[str, Any]:
    candidate = body.get("payload", body)["candidate"]
    candidate["candidate"] += " " + "x" * (by - 1)
    return body


class Member(Connection):
    """One end of a pair, who sends its peer what `message` returns. Of Chatter with `?v=1`, and of the bare relay."""

    message = staticmethod(chatter_message)

    def __init__(self, url: str = "") -> None:
        super().__init__()
        self.peer: Member | None = None
        self.sent_at: deque[float] = deque()
        self.on_relayed: Callable[[Member], None] | None = None
        self._message = b""

    def received(self, payload: bytes) -> None:
        """Count what was relayed."""
        if b'"candidate"' in payload:
            if self.on_relayed is not None:
                self.on_relayed(self)
        else:
            super().received(payload)

    def send(self) -> None:
        """Send one candidate to the peer."""
        self.sent_at.append(time.perf_counter())
        self.transmit(self._message)

    def pair_with(self, peer: Member) -> None:
        """Aim at a peer: from now on `send` goes there."""
        self.peer = peer
        body = self.message(peer.id)
        padding = MESSAGE_BYTES - len(msgspec.json.encode(body))
        self._message = msgspec.json.encode(body if padding <= 0 else _padded(body, padding))


class ResumingMember(ResumableConnection, Member):
    """A member as our web client is one: numbered both ways, and able to go on over another connection."""

    def __init__(self, url: str = "") -> None:
        Member.__init__(self, url)
        ResumableConnection.__init__(self)
        self._unnumbered = b""

    def pair_with(self, peer: Member) -> None:
        """Aim at a peer."""
        super().pair_with(peer)
        self._unnumbered = self._message[:-1] + b',"id":'

    # What follows does the same as the base classes: the load generator has one core, and should not be what is
    # measured.

    def send(self) -> None:
        """Send one candidate to the peer."""
        self.sent_at.append(time.perf_counter())
        self.sent += 1
        cast("WSTransport", self._transport).send(_TEXT, b"%b%d}" % (self._unnumbered, self.sent))

    def received(self, payload: bytes) -> None:
        """Count what was relayed, and acknowledge it sooner or later."""
        if self.on_relayed is None or b'"candidate"' not in payload:
            super().received(payload)
            return
        self.arrived += 1
        if self.arrived - self._acknowledged >= ACKNOWLEDGE_AFTER:
            self._acknowledge()
        elif self._timer is None:
            self._acknowledge_soon()
        self.on_relayed(self)


class PeerJSMember(Member):
    """A client of PeerJS. It chooses its name itself."""

    message = staticmethod(peerjs_message)

    def __init__(self, url: str = "") -> None:
        super().__init__(url)
        self.id = parse_qs(urlsplit(url).query)["id"][0]

    def learn(self, frame: dict[str, Any]) -> None:
        """Wait for the first frame."""
        if frame["type"] == "OPEN":
            self.ready.set_result(None)


class SpreedMember(Member):
    """An internal client of nextcloud-spreed-signaling, which needs no Nextcloud. Its room stands in the URL."""

    message = staticmethod(spreed_message)

    def __init__(self, url: str = "") -> None:
        super().__init__(url)
        self._room = urlsplit(url).query

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Keep the transport and say hello."""
        super().on_ws_connected(transport)
        nonce = secrets.token_hex(32)
        token = hmac.new(SPREED_SECRET.encode(), nonce.encode(), hashlib.sha256).hexdigest()
        params = {"random": nonce, "token": token, "backend": "http://localhost"}
        hello = {"version": "1.0", "auth": {"type": "internal", "params": params}}
        self.transmit(msgspec.json.encode({"id": "1", "type": "hello", "hello": hello}))

    def learn(self, frame: dict[str, Any]) -> None:
        """Go into the room after the hello."""
        if frame["type"] == "hello":
            self.id = frame["hello"]["sessionid"]
            room = {"roomid": self._room, "sessionid": secrets.token_hex(8)}
            self.transmit(msgspec.json.encode({"id": "2", "type": "room", "room": room}))
        elif frame["type"] == "room":
            self.ready.set_result(None)


Rooms = list[list[Member]]


async def connect(kind: type[Member], url: str, origin: str | None) -> Member:
    """Open one connection and wait until it is let in."""
    return await connect_one(partial(kind, url), url, origin)


async def connect_rooms(
    kind: type[Member], urls: Sequence[Sequence[str]], origin: str | None, at_once: int = CONNECTING_AT_ONCE
) -> Rooms:
    """Open the connections of every room, so many rooms at a time; two after each other are aimed at each other."""
    gate = asyncio.Semaphore(at_once)

    async def one(room: Sequence[str]) -> list[Member]:
        async with gate:
            members = [await connect(kind, url, origin) for url in room]
        for member, other in zip(members[::2], members[1::2], strict=False):
            member.pair_with(other)
            other.pair_with(member)
        return members

    return list(await asyncio.gather(*(one(room) for room in urls)))


async def saturate(rooms: Rooms, seconds: float, in_flight: int) -> tuple[float, list[float]]:
    """Keep `in_flight` messages each way in every pair; return messages per second and all delays in seconds."""
    delays: list[float] = []
    running = True

    def relayed(receiver: Member) -> None:
        sender = cast("Member", receiver.peer)
        delays.append(time.perf_counter() - sender.sent_at.popleft())
        if running:
            sender.send()

    members = _listening(rooms, relayed)
    for _ in range(in_flight):
        for member in members:
            member.send()
    begun = time.perf_counter()
    await asyncio.sleep(seconds)
    elapsed, count = time.perf_counter() - begun, len(delays)
    running = False
    await _settle(members)
    return count / elapsed, delays[:count]


async def pace(rooms: Rooms, seconds: float, per_second: float) -> list[float]:
    """Send at a fixed rate, evenly over all members, whatever comes back; return all delays in seconds."""
    delays: list[float] = []

    def relayed(receiver: Member) -> None:
        delays.append(time.perf_counter() - cast("Member", receiver.peer).sent_at.popleft())

    members = _listening(rooms, relayed)
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


async def settle(seconds: float) -> None:
    """Let pass what follows from joins, so that it does not count as relaying; less before a short measurement."""
    await asyncio.sleep(min(_SETTLE_S, 3 * seconds))


def everyone(rooms: Rooms) -> list[Member]:
    """Return the members of all rooms."""
    return [member for room in rooms for member in room]


async def disconnect(rooms: Rooms) -> None:
    """Drop all connections, and wait until they are gone."""
    for member in everyone(rooms):
        member.disconnect()
    while not all(member.closed for member in everyone(rooms)):
        await asyncio.sleep(0.001)


def _listening(rooms: Rooms, relayed: Callable[[Member], None]) -> list[Member]:
    members = everyone(rooms)
    for member in members:
        member.sent_at.clear()
        member.on_relayed = relayed
    return members


async def _settle(members: list[Member]) -> None:
    deadline = time.perf_counter() + 10
    while any(member.sent_at for member in members) and time.perf_counter() < deadline:
        await asyncio.sleep(0.01)
    lost = sum(len(member.sent_at) for member in members)
    if lost or any(member.closed for member in members):
        raise RuntimeError(
            f"{lost} messages were not delivered, {sum(bool(m.closed) for m in members)} connections closed"
        )
