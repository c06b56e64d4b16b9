"""Backups: made while the server runs, tested by restoring them, put back after the data is gone."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.engine import URL

from api.migrate import migrate_up
from tests.infra.conftest import program
from tests.infra.postgres import ROOT, Cluster, running_cluster
from tests.infra.proxy import wait_until

_POSTGRES = str(ROOT / "infra" / "backup" / "postgres")
_SQLITE = str(ROOT / "infra" / "backup" / "sqlite")
_DAY_S = 86400
_ADD_USERS = (
    "INSERT INTO users (id, username, username_key, password_hash, created_at, updated_at) "
    "SELECT n, 'user' || n, 'user' || n, 'x', 1, 1 FROM generate_series({first}, {last}) AS n"
)
_ADD_ROOMS = """
INSERT INTO rooms (id, owner_id, name, guests_allowed, max_members, created_at, updated_at)
SELECT 'room' || n, n, E'„Größe“\\t100 % ''' || n, n % 2 = 0, 8, n, n FROM generate_series(1, 20) AS n
"""
_ADD_DEVICES = """
INSERT INTO device_sessions
    (id, user_id, device_id, user_agent, address, created_at, last_seen_at, expires_at, revoked_at)
SELECT 'session' || n, n, 'laptop', '', '::1', n, n, n, NULLIF(n % 3, 0) FROM generate_series(1, 20) AS n
"""
_ADD_USER = (
    "INSERT INTO users (id, username, username_key, password_hash, created_at, updated_at) VALUES (?, ?, ?, 'x', 1, 1)"
)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A server with the roles, the schema, a hundred users, and rooms and devices of some."""
    for name in ("psql", "pg_dump", "pg_restore"):
        program(name, "postgresql-client")
    with running_cluster(tmp_path_factory.mktemp("backup")) as made:
        assert made.make_roles().returncode == 0
        migrate_up(made.url("chatter_owner"))
        for statement in (_ADD_USERS.format(first=1, last=100), _ADD_ROOMS, _ADD_DEVICES):
            made.execute(statement, user="chatter_app")
        yield made


