"""Scrapers that do not read, or ask too often, harm nobody."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.api.process import Server, serving, status_of

pytestmark = pytest.mark.integration

REQUEST = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nAccept: application/openmetrics-text; version=1.0.0\r\n\r\n"
BURST = 120
"""What one address may ask for at once, metrics or else."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path, LIMITS_SCALE="1") as running:
        yield running


def scraper(port: int) -> socket.socket:
    """Ask for metrics on a connection with a small window; read nothing."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.settimeout(60)
    client.connect(("127.0.0.1", port))
    client.sendall(REQUEST)
    return client


def test_scrapers_that_read_nothing_hold_up_neither_others_nor_the_stop(server: Server) -> None:
    with ExitStack() as stack:
        scrapers = [stack.enter_context(scraper(server.http_port)) for _ in range(2 * BURST)]
        assert status_of(f"{server.url}/health") == 200
        heads = [client.recv(12) for client in scrapers]
        assert set(heads) == {b"HTTP/1.1 200", b"HTTP/1.1 429"}
        assert heads.count(b"HTTP/1.1 200") < 2 * BURST, "more of them are turned away, whatever they hold open"
        assert status_of(f"{server.url}/health") == 200
        assert server.stop() == 0
