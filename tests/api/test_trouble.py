"""What goes wrong around a running server: it says so in one line, calls go on, and nothing that was stored is lost."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy.engine import URL
from websockets.asyncio.client import ClientConnection, connect

from api.settings import SettingsError, load
from tests.api.process import Server, run, serving
from tests.databases import PostgresFactory
from tests.infra.proxy import wait_until
from tests.small_disk import fill, small_disk

pytestmark = pytest.mark.integration

_PASSWORD = "a long enough phrase"
_FUTURE = "99999_from_the_future"


def ask(server: Server, method: str, path: str, body: Any = None, token: str = "") -> tuple[int, Any]:
    """Send a request; return the status and the body of the answer."""
    headers = {"X-Device-ID": "device", "Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    if not token:
        del headers["Authorization"]
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(server.url + path, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return int(answer.status), json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


class Call:
    """Two people in the room `stand-up` of a server."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._stack = AsyncExitStack()
        self._members: list[ClientConnection] = []

    async def begin(self) -> str:
        """Sign up, make the room, come in twice; return the token."""
        _, account = await self.ask("POST", "/auth/register", {"username": "alice", "password": _PASSWORD})
        token = str(account["token"])
        assert (await self.ask("POST", "/rooms", {"roomId": "stand-up"}, token))[0] == 200
        for _ in range(2):
            member = await self._stack.enter_async_context(
                connect(f"{self.server.socket_url}/ws/stand-up?token={token}")
            )
            await _hear(member, "participants")
            self._members.append(member)
        return token

    async def ask(self, method: str, path: str, body: Any = None, token: str = "") -> tuple[int, Any]:
        return await asyncio.to_thread(ask, self.server, method, path, body, token)

    async def talks(self) -> None:
        """Make sure that what one says the other hears."""
        speaker, listener = self._members
        await speaker.send(json.dumps({"type": "chat", "text": "still here"}))
        assert (await _hear(listener, "chat"))["text"] == "still here"

    async def end(self) -> None:
        await self._stack.aclose()


async def _hear(member: ClientConnection, kind: str) -> dict[str, Any]:
    async with asyncio.timeout(20):
        while True:
            frame: dict[str, Any] = json.loads(await member.recv())
            if frame["type"] == kind:
                return frame


def events(server: Server) -> list[str]:
    """Return what the log tells of, in order."""
    return [json.loads(line).get("event", "") for line in server.log.read_text().splitlines()]


# --- the disk -------------------------------------------------------------------------------------------------------


