"""coturn as it is shipped takes credentials made with any secret of its file, so that one can take another's place."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from signaling.turn.causes import TurnFailure
from signaling.turn.client import allocation
from signaling.turn.credentials import credential
from signaling.turn.urls import parse_turn_url
from tests.api.process import free_ports
from tests.infra.shipped_coturn import shipped_coturn

pytestmark = pytest.mark.integration

_NEW, _BEFORE, _NEITHER = "new-secret-" * 4, "secret-of-before-" * 4, "another-secret-" * 4
_TLS = ssl.create_default_context()


@pytest.fixture
def url(turnserver: str, tmp_path: Path) -> Iterator[str]:
    """The address of a coturn, by its start script, whose file holds two secrets."""
    [port] = free_ports(1)
    with shipped_coturn(tmp_path, f"{_NEW}\n{_BEFORE}\n", port, f"--listening-port={port}", TURN_TLS="off"):
        yield f"turn:127.0.0.1:{port}?transport=tcp"


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
