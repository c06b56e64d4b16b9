"""What `/ws/{roomId}` promises, held against all ways in: the gateway, the HTTP port, and another node."""

from __future__ import annotations

import asyncio
import contextlib
import json
import struct
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from websockets.exceptions import InvalidStatus

from auth.service import SignedIn
from signaling.core.limits import CANDIDATES_PER_WINDOW, CHAT_PER_WINDOW, REFUSALS_PER_WINDOW
from tests.contracts.site import (
    BINARY,
    CLOSE,
    CONTINUATION,
    ORIGIN,
    PING,
    PONG,
    TEXT,
    Door,
    Visitor,
    resident_bytes,
    until,
)

MEBIBYTE = 1024 * 1024
MAX_FRAME = 64 * 1024
ROOM = "standup"


@pytest_asyncio.fixture
async def owner(door: Door) -> AsyncIterator[SignedIn]:
    """Someone with a room that admits guests."""
    person = await door.site.sign_up("olivia")
    await door.site.open_room(ROOM, person)
    yield person


@pytest_asyncio.fixture
async def pair(door: Door, owner: SignedIn) -> tuple[Visitor, Visitor]:
    """Two guests in the room, both caught up."""
    first = await door.join(ROOM)
    second = await door.join(ROOM)
    await first.expect("presence", action="join", clientId=second.id)
    return first, second


async def status_of(door: Door, room: str, query: str = "", origin: str | None = ORIGIN) -> tuple[int, str]:
    with pytest.raises(InvalidStatus) as refused:
        await door.knock(room, query, origin=origin)
    response = refused.value.response
    return response.status_code, json.loads(response.body)["code"]


# --- coming and going ------------------------------------------------------------------------------------------------


@pytest.mark.seed("S1-31")
@pytest.mark.seed("S1-32")
@pytest.mark.seed("S1-33")
@pytest.mark.seed("S1-39")
async def test_welcome_then_presence_then_participants(door: Door, owner: SignedIn) -> None:
    first = await door.knock(ROOM)
    welcome = await first.expect("welcome", role="guest")
    listing = await first.expect("participants")
    assert [person["id"] for person in listing["participants"]] == [welcome["clientId"]]

    second = await door.join(ROOM)
    news = await first.expect("presence", action="join", clientId=second.id, displayName="Guest", polite=False)
    assert abs(news["ts"] / 1000 - door.site.clock()) < 60
    assert [(person["id"], person["polite"]) for person in second.people] == [
        (welcome["clientId"], True),
        (second.id, False),
    ]
    assert welcome["limits"] == {
        "frameBytes": MAX_FRAME,
        "chatCodePoints": 4096,
        "displayNameCodePoints": 64,
        "members": 8,
    }


@pytest.mark.seed("S1-05")
@pytest.mark.seed("S1-34")
@pytest.mark.parametrize("way", ["leave", "close", "cut"])
async def test_those_who_stay_learn_of_a_leave(door: Door, pair: tuple[Visitor, Visitor], way: str) -> None:
    first, second = pair
    if way == "leave":
        await second.send("leave")
        assert await second.end() == (1000, "normal")
    elif way == "close":
        await second.go(3000)
    else:
        second.connection.transport.abort()
    await first.expect("presence", action="leave", clientId=second.id)
    await first.is_caught_up()
    assert door.site.hub.members(ROOM) == 1


async def test_nothing_is_heard_after_leave(door: Door, pair: tuple[Visitor, Visitor]) -> None:
    first, second = pair
    await second.send("leave")
    await second.send("chat", text="one more thing")
    await first.expect("presence", action="leave", clientId=second.id)
    await first.is_caught_up()


async def test_guests_and_tabs_are_members_of_their_own(door: Door, owner: SignedIn) -> None:
    tabs = [await door.join(ROOM, owner) for _ in range(2)]
    guests = [await door.join(ROOM) for _ in range(2)]
    assert len({visitor.id for visitor in (*tabs, *guests)}) == 4
    assert [tab.role for tab in tabs] == ["host", "host"]
    names = [person["displayName"] for person in guests[1].people]
    assert names == ["olivia", "olivia", "Guest", "Guest"]


# --- talking ---------------------------------------------------------------------------------------------------------


