"""A connection breaks, and the member comes back: nothing is lost, doubled or seen by the wrong one."""

from __future__ import annotations

from typing import Any

import pytest

from signaling.core.replay import MAX_FRAMES
from signaling.core.room import RoomRules
from tests.signaling.fakes import NOW, ORIGIN, OWNER, ROOM, FakeTransport, Switchboard, id_of, send, settle

WINDOW_S = 30


async def come_in(board: Switchboard, **hello: Any) -> FakeTransport:
    transport = board.connect("v=2")
    send(transport, "hello", **hello)
    await settle()
    assert transport.closed is None
    return transport


async def come_back(board: Switchboard, former: FakeTransport, **fields: Any) -> FakeTransport:
    transport = board.connect("v=2", room=fields.pop("room", ROOM), origin=fields.pop("origin", ORIGIN))
    asked = {"resumeToken": former.frames[0]["resumeToken"], "lastSeq": last_seq(former)} | fields
    send(transport, "resume", **asked)
    await settle()
    return transport


def last_seq(transport: FakeTransport) -> int:
    return max(int(frame.get("seq", 0)) for frame in transport.frames)


def texts(*transports: FakeTransport) -> list[str]:
    return [frame["text"] for transport in transports for frame in transport.frames if frame["type"] == "chat"]


def presences(transport: FakeTransport) -> list[tuple[str, str]]:
    return [(frame["action"], frame["clientId"]) for frame in transport.frames if frame["type"] == "presence"]


async def refused(board: Switchboard, former: FakeTransport, **fields: Any) -> tuple[int, str]:
    transport = await come_back(board, former, **fields)
    [frame] = transport.frames
    assert frame["type"] == "error"
    assert transport.closed is not None
    assert frame["code"] == transport.closed[1]
    return transport.closed


# --- coming back ------------------------------------------------------------------------------------------------------


async def test_what_was_missed_comes_in_order_and_the_others_see_lost_and_back() -> None:
    board = Switchboard()
    witness, member = await come_in(board), await come_in(board)
    assert member.frames[0]["resumeWindowMs"] == 30_000
    member.disconnect()
    send(witness, "chat", text="one")
    send(witness, "chat", text="two")
    back = await come_back(board, member)
    assert back.frames[0] == {"type": "resumed", "clientId": id_of(member)}
    assert texts(back) == ["one", "two"]
    assert [frame["seq"] for frame in back.frames[1:]] == [last_seq(member) + 1, last_seq(member) + 2]
    assert presences(witness)[1:] == [("lost", id_of(member)), ("back", id_of(member))]
    send(witness, "chat", text="three")
    assert texts(back) == ["one", "two", "three"]
    assert board.metric("chatter_ws_resumes_total", result="resumed") == 1
    assert board.metric("chatter_sessions_lost") == 0


async def test_what_was_seen_is_not_sent_again_and_what_was_not_is() -> None:
    board = Switchboard()
    witness, member = await come_in(board), await come_in(board)
    send(witness, "chat", text="one")
    send(witness, "chat", text="two")
    member.disconnect()  # "two" was written but never arrived
    back = await come_back(board, member, lastSeq=last_seq(member) - 1)
    assert texts(back) == ["two"]


async def test_the_client_learns_which_of_its_frames_arrived_and_repeats_are_dropped() -> None:
    board = Switchboard()
    witness, member = await come_in(board), await come_in(board)
    send(member, "chat", text="one", id=0)
    send(member, "chat", text="two", id=1)
    member.disconnect()
    back = await come_back(board, member)
    assert back.frames[0]["lastId"] == 1
    send(back, "chat", text="two", id=1)
    send(back, "chat", text="three", id=2)
    assert texts(witness) == ["one", "two", "three"]


async def test_a_signal_to_one_who_is_lost_arrives_after_the_return() -> None:
    board = Switchboard()
    witness, member = await come_in(board), await come_in(board)
    member.disconnect()
    send(witness, "webrtc", action="ice", to=id_of(member), candidate={"candidate": ""})
    back = await come_back(board, member)
    assert [frame["type"] for frame in back.frames] == ["resumed", "webrtc"]


