"""A node with a room drains, over a real bus: the room goes on at another one, and nobody misses a frame."""

from __future__ import annotations

import asyncio
import json

import httpx2
import pytest
from sqlalchemy import text
from websockets.exceptions import InvalidStatus

from auth.service import SignedIn
from tests.contracts.several import ROOM, Three, hello, resume
from tests.contracts.site import ORIGIN, Door, Site, Visitor, until

pytestmark = pytest.mark.integration
RESTART = (1012, "restart")


async def drain(door: Door) -> None:
    """Let a node do what it does at the first signal."""
    await door.site.application.drain(asyncio.Event())


async def back(door: Door, token: str, visitor: Visitor, last_seq: int) -> Visitor:
    """Wait for the close, and resume by another door."""
    assert await visitor.end() == RESTART
    returned = await resume(door, token, visitor, last_seq)
    await returned.expect("resumed", clientId=visitor.id)
    return returned


def live_call(site: Site) -> str:
    """Return the id of the call that runs in the room."""
    live = site.hub.live(ROOM)
    assert live is not None
    return live.call.id


async def records(site: Site) -> list[tuple[str, int]]:
    """Return the calls that are stored, each with how many members it had."""
    async with site.application.database.read() as db:
        rows = await db.execute(text("SELECT id, people FROM calls"))
        return [(row.id, row.people) for row in rows]


@pytest.mark.parametrize("bus", ["nats", "redis"], indirect=True)
async def test_a_room_of_three_goes_on(three: Three, owner: SignedIn) -> None:
    first, first_token = await hello(three.a)
    second, second_token = await hello(three.b, first)
    third, third_token = await hello(three.c, first, second)
    call_id = live_call(three.a.site)
    for number, visitor in enumerate((first, second, third)):
        await visitor.send("chat", text=f"before {number}", id=number)
        for hearer in (first, second, third):
            await hearer.expect("chat", text=f"before {number}")
    await drain(three.a)
    assert three.a.site.metric("chatter_room_moves_total", result="ok") == 1
    assert three.owner() in (three.b.site, three.c.site)
    first = await back(three.b, first_token, first, 7)
    await first.send("chat", text="while others are away")
    await first.expect("chat", text="while others are away")
    second = await back(three.c, second_token, second, 6)
    third = await back(three.b, third_token, third, 5)
    for visitor in (second, third):
        await visitor.expect("chat", text="while others are away")
    await third.send("webrtc", action="offer", to=first.id, sdp="v=0")
    assert (await first.expect("webrtc", sdp="v=0"))["from"] == third.id
    people = [first, second, third]
    await third.is_caught_up()
    for hearer in (first, second):
        await hearer.expect("chat")
    while people:
        await people.pop().go()
        for other in people:
            await other.expect("presence", action="leave")
    await until(lambda: three.b.site.is_empty and three.c.site.is_empty)
    for door in (three.b, three.c):
        await door.site.application.keeper.flush()
    assert await records(three.b.site) == [(call_id, 3)]


async def test_a_draining_node_says_so(three: Three, owner: SignedIn) -> None:
    await drain(three.a)
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{three.a.site.ports['asgi']}") as client:
        ready = await client.get("/readyz")
    assert ready.status_code == 503
    assert ready.json()["checks"]["draining"]["ok"] is False
    assert three.a.site.metric("chatter_draining") == 1
    with pytest.raises(InvalidStatus) as refused:
        await three.a.knock(ROOM, "v=2", origin=ORIGIN)
    assert refused.value.response.status_code == 503
    assert json.loads(refused.value.response.body or b"")["code"] == "draining"
    visitor, _ = await hello(three.b)
    assert [person["id"] for person in visitor.people] == [visitor.id]


async def test_sockets_of_rooms_elsewhere_are_sent_away(three: Three, owner: SignedIn) -> None:
    first, _ = await hello(three.b)
    second, token = await hello(three.a, first)
    await drain(three.a)
    second = await back(three.c, token, second, 2)
    await first.expect("presence", action="lost", clientId=second.id)
    await first.expect("presence", action="back", clientId=second.id)
    assert three.owner() is three.b.site


async def test_one_node_after_the_other(three: Three, owner: SignedIn) -> None:
    visitor, token = await hello(three.a)
    seq = 2
    for leaving, staying in ((three.a, three.b), (three.b, three.c)):
        await drain(leaving)
        visitor = await back(staying, token, visitor, seq)
        await visitor.is_caught_up()
        seq += 1
    assert three.owner() is three.c.site


async def test_a_room_that_nobody_takes_ends_as_ever(three: Three, owner: SignedIn) -> None:
    visitor, _ = await hello(three.a)
    for door in (three.b, three.c):
        door.site.hub.drain()
        assert door.site.application.cluster is not None
        await door.site.application.cluster.beat()
    await until(lambda: three.a.site.application.cluster.taker() is None)  # type: ignore[union-attr]
    await drain(three.a)
    await visitor.is_caught_up()
    await three.stop(three.a)
    assert await visitor.end() == RESTART
