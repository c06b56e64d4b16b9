"""The whole application on free loopback ports, and clients that walk in by any of its doors."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import struct
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Literal
from unittest.mock import patch

import msgspec
from jsonschema import Draft202012Validator
from sqlalchemy.engine import URL
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin

import api.cluster
from api.app import create_app
from api.application import Application
from api.db import Database
from api.server import HttpServer
from api.settings import Settings, load
from auth.principal import Device
from auth.service import SignedIn
from signaling.bus.courier import Sender
from signaling.bus.memory import MemoryBus, MemoryEngine
from signaling.cluster.settings import ClusterSettings
from signaling.cluster.store import ClusterStore
from signaling.core.schema import message_schema
from signaling.store import RoomChange

ORIGIN = "https://call.example.org"
PASSWORD = "a long enough phrase"
PATIENCE_S = 5.0
"""How long anything that should happen at once may take on a busy machine."""
_SEND_BUFFER = 64 * 1024
_SERVER_FRAMES = Draft202012Validator(message_schema() | {"$ref": "#/ServerMessage"})

DoorName = Literal["gateway", "asgi", "edge"]
DOORS: tuple[DoorName, ...] = ("gateway", "asgi")
"""The doors of one node. `edge` is the gateway of another one, behind which all rooms live at the first."""


class ShiftedClock:
    """The wall clock, moved on when told."""

    def __init__(self) -> None:
        self.offset = 0.0

    def __call__(self) -> float:
        return time.time() + self.offset

    def advance(self, seconds: float) -> None:
        """Move on."""
        self.offset += seconds


class Site:
    """A running application with both of its ports."""

    def __init__(self, application: Application, clock: ShiftedClock, ports: Mapping[DoorName, int]) -> None:
        self.application = application
        self.clock = clock
        self.ports = dict(ports)
        self.hub = application.hub
        self.neighbours: list[Application] = []
        """Other nodes, whose metrics count too."""

    def metric(self, name: str, **labels: str) -> float:
        """Return a metric, 0 where it was never counted; the sum over the labels that are not given."""
        return sum(
            sample.value
            for application in (self.application, *self.neighbours)
            for family in application.registry.collect()
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    @property
    def is_empty(self) -> bool:
        """Whether no connection, member or room is left."""
        return not any(
            self.metric(name) for name in ("chatter_ws_connections", "chatter_rooms", "chatter_participants")
        )

    async def sign_up(self, username: str, device: str = "laptop") -> SignedIn:
        """Register someone."""
        return await self.application.auth.register(username, PASSWORD, Device(f"{device}-of-{username}", "192.0.2.1"))

    async def ticket(self, person: SignedIn) -> str:
        """Get a ticket for a socket."""
        auth = self.application.auth
        return (await auth.issue_ticket(await auth.authenticate(person.access_token))).ticket

    async def open_room(self, room_id: str, owner: SignedIn, **wanted: Any) -> str:
        """Create a room."""
        await self.application.rooms.create(owner.user_id, RoomChange(**wanted), room_id)
        return room_id


def site_settings(folder: Path, database: URL, **signaling: Any) -> Settings:
    """Return settings as the environment gives them; `signaling` overrides what the environment cannot."""
    config = folder / "config.yaml"
    config.touch()
    settings = load(
        {
            "CONFIG_PATH": str(config),
            "CHATTER_DATA_DIR": str(folder),
            "DATABASE_URL": database.render_as_string(hide_password=False),
            "BASE_URL": ORIGIN,
            "AUTH_SECRET": "0123456789abcdef0123456789abcdef",
            "AUTH_BCRYPT_COST": "4",
        }
    )
    return msgspec.structs.replace(settings, signaling=msgspec.structs.replace(settings.signaling, **signaling))


@asynccontextmanager
async def running_site(
    settings: Settings, clock: ShiftedClock | None = None, *, alone: bool = True
) -> AsyncIterator[Site]:
    """Run the application as `api.run` does; at the end nothing of it may be left, where it is `alone`."""
    before = asyncio.all_tasks()
    clock = clock or ShiftedClock()
    application = create_app(settings, clock=clock)
    server = HttpServer(application.asgi)
    sockets: dict[DoorName, socket.socket] = {door: _listener() for door in DOORS}
    try:
        await application.start()
        await server.start([sockets["asgi"]])
        await application.gateway.start([sockets["gateway"]])
        yield Site(application, clock, {door: sock.getsockname()[1] for door, sock in sockets.items()})
        async with asyncio.timeout(10):
            application.gateway.stop_listening()
            await application.close_sockets()
            await server.stop(0.5)
    finally:
        await application.stop()
    if not alone:
        return
    try:
        await until(lambda: asyncio.all_tasks() <= before | {asyncio.current_task()})
    except TimeoutError:
        raise AssertionError(f"still running: {asyncio.all_tasks() - before}") from None


@asynccontextmanager
async def running_neighbours(settings: Settings) -> AsyncIterator[Site]:
    """Run two nodes over one bus; the second has a gateway, the door `edge`, and never a room."""
    engine = MemoryEngine()
    async with AsyncExitStack() as stack:
        with patch.object(api.cluster, "create_bus", lambda *_: MemoryBus(engine)):
            site = await stack.enter_async_context(running_site(_among_others(settings, "owner")))
            owner = site.application.cluster
            assert owner is not None
            with patch.object(api.cluster, "ClusterStore", partial(_Roomless, owner.me)):
                edge = await stack.enter_async_context(
                    running_site(_among_others(settings, "edge"), site.clock, alone=False)
                )
        site.neighbours.append(edge.application)
        site.ports["edge"] = edge.ports["gateway"]
        yield site


def _among_others(settings: Settings, node: str) -> Settings:
    return msgspec.structs.replace(settings, cluster=ClusterSettings(bus_url="the engine of the test", node=node))


class _Roomless(ClusterStore):
    """Leaves all rooms to another node."""

    def __init__(self, owner: Sender, database: Database) -> None:
        super().__init__(database)
        self._owner = owner

    async def claim(self, room_id: str, me: Sender, *, stale: int) -> Sender:
        return self._owner

    async def find(self, room_id: str) -> Sender | None:
        return self._owner


def _listener() -> socket.socket:
    sock = socket.create_server(("127.0.0.1", 0), backlog=256)
    # Accepted connections inherit it: the kernel takes little before the server notices a peer that does not read.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
    return sock


async def until(condition: Callable[[], object]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110  # what is waited for has no event
            await asyncio.sleep(0.002)


def resident_bytes() -> int:
    """Return how much memory this process holds."""
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Visitor:
    """A well-behaved client: checks each frame against the schema and its number, waits for none too long."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.id = ""
        self.role = ""
        self.people: list[dict[str, Any]] = []
        self._seq = 0

    async def next(self) -> dict[str, Any]:
        """Return the next frame, without its number."""
        async with asyncio.timeout(PATIENCE_S):
            text = await self.connection.recv()
        assert isinstance(text, str)
        frame: dict[str, Any] = json.loads(text)
        _SERVER_FRAMES.validate(frame)
        if frame["type"] not in {"ack", "resumed"}:
            self._seq += 1
            assert frame.pop("seq") == self._seq
        return frame

    async def expect(self, kind: str, **fields: Any) -> dict[str, Any]:
        """Return the next frame but acknowledgements, which must be of this kind and hold these fields."""
        frame = await self.next()
        while frame["type"] == "ack" and kind != "ack":
            frame = await self.next()
        assert frame["type"] == kind, frame
        assert frame | fields == frame
        return frame

    async def come_in(self) -> Visitor:
        """Read what everyone gets who comes in."""
        welcome = await self.expect("welcome")
        self.id, self.role = welcome["clientId"], welcome["role"]
        self.people = (await self.expect("participants"))["participants"]
        return self

    async def send(self, kind: str, **fields: Any) -> None:
        """Send a frame; `from_` stands for `from`."""
        frame = {"type": kind} | {name.rstrip("_"): value for name, value in fields.items()}
        await self.send_raw(json.dumps(frame, ensure_ascii=False))

    async def send_raw(self, data: Any) -> None:
        """Send what is given, bytes as a binary message and an iterable as fragments."""
        async with asyncio.timeout(PATIENCE_S):
            await self.connection.send(data)

    def goes_on(self, member_id: str, seq: int) -> None:
        """Expect the frames after this one: the session began on another connection."""
        self.id, self._seq = member_id, seq

    async def is_caught_up(self) -> None:
        """Make sure that nothing is on its way here: what one says comes back after all that was sent before."""
        await self.send("chat", text="nothing before this?")
        frame = await self.expect("chat", text="nothing before this?")
        assert frame["from"] == self.id

    async def refusal(self) -> tuple[str, int, str]:
        """Read an error and the close that follows; return the code of the error, of the close, and its reason."""
        error = await self.expect("error")
        return (error["code"], *await self.end())

    async def end(self) -> tuple[int, str]:
        """Read up to the close, which must come next but for acks; return its code and reason."""
        try:
            frame = await self.next()
        except ConnectionClosed as closed:
            if closed.rcvd is None:
                return 1006, ""
            return closed.rcvd.code, closed.rcvd.reason
        raise AssertionError(f"still open: {frame}")

    async def go(self, code: int = 1000) -> None:
        """Close the connection."""
        async with asyncio.timeout(PATIENCE_S):
            await self.connection.close(code)