@pytest.mark.seed("S1-38")
async def test_only_the_one_named_in_to_receives(door: Door, pair: tuple[Visitor, Visitor]) -> None:
    sender, receiver = pair
    bystander = await door.join(ROOM)
    for visitor in pair:
        await visitor.expect("presence", action="join")
    contents: list[dict[str, Any]] = [
        {"action": "offer", "sdp": "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\n"},
        {"action": "answer", "sdp": "v=0 ß 😀"},
        {"action": "ice", "candidate": {"candidate": "candidate:1", "sdpMid": "0", "sdpMLineIndex": 0}},
        {"action": "ice", "candidate": {"candidate": ""}},
        {"action": "ice", "candidate": None},
    ]
    for content in contents:
        await sender.send("webrtc", to=receiver.id, from_=bystander.id, **content)
        frame = await receiver.expect("webrtc", action=content["action"], to=receiver.id)
        assert frame["from"] == sender.id
        if content.get("candidate"):
            assert frame["candidate"] | content["candidate"] == frame["candidate"]
        else:
            assert frame.keys() == content.keys() | {"type", "from", "to"}
            assert frame | content == frame
    await bystander.is_caught_up()
    await sender.expect("chat")
    await sender.is_caught_up()
    await receiver.expect("chat")
    await receiver.expect("chat")


async def test_a_stranger_cannot_be_reached(door: Door, pair: tuple[Visitor, Visitor]) -> None:
    sender, gone = pair
    await door.site.open_room("elsewhere", await door.site.sign_up("erin"))
    elsewhere = await door.join("elsewhere")
    await gone.go()
    await sender.expect("presence", action="leave")
    for number, receiver in enumerate(("nobody", gone.id, elsewhere.id, sender.id)):
        await sender.send("webrtc", action="offer", to=receiver, sdp="v=0", id=number)
        await sender.expect("error", code="unknown_peer", ref=number, retryable=False)
    await elsewhere.is_caught_up()


@pytest.mark.seed("S1-37")
async def test_chat_reaches_all_the_speaker_too_under_one_id(door: Door, pair: tuple[Visitor, Visitor]) -> None:
    first, _ = pair
    await first.send("chat", text="hello, wörld 😀\n")
    frames = [await visitor.expect("chat", text="hello, wörld 😀\n", displayName="Guest") for visitor in pair]
    assert frames[0] == frames[1]
    assert frames[0]["from"] == first.id
    assert frames[0]["id"]


@pytest.mark.seed("S1-06")
@pytest.mark.seed("S1-35")
@pytest.mark.seed("S1-36")
async def test_names_are_seen_by_all(door: Door, pair: tuple[Visitor, Visitor]) -> None:
    _, second = pair
    await second.send("profile", displayName=" Zoe\u0308 ")
    for visitor in pair:
        await visitor.expect("profile", clientId=second.id, displayName="Zoë")
    third = await door.join(ROOM)
    assert [person["displayName"] for person in third.people] == ["Guest", "Zoë", "Guest"]


async def test_media_is_seen_by_all(door: Door, pair: tuple[Visitor, Visitor]) -> None:
    first, _ = pair
    await first.send("media", audio=True, video=False, screen=True)
    for visitor in pair:
        await visitor.expect("media", clientId=first.id, audio=True, video=False, screen=True)
    third = await door.join(ROOM)
    assert third.people[0]["media"] == {"audio": True, "video": False, "screen": True}


async def test_what_has_an_id_is_acknowledged(door: Door, pair: tuple[Visitor, Visitor]) -> None:
    first, _ = pair
    for number in (1, 2, 5):
        await first.send("media", audio=True, video=True, id=number)
    kinds = []
    while "ack" not in kinds:
        frame = await first.next()
        kinds.append(frame["type"])
    assert frame["id"] == 5
    assert kinds == ["media"] * 3 + ["ack"]


# --- who may come in -------------------------------------------------------------------------------------------------


async def test_foreign_origins_are_refused(door: Door, owner: SignedIn) -> None:
    for origin in (
        "https://evil.example",
        f"{ORIGIN}.evil.example",
        "https://evil-call.example.org",
        "https://xcall.example.org",
        "https://example.org",
        ORIGIN.replace("https", "http"),
        f"{ORIGIN}:8443",
        f"{ORIGIN}/",
        ORIGIN.upper(),
        "null",
        "*",
        " ",
    ):
        for query in ("", f"token={owner.access_token}", "v=2"):
            assert await status_of(door, ROOM, query, origin) == (403, "bad_origin")
    assert door.site.metric("chatter_ws_handshakes_total", result="bad_origin") == 36


async def test_without_an_origin_credentials_are_needed(door: Door, owner: SignedIn) -> None:
    for query in ("", "token=", "ticket=", "v=1", "v=3"):
        assert await status_of(door, ROOM, query, origin=None) == (403, "bad_origin")


