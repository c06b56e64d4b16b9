"""Three nodes as processes with a real NATS and PostgreSQL: nodes and bus are killed or stand still, no log suffers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.chaos import drain_node, freeze_bus, kill_bus, kill_node, survive
from tests.api.fleet import Fleet, variables_for
from tests.api.process import run
from tests.buses import BusServer, free_port, nats_server
from tests.databases import PostgresFactory

pytestmark = pytest.mark.integration


@pytest.fixture
def variables(postgres_factory: PostgresFactory, nats: BusServer) -> Iterator[dict[str, str]]:
    """What the nodes of a test have in common."""
    database = postgres_factory.create()
    yield variables_for(database, nats.url)
    postgres_factory.drop(database)


async def test_nothing_is_lost_or_doubled_whatever_dies(
    tmp_path: Path, variables: dict[str, str], nats: BusServer
) -> None:
    fleet = Fleet(tmp_path, variables)
    try:
        await survive(fleet, nats, [kill_node, drain_node, kill_bus, drain_node, freeze_bus], resumes=500)
    finally:
        fleet.close()


# --- what an operator sees at the start -------------------------------------------------------------------------------


def start_of(folder: Path, **variables: str) -> tuple[int, list[str]]:
    ended = run(folder, "serve", SERVER_ADDR="127.0.0.1:0", GATEWAY_ADDR="127.0.0.1:0", **variables)
    return ended.returncode, ended.stderr.strip().splitlines()


def test_a_bus_that_is_not_there_is_one_line(tmp_path: Path, variables: dict[str, str]) -> None:
    url = f"nats://chatter:hush-hush@127.0.0.1:{free_port()}"
    code, lines = start_of(tmp_path, **variables | {"BUS_URL": url})
    assert code != 0
    assert len(lines) == 1
    assert "cannot reach the bus at nats://127.0.0.1:" in lines[0]
    assert "hush" not in lines[0]


def test_credentials_that_the_bus_refuses_are_one_line(tmp_path: Path, variables: dict[str, str]) -> None:
    server = nats_server()
    server.require("the-password")
    server.start()
    wrong = server.url.replace("//", "//chatter:hush-hush@")
    try:
        code, lines = start_of(tmp_path, **variables | {"BUS_URL": wrong})
    finally:
        server.kill()
    assert code != 0
    assert len(lines) == 1
    assert "cannot reach the bus" in lines[0]
    assert "uthorization" in lines[0]
    assert "hush" not in lines[0]


def test_two_nodes_of_one_name_are_one_line(tmp_path: Path, variables: dict[str, str]) -> None:
    fleet = Fleet(tmp_path, variables)
    try:
        fleet.start()
        code, lines = start_of(tmp_path, **variables | {"NODE_ID": "node-1"})
    finally:
        fleet.close()
    assert code != 0
    assert len(lines) == 1
    assert "another node named node-1 is running; give each its own NODE_ID" in lines[0]


@pytest.mark.parametrize("how", ["killed", "frozen"])
def test_a_node_stops_in_good_order_without_its_bus(
    tmp_path: Path, variables: dict[str, str], nats: BusServer, how: str
) -> None:
    fleet = Fleet(tmp_path, variables)
    try:
        node = fleet.start()
        if how == "killed":
            nats.kill()
            while '"bus_lost"' not in node.log.read_text():
                time.sleep(0.05)
        else:
            nats.freeze()
        assert node.stop() == 0
    finally:
        fleet.close()


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"BUS_URL": "amqp://127.0.0.1"}, "BUS_URL"),
        ({"NODE_ID": "a.b"}, "NODE_ID"),
        ({"DATABASE_URL": ""}, "BUS_URL: nodes that share their rooms need a database in common"),
    ],
)
def test_settings_that_cannot_be_are_named(
    tmp_path: Path, variables: dict[str, str], wrong: dict[str, str], says: str
) -> None:
    code, lines = start_of(tmp_path, **variables | wrong)
    assert code != 0
    assert says in lines[-1]
