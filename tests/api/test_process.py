"""`chatter serve` as a process: it starts, says so, and stops in time whoever is connected."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import URL
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.api.process import STOP_TIMEOUT_S, Server, serving
from tests.databases import PostgresFactory

pytestmark = pytest.mark.integration

PASSWORD = "a long enough phrase"
PORTS = ["http", "gateway"]


def ask(server: Server, method: str, path: str, body: Any = None, token: str | None = None) -> Any:
    headers = {"X-Device-ID": "device", "Content-Type": "application/json"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(server.url + path, data, headers, method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def sign_up(server: Server) -> str:
    return str(ask(server, "POST", "/auth/register", {"username": "alice", "password": PASSWORD})["token"])


def address(server: Server, port: str, token: str) -> str:
    number = server.http_port if port == "http" else server.gateway_port
    return f"ws://127.0.0.1:{number}/ws/stand-up?token={token}"


def log(server: Server) -> list[dict[str, Any]]:
    return [json.loads(line) for line in server.log.read_text().splitlines()]


async def receive(member: ClientConnection, kind: str) -> dict[str, Any]:
    while True:
        frame: dict[str, Any] = json.loads(await member.recv())
        if frame["type"] == kind:
            return frame


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the servers of this module keep their data, so that only the first one migrates."""
    return tmp_path_factory.mktemp("server")


def test_it_says_when_it_is_ready_and_starts_again_without_migrating(tmp_path: Path) -> None:
    for round_ in range(2):
        with serving(tmp_path) as server:
            assert server.said == [
                f"Chatter is ready at http://localhost:{server.http_port} (signaling on port {server.gateway_port})"
            ]
            for port in (server.http_port, server.gateway_port):
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=10) as answer:
                    assert answer.status == 200
            assert ask(server, "GET", "/readyz")["status"] == "ready"
            if round_ == 0:
                token = sign_up(server)
            assert ask(server, "GET", "/rooms", token=token) == {"rooms": []}  # the secret is the same again
            assert server.stop() == 0
            # The log is that of both rounds: the second adds no migration to it.
            assert [entry["event"] for entry in log(server) if entry.get("event") == "migrated"] == ["migrated"]
            assert len(server.said) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_stops_in_time_and_says_restart_to_open_sockets(folder: Path, number: signal.Signals) -> None:
    with serving(folder) as server:
        token = await asyncio.to_thread(_token, server)
        members = [await connect(address(server, port, token)) for port in PORTS for _ in range(2)]
        for member in members:
            await receive(member, "participants")
        listening = [asyncio.create_task(_closing(member)) for member in members]
        assert await asyncio.to_thread(server.stop, number) == 0
        assert await asyncio.gather(*listening) == [(1012, "restart")] * 4
        assert [entry["event"] for entry in log(server)][-1] == "stopped"
        assert "Traceback" not in server.log.read_text()


def _token(server: Server) -> str:
    try:
        return sign_up(server)
    except urllib.error.HTTPError:
        answer = ask(server, "POST", "/auth/login", {"username": "alice", "password": PASSWORD})
        return str(answer["token"])


async def _closing(member: ClientConnection) -> tuple[int, str]:
    with pytest.raises(ConnectionClosed) as closed:
        await receive(member, "never")
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code, closed.value.rcvd.reason