async def test_a_second_connection_takes_over_at_once() -> None:
    board = Switchboard()
    witness, member = await come_in(board), await come_in(board)
    back = await come_back(board, member)
    assert member.closed == (4507, "replaced")
    member.disconnect()
    send(witness, "chat", text="still here")
    assert texts(back) == ["still here"]
    assert presences(witness)[1:] == []
    assert board.hub.members(ROOM) == 2


async def test_two_that_fight_over_a_session_harm_nobody() -> None:
    board = Switchboard()
    witness, member = await come_in(board), await come_in(board)
    current = member
    for number in range(20):
        newer = await come_back(board, member, lastSeq=last_seq(member) + number)
        assert current.closed == (4507, "replaced")
        send(witness, "chat", text=str(number))
        current = newer
    assert texts(current) == ["19"]
    assert board.hub.members(ROOM) == 2


async def test_frames_sent_right_after_the_resume_are_handled_in_order() -> None:
    board = Switchboard()
    witness, member = await come_in(board), await come_in(board)
    member.disconnect()
    back = board.connect("v=2")
    send(back, "resume", resumeToken=member.frames[0]["resumeToken"], lastSeq=last_seq(member))
    send(back, "chat", text="one", id=0)
    send(back, "chat", text="two", id=1)
    await settle()
    assert texts(witness) == texts(back) == ["one", "two"]


@pytest.mark.parametrize("code", [4000, 4001, 4003])
async def test_a_connection_cut_by_the_server_can_be_resumed(code: int) -> None:
    board = Switchboard(limits_scale=0.1)
    witness, member = await come_in(board), await come_in(board)
    if code == 4000:
        assert member.link is not None
        member.link.pause()
        while member.closed is None:
            board.clock.now += 60
            send(witness, "webrtc", action="offer", to=id_of(member), sdp="x" * 600)
    elif code == 4001:
        witness.answers_pings = True
        while member.closed is None:
            board.hub.tick()
    else:
        while member.closed is None:
            send(member, "chat", text="flood")
    assert member.closed[0] == code
    board.clock.now += 10
    back = await come_back(board, member)
    assert back.frames[0]["type"] == "resumed"
    assert presences(witness)[1:] == [("lost", id_of(member)), ("back", id_of(member))]


async def test_someone_cut_off_by_what_was_missed_is_lost_again() -> None:
    board = Switchboard(outbox_bytes=10)
    witness, member = await come_in(board), await come_in(board)
    member.disconnect()
    for _ in range(3):
        send(witness, "chat", text="x" * 100)
    back = board.connect("v=2", size=1)
    send(back, "resume", resumeToken=member.frames[0]["resumeToken"], lastSeq=last_seq(member))
    await settle()
    assert back.closed == (4000, "slow_consumer")
    assert presences(witness)[1:] == [("lost", id_of(member))]
    again = await come_back(board, member)
    assert texts(again) == ["x" * 100] * 3
    assert presences(witness)[1:] == [("lost", id_of(member)), ("back", id_of(member))]


async def test_newcomers_see_who_is_lost() -> None:
    board = Switchboard()
    member = await come_in(board)
    member.disconnect()
    newcomer = await come_in(board)
    links = {person["id"]: person["link"] for person in newcomer.frames[1]["participants"]}
    assert links == {id_of(member): "lost", id_of(newcomer): "ok"}


# --- staying away -----------------------------------------------------------------------------------------------------


async def test_after_the_window_the_member_is_gone_and_the_session_with_it() -> None:
    board = Switchboard()
    witness, member = await come_in(board), await come_in(board)
    member.disconnect()
    board.clock.now += WINDOW_S - 0.5
    board.hub.tick()
    assert board.hub.members(ROOM) == 2
    board.clock.now += 0.5
    board.hub.tick()
    assert presences(witness)[-1] == ("leave", id_of(member))
    assert await refused(board, member) == (4002, "state_lost")
    assert board.metric("chatter_ws_resumes_total", result="unknown") == 1


