"""Schema migrations: the SQL in `migrations/`, applied by yoyo."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msgspec import Struct
from sqlalchemy.engine import URL

MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"
_ADVISORY_LOCK = 0x63686174  # "chat"


class MigrationError(Exception):
    """The schema could not be changed or read; the message is one line for the operator."""


class MigrationState(Struct, frozen=True):
    """One migration and whether it is applied."""

    id: str
    applied: bool


def migrate_up(url: URL, progress: Callable[[str], None] = lambda _: None) -> list[str]:
    """Apply what is pending, oldest first; return the ids. Raises `MigrationError`."""
    with _backend(url) as (backend, migrations):
        pending = backend.to_apply(migrations)
        for migration in pending:
            progress(f"applying {migration.id}")
            backend.apply_one(migration)
        return [migration.id for migration in pending]


def migrate_down(url: URL, progress: Callable[[str], None] = lambda _: None) -> str | None:
    """Roll back the newest applied migration; return its id. Raises `MigrationError`."""
    with _backend(url) as (backend, migrations):
        applied = backend.to_rollback(migrations)
        if not applied:
            return None
        progress(f"rolling back {applied[0].id}")
        backend.rollback_one(applied[0])
        return str(applied[0].id)


def migration_status(url: URL) -> list[MigrationState]:
    """List all migrations, oldest first. Raises `MigrationError`."""
    with _backend(url) as (backend, migrations):
        applied = {migration.id for migration in backend.to_rollback(migrations)}
        return [MigrationState(migration.id, migration.id in applied) for migration in migrations]


def known_migrations() -> list[str]:
    """Return the ids of the migrations that this version ships, oldest first."""
    return sorted(path.stem for path in MIGRATIONS.glob("*.sql") if not path.name.endswith(".rollback.sql"))


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
        parts = url.translate_connect_args(username="user", database="dbname")
        lock = backend.connection.__class__.connect(**parts, **url.query)
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
    return url.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
