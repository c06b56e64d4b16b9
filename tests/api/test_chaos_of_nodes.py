"""Three nodes as processes with a real NATS and PostgreSQL: nodes and bus are killed or stand still, no log suffers."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import time
import urllib.request
from collections.abc import Coroutine, Iterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from tests.api.process import Server, run
from tests.buses import BusServer, free_port, nats_server
from tests.contracts.roamers import Roamer, check_sessions
from tests.databases import PostgresFactory
from tests.signaling.chaos import chaos_seed

pytestmark = pytest.mark.integration
ORIGIN = "https://call.example.org"
ROOMS = ("stand-up", "retro")
RESUMES = 1000
LONGEST_S = 150


@pytest.fixture
def variables(postgres_factory: PostgresFactory, nats: BusServer) -> Iterator[dict[str, str]]:
    """What the nodes of a test have in common."""
    database = postgres_factory.create()
    yield variables_for(database, nats.url)
    postgres_factory.drop(database)


def variables_for(database: URL, bus: str) -> dict[str, str]:
    return {
        "DATABASE_URL": database.set(drivername="postgresql").render_as_string(hide_password=False),
        "BUS_URL": bus,
        "BASE_URL": ORIGIN,
        "AUTH_SECRET": "0123456789abcdef" * 3,
    }


class Fleet:
    """Nodes that end and begin; a new one has a name of its own."""

    def __init__(self, folder: Path, variables: dict[str, str]) -> None:
        self._folder = folder
        self._variables = variables
        self._started = 0
        self.nodes: list[Server] = []

    def start(self) -> Server:
        """Start a node and wait until it is ready."""
        self._started += 1
        name = f"node-{self._started}"
        folder = self._folder / name
        folder.mkdir()
        node = Server(folder, **self._variables, NODE_ID=name)
        try:
            node.wait_until_ready()
        except BaseException:
            node.close()
            raise
        self.nodes.append(node)
        return node

    def kill(self, node: Server) -> None:
        """End a node without a word."""
        self.nodes.remove(node)
        node.close()

    def urls(self) -> Sequence[str]:
        """Return where sockets are served now."""
        return [f"ws://127.0.0.1:{node.gateway_port}" for node in self.nodes]

    def close(self) -> None:
        """End all nodes, also those that stand still."""
        for node in list(self.nodes):
            self.kill(node)


def open_rooms(node: Server) -> None:
    """Make an account with the rooms of the test."""
    token = ask(node, "/auth/register", {"username": "olivia", "password": "a long enough phrase"})["token"]
    for room in ROOMS:
        ask(node, "/rooms", {"roomId": room, "maxMembers": 50}, str(token))


def ask(node: Server, path: str, body: dict[str, object], token: str = "") -> dict[str, object]:
    headers = {"Content-Type": "application/json", "X-Device-ID": "laptop", "Authorization": f"Bearer {token}"}
    request = urllib.request.Request(node.url + path, json.dumps(body).encode(), headers, method="POST")
    with urllib.request.urlopen(request, timeout=10) as answer:
        found: dict[str, object] = json.load(answer)
    return found


async def test_nothing_is_lost_or_doubled_whatever_dies(
    tmp_path: Path, variables: dict[str, str], nats: BusServer
) -> None:
    seed = chaos_seed()
    print(f"replay with CHAOS_SEED={seed}")
    fleet = Fleet(tmp_path, variables)
    try:
        for _ in range(3):
            await asyncio.to_thread(fleet.start)
        await asyncio.to_thread(open_rooms, fleet.nodes[0])
        people = [
            Roamer(f"{room}-{name}", room, fleet.urls, ORIGIN, seed + number)
            for number, (room, name) in enumerate((room, name) for room in ROOMS for name in ("Ann", "Ben", "Cleo"))
        ]
        async with asyncio.timeout(LONGEST_S):
            await live_through(people, wreck(random.Random(seed), fleet, nats))
            await come_together(people)
    finally:
        fleet.close()
    check_sessions(people)
    print(f"{resumes_of(people)} resumes, {sum(person.losses for person in people)} sessions lost")
    for room in ROOMS:
        assert len({person.call for person in people if room_of(person) == room}) == 1


def resumes_of(people: Sequence[Roamer]) -> int:
    return sum(person.resumes for person in people)


async def live_through(people: Sequence[Roamer], wrecking: Coroutine[object, object, None]) -> None:
    """Let all talk with broken connections, while things are wrecked, until there were enough resumes."""
    wrecker = asyncio.create_task(wrecking)

    def over() -> bool:
        return wrecker.done() and resumes_of(people) >= RESUMES

    async with asyncio.TaskGroup() as group:
        for person in people:
            group.create_task(person.live(cuts=True, talks=lambda: True, until=over))
    await wrecker


async def wreck(chance: random.Random, fleet: Fleet, nats: BusServer) -> None:
    """Kill two nodes and the bus, let a node and the bus stand still, in any order, with time to recover between."""
    deeds = [kill_node, kill_node, kill_bus, freeze_bus, freeze_node]
    chance.shuffle(deeds)
    for deed in deeds:
        await asyncio.sleep(1 + chance.random())
        print(deed.__name__)
        await deed(chance, fleet, nats)


async def kill_node(chance: random.Random, fleet: Fleet, _: BusServer) -> None:
    fleet.kill(chance.choice(fleet.nodes))
    await asyncio.to_thread(fleet.start)


async def freeze_node(chance: random.Random, fleet: Fleet, _: BusServer) -> None:
    node = chance.choice(fleet.nodes)
    node.process.send_signal(signal.SIGSTOP)
    await asyncio.sleep(chance.choice((2, 4, 12)))
    node.process.send_signal(signal.SIGCONT)


async def kill_bus(chance: random.Random, _: Fleet, nats: BusServer) -> None:
    nats.kill()
    await asyncio.sleep(2 * chance.random())
    await asyncio.to_thread(nats.start)


async def freeze_bus(chance: random.Random, _: Fleet, nats: BusServer) -> None:
    nats.freeze()
    await asyncio.sleep(5 * chance.random())
    nats.thaw()


async def come_together(people: Sequence[Roamer]) -> None:
    """Let all stay until everyone has heard news of everyone else in the room; then let nothing be on its way."""
    before = {person.speaker.name: person.speaker.said for person in people}

    def mingled() -> bool:
        return all(hears_all(person, people, before) for person in people)

    def settled() -> bool:
        return mingled() and all(person.speaker.owes_nothing and agrees(person, people) for person in people)

    async with asyncio.TaskGroup() as group:
        for person in people:
            group.create_task(person.live(cuts=False, talks=lambda: not mingled(), until=settled))


def room_of(person: Roamer) -> str:
    return person.speaker.name.rpartition("-")[0]


def hears_all(person: Roamer, people: Sequence[Roamer], before: dict[str, int]) -> bool:
    words = (text.rpartition(" ") for text in person.speaker.heard[-100:])
    heard = {name for name, _, number in words if int(number) > before.get(name, 0)}
    return all(other.speaker.name in heard for other in people if room_of(other) == room_of(person))


def agrees(person: Roamer, people: Sequence[Roamer]) -> bool:
    """Tell whether someone heard the same last words as the others in the room."""
    heard = person.speaker.heard[-1:]
    return all(other.speaker.heard[-1:] == heard for other in people if room_of(other) == room_of(person))


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
