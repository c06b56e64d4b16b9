"""By either door, a call leaves a record of what happened in it and of nothing that was said."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from websockets.exceptions import InvalidStatus

from auth.service import SignedIn
from signaling.calls.store import CallStore, Wanted
from signaling.core.calls.record import CallRecord
from tests.contracts.site import Door, Site, until

ROOM = "standup"
CANDIDATE = "candidate:1 1 udp 2122260223 198.51.100.7 54321 typ host generation 0 ufrag SECRETufrag"
SDP = (
    "v=0\r\no=- 1 2 IN IP4 198.51.100.7\r\ns=-\r\nt=0 0\r\n"
    "a=ice-ufrag:SECRETufrag\r\na=ice-pwd:SECRETpassword1234567890\r\na=fingerprint:sha-256 AA:BB\r\n"
)
PRIVATE = ("SECRET", "198.51.100", "127.0.0.1", "ice-pwd", "a=", "fingerprint", "confidential")


@pytest_asyncio.fixture
async def owner(door: Door) -> SignedIn:
    """Someone with a room that admits guests."""
    person = await door.site.sign_up("olivia")
    await door.site.open_room(ROOM, person)
    return person


async def ask(site: Site, path: str, person: SignedIn) -> Any:
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{site.ports['asgi']}") as client:
        answer = await client.get(path, headers={"Authorization": f"Bearer {person.access_token}"})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def stored(site: Site) -> list[CallRecord]:
    return await CallStore(site.application.database).select_records(Wanted(), None, 10)


async def converse(door: Door, owner: SignedIn) -> None:
    """Have a short call with everything in it that must not be kept."""
    first, second = await door.join(ROOM, owner), await door.join(ROOM)
    await first.expect("presence", action="join", clientId=second.id)
    await second.send("chat", text="this is confidential")
    await first.expect("chat")
    await second.expect("chat")
    media = {"to": first.id, "connection": "c1"}
    await second.send("webrtc", action="offer", sdp=SDP, **media)
    await first.expect("webrtc", action="offer")
    candidate = {"candidate": CANDIDATE, "sdpMid": "0", "sdpMLineIndex": 0}
    await second.send("webrtc", action="ice", candidate=candidate, **media)
    await first.expect("webrtc", action="ice")
    await second.go()
    await first.expect("presence", action="leave")
    await first.go()
    await until(lambda: door.site.is_empty)


async def test_a_record_holds_what_happened_and_nothing_that_was_said(door: Door, owner: SignedIn) -> None:
    await converse(door, owner)
    (listed,) = (await ask(door.site, f"/rooms/{ROOM}/calls", owner))["calls"]
    assert (listed["people"], listed["running"]) == (2, False)
    shown = await ask(door.site, f"/rooms/{ROOM}/calls/{listed['id']}", owner)
    text = json.dumps(shown)
    assert [word for word in PRIVATE if word in text] == []
    assert [member["network"] for member in shown["call"]["members"]] == ["127.0.0.0/24"] * 2
    (pair,) = shown["call"]["pairs"]
    (attempt,) = pair["attempts"]
    assert {"host": 1} in attempt["relayed"].values()


async def test_what_is_stored_is_what_was_shown(door: Door, owner: SignedIn) -> None:
    await converse(door, owner)
    await door.site.application.keeper.flush()
    (record,) = await stored(door.site)
    shown = await ask(door.site, f"/rooms/{ROOM}/calls/{record.id}", owner)
    assert shown["call"]["endedAt"] == record.ended_at
    async with door.site.application.database.read() as db:
        rows = (await db.exec_driver_sql("SELECT * FROM calls")).all()
    assert [word for word in PRIVATE if word in str(rows)] == []


async def test_a_running_call_is_shown_as_it_is(door: Door, owner: SignedIn) -> None:
    first = await door.join(ROOM, owner)
    (listed,) = (await ask(door.site, f"/rooms/{ROOM}/calls", owner))["calls"]
    assert (listed["running"], listed["people"], listed["endedAt"]) == (True, 1, None)
    second = await door.join(ROOM)
    await first.expect("presence", action="join", clientId=second.id)
    shown = await ask(door.site, f"/rooms/{ROOM}/calls/{listed['id']}", owner)
    assert len(shown["call"]["members"]) == 2


async def test_a_page_at_a_foreign_address_is_told_from_a_blocked_network(door: Door, owner: SignedIn) -> None:
    origin = "https://meet.example.net"
    with pytest.raises(InvalidStatus):
        await door.knock(ROOM, origin=origin)
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{door.site.ports['asgi']}") as client:
        await client.post(f"/rooms/{ROOM}/troubles", json={"reason": "socket_blocked"}, headers={"Origin": origin})
    (listed,) = (await ask(door.site, f"/rooms/{ROOM}/calls", owner))["calls"]
    assert (listed["result"], listed["cause"]) == ("failed", "origin_refused")
    assert door.site.metric("chatter_client_troubles_total", reason="origin_refused") == 1


async def test_a_browser_without_a_socket_is_heard(door: Door, owner: SignedIn) -> None:
    await door.join(ROOM, owner)
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{door.site.ports['asgi']}") as client:
        answer = await client.post(f"/rooms/{ROOM}/troubles", json={"reason": "socket_blocked"})
    assert answer.status_code == 204
    (listed,) = (await ask(door.site, f"/rooms/{ROOM}/calls", owner))["calls"]
    assert (listed["result"], listed["cause"], listed["running"]) == ("degraded", "someone_blocked", True)
