"""The scripts of operations: clean, and careful with what is there."""

from __future__ import annotations

import os
import re
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.api.process import free_ports
from tests.infra.proxy import answers, wait_until

ROOT = Path(__file__).resolve().parents[2]
SHELL = (
    "init-letsencrypt.sh",
    "scripts/secrets",
    "scripts/deploy",
    "infra/tls/certificate",
    "infra/tls/serve-with-certificate",
    "infra/backup/postgres",
    "infra/postgres/10-roles.sh",
    "infra/docker/coturn-start",
    "infra/nats/nats-start",
)


@pytest.mark.parametrize("script", SHELL)
def test_it_parses_and_can_be_run(script: str) -> None:
    path = ROOT / script
    shell = "bash" if "bash" in path.read_text("utf-8").splitlines()[0] else "sh"
    subprocess.run([shell, "-n", path], check=True, timeout=30)
    assert path.stat().st_mode & 0o111


# --- secrets --------------------------------------------------------------------------------------------------------


def _secrets(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "SECRETS_DIR": str(folder)}
    command = [str(ROOT / "scripts" / "secrets"), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_secrets_are_made_once_and_kept(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    done = _secrets(folder)
    assert done.returncode == 0, done.stderr
    made = {path.name: path.read_text() for path in folder.iterdir() if not path.name.startswith(".")}
    assert done.stdout.splitlines() == [f"made {folder}/{name}" for name in _names()]
    assert made.keys() == set(_names())
    assert len(set(made.values())) == len(made)
    assert made.pop("bus_url") == f"nats://chatter:{made['nats_password'].strip()}@nats:4222\n"
    assert all(re.fullmatch(r"[0-9a-f]{64}\n", text) for text in made.values())
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE((folder / name).stat().st_mode) for name in made} == {0o444}
    assert (folder / ".gitignore").read_text() == "*\n"
    (folder / "turn_secret").unlink()
    assert _secrets(folder).stdout.splitlines() == [f"made {folder}/turn_secret"]
    assert {name: (folder / name).read_text() for name in made if name != "turn_secret"} == {
        name: text for name, text in made.items() if name != "turn_secret"
    }


def test_missing_secrets_are_named_in_one_line(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    _secrets(folder)
    assert _secrets(folder, "--check").returncode == 0
    (folder / "auth_secret").unlink()
    (folder / "auth_pepper").unlink()
    done = _secrets(folder, "--check")
    complaint = f"secrets: missing in {folder}: auth_secret auth_pepper; make them with: scripts/secrets\n"
    assert (done.returncode, done.stderr) == (1, complaint)
    assert not (folder / "auth_secret").exists()


def test_an_empty_secret_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    folder.mkdir()
    (folder / "auth_secret").touch()
    done = _secrets(folder)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)


def _names() -> list[str]:
    found = re.search(r"^NAMES=\((.*)\)$", (ROOT / "scripts" / "secrets").read_text("utf-8"), re.MULTILINE)
    assert found is not None
    return found[1].split()


# --- coturn ---------------------------------------------------------------------------------------------------------


def _coturn_environment(folder: Path, **variables: str) -> dict[str, str]:
    (folder / "secret").write_text("0123456789abcdef" * 4 + "\n")
    return {
        "PATH": f"{folder}:{os.environ['PATH']}",
        "TURN_CONFIG": str(ROOT / "infra" / "coturn" / "turnserver.conf"),
        "TURN_COMPLETE": str(folder / "complete.conf"),
        "TURN_SECRET_FILE": str(folder / "secret"),
        "TURN_REALM": "call.example.org",
        "SERVE": str(ROOT / "infra" / "tls" / "serve-with-certificate"),
        "TLS_DIR": str(folder / "tls"),
        **variables,
    }


@pytest.mark.parametrize("end", ["\n", ""])
def test_coturns_settings_are_completed(end: str, tmp_path: Path) -> None:
    fake = tmp_path / "turnserver"
    fake.write_text("#!/bin/sh\nexit 0\n")
    fake.chmod(0o755)
    current = tmp_path / "tls" / "current"
    current.mkdir(parents=True)
    (current / "fullchain.pem").write_text("certificate")
    environment = _coturn_environment(tmp_path, EXTERNAL_IP="203.0.113.7", PRIVATE_IP="10.0.0.5")
    secrets = [digit * 64 for digit in "01"]
    (tmp_path / "secret").write_text("\n".join(secrets) + end)
    subprocess.run([ROOT / "infra" / "docker" / "coturn-start"], env=environment, check=True, timeout=30)
    complete = tmp_path / "complete.conf"
    lines = [line for line in complete.read_text().splitlines() if line and not line.startswith("#")]
    assert not any("<" in line for line in lines)
    assert stat.S_IMODE(complete.stat().st_mode) == 0o600
    assert [line for line in lines if "secret=" in line] == [f"static-auth-secret={secret}" for secret in secrets]
    assert {"realm=call.example.org", "external-ip=203.0.113.7/10.0.0.5", "allowed-peer-ip=10.0.0.5"} <= set(lines)
    assert "relay-ip=10.0.0.5" in lines
    assert {f"cert={current}/fullchain.pem", f"pkey={current}/privkey.pem"} <= set(lines)
    assert sum(line.startswith(("cert=", "pkey=", "realm=")) for line in lines) == 3


@pytest.mark.parametrize("secret", ["", "\n", "short", "0123456789abcdef" * 4 + "\nshort\n"])
def test_coturn_without_a_proper_secret_is_one_line(secret: str, tmp_path: Path) -> None:
    environment = _coturn_environment(tmp_path)
    (tmp_path / "secret").write_text(secret)
    command = [ROOT / "infra" / "docker" / "coturn-start"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert line.startswith("TURN_SECRET_FILE: ")


@pytest.mark.integration
def test_the_real_coturn_takes_the_settings(turnserver: str, tmp_path: Path) -> None:
    [port] = free_ports(1)
    pid, database, log = tmp_path / "pid", tmp_path / "db", tmp_path / "log"
    arguments = [f"--listening-port={port}", "--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1"]
    arguments += [f"--pidfile={pid}", f"--userdb={database}"]
    with log.open("wb") as written:
        process = subprocess.Popen(
            [ROOT / "infra" / "docker" / "coturn-start", *arguments],
            env=_coturn_environment(tmp_path, TURN_TLS="off"),
            cwd=tmp_path,
            stdout=written,
            stderr=written,
        )
    try:
        wait_until(lambda: process.poll() is not None or answers(port))
        assert process.poll() is None, log.read_text()
        assert "0123456789abcdef" not in log.read_text()
        assert "Bad configuration" not in log.read_text()
        command = Path(f"/proc/{process.pid}/cmdline").read_text()
        assert "0123456789abcdef" not in command
    finally:
        process.terminate()
        process.wait(10)


# --- tasks and the page for operators -------------------------------------------------------------------------------


def _tasks() -> dict[str, dict[str, Any]]:
    tasks: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "Taskfile.yml").read_text("utf-8"))["tasks"]
    return tasks


