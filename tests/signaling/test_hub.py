"""Who comes in, who has to go, and that all see the same."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from signaling.core.room import RoomRules
from signaling.errors import Close
from signaling.link import LinkRequest
from tests.signaling.fakes import NOW, ORIGIN, OWNER, ROOM, FakeTransport, Switchboard, id_of, people_of, send, settle


async def refused(board: Switchboard, query: str = "", **how: Any) -> tuple[str, tuple[int, str] | None]:
    transport = board.connect(query, **how)
    await settle()
    [frame] = transport.frames
    assert (frame["type"], frame["seq"]) == ("error", 1)
    assert board.metric("chatter_ws_handshakes_total", result=frame["code"]) + board.metric(
        "chatter_ws_handshakes_total", result="other"
    )
    return frame["code"], transport.closed


def check_all_agree(board: Switchboard, *present: FakeTransport) -> None:
    members = sorted(id_of(transport) for transport in present)
    for transport in present:
        assert sorted(people_of(transport)) == members
        numbered = [frame["seq"] for frame in transport.frames if frame["type"] != "ack"]
        assert numbered == list(range(1, len(numbered) + 1))
    assert board.hub.members(ROOM) == len(members)


# --- the door --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("origin", "query", "room", "answer"),
    [
        (ORIGIN, "", ROOM, None),
        (ORIGIN, "token=t", ROOM, None),
        (None, "token=t", ROOM, None),
        (None, "ticket=t", ROOM, None),
        (None, "v=2", ROOM, None),
        (None, "", ROOM, (403, "bad_origin")),
        ("null", "token=t", ROOM, (403, "bad_origin")),
        (ORIGIN + "x", "token=t", ROOM, (403, "bad_origin")),
        (ORIGIN[:-1], "", ROOM, (403, "bad_origin")),
        ("", "token=t", ROOM, (403, "bad_origin")),
        (ORIGIN, "", "Bad", (404, "room_not_found")),
    ],
)
async def test_the_handshake_is_checked(
    origin: str | None, query: str, room: str, answer: tuple[int, str] | None
) -> None:
    headers = {} if origin is None else {"origin": origin}
    assert Switchboard().hub.refusal(LinkRequest.parse(room, query, headers)) == answer


async def test_a_guest_is_called_guest_and_a_user_by_name() -> None:
    board = Switchboard()
    board.authenticator.add("t", OWNER)
    guest, host = await board.join(), await board.join("token=t")
    assert [frame["role"] for frame in (guest.frames[0], host.frames[0])] == ["guest", "host"]
    assert [person["displayName"] for person in host.frames[1]["participants"]] == ["Guest", "user1"]
    check_all_agree(board, guest, host)


async def test_the_welcome_names_the_stun_servers() -> None:
    board = Switchboard(stun_urls=("stun:stun.example.org",))
    assert (await board.join()).frames[0]["iceServers"] == [{"urls": ["stun:stun.example.org"]}]


async def test_a_ticket_is_spent() -> None:
    board = Switchboard()
    board.authenticator.add("ticket", 5)
    await board.join("ticket=ticket")
    assert await refused(board, "ticket=ticket") == ("unauthenticated", (4500, "unauthenticated"))


async def test_the_token_of_the_hello_counts() -> None:
    board = Switchboard()
    board.authenticator.add("t", OWNER)
    transport = board.connect("v=2&token=other")
    send(transport, "hello", token="t", displayName=" Olivia ")
    await settle()
    assert transport.frames[0]["role"] == "host"
    assert transport.frames[1]["participants"][0]["displayName"] == "Olivia"


async def test_refusals() -> None:
    board = Switchboard()
    board.authenticator.expired.add("old")
    board.directory.rooms["private"] = RoomRules(OWNER, guests_allowed=False, max_members=3)
    assert await refused(board, "token=forged") == ("unauthenticated", (4500, "unauthenticated"))
    assert await refused(board, "token=old") == ("credentials_expired", (4004, "credentials_expired"))
    assert await refused(board, room="nowhere") == ("room_not_found", (4505, "room_not_found"))
    assert await refused(board, room="private") == ("room_not_found", (4505, "room_not_found"))
    board.authenticator.down = True
    assert await refused(board, "token=t") == ("internal_error", (4005, "internal_error"))
    assert board.metric("chatter_rooms") == 0


async def test_without_origin_and_token_a_hello_is_not_enough() -> None:
    board = Switchboard()
    transport = board.connect("v=2", origin=None)
    send(transport, "hello", displayName="Nobody")
    await settle()
    assert transport.closed == (4501, "forbidden")


async def test_a_bad_name_in_the_hello_leaves_no_room_behind() -> None:
    board = Switchboard()
    transport = board.connect("v=2")
    send(transport, "hello", displayName="\u202e")
    await settle()
    assert transport.closed == (4506, "bad_protocol")
    assert board.metric("chatter_rooms") == 0


async def test_a_fault_of_ours_is_logged_and_told_without_detail(caplog: pytest.LogCaptureFixture) -> None:
    board = Switchboard()
    board.authenticator.broken = True
    with caplog.at_level(logging.ERROR):
        assert await refused(board, "token=secret-token") == ("internal_error", (4005, "internal_error"))
    assert "entering a room failed" in caplog.text
    assert "secret-token" not in caplog.text


async def test_the_room_is_full_even_for_those_who_came_at_the_same_moment() -> None:
    board = Switchboard()
    board.directory.gate.clear()
    transports = [board.connect() for _ in range(5)]
    await settle()
    board.directory.gate.set()
    await settle()
    inside = [transport for transport in transports if transport.closed is None]
    assert len(inside) == 3
    assert {transport.closed for transport in transports if transport.closed} == {(4504, "room_full")}
    check_all_agree(board, *inside)
    assert board.metric("chatter_rooms") == 1


async def test_a_running_room_is_not_looked_up_again() -> None:
    board = Switchboard()
    await board.join()
    asked = board.directory.asked
    await board.join()
    assert board.directory.asked == asked


async def test_an_empty_room_is_gone() -> None:
    board = Switchboard()
    first = await board.join()
    first.disconnect()
    assert (board.metric("chatter_rooms"), board.metric("chatter_participants"), board.hub.members()) == (0, 0, 0)
    second = await board.join()
    assert people_of(second) == [id_of(second)]


# --- what happens while someone is entering ---------------------------------------------------------------------------


async def test_a_device_signed_out_while_entering_stays_out() -> None:
    board = Switchboard()
    board.authenticator.add("t", 5, session_id="phone")
    board.authenticator.gate.clear()
    transport = board.connect("token=t")
    await settle()
    await board.hub.sessions_ended(["phone"])
    board.authenticator.gate.set()
    await settle()
    assert transport.closed == (4509, "signed_out")
    assert board.hub.members() == 0


async def test_a_device_signed_out_while_its_room_is_looked_up_stays_out() -> None:
    board = Switchboard()
    board.authenticator.add("t", 5, session_id="phone")
    board.directory.gate.clear()
    transport = board.connect("token=t")
    await settle()
    await board.hub.sessions_ended(["phone"])
    assert transport.closed == (4509, "signed_out")
    board.directory.gate.set()
    await settle()
    assert (transport.frames, board.hub.members()) == ([], 0)


async def test_a_room_closed_while_someone_enters_lets_nobody_in() -> None:
    board = Switchboard()
    board.directory.gate.clear()
    transport = board.connect()
    await settle()
    board.hub.close_room(ROOM)
    assert transport.closed == (4508, "room_closed")
    board.directory.gate.set()
    await settle()
    assert (board.hub.members(), board.metric("chatter_rooms")) == (0, 0)


async def test_rules_changed_while_the_first_one_enters_hold() -> None:
    board = Switchboard()
    board.directory.gate.clear()
    transport = board.connect()
    await settle()
    board.directory.rooms[ROOM] = RoomRules(OWNER, guests_allowed=False, max_members=3)
    board.hub.change_rules(ROOM, board.directory.rooms[ROOM])
    board.directory.gate.set()
    await settle()
    assert transport.closed == (4505, "room_not_found")


async def test_a_connection_accepted_while_stopping_is_told() -> None:
    board = Switchboard()
    await board.hub.stop()
    transport = board.connect()
    assert transport.closed == (1012, "restart")
    await settle()
    assert transport.frames == []


# --- what ends a connection -------------------------------------------------------------------------------------------


async def test_ended_sessions_close_their_connections_only() -> None:
    board = Switchboard()
    board.authenticator.add("phone", 5, session_id="phone")
    board.authenticator.add("laptop", 5, session_id="laptop")
    first, second, guest = await board.join("token=phone"), await board.join("token=laptop"), await board.join()
    assert board.hub.device_sessions() == {"phone", "laptop"}
    await board.hub.sessions_ended({"phone", "unknown"})
    assert [transport.closed for transport in (first, second, guest)] == [(4509, "signed_out"), None, None]
    check_all_agree(board, second, guest)


async def test_ended_sessions_are_not_remembered_for_ever() -> None:
    board = Switchboard()
    board.authenticator.add("t", 5, session_id="phone")
    await board.hub.sessions_ended({"phone"})
    assert await refused(board, "token=t") == ("signed_out", (4509, "signed_out"))
    board.clock.now += 61
    board.hub.tick()
    await board.join("token=t")  # by now the authenticator would refuse it itself


async def test_credentials_that_ran_out_end_the_connection() -> None:
    board = Switchboard()
    board.authenticator.add("short", 5, lasts=60)
    board.authenticator.add("long", 6, lasts=600)
    short, long, guest = await board.join("token=short"), await board.join("token=long"), await board.join()
    for transport in (short, long, guest):
        transport.answers_pings = True
    board.clock.now = NOW + 59
    for _ in range(10):
        board.hub.tick()
    assert short.closed is None
    board.clock.now = NOW + 60
    for _ in range(10):
        board.hub.tick()
    assert [transport.closed for transport in (short, long, guest)] == [(4004, "credentials_expired"), None, None]
    check_all_agree(board, long, guest)


async def test_changed_rules_hold_for_those_who_come_next() -> None:
    board = Switchboard()
    board.authenticator.add("t", 5)
    guest = await board.join()
    board.hub.change_rules(ROOM, RoomRules(OWNER, guests_allowed=False, max_members=2))
    assert guest.closed is None
    assert await refused(board) == ("room_not_found", (4505, "room_not_found"))
    member = await board.join("token=t")
    assert member.frames[0]["limits"]["members"] == 2
    assert await refused(board, "token=t") == ("room_full", (4504, "room_full"))
    board.hub.change_rules("elsewhere", RoomRules(OWNER, guests_allowed=False, max_members=2))


async def test_a_closed_room_ends_for_all_in_it_and_nobody_else() -> None:
    board = Switchboard()
    board.directory.rooms["other"] = board.directory.rooms[ROOM]
    inside, waiting, other = await board.join(), board.connect("v=2"), await board.join(room="other")
    board.hub.close_room(ROOM)
    assert [transport.closed for transport in (inside, waiting, other)] == [(4508, "room_closed")] * 2 + [None]


async def test_a_slow_consumer_is_cut_off_and_others_go_on() -> None:
    board = Switchboard()
    talker = await board.join()
    slow = await board.join(size=600)
    for number in range(20):
        send(talker, "webrtc", action="offer", to=id_of(slow), sdp="x" * 400, id=number)
        if slow.closed is not None:
            break
    assert slow.closed == (4000, "slow_consumer")
    assert talker.kinds()[-1] == "presence"
    check_all_agree(board, talker)


async def test_a_slow_moment_is_forgiven() -> None:
    board = Switchboard()
    slow, talker = await board.join(size=700), await board.join()
    for number in range(8):
        send(talker, "chat", text=str(number))
    assert slow.kinds().count("chat") < 8
    slow.read()
    assert [frame["text"] for frame in slow.frames if frame["type"] == "chat"] == [str(number) for number in range(8)]
    check_all_agree(board, slow, talker)


async def make_slow(transport: FakeTransport, talker: FakeTransport) -> None:
    """Fill someone's outbox to the brim."""
    assert transport.link is not None
    transport.link.pause()
    while transport.link.held_bytes < 3900:
        send(talker, "webrtc", action="offer", to=id_of(transport), sdp="x" * 100)


