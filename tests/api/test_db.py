"""The doors to the database: what a transaction is, who waits for whom, and what an outage looks like."""

from __future__ import annotations

import asyncio
import socket
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from api.db import Database, DatabaseFull, DatabaseUnavailable, epoch_ms
from api.migrate import migration_status
from tests.api.process import free_ports
from tests.api.site import end_of_sqlite_threads
from tests.databases import PostgresFactory

INSERT = text(
    "INSERT INTO users (id, username, username_key, password_hash, created_at, updated_at)"
    " VALUES (:id, :name, :name, '', 0, 0)"
)


async def add(db: AsyncConnection, number: int) -> None:
    await db.execute(INSERT, {"id": number, "name": f"user-{number}"})


async def count(database: Database) -> int:
    async with database.read() as db:
        return int((await db.execute(text("SELECT count(*) FROM users"))).scalar_one())


async def test_a_block_that_ends_commits(database: Database) -> None:
    async with database.write() as db:
        await add(db, 1)
    assert await count(database) == 1


class Oops(Exception):
    """Something that goes wrong inside a block."""


@pytest.mark.parametrize("error", [Oops, KeyError, asyncio.CancelledError])
async def test_an_exception_rolls_back_and_goes_on(database: Database, error: type[BaseException]) -> None:
    with pytest.raises(error):  # noqa: PT012
        async with database.write() as db:
            await add(db, 1)
            raise error
    assert await count(database) == 0
    async with database.write() as db:  # the door is open again
        await add(db, 2)
    assert await count(database) == 1


async def test_a_broken_rule_is_no_outage(database: Database) -> None:
    with pytest.raises(IntegrityError):  # noqa: PT012
        async with database.write() as db:
            await add(db, 1)
            await add(db, 1)
    assert await count(database) == 0


async def test_a_wrong_statement_is_no_outage(database: Database) -> None:
    with pytest.raises(DBAPIError):
        async with database.read() as db:
            await db.execute(text("SELECT nothing FROM nowhere"))


async def test_foreign_keys_are_kept(database: Database) -> None:
    with pytest.raises(IntegrityError):
        async with database.write() as db:
            await db.execute(text("INSERT INTO ws_tickets VALUES ('hash', 'no session', 0)"))


async def test_writers_do_not_lose_each_others_work(database: Database) -> None:
    async def writer(number: int) -> None:
        async with database.write() as db:
            await add(db, number)

    await asyncio.gather(*(writer(number) for number in range(20)))
    assert await count(database) == 20


async def test_on_sqlite_one_writer_at_a_time(sqlite_database: Database) -> None:
    inside = 0
    most = 0

    async def writer(number: int) -> None:
        nonlocal inside, most
        async with sqlite_database.write() as db:
            inside += 1
            most = max(most, inside)
            await add(db, number)
            inside -= 1

    await asyncio.gather(*(writer(number) for number in range(10)))
    assert most == 1


async def test_on_sqlite_a_writer_holds_the_lock_from_its_start(sqlite_database: Database) -> None:
    async with sqlite_database.write():
        with sqlite3.connect(str(sqlite_database.url.database), timeout=0) as other:
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                other.execute("BEGIN IMMEDIATE")
            assert other.execute("SELECT count(*) FROM users").fetchone() == (0,)
        other.close()


async def test_on_sqlite_readers_do_not_wait_for_the_writer(sqlite_database: Database) -> None:
    async with sqlite_database.write() as db:
        await add(db, 1)
        assert await count(sqlite_database) == 0
    assert await count(sqlite_database) == 1


async def test_a_writer_that_gives_up_waiting_leaves_the_door_open(sqlite_database: Database) -> None:
    async def writer() -> None:
        async with sqlite_database.write() as db:
            await add(db, 2)

    async with sqlite_database.write() as db:
        await add(db, 1)
        waiting = asyncio.create_task(writer())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    async with sqlite_database.write() as db:
        await add(db, 3)
    assert await count(sqlite_database) == 2


async def test_the_pragmas(sqlite_database: Database) -> None:
    async with sqlite_database.read() as db:
        values = [
            (await db.execute(text(f"PRAGMA {name}"))).scalar_one()
            for name in ("foreign_keys", "journal_mode", "busy_timeout", "synchronous")
        ]
    assert values == [1, "wal", 5000, 1]


async def test_connections_are_counted(database: Database) -> None:
    used, _ = database.connections()
    assert used == 0
    async with database.read():
        used, _ = database.connections()
        assert used == 1
    assert database.connections() == (0, 1)


async def test_close_twice(database: Database) -> None:
    await database.ping()
    await database.close()
    await database.close()


def test_the_unit_of_times() -> None:
    assert 1_700_000_000_000 < epoch_ms() < 10_000_000_000_000


