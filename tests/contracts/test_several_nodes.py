"""Three nodes of one deployment over a real NATS and PostgreSQL: to its members a room is in one place."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest
import pytest_asyncio
from sqlalchemy.engine import URL

from auth.service import SignedIn
from signaling.bus.backlog import MAX_BYTES
from signaling.cluster.settings import ClusterSettings
from signaling.ports import Account
from signaling.store import RoomChange
from tests.buses import BusServer
from tests.contracts.roamers import Roamer, check_sessions
from tests.contracts.site import ORIGIN, Door, Site, Visitor, running_site, site_settings, until
from tests.databases import PostgresFactory
from tests.signaling.chaos import chaos_seed

pytestmark = pytest.mark.integration
ROOM = "standup"
RESTART = (1012, "restart")


@pytest.fixture
def postgres(postgres_factory: PostgresFactory) -> Any:
    """An empty, migrated PostgreSQL database."""
    url = postgres_factory.create()
    yield url
    postgres_factory.drop(url)


@asynccontextmanager
async def running_node(folder: Path, database: URL, nats: BusServer, name: str) -> AsyncIterator[Door]:
    """Run one node."""
    settings = site_settings(folder, database, close_timeout=timedelta(milliseconds=300), limits_scale=1000.0)
    settings = msgspec.structs.replace(settings, cluster=ClusterSettings(bus_url=nats.url, node=name))
    async with running_site(settings, alone=False) as site:
        yield Door(site, "gateway")


class Three:
    """The nodes a, b and c, and the ways into each."""

    def __init__(self, doors: list[Door], stacks: list[AsyncExitStack]) -> None:
        self.a, self.b, self.c = self.doors = doors
        self._stacks = stacks

    async def stop(self, door: Door) -> None:
        """End a node in good order."""
        await self._stacks[self.doors.index(door)].aclose()

    def owner(self) -> Site:
        """Return the node where the room lives."""
        (owner,) = (door.site for door in self.doors if door.site.hub.members(ROOM))
        return owner


@pytest_asyncio.fixture
async def three(tmp_path: Path, postgres: URL, nats: BusServer) -> AsyncIterator[Three]:
    """Three nodes that know of each other."""
    async with AsyncExitStack() as whole:
        stacks = [await whole.enter_async_context(AsyncExitStack()) for _ in range(3)]
        doors = [
            await stack.enter_async_context(running_node(tmp_path, postgres, nats, name))
            for stack, name in zip(stacks, "abc", strict=True)
        ]
        await until(lambda: all(door.site.metric("chatter_bus_nodes") == 2 for door in doors))
        yield Three(doors, stacks)
        for door in doors:
            await door.close()


@pytest_asyncio.fixture
async def owner(three: Three) -> SignedIn:
    """Someone with a room that admits guests."""
    person = await three.a.site.sign_up("olivia")
    await three.a.site.open_room(ROOM, person)
    return person


async def hello(door: Door, *present: Visitor, person: SignedIn | None = None) -> tuple[Visitor, str]:
    """Come in, so that those present see it; return the token to resume with too."""
    visitor = await door.knock(ROOM, "v=2")
    await visitor.send("hello", **({} if person is None else {"token": person.access_token}))
    welcome = await visitor.expect("welcome")
    visitor.id, visitor.role = welcome["clientId"], welcome["role"]
    visitor.people = (await visitor.expect("participants"))["participants"]
    for other in present:
        await other.expect("presence", action="join", clientId=visitor.id)
    return visitor, welcome["resumeToken"]


async def resume(door: Door, token: str, visitor: Visitor, last_seq: int) -> Visitor:
    back = await door.knock(ROOM, "v=2")
    await back.send("resume", resumeToken=token, lastSeq=last_seq)
    back.goes_on(visitor.id, last_seq)
    return back


async def test_a_room_is_in_one_place(three: Three, owner: SignedIn) -> None:
    first, _ = await hello(three.a)
    second, _ = await hello(three.b, first)
    third, _ = await hello(three.c, first, second, person=owner)
    assert third.role == "host"
    assert [person["id"] for person in third.people] == [first.id, second.id, third.id]
    for sender, receiver in ((first, second), (second, third), (third, first)):
        await sender.send("webrtc", action="offer", to=receiver.id, sdp="v=0")
        assert (await receiver.expect("webrtc", sdp="v=0"))["from"] == sender.id
    for visitor in (first, second, third):
        await visitor.send("chat", text=f"I am {visitor.id}")
        for hearer in (first, second, third):
            await hearer.expect("chat", text=f"I am {visitor.id}")
    await second.send("profile", displayName="Zoë")
    for hearer in (first, second, third):
        await hearer.expect("profile", displayName="Zoë")
    second.connection.transport.abort()
    for hearer in (first, third):
        await hearer.expect("presence", action="lost", clientId=second.id)
    await third.go()
    await first.expect("presence", action="leave", clientId=third.id)


async def test_moderation_reaches_every_node(three: Three, owner: SignedIn) -> None:
    guest, _ = await hello(three.b)
    host, _ = await hello(three.a, guest, person=owner)
    other, _ = await hello(three.c, guest, host)
    await host.send("mute", clientId=guest.id, media="audio")
    for visitor in (guest, host, other):
        await visitor.expect("muted", clientId=guest.id)
        await visitor.expect("media", clientId=guest.id, audio=False)
    await host.send("remove", clientId=other.id)
    assert await other.end() == (4502, "kicked")
    await guest.expect("presence", action="leave", clientId=other.id, reason="removed")
    await host.send("lock", locked=True)
    await guest.expect("room")
    late = await three.c.knock(ROOM, "v=2")
    await late.send("hello")
    assert await late.refusal() == ("room_locked", 4512, "room_locked")
    await host.send("end")
    assert await guest.end() == (4510, "ended")


async def test_one_waits_at_another_node(three: Three, owner: SignedIn) -> None:
    await three.a.site.application.rooms.change(ROOM, Account(owner.user_id, "olivia"), RoomChange(lobby="guests"))
    host, _ = await hello(three.a, person=owner)
    guest = await three.b.knock(ROOM, "v=2")
    await guest.send("hello", displayName="Gina")
    await guest.expect("waiting")
    (knock,) = (await host.expect("lobby"))["waiting"]
    assert knock["displayName"] == "Gina"
    await host.send("admit", clientId=knock["id"])
    await guest.come_in()


@pytest.mark.parametrize("to", ["a", "b", "c"])
async def test_one_comes_back_at_any_node(three: Three, owner: SignedIn, to: str) -> None:
    first, _ = await hello(three.a)
    second, token = await hello(three.b, first)
    second.connection.transport.abort()
    await first.expect("presence", action="lost", clientId=second.id)
    await first.send("chat", text="missed")
    back = await resume({"a": three.a, "b": three.b, "c": three.c}[to], token, second, 2)
    await back.expect("resumed", clientId=second.id)
    await back.expect("chat", text="missed")
    await first.expect("chat", text="missed")
    await first.expect("presence", action="back", clientId=second.id)
    await back.is_caught_up()


async def test_a_node_with_sockets_stops_in_good_order(three: Three, owner: SignedIn) -> None:
    first, _ = await hello(three.a)
    second, token = await hello(three.b, first)
    await three.stop(three.b)
    assert await second.end() == RESTART
    await first.expect("presence", action="lost", clientId=second.id)
    back = await resume(three.c, token, second, 2)
    await back.expect("resumed")
    await first.expect("presence", action="back")
    assert three.c.site.metric("chatter_bus_nodes") == 1


async def test_the_owner_of_a_room_stops_in_good_order(three: Three, owner: SignedIn) -> None:
    first, _ = await hello(three.a)
    second, token = await hello(three.b, first)
    await three.stop(three.a)
    assert await second.end() == RESTART
    back = await resume(three.c, token, second, 2)
    assert json.loads(await back.connection.recv())["code"] == "state_lost"
    again, _ = await hello(three.b)
    assert [person["id"] for person in again.people] == [again.id]


async def test_what_is_asked_over_http_at_another_node(three: Three, owner: SignedIn) -> None:
    host, _ = await hello(three.a, person=owner)
    headers = {"Authorization": f"Bearer {owner.access_token}"}
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{three.b.site.ports['asgi']}", headers=headers) as client:
        calls = (await client.get(f"/rooms/{ROOM}/calls")).json()["calls"]
        assert (await client.delete(f"/rooms/{ROOM}")).status_code == 204
    assert calls == [] or calls[0]["running"]
    assert await closing(host) == (4508, "room_closed"), "the owner follows the database"


async def closing(visitor: Visitor) -> tuple[int, str]:
    async with asyncio.timeout(15):
        await visitor.connection.wait_closed()
    return visitor.connection.close_code or 0, visitor.connection.close_reason or ""


# --- the bus is in trouble -------------------------------------------------------------------------------------------


async def talk_through(three: Three, nats: BusServer, trouble: Any) -> list[Roamer]:
    """Let three people talk, each at any node, while something happens; then check what they heard."""
    seed = chaos_seed()
    print(f"replay with CHAOS_SEED={seed}")
    urls = [f"ws://127.0.0.1:{door.port}" for door in three.doors]
    people = [Roamer(name, ROOM, lambda: urls, ORIGIN, seed + n) for n, name in enumerate(("Ann", "Ben", "Cleo"))]
    over = asyncio.Event()
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        for person in people:
            group.create_task(person.live(cuts=False, talks=lambda: True, until=over.is_set))
        await until(lambda: all(len(person.speaker.heard) > 5 for person in people))
        await trouble()
        await met(three)
        heard = [len(person.speaker.heard) for person in people]
        await patiently(lambda: all(len(p.speaker.heard) > n + 5 for p, n in zip(people, heard, strict=True)))
        over.set()
    check_sessions(people)
    return people


async def met(three: Three) -> None:
    """Wait until all nodes hear each other."""
    await patiently(lambda: all(door.site.metric("chatter_bus_nodes") == 2 for door in three.doors))


async def patiently(condition: Any) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110  # what is waited for happens elsewhere
            await asyncio.sleep(0.02)


async def test_a_restart_of_the_bus_loses_nothing(three: Three, owner: SignedIn, nats: BusServer) -> None:
    async def trouble() -> None:
        nats.kill()
        await patiently(lambda: not any(door.site.application.bus.up for door in three.doors))
        await asyncio.to_thread(nats.start)

    people = await talk_through(three, nats, trouble)
    assert [person.losses for person in people] == [0, 0, 0]
    assert all(door.site.metric("chatter_bus_reconnects_total") >= 1 for door in three.doors)


async def test_a_bus_that_stands_still_loses_nothing(three: Three, owner: SignedIn, nats: BusServer) -> None:
    async def trouble() -> None:
        nats.freeze()
        await asyncio.sleep(5)  # what is tested is this pause
        nats.thaw()

    people = await talk_through(three, nats, trouble)
    assert [person.losses for person in people] == [0, 0, 0]


async def test_without_the_bus_members_at_the_owner_notice_nothing(
    three: Three, owner: SignedIn, nats: BusServer
) -> None:
    first, _ = await hello(three.a)
    second, _ = await hello(three.a, first)
    away, _ = await hello(three.b, first, second)
    nats.kill()
    for _ in range(200):  # more than what may wait
        await first.send("webrtc", action="offer", to=away.id, sdp="x" * 60_000)
    await first.is_caught_up()
    await second.expect("chat")
    backlog = three.a.site.application.bus._backlog  # type: ignore[attr-defined]
    assert backlog._held <= MAX_BYTES
    assert await closing(away) == RESTART
    await second.expect("presence", action="lost", clientId=away.id)
    await first.expect("presence", action="lost", clientId=away.id)
    await first.is_caught_up()
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{three.a.site.ports['asgi']}") as client:
        ready = await client.get("/readyz")
    assert ready.status_code == 200
    assert ready.json()["checks"]["bus"]["ok"] is False
