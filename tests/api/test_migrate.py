"""Migrations on both databases: up, down, twice, at once, after a kill, and with a fault in them."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.engine import URL
from yoyo.backends.base import DatabaseBackend

from api import migrate
from api.db import Database
from api.migrate import (
    MigrationError,
    MigrationState,
    known_migrations,
    migrate_down,
    migrate_up,
    migration_status,
    new_migration,
)
from tests.api.process import ROOT
from tests.databases import PostgresFactory
from tests.infra.proxy import wait_until

MIGRATIONS = known_migrations()
pytestmark = [pytest.mark.seed("S1-16"), pytest.mark.seed("S1-42")]


def empty(url: URL) -> URL:
    """Roll everything back."""
    while migrate_down(url):
        pass
    return url


async def tables(url: URL) -> set[str]:
    """Return the names of the product's tables."""
    database = Database(url)
    query = {
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table'",
        "postgresql": "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'",
    }[database.dialect]
    async with database.read() as db:
        names = {str(row[0]) for row in await db.execute(text(query))}
    await database.close()
    return {name for name in names if "yoyo" not in name and not name.startswith("sqlite_")}


TABLES = {"users", "device_sessions", "refresh_tokens", "ws_tickets", "rooms"}


def test_what_is_shipped() -> None:
    assert MIGRATIONS[:2] == ["00001_create_users", "00002_create_device_sessions"]
    for name in MIGRATIONS:
        rollback = migrate.MIGRATIONS / f"{name}.rollback.sql"
        assert rollback.read_text().strip(), name
    numbers = [int(name.partition("_")[0]) for name in MIGRATIONS]
    assert numbers == list(range(1, len(numbers) + 1))


async def test_up_down_up(database_url: URL) -> None:
    assert await tables(database_url) >= TABLES
    assert migrate_up(database_url) == []
    for name in reversed(MIGRATIONS):
        assert migrate_down(database_url) == name
    assert migrate_down(database_url) is None
    assert await tables(database_url) == set()
    said: list[str] = []
    assert migrate_up(database_url, said.append) == MIGRATIONS
    assert said == [f"applying {name}" for name in MIGRATIONS]
    assert await tables(database_url) >= TABLES
    assert migrate_up(database_url) == []


def test_status(database_url: URL) -> None:
    assert [(state.id, state.applied) for state in migration_status(database_url)] == [(n, True) for n in MIGRATIONS]
    migrate_down(database_url)
    assert [state.applied for state in migration_status(database_url)] == [True] * (len(MIGRATIONS) - 1) + [False]


def _migrate_together(url: str, barrier: Barrier, results: Any) -> None:
    from sqlalchemy.engine import make_url

    barrier.wait(30)
    results.put(migrate_up(make_url(url)))


@pytest.mark.integration
async def test_two_processes_at_once(database_url: URL) -> None:
    address = empty(database_url).render_as_string(hide_password=False)
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(2), context.Queue()
    processes = [context.Process(target=_migrate_together, args=(address, barrier, results)) for _ in range(2)]
    for process in processes:
        process.start()
    applied = [results.get(timeout=60) for _ in processes]
    for process in processes:
        process.join(30)
        assert process.exitcode == 0
    results.close()
    assert sorted(applied) == [[], MIGRATIONS]
    assert await tables(database_url) >= TABLES


HOLDER = """
import sys, time
from sqlalchemy.engine import make_url
from api import migrate
with migrate._backend(make_url(sys.argv[1])):
    print("locked", flush=True)
    sys.stdin.read()
"""


