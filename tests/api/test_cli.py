"""The `chatter` command: its help, its commands, and one line for whatever the operator must mend."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml
from click.testing import CliRunner, Result
from sqlalchemy.engine import URL

from api.cli import main
from api.migrate import known_migrations
from tests.api.process import ROOT, free_ports, run
from tests.databases import PostgresFactory

MIGRATIONS = known_migrations()
SECRET = "Zk3-f8Qw_v1LmN7pXc0RtYbH2sJdGaUe"


def commands(group: click.Group, *path: str) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        yield (*path, name)
        if isinstance(command, click.Group):
            yield from commands(command, *path, name)


COMMANDS = list(commands(main))


@pytest.fixture
def variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The settings that commands in this process see."""
    monkeypatch.chdir(tmp_path)
    empty = tmp_path / "empty.yaml"
    empty.touch()
    return {"CONFIG_PATH": str(empty), "CHATTER_DATA_DIR": str(tmp_path / "data"), "AUTH_BCRYPT_COST": "4"}


def invoke(variables: dict[str, str], *arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, list(arguments), env=variables, input=stdin)


def line_of(result: Result) -> str:
    """Return the one line of a failure that the operator must mend."""
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("chatter: ")
    return result.stderr


# --- help -----------------------------------------------------------------------------------------------------------


def test_the_commands() -> None:
    assert set(COMMANDS) == {
        ("serve",),
        ("migrate",),
        ("migrate", "up"),
        ("migrate", "down"),
        ("migrate", "status"),
        ("migrate", "new"),
        ("doctor",),
        ("check-config",),
        ("export-schema",),
        ("user",),
        ("user", "create"),
        ("user", "passwd"),
        ("user", "delete"),
        ("turn",),
        ("turn", "check"),
        ("calls",),
        ("calls", "list"),
        ("calls", "show"),
        ("calls", "export"),
        ("load",),
    }


@pytest.mark.parametrize("path", [(), *COMMANDS], ids=" ".join)
def test_every_command_explains_itself_with_an_example(path: tuple[str, ...]) -> None:
    shown = {CliRunner().invoke(main, [*path, option]).output for option in ("--help", "-h")}
    (text,) = shown
    assert "Example:\n" in text
    example = text.partition("Example:\n")[2].splitlines()[0]
    assert " ".join(("chatter", *path)) in example


def test_unknown_commands_and_options_are_a_usage_error() -> None:
    for arguments in (["nonsense"], ["serve", "--nonsense"], ["user", "create"]):
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 2
        assert "Usage:" in result.stderr


def test_the_version() -> None:
    assert "0.1.0" in CliRunner().invoke(main, ["--version"]).output


# --- check-config, export-schema ------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_check_config_prints_what_is_in_force_without_secrets(
    variables: dict[str, str], options: list[str], tmp_path: Path
) -> None:
    given = variables | {
        "SERVER_ADDR": ":9000",
        "AUTH_SECRET": SECRET,
        "AUTH_PEPPER": f"pepper-{SECRET}",
        "POSTGRES_PASSWORD": f"password-{SECRET}",
    }
    result = invoke(given, "check-config", *options)
    assert result.exit_code == 0
    shown = json.loads(result.stdout) if options else yaml.safe_load(result.stdout)
    assert shown["server"]["addr"] == ":9000"
    assert SECRET not in result.output
    assert {shown["auth"]["secret"], shown["auth"]["pepper"], shown["postgres"]["password"]} == {"********"}
    assert not (tmp_path / "data").exists()


def test_check_config_hides_the_password_of_an_address(variables: dict[str, str]) -> None:
    result = invoke(variables | {"DATABASE_URL": f"postgresql://u:{SECRET}@db/chatter"}, "check-config")
    assert result.exit_code == 0
    assert SECRET not in result.output


def test_what_check_config_prints_can_be_the_file(variables: dict[str, str], tmp_path: Path) -> None:
    first = invoke(variables | {"SERVER_ADDR": ":9000", "AUTH_SECRET": SECRET}, "check-config")
    (tmp_path / "again.yaml").write_text(first.stdout)
    again = invoke({"CONFIG_PATH": str(tmp_path / "again.yaml"), "AUTH_SECRET": SECRET}, "check-config")
    assert again.stdout == first.stdout


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"SERVER_ADDR": "8080"}, "SERVER_ADDR"),
        ({"SERVER_ADRR": ":8080"}, "did you mean SERVER_ADDR?"),
        ({"ENV": "production"}, "BASE_URL"),
        ({"CONFIG_PATH": "nowhere"}, "CONFIG_PATH"),
    ],
)
@pytest.mark.parametrize("path", [("check-config",), ("serve",), ("migrate", "up"), ("user", "delete", "x", "--yes")])
def test_settings_that_cannot_be_used(
    variables: dict[str, str], path: tuple[str, ...], given: dict[str, str], named: str
) -> None:
    assert named in line_of(invoke(variables | given, *path))


