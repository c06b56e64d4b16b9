"""Three nodes of one deployment over a real NATS and PostgreSQL: to its members a room is in one place."""

from __future__ import annotations

import asyncio
import json

import httpx2
import pytest

from auth.service import SignedIn
from signaling.bus.backlog import MAX_BYTES
from signaling.ports import Account
from signaling.store import RoomChange
from tests.buses import BusServer
from tests.contracts.several import ROOM, Three, hello, resume
from tests.contracts.site import Visitor

pytestmark = pytest.mark.integration
RESTART = (1012, "restart")


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


async def closing(visitor: Visitor) -> tuple[int, str]:
    async with asyncio.timeout(15):
        await visitor.connection.wait_closed()
    return visitor.connection.close_code or 0, visitor.connection.close_reason or ""


# --- the bus is in trouble -------------------------------------------------------------------------------------------


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