@pytest.mark.integration
async def test_a_killed_migration_does_not_lock_out_the_next(database_url: URL) -> None:
    address = empty(database_url).render_as_string(hide_password=False)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(  # noqa: ASYNC220  # nothing else runs in this loop
        [sys.executable, "-c", HOLDER, address],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "locked\n"
        holder.send_signal(signal.SIGKILL)
        assert holder.wait(10) == -signal.SIGKILL
    assert await lock_rows(database_url) == 1  # what the dead one left behind
    assert migrate_up(database_url) == MIGRATIONS
    assert await lock_rows(database_url) == 0


async def test_a_migration_and_the_record_of_it_are_one(
    database_url: URL, own_migrations: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "00099_unrecorded"
    (own_migrations / f"{name}.sql").write_text(f"-- depends: {MIGRATIONS[-1]}\n\nCREATE TABLE one (id BIGINT);\n")
    (own_migrations / f"{name}.rollback.sql").write_text("DROP TABLE one;\n")
    with monkeypatch.context() as dying:
        dying.setattr(DatabaseBackend, "mark_one", raising("no room"))
        with pytest.raises(MigrationError, match="no room"):
            migrate_up(database_url)
    assert "one" not in await tables(database_url)
    assert migrate_up(database_url) == [name]
    with monkeypatch.context() as dying:
        dying.setattr(DatabaseBackend, "unmark_one", raising("no room"))
        with pytest.raises(MigrationError, match="no room"):
            migrate_down(database_url)
    assert "one" in await tables(database_url)
    assert migrate_down(database_url) == name


def raising(message: str) -> Callable[..., None]:
    """Return a function that fails."""

    def fail(*_: object, **__: object) -> None:
        raise OSError(message)

    return fail


MIGRATOR = """
import sys
from pathlib import Path
from sqlalchemy.engine import make_url
from api import migrate
migrate.MIGRATIONS = Path(sys.argv[2])
migrate.migrate_up(make_url(sys.argv[1]), lambda line: print(line, flush=True))
"""
FOREVER = {
    "postgresql": "SELECT pg_sleep(3600);\n",
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i > 0) SELECT count(*) FROM n;\n",
}


def in_the_middle(url: URL) -> bool:
    """Tell whether a migration's transaction is open."""
    if url.get_backend_name() == "sqlite":
        with closing(sqlite3.connect(str(url.database), timeout=0, isolation_level=None)) as other:
            try:
                other.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                return True
            return False
    address = url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address) as other:
        asleep = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()"
        return other.execute(asleep).fetchone() == (1,)