# --- outages --------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def opened(url: URL, max_connections: int = 100) -> AsyncIterator[Database]:
    database = Database(url, max_connections=max_connections)
    try:
        yield database
    finally:
        await database.close()


async def unavailable(database: Database) -> None:
    with pytest.raises(DatabaseUnavailable):
        await database.ping()
    with pytest.raises(DatabaseUnavailable):
        async with database.write() as db:
            await add(db, 1)


async def test_nobody_listens() -> None:
    async with opened(URL.create("postgresql+asyncpg", "u", None, "127.0.0.1", free_ports(1)[0], "x")) as database:
        await unavailable(database)


async def test_somebody_hangs_up() -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with opened(URL.create("postgresql+asyncpg", "u", None, "127.0.0.1", port, "x")) as database:
        await unavailable(database)
    server.close()


async def test_the_name_does_not_resolve() -> None:
    with pytest.MonkeyPatch.context() as patch:

        def fail(*_: object, **__: object) -> None:
            raise socket.gaierror(-2, "Name or service not known")

        patch.setattr(socket, "getaddrinfo", fail)
        async with opened(URL.create("postgresql+asyncpg", "u", None, "db.invalid", 5432, "x")) as database:
            await unavailable(database)


@pytest.fixture
def postgres(postgres_factory: PostgresFactory) -> URL:
    return postgres_factory.create()


async def test_the_database_goes_away(postgres: URL, postgres_factory: PostgresFactory) -> None:
    async with opened(postgres, max_connections=2) as database:
        await database.ping()
        with pytest.raises(DatabaseUnavailable):  # noqa: PT012
            async with database.write() as db:
                await add(db, 1)
                postgres_factory.drop(postgres)  # ends our connection too
                await add(db, 2)
        await unavailable(database)


async def test_a_connection_that_died_between_two_requests_is_replaced(
    postgres: URL, postgres_factory: PostgresFactory
) -> None:
    async with opened(postgres, max_connections=2) as database, opened(postgres) as other:
        await database.ping()
        async with other.read() as db:
            await db.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = :n AND pid <> pg_backend_pid()"
                ),
                {"n": postgres.database},
            )
        await database.ping()
    postgres_factory.drop(postgres)


async def test_the_usual_way_to_ask_for_tls(postgres: URL, postgres_factory: PostgresFactory) -> None:
    async with opened(postgres.set(query={"sslmode": "prefer"})) as database:
        await database.ping()
    async with opened(postgres.set(query={"sslmode": "require"})) as database:
        await unavailable(database)  # the server of the tests has none
    assert all(state.applied for state in migration_status(postgres.set(query={"sslmode": "prefer"})))
    postgres_factory.drop(postgres)


async def test_a_disk_that_is_full(postgres: URL, postgres_factory: PostgresFactory) -> None:
    full = "DO $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$"
    async with opened(postgres) as database:
        with pytest.raises(DatabaseFull):
            async with database.write() as db:
                await db.execute(text(full))
        await database.ping()
    postgres_factory.drop(postgres)


async def test_a_pool_that_stays_empty(postgres: URL, postgres_factory: PostgresFactory) -> None:
    async with opened(postgres, max_connections=1) as database:
        database._engine.pool._timeout = 0.01  # type: ignore[attr-defined]  # five seconds otherwise
        async with database.read():
            await unavailable(database)
        await database.ping()
    postgres_factory.drop(postgres)


async def test_a_locked_sqlite_file(sqlite_url: URL) -> None:
    other = sqlite3.connect(str(sqlite_url.database), isolation_level=None)
    async with opened(sqlite_url) as database:
        async with database.read() as db:
            await db.execute(text("PRAGMA busy_timeout = 10"))  # on the one pooled connection; five seconds otherwise
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseUnavailable):
            async with database.write() as db:
                await add(db, 1)
        other.execute("ROLLBACK")
        async with database.write() as db:
            await add(db, 1)
    other.close()


async def test_a_sqlite_folder_that_cannot_be_opened(tmp_path: Path) -> None:
    async with opened(URL.create("sqlite+aiosqlite", database=str(tmp_path))) as database:
        await unavailable(database)
    await end_of_sqlite_threads()


_LONG = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000000) SELECT count(*) FROM n"


async def test_a_query_that_is_cancelled_twice_leaves_nothing_behind(sqlite_url: URL) -> None:
    database, before = Database(sqlite_url), asyncio.all_tasks()
    started = asyncio.Event()

    async def ask() -> None:
        async with database.read() as db:
            started.set()
            await db.execute(text(_LONG))

    asking = asyncio.create_task(ask())
    await started.wait()
    for _ in range(3):  # the query, the rollback, the end of the connection
        await asyncio.sleep(0.01)
        asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    async with asyncio.timeout(20):
        while asyncio.all_tasks() > before:  # noqa: ASYNC110  # the thread ends in its own time
            await asyncio.sleep(0.01)
    await database.close()