async def test_a_program_without_origin_comes_in_with_a_token(door: Door, owner: SignedIn) -> None:
    assert (await door.join(ROOM, owner, origin=None)).role == "host"


async def test_what_cannot_be_a_room_is_not_found(door: Door) -> None:
    for room in ("", "ab", "Standup", "-ab", "a/b", "%00abc", "standup%2f..", "standup%0a", "a" * 65):
        assert await status_of(door, room) == (404, "room_not_found")


@pytest.mark.seed("S1-31")
async def test_a_token_names_its_owner(door: Door, owner: SignedIn) -> None:
    visitor = await door.join(ROOM, await door.site.sign_up("martin"))
    assert visitor.role == "member"
    assert visitor.people[0]["displayName"] == "martin"


async def test_a_forged_token_is_no_way_in_not_even_as_a_guest(door: Door, owner: SignedIn) -> None:
    genuine = owner.access_token
    changed = genuine[:-10] + ("A" if genuine[-10] != "A" else "B") + genuine[-9:]
    for token in ("forged", "a.b.c", "x" * 4000, "%00", "%ff", changed, owner.refresh_token):
        visitor = await door.knock(ROOM, f"token={token}")
        assert await visitor.refusal() == ("unauthenticated", 4500, "unauthenticated")


async def test_an_expired_token_says_so(door: Door, owner: SignedIn) -> None:
    door.site.clock.advance(timedelta(hours=25).total_seconds())
    visitor = await door.knock(ROOM, f"token={owner.access_token}")
    assert await visitor.refusal() == ("credentials_expired", 4004, "credentials_expired")


async def test_a_socket_ends_when_its_credentials_do(door: Door, owner: SignedIn) -> None:
    signed_in, guest = await door.join(ROOM, owner), await door.join(ROOM)
    await signed_in.expect("presence")
    door.site.clock.advance(timedelta(hours=25).total_seconds())
    for _ in range(10):
        door.site.hub.tick()
    assert await signed_in.end() == (4004, "credentials_expired")
    await guest.expect("presence", action="leave", clientId=signed_in.id)


async def test_a_ticket_lets_in_once(door: Door, owner: SignedIn) -> None:
    ticket = await door.site.ticket(owner)
    first = await (await door.knock(ROOM, f"ticket={ticket}")).come_in()
    assert (first.role, first.people[0]["displayName"]) == ("host", "olivia")
    second = await door.knock(ROOM, f"ticket={ticket}")
    assert await second.refusal() == ("unauthenticated", 4500, "unauthenticated")
    await first.is_caught_up()


async def test_an_old_ticket_is_refused(door: Door, owner: SignedIn) -> None:
    ticket = await door.site.ticket(owner)
    door.site.clock.advance(31)
    assert await (await door.knock(ROOM, f"ticket={ticket}")).refusal() == ("unauthenticated", 4500, "unauthenticated")


async def test_a_guest_enters_no_room_that_is_not_there(door: Door) -> None:
    visitor = await door.knock("nowhere")
    assert await visitor.refusal() == ("room_not_found", 4505, "room_not_found")


async def test_a_room_without_guests_looks_absent_to_them(door: Door, owner: SignedIn) -> None:
    await door.site.open_room("members-only", owner, guests_allowed=False)
    for _ in range(2):  # empty, then with someone in it
        assert await (await door.knock("members-only")).refusal() == ("room_not_found", 4505, "room_not_found")
        await door.join("members-only", owner)


async def test_a_full_room_says_so(door: Door, owner: SignedIn) -> None:
    await door.site.open_room("duo", owner, max_members=2)
    first, second = await door.join("duo"), await door.join("duo")
    assert await (await door.knock("duo")).refusal() == ("room_full", 4504, "room_full")
    await first.expect("presence", clientId=second.id)
    await first.is_caught_up()
    await second.expect("chat")
    await second.go()
    await first.expect("presence", action="leave")
    assert len((await door.join("duo")).people) == 2


@pytest.mark.seed("S1-04")
async def test_someone_signed_in_opens_a_room_by_its_id_and_owns_it(door: Door, owner: SignedIn) -> None:
    opener = await door.join("brand-new", owner)
    assert opener.role == "host"
    assert "brand-new" in [room.id for room in await door.site.application.rooms.owned(owner.user_id)]
    other = await door.join("brand-new", await door.site.sign_up("martin"))
    assert other.role == "member"
    assert (await door.join("brand-new")).role == "guest"