def test_the_exported_schema_is_the_one_the_web_client_was_generated_from(variables: dict[str, str]) -> None:
    result = invoke(variables, "export-schema")
    assert result.exit_code == 0
    kept = (ROOT / "web" / "src" / "protocol" / "schema.json").read_text("utf-8")
    assert json.loads(result.stdout) == json.loads(kept), "run: chatter export-schema > web/src/protocol/schema.json"
    assert result.stdout == kept


# --- migrate --------------------------------------------------------------------------------------------------------


@pytest.mark.seed("S1-16")
@pytest.mark.seed("S1-67")
@pytest.mark.seed("S1-68")
@pytest.mark.seed("S1-69")
def test_migrate_up_status_down(variables: dict[str, str]) -> None:
    def status() -> list[str]:
        result = invoke(variables, "migrate", "status")
        assert result.exit_code == 0, result.output
        return result.stdout.splitlines()

    assert status() == [f"pending  {name}" for name in MIGRATIONS]
    up = invoke(variables, "migrate", "up")
    assert up.exit_code == 0
    assert up.stdout.splitlines() == [*(f"applying {name}" for name in MIGRATIONS), f"applied {len(MIGRATIONS)}"]
    assert status() == [f"applied  {name}" for name in MIGRATIONS]
    assert invoke(variables, "migrate", "up").stdout == "nothing to apply\n"
    assert invoke(variables, "migrate", "down").stdout.splitlines() == [f"rolling back {MIGRATIONS[-1]}", "done"]
    assert status()[-1] == f"pending  {MIGRATIONS[-1]}"
    for _ in MIGRATIONS[1:]:
        invoke(variables, "migrate", "down")
    assert invoke(variables, "migrate", "down").stdout == "nothing to roll back\n"
    assert status() == [f"pending  {name}" for name in MIGRATIONS]