def _run(cluster: Cluster, folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [_POSTGRES, *arguments],
        env=cluster.environment("chatter_owner") | {"BACKUP_DIR": str(folder)} | variables,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def _backups(folder: Path) -> list[Path]:
    return sorted(folder.glob("chatter-*.dump"))


def _content(cluster: Cluster) -> dict[str, list[tuple[object, ...]]]:
    """Return all rows of all tables, in order."""
    tables = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
    names = [str(name) for (name,) in cluster.execute(tables)]
    return {name: cluster.execute(f'SELECT * FROM "{name}" AS row ORDER BY row::text') for name in names}


def _users(cluster: Cluster) -> int:
    [(count,)] = cluster.execute("SELECT count(*) FROM users")
    return int(str(count))


def _databases(cluster: Cluster) -> set[str]:
    return {str(name) for (name,) in cluster.execute("SELECT datname FROM pg_database", database="postgres")}


@pytest.mark.integration
def test_a_backup_is_restored_for_a_test_and_tells_its_rows(cluster: Cluster, tmp_path: Path) -> None:
    done = _run(cluster, tmp_path, "backup")
    assert done.returncode == 0, done.stderr
    assert "users: 100 rows" in done.stdout.splitlines()
    [file] = _backups(tmp_path)
    assert file.stat().st_mode & 0o077 == 0
    assert "users|100" in file.with_name(f"{file.name}.rows").read_text().splitlines()
    metrics = _metrics(tmp_path)
    assert metrics["chatter_backup_last_run_success"] == 1
    assert metrics["chatter_backup_last_success_timestamp_seconds"] >= int(file.stat().st_mtime)
    assert metrics["chatter_backup_size_bytes"] == file.stat().st_size
    assert metrics["chatter_backup_rows"] >= 100
    assert not list(tmp_path.glob("*.part*"))
    assert not [name for name in _databases(cluster) if "verify" in name]


@pytest.mark.integration
def test_a_backup_agrees_with_itself_while_rows_are_written(cluster: Cluster, tmp_path: Path) -> None:
    stop = threading.Event()

    def write() -> None:
        with psycopg.connect(cluster.dsn("chatter_app"), autocommit=True) as connection:
            number = 1000  # beyond those that stay
            while not stop.is_set():
                number += 1
                connection.execute(_ADD_USERS.format(first=number, last=number).encode())

    writer = threading.Thread(target=write)
    writer.start()
    try:
        wait_until(lambda: _users(cluster) > 100)
        done = _run(cluster, tmp_path, "backup")
    finally:
        stop.set()
        writer.join(20)
    after = _users(cluster)
    cluster.execute("DELETE FROM users WHERE id > 1000")
    assert done.returncode == 0, done.stderr
    [written] = [int(line.split()[1]) for line in done.stdout.splitlines() if line.startswith("users: ")]
    assert 100 < written < after


@pytest.mark.integration
def test_what_was_destroyed_comes_back(cluster: Cluster, tmp_path: Path) -> None:
    wanted = _content(cluster)
    assert _run(cluster, tmp_path, "backup").returncode == 0
    cluster.execute("TRUNCATE users CASCADE")
    cluster.execute("DROP TABLE rooms CASCADE")
    done = _run(cluster, tmp_path, "restore", _backups(tmp_path)[0].name)
    assert done.returncode == 0, done.stderr
    assert _content(cluster) == wanted
    _serves(cluster)
    assert len(_kept(cluster)) == 1
    assert _run(cluster, tmp_path, "forget").returncode == 0
    assert _kept(cluster) == []
    assert _content(cluster) == wanted


@pytest.mark.integration
def test_a_lost_machine_comes_back_on_a_new_one(cluster: Cluster, tmp_path: Path) -> None:
    assert _run(cluster, tmp_path, "backup").returncode == 0
    (tmp_path / "new").mkdir()
    with running_cluster(tmp_path / "new") as new:
        assert new.make_roles().returncode == 0
        migrate_up(new.url("chatter_owner"))  # as the first start there does
        done = _run(new, tmp_path, "restore", _backups(tmp_path)[0].name)
        assert done.returncode == 0, done.stderr
        assert _content(new) == _content(cluster)
        assert {name: len(rows) for name, rows in _content(new).items()}.items() >= {"users": 100, "rooms": 20}.items()
        _serves(new)


def _serves(cluster: Cluster) -> None:
    """Check that the app's role may write, and no more than that, and that no migration is missing."""
    cluster.execute(_ADD_USERS.format(first=5000, last=5000), user="chatter_app")
    cluster.execute("DELETE FROM users WHERE id = 5000", user="chatter_app")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        cluster.execute("CREATE TABLE more (id TEXT)", user="chatter_app")
    assert migrate_up(cluster.url("chatter_owner")) == []


def _kept(cluster: Cluster) -> list[str]:
    return [name for name in _databases(cluster) if name.startswith("chatter_before_")]


@pytest.mark.integration
def test_a_restore_waits_for_the_app_to_be_stopped(cluster: Cluster, tmp_path: Path) -> None:
    assert _run(cluster, tmp_path, "backup").returncode == 0
    with psycopg.connect(cluster.dsn("chatter_app")):
        done = _run(cluster, tmp_path, "restore", str(_backups(tmp_path)[0]))
    assert done.returncode == 1
    assert "1 connections use the database; stop the app first" in done.stderr
    assert _users(cluster) == 100


@pytest.mark.integration
def test_a_damaged_backup_changes_nothing(cluster: Cluster, tmp_path: Path) -> None:
    assert _run(cluster, tmp_path, "backup").returncode == 0
    [file] = _backups(tmp_path)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    for command in ("verify", "restore"):
        done = _run(cluster, tmp_path, command, str(file))
        assert done.returncode == 1
        assert "cannot be restored" in done.stderr
    assert _users(cluster) == 100
    assert not [name for name in _databases(cluster) if "verify" in name]


@pytest.mark.integration
def test_rows_that_are_missing_are_noticed(cluster: Cluster, tmp_path: Path) -> None:
    assert _run(cluster, tmp_path, "backup").returncode == 0
    [file] = _backups(tmp_path)
    rows = file.with_name(f"{file.name}.rows")
    rows.write_text(rows.read_text().replace("users|100", "users|101"))
    done = _run(cluster, tmp_path, "verify", str(file))
    assert done.returncode == 1
    assert "does not hold the rows it should" in done.stderr


def _without_a_server(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "BACKUP_DIR": str(folder)}
    return subprocess.run(
        [_POSTGRES, *arguments], env=environment, capture_output=True, text=True, timeout=30, check=False
    )


@pytest.mark.parametrize("command", ["restore", "verify"])
def test_what_is_there_is_named_to_who_names_no_backup(command: str, tmp_path: Path) -> None:
    said = _without_a_server(tmp_path, command)
    assert (said.returncode, said.stderr) == (1, f"backup: which backup? There is none in {tmp_path}\n")
    for day in (2, 1):
        (tmp_path / f"chatter-2026010{day}T031700Z.dump").touch()
    said = _without_a_server(tmp_path, command)
    both = "chatter-20260101T031700Z.dump chatter-20260102T031700Z.dump"
    assert (said.returncode, said.stderr) == (1, f"backup: which backup? One of: {both}\n")


@pytest.mark.parametrize("given", ["", "chatter-20200101T000000Z.dump", "chatter-20260101T031700Z.dump"])
def test_only_a_file_with_something_in_it_can_be_restored(given: str, tmp_path: Path) -> None:
    (tmp_path / "chatter-20260101T031700Z.dump").touch()
    said = _without_a_server(tmp_path, "restore", f"{tmp_path}/{given}")
    assert (said.returncode, said.stderr) == (1, f"backup: there is no backup {tmp_path}/{given}\n")


@pytest.mark.parametrize(
    ("begun", "newest", "well"), [(1, None, True), (40, None, False), (40, 35, True), (40, 37, False), (None, 1, True)]
)
def test_it_is_well_while_the_newest_is_young(
    begun: int | None, newest: int | None, well: bool, tmp_path: Path
) -> None:
    for name, hours in ((".begun", begun), ("chatter-20260101T031700Z.dump", newest)):
        if hours is not None:
            (tmp_path / name).touch()
            os.utime(tmp_path / name, (time.time() - hours * 3600,) * 2)
    said = _without_a_server(tmp_path, "check")
    assert (said.returncode, said.stderr) == (
        (0, "") if well else (1, "backup: there is no backup younger than 36 hours\n")
    )


@pytest.mark.integration
def test_a_service_whose_backups_all_fail_is_unwell_after_its_first_day_and_a_half(
    cluster: Cluster, tmp_path: Path
) -> None:
    with _keeping(cluster, tmp_path, PGPORT="1"):
        pass
    assert _without_a_server(tmp_path, "check").returncode == 0
    os.utime(tmp_path / ".begun", (time.time() - 2 * _DAY_S,) * 2)
    with _keeping(cluster, tmp_path, PGPORT="1"):
        pass
    assert _without_a_server(tmp_path, "check").returncode == 1, "to be started anew is no excuse"


@pytest.mark.integration
def test_old_backups_go_and_the_newest_stays(cluster: Cluster, tmp_path: Path) -> None:
    for days in (3, 30, 40):
        file = tmp_path / f"chatter-2020010{days % 7}T000000Z.dump"
        file.write_text("old")
        (tmp_path / f"{file.name}.rows").write_text("")
        os.utime(file, (time.time() - days * _DAY_S,) * 2)
    assert _run(cluster, tmp_path, "backup", BACKUP_KEEP_DAYS="14").returncode == 0
    assert len(_backups(tmp_path)) == 2
    assert len(list(tmp_path.glob("*.rows"))) == 2


@pytest.mark.integration
def test_a_database_that_is_down_leaves_no_backup(cluster: Cluster, tmp_path: Path) -> None:
    done = _run(cluster, tmp_path, "backup", PGPORT="1")
    assert done.returncode == 1
    assert _backups(tmp_path) == []
    assert _metrics(tmp_path) == {"chatter_backup_last_run_success": 0}


@pytest.mark.integration
def test_prometheus_is_told_of_a_failure_and_still_of_the_last_success(cluster: Cluster, tmp_path: Path) -> None:
    told = tmp_path / "told"
    told.mkdir()
    assert _run(cluster, tmp_path, "backup", BACKUP_METRICS_DIR=str(told)).returncode == 0
    before = _metrics(told)
    for _ in range(2):
        assert _run(cluster, tmp_path, "backup", BACKUP_METRICS_DIR=str(told), PGPORT="1").returncode == 1
        assert _metrics(told) == before | {"chatter_backup_last_run_success": 0}
    assert (told / "chatter_backup.prom").stat().st_mode & 0o777 == 0o644


@pytest.mark.integration
def test_what_a_killed_one_left_behind_does_not_matter(cluster: Cluster, tmp_path: Path) -> None:
    for left in ("chatter_verify", "chatter_verify_41"):
        cluster.execute(f"CREATE DATABASE {left}", user="chatter_owner", database="postgres")
    done = _run(cluster, tmp_path, "backup")
    assert done.returncode == 0, done.stderr
    assert not [name for name in _databases(cluster) if "verify" in name]


@pytest.mark.integration
def test_prometheus_is_told_of_the_newest_at_the_start(cluster: Cluster, tmp_path: Path) -> None:
    assert _run(cluster, tmp_path, "backup").returncode == 0
    before = _metrics(tmp_path)
    told = tmp_path / "chatter_backup.prom"
    told.unlink()
    with _keeping(cluster, tmp_path):
        wait_until(told.exists)
    assert _metrics(tmp_path) == {name: n for name, n in before.items() if name != "chatter_backup_duration_seconds"}


@pytest.fixture
def blank(cluster: Cluster) -> Iterator[str]:
    """The name of a database in which nobody has an account."""
    name = "blank"
    cluster.execute(f"CREATE DATABASE {name} OWNER chatter_owner", database="postgres")
    migrate_up(cluster.url("chatter_owner").set(database=name))
    yield name
    cluster.execute(f"DROP DATABASE {name}", database="postgres")


@pytest.mark.integration
def test_while_nobody_has_an_account_a_backup_is_tried_and_not_kept(
    cluster: Cluster, blank: str, tmp_path: Path
) -> None:
    with _keeping(cluster, tmp_path, PGDATABASE=blank):
        pass
    assert _metrics(tmp_path) == {"chatter_backup_last_run_success": 1}
    assert {path.name for path in tmp_path.iterdir()} == {".begun", ".verify.lock", "chatter_backup.prom"}
    assert not [name for name in _databases(cluster) if "verify" in name]
    with _keeping(cluster, tmp_path):
        pass
    assert len(_backups(tmp_path)) == 1


@pytest.mark.integration
def test_a_lost_database_takes_no_backup_with_it(cluster: Cluster, blank: str, tmp_path: Path) -> None:
    assert _run(cluster, tmp_path, "backup").returncode == 0
    [kept], before = _backups(tmp_path), _metrics(tmp_path)
    os.utime(kept, (time.time() - 2 * _DAY_S,) * 2)
    tried = _run(cluster, tmp_path, "try", PGDATABASE=blank, BACKUP_KEEP_DAYS="1")
    assert tried.returncode == 0, tried.stderr
    assert (_backups(tmp_path), _metrics(tmp_path)) == ([kept], before)
    assert _without_a_server(tmp_path, "check").returncode == 1, "the newest is old all the same"


@pytest.mark.integration
def test_a_try_that_fails_says_so(cluster: Cluster, tmp_path: Path) -> None:
    assert _run(cluster, tmp_path, "try", PGPORT="1").returncode == 1
    assert _metrics(tmp_path) == {"chatter_backup_last_run_success": 0}


@contextlib.contextmanager
def _keeping(cluster: Cluster, folder: Path, **variables: str) -> Iterator[None]:
    keeper = subprocess.Popen(
        [_POSTGRES, "keep"],
        env=cluster.environment("chatter_owner") | {"BACKUP_DIR": str(folder)} | variables,
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    try:
        yield
        wait_until(lambda: "sleep" in _children(keeper.pid))
    finally:
        keeper.terminate()
        assert keeper.wait(20) == 0


@pytest.mark.integration
def test_the_first_one_is_made_at_once(cluster: Cluster, tmp_path: Path) -> None:
    for _ in range(2):
        with _keeping(cluster, tmp_path):
            pass
        assert len(_backups(tmp_path)) == 1


def _children(process: int) -> set[str]:
    """Return the names of the programs that a process has started and not ended."""
    found = set()
    for child in Path(f"/proc/{process}/task/{process}/children").read_text().split():
        with contextlib.suppress(OSError):  # it has just ended
            found.add(Path(f"/proc/{child}/comm").read_text().strip())
    return found


def _metrics(folder: Path) -> dict[str, int]:
    lines = (folder / "chatter_backup.prom").read_text().splitlines()
    return {name: int(value) for name, value in (line.split() for line in lines if not line.startswith("#"))}


# --- the embedded database ------------------------------------------------------------------------------------------


def _sqlite(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, _SQLITE, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """An embedded database with ten users."""
    path = tmp_path / "chatter.db"
    migrate_up(URL.create("sqlite+aiosqlite", database=str(path)))
    with sqlite3.connect(path) as opened:
        opened.execute("PRAGMA journal_mode=WAL")
        opened.executemany(_ADD_USER, [(number, f"user{number}", f"user{number}") for number in range(10)])
    opened.close()
    return path


def test_the_embedded_database_comes_back(database: Path, tmp_path: Path) -> None:
    writer = sqlite3.connect(database)
    writer.execute(_ADD_USER, (10, "in the journal", "in the journal"))
    writer.commit()
    done = _sqlite("backup", database, tmp_path / "backups")
    writer.execute("DELETE FROM users")
    writer.commit()
    writer.close()
    assert done.returncode == 0, done.stderr
    assert "users: 11 rows" in done.stdout.splitlines()
    [file] = (tmp_path / "backups").iterdir()
    assert file.stat().st_mode & 0o077 == 0
    assert "users: 11 rows" in _sqlite("restore", file, database).stdout.splitlines()
    opened = sqlite3.connect(database)
    assert opened.execute("SELECT count(*) FROM users").fetchone() == (11,)
    opened.close()
    [kept] = tmp_path.glob("chatter.db.before-*")
    opened = sqlite3.connect(kept)
    assert opened.execute("SELECT count(*) FROM users").fetchone() == (0,)
    opened.close()


def test_an_embedded_database_in_use_is_not_replaced(database: Path, tmp_path: Path) -> None:
    assert _sqlite("backup", database, tmp_path / "backups").returncode == 0
    [file] = (tmp_path / "backups").iterdir()
    holder = sqlite3.connect(database)
    holder.execute("SELECT count(*) FROM users").fetchone()
    done = _sqlite("restore", file, database)
    holder.close()
    assert done.returncode == 1
    assert "stop the server first" in done.stderr
    assert not list(tmp_path.glob("chatter.db.before-*"))


def test_a_damaged_embedded_database_is_named(database: Path, tmp_path: Path) -> None:
    content = bytearray(database.read_bytes())
    content[5000:9000] = b"\xff" * 4000
    broken = tmp_path / "broken.db"
    broken.write_bytes(content)
    for arguments in (("backup", broken, tmp_path / "backups"), ("restore", broken, database)):
        done = _sqlite(*arguments)
        assert done.returncode == 1
        assert done.stderr.startswith("backup: ")
    assert not list((tmp_path / "backups").glob("*.sqlite"))


def test_old_copies_go(database: Path, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    old = folder / "chatter-20200101T000000Z.sqlite"
    old.write_text("old")
    os.utime(old, (time.time() - 20 * _DAY_S,) * 2)
    assert _sqlite("backup", database, folder, "14").returncode == 0
    assert not old.exists()
    assert len(list(folder.glob("*.sqlite"))) == 1