async def test_the_window_begins_anew_with_each_loss() -> None:
    board = Switchboard()
    member = await come_in(board)
    for _ in range(3):
        member.disconnect()
        board.clock.now += WINDOW_S - 1
        board.hub.tick()
        back = await come_back(board, member)
        assert back.frames[0]["type"] == "resumed"
        back.frames.insert(0, member.frames[0])
        member = back


async def test_the_last_one_lost_keeps_the_room_until_the_window_is_over() -> None:
    board = Switchboard()
    member = await come_in(board)
    send(member, "chat", text="before")
    member.disconnect()
    assert board.metric("chatter_rooms") == 1
    board.clock.now += WINDOW_S
    board.hub.tick()
    assert (board.metric("chatter_rooms"), board.metric("chatter_sessions_lost")) == (0, 0)


@pytest.mark.parametrize("code", [1000, 1001])
async def test_closing_on_purpose_is_leaving(code: int) -> None:
    board = Switchboard()
    witness, member = await come_in(board), await come_in(board)
    assert member.link is not None
    member.link.lost(code)
    assert presences(witness)[-1] == ("leave", id_of(member))
    assert await refused(board, member) == (4002, "state_lost")


async def test_one_who_left_cannot_resume() -> None:
    board = Switchboard()
    member = await come_in(board)
    send(member, "leave")
    assert await refused(board, member) == (4002, "state_lost")


async def test_a_session_without_v2_ends_with_its_connection() -> None:
    board = Switchboard()
    witness, member = await board.join(), await board.join()
    assert (member.frames[0]["resumeToken"], member.frames[0]["resumeWindowMs"]) == ("", 0)
    member.disconnect()
    assert presences(witness)[-1] == ("leave", id_of(member))


async def test_a_closed_room_takes_lost_members_along() -> None:
    board = Switchboard()
    member = await come_in(board)
    member.disconnect()
    board.hub.close_room(ROOM)
    assert board.metric("chatter_rooms") == 0
    assert await refused(board, member) == (4002, "state_lost")


async def test_stopping_leaves_nothing_behind() -> None:
    board = Switchboard()
    lost, open_one = await come_in(board), await come_in(board)
    lost.disconnect()
    open_one.disconnect()
    await board.hub.stop()
    assert (board.metric("chatter_rooms"), board.metric("chatter_sessions_lost")) == (0, 0)


# --- tokens that are not good -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields", [{"resumeToken": "forged"}, {"room": "elsewhere"}, {"lastSeq": 999}], ids=["forged", "foreign", "future"]
)
async def test_a_resume_that_cannot_be_harms_nobody(fields: dict[str, Any]) -> None:
    board = Switchboard()
    board.directory.rooms["elsewhere"] = board.directory.rooms[ROOM]
    witness, member = await come_in(board), await come_in(board)
    assert await refused(board, member, **fields) == (4002, "state_lost")
    assert member.closed is None
    send(witness, "chat", text="unharmed")
    assert texts(member) == ["unharmed"]


async def test_too_much_was_missed() -> None:
    board = Switchboard(limits_scale=1000)
    witness, member = await come_in(board), await come_in(board)
    member.disconnect()
    for _ in range(MAX_FRAMES + 1):
        send(witness, "media", audio=True, video=True)
    assert await refused(board, member) == (4002, "state_lost")
    assert presences(witness)[-1] == ("leave", id_of(member))  # no ghost beside the one that joins anew
    assert board.metric("chatter_ws_resumes_total", result="state_lost") == 1


async def test_without_origin_a_resume_is_not_enough_for_a_new_session_but_goes_on_with_one() -> None:
    board = Switchboard()
    member = await come_in(board)
    member.disconnect()
    back = await come_back(board, member, origin=None)
    assert back.frames[0]["type"] == "resumed"


