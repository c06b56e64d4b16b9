"""One connection, from the handshake to its end, over a transport that fails whoever breaks its rules."""

from __future__ import annotations

import asyncio
import json

import pytest

from signaling.core.messages import MAX_FRAME_BYTES
from signaling.errors import Close
from signaling.link import LinkRequest, Phase, client_address
from tests.signaling.fakes import ORIGIN, ROOM, FakeTransport, Switchboard, id_of, send, settle


async def until_closed(transport: FakeTransport) -> tuple[int, str]:
    async with asyncio.timeout(5):
        while transport.closed is None:  # noqa: ASYNC110  # what is waited for has no event
            await asyncio.sleep(0.001)
    return transport.closed


# --- the handshake ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "token", "ticket", "first"),
    [
        ("", None, None, False),
        ("token=abc", "abc", None, False),
        ("ticket=abc&v=2", None, "abc", True),
        ("token=a%2Bb", "a+b", None, False),
        ("token=first&token=second", "first", None, False),
        ("token=&ticket=", None, None, False),
        ("TOKEN=abc&v=1", None, None, False),
        ("v=22&&&=&x", None, None, False),
        ("token=%ff%00", "\ufffd\x00", None, False),
    ],
)
def test_the_query_says_who_comes(query: str, token: str | None, ticket: str | None, first: bool) -> None:
    request = LinkRequest.parse(ROOM, query, {})
    assert (request.token, request.ticket, request.speaks_first) == (token, ticket, first)
    assert request.has_credentials is (token is not None or ticket is not None)


def test_the_headers_say_from_where() -> None:
    request = LinkRequest.parse(ROOM, "", {"origin": ORIGIN, "x-forwarded-for": "203.0.113.7", "cookie": "a=b"})
    assert (request.room_id, request.origin, request.address) == (ROOM, ORIGIN, "")
    assert request.seen_from("192.0.2.1", 0).address == "192.0.2.1"
    assert request.seen_from("192.0.2.1", 1).address == "203.0.113.7"
    assert LinkRequest.parse(ROOM, "", {}).origin is None


@pytest.mark.parametrize(
    ("forwarded", "hops", "address"),
    [
        (None, 0, "192.0.2.1"),
        (None, 1, "192.0.2.1"),
        ("", 1, "192.0.2.1"),
        ("203.0.113.7", 0, "192.0.2.1"),
        ("203.0.113.7", 1, "203.0.113.7"),
        ("6.6.6.6, 203.0.113.7", 1, "203.0.113.7"),  # what stands before was claimed by the client
        ("6.6.6.6, 203.0.113.7 , 10.0.0.1", 2, "203.0.113.7"),
        ("203.0.113.7", 2, "203.0.113.7"),
        ("::ffff:203.0.113.7", 1, "203.0.113.7"),
        ("2001:db8::1", 1, "2001:db8::1"),
    ],
)
def test_the_address_is_what_trusted_proxies_saw(forwarded: str | None, hops: int, address: str) -> None:
    assert client_address("192.0.2.1", forwarded, hops) == address


def test_an_ipv4_peer_of_a_dual_socket_has_its_plain_address() -> None:
    assert client_address("::ffff:192.0.2.1", None, 0) == "192.0.2.1"


# --- phases ----------------------------------------------------------------------------------------------------------


async def test_without_hello_it_enters_at_once() -> None:
    board = Switchboard()
    transport = board.connect()
    link = transport.link
    assert link is not None
    phases = [link.phase]
    await settle()
    phases.append(link.phase)
    link.close(Close.NORMAL)
    phases.append(link.phase)
    assert phases == [Phase.ENTERING, Phase.JOINED, Phase.CLOSED]
    assert transport.kinds() == ["welcome", "participants"]


async def test_with_v2_it_waits_for_the_hello() -> None:
    board = Switchboard()
    transport = board.connect("v=2")
    await settle()
    assert transport.frames == []
    send(transport, "hello", displayName="Gina")
    await settle()
    assert transport.kinds() == ["welcome", "participants"]
    await asyncio.sleep(board.hub.hello_timeout * 2)  # the deadline is off
    assert transport.closed is None


async def test_no_hello_in_time_ends_it() -> None:
    board = Switchboard()
    transport = board.connect("v=2")
    assert await until_closed(transport) == (4506, "bad_protocol")


@pytest.mark.parametrize("first", ["{", '{"type":"leave"}', '{"type":"hello","x":1}', ""])
async def test_anything_but_a_hello_ends_it(first: str) -> None:
    transport = Switchboard().connect("v=2")
    assert transport.link is not None
    transport.link.text(first)
    assert transport.closed == (4506, "bad_protocol")


@pytest.mark.parametrize("query", ["", "v=2"])
async def test_a_binary_frame_before_the_welcome_ends_it(query: str) -> None:
    board = Switchboard()
    transport = board.connect(query)
    assert transport.link is not None
    transport.link.binary()
    assert transport.closed == (4506, "bad_protocol")
    await settle()
    assert transport.frames == []
    assert board.hub.members() == 0