def test_migrate_new_says_what_it_made(
    variables: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.migrate.MIGRATIONS", tmp_path)
    made = invoke(variables, "migrate", "new", "create_badges")
    files = [tmp_path / "00001_create_badges.sql", tmp_path / "00001_create_badges.rollback.sql"]
    assert (made.exit_code, made.stdout.splitlines()) == (0, [f"made {path}" for path in files])
    assert "there is a migration of this name" in line_of(invoke(variables, "migrate", "new", "create_badges"))


def test_migrating_makes_no_secret(variables: dict[str, str], tmp_path: Path) -> None:
    assert invoke(variables, "migrate", "up").exit_code == 0
    assert not (tmp_path / "data" / "auth_secret").exists()


@pytest.mark.parametrize("command", ["up", "down", "status"])
@pytest.mark.parametrize("url", ["sqlite:///{folder}", "sqlite://", "postgresql://u:{secret}@127.0.0.1:{port}/x"])
def test_migrating_a_database_that_cannot_be_reached(
    variables: dict[str, str], tmp_path: Path, command: str, url: str
) -> None:
    url = url.format(folder=tmp_path, secret=SECRET, port=free_ports(1)[0])
    assert SECRET not in line_of(invoke(variables | {"DATABASE_URL": url}, "migrate", command))


# --- accounts -------------------------------------------------------------------------------------------------------

PASSWORD = "a long enough phrase"


def test_accounts(variables: dict[str, str]) -> None:
    invoke(variables, "migrate", "up")
    created = invoke(variables, "user", "create", "alice", "--email", "alice@example.org", "--password", PASSWORD)
    assert created.exit_code == 0, created.output
    assert created.stdout.startswith("created alice with id ")
    assert PASSWORD not in created.output
    assert "taken" in line_of(invoke(variables, "user", "create", "Alice", "--password", PASSWORD))
    changed = invoke(variables, "user", "passwd", "alice", stdin=f"{PASSWORD}er\n{PASSWORD}er\n")
    assert changed.exit_code == 0, changed.output
    assert changed.stdout.endswith("changed the password of alice\n")
    assert PASSWORD not in changed.output
    kept = invoke(variables, "user", "delete", "alice", stdin="n\n")
    assert kept.exit_code == 1
    gone = invoke(variables, "user", "delete", "alice", "--yes")
    assert (gone.exit_code, gone.stdout) == (0, "deleted alice\n")
    for arguments in (["delete", "alice", "--yes"], ["passwd", "alice", "--password", PASSWORD]):
        assert "no such user" in line_of(invoke(variables, "user", *arguments))


@pytest.mark.parametrize(
    "arguments",
    [
        ["create", "x", "--password", PASSWORD],
        ["create", "alice", "--password", "short"],
        ["create", "alice", "--password", PASSWORD, "--email", "nobody"],
    ],
)
def test_accounts_that_may_not_be(variables: dict[str, str], arguments: list[str]) -> None:
    invoke(variables, "migrate", "up")
    line_of(invoke(variables, "user", *arguments))


def test_accounts_need_a_schema(variables: dict[str, str]) -> None:
    line = line_of(invoke(variables, "user", "create", "alice", "--password", PASSWORD))
    assert line.endswith("run: chatter migrate up\n")


def test_accounts_need_a_database(variables: dict[str, str]) -> None:
    url = f"postgresql://u:{SECRET}@127.0.0.1:{free_ports(1)[0]}/x"
    line = line_of(invoke(variables | {"DATABASE_URL": url}, "user", "delete", "alice", "--yes"))
    assert SECRET not in line
    assert len(line) > len("chatter: \n")


# --- as processes ---------------------------------------------------------------------------------------------------


def failure(process: subprocess.CompletedProcess[str]) -> str:
    """Return the one line on standard error."""
    assert process.returncode == 2, process.stderr
    assert process.stderr.count("\n") == 1, process.stderr
    assert process.stderr.startswith("chatter: ")
    assert "Traceback" not in process.stdout
    return process.stderr


@pytest.mark.integration
@pytest.mark.parametrize("setting", ["SERVER_ADDR", "GATEWAY_ADDR"])
@pytest.mark.parametrize("host", ["127.0.0.1", ""])
def test_a_port_that_is_taken(tmp_path: Path, setting: str, host: str) -> None:
    with socket.create_server((host or "127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        addresses = dict(
            zip(("SERVER_ADDR", "GATEWAY_ADDR"), (f"127.0.0.1:{free}" for free in free_ports(2)), strict=True)
        )
        line = failure(run(tmp_path, "serve", **(addresses | {setting: f"{host}:{port}"})))
    assert line.startswith(f"chatter: cannot listen on {host}:{port} ({setting}): Address already in use")


@pytest.mark.integration
@pytest.mark.parametrize("setting", ["SERVER_ADDR", "GATEWAY_ADDR"])
def test_an_address_that_is_not_ours(tmp_path: Path, setting: str) -> None:
    addresses = dict.fromkeys(("SERVER_ADDR", "GATEWAY_ADDR"), "127.0.0.1:0") | {setting: "192.0.2.1:8080"}
    assert setting in failure(run(tmp_path, "serve", **addresses))


@pytest.mark.integration
def test_a_malformed_setting(tmp_path: Path) -> None:
    assert "AUTH_ACCESS_TTL" in failure(run(tmp_path, "serve", AUTH_ACCESS_TTL="soon"))


ANYWHERE = {"SERVER_ADDR": "127.0.0.1:0", "GATEWAY_ADDR": "127.0.0.1:0"}


@pytest.mark.integration
@pytest.mark.parametrize("env", ["development", "production"])
def test_postgresql_that_cannot_be_reached(tmp_path: Path, env: str) -> None:
    port = free_ports(1)[0]
    production = {"ENV": env, "BASE_URL": "https://call.example.org", "AUTH_SECRET": SECRET, "AUTH_BCRYPT_COST": "10"}
    url = f"postgresql://chatter:{SECRET}@127.0.0.1:{port}/chatter"
    line = failure(run(tmp_path, "serve", DATABASE_URL=url, **production, **ANYWHERE))
    assert f"127.0.0.1:{port}" in line
    assert "cannot be reached" in line
    assert SECRET not in line


@pytest.fixture
def postgres(postgres_factory: PostgresFactory) -> Iterator[URL]:
    url = postgres_factory.create()
    yield url
    postgres_factory.drop(url)


@pytest.mark.integration
def test_a_postgresql_database_that_does_not_exist(tmp_path: Path, postgres: URL) -> None:
    absent = postgres.set(database="nowhere").render_as_string(hide_password=False)
    for arguments in (["serve"], ["migrate", "status"], ["user", "delete", "x", "--yes"]):
        assert "nowhere" in failure(run(tmp_path, *arguments, DATABASE_URL=absent, **ANYWHERE))


@pytest.mark.integration
def test_production_does_not_change_a_postgresql_schema_by_itself(tmp_path: Path, postgres: URL) -> None:
    given = {"DATABASE_URL": postgres.render_as_string(hide_password=False)}
    assert run(tmp_path, "migrate", "down", **given).returncode == 0
    production = {"ENV": "production", "BASE_URL": "https://call.example.org", "AUTH_SECRET": SECRET}
    line = failure(run(tmp_path, "serve", **given, **production, **ANYWHERE, AUTH_BCRYPT_COST="10"))
    assert line == f"chatter: the database schema is behind by 1: {MIGRATIONS[-1]}; run: chatter migrate up\n"
    assert run(tmp_path, "migrate", "status", **given).stdout.splitlines()[-1] == f"pending  {MIGRATIONS[-1]}"


@pytest.mark.integration
def test_the_installed_command(tmp_path: Path) -> None:
    program = Path(os.environ.get("VIRTUAL_ENV", ROOT / ".venv")) / "bin" / "chatter"
    shown = subprocess.run([program, "--help"], capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert shown.returncode == 0
    assert "Self-hosted video calls" in shown.stdout
