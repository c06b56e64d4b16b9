"""Empty, migrated databases for tests, one per test: SQLite files and a PostgreSQL server of the session's own.

`TEST_POSTGRES_URL` names a server to use instead; its user must be allowed to create databases.
"""

from __future__ import annotations

import itertools
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import psycopg
import pytest
import pytest_asyncio
from sqlalchemy.engine import URL, make_url

from api.db import Database
from api.migrate import migrate_up

_POSTGRES_VERSIONS = Path("/usr/lib/postgresql")
_SERVER_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "shared_buffers": "16MB",
    "max_connections": "60",
    "listen_addresses": "127.0.0.1",
}
_serial = itertools.count(1)


class DatabaseFactory(Protocol):
    """Makes empty, migrated databases of one kind."""

    def create(self) -> URL:
        """Return the URL of a new one, for the application's driver."""

    def drop(self, url: URL) -> None:
        """Delete it."""


class SqliteFactory:
    """Copies one migrated file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._template = folder / "template.sqlite"
        migrate_up(_sqlite_url(self._template))

    def create(self) -> URL:
        """Return the URL of a new file."""
        path = self._folder / f"{next(_serial)}.sqlite"
        shutil.copyfile(self._template, path)
        return _sqlite_url(path)

    def drop(self, url: URL) -> None:
        """Delete the file with its journals."""
        for suffix in ("", "-wal", "-shm"):
            Path(f"{url.database}{suffix}").unlink(missing_ok=True)


class PostgresFactory:
    """Copies one migrated database, inside the server."""

    def __init__(self, server: URL) -> None:
        self._server = server
        self._prefix = f"chatter_test_{os.getpid()}"
        self._template = f"{self._prefix}_template"
        self._run(f"CREATE DATABASE {self._template}")
        migrate_up(self._url(self._template))

    def create(self) -> URL:
        """Return the URL of a new database."""
        name = f"{self._prefix}_{next(_serial)}"
        self._run(f"CREATE DATABASE {name} TEMPLATE {self._template}")
        return self._url(name)

    def drop(self, url: URL) -> None:
        """Delete the database, whoever is still connected."""
        self._run(f"DROP DATABASE IF EXISTS {url.database} WITH (FORCE)")

    def close(self) -> None:
        """Delete the template."""
        self.drop(self._url(self._template))

    def _url(self, name: str) -> URL:
        return self._server.set(drivername="postgresql+asyncpg", database=name)

    def _run(self, statement: str) -> None:
        server = self._server.set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(statement.encode())


@pytest.fixture(scope="session")
def sqlite_factory(tmp_path_factory: pytest.TempPathFactory) -> SqliteFactory:
    """The maker of SQLite databases."""
    return SqliteFactory(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(scope="session")
def postgres_factory() -> Iterator[PostgresFactory]:
    """The maker of PostgreSQL databases; skips the test where there is no server to be had."""
    given = os.environ.get("TEST_POSTGRES_URL")
    with _running_server() if given is None else _given_server(given) as server:
        factory = PostgresFactory(server)
        yield factory
        factory.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> Iterator[URL]:
    """The URL of an empty, migrated database; the test runs once per kind of database."""
    name = {"sqlite": "sqlite_factory", "postgresql": "postgres_factory"}[request.param]
    factory: DatabaseFactory = request.getfixturevalue(name)
    url = factory.create()
    yield url
    factory.drop(url)


@pytest.fixture
def sqlite_url(sqlite_factory: SqliteFactory) -> Iterator[URL]:
    """The URL of an empty, migrated SQLite database, for tests that are not about SQL."""
    url = sqlite_factory.create()
    yield url
    sqlite_factory.drop(url)


@pytest_asyncio.fixture
async def database(database_url: URL) -> AsyncIterator[Database]:
    """An empty, migrated database; the test runs once per kind."""
    opened = Database(database_url, max_connections=10)
    yield opened
    await opened.close()


@pytest_asyncio.fixture
async def sqlite_database(sqlite_url: URL) -> AsyncIterator[Database]:
    """An empty, migrated SQLite database, for tests that are not about SQL."""
    opened = Database(sqlite_url)
    yield opened
    await opened.close()


def _sqlite_url(path: Path) -> URL:
    return URL.create("sqlite+aiosqlite", database=str(path))


@contextmanager
def _given_server(url: str) -> Iterator[URL]:
    yield make_url(url)


@contextmanager
def _running_server() -> Iterator[URL]:
    programs = _server_programs()
    if programs is None:
        pytest.skip("PostgreSQL server not installed")
    folder = Path(tempfile.mkdtemp(prefix="chatter-postgres-"))
    as_postgres: list[str] = []
    if os.geteuid() == 0:  # the server refuses to run as root
        shutil.chown(folder, "postgres")
        as_postgres = ["runuser", "-u", "postgres", "--"]
    data = folder / "data"
    port = _free_port()
    settings = _SERVER_SETTINGS | {"unix_socket_directories": str(folder), "port": str(port)}
    options = " ".join(f"-c {name}={value}" for name, value in settings.items())

    def run(program: str, *arguments: str) -> None:
        command = [*as_postgres, str(programs / program), "-D", str(data), *arguments]
        subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL, timeout=60)

    try:
        run("initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        run("pg_ctl", "-w", "-l", str(folder / "log"), "-o", options, "start")
        try:
            yield URL.create("postgresql", username="postgres", host="127.0.0.1", port=port, database="postgres")
        finally:
            run("pg_ctl", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _server_programs() -> Path | None:
    installed = sorted(_POSTGRES_VERSIONS.glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if installed:
        return installed[-1].parent
    found = shutil.which("postgres")
    return None if found is None else Path(found).resolve().parent


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address: tuple[Any, int] = probe.getsockname()
        return address[1]