@pytest.mark.integration
async def test_a_migration_that_is_killed_half_way_is_done_anew(database_url: URL, own_migrations: Path) -> None:
    name = "00099_slow"
    begins = f"-- depends: {MIGRATIONS[-1]}\n\nCREATE TABLE half (id BIGINT);\n"
    (own_migrations / f"{name}.sql").write_text(begins + FOREVER[database_url.get_backend_name()])
    (own_migrations / f"{name}.rollback.sql").write_text("DROP TABLE half;\n")
    address = database_url.render_as_string(hide_password=False)
    with subprocess.Popen(  # noqa: ASYNC220  # nothing else runs in this loop
        [sys.executable, "-c", MIGRATOR, address, str(own_migrations)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    ) as migrator:
        assert migrator.stdout is not None
        assert migrator.stdout.readline() == f"applying {name}\n"
        wait_until(lambda: in_the_middle(database_url))
        migrator.send_signal(signal.SIGKILL)
        assert migrator.wait(10) == -signal.SIGKILL
    (own_migrations / f"{name}.sql").write_text(begins)
    assert migrate_up(database_url) == [name]
    assert "half" in await tables(database_url)
    assert await lock_rows(database_url) == 0
    assert migrate_down(database_url) == name


def test_what_a_newer_version_made_is_shown_and_not_pulled_from_under(database_url: URL, own_migrations: Path) -> None:
    name = "00099_newer"
    (own_migrations / f"{name}.sql").write_text(f"-- depends: {MIGRATIONS[-1]}\n\nCREATE TABLE newer (id BIGINT);\n")
    (own_migrations / f"{name}.rollback.sql").write_text("DROP TABLE newer;\n")
    assert migrate_up(database_url) == [name]
    for part in ("", ".rollback"):
        (own_migrations / f"{name}{part}.sql").rename(own_migrations / f"{name}{part}.aside")
    assert migration_status(database_url)[-1] == MigrationState(name, applied=True, known=False)
    assert migrate_up(database_url) == []
    with pytest.raises(MigrationError, match=f"a newer version made {name}; roll back with that version"):
        migrate_down(database_url)
    for part in ("", ".rollback"):
        (own_migrations / f"{name}{part}.aside").rename(own_migrations / f"{name}{part}.sql")
    assert migrate_down(database_url) == name


def test_the_files_of_a_new_migration(sqlite_url: URL, own_migrations: Path) -> None:
    number = len(MIGRATIONS) + 1
    up, down = new_migration("create_badges")
    assert (up.name, down.name) == (f"{number:05}_create_badges.sql", f"{number:05}_create_badges.rollback.sql")
    assert up.parent == down.parent == own_migrations
    assert up.read_text().splitlines()[0] == f"-- depends: {MIGRATIONS[-1]}"
    assert down.read_text().strip()
    with up.open("a") as file:
        file.write("\nCREATE TABLE badges (id BIGINT);\n")
    with down.open("a") as file:
        file.write("DROP TABLE badges;\n")
    assert migrate_up(sqlite_url) == [up.stem]
    assert migrate_down(sqlite_url) == up.stem
    assert new_migration("create_medals")[0].name.startswith(f"{number + 1:05}_")


@pytest.mark.parametrize(
    "name", ["", "x", "Create_Rooms", "9lives", "create rooms", "../create_rooms", "create-rooms", "x" * 61]
)
def test_a_name_that_no_migration_can_have(own_migrations: Path, name: str) -> None:
    with pytest.raises(MigrationError, match="is no name for a migration"):
        new_migration(name)
    assert known_migrations() == MIGRATIONS


def test_a_migration_of_this_name_exists(own_migrations: Path) -> None:
    with pytest.raises(MigrationError, match="there is a migration of this name: 00003_create_rooms"):
        new_migration("create_rooms")
    assert known_migrations() == MIGRATIONS


def test_half_a_migration_is_in_the_way(own_migrations: Path) -> None:
    (own_migrations / f"{len(MIGRATIONS) + 1:05}_create_badges.rollback.sql").touch()
    with pytest.raises(MigrationError, match="is there already; delete it"):
        new_migration("create_badges")
    assert known_migrations() == MIGRATIONS


def test_a_migration_is_made_whole_or_not_at_all(own_migrations: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, write = sorted(own_migrations.iterdir()), migrate._write

    def full(path: Path, text: str) -> None:
        if not path.name.endswith(".rollback.sql"):
            raise MigrationError("no room")
        write(path, text)

    monkeypatch.setattr(migrate, "_write", full)
    with pytest.raises(MigrationError, match="no room"):
        new_migration("create_badges")
    assert sorted(own_migrations.iterdir()) == before


def test_where_there_is_no_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrate, "MIGRATIONS", tmp_path / "absent")
    with pytest.raises(MigrationError, match="run this in a checkout"):
        new_migration("create_rooms")


async def lock_rows(url: URL) -> int:
    database = Database(url)
    async with database.read() as db:
        count = (await db.execute(text("SELECT count(*) FROM yoyo_lock"))).scalar_one()
    await database.close()
    return int(count)


@pytest.fixture
def own_migrations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The shipped migrations in a folder where more can be put."""
    folder = tmp_path / "migrations"
    shutil.copytree(ROOT / "migrations", folder, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(migrate, "MIGRATIONS", folder)
    return folder


async def test_a_migration_that_fails_leaves_nothing(database_url: URL, own_migrations: Path) -> None:
    name = "00099_fails"
    (own_migrations / f"{name}.sql").write_text(
        f"-- depends: {MIGRATIONS[-1]}\n\nCREATE TABLE half (id BIGINT);\nINSERT INTO nowhere VALUES (1);\n"
    )
    (own_migrations / f"{name}.rollback.sql").write_text("DROP TABLE half;\n")
    for _ in range(2):
        with pytest.raises(MigrationError) as failed:
            migrate_up(database_url)
        assert "nowhere" in str(failed.value)
        assert "\n" not in str(failed.value)
    assert "half" not in await tables(database_url)
    assert [state.applied for state in migration_status(database_url)] == [True] * len(MIGRATIONS) + [False]
    assert await lock_rows(database_url) == 0
    (own_migrations / f"{name}.sql").write_text(f"-- depends: {MIGRATIONS[-1]}\n\nCREATE TABLE half (id BIGINT);\n")
    assert migrate_up(database_url) == [name]
    assert migrate_down(database_url) == name


def test_the_message_hides_the_password() -> None:
    with pytest.raises(MigrationError) as failed:
        migrate_up(URL.create("postgresql+asyncpg", "u", "hush-hush", "127.0.0.1", 1, "x"))
    assert "hush-hush" not in str(failed.value)
    assert "127.0.0.1" in str(failed.value)


@pytest.fixture
def awkward(postgres_factory: PostgresFactory) -> Iterator[URL]:
    url = postgres_factory.create()
    yield url
    postgres_factory.drop(url)


def test_a_password_with_odd_characters_reaches_the_server(awkward: URL) -> None:
    odd = awkward.set(password="p@ss:w/rd %41?#+&'=")  # the server trusts everyone, so only the parsing can fail
    assert [state.applied for state in migration_status(odd)] == [True] * len(MIGRATIONS)
    with migrate._backend(odd) as (backend, _):
        assert backend.connection.info.password == odd.password


def test_a_sqlite_file_in_a_new_folder(tmp_path: Path) -> None:
    url = URL.create("sqlite+aiosqlite", database=str(tmp_path / "a" / "b c" / "chatter.db"))
    assert migrate_up(url) == MIGRATIONS
    assert (tmp_path / "a" / "b c" / "chatter.db").exists()
