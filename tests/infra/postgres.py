"""A PostgreSQL server with the roles of production."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from sqlalchemy.engine import URL

from tests.databases import _running_server as running_server

ROOT = Path(__file__).resolve().parents[2]
DATABASE = "chatter"


class Cluster:
    """A server with an empty database `chatter`."""

    def __init__(self, server: URL, folder: Path) -> None:
        self._server = server
        self._folder = folder
        self.execute("CREATE DATABASE chatter", database="postgres")
        for role in ("owner", "app"):
            self.set_password(role, f"first-password-of-{role}")

    def set_password(self, role: str, password: str) -> None:
        """Write the password file that roles.sql reads."""
        (self._folder / role).write_text(password + "\n")

    def url(self, user: str) -> URL:
        """Return the address of the database for one role, as the application takes it."""
        return self._server.set(drivername="postgresql+asyncpg", username=user, database=DATABASE)

    def dsn(self, user: str, database: str = DATABASE) -> str:
        """Return the address for psycopg."""
        url = self._server.set(drivername="postgresql", username=user, database=database)
        return url.render_as_string(hide_password=False)

    def execute(self, statement: str, user: str = "postgres", database: str = DATABASE) -> list[tuple[object, ...]]:
        """Run one statement; return its rows."""
        with psycopg.connect(self.dsn(user, database), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def environment(self, user: str) -> dict[str, str]:
        """Return what libpq's programs need to connect."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self._folder),
            "PGHOST": str(self._server.host),
            "PGPORT": str(self._server.port),
            "PGUSER": user,
            "PGDATABASE": DATABASE,
        }

    def make_roles(self) -> subprocess.CompletedProcess[str]:
        """Run the script that the image runs when it makes the database."""
        passwords = {f"{role.upper()}_PASSWORD_FILE": str(self._folder / role) for role in ("owner", "app")}
        return subprocess.run(
            ["psql", "--no-psqlrc", "--file", str(ROOT / "infra" / "postgres" / "roles.sql")],
            env=self.environment("postgres") | passwords,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@contextmanager
def running_cluster(folder: Path) -> Iterator[Cluster]:
    """Run a server until the end of the block; skips the test where PostgreSQL is not installed."""
    with running_server() as server:
        yield Cluster(server, folder)
