"""Rooms over HTTP: create, list, show, change, delete, and who may."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import URL
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.api.site import JSON, Site, open_site, problem_of, settings_for

Headers = dict[str, str]
ROOM_FIELDS = {"roomId", "name", "guestsAllowed", "maxMembers", "lobby", "members", "owner", "wsUrl", "createdAt"} | {
    "passwordRequired"
}
NOT_FOUND = (404, "room_not_found")
INVALID = (422, "validation_failed")


async def create(site: Site, headers: Headers, **body: Any) -> str:
    answer = await site.ask("POST", "/rooms", headers=headers, json=body)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["roomId"])


async def show(site: Site, room_id: str, headers: Headers | None = None) -> dict[str, Any]:
    answer = await site.ask("GET", f"/rooms/{room_id}", headers=headers or {})
    assert answer.status_code == 200, answer.text
    room: dict[str, Any] = answer.json()
    return room


@pytest.mark.seed("S1-04")
@pytest.mark.seed("S1-30")
@pytest.mark.parametrize("options", [{}, {"headers": JSON}, {"json": {}}])
async def test_create_without_wishes(either_site: Site, options: dict[str, Any]) -> None:
    alice = await either_site.sign_up()
    answer = await either_site.ask("POST", "/rooms", **{**options, "headers": alice | options.get("headers", {})})
    assert answer.status_code == 200
    body = answer.json()
    assert set(body) == {"roomId", "wsUrl"}
    assert re.fullmatch(r"[2-9b-df-hj-km-np-tv-z]{11}", body["roomId"])
    assert body["wsUrl"] == f"ws://localhost:8081/ws/{body['roomId']}"
    room = await show(either_site, body["roomId"], alice)
    assert set(room) == ROOM_FIELDS
    assert room | {"createdAt": ""} == {
        "roomId": body["roomId"],
        "name": "",
        "guestsAllowed": True,
        "maxMembers": 8,
        "lobby": "off",
        "passwordRequired": False,
        "members": 0,
        "owner": True,
        "wsUrl": body["wsUrl"],
        "createdAt": "",
    }
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", room["createdAt"])
    age = datetime.now(UTC) - datetime.fromisoformat(room["createdAt"])
    assert timedelta(0) <= age < timedelta(minutes=1)


async def test_create_with_every_wish(either_site: Site) -> None:
    alice = await either_site.sign_up()
    wishes = {"roomId": "stand-up", "name": "Stand-up 🚀", "guestsAllowed": False, "maxMembers": 2, "lobby": "everyone"}
    assert await create(either_site, alice, **wishes) == "stand-up"
    room = await show(either_site, "stand-up", alice)
    assert {name: room[name] for name in wishes} == wishes


async def test_codes_are_not_repeated(site: Site, signed_in: Headers) -> None:
    assert len({await create(site, signed_in) for _ in range(30)}) == 30


async def test_a_code_that_is_taken_is_drawn_again(
    site: Site, signed_in: Headers, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes = iter(["22222222222", "22222222222", "33333333333"])
    monkeypatch.setattr("signaling.rooms._code", lambda: next(codes))
    assert [await create(site, signed_in), await create(site, signed_in)] == ["22222222222", "33333333333"]


async def test_a_chosen_id_is_taken_once_even_by_its_owner(either_site: Site) -> None:
    alice, bob = await either_site.sign_up(), await either_site.sign_up("bob")
    await create(either_site, alice, roomId="stand-up", name="first")
    for headers in (alice, bob):
        answer = await either_site.ask("POST", "/rooms", headers=headers, json={"roomId": "stand-up", "name": "second"})
        assert problem_of(answer) == (409, "room_exists")
    assert (await show(either_site, "stand-up"))["name"] == "first"
    assert (await either_site.ask("GET", "/rooms", headers=bob)).json() == {"rooms": []}


async def test_list_shows_ones_own_newest_first(either_site: Site) -> None:
    now = 1_750_000_000.0
    either_site.application.rooms._clock = lambda: now
    alice, bob = await either_site.sign_up(), await either_site.sign_up("bob")
    for name in ("one", "two", "three"):
        await create(either_site, alice, roomId=name)
        now += 1
    await create(either_site, bob, roomId="other")
    rooms = (await either_site.ask("GET", "/rooms", headers=alice)).json()["rooms"]
    assert [room["roomId"] for room in rooms] == ["three", "two", "one"]
    assert [room["createdAt"] for room in rooms] == [f"2025-06-15T15:06:4{n}.000Z" for n in (2, 1, 0)]
    assert all(set(room) == ROOM_FIELDS and room["owner"] for room in rooms)


async def test_the_owner_other_people_and_guests_see_a_room(either_site: Site) -> None:
    alice, bob = await either_site.sign_up(), await either_site.sign_up("bob")
    await create(either_site, alice, roomId="stand-up", name="Stand-up")
    seen = [await show(either_site, "stand-up", headers) for headers in (alice, bob, None)]
    assert [room["owner"] for room in seen] == [True, False, False]
    assert seen[0] | {"owner": False} == seen[1] == seen[2]


async def test_a_room_without_guests_is_absent_for_guests(either_site: Site) -> None:
    alice, bob = await either_site.sign_up(), await either_site.sign_up("bob")
    await create(either_site, alice, roomId="private", guestsAllowed=False)
    hidden = await either_site.ask("GET", "/rooms/private")
    absent = await either_site.ask("GET", "/rooms/absent")
    assert problem_of(hidden) == problem_of(absent) == NOT_FOUND
    assert hidden.json()["error"] == absent.json()["error"]
    assert (await show(either_site, "private", bob))["owner"] is False


async def test_change_and_delete(either_site: Site) -> None:
    alice = await either_site.sign_up()
    await create(either_site, alice, roomId="stand-up", name="old", maxMembers=4)
    for change in ({"name": " new "}, {"guestsAllowed": False}, {"maxMembers": 50}, {}):
        answer = await either_site.ask("PATCH", "/rooms/stand-up", headers=alice, json=change)
        assert answer.status_code == 200
        assert set(answer.json()) == ROOM_FIELDS
    room = await show(either_site, "stand-up", alice)
    assert room == answer.json()
    assert (room["name"], room["guestsAllowed"], room["maxMembers"]) == ("new", False, 50)
    deleted = await either_site.ask("DELETE", "/rooms/stand-up", headers=alice)
    assert (deleted.status_code, deleted.content) == (204, b"")
    for method in ("GET", "DELETE"):
        assert problem_of(await either_site.ask(method, "/rooms/stand-up", headers=alice)) == NOT_FOUND
    answer = await either_site.ask("PATCH", "/rooms/stand-up", headers=alice, json={})
    assert problem_of(answer) == NOT_FOUND
    assert (await either_site.ask("GET", "/rooms", headers=alice)).json() == {"rooms": []}


async def test_a_room_of_somebody_else_cannot_be_touched(either_site: Site) -> None:
    alice, mallory = await either_site.sign_up(), await either_site.sign_up("mallory")
    await create(either_site, alice, roomId="stand-up", name="mine")
    before = await show(either_site, "stand-up", alice)
    for room_id in ("stand-up", "absent"):
        changed = await either_site.ask("PATCH", f"/rooms/{room_id}", headers=mallory, json={"name": "yours"})
        assert problem_of(changed) == NOT_FOUND
        assert problem_of(await either_site.ask("DELETE", f"/rooms/{room_id}", headers=mallory)) == NOT_FOUND
    assert await show(either_site, "stand-up", alice) == before


@pytest.mark.parametrize("room_id", ["abc", "a1-", "x" * 64, "a--b", "123", "a" + "-" * 62 + "b"])
async def test_ids_that_may_be_chosen(site: Site, signed_in: Headers, room_id: str) -> None:
    room_id = room_id.rstrip("-") + "0" if room_id.endswith("-") else room_id
    assert await create(site, signed_in, roomId=room_id) == room_id
    assert (await show(site, room_id))["roomId"] == room_id


BAD_IDS = [
    "",
    "ab",
    "x" * 65,
    "-abc",
    "abc-",
    "ABC",
    "a_b",
    "a b",
    "a/b",
    "abc\n",
    "\nabc",
    "ä-b-c",
    "a.b",
    "abc\u0000",
]


@pytest.mark.parametrize("room_id", [*BAD_IDS, None, 123, ["abc"], {}])
async def test_ids_that_may_not_be_chosen(site: Site, signed_in: Headers, room_id: Any) -> None:
    answer = await site.ask("POST", "/rooms", headers=signed_in, json={"roomId": room_id})
    assert problem_of(answer) == INVALID
    assert "roomId" in answer.json()["error"]
    assert (await site.ask("GET", "/rooms", headers=signed_in)).json() == {"rooms": []}


@pytest.mark.parametrize("room_id", ["ab", "x" * 65, "-abc", "ABC", "a%20b", "abc%0A", "%00abc", "abc%00", "%ff%fe%fd"])
async def test_ids_that_cannot_exist(either_site: Site, room_id: str) -> None:
    alice = await either_site.sign_up()
    path = f"/rooms/{room_id}"
    for answer in (
        await either_site.ask("GET", path),
        await either_site.ask("GET", path, headers=alice),
        await either_site.ask("PATCH", path, headers=alice, json={}),
        await either_site.ask("DELETE", path, headers=alice),
    ):
        assert problem_of(answer) == NOT_FOUND


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "x" * 81),
        ("name", "a\nb"),
        ("name", "a\u0000b"),
        ("name", "a\u2028b"),
        ("name", None),
        ("name", 1),
        ("guestsAllowed", "yes"),
        ("guestsAllowed", 1),
        ("guestsAllowed", None),
        ("maxMembers", 1),
        ("maxMembers", 51),
        ("maxMembers", 0),
        ("maxMembers", -8),
        ("maxMembers", 2.5),
        ("maxMembers", "8"),
        ("maxMembers", True),
        ("maxMembers", 10**30),
        ("lobby", "everybody"),
        ("lobby", None),
        ("password", "abc"),
        ("password", ""),
        ("password", "x" * 257),
        ("password", "abc\ndef"),
        ("password", 12345),
        ("owner", True),
        ("members", 5),
    ],
)
async def test_wishes_that_break_a_rule(site: Site, signed_in: Headers, field: str, value: Any) -> None:
    await create(site, signed_in, roomId="stand-up")
    before = await show(site, "stand-up")
    for method, path in (("POST", "/rooms"), ("PATCH", "/rooms/stand-up")):
        answer = await site.ask(method, path, headers=signed_in, json={field: value})
        assert problem_of(answer) == INVALID, method
        assert field in answer.json()["error"], method
    assert await show(site, "stand-up") == before
    assert len((await site.ask("GET", "/rooms", headers=signed_in)).json()["rooms"]) == 1


async def test_half_a_surrogate_pair_is_no_name(site: Site, signed_in: Headers) -> None:
    answer = await site.ask("POST", "/rooms", headers=signed_in | JSON, content=rb'{"name": "\ud83d"}')
    assert answer.status_code in {400, 422}


@pytest.mark.parametrize(
    ("given", "kept"), [("", ""), ("  ", ""), ("x" * 80, "x" * 80), ("Cafe\u0301", "Caf\u00e9"), ("<b>&", "<b>&")]
)
async def test_names_are_kept_tidy(either_site: Site, given: str, kept: str) -> None:
    alice = await either_site.sign_up()
    room_id = await create(either_site, alice, name=given)
    assert (await show(either_site, room_id))["name"] == kept


@pytest.mark.parametrize("value", [2, 50])
async def test_the_smallest_and_the_largest_room(site: Site, signed_in: Headers, value: int) -> None:
    room_id = await create(site, signed_in, maxMembers=value)
    assert (await show(site, room_id))["maxMembers"] == value


async def test_the_id_of_a_room_cannot_be_changed(site: Site, signed_in: Headers) -> None:
    await create(site, signed_in, roomId="stand-up")
    answer = await site.ask("PATCH", "/rooms/stand-up", headers=signed_in, json={"roomId": "sit-down"})
    assert problem_of(answer) == INVALID


@pytest.mark.parametrize(
    ("content", "kind", "expected"),
    [
        (b"{", "application/json", (400, "bad_json")),
        (b"[]", "application/json", INVALID),
        (b"null", "application/json", INVALID),
        (b"{}", "text/plain", (415, "unsupported_media_type")),
    ],
)
async def test_a_body_must_be_json_where_there_is_one(
    site: Site, signed_in: Headers, content: bytes, kind: str, expected: tuple[int, str]
) -> None:
    answer = await site.ask("POST", "/rooms", headers=signed_in | {"Content-Type": kind}, content=content)
    assert problem_of(answer) == expected


async def test_rooms_end_with_their_owner(either_site: Site) -> None:
    alice = await either_site.sign_up()
    await create(either_site, alice, roomId="stand-up")
    await either_site.application.auth.delete_user("alice")
    assert problem_of(await either_site.ask("GET", "/rooms/stand-up")) == NOT_FOUND


# --- where the calls are --------------------------------------------------------------------------------------------


@pytest.mark.seed("S1-30")
@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost:8080", "ws://localhost:8081/ws/stand-up"),
        ("192.0.2.7:8080", "ws://192.0.2.7:8081/ws/stand-up"),
        ("chatter.local", "ws://chatter.local:8081/ws/stand-up"),
        ("[2001:db8::1]:8080", "ws://[2001:db8::1]:8081/ws/stand-up"),
        ("[::1]", "ws://[::1]:8081/ws/stand-up"),
    ],
)
async def test_in_development_the_socket_is_where_the_request_went(
    site: Site, signed_in: Headers, host: str, expected: str
) -> None:
    answer = await site.ask("POST", "/rooms", headers=signed_in | {"Host": host}, json={"roomId": "stand-up"})
    assert answer.json()["wsUrl"] == expected


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"GATEWAY_URL": "wss://sockets.example.org"}, "wss://sockets.example.org/ws/stand-up"),
        ({"GATEWAY_URL": "wss://sockets.example.org/"}, "wss://sockets.example.org/ws/stand-up"),
        ({"GATEWAY_URL": "wss://example.org/api"}, "wss://example.org/api/ws/stand-up"),
        ({"GATEWAY_ADDR": "127.0.0.1:9001"}, "ws://localhost:9001/ws/stand-up"),
        (
            {"ENV": "production", "BASE_URL": "https://call.example.org", "AUTH_BCRYPT_COST": "10"},
            "wss://call.example.org/ws/stand-up",
        ),
        (
            {"ENV": "production", "BASE_URL": "https://call.example.org:8443/", "AUTH_BCRYPT_COST": "10"},
            "wss://call.example.org:8443/ws/stand-up",
        ),
        (
            {
                "ENV": "production",
                "BASE_URL": "https://call.example.org",
                "AUTH_BCRYPT_COST": "10",
                "GATEWAY_URL": "wss://sockets.example.org",
            },
            "wss://sockets.example.org/ws/stand-up",
        ),
    ],
)
async def test_the_socket_is_where_the_settings_say(
    sqlite_url: URL, tmp_path: Path, variables: dict[str, str], expected: str
) -> None:
    async with open_site(settings_for(sqlite_url, tmp_path, **variables)) as site:
        alice = await site.sign_up()
        headers = alice | {"X-Forwarded-Proto": "http", "X-Forwarded-Host": "evil.example"}
        answer = await site.ask("POST", "/rooms", headers=headers, json={"roomId": "stand-up"})
        assert answer.json()["wsUrl"] == expected
        assert (await show(site, "stand-up"))["wsUrl"] == expected


async def test_in_production_the_host_header_decides_nothing(sqlite_url: URL, tmp_path: Path) -> None:
    settings = settings_for(
        sqlite_url, tmp_path, ENV="production", BASE_URL="https://call.example.org", AUTH_BCRYPT_COST="10"
    )
    async with open_site(settings) as site:
        headers = await site.sign_up() | {"Host": "evil.example"}
        answer = await site.ask("POST", "/rooms", headers=headers, json={"roomId": "stand-up"})
        assert answer.json()["wsUrl"] == "wss://call.example.org/ws/stand-up"


# --- rooms with people in them --------------------------------------------------------------------------------------


@asynccontextmanager
async def gateway(site: Site) -> AsyncIterator[str]:
    """Serve the gateway; yield the address of its sockets."""
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    site.application.hub.start()
    await site.application.gateway.start([listener])
    try:
        yield f"ws://127.0.0.1:{port}/ws"
    finally:
        site.application.gateway.stop_listening()
        await site.application.hub.stop()


def token(headers: Headers) -> str:
    return headers["Authorization"].removeprefix("Bearer ")


async def receive(member: ClientConnection, kind: str) -> dict[str, Any]:
    while True:
        frame: dict[str, Any] = json.loads(await member.recv())
        if frame["type"] == kind:
            return frame


@pytest.mark.seed("S1-04")
async def test_members_are_those_who_are_in_the_room_now(site: Site, signed_in: Headers) -> None:
    await create(site, signed_in, roomId="stand-up")
    await create(site, signed_in, roomId="empty-room")
    async with gateway(site) as address, connect(f"{address}/stand-up?token={token(signed_in)}") as first:
        await receive(first, "participants")
        assert (await show(site, "stand-up"))["members"] == 1
        async with connect(f"{address}/stand-up?token={token(signed_in)}") as second:
            await receive(second, "participants")
            listed = (await site.ask("GET", "/rooms", headers=signed_in)).json()["rooms"]
            assert {room["roomId"]: room["members"] for room in listed} == {"stand-up": 2, "empty-room": 0}
        while (await receive(first, "presence"))["action"] != "leave":
            pass
        assert (await show(site, "stand-up"))["members"] == 1


@pytest.mark.seed("S1-04")
async def test_a_room_is_made_by_opening_its_address(either_site: Site) -> None:
    alice = await either_site.sign_up()
    async with gateway(either_site) as address, connect(f"{address}/drop-in?token={token(alice)}") as member:
        await receive(member, "participants")
        assert (await show(either_site, "drop-in", alice))["owner"] is True


async def test_deleting_a_room_ends_its_call(either_site: Site) -> None:
    alice = await either_site.sign_up()
    await create(either_site, alice, roomId="stand-up")
    async with gateway(either_site) as address, connect(f"{address}/stand-up?token={token(alice)}") as member:
        await receive(member, "participants")
        assert (await either_site.ask("DELETE", "/rooms/stand-up", headers=alice)).status_code == 204
        with pytest.raises(ConnectionClosed) as closed:
            await receive(member, "never")
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4508, "room_closed")


async def test_a_change_reaches_the_running_call(site: Site, signed_in: Headers) -> None:
    await create(site, signed_in, roomId="stand-up", maxMembers=2)
    bob = await site.sign_up("bob")
    async with gateway(site) as address, connect(f"{address}/stand-up?token={token(signed_in)}") as first:
        await receive(first, "participants")
        guest = {"origin": "http://localhost:8080"}
        async with connect(f"{address}/stand-up", **guest) as second:  # type: ignore[arg-type]
            await receive(second, "participants")
            await site.ask("PATCH", "/rooms/stand-up", headers=signed_in, json={"guestsAllowed": False})
            async with connect(f"{address}/stand-up?token={token(bob)}") as third:
                assert (await receive(third, "error"))["code"] == "room_full"
            await site.ask("PATCH", "/rooms/stand-up", headers=signed_in, json={"maxMembers": 3})
            async with connect(f"{address}/stand-up", **guest) as third:  # type: ignore[arg-type]
                assert (await receive(third, "error"))["code"] == "room_not_found"
            async with connect(f"{address}/stand-up?token={token(bob)}") as third:
                await receive(third, "participants")