class StalledReader:
    """A client that says hello to a room and then reads no more; its window fills up."""

    def __init__(self, server: Server, port: str, token: str) -> None:
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        number = server.http_port if port == "http" else server.gateway_port
        self.socket.connect(("127.0.0.1", number))
        request = (
            f"GET /ws/stand-up?token={token} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        self.socket.sendall(request.encode())
        self.socket.settimeout(10)
        assert b" 101 " in self.socket.recv(4096)

    def close(self) -> None:
        self.socket.close()


@pytest.mark.parametrize("port", PORTS)
async def test_it_stops_in_time_behind_a_stalled_reader(folder: Path, port: str) -> None:
    with serving(folder) as server:
        token = await asyncio.to_thread(_token, server)
        async with connect(address(server, "gateway", token)) as talker:
            await receive(talker, "participants")
            stalled = StalledReader(server, port, token)
            try:
                await receive(talker, "presence")
                await _pump_until_stuck(talker, stalled)
                drain = asyncio.create_task(_closing(talker))
                assert await asyncio.to_thread(server.stop) == 0
                assert (await drain)[0] == 1012
            finally:
                stalled.close()
        assert "Traceback" not in server.log.read_text()


_BATCH = 8
_STUCK_BATCHES = 4
"""With 4 KB per frame more than the transport's buffer takes, and less than makes a slow consumer."""


async def _pump_until_stuck(talker: ClientConnection, stalled: StalledReader) -> None:
    """Send until the kernel has taken all it takes for the stalled reader and the server itself holds the rest."""
    stuck, queued = 0, 0
    offer = json.dumps({"type": "webrtc", "action": "offer", "to": "nobody", "sdp": "v=0"})
    chat = json.dumps({"type": "chat", "text": "x" * 4000})
    for _ in range(500):
        for _ in range(_BATCH):
            await talker.send(chat)
        await talker.send(offer)
        await receive(talker, "error")  # all sent so far is handled
        before, queued = queued, _in_kernel(stalled)
        stuck = stuck + 1 if before == queued > 0 else 0
        if stuck == _STUCK_BATCHES:
            return
    pytest.fail("the stalled reader never stalled")


def _in_kernel(stalled: StalledReader) -> int:
    """Return how many bytes wait in the server's socket, from /proc/net/tcp."""
    own, theirs = stalled.socket.getsockname()[1], stalled.socket.getpeername()[1]
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, remote, _, queues, *_ = line.split()
        if local.endswith(f":{theirs:04X}") and remote.endswith(f":{own:04X}"):
            return int(queues.partition(":")[0], 16)
    return 0


async def test_it_stops_in_time_with_idle_and_half_open_connections(folder: Path) -> None:
    with serving(folder) as server:
        opened = [socket.create_connection(("127.0.0.1", port)) for port in (server.http_port, server.gateway_port)]
        opened += [socket.create_connection(("127.0.0.1", server.http_port)) for _ in range(2)]
        opened[2].sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        opened[2].settimeout(10)
        assert b"200" in opened[2].recv(4096)  # kept alive
        opened[3].sendall(b"POST /auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
        assert await asyncio.to_thread(server.stop) == 0
        for connection in opened:
            connection.close()


def test_a_second_signal_does_not_hurt(folder: Path) -> None:
    with serving(folder) as server:
        server.process.send_signal(signal.SIGTERM)
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(STOP_TIMEOUT_S) == 0


def test_it_starts_again_after_being_killed(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        token = sign_up(server)
        ask(server, "POST", "/rooms", {"roomId": "stand-up"}, token)
        server.process.kill()
        assert server.process.wait(10) == -signal.SIGKILL
    with serving(tmp_path) as server:
        rooms = ask(server, "GET", "/rooms", token=token)["rooms"]
        assert [room["roomId"] for room in rooms] == ["stand-up"]


@pytest.fixture
def postgres(postgres_factory: PostgresFactory) -> Iterator[URL]:
    url = postgres_factory.create()
    yield url
    postgres_factory.drop(url)


def by_url(url: URL) -> dict[str, str]:
    return {"DATABASE_URL": url.set(drivername="postgresql").render_as_string(hide_password=False)}


def by_parts(url: URL) -> dict[str, str]:
    return {
        "POSTGRES_HOST": str(url.host),
        "POSTGRES_PORT": str(url.port),
        "POSTGRES_USER": str(url.username),
        "POSTGRES_PASSWORD": "unused under trust",
        "POSTGRES_DB": str(url.database),
        "POSTGRES_MAX_CONNS": "5",
    }


@pytest.mark.seed("S1-52")
@pytest.mark.parametrize("given", [by_url, by_parts])
def test_it_serves_from_postgresql(tmp_path: Path, postgres: URL, given: Callable[[URL], dict[str, str]]) -> None:
    with serving(tmp_path, **given(postgres)) as server:
        token = sign_up(server)
        ask(server, "POST", "/rooms", {"roomId": "stand-up"}, token)
        assert server.stop() == 0
        assert not any(entry.get("event") == "migrated" for entry in log(server))
    assert not (tmp_path / "data" / "chatter.db").exists()
    with serving(tmp_path, **given(postgres)) as server:
        assert len(ask(server, "GET", "/rooms", token=token)["rooms"]) == 1
        assert server.stop() == 0


def test_nothing_secret_is_logged(tmp_path: Path) -> None:
    with serving(tmp_path, LOG_LEVEL="DEBUG") as server:
        token = sign_up(server)
        ask(server, "GET", f"/rooms?token={token}", token=token)
        assert server.stop() == 0
        said = server.log.read_text() + "\n".join(server.said)
    secret = (tmp_path / "data" / "auth_secret").read_text()
    for hidden in (token, PASSWORD, secret, "token=", "$2b$", "INSERT"):
        assert hidden not in said
    assert any(entry.get("event") == "http_request" for entry in log(server))
