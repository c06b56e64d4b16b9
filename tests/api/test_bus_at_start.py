"""`chatter serve` among other nodes: what is wrong with the bus or the name is said in one line, and nothing starts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from api.console import EXIT_USAGE
from tests.api.process import free_ports, run, serving
from tests.buses import BusServer, free_port, nats_server
from tests.databases import PostgresFactory

pytestmark = pytest.mark.integration


@pytest.fixture
def common(postgres_factory: PostgresFactory) -> Iterator[dict[str, str]]:
    """What the nodes of a deployment have in common, but the bus."""
    url = postgres_factory.create()
    yield {"DATABASE_URL": url.render_as_string(hide_password=False), "AUTH_SECRET": "0123456789abcdef" * 3}
    postgres_factory.drop(url)


def refusal(folder: Path, **variables: str) -> str:
    """Return the one line with which a server refuses to start."""
    folder.mkdir(exist_ok=True)
    http, gateway = free_ports(2)
    addresses = {"SERVER_ADDR": f"127.0.0.1:{http}", "GATEWAY_ADDR": f"127.0.0.1:{gateway}"}
    ended = run(folder, "serve", **(addresses | variables))
    assert ended.returncode == EXIT_USAGE, ended.stderr
    (line,) = ended.stderr.splitlines()
    return line


@pytest.mark.parametrize("scheme", ["nats", "redis"])
def test_nobody_is_at_the_address_of_the_bus(tmp_path: Path, common: dict[str, str], scheme: str) -> None:
    port = free_port()
    line = refusal(tmp_path, BUS_URL=f"{scheme}://chatter:hush-hush@127.0.0.1:{port}", **common)
    assert f"cannot reach the bus at {scheme}://127.0.0.1:{port}: " in line
    assert "hush" not in line


def test_the_bus_rejects_the_credentials(tmp_path: Path, common: dict[str, str]) -> None:
    server = nats_server()
    server.require("the-password")
    server.start()
    try:
        line = refusal(tmp_path, BUS_URL=server.url.replace("//", "//chatter:hush-hush@"), **common)
    finally:
        server.kill()
    assert "cannot reach the bus at " in line
    assert "Authorization" in line
    assert "hush" not in line


def test_a_second_node_of_one_name_does_not_start(tmp_path: Path, common: dict[str, str], nats: BusServer) -> None:
    variables = common | {"BUS_URL": nats.url, "NODE_ID": "one"}
    (tmp_path / "first").mkdir()
    with serving(tmp_path / "first", **variables) as first:
        line = refusal(tmp_path / "second", **variables)
        assert "another node named one is running; give each its own NODE_ID" in line
        assert first.stop() == 0
