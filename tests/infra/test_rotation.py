"""New secrets as docs/operations.md says: its commands as they stand there, with a docker of the test's own."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import psycopg
import pytest

from tests.infra.conftest import program
from tests.infra.page import commands
from tests.infra.postgres import ROOT, Cluster, running_cluster

_ROLES = {
    "postgres": "postgres_password",
    "chatter_owner": "postgres_owner_password",
    "chatter_app": "postgres_app_password",
}
_DEPLOY = '#!/bin/sh\necho "deploy $*" >>"$FAKE/log"\n'
# What runs has the files that were there when it was made; "psql" speaks to the cluster of the test.
_DOCKER = r"""#!/bin/bash
set -eu
words="$*"
echo "${words%% sh -c *}" >>"$FAKE/log"
case "$words" in
    "compose exec -T postgres sh -c "*) command=${!#}; sh -c "${command//\/run\/secrets/$FAKE/mounted}" ;;
    *"--force-recreate --no-deps postgres"*) rm -rf "$FAKE/mounted"; cp -r secrets "$FAKE/mounted" ;;
    *) cat >/dev/null ;;
esac
"""
_HBA = "host all all 127.0.0.1/32 scram-sha-256\n"


class Machine:
    """A checkout with secrets."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name, text in (("bin/docker", _DOCKER), ("scripts/deploy", _DEPLOY)):
            (folder / name).parent.mkdir()
            (folder / name).write_text(text)
            (folder / name).chmod(0o755)
        shutil.copy(ROOT / "scripts" / "secrets", folder / "scripts")
        subprocess.run([folder / "scripts" / "secrets"], check=True, capture_output=True, timeout=30)
        shutil.copytree(folder / "secrets", folder / "mounted")

    def secret(self, name: str) -> str:
        """Return what a file holds."""
        return (self.folder / "secrets" / name).read_text().strip()

    def follow(
        self, heading: str, block: int = 0, variables: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a block of commands of the page."""
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        return subprocess.run(
            ["bash", "-c", commands(heading, block)],
            cwd=self.folder,
            env={**(variables or {}), "PATH": path, "FAKE": str(self.folder)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    @property
    def log(self) -> list[str]:
        """What was asked of docker and of scripts/deploy."""
        path = self.folder / "log"
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine whose secrets are to be changed."""
    (tmp_path / "machine").mkdir()
    return Machine(tmp_path / "machine")


def _recreated(*services: str) -> str:
    return f"compose up -d --force-recreate --no-deps {' '.join(services)}"


def test_the_secret_of_tokens(machine: Machine) -> None:
    before = machine.secret("auth_secret")
    assert machine.follow("auth_secret").returncode == 0
    assert machine.secret("auth_secret") != before == machine.secret("auth_secret.before")
    assert machine.log == ["deploy --recreate"]


def test_the_secret_of_the_relay(machine: Machine) -> None:
    before = machine.secret("turn_secret")
    assert machine.follow("turn_secret").returncode == 0
    new, known = machine.secret("turn_secret").splitlines()
    assert known == before != new
    assert re.fullmatch(r"[0-9a-f]{64}", new)
    assert machine.follow("turn_secret", 1).returncode == 0
    assert machine.secret("turn_secret") == new
    assert stat.S_IMODE((machine.folder / "secrets" / "turn_secret").stat().st_mode) == 0o444
    assert machine.log == [_recreated("coturn"), "deploy --recreate", _recreated("coturn")]


def test_the_password_of_the_bus(machine: Machine) -> None:
    before = machine.secret("nats_password")
    assert machine.follow("nats_password and bus_url").returncode == 0
    password = machine.secret("nats_password")
    assert password != before
    assert machine.secret("bus_url") == f"nats://chatter:{password}@nats:4222"
    assert machine.log == [_recreated("nats", "app-1", "app-2")]


def test_the_password_of_grafana(machine: Machine) -> None:
    before = machine.secret("grafana_password")
    assert machine.follow("grafana_password").returncode == 0
    assert machine.secret("grafana_password") != before
    reset = "grafana grafana cli admin reset-admin-password --password-from-stdin"
    assert machine.log == [f"compose --profile monitoring exec -T {reset}"]


# --- the database ---------------------------------------------------------------------------------------------------


@pytest.fixture
def cluster(machine: Machine, tmp_path: Path) -> Iterator[Cluster]:
    """A server that asks for the passwords in the machine's secrets."""
    program("psql", "postgresql-client")
    (tmp_path / "cluster").mkdir()
    with running_cluster(tmp_path / "cluster") as made:
        for role in ("owner", "app"):
            made.set_password(role, machine.secret(f"postgres_{role}_password"))
        assert made.make_roles().returncode == 0
        made.execute(f"ALTER ROLE postgres PASSWORD '{machine.secret('postgres_password')}'")
        [(file,)] = made.execute("SHOW hba_file")
        Path(str(file)).write_text(_HBA)
        made.execute("SELECT pg_reload_conf()")
        yield made


def _let_in(cluster: Cluster, passwords: dict[str, str]) -> dict[str, bool]:
    """Tell who gets in with these passwords."""
    return {role: _gets_in(cluster.dsn(role), password) for role, password in passwords.items()}


def _gets_in(address: str, password: str) -> bool:
    try:
        psycopg.connect(address, password=password).close()
    except psycopg.OperationalError as error:
        if "password authentication failed" not in str(error):
            raise
        return False
    return True


def _passwords(machine: Machine, suffix: str = "") -> dict[str, str]:
    return {role: machine.secret(f"{name}{suffix}") for role, name in _ROLES.items()}


@pytest.mark.integration
def test_the_passwords_of_the_database(machine: Machine, cluster: Cluster) -> None:
    done = machine.follow("Passwords of the database", variables=cluster.environment("postgres"))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-3:] == ["ALTER ROLE"] * 3
    assert _let_in(cluster, _passwords(machine)) == dict.fromkeys(_ROLES, True)
    assert _let_in(cluster, _passwords(machine, ".before")) == dict.fromkeys(_ROLES, False)
    asked = ["compose exec -T postgres", _recreated("postgres"), "deploy --recreate", _recreated("backup")]
    assert machine.log == asked
    again = machine.follow("Passwords of the database", variables=cluster.environment("postgres"))
    assert (again.returncode, again.stderr) == (0, "")
    assert _let_in(cluster, _passwords(machine)) == dict.fromkeys(_ROLES, True)


@pytest.mark.integration
def test_what_the_database_refuses_changes_nothing(machine: Machine, cluster: Cluster) -> None:
    (machine.folder / "mounted" / "postgres_password").chmod(0o644)
    (machine.folder / "mounted" / "postgres_password").write_text("not that of the database")
    done = machine.follow("Passwords of the database", variables=cluster.environment("postgres"))
    assert done.returncode != 0
    assert machine.log == ["compose exec -T postgres"]
    assert _let_in(cluster, _passwords(machine, ".before")) == dict.fromkeys(_ROLES, True)
    assert _let_in(cluster, _passwords(machine)) == dict.fromkeys(_ROLES, False)