@pytest.mark.seed("S1-04")
async def test_both_doors_lead_to_the_same_room(door: Door, owner: SignedIn) -> None:
    other_door = Door(door.site, "asgi" if door.name == "gateway" else "gateway")
    first, second = await door.join(ROOM), await other_door.join(ROOM)
    await first.expect("presence", clientId=second.id)
    await second.send("chat", text="hello")
    await first.expect("chat", text="hello")
    await other_door.close()
    await first.expect("presence", action="leave")


async def test_a_deleted_room_closes(door: Door, owner: SignedIn) -> None:
    host, guest = await door.join(ROOM, owner), await door.join(ROOM)
    await host.expect("presence", action="join")
    await door.site.application.rooms.delete(ROOM, owner.user_id)
    ends = {(await first_close(host)), (await first_close(guest))}
    assert ends == {(4508, "room_closed")}
    await until(lambda: door.site.is_empty)
    assert await (await door.knock(ROOM)).refusal() == ("room_not_found", 4505, "room_not_found")


async def test_logout_closes_the_sockets_of_the_device_only(door: Door, owner: SignedIn) -> None:
    martin = await door.site.sign_up("martin")
    tabs = [await door.join(ROOM, owner) for _ in range(2)]
    others = [await door.join(ROOM, martin), await door.join(ROOM)]
    await door.site.application.auth.logout(refresh_token=owner.refresh_token, access_token=None)
    for tab in tabs:
        assert await first_close(tab) == (4509, "signed_out")
    for other in others:
        await other.send("media", audio=False, video=False)
    await until(lambda: door.site.hub.members(ROOM) == 2)
    again = await door.knock(ROOM, f"token={owner.access_token}")
    assert await again.refusal() == ("unauthenticated", 4500, "unauthenticated")


async def first_close(visitor: Visitor) -> tuple[int, str]:
    """Return how the connection ends, whatever comes before."""
    while True:
        try:
            return await visitor.end()
        except AssertionError:
            continue


# --- hello first -----------------------------------------------------------------------------------------------------


async def test_with_v2_the_client_speaks_first_and_nobody_notices_before(door: Door, owner: SignedIn) -> None:
    witness = await door.join(ROOM)
    visitor = await door.knock(ROOM, "v=2")
    await witness.is_caught_up()
    assert door.site.hub.members(ROOM) == 1
    await visitor.send("hello", token=owner.access_token, displayName="Olivia at work", id=1)
    await visitor.come_in()
    assert visitor.role == "host"
    await witness.expect("presence", clientId=visitor.id, displayName="Olivia at work", role="host")


async def test_a_program_may_bring_its_token_in_the_hello_only(door: Door, owner: SignedIn) -> None:
    visitor = await door.knock(ROOM, "v=2", origin=None)
    await visitor.send("hello", token=owner.access_token)
    assert (await visitor.come_in()).role == "host"
    visitor = await door.knock(ROOM, "v=2", origin=None)
    await visitor.send("hello", displayName="No token")
    assert await visitor.refusal() == ("forbidden", 4501, "forbidden")


async def test_a_guest_says_hello_with_a_name(door: Door, owner: SignedIn) -> None:
    visitor = await door.knock(ROOM, "v=2")
    await visitor.send("hello", displayName="  Gina ")
    await visitor.come_in()
    assert (visitor.role, visitor.people[0]["displayName"]) == ("guest", "Gina")


async def test_what_is_sent_right_after_the_hello_is_handled_in_order(door: Door, owner: SignedIn) -> None:
    visitor = await door.knock(ROOM, "v=2")
    await visitor.send("hello")
    for number in range(3):
        await visitor.send("chat", text=str(number))
    await visitor.come_in()
    assert [(await visitor.expect("chat"))["text"] for _ in range(3)] == ["0", "1", "2"]


async def test_anything_but_a_hello_ends_it(door: Door, owner: SignedIn) -> None:
    for first in ('{"type":"chat","text":"hi"}', '{"type":"hello","token":5}', "{", "", b"\x00", '{"type":"leave"}'):
        visitor = await door.knock(ROOM, "v=2")
        await visitor.send_raw(first)
        assert await visitor.end() == (4506, "bad_protocol")


async def test_a_hello_with_a_bad_name_ends_it(door: Door, owner: SignedIn) -> None:
    for name in ("\u202eaivilO", "\u200b", "\t"):
        visitor = await door.knock(ROOM, "v=2")
        await visitor.send("hello", displayName=name)
        assert await visitor.refusal() == ("bad_protocol", 4506, "bad_protocol")