async def test_someone_cut_off_by_the_news_of_a_join_is_gone_for_the_newcomer_too() -> None:
    board = Switchboard(limits_scale=100)
    slow, talker = await board.join(), await board.join()
    await make_slow(slow, talker)
    newcomer = await board.join()
    assert slow.closed == (4000, "slow_consumer")
    check_all_agree(board, talker, newcomer)


async def test_all_hear_the_last_words_of_a_speaker_before_it_is_cut_off() -> None:
    board = Switchboard(limits_scale=100)
    slow, talker, other = await board.join(), await board.join(), await board.join()
    await make_slow(slow, talker)
    send(slow, "profile", displayName="N" * 64)
    send(slow, "chat", text="x" * 200)
    assert slow.closed == (4000, "slow_consumer")
    heard = [
        [frame["type"] for frame in transport.frames if id_of(slow) in frame.values()][-3:]
        for transport in (talker, other)
    ]
    assert heard[0] == heard[1]
    assert heard[0][-1] == "presence"
    check_all_agree(board, talker, other)


async def test_a_newcomer_that_takes_nothing_is_cut_off_and_gone() -> None:
    board = Switchboard(outbox_bytes=10)
    witness = await board.join()
    newcomer = board.connect(size=1)
    await settle()
    assert newcomer.closed == (4000, "slow_consumer")
    check_all_agree(board, witness)
    assert newcomer.link is not None
    assert newcomer.link.session is None


