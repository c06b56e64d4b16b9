"""The address of the database, from a URL or from its parts."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from api.settings.checks import SettingsError
from api.settings.tree import SettingsTree


def database_url(tree: SettingsTree, data_dir: Path) -> URL:
    """Return where the database is, with its driver; where nothing is set, that is a file in the data folder."""
    if tree.database.url:
        try:
            url = make_url(tree.database.url)
        except (ArgumentError, ValueError):
            raise SettingsError("DATABASE_URL is not a database address such as postgresql://user@host/name") from None
        backend = url.get_backend_name()
        if backend in {"postgresql", "postgres"}:
            return url.set(drivername="postgresql+asyncpg")
        if "password" in url.query:
            raise SettingsError("DATABASE_URL: write the password as postgresql://user:password@host/name")
        if backend == "sqlite":
            if not url.database or url.database == ":memory:":
                raise SettingsError("DATABASE_URL: the embedded database needs a file, as in sqlite:///data/chatter.db")
            return url.set(drivername="sqlite+aiosqlite")
        raise SettingsError(f"DATABASE_URL: {backend} is not supported; use postgresql:// or sqlite:///")
    if tree.postgres is not None:
        parts = tree.postgres
        if not 0 < parts.min_conns <= parts.max_conns:
            raise SettingsError("POSTGRES_MIN_CONNS must be at least 1 and at most POSTGRES_MAX_CONNS")
        return URL.create(
            "postgresql+asyncpg",
            username=parts.username,
            password=parts.password or None,
            host=parts.host,
            port=parts.port,
            database=parts.database,
        )
    return URL.create("sqlite+aiosqlite", database=str(data_dir / "chatter.db"))