async def test_a_hello_with_a_forged_token_ends_it(door: Door, owner: SignedIn) -> None:
    visitor = await door.knock(ROOM, "v=2")
    await visitor.send("hello", token="forged")
    assert await visitor.refusal() == ("unauthenticated", 4500, "unauthenticated")


@pytest.mark.parametrize("signaling_overrides", [{"hello_timeout": timedelta(milliseconds=150)}])
async def test_silence_instead_of_a_hello_ends_it(door: Door, owner: SignedIn) -> None:
    visitor = await door.knock(ROOM, "v=2")
    assert await visitor.end() == (4506, "bad_protocol")
    await until(lambda: door.site.is_empty)


async def test_a_second_hello_is_refused(door: Door, pair: tuple[Visitor, Visitor]) -> None:
    await pair[0].send("hello", id=3)
    await pair[0].expect("error", code="unexpected_hello", ref=3)


# --- frames that are wrong -------------------------------------------------------------------------------------------


DEEP = "[" * 10_000 + "]" * 10_000
BAD_FRAMES: tuple[tuple[str | bytes, str], ...] = (
    (b"\x01\x02", "binary_frame"),
    (b"", "binary_frame"),
    ("", "bad_json"),
    ("{", "bad_json"),
    ('{"type":"chat","text":"\\ud800"}', "bad_json"),
    (DEEP, "too_deep"),
    ('{"type":"webrtc","action":"offer","to":"b","sdp":"v=0","from":' + DEEP + "}", "too_deep"),
    ('{"type":"chat","text":"hi","colour":"red"}', "unknown_field"),
    ('{"type":"welcome","clientId":"a"}', "server_only_type"),
    ('{"type":"presence","action":"leave","clientId":"a"}', "server_only_type"),
    ('{"type":"shout"}', "unknown_type"),
    ('{"type":"chat","text":5}', "bad_frame"),
    ('{"type":"chat","text":" "}', "bad_text"),
    ('{"type":"profile","displayName":"\\u202e"}', "bad_name"),
)


async def test_a_bad_frame_is_answered_and_the_call_goes_on(door: Door, owner: SignedIn) -> None:
    for frame, code in BAD_FRAMES:
        visitor = await door.join(ROOM)
        await visitor.send_raw(frame)
        await visitor.expect("error", code=code, retryable=False)
        await visitor.is_caught_up()
        await visitor.go()
        await until(lambda: door.site.is_empty)


async def test_the_third_malformed_frame_closes(door: Door, pair: tuple[Visitor, Visitor]) -> None:
    first, second = pair
    for number, frame in enumerate(("{", b"\x00", '{"type":"ack","id":1}')):
        await first.send_raw(frame)
        await first.expect("error")
        if number < 2:
            await first.is_caught_up()
            await second.expect("chat")
    assert await first.end() == (4506, "bad_protocol")
    await second.expect("presence", action="leave", clientId=first.id)


async def test_invalid_utf8_closes_with_1007(door: Door, pair: tuple[Visitor, Visitor]) -> None:
    for fragments in ([b'"\xff"'], [b'"\xc3', b'("'], [b'"\xe2\x82', b'"']):
        client = await (await door.raw(ROOM)).come_in()
        await pair[0].expect("presence", action="join")
        for number, fragment in enumerate(fragments):
            kind = TEXT if number == 0 else CONTINUATION
            await client.send(kind, fragment, final=number == len(fragments) - 1)
        assert (await client.end())[0] == 1007
        await client.send(CLOSE, struct.pack("!H", 1007))
        client.close()
        await pair[0].expect("presence", action="leave")


async def test_a_character_may_be_split_between_fragments(door: Door, owner: SignedIn) -> None:
    client = await (await door.raw(ROOM)).come_in()
    text = '{"type":"chat","text":"😀"}'.encode()
    at = text.index("😀".encode()) + 2
    await client.send(TEXT, text[:at], final=False)
    await client.send(CONTINUATION, text[at:])
    assert (await client.expect("chat"))["text"] == "😀"


def padded(size: int) -> str:
    """Return a chat frame of exactly this many bytes."""
    frame = '{"type":"chat","text":"fits"}'
    return frame[:-1] + " " * (size - len(frame)) + "}"


async def test_64_kib_pass(door: Door, pair: tuple[Visitor, Visitor]) -> None:
    first, second = pair
    whole = padded(MAX_FRAME)
    assert len(whole) == MAX_FRAME
    await first.send_raw(whole)
    await first.send_raw([whole[:1], whole[1:60_000], whole[60_000:]])
    for visitor in (first, first, second, second):
        await visitor.expect("chat", text="fits")


