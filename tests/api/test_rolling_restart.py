"""Three nodes as processes are replaced one after the other while people talk: no session is lost, and no frame."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin

from tests.api.chaos import LONGEST_S, ROOMS, come_together, move_in
from tests.api.fleet import ORIGIN, STOP_S, Fleet, open_rooms, variables_for
from tests.api.process import Server
from tests.buses import BusServer
from tests.contracts.roamers import Roamer, check_sessions
from tests.databases import PostgresFactory
from tests.infra.proxy import answers, wait_until
from tests.signaling.chaos import chaos_seed

pytestmark = [pytest.mark.integration, pytest.mark.seed("S1-13")]


@pytest.fixture
def fleet(tmp_path: Path, postgres_factory: PostgresFactory, nats: BusServer) -> Iterator[Fleet]:
    """Nodes of the test's own."""
    database = postgres_factory.create()
    fleet = Fleet(tmp_path, variables_for(database, nats.url))
    yield fleet
    fleet.close()
    postgres_factory.drop(database)


def events(fleet: Fleet, event: str) -> list[dict[str, object]]:
    """Return what all nodes have logged of one kind."""
    lines = (json.loads(line) for line in fleet.log().splitlines() if line.startswith("{"))
    return [line for line in lines if line.get("event") == event]


async def replace_all(fleet: Fleet, people: Sequence[Roamer]) -> None:
    """Replace one node after the other, each time after everyone has said something more."""
    for name in list(fleet.nodes):
        said = {person.speaker.name: person.speaker.said for person in people}
        while any(person.speaker.said < said[person.speaker.name] + 20 for person in people):  # noqa: ASYNC110  # what is waited for has no event
            await asyncio.sleep(0.05)
        assert await asyncio.to_thread(fleet.stop, name) == 0
        await asyncio.to_thread(fleet.start)


async def test_nobody_loses_a_frame_or_a_session(fleet: Fleet) -> None:
    seed = chaos_seed()
    print(f"replay with CHAOS_SEED={seed}")
    people = await move_in(fleet, seed)
    async with asyncio.timeout(LONGEST_S):
        replacing = asyncio.create_task(replace_all(fleet, people))
        async with asyncio.TaskGroup() as group:
            for person in people:
                group.create_task(person.live(cuts=False, talks=lambda: True, until=replacing.done))
        await replacing
        await come_together(people)
    check_sessions(people)
    assert [person.losses for person in people] == [0] * len(people)
    assert all(person.resumes for person in people)
    assert len(events(fleet, "call_started")) == len(ROOMS), "each call is one, however often it moved"
    assert events(fleet, "room_moved") != []


# --- signals ----------------------------------------------------------------------------------------------------------


def starting(fleet: Fleet, folder: Path, name: str) -> Server:
    """Launch a node, and wait until it heeds signals: it does before it listens."""
    folder.mkdir()
    node = Server(folder, **fleet.variables, NODE_ID=name)
    wait_until(lambda: answers(node.http_port))
    return node


async def member(node: Server, room: str) -> ClientConnection:
    """Come into a room."""
    connection = await connect(f"{node.socket_url}/ws/{room}?v=2", origin=Origin(ORIGIN), proxy=None)
    await connection.send('{"type":"hello"}')
    async with asyncio.timeout(STOP_S):
        assert json.loads(await connection.recv())["type"] == "welcome"
    return connection


async def test_a_second_signal_ends_a_drain_at_once(tmp_path: Path, fleet: Fleet) -> None:
    fleet.variables["DRAIN_TIMEOUT"] = "5m"
    leaving, _ = [await asyncio.to_thread(fleet.start) for _ in range(2)]
    await asyncio.to_thread(open_rooms, leaving, ROOMS)
    people = [await member(leaving, room) for room in ROOMS]
    leaving.process.send_signal(signal.SIGTERM)
    await asyncio.to_thread(wait_until, lambda: events(fleet, "room_moved"))
    assert await asyncio.to_thread(leaving.stop) == 0
    for person in people:
        await person.wait_closed()
        assert person.close_code == 1012
    assert len(events(fleet, "room_moved")) == 1
    assert len(events(fleet, "call_ended")) == 1, "the other room ended in good order"


@pytest.mark.parametrize("waits_for", ["its name", "the bus"])
def test_a_signal_during_the_start_ends_it_with_one_line(
    tmp_path: Path, fleet: Fleet, nats: BusServer, waits_for: str
) -> None:
    fleet.start()
    fleet.kill("node-1")
    if waits_for == "the bus":
        nats.freeze()
    node = starting(fleet, tmp_path / "again", "node-1")
    try:
        assert node.stop() == 0
        (line,) = node.log.read_text("utf-8").splitlines()
        assert json.loads(line)["event"] == "start_stopped"
        assert node.said == []
    finally:
        node.close()
        nats.thaw()