class Door:
    """One of the ways in. Closes behind everyone at the end."""

    def __init__(self, site: Site, name: DoorName) -> None:
        self.site = site
        self.name = name
        self.port = site.ports[name]
        self._open: list[ClientConnection] = []
        self._raw: list[RawClient] = []

    async def knock(
        self,
        room: str,
        query: str = "",
        *,
        origin: str | None = ORIGIN,
        compression: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Visitor:
        """Connect, and read nothing yet. Raises `InvalidStatus` where the handshake is refused."""
        connection = await connect(
            f"ws://127.0.0.1:{self.port}/ws/{room}?{query}",
            origin=None if origin is None else Origin(origin),
            compression=compression,
            additional_headers=headers,
            proxy=None,
            open_timeout=PATIENCE_S,
            close_timeout=PATIENCE_S,
            ping_interval=None,
            max_size=None,
        )
        self._open.append(connection)
        return Visitor(connection)

    async def join(self, room: str, person: SignedIn | None = None, *, origin: str | None = ORIGIN) -> Visitor:
        """Come into a room, as a guest or with an access token."""
        query = "" if person is None else f"token={person.access_token}"
        return await (await self.knock(room, query, origin=origin)).come_in()

    async def raw(self, room: str, query: str = "", *, receive_buffer: int | None = None) -> RawClient:
        """Connect with a client that does as it is told, right or wrong."""
        client = await RawClient.open(self.port, f"/ws/{room}?{query}", receive_buffer)
        self._raw.append(client)
        return client

    async def close(self) -> None:
        """Close what is still open."""
        for client in self._raw:
            client.close()
        for connection in self._open:
            connection.transport.abort()
        for connection in self._open:
            async with asyncio.timeout(PATIENCE_S):
                await connection.wait_closed()


TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA
CONTINUATION = 0x0


class RawClient:
    """A WebSocket as bytes on a TCP connection: reads only when asked, answers nothing by itself."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._buffer = bytearray()

    @classmethod
    async def open(cls, port: int, target: str, receive_buffer: int | None = None) -> RawClient:
        """Shake hands (RFC 6455 §4.1)."""
        sock = socket.socket()
        if receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.setblocking(False)
        client = cls(sock)
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
            await client.send_bytes(
                f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
                f"Origin: {ORIGIN}\r\n\r\n".encode()
            )
            while b"\r\n\r\n" not in client._buffer:
                await client._more()
        head, _, rest = bytes(client._buffer).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101"), head
        client._buffer = bytearray(rest)
        return client

    async def send_bytes(self, data: bytes) -> None:
        """Send bytes as they are."""
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.get_running_loop().sock_sendall(self._sock, data)

    async def send(self, kind: int, payload: bytes = b"", *, final: bool = True, masked: bool = True) -> None:
        """Send a frame (RFC 6455 §5.2). The mask is zero: the payload stays as it is."""
        head = bytes([final << 7 | kind])
        flag = masked << 7
        if len(payload) < 126:
            head += bytes([flag | len(payload)])
        elif len(payload) < 65536:
            head += struct.pack("!BH", flag | 126, len(payload))
        else:
            head += struct.pack("!BQ", flag | 127, len(payload))
        await self.send_bytes(head + (b"\0\0\0\0" if masked else b"") + payload)

    async def next(self) -> tuple[int, bytes]:
        """Return the next frame: its kind and payload. Raises `ConnectionError` at the end."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                frame = self._parse()
                if frame is not None:
                    return frame
                await self._more()

    async def expect(self, kind: str) -> dict[str, Any]:
        """Return the next text frame, which must be of this kind."""
        while True:
            opcode, payload = await self.next()
            if opcode == TEXT:
                frame: dict[str, Any] = json.loads(payload)
                assert frame["type"] == kind, frame
                return frame

    async def come_in(self) -> RawClient:
        """Read what everyone gets who comes in."""
        await self.expect("welcome")
        await self.expect("participants")
        return self

    async def end(self) -> tuple[int | None, str]:
        """Read up to the close frame; return its code and reason."""
        while True:
            opcode, payload = await self.next()
            if opcode == CLOSE:
                return (struct.unpack("!H", payload[:2])[0] if payload else None), payload[2:].decode()

    async def is_cut(self) -> None:
        """Wait until the server has closed the TCP connection."""
        try:
            while True:
                await self.next()
        except ConnectionError:
            return

    def close(self) -> None:
        """Be gone."""
        self._sock.close()

    async def _more(self) -> None:
        data = await asyncio.get_running_loop().sock_recv(self._sock, 65536)
        if not data:
            raise ConnectionResetError("closed by the server")
        self._buffer += data

    def _parse(self) -> tuple[int, bytes] | None:
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        size, start = buffer[1] & 127, 2
        for marker, form in ((126, "!H"), (127, "!Q")):
            if buffer[1] & 127 == marker:
                if len(buffer) < 2 + struct.calcsize(form):
                    return None
                [size] = struct.unpack_from(form, buffer, 2)
                start += struct.calcsize(form)
        if len(buffer) < start + size:
            return None
        frame = buffer[0] & 15, bytes(buffer[start : start + size])
        del buffer[: start + size]
        return frame