@pytest.mark.parametrize("size", [MAX_FRAME + 1, 1_000_000])
async def test_a_larger_frame_closes_with_1009(door: Door, pair: tuple[Visitor, Visitor], size: int) -> None:
    first, second = pair
    client = await (await door.raw(ROOM)).come_in()
    for visitor in pair:
        await visitor.expect("presence", action="join")
    with contextlib.suppress(ConnectionError):  # the server may hang up before it has taken all of it
        await client.send(TEXT, padded(size).encode())
    with contextlib.suppress(ConnectionError):
        assert (await client.end())[0] == 1009
    client.close()
    for visitor in (first, second):
        await visitor.expect("presence", action="leave")
        await visitor.send("media", audio=True, video=True)


async def test_one_byte_too_many_closes_with_1009(door: Door, owner: SignedIn) -> None:
    client = await (await door.raw(ROOM)).come_in()
    await client.send(TEXT, padded(MAX_FRAME + 1).encode())
    assert (await client.end())[0] == 1009
    await client.send(CLOSE, struct.pack("!H", 1009))
    await client.is_cut()
    await until(lambda: door.site.is_empty)


async def test_fragments_are_counted_together(door: Door, owner: SignedIn) -> None:
    for kind in (TEXT, BINARY):
        client = await (await door.raw(ROOM)).come_in()
        await client.send(kind, b" " * 40_000, final=False)
        await client.send(CONTINUATION, b" " * 40_000, final=False)
        code, _ = await client.end()
        # A binary message is refused in any size, and the gateway does so with its first fragment.
        assert code == 1009 or (kind == BINARY and code == 4506)
        client.close()
    await until(lambda: door.site.is_empty)


@pytest.mark.parametrize("kind", [TEXT, BINARY], ids=["text", "binary"])
async def test_an_endless_message_takes_no_memory(door: Door, owner: SignedIn, kind: int) -> None:
    client = await (await door.raw(ROOM)).come_in()
    fragment = b" " * 32 * 1024
    before = peak = resident_bytes()
    sent = 0
    with contextlib.suppress(ConnectionError):
        await client.send(kind, fragment, final=False)
        while sent < 20 * MEBIBYTE:
            await client.send(CONTINUATION, fragment, final=False)
            sent += len(fragment)
            peak = max(peak, resident_bytes())
    assert peak - before < 10 * MEBIBYTE
    client.close()
    await until(lambda: door.site.is_empty)


async def test_control_frames_may_stand_between_fragments(door: Door, owner: SignedIn) -> None:
    client = await (await door.raw(ROOM)).come_in()
    await client.send(TEXT, b'{"type":"chat",', final=False)
    await client.send(PING, b"are you there?")
    assert await client.next() == (PONG, b"are you there?")
    await client.send(CONTINUATION, b'"text":', final=False)
    await client.send(PONG)
    await client.send(CONTINUATION, b'"whole"}')
    assert (await client.expect("chat"))["text"] == "whole"


async def test_a_breach_of_the_framing_ends_the_connection(door: Door, owner: SignedIn) -> None:
    breaches: tuple[tuple[tuple[int, bool], ...], ...] = (
        ((CONTINUATION, True),),
        ((CONTINUATION, False),),
        ((TEXT, False), (TEXT, True)),
        ((TEXT, False), (BINARY, True)),
        ((0x3, True),),
        ((0xB, True),),
        ((PING, False),),
    )
    for frames in breaches:
        client = await (await door.raw(ROOM)).come_in()
        for kind, final in frames:
            await client.send(kind, b"{}", final=final)
        assert (await client.end())[0] == 1002, frames
        client.close()
        await until(lambda: door.site.is_empty)


async def test_nothing_follows_the_close_after_a_breach(door: Door, owner: SignedIn) -> None:
    talker = await door.join(ROOM)
    client = await (await door.raw(ROOM)).come_in()
    to = (await talker.expect("presence", action="join"))["clientId"]
    await client.send(0x3, b"no such opcode")
    for number in range(20):  # some are read in the same turn of the loop as the breach, some just after it
        await talker.send("webrtc", action="ice", to=to, candidate={"candidate": str(number)})
        await asyncio.sleep(0)
    assert (await client.end())[0] == 1002
    with pytest.raises(ConnectionError):
        await client.next()


async def test_an_unmasked_frame_ends_the_connection(door: Door, owner: SignedIn) -> None:
    client = await (await door.raw(ROOM)).come_in()
    await client.send(TEXT, b'{"type":"chat","text":"hi"}', masked=False)
    assert (await client.end())[0] == 1002
    client.close()
    await until(lambda: door.site.is_empty)


