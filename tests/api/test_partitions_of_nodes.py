"""Three nodes in networks of their own: lines to bus and database are cut while things die, no log suffers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from sqlalchemy.engine import URL

from tests.api.chaos import Deed, World, freeze_node, kill_bus, kill_node, survive
from tests.api.fleet import Fleet, variables_for
from tests.api.islands import Islands, islands
from tests.api.process import Server
from tests.buses import BusServer, nats_server
from tests.databases import PostgresFactory
from tests.forwarder import forwarding

__all__ = ["islands"]
pytestmark = pytest.mark.integration
TOO_LONG_S = 13
"""A node that shows itself neither on the bus nor in the database for so long loses its rooms."""


@pytest.fixture
def database(postgres_factory: PostgresFactory) -> Iterator[URL]:
    """An empty, migrated database."""
    url = postgres_factory.create()
    yield url
    postgres_factory.drop(url)


@pytest.fixture
def bus(islands: Islands) -> Iterator[BusServer]:
    """A NATS server on an island."""
    server = nats_server(islands.add("bus"), islands.inside("bus"))
    server.start()
    yield server
    server.kill()


async def test_nothing_is_lost_or_doubled_whoever_is_cut_off(
    tmp_path: Path, islands: Islands, bus: BusServer, database: URL
) -> None:
    async with forwarding(endpoint_of(database), islands.shared_address) as line:
        host, port = line.address
        fleet = Fleet(tmp_path, variables_for(database.set(host=host, port=port), bus.url), islands)
        deeds = [*cuts(islands, bus.host, host), kill_node, kill_bus, freeze_node]
        try:
            await survive(fleet, bus, deeds, resumes=1000)
        finally:
            fleet.close()


def endpoint_of(database: URL) -> tuple[str, int]:
    assert database.host is not None
    return database.host, database.port or 5432


def cuts(islands: Islands, bus: str, database: str) -> list[Deed]:
    """Return the deeds that cut a node off from the bus, from the database, and from both."""

    async def cut(world: World, name: str, *lines: tuple[str, str], at_least_s: float = 0) -> None:
        await asyncio.to_thread(islands.cut, name, *(address for _, address in lines))
        await asyncio.sleep(at_least_s)
        for check, _ in lines:
            await complains(world.fleet.nodes[name], check)
        await asyncio.to_thread(islands.heal, name)

    async def cut_from_bus(world: World) -> None:
        await cut(world, world.chance.choice(list(world.fleet.nodes)), ("bus", bus))

    async def cut_from_database(world: World) -> None:
        await cut(world, world.chance.choice(list(world.fleet.nodes)), ("database", database))

    async def cut_from_both(world: World) -> None:
        lines = ("bus", bus), ("database", database)
        await cut(world, await name_of_an_owner(world.fleet), *lines, at_least_s=TOO_LONG_S)

    return [cut_from_bus, cut_from_database, cut_from_both]


async def name_of_an_owner(fleet: Fleet) -> str:
    """Return a node where a room lives, as soon as there is one."""
    async with httpx2.AsyncClient(trust_env=False) as client:
        while True:
            for name, node in fleet.nodes.items():
                lines = (await client.get(f"{node.url}/metrics")).text.splitlines()
                if any(line.startswith("chatter_rooms ") and line != "chatter_rooms 0.0" for line in lines):
                    return name
            await asyncio.sleep(0.1)


async def complains(node: Server, check: str) -> None:
    """Wait until a node says that something is wrong with one of its checks."""
    async with httpx2.AsyncClient(base_url=node.url, trust_env=False) as client:
        while (await client.get("/readyz")).json()["checks"][check]["ok"]:  # noqa: ASYNC110  # another process
            await asyncio.sleep(0.1)