# --- acknowledgements -------------------------------------------------------------------------------------------------


async def test_acknowledgements_are_gathered() -> None:
    board = Switchboard(limits_scale=100)
    first, second = await board.join(), await board.join()
    for number in range(10):
        send(first, "media", audio=True, video=True, id=number)
    send(second, "chat", text="x", id=7)
    async with asyncio.timeout(5):
        while "ack" not in second.kinds():  # noqa: ASYNC110  # what is waited for has no event
            await asyncio.sleep(0.005)
    assert [frame["id"] for frame in first.frames if frame["type"] == "ack"] == [9]
    assert [frame for frame in second.frames if frame["type"] == "ack"] == [{"type": "ack", "id": 7}]
    check_all_agree(board, first, second)


# --- stopping ---------------------------------------------------------------------------------------------------------


async def test_stopping_tells_all_and_cuts_those_who_do_not_answer() -> None:
    board = Switchboard()
    board.hub.start()
    polite, deaf, waiting = await board.join(), await board.join(), board.connect("v=2")
    stopping = asyncio.create_task(board.hub.stop())
    await settle()
    assert [transport.closed for transport in (polite, deaf, waiting)] == [(1012, "restart")] * 3
    polite.disconnect()
    assert not stopping.done()
    async with asyncio.timeout(5):
        await stopping
    assert [transport.gone for transport in (polite, deaf, waiting)] == [True] * 3
    assert board.hub.draining
    assert board.hub.refusal(LinkRequest.parse(ROOM, "", {"origin": ORIGIN})) == (503, "draining")
    assert board.hub.refusals.newest(ROOM) == "draining"
    assert (board.metric("chatter_ws_connections"), board.metric("chatter_rooms")) == (0, 0)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_stopping_an_empty_hub_takes_no_time() -> None:
    board = Switchboard()
    await board.hub.stop()
    await board.hub.stop()


async def test_stopping_ends_those_who_are_entering() -> None:
    board = Switchboard()
    board.directory.gate.clear()
    transport = board.connect()
    await settle()
    async with asyncio.timeout(5):
        await board.hub.stop()
    assert transport.closed == (1012, "restart")
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_leaving_is_a_normal_close() -> None:
    board = Switchboard()
    transport = await board.join()
    send(transport, "leave")
    assert transport.closed == (Close.NORMAL.code, "normal")
    assert board.metric("chatter_ws_closes_total", reason="client") == 1