async def test_a_close_is_answered_lawfully(door: Door, owner: SignedIn) -> None:
    closes: tuple[tuple[bytes, set[int | None]], ...] = (
        (b"", {None, 1000}),
        (struct.pack("!H", 1000) + b"bye", {1000}),
        (struct.pack("!H", 1001), {1001}),
        (struct.pack("!H", 4999), {4999}),
        (struct.pack("!H", 1000) + b"\xff", {1007, 1002}),
        (struct.pack("!H", 1005), {1002}),
        (struct.pack("!H", 999), {1002}),
        (b"\x03", {1002}),
    )
    for payload, answers in closes:
        client = await (await door.raw(ROOM)).come_in()
        await client.send(CLOSE, payload)
        assert (await client.end())[0] in answers, payload
        await client.is_cut()
        await until(lambda: door.site.is_empty)


async def test_compression_is_not_agreed_on(door: Door, owner: SignedIn) -> None:
    visitor = await door.knock(ROOM, compression="deflate")
    assert visitor.connection.request is not None
    assert "permessage-deflate" in visitor.connection.request.headers["Sec-WebSocket-Extensions"]
    assert visitor.connection.response is not None
    assert "Sec-WebSocket-Extensions" not in visitor.connection.response.headers
    await visitor.come_in()


async def test_a_compressed_frame_ends_the_connection(door: Door, owner: SignedIn) -> None:
    client = await (await door.raw(ROOM)).come_in()
    await client.send_bytes(bytes([0xC1, 0x82, 0, 0, 0, 0]) + b"{}")  # RSV1 set without an agreement (RFC 6455 §5.2)
    assert (await client.end())[0] == 1002


# --- too much and too slow -------------------------------------------------------------------------------------------


async def test_a_flood_is_refused_and_then_cut(door: Door, pair: tuple[Visitor, Visitor]) -> None:
    first, second = pair
    for number in range(CHAT_PER_WINDOW + 1):
        await first.send("chat", text="hello", id=number)
    for _ in range(CHAT_PER_WINDOW):
        await first.expect("chat")
        await second.expect("chat")
    await first.expect("error", code="rate_limited", retryable=True, ref=CHAT_PER_WINDOW)
    for _ in range(REFUSALS_PER_WINDOW + 40):
        with contextlib.suppress(ConnectionError):
            await first.send("chat", text="hello")
    assert await first_close(first) == (4003, "rate_limited")
    await second.expect("presence", action="leave", clientId=first.id)


async def test_candidates_have_room_of_their_own(door: Door, pair: tuple[Visitor, Visitor]) -> None:
    first, second = pair
    for number in range(CANDIDATES_PER_WINDOW):
        await first.send("webrtc", action="ice", to=second.id, candidate={"candidate": str(number)})
    received = [(await second.expect("webrtc"))["candidate"]["candidate"] for _ in range(CANDIDATES_PER_WINDOW)]
    assert received == [str(number) for number in range(CANDIDATES_PER_WINDOW)]
    await first.is_caught_up()


async def test_a_member_that_does_not_read_is_cut_off_and_others_go_on(
    door: Door, pair: tuple[Visitor, Visitor]
) -> None:
    talker, other = pair
    stalled = await door.raw(ROOM, receive_buffer=4096)
    stalled_id = (await talker.expect("presence", action="join"))["clientId"]
    await other.expect("presence", action="join")
    sdp = "x" * 60_000
    before = peak = resident_bytes()
    for _ in range(50):
        await talker.send("webrtc", action="offer", to=stalled_id, sdp=sdp)
        peak = max(peak, resident_bytes())
    await other.expect("presence", action="leave", clientId=stalled_id)
    await talker.expect("presence", action="leave", clientId=stalled_id)
    await talker.send("webrtc", action="offer", to=stalled_id, sdp=sdp)
    await talker.expect("error", code="unknown_peer")
    assert door.site.metric("chatter_ws_closes_total", reason="slow_consumer") == 1
    assert peak - before < 10 * MEBIBYTE
    await other.is_caught_up()
    await until(lambda: door.site.metric("chatter_ws_connections") == 2)
    await stalled.is_cut()


