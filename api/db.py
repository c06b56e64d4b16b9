"""The database: one pool, two doors (`read`, `write`), SQLite or PostgreSQL behind them.

Stores hold the SQL and get a connection from one of the doors; a transaction lasts as long as the `async with` block
and commits when it ends without an exception.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiosqlite
from prometheus_client import CollectorRegistry
from sqlalchemy import event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from api.db_watch import DatabaseMetrics, observe_queries

_WRITE = "chatter_write"
_SQLITE_FULL = "disk is full"
_POSTGRES_FULL = "53100"
_SQLITE_OUTAGES = (
    "database is locked",
    "disk I/O error",
    "readonly database",
    "unable to open database file",
)
_SQLITE_PRAGMAS = ("foreign_keys=ON", "journal_mode=WAL", "busy_timeout=5000", "synchronous=NORMAL")


class DatabaseUnavailable(Exception):
    """The database cannot be reached or did not answer in time.

    The transaction did not happen, unless the connection broke while it was being committed: then nobody knows.
    """


class DatabaseFull(DatabaseUnavailable):
    """The disk of the database is full; what was to be stored was not, what is stored can be read."""


class Database:
    """A pool of connections with separate doors for reading and writing.

    `url` is a SQLAlchemy URL with driver `sqlite+aiosqlite` or `postgresql+asyncpg`.
    """

    def __init__(
        self,
        url: URL | str,
        *,
        min_connections: int = 1,
        max_connections: int = 100,
        metrics: DatabaseMetrics | None = None,
    ) -> None:
        self.url = make_url(url)
        self.dialect = self.url.get_backend_name()
        self._engine = _create_engine(self.url, max_connections)
        self._min_connections = min_connections
        # SQLite has one writer. Waiting for it here costs nothing; waiting inside SQLite holds a thread and polls.
        self._writer = asyncio.Lock() if self.dialect == "sqlite" else None
        self._metrics = metrics or DatabaseMetrics(CollectorRegistry())
        self._metrics.watch(lambda: self.connections()[0], lambda: self.connections()[1])
        observe_queries(self._engine.sync_engine, self._metrics)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction for queries. Raises `DatabaseUnavailable`."""
        async with self._connection() as connection, connection.begin():
            yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction for changes; on SQLite it holds the lock from its start. Raises `DatabaseUnavailable`."""
        async with self._connection(self._writer) as connection:
            await connection.execution_options(**{_WRITE: True})
            async with connection.begin():
                yield connection

    @asynccontextmanager
    async def _connection(self, lock: asyncio.Lock | None = None) -> AsyncIterator[AsyncConnection]:
        asked = time.perf_counter()
        async with _named_errors(), _maybe(lock), self._engine.connect() as connection:
            self._metrics.waited(time.perf_counter() - asked)
            yield connection

    async def prepare(self) -> None:
        """Make the folder of an embedded database, open the first connections. Raises `DatabaseUnavailable`."""
        async with _named_errors():
            if self.dialect == "sqlite" and self.url.database:
                Path(self.url.database).parent.mkdir(parents=True, exist_ok=True)
        async with AsyncExitStack() as opened:
            for _ in range(self._min_connections):
                await opened.enter_async_context(self.read())

    async def ping(self) -> None:
        """Ask the database for a sign of life. Raises `DatabaseUnavailable`."""
        async with self.read() as connection:
            await connection.execute(text("SELECT 1"))

    def connections(self) -> tuple[int, int]:
        """Return how many pooled connections are (used, idle)."""
        pool: Any = self._engine.pool
        return pool.checkedout(), pool.checkedin()

    async def close(self) -> None:
        """Close every connection. Idempotent."""
        await self._engine.dispose()


def _create_engine(url: URL, max_connections: int) -> AsyncEngine:
    if url.get_backend_name() != "sqlite":
        query = {"ssl" if name == "sslmode" else name: value for name, value in url.query.items()}  # asyncpg's word
        return create_async_engine(
            url.set(query=query),
            pool_size=max_connections,  # those above it would be closed after each use; all are opened when needed
            max_overflow=0,
            pool_timeout=5,
            pool_pre_ping=True,
            connect_args={"timeout": 5, "command_timeout": 15},
        )
    engine = create_async_engine(
        url, pool_size=4, max_overflow=0, pool_timeout=5, connect_args={"async_creator_fn": _connect_sqlite}
    )

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _entry: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # the driver's own BEGIN comes too late for BEGIN IMMEDIATE
        cursor = connection.cursor()
        for pragma in _SQLITE_PRAGMAS:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Any) -> None:
        # A deferred transaction that turns into a writer fails at once when another writes; IMMEDIATE waits its turn.
        writes = connection.get_execution_options().get(_WRITE, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _connect_sqlite(*arguments: Any, **options: Any) -> aiosqlite.Connection:
    """Make a connection that can be stopped twice.

    SQLAlchemy does so with one whose request is cancelled while it is being closed; the second stop would wait for ever
    for a thread that ended with the first.
    """
    connection = aiosqlite.connect(*arguments, **options)
    connection._thread.daemon = True  # as SQLAlchemy has it
    stop, stopped = connection.stop, False

    def stop_once() -> asyncio.Future[Any] | None:
        nonlocal stopped
        if stopped:
            return None
        stopped = True
        return stop()

    connection.stop = stop_once  # type: ignore[method-assign]
    return connection


@asynccontextmanager
async def _maybe(lock: asyncio.Lock | None) -> AsyncIterator[None]:
    if lock is None:
        yield
        return
    async with lock:
        yield


@asynccontextmanager
async def _named_errors() -> AsyncIterator[None]:
    try:
        yield
    except (OSError, PoolTimeoutError, TimeoutError) as error:
        raise DatabaseUnavailable(str(error) or "no answer in time") from error
    except DBAPIError as error:
        if _is_full(error):
            raise DatabaseFull(str(error.orig)) from error
        if error.connection_invalidated or _is_outage(error):
            raise DatabaseUnavailable(str(error.orig) or "no answer in time") from error
        raise


def _is_full(error: DBAPIError) -> bool:
    return getattr(error.orig, "sqlstate", None) == _POSTGRES_FULL or _SQLITE_FULL in str(error.orig)


def _is_outage(error: DBAPIError) -> bool:
    # SQLSTATE 08 connection, 28 refused sign-in, 3D no such database, 53 resources, 57 operator intervention; SQLite
    # says it in words only.
    state = str(getattr(error.orig, "sqlstate", None) or "")
    if state[:2] in {"08", "28", "3D", "53", "57"}:
        return True
    words = str(error.orig)
    return any(sign in words for sign in _SQLITE_OUTAGES)


def epoch_ms() -> int:
    """Return the wall clock in milliseconds since 1970 UTC, the unit of every stored time."""
    return time.time_ns() // 1_000_000