def _plain(command: str | dict[str, str]) -> str:
    """Return a command of a task as one would type it, without further arguments."""
    return f"task {command['task']}" if isinstance(command, dict) else re.sub(r"\s*{{\.CLI_ARGS}}", "", command)


def test_every_task_is_described_and_stands_in_the_docs_with_its_plain_commands() -> None:
    tasks = _tasks()
    page = (ROOT / "docs" / "operations.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| `task ([\w:]+)` \| (.+) \|$", page, re.MULTILINE))
    assert rows.keys() == tasks.keys() - {"default"}
    for name, row in rows.items():
        assert tasks[name]["desc"], name
        assert [command for command in map(_plain, tasks[name]["cmds"]) if f"`{command}`" not in row] == [], name
    wanted = {"dev:up", "dev:down", "dev:logs", "dev:reset", "migrate:up", "migrate:down", "migrate:status"}
    wanted |= {"migrate:new", "doctor"}
    assert tasks.keys() >= wanted | {"secrets", "build", "deploy", "backup", "restore"}


def test_every_file_a_task_runs_exists() -> None:
    tasks = _tasks()
    for task in tasks.values():
        for command in task["cmds"]:
            if isinstance(command, dict):
                assert command["task"] in tasks
                continue
            for named in re.findall(r"(?:^|\s)((?:scripts|infra)/[\w./-]+|docker-compose[\w.]*yaml)", command):
                assert (ROOT / named).exists(), named