async def test_a_pause_in_reading_costs_nothing(door: Door, pair: tuple[Visitor, Visitor]) -> None:
    talker, _ = pair
    slow = await door.raw(ROOM, receive_buffer=4096)
    slow_id = (await talker.expect("presence", action="join"))["clientId"]
    for number in range(8):
        await talker.send("webrtc", action="offer", to=slow_id, sdp=f"{number} " + "x" * 30_000)
    await talker.is_caught_up()
    await slow.come_in()
    for number in range(8):
        frame = await slow.expect("webrtc")
        assert frame["sdp"].startswith(f"{number} ")
    assert (await slow.expect("chat"))["seq"] == 11


async def test_a_silent_peer_is_noticed_within_24_ticks(door: Door, pair: tuple[Visitor, Visitor]) -> None:
    first, second = pair
    await second.go()
    await first.expect("presence", action="leave")
    silent = await (await door.raw(ROOM)).come_in()
    silent_id = (await first.expect("presence", action="join"))["clientId"]
    for _ in range(24):
        door.site.hub.tick()
        await (await first.connection.ping())  # time enough for the first one's pong to get there
    await first.expect("presence", action="leave", clientId=silent_id)
    await silent.is_cut()
    assert door.site.metric("chatter_ws_closes_total", reason="ping_timeout") == 1
    for _ in range(24):
        door.site.hub.tick()
        await (await first.connection.ping())
    await first.is_caught_up()


# --- the end ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stalls", [False, True], ids=["readers", "stalled"])
async def test_stopping_tells_everyone_and_waits_for_nobody_long(
    door: Door, pair: tuple[Visitor, Visitor], stalls: bool
) -> None:
    hub = door.site.hub
    undecided = await door.knock(ROOM, "v=2")
    if stalls:
        await door.raw(ROOM, receive_buffer=4096)
        stalled_id = (await pair[0].expect("presence", action="join"))["clientId"]
        await pair[1].expect("presence", action="join")
        for _ in range(5):
            await pair[0].send("webrtc", action="offer", to=stalled_id, sdp="x" * 60_000)
        await pair[0].is_caught_up()
        await pair[1].expect("chat")
    loop = asyncio.get_running_loop()
    started = loop.time()
    async with asyncio.timeout(5):
        stopping = asyncio.create_task(hub.stop())
        ends = [await first_close(visitor) for visitor in (*pair, undecided)]
        await stopping
    assert ends == [(1012, "restart")] * 3
    assert loop.time() - started < hub.close_timeout + 1.0
    await until(lambda: door.site.is_empty)
    if door.name == "edge":  # that node stays, and learns from the owner
        assert await (await door.knock(ROOM)).end() == (1012, "restart")
    else:
        assert await status_of(door, ROOM) == (503, "draining")


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (b"\x03\xe8", "client"),
        (b"", "client"),
        (b"\x03\xe9", "going_away"),
        (b"\x10\x04", "abandoned"),
        (None, "abnormal"),
    ],
)
@pytest.mark.usefixtures("owner")
async def test_how_a_peer_ends_its_connection_is_counted(door: Door, frame: bytes | None, reason: str) -> None:
    client = await (await door.raw(ROOM)).come_in()
    if frame is not None:
        await client.send(CLOSE, frame)
        await client.end()
    client.close()
    await until(lambda: door.site.metric("chatter_ws_connections") == 0)
    assert door.site.metric("chatter_ws_closes_total") == 1
    assert door.site.metric("chatter_ws_closes_total", reason=reason) == 1


@pytest.mark.usefixtures("owner")
async def test_a_breach_found_by_the_websocket_layer_is_counted_as_that(door: Door) -> None:
    client = await (await door.raw(ROOM)).come_in()
    await client.send(0x3, b"no such opcode")
    await client.is_cut()
    await until(lambda: door.site.metric("chatter_ws_connections") == 0)
    assert door.site.metric("chatter_ws_closes_total", reason="protocol") == 1


async def test_nothing_is_left_of_those_who_came_and_went(door: Door, owner: SignedIn) -> None:
    await (await door.join(ROOM)).go()
    await until(lambda: door.site.is_empty)
    tasks = len(asyncio.all_tasks())
    for number in range(200):
        visitor = await door.knock(f"room-{number % 7}", f"token={owner.access_token}" if number % 3 else "")
        if number % 4 == 0:
            visitor.connection.transport.abort()
        elif number % 4 == 1:
            await visitor.send("leave")
        elif number % 4 == 2:
            await visitor.go()
        else:
            await first_close_after(visitor)
    await until(lambda: door.site.is_empty)
    await until(lambda: len(asyncio.all_tasks()) <= tasks)


async def first_close_after(visitor: Visitor) -> None:
    """Come in where possible, then go."""
    await visitor.next()
    await visitor.go()