async def test_a_disk_that_fills_up(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", megabytes=600) as disk:  # recorders leave 512 MiB free
        with serving(tmp_path, CHATTER_DATA_DIR=str(disk / "data")) as server:
            call = Call(server)
            token = await call.begin()
            _, ready = await call.ask("GET", "/readyz")
            assert ready["checks"]["disk"]["ok"]
            filler = fill(disk)
            status, problem = await call.ask("POST", "/rooms", {"roomId": "one-more"}, token)
            assert (status, problem["code"]) == (507, "storage_full"), problem
            await call.talks()
            status, ready = await call.ask("GET", "/readyz")
            assert (status, ready["checks"]["disk"]["problem"]) == (200, "nearly full")
            filler.unlink()
            assert (await call.ask("POST", "/rooms", {"roomId": "one-more"}, token))[0] == 200
            _, owned = await call.ask("GET", "/rooms", token=token)
            assert {room["roomId"] for room in owned["rooms"]} == {"stand-up", "one-more"}
            await call.end()
            assert server.stop() == 0
        assert "database_full" in events(server)
        assert "Traceback" not in server.log.read_text()


def test_an_account_on_a_full_disk(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", megabytes=4) as disk:
        given = {"CHATTER_DATA_DIR": str(disk), "AUTH_SECRET": "0123456789abcdef" * 3}
        assert run(tmp_path, "migrate", "up", **given).returncode == 0
        fill(disk)
        ended = run(tmp_path, "user", "create", "alice", "--password", _PASSWORD, **given)
    assert ended.returncode == 2
    assert ended.stderr == "chatter: the disk of the database is full; make room and run this again\n"


def test_a_disk_that_is_full_at_the_start(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", megabytes=4) as disk:
        fill(disk)
        ended = run(tmp_path, "serve", CHATTER_DATA_DIR=str(disk / "data"), **_ANYWHERE)
    assert ended.returncode == 2
    [line] = ended.stderr.splitlines()
    assert "No space left on device" in line


_ANYWHERE = {"SERVER_ADDR": "127.0.0.1:0", "GATEWAY_ADDR": "127.0.0.1:0"}


# --- the database ---------------------------------------------------------------------------------------------------


@pytest.fixture
def postgres(postgres_factory: PostgresFactory) -> Iterator[URL]:
    url = postgres_factory.create()
    yield url
    postgres_factory.drop(url)


class Hidden:
    """A database that is away while it has another name."""

    def __init__(self, url: URL) -> None:
        self._name = str(url.database)
        self._server = url.set(drivername="postgresql", database="postgres").render_as_string(hide_password=False)

    def hide(self) -> None:
        """Cut all connections and let no new one come."""
        wait_until(self._renamed)

    def show(self) -> None:
        """Let them come again."""
        self._run(f"ALTER DATABASE {self._name}_hidden RENAME TO {self._name}")

    def _renamed(self) -> bool:
        try:
            self._run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{self._name}'")
            self._run(f"ALTER DATABASE {self._name} RENAME TO {self._name}_hidden")
        except psycopg.errors.ObjectInUse:
            return False
        return True

    def _run(self, statement: str) -> None:
        with psycopg.connect(self._server, autocommit=True) as connection:
            connection.execute(statement.encode())


async def test_a_database_that_goes_away_and_comes_back(tmp_path: Path, postgres: URL) -> None:
    address = postgres.set(drivername="postgresql").render_as_string(hide_password=False)
    with serving(tmp_path, DATABASE_URL=address) as server:
        call, hidden = Call(server), Hidden(postgres)
        token = await call.begin()
        await asyncio.to_thread(hidden.hide)
        status, problem = await call.ask("POST", "/rooms", {"roomId": "one-more"}, token)
        assert (status, problem["code"]) == (503, "unavailable")
        status, ready = await call.ask("GET", "/readyz")
        assert (status, ready["checks"]["database"]) == (503, {"ok": False, "problem": "DatabaseUnavailable"})
        await call.talks()
        await asyncio.to_thread(hidden.show)
        assert (await call.ask("GET", "/readyz"))[0] == 200
        assert (await call.ask("POST", "/rooms", {"roomId": "one-more"}, token))[0] == 200
        await call.talks()
        await call.end()
        assert server.stop() == 0
    assert "database_unavailable" in events(server)
    assert "Traceback" not in server.log.read_text()


@pytest.mark.parametrize("env", ["development", "production"])
def test_a_schema_that_is_ahead_is_said_and_lived_with(tmp_path: Path, postgres: URL, env: str) -> None:
    """Going back to the version before must be possible, so each migration leaves room for it."""
    address = postgres.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address) as connection:
        note = "INSERT INTO _yoyo_migration (migration_hash, migration_id) VALUES (%s, %s)"
        connection.execute(note, (_FUTURE, _FUTURE))
    secret = "0123456789abcdef" * 3
    given = {"ENV": env, "BASE_URL": "https://x.example", "AUTH_SECRET": secret, "AUTH_BCRYPT_COST": "10"}
    with serving(tmp_path, DATABASE_URL=address, **given) as server:
        assert server.stop() == 0
    entries = [json.loads(line) for line in server.log.read_text().splitlines()]
    [told] = [entry for entry in entries if entry.get("event") == "schema_ahead"]
    assert told["message"] == f"the database schema is ahead by 1: {_FUTURE}; update this version soon"
    shown = run(tmp_path, "migrate", "status", DATABASE_URL=address)
    assert shown.stdout.splitlines()[-1] == f"applied  {_FUTURE}  (newer)"
    refused = run(tmp_path, "migrate", "down", DATABASE_URL=address)
    assert refused.returncode == 2
    assert f"a newer version made {_FUTURE}; roll back with that version" in refused.stderr


# --- secrets --------------------------------------------------------------------------------------------------------


def _no_file(path: Path) -> None:
    assert not path.exists()


def _short(path: Path) -> None:
    path.write_text("short")


@pytest.mark.parametrize(
    ("prepare", "said"),
    [
        (_no_file, "cannot be read: No such file or directory"),
        (Path.mkdir, "cannot be read: Is a directory"),
        (Path.touch, "is empty; delete it and run scripts/secrets, or write a secret into it"),
        (_short, "AUTH_SECRET must have at least 32 bytes"),
    ],
)
def test_a_secret_file_that_cannot_be_used(tmp_path: Path, prepare: Callable[[Path], None], said: str) -> None:
    path = tmp_path / "auth_secret"
    prepare(path)
    given = {"ENV": "production", "BASE_URL": "https://call.example.org", "AUTH_BCRYPT_COST": "10"}
    ended = run(tmp_path, "serve", AUTH_SECRET_FILE=str(path), **given, **_ANYWHERE)
    assert ended.returncode == 2
    [line] = ended.stderr.splitlines()
    assert said in line


def test_a_secret_file_of_somebody_else() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        path = Path(folder) / "auth_secret"
        path.write_text("0123456789abcdef" * 3)
        path.chmod(0o200)
        with (
            pytest.raises(SettingsError, match=f"AUTH_SECRET_FILE: {path} cannot be read: Permission denied"),
            nobody(),
        ):
            load({"AUTH_SECRET_FILE": str(path), "CONFIG_PATH": "/dev/null"})


@contextmanager
def nobody() -> Iterator[None]:
    """Be someone without rights, where we are root."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65533)
    try:
        yield
    finally:
        if before == 0:
            os.seteuid(before)
