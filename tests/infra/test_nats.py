"""The bus as it is shipped: only who knows its password is let in, and what nodes send fits."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from signaling.bus.ports import MAX_MESSAGE_BYTES
from tests.api.process import free_ports
from tests.infra.conftest import program
from tests.infra.proxy import answers, wait_until

_FOLDER = Path(__file__).resolve().parents[2] / "infra" / "nats"
_PASSWORD = "0123456789abcdef" * 4


def _environment(folder: Path, password: str) -> dict[str, str]:
    (folder / "password").write_text(f"{password}\n")
    return {
        "PATH": os.environ["PATH"],
        "NATS_CONFIG": str(_FOLDER / "nats.conf"),
        "NATS_COMPLETE": str(folder / "nats.conf"),
        "NATS_PASSWORD_FILE": str(folder / "password"),
    }


@pytest.mark.parametrize("password", ["", 'x"; no_auth_user: y', "0123\nno_auth_user: y"])
def test_without_a_proper_password_it_ends_in_one_line(tmp_path: Path, password: str) -> None:
    done = subprocess.run(
        [_FOLDER / "nats-start"],
        env=_environment(tmp_path, password),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "NATS_PASSWORD_FILE holds no password of scripts/secrets\n"


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """Where the shipped bus listens; a command line shows no password."""
    program("nats-server", "nats-server")
    listening, health = free_ports(2)
    options = ["--addr", "127.0.0.1", "--port", str(listening), "--http_port", str(health)]
    process = subprocess.Popen(
        [_FOLDER / "nats-start", *options, "--pid", str(tmp_path / "pid")],
        env=_environment(tmp_path, _PASSWORD),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: process.poll() is not None or (answers(listening) and answers(health)))
        assert _PASSWORD not in Path(f"/proc/{process.pid}/cmdline").read_text()
        yield listening
    finally:
        process.terminate()
        process.wait(10)


def _knock(port: int, **credentials: str) -> tuple[dict[str, object], str]:
    """Return what the server tells of itself, and its answer to someone who comes in and asks for a sign of life."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as opened, opened.makefile("rwb") as lines:
        told = json.loads(lines.readline().removeprefix(b"INFO "))
        lines.write(b"CONNECT %s\r\nPING\r\n" % json.dumps({"verbose": False, **credentials}).encode())
        lines.flush()
        return told, lines.readline().decode().strip()


@pytest.mark.integration
def test_who_knows_the_password_is_let_in(port: int) -> None:
    told, answer = _knock(port, user="chatter", **{"pass": _PASSWORD})
    assert answer == "PONG"
    assert told["max_payload"] == 1024**2 >= MAX_MESSAGE_BYTES


@pytest.mark.integration
@pytest.mark.parametrize("credentials", [{}, {"user": "chatter", "pass": "guessed"}])
def test_nobody_else_is(port: int, credentials: dict[str, str]) -> None:
    assert _knock(port, **credentials)[1] == "-ERR 'Authorization Violation'"
