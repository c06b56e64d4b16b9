"""coturn as it is shipped takes credentials made with any secret of its file, so that one can take another's place."""

from __future__ import annotations

import os
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from signaling.turn.causes import TurnFailure
from signaling.turn.client import allocation
from signaling.turn.credentials import credential
from signaling.turn.urls import parse_turn_url
from tests.api.process import free_ports
from tests.infra.proxy import answers, wait_until

pytestmark = pytest.mark.integration

_INFRA = Path(__file__).resolve().parents[2] / "infra"
_NEW, _BEFORE, _NEITHER = "new-secret-" * 4, "secret-of-before-" * 4, "another-secret-" * 4
_TLS = ssl.create_default_context()


@pytest.fixture
def url(turnserver: str, tmp_path: Path) -> Iterator[str]:
    """The address of a coturn, by its start script, whose file holds two secrets."""
    (tmp_path / "secret").write_text(f"{_NEW}\n{_BEFORE}\n")
    [port] = free_ports(1)
    places = [f"--listening-port={port}", f"--pidfile={tmp_path / 'pid'}", f"--userdb={tmp_path / 'db'}"]
    environment = {
        "PATH": os.environ["PATH"],
        "TURN_CONFIG": str(_INFRA / "coturn" / "turnserver.conf"),
        "TURN_COMPLETE": str(tmp_path / "complete.conf"),
        "TURN_SECRET_FILE": str(tmp_path / "secret"),
        "TURN_REALM": "call.example.org",
        "TURN_TLS": "off",
    }
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [_INFRA / "docker" / "coturn-start", "--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1", *places],
            env=environment,
            cwd=tmp_path,
            stdout=log,
            stderr=log,
        )
    try:
        wait_until(lambda: process.poll() is not None or answers(port))
        assert process.poll() is None, (tmp_path / "log").read_text()
        yield f"turn:127.0.0.1:{port}?transport=tcp"
    finally:
        process.terminate()
        process.wait(10)


@pytest.mark.parametrize("secret", [_NEW, _BEFORE])
async def test_each_secret_opens_a_relay(url: str, secret: str) -> None:
    given = credential(secret, "someone", int(time.time()) + 60)
    async with allocation(parse_turn_url(url), given, _TLS, within=10) as relay:
        assert relay.address[0] == "127.0.0.1"


async def test_no_other_secret_does(url: str) -> None:
    given = credential(_NEITHER, "someone", int(time.time()) + 60)
    with pytest.raises(TurnFailure, match="bad_secret"):
        async with allocation(parse_turn_url(url), given, _TLS, within=10):
            pass
