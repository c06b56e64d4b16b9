"""Schema migrations: the SQL in `migrations/`, applied by yoyo."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct
from sqlalchemy.engine import URL

MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"
_ADVISORY_LOCK = 0x63686174  # "chat"
_NOTICE_DEATH = "client_connection_check_interval=1000"
"""In milliseconds. Without it the statement of a migration that was killed goes on, and keeps its locks."""
_NAME = re.compile(r"[a-z][a-z0-9_]{2,59}")
_UP = """\
-- depends: {before}

-- Say why, where that is not plain. The version before this one still runs meanwhile and must get along with it: add
-- first, remove in a later version. The same SQL goes to PostgreSQL and to SQLite.
"""
_DOWN = "-- Takes back {id}; what was stored in it is lost.\n"


class MigrationError(Exception):
    """The schema could not be changed or read; the message is one line for the operator."""


class MigrationState(Struct, frozen=True):
    """One migration and whether it is applied."""

    id: str
    applied: bool
    known: bool = True
    """Whether this version ships it; what is applied and unknown came from a newer one."""


def migrate_up(url: URL, progress: Callable[[str], None] = lambda _: None) -> list[str]:
    """Apply what is pending, oldest first; return the ids. Raises `MigrationError`."""
    with _backend(url) as (backend, migrations):
        pending = backend.to_apply(migrations)
        for migration in pending:
            progress(f"applying {migration.id}")
            _change(backend, migration, "apply")
        return [migration.id for migration in pending]


def migrate_down(url: URL, progress: Callable[[str], None] = lambda _: None) -> str | None:
    """Roll back the newest applied migration; return its id. Raises `MigrationError`."""
    with _backend(url) as (backend, migrations):
        newer = _applied_by_newer(backend)
        if newer:  # it stands on those below it
            raise MigrationError(f"a newer version made {newer[-1]}; roll back with that version")
        applied = backend.to_rollback(migrations)
        if not applied:
            return None
        progress(f"rolling back {applied[0].id}")
        _change(backend, applied[0], "rollback")
        return str(applied[0].id)


def migration_status(url: URL) -> list[MigrationState]:
    """List all migrations, oldest first, then those of newer versions. Raises `MigrationError`."""
    with _backend(url) as (backend, migrations):
        applied = {migration.id for migration in backend.to_rollback(migrations)}
        states = [MigrationState(migration.id, migration.id in applied) for migration in migrations]
        return [*states, *(MigrationState(name, applied=True, known=False) for name in _applied_by_newer(backend))]


def known_migrations() -> list[str]:
    """Return the ids of the migrations that this version ships, oldest first."""
    return sorted(path.stem for path in MIGRATIONS.glob("*.sql") if not path.name.endswith(".rollback.sql"))


def new_migration(name: str) -> tuple[Path, Path]:
    """Make the files of the next migration; return the way up and the way back. Raises `MigrationError`."""
    if not _NAME.fullmatch(name):
        raise MigrationError(f"{name!r} is no name for a migration: 3 to 60 of a-z, 0-9 and _, such as create_rooms")
    known = known_migrations()
    same = [migration for migration in known if migration.partition("_")[2] == name]
    if same:
        raise MigrationError(f"there is a migration of this name: {same[0]}")
    made = f"{int(known[-1].partition('_')[0]) + 1 if known else 1:05}_{name}"
    up, down = MIGRATIONS / f"{made}.sql", MIGRATIONS / f"{made}.rollback.sql"
    # The way back first: what is there without a way up is no migration yet.
    _write(down, _DOWN.format(id=made))
    try:
        _write(up, _UP.format(before=known[-1] if known else ""))
    except MigrationError:
        down.unlink()
        raise
    return up, down


def _write(path: Path, text: str) -> None:
    try:
        file = path.open("x", encoding="utf-8")
    except FileExistsError:
        raise MigrationError(f"{path} is there already; delete it, or give the migration another name") from None
    except OSError as error:
        raise MigrationError(f"{MIGRATIONS} cannot be written: {error.strerror}; run this in a checkout") from None
    try:
        with file:
            file.write(text)
    except OSError as error:
        path.unlink()
        raise MigrationError(f"{path} cannot be written: {error.strerror}") from None


def _change(backend: Any, migration: Any, direction: Literal["apply", "rollback"]) -> None:
    # yoyo's own `apply_one` commits the change before the record of it: a death between the two could not be mended.
    backend.ensure_internal_schema_updated()
    with backend.transaction():
        migration.process_steps(backend, direction)
        backend.log_migration(migration, direction)
        mark = backend.mark_one if direction == "apply" else backend.unmark_one
        mark(migration, log=False)


def _applied_by_newer(backend: Any) -> list[str]:
    rows = backend.execute("SELECT migration_id FROM _yoyo_migration").fetchall()
    return sorted({str(row[0]) for row in rows}.difference(known_migrations()))


@contextmanager
def _backend(url: URL) -> Iterator[tuple[Any, Any]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # yoyo uses datetime.utcnow and sqlite's default adapters
        import yoyo  # slow to import; most commands do without

        try:
            backend = yoyo.get_backend(_yoyo_url(url))
            try:
                with _exclusive(backend, url):
                    yield backend, yoyo.read_migrations(str(MIGRATIONS))
            finally:
                backend.connection.close()
        except MigrationError:
            raise
        except Exception as error:
            message = " ".join(str(error).split()) or type(error).__name__
            raise MigrationError(f"{url.render_as_string(hide_password=True)}: {message}") from error


@contextmanager
def _exclusive(backend: Any, url: URL) -> Iterator[None]:
    if url.get_backend_name() != "sqlite":
        # yoyo's own lock is a row, which outlives a killed process. This lock ends with the connection; whoever holds
        # it is alone, so a row that is still there is a dead one's.
        lock = backend.connection.__class__.connect(**_psycopg_arguments(url))
        try:
            lock.execute("SELECT pg_advisory_lock(%s)", (_ADVISORY_LOCK,))
            lock.commit()
            backend.init_database()
            backend.break_lock()
            with backend.lock():
                yield
        finally:
            lock.close()
        return
    import fcntl

    path = Path(f"{url.database}.migrate-lock")
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        backend.init_database()
        backend.break_lock()
        with backend.lock():
            yield


def _yoyo_url(url: URL) -> str:
    if url.get_backend_name() == "sqlite":
        if not url.database:
            raise MigrationError("the embedded database needs a file")
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        return f"sqlite:///{Path(url.database).resolve()}"
    if "options" not in url.query and _ends_with_its_client(url):
        url = url.update_query_dict({"options": f"-c {_NOTICE_DEATH}"})
    return url.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


def _ends_with_its_client(url: URL) -> bool:
    """Tell whether the server can end a statement whose sender was killed; not every system can tell it."""
    import psycopg

    with psycopg.connect(**_psycopg_arguments(url)) as connection:
        try:
            connection.execute(f"SET {_NOTICE_DEATH}".encode())
        except psycopg.Error:
            return False
        return True


def _psycopg_arguments(url: URL) -> dict[str, Any]:
    return {**url.translate_connect_args(username="user", database="dbname"), **url.query}