async def test_early_frames_are_handled_in_order_once_in() -> None:
    board = Switchboard()
    board.directory.gate.clear()
    transport = board.connect()
    for number in range(3):
        send(transport, "chat", text=str(number))
    await settle()
    assert transport.frames == []
    board.directory.gate.set()
    await settle()
    assert [frame.get("text") for frame in transport.frames] == [None, None, "0", "1", "2"]


async def test_an_early_leave_ends_it_and_what_follows_is_not_heard() -> None:
    board = Switchboard()
    witness = await board.join()
    board.authenticator.add("t", 5)
    transport = board.connect("token=t")
    send(transport, "leave")
    send(transport, "chat", text="ghost")
    await settle()
    assert transport.closed == (1000, "normal")
    assert witness.kinds() == ["welcome", "participants", "presence", "presence"]
    assert board.hub.members() == 1


async def test_early_frames_are_bounded_in_number() -> None:
    board = Switchboard()
    board.directory.gate.clear()
    transport = board.connect()
    for _ in range(32):
        send(transport, "media", audio=True, video=True)
    assert transport.closed is None
    send(transport, "media", audio=True, video=True)
    assert transport.closed == (4003, "rate_limited")


async def test_early_frames_are_bounded_in_size() -> None:
    board = Switchboard()
    board.directory.gate.clear()
    transport = board.connect()
    assert transport.link is not None
    transport.link.text(" " * MAX_FRAME_BYTES)
    assert transport.closed is None
    transport.link.text(" ")
    assert transport.closed == (4003, "rate_limited")


async def test_too_many_from_one_address_are_sent_away() -> None:
    board = Switchboard(max_connections_per_address=2, limits_scale=1.0)
    first, _ = board.connect("v=2"), board.connect("v=2")
    assert board.connect("v=2").closed == (4003, "rate_limited")
    assert board.connect("v=2", address="192.0.2.2").closed is None
    first.disconnect()
    crowded = [transport for transport in (board.connect("v=2"), board.connect("v=2")) if transport.closed]
    assert crowded


# --- the end ---------------------------------------------------------------------------------------------------------


async def test_close_happens_once_under_its_first_reason() -> None:
    board = Switchboard()
    transport = await board.join()
    assert transport.link is not None
    transport.link.close(Close.KICKED)
    transport.link.close(Close.RESTART)
    assert transport.closed == (4502, "kicked")
    assert board.metric("chatter_ws_closes_total", reason="kicked") == 1
    assert board.metric("chatter_ws_closes_total", reason="drain") == 0
    assert board.metric("chatter_leaves_total") == 1


async def test_nothing_is_sent_or_handled_after_close() -> None:
    board = Switchboard()
    witness, transport = await board.join(), await board.join()
    link = transport.link
    assert link is not None
    link.close(Close.KICKED)
    before = len(transport.frames), len(witness.frames)
    link.send(b"{}", "chat")
    link.ping()
    link.text(json.dumps({"type": "chat", "text": "ghost"}))
    link.binary()
    link.resume()
    send(witness, "webrtc", action="offer", to=id_of(transport), sdp="v=0")
    assert len(transport.frames) == before[0]
    assert [frame["type"] for frame in witness.frames[before[1] :]] == ["error"]


async def test_a_peer_that_does_not_answer_the_close_is_cut() -> None:
    board = Switchboard()
    transport = await board.join()
    assert transport.link is not None
    transport.link.close(Close.KICKED)
    async with asyncio.timeout(5):
        while not transport.gone:  # noqa: ASYNC110  # what is waited for has no event
            await asyncio.sleep(0.001)
    assert board.metric("chatter_ws_connections") == 0


async def test_a_lost_connection_is_forgotten_once() -> None:
    board = Switchboard()
    witness, transport = await board.join(), await board.join()
    assert transport.link is not None
    transport.link.lost()
    transport.link.lost()
    transport.link.close(Close.RESTART)
    assert transport.closed is None
    assert witness.kinds() == ["welcome", "participants", "presence", "presence"]
    assert board.metric("chatter_leaves_total") == 1


async def test_a_connection_lost_while_entering_never_enters() -> None:
    board = Switchboard()
    board.directory.gate.clear()
    transport = board.connect()
    await settle()
    transport.disconnect()
    board.directory.gate.set()
    await settle()
    assert (transport.frames, board.hub.members(), board.metric("chatter_rooms")) == ([], 0, 0)


async def test_frames_that_wait_are_dropped_at_the_close() -> None:
    board = Switchboard()
    slow = await board.join(size=600)
    talker = await board.join()
    for _ in range(5):
        send(talker, "chat", text="x" * 200)
    assert slow.link is not None
    assert slow.link.held_bytes > 0
    slow.link.close(Close.KICKED)
    assert slow.link.held_bytes == 0
    slow.link.resume()