# --- credentials ------------------------------------------------------------------------------------------------------


async def test_expired_credentials_are_renewed_with_the_resume() -> None:
    board = Switchboard()
    board.authenticator.add("old", OWNER, lasts=60)
    board.authenticator.add("new", OWNER, session_id="phone", lasts=7200)
    member = await come_in(board, token="old")
    board.clock.now = NOW + 61
    for _ in range(10):
        board.hub.tick()
    assert member.closed == (4004, "credentials_expired")
    member.disconnect()
    assert await refused(board, member) == (4004, "credentials_expired")
    assert await refused(board, member, token="forged") == (4500, "unauthenticated")
    back = await come_back(board, member, token="new")
    assert back.frames[0]["type"] == "resumed"
    assert board.hub.device_sessions() == {"phone"}


async def test_a_session_never_changes_hands() -> None:
    board = Switchboard()
    board.authenticator.add("mine", OWNER)
    board.authenticator.add("theirs", 99)
    member, guest = await come_in(board, token="mine"), await come_in(board)
    assert await refused(board, member, token="theirs") == (4002, "state_lost")
    assert await refused(board, guest, token="theirs") == (4002, "state_lost")
    assert member.closed is guest.closed is None


async def test_a_device_that_was_signed_out_while_lost_is_gone() -> None:
    board = Switchboard()
    board.authenticator.add("t", OWNER, session_id="phone")
    witness, member = await come_in(board), await come_in(board, token="t")
    member.disconnect()
    assert board.hub.device_sessions() == {"phone"}
    await board.hub.sessions_ended(["phone"])
    assert presences(witness)[-1] == ("leave", id_of(member))
    assert await refused(board, member) == (4002, "state_lost")


async def test_a_renewal_by_a_device_that_was_signed_out_is_refused() -> None:
    board = Switchboard()
    board.authenticator.add("t", OWNER, session_id="laptop")
    board.authenticator.add("gone", OWNER, session_id="phone")
    member = await come_in(board, token="t")
    await board.hub.sessions_ended(["phone"])
    assert await refused(board, member, token="gone") == (4509, "signed_out")
    assert member.closed is None


async def test_a_connection_closed_while_it_comes_back_changes_nothing() -> None:
    board = Switchboard()
    board.authenticator.add("t", OWNER)
    witness, member = await come_in(board), await come_in(board, token="t")
    board.authenticator.gate.clear()
    back = board.connect("v=2")
    send(back, "resume", resumeToken=member.frames[0]["resumeToken"], lastSeq=last_seq(member), token="t")
    await settle()
    back.disconnect()
    board.authenticator.gate.set()
    await settle()
    assert member.closed is None
    send(witness, "chat", text="here")
    assert texts(member) == ["here"]


# --- the recorder -----------------------------------------------------------------------------------------------------


async def test_a_recorder_comes_into_its_room_only_even_a_full_one() -> None:
    board = Switchboard()
    board.directory.rooms["elsewhere"] = RoomRules(OWNER, guests_allowed=True, max_members=3)
    board.authenticator.add("rec", 0, recorder_of=ROOM)
    people = [await come_in(board) for _ in range(3)]
    recorder = await come_in(board, token="rec")
    assert [person["kind"] for person in recorder.frames[1]["participants"]] == ["person"] * 3 + ["recorder"]
    assert people[0].frames[-1]["kind"] == "recorder"
    assert board.hub.members(ROOM) == 3
    elsewhere = board.connect("v=2", room="elsewhere")
    send(elsewhere, "hello", token="rec")
    await settle()
    assert elsewhere.closed == (4501, "forbidden")


async def test_fresh_ice_servers_come_when_asked_for() -> None:
    board = Switchboard(stun_urls=("stun:stun.example.org",))
    member = await come_in(board)
    send(member, "ice_servers")
    assert member.frames[-1]["type"] == "ice_servers"
    assert member.frames[-1]["iceServers"] == [{"urls": ["stun:stun.example.org"]}]
