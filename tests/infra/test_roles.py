"""The two roles in PostgreSQL: one changes the schema, the other rows only."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx2
import psycopg
import pytest

from api.migrate import MigrationError, migrate_up
from tests.api.process import run, serving
from tests.infra.conftest import SECRET, program
from tests.infra.postgres import Cluster, running_cluster

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A server with the roles and the schema."""
    program("psql", "postgresql-client")
    with running_cluster(tmp_path_factory.mktemp("roles")) as made:
        done = made.make_roles()
        assert (done.returncode, done.stderr) == (0, "")
        migrate_up(made.url("chatter_owner"))
        yield made


def test_the_script_may_run_again_and_changes_the_passwords(cluster: Cluster) -> None:
    stored = "SELECT rolname, rolpassword FROM pg_authid WHERE rolname LIKE 'chatter%' ORDER BY 1"
    before = cluster.execute(stored)
    assert [name for name, _ in before] == ["chatter_app", "chatter_owner"]
    assert all(str(password).startswith("SCRAM-SHA-256$") for _, password in before)
    cluster.set_password("app", "second-password-of-app")
    assert cluster.make_roles().returncode == 0
    after = cluster.execute(stored)
    assert before[0] != after[0]


@pytest.mark.parametrize("password", ["", "short"])
def test_without_proper_passwords_nothing_is_made(cluster: Cluster, password: str) -> None:
    cluster.set_password("app", password)
    try:
        done = cluster.make_roles()
    finally:
        cluster.set_password("app", "second-password-of-app")
    assert done.returncode != 0
    assert "OWNER_PASSWORD_FILE and APP_PASSWORD_FILE" in done.stderr


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE more (id TEXT)",
        "CREATE TEMPORARY TABLE more (id TEXT)",
        "ALTER TABLE users ADD COLUMN more TEXT",
        "DROP TABLE users",
        "TRUNCATE users CASCADE",
        "CREATE INDEX more ON users (username)",
        "CREATE SCHEMA more",
        "CREATE DATABASE more",
        "CREATE ROLE more",
        "GRANT chatter_owner TO chatter_app",
        "COPY users TO PROGRAM 'cat'",
    ],
)
def test_the_app_may_not_change_the_schema(cluster: Cluster, statement: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        cluster.execute(statement, user="chatter_app")


def test_only_the_two_may_come_in(cluster: Cluster) -> None:
    cluster.execute("CREATE ROLE stranger LOGIN")
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        cluster.execute("SELECT 1", user="stranger")


def test_tables_of_later_migrations_are_open_to_the_app(cluster: Cluster) -> None:
    cluster.execute("CREATE TABLE later (id BIGINT GENERATED ALWAYS AS IDENTITY, name TEXT)", user="chatter_owner")
    cluster.execute("INSERT INTO later (name) VALUES ('one')", user="chatter_app")
    assert cluster.execute("DELETE FROM later RETURNING name", user="chatter_app") == [("one",)]


def test_production_runs_with_the_role_that_may_not(cluster: Cluster, tmp_path: Path) -> None:
    url = cluster.dsn("chatter_app")
    production = {"ENV": "production", "BASE_URL": "https://localhost", "AUTH_SECRET": SECRET, "AUTH_BCRYPT_COST": "10"}
    username = f"u{uuid.uuid4().hex[:12]}"
    with serving(tmp_path, DATABASE_URL=url, **production) as server:
        body = {"username": username, "password": "a long enough phrase"}
        answer = httpx2.post(f"{server.url}/auth/register", json=body, headers={"X-Device-ID": "x"}, trust_env=False)
        assert answer.status_code < 300, answer.text
        bearer = {"Authorization": f"Bearer {answer.json()['token']}"}
        assert httpx2.post(f"{server.url}/rooms", headers=bearer, trust_env=False).status_code < 300
        assert httpx2.get(f"{server.url}/readyz", trust_env=False).status_code == 200
    assert cluster.execute(f"SELECT username FROM users WHERE username = '{username}'") == [(username,)]


def test_a_schema_that_is_behind_is_one_line_and_not_mended_by_the_app(cluster: Cluster, tmp_path: Path) -> None:
    assert run(tmp_path, "migrate", "down", DATABASE_URL=cluster.dsn("chatter_owner")).returncode == 0
    try:
        with pytest.raises(MigrationError, match=r"permission denied|must be owner"):
            migrate_up(cluster.url("chatter_app"))
        production = {"ENV": "production", "BASE_URL": "https://localhost", "AUTH_SECRET": SECRET}
        ports = {"SERVER_ADDR": "127.0.0.1:0", "GATEWAY_ADDR": "127.0.0.1:0"}
        settings = production | ports | {"DATABASE_URL": cluster.dsn("chatter_app"), "AUTH_BCRYPT_COST": "10"}
        done = run(tmp_path, "serve", **settings)
    finally:
        migrate_up(cluster.url("chatter_owner"))
    assert done.returncode != 0
    assert "chatter migrate up" in done.stderr.strip()
    assert "\n" not in done.stderr.strip()
