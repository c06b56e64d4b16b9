"""A few people who do everything that Chatter counts: over HTTP and over real sockets, right and wrong."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from websockets.asyncio.client import connect
from websockets.typing import Origin

from tests.api.process import Server
from tests.contracts.site import ORIGIN, PASSWORD, PATIENCE_S, RawClient, Visitor

_SDP = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
_CANDIDATE = "candidate:1 1 udp 2122260223 192.0.2.10 50000 typ host"
_PAIR = {"local": "relay", "remote": "srflx", "protocol": "udp", "relayProtocol": "udp", "family": "v4"}
_STATS = {
    "pair": _PAIR,
    "rttMs": 42,
    "audioJitterMs": 3,
    "videoJitterMs": 7,
    "audioLossIn": 0.01,
    "audioLossOut": 0.0,
    "videoLossIn": 0.02,
    "videoLossOut": 0.001,
    "bitrateIn": 900_000,
    "bitrateOut": 800_000,
    "freezes": 1,
    "frozenMs": 300,
    "limitedBy": "bandwidth",
}


class Crowd:
    """People at a running server."""

    def __init__(self, server: Server, client: httpx2.AsyncClient) -> None:
        self._server = server
        self._client = client
        self._owner = ""

    async def be_busy(self) -> None:
        """Do everything once."""
        await self._knock_on_http()
        room = await self._open_room()
        await self._call(room)

    async def _knock_on_http(self) -> None:
        name = f"user{secrets.token_hex(6)}"
        login = {"username": name, "password": PASSWORD}
        device = {"X-Device-ID": f"device-of-{name}"}
        made = await self._client.post("/auth/register", json=login, headers=device)
        assert made.status_code == 200, made.text
        signed_in = (await self._client.post("/auth/login", json=login, headers=device)).json()
        await self._client.post("/auth/login", json=login | {"password": "a wrong phrase indeed"}, headers=device)
        renewed = await self._client.post("/auth/refresh", headers=device)
        assert renewed.status_code == 200, renewed.text
        self._owner = str(renewed.json()["token"] or signed_in["token"])
        await self._client.get("/nowhere")

    @asynccontextmanager
    async def staying(self) -> AsyncIterator[None]:
        """Be in a room until the end of the block."""
        await self._knock_on_http()
        async with self.visiting(await self._open_room(), token=self._owner):
            yield

    async def _open_room(self) -> str:
        bearer = {"Authorization": f"Bearer {self._owner}"}
        made = await self._client.post("/rooms", json={"guestsAllowed": True}, headers=bearer)
        assert made.status_code in {200, 201}, made.text
        await self._client.get("/rooms", headers=bearer)
        return str(made.json()["roomId"])

    async def _call(self, room: str) -> None:
        async with self.visiting(room, token=self._owner) as alice, self.visiting(room, displayName="Bob") as bob:
            await alice.expect("presence")
            await _talk(alice, bob)
            await alice.send("lock", locked=True, id=90)
            await alice.send("nonsense")
            await self._be_refused(room)
            await bob.send("leave")
            await bob.connection.wait_closed()

    async def overwhelm_someone(self) -> None:
        """Send someone more than they read, until the server gives them up."""
        await self._knock_on_http()
        room = await self._open_room()
        async with self.visiting(room, token=self._owner) as alice:
            deaf = await RawClient.open(self._server.gateway_port, f"/ws/{room}", receive_buffer=4096)
            try:
                await deaf.come_in()
                await alice.expect("presence")
                frame = {"type": "chat"}
                while frame["type"] == "chat":
                    await alice.send("chat", text="🎉" * 4096)
                    frame = await alice.next()
            finally:
                deaf.close()

    async def _be_refused(self, room: str) -> None:
        async with self._socket(room) as refused:
            await refused.send("hello", displayName="Late")
            await refused.connection.wait_closed()

    @asynccontextmanager
    async def visiting(self, room: str, **hello: str) -> AsyncIterator[Visitor]:
        """Be in a room until the end of the block."""
        async with self._socket(room) as visitor:
            await visitor.send("hello", **hello)
            yield await visitor.come_in()

    @asynccontextmanager
    async def _socket(self, room: str) -> AsyncIterator[Visitor]:
        url = f"ws://127.0.0.1:{self._server.gateway_port}/ws/{room}?v=2"
        async with connect(
            url, origin=Origin(ORIGIN), proxy=None, open_timeout=PATIENCE_S, ping_interval=None
        ) as connection:
            yield Visitor(connection)


async def _talk(alice: Visitor, bob: Visitor) -> None:
    """Set up a connection that works, tell of it, and chat."""
    number = iter(range(1, 100))

    async def say(speaker: Visitor, kind: str, **fields: Any) -> None:
        await speaker.send(kind, id=next(number), **fields)

    await say(alice, "webrtc", action="offer", to=bob.id, sdp=_SDP, connection="c1")
    await bob.expect("webrtc", action="offer")
    await say(bob, "webrtc", action="answer", to=alice.id, sdp=_SDP, connection="c1")
    candidate = {"candidate": _CANDIDATE, "sdpMid": "0", "sdpMLineIndex": 0}
    await say(alice, "webrtc", action="ice", to=bob.id, candidate=candidate, connection="c1")
    await bob.expect("webrtc", action="ice")
    for me, other in ((alice, bob), (bob, alice)):
        path = {"clientId": other.id, "connection": "c1", "local": {"host": 1}, "remote": {"host": 1}}
        await say(me, "path", state="connecting", iceState="checking", elapsedMs=10, **path)
        await say(me, "path", state="connected", iceState="connected", elapsedMs=400, iceMs=300, pair=_PAIR, **path)
        await me.send("stats", peers=[_STATS | {"clientId": other.id}])
    await say(bob, "trouble", media="video", reason="permission")
    await say(alice, "chat", text="Can you hear me?")
    await bob.expect("chat", text="Can you hear me?")


@asynccontextmanager
async def crowd(server: Server) -> AsyncIterator[Crowd]:
    """Bring people to a server."""
    headers = {"Origin": server.url}
    async with httpx2.AsyncClient(base_url=server.url, timeout=15, trust_env=False, headers=headers) as client:
        yield Crowd(server, client)
