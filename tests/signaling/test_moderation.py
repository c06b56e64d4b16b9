"""Moderation through the hub: doors, lobby, bans, and what happens when the database is away."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from signaling.core.lobby import MAX_WAITING, MAX_WAITING_FROM_ONE
from signaling.core.messages import LobbyMode
from signaling.core.room import RoomRules
from signaling.errors import Close
from signaling.ports import NewBan, Unavailable
from tests.signaling.fakes import OWNER, ROOM, FakeTransport, Switchboard, id_of, people_of, send, settle

GUEST_ID = "a-browser-of-a-guest"
BANNED = (4503, "banned")


def board_with(lobby: LobbyMode = "off", password: str | None = None, **rules: Any) -> Switchboard:
    board = Switchboard(outbox_bytes=65536, limits_scale=rules.pop("limits_scale", 100))
    values = {"guests_allowed": True, "max_members": 8} | rules
    board.directory.rooms[ROOM] = RoomRules(OWNER, lobby=lobby, has_password=password is not None, **values)
    if password is not None:
        board.doorkeeper.passwords[ROOM] = password
    for token, user_id in (("owner", OWNER), ("mod", 3), ("mia", 4)):
        board.authenticator.add(token, user_id)
    board.doorkeeper.moderators.add((ROOM, 3))
    return board


async def come(board: Switchboard, address: str = "192.0.2.1", **hello: Any) -> FakeTransport:
    """Say hello and wait for what comes of it."""
    transport = board.connect("v=2", address=address)
    send(transport, "hello", **hello)
    await settle()
    return transport


async def host_of(board: Switchboard) -> FakeTransport:
    host = await come(board, token="owner")
    assert host.frames[0]["role"] == "host"
    return host


def last(transport: FakeTransport, kind: str) -> dict[str, Any]:
    return [frame for frame in transport.frames if frame["type"] == kind][-1]


def waiting_in(transport: FakeTransport) -> list[str]:
    return [knocker["displayName"] for knocker in last(transport, "lobby")["waiting"]]


def check_numbers(*transports: FakeTransport) -> None:
    for transport in transports:
        numbers = [frame["seq"] for frame in transport.frames if "seq" in frame]
        assert numbers == list(range(1, len(numbers) + 1))


# --- the doors -------------------------------------------------------------------------------------------------------


async def test_a_password_is_asked_for_and_checked() -> None:
    board = board_with(password="sesame")
    assert (await come(board)).closed == (4513, "password_required")
    assert (await come(board, password="simsim")).closed == (4514, "wrong_password")
    assert (await come(board, token="mia", password="simsim")).closed == (4514, "wrong_password")
    assert (await come(board, password="sesame")).closed is None
    assert (await come(board, token="owner")).closed is None
    assert (await come(board, token="mod")).closed is None
    assert board.metric("chatter_ws_handshakes_total", result="wrong_password") == 2


async def test_wrong_passwords_run_out_per_address() -> None:
    board = board_with(password="sesame")
    board.hub._doors._attempts._tries = 3
    for _ in range(5):  # right ones are not counted
        (await come(board, password="sesame")).disconnect()
    answers = [(await come(board, password=str(number))).closed for number in range(5)]
    assert answers == [(4514, "wrong_password")] * 3 + [(4003, "rate_limited")] * 2
    assert (await come(board, password="sesame")).closed == (4003, "rate_limited")
    assert board.doorkeeper.checked_passwords == 8
    assert (await come(board, "192.0.2.2", password="sesame")).closed is None
    board.clock.now += 60
    assert (await come(board, password="sesame")).closed is None


async def test_many_passwords_at_once_are_many_tries() -> None:
    board = board_with(password="sesame")
    board.hub._doors._attempts._tries = 3
    board.doorkeeper.gate.clear()
    tries = [await come(board, password=str(number)) for number in range(6)]
    board.doorkeeper.gate.set()
    await settle()
    await settle()
    assert board.doorkeeper.checked_passwords == 3
    assert sorted(transport.closed or (0, "") for transport in tries)[:3] == [(4003, "rate_limited")] * 3


async def test_a_database_that_is_away_holds_nothing_against_anyone() -> None:
    board = board_with(password="sesame")
    board.hub._doors._attempts._tries = 1
    board.doorkeeper.down = True
    assert (await come(board, password="x")).closed == (4005, "internal_error")
    board.doorkeeper.down = False
    assert (await come(board, password="sesame")).closed is None


async def test_an_invitation_opens_what_is_closed_otherwise() -> None:
    board = board_with(lobby="everyone", password="sesame", guests_allowed=False)
    board.doorkeeper.invitations["letter"] = 10
    assert (await come(board)).closed == (4505, "room_not_found")
    guest = await come(board, invitation="letter")
    assert guest.kinds()[0] == "welcome"
    for bad in ({"invitation": "forged"}, {"invitation": "forged", "token": "mia", "password": "sesame"}):
        assert (await come(board, **bad)).closed == (4515, "invitation_invalid")
    assert (await come(board, invitation="forged", token="owner")).closed is None


async def test_a_use_is_counted_once_per_person() -> None:
    board = board_with(guests_allowed=False)
    board.doorkeeper.invitations["letter"] = 1
    first = await come(board, invitation="letter", guestId=GUEST_ID)
    assert first.closed is None
    assert board.doorkeeper.invitations["letter"] == 0
    first.disconnect()
    assert (await come(board, invitation="letter", guestId=GUEST_ID)).closed is None
    assert (await come(board, invitation="letter", guestId="another-browser-here")).closed == (
        4515,
        "invitation_invalid",
    )


async def test_the_last_use_lets_one_in() -> None:
    board = board_with(guests_allowed=False)
    board.doorkeeper.invitations["letter"] = 1
    board.doorkeeper.gate.clear()
    visitors = [await come(board, invitation="letter") for _ in range(3)]
    board.doorkeeper.gate.set()
    await settle()
    await settle()
    assert sorted(visitor.closed is None for visitor in visitors) == [False, False, True]


async def test_a_room_that_lets_nobody_in_costs_no_use() -> None:
    board = board_with()
    board.doorkeeper.invitations["letter"] = 1
    host = await host_of(board)
    send(host, "lock", locked=True)
    assert (await come(board, invitation="letter")).closed == (4512, "room_locked")
    assert board.doorkeeper.invitations["letter"] == 1


async def test_an_invitation_into_a_room_that_is_not_there() -> None:
    board = board_with()
    for hello in ({}, {"token": "mia"}):
        transport = board.connect("v=2", room="nowhere")
        send(transport, "hello", invitation="letter", **hello)
        await settle()
        assert transport.closed == (4515, "invitation_invalid")
    assert "nowhere" not in board.directory.rooms


async def test_a_locked_room_lets_keepers_in_only() -> None:
    board = board_with()
    host, guest = await host_of(board), await come(board)
    send(guest, "lock", locked=True, id=3)
    assert last(guest, "error") | {"code": "forbidden", "ref": 3} == last(guest, "error")
    send(host, "lock", locked=True)
    assert last(guest, "room") | {"room": {"locked": True, "lobby": "off"}, "by": id_of(host)} == last(guest, "room")
    assert (await come(board)).closed == (4512, "room_locked")
    assert (await come(board, token="mia")).closed == (4512, "room_locked")
    assert (await come(board, token="mod")).frames[0]["room"] == {"locked": True, "lobby": "off"}
    send(host, "lock", locked=False)
    assert (await come(board)).closed is None
    await settle()
    assert board.doorkeeper.actions() == ["lock", "unlock"]


# --- the lobby -------------------------------------------------------------------------------------------------------


async def test_knock_admit_and_deny() -> None:
    board = board_with(lobby="guests")
    host = await host_of(board)
    first, second = await come(board, displayName="Ann"), await come(board, displayName="Ben")
    assert first.frames == [{"seq": 1, "type": "waiting", "hostPresent": True}]
    assert waiting_in(host) == ["Ann", "Ben"]
    assert board.hub.members(ROOM) == 1
    assert board.metric("chatter_ws_handshakes_total", result="waiting") == 2
    ids = [knocker["id"] for knocker in last(host, "lobby")["waiting"]]
    send(host, "admit", clientId=ids[0])
    assert waiting_in(host) == ["Ben"]
    assert first.kinds() == ["waiting", "welcome", "participants"]
    assert people_of(host) == people_of(first)
    send(host, "deny", clientId=ids[1])
    assert (waiting_in(host), second.closed) == ([], (4511, "denied"))
    check_numbers(host, first, second)
    await settle()
    assert board.doorkeeper.actions() == ["admit", "deny"]
    send(first, "chat", text="thanks")
    assert last(host, "chat")["text"] == "thanks"


async def test_members_knock_where_everyone_must() -> None:
    board = board_with(lobby="everyone")
    host = await host_of(board)
    assert (await come(board, token="mia")).kinds() == ["waiting"]
    assert (await come(board, token="mod")).kinds()[0] == "welcome"
    assert waiting_in(host) == ["user4"]


async def test_those_who_wait_learn_whether_someone_can_open() -> None:
    board = board_with(lobby="guests")
    guest = await come(board, displayName="Ann")
    host = await host_of(board)
    assert host.kinds() == ["welcome", "participants", "lobby"]
    assert board.hub.live_rooms().keys() == {ROOM}
    host.disconnect()
    board.clock.now += 31
    board.hub.tick()
    assert [frame["hostPresent"] for frame in guest.frames] == [False, True, False]
    assert board.hub.live_rooms().keys() == {ROOM}
    guest.disconnect()
    assert board.hub.live_rooms() == {}
    assert board.hub._lobbies._lobbies == {}


async def test_someone_who_waits_may_leave_and_nothing_else() -> None:
    board = board_with(lobby="guests")
    host = await host_of(board)
    guest = await come(board, displayName="Ann")
    send(guest, "ack", seq=1)
    send(guest, "chat", text="let me in", id=5)
    assert last(guest, "error") | {"code": "not_in_room", "ref": 5} == last(guest, "error")
    send(guest, "admit", clientId="me")
    assert host.kinds().count("chat") == 0
    assert not guest.gone
    send(guest, "leave")
    assert (guest.closed, waiting_in(host)) == ((1000, "normal"), [])
    rude = await come(board)
    for _ in range(3):
        assert rude.link is not None
        rude.link.text("{")
    assert rude.closed == (4506, "bad_protocol")
    check_numbers(host, guest, rude)


async def test_someone_who_waits_cannot_flood() -> None:
    board = board_with(lobby="guests")
    guest = await come(board)
    for _ in range(7000):  # the limits of these tests are a hundred times as wide
        send(guest, "media", audio=True, video=True)
        if guest.closed is not None:
            break
    assert guest.closed == (4003, "rate_limited")


async def test_frames_sent_before_the_knock_was_decided_are_answered() -> None:
    board = board_with(lobby="guests")
    transport = board.connect("v=2")
    send(transport, "hello")
    send(transport, "chat", text="early")
    await settle()
    assert sorted(transport.kinds()) == ["error", "waiting"]
    assert transport.closed is None


@pytest.mark.parametrize("early", [['{"type":"leave"}'], ["{"] * 3], ids=["leave", "garbage"])
async def test_someone_gone_before_the_knock_was_decided_leaves_no_ghost(early: list[str]) -> None:
    board = board_with(lobby="guests")
    transport = board.connect("v=2")
    send(transport, "hello")
    assert transport.link is not None
    for text in early:
        transport.link.text(text)
    await settle()
    assert transport.closed is not None
    transport.disconnect()
    assert board.hub.live_rooms() == {}
    host = await host_of(board)
    assert "lobby" not in host.kinds()
    board.hub.change_rules(ROOM, board.directory.rooms[ROOM])


async def test_a_queue_has_an_end() -> None:
    board = board_with(lobby="guests")
    for _ in range(MAX_WAITING):  # from one address: the limits of these tests are a hundred times as wide
        assert (await come(board)).closed is None
    assert (await come(board, "198.51.100.7")).closed == (4504, "room_full")


async def test_one_household_does_not_fill_the_queue() -> None:
    board = board_with(lobby="guests", limits_scale=1)
    for _ in range(MAX_WAITING_FROM_ONE):
        assert (await come(board)).closed is None
    assert (await come(board)).closed == (4003, "rate_limited")
    assert (await come(board, "198.51.100.7")).closed is None


async def test_a_call_that_ended_leaves_no_queue_behind() -> None:
    board = board_with()
    host = await host_of(board)
    send(host, "end")
    assert board.hub._lobbies._lobbies == {}


async def test_admitted_while_closing_and_admitted_twice() -> None:
    board = board_with(lobby="guests")
    host, moderator = await host_of(board), await come(board, token="mod")
    guest = await come(board)
    [knocker] = last(host, "lobby")["waiting"]
    send(host, "admit", clientId=knocker["id"])
    send(moderator, "admit", clientId=knocker["id"], id=1)
    assert last(moderator, "error")["code"] == "unknown_peer"
    assert guest.kinds().count("welcome") == 1
    leaving = await come(board)
    [knocker] = last(host, "lobby")["waiting"]
    leaving.disconnect()
    send(host, "admit", clientId=knocker["id"], id=1)
    assert last(host, "error")["code"] == "unknown_peer"
    assert board.hub.members(ROOM) == 3


async def test_a_full_room_admits_nobody_and_they_go_on_waiting() -> None:
    board = board_with(lobby="guests", max_members=2)
    host = await host_of(board)
    guest = await come(board)
    member = await come(board, token="mia")
    [knocker] = last(host, "lobby")["waiting"]
    send(host, "admit", clientId=knocker["id"], id=1)
    assert last(host, "error") | {"code": "room_full", "retryable": True} == last(host, "error")
    assert guest.closed is None
    send(member, "leave")
    send(host, "admit", clientId=knocker["id"])
    assert "welcome" in guest.kinds()


async def test_without_a_lobby_those_who_wait_come_in() -> None:
    board = board_with(lobby="everyone")
    host = await host_of(board)
    guest, member = await come(board), await come(board, token="mia")
    board.hub.change_rules(ROOM, RoomRules(OWNER, True, 8, "guests"))
    assert last(host, "room")["room"] == {"locked": False, "lobby": "guests"}
    assert ("welcome" in guest.kinds(), "welcome" in member.kinds()) == (False, True)
    board.hub.change_rules(ROOM, RoomRules(OWNER, True, 8))
    assert "welcome" in guest.kinds()
    assert waiting_in(host) == []
    check_numbers(host, guest, member)


async def test_a_closed_room_closes_for_those_who_wait() -> None:
    board = board_with(lobby="guests")
    guest = await come(board)
    board.hub.close_room(ROOM)
    assert guest.closed == (4508, "room_closed")


# --- out of the room -------------------------------------------------------------------------------------------------


async def test_a_removed_member_is_gone_and_may_come_back() -> None:
    board = board_with()
    host, guest, other = await host_of(board), await come(board, guestId=GUEST_ID), await come(board)
    gone = id_of(guest)
    send(host, "remove", clientId=gone)
    assert guest.closed == (4502, "kicked")
    for transport in (host, other):
        news = last(transport, "presence")
        assert (news["action"], news["clientId"], news["reason"], news["by"]) == ("leave", gone, "removed", id_of(host))
    assert (await come(board, guestId=GUEST_ID)).closed is None
    check_numbers(host, guest, other)


async def test_a_ban_holds_for_the_browser_and_makes_the_household_knock() -> None:
    board = board_with()
    host = await host_of(board)
    guest, tab = await come(board, guestId=GUEST_ID), await come(board, guestId=GUEST_ID)
    send(host, "ban", clientId=id_of(guest))
    await settle()
    assert (guest.closed, tab.closed) == (BANNED, BANNED)
    assert last(host, "presence")["reason"] == "banned"
    assert (await come(board, guestId=GUEST_ID)).closed == BANNED
    assert (await come(board, "198.51.100.7", guestId=GUEST_ID)).closed == BANNED
    assert (await come(board, guestId="a-sibling-next-door")).kinds() == ["waiting"]
    board.doorkeeper.invitations["letter"] = 5
    assert (await come(board, invitation="letter")).kinds() == ["waiting"]
    assert (await come(board, "198.51.100.7")).kinds()[0] == "welcome"
    assert (await come(board, token="mia")).kinds()[0] == "welcome"
    assert board.doorkeeper.actions() == ["ban"]


async def test_a_ban_holds_for_the_account() -> None:
    board = board_with()
    host = await host_of(board)
    member, tab = await come(board, token="mia", guestId=GUEST_ID), await come(board, token="mia")
    send(host, "ban", clientId=id_of(member))
    await settle()
    assert (member.closed, tab.closed) == (BANNED, BANNED)
    assert (await come(board, token="mia")).closed == BANNED
    [(_, ban)] = board.doorkeeper.bans
    assert (ban.user_id, ban.guest_key, ban.by_user) == (4, None, OWNER)


async def test_a_ban_that_cannot_be_stored_harms_nothing(caplog: pytest.LogCaptureFixture) -> None:
    board = board_with()
    host, guest = await host_of(board), await come(board, guestId=GUEST_ID)
    board.doorkeeper.down = True
    send(host, "ban", clientId=id_of(guest), id=4)
    await settle()
    assert last(host, "error") | {"code": "unavailable", "ref": 4, "retryable": True} == last(host, "error")
    assert (guest.closed, board.hub.members(ROOM)) == (None, 2)
    board.doorkeeper.down = False
    board.doorkeeper.broken = True
    with caplog.at_level(logging.ERROR):
        send(host, "ban", clientId=id_of(guest), id=5)
        await settle()
    assert "moderating failed" in caplog.text
    assert (last(host, "error")["ref"], guest.closed) == (5, None)


async def test_a_lost_member_that_was_banned_or_removed_cannot_resume() -> None:
    for command, close in (("ban", BANNED), ("remove", (4502, "kicked"))):
        board = board_with()
        host, guest = await host_of(board), await come(board, guestId=GUEST_ID)
        token = guest.frames[0]["resumeToken"]
        guest.disconnect()
        assert board.hub.members(ROOM) == 2
        send(host, command, clientId=id_of(guest))
        await settle()
        assert board.hub.members(ROOM) == 1
        back = board.connect("v=2")
        send(back, "resume", resumeToken=token, lastSeq=2)
        await settle()
        assert back.closed == close


async def test_a_banned_person_who_is_just_coming_in_stays_out() -> None:
    board = board_with(password="sesame")
    host, guest = await host_of(board), await come(board, guestId=GUEST_ID, password="sesame")
    board.directory.gate.clear()
    checked = board.doorkeeper.checked_passwords
    send(host, "ban", clientId=id_of(guest))
    late = board.connect("v=2")
    send(late, "hello", guestId=GUEST_ID, password="sesame")
    await settle()
    assert board.doorkeeper.checked_passwords >= checked
    assert (guest.closed, late.closed) == (BANNED, BANNED)


async def test_a_ban_stored_while_someone_shows_the_password_counts() -> None:
    board = board_with(password="sesame")
    host, guest = await host_of(board), await come(board, guestId=GUEST_ID, password="sesame")
    board.doorkeeper.gate.clear()
    late = board.connect("v=2")
    send(late, "hello", guestId=GUEST_ID, password="sesame")
    await settle()  # its standing was read, and was good
    send(host, "ban", clientId=id_of(guest))
    await settle()
    board.doorkeeper.gate.set()
    await settle()
    await settle()
    assert (guest.closed, late.closed) == (BANNED, BANNED)


async def test_someone_banned_while_the_invitation_is_counted_stays_out() -> None:
    board = board_with(guests_allowed=False)
    board.doorkeeper.invitations["letter"] = 5
    board.doorkeeper.gate.clear()
    guest = await come(board, invitation="letter", guestId=GUEST_ID)
    board.doorkeeper.gate.set()
    ban = NewBan(None, f"key of {GUEST_ID}", "", "Gus", OWNER, "owner")

    async def use(invitation_id: str, person: str) -> bool:
        board.doorkeeper.bans.append((ROOM, ban))
        board.hub.steward.shut_out(ROOM, None, ban.guest_key)
        return True

    board.doorkeeper.use_invitation = use  # type: ignore[method-assign]
    await settle()
    assert guest.closed == BANNED


async def test_a_check_that_fails_is_not_held_against_anyone(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object) -> bool:
        raise Unavailable("all threads are busy")

    board = board_with(password="sesame")
    board.hub._doors._attempts._tries = 1
    monkeypatch.setattr(board.doorkeeper, "check_password", fail)
    for _ in range(3):
        assert (await come(board, password="x")).closed == (4005, "internal_error")
    monkeypatch.undo()
    assert (await come(board, password="sesame")).closed is None


async def test_a_banned_person_waits_no_longer() -> None:
    board = board_with(lobby="guests")
    host = await host_of(board)
    guest = await come(board, guestId=GUEST_ID)
    send(host, "admit", clientId=last(host, "lobby")["waiting"][0]["id"])
    tab = await come(board, guestId=GUEST_ID)
    send(host, "ban", clientId=last(guest, "welcome")["clientId"])
    await settle()
    assert (guest.closed, tab.closed, waiting_in(host)) == (BANNED, BANNED, [])


async def test_a_ban_from_another_process_is_carried_out() -> None:
    board = board_with()
    guest, member, other = await come(board, guestId=GUEST_ID), await come(board, token="mia"), await come(board)
    board.hub.steward.shut_out(ROOM, None, f"key of {GUEST_ID}")
    board.hub.steward.shut_out(ROOM, 4, None)
    board.hub.steward.shut_out("elsewhere", 4, None)
    board.hub.steward.shut_out(ROOM, None, None)
    assert (guest.closed, member.closed, other.closed) == (BANNED, BANNED, None)
    assert people_of(other) == [id_of(other)]


async def test_the_end_is_for_everyone() -> None:
    board = board_with(lobby="guests")
    host, moderator, member = await host_of(board), await come(board, token="mod"), await come(board, token="mia")
    lost = await come(board, token="mia")
    token = lost.frames[0]["resumeToken"]
    lost.disconnect()
    waiting = await come(board)
    send(moderator, "end", id=1)
    assert last(moderator, "error")["code"] == "forbidden"
    send(host, "end")
    ends = {transport.closed for transport in (host, moderator, member, waiting)}
    assert ends == {(4510, "ended")}
    assert "leave" not in [frame.get("action") for frame in member.frames]
    assert board.hub.live_rooms() == {}
    back = board.connect("v=2")
    send(back, "resume", resumeToken=token, lastSeq=2)
    await settle()
    assert back.closed == (4510, "ended")
    assert board.doorkeeper.actions() == ["end"]


# --- roles -----------------------------------------------------------------------------------------------------------


async def test_handing_over_and_the_owner_coming_back() -> None:
    board = board_with()
    host, member = await host_of(board), await come(board, token="mia")
    send(host, "role", clientId=id_of(member), role="host")
    roles = [(frame["clientId"], frame["role"]) for frame in member.frames if frame["type"] == "role"]
    assert roles == [(id_of(member), "host"), (id_of(host), "moderator")]
    send(host, "end", id=1)
    assert last(host, "error")["code"] == "forbidden"
    again = await host_of(board)
    send(member, "remove", clientId=id_of(again), id=1)
    assert last(member, "error")["code"] == "forbidden"
    send(member, "leave")
    assert (await come(board, token="mia")).frames[0]["role"] == "host"
    assert (ROOM, 4) not in board.doorkeeper.moderators


async def test_what_the_owner_grants_an_account_lasts() -> None:
    board = board_with()
    host, member, guest = await host_of(board), await come(board, token="mia"), await come(board, guestId=GUEST_ID)
    send(host, "role", clientId=id_of(member), role="moderator")
    send(host, "role", clientId=id_of(guest), role="moderator")
    await settle()
    assert board.doorkeeper.moderators == {(ROOM, 3), (ROOM, 4)}
    assert [frame["role"] for frame in member.frames if frame["type"] == "role"] == ["moderator", "moderator"]
    send(host, "role", clientId=id_of(member), role="member")
    await settle()
    assert board.doorkeeper.moderators == {(ROOM, 3)}
    board.doorkeeper.down = True
    send(host, "role", clientId=id_of(member), role="moderator", id=9)
    await settle()
    assert last(host, "error") | {"code": "unavailable", "ref": 9} == last(host, "error")
    assert last(member, "role")["role"] == "member"


async def test_a_moderator_appointed_elsewhere_is_one_at_once() -> None:
    board = board_with(lobby="guests")
    host, member = await host_of(board), await come(board, token="mia")
    await come(board, displayName="Ann")
    for _ in range(2):
        board.hub.steward.appoint(ROOM, 4, "moderator")
    assert last(member, "role") | {"role": "moderator", "by": ""} == last(member, "role")
    assert waiting_in(member) == ["Ann"]
    board.hub.steward.appoint(ROOM, 4, "member")
    assert waiting_in(member) == []
    board.hub.steward.appoint(ROOM, OWNER, "member")
    board.hub.steward.appoint("elsewhere", 4, "moderator")
    send(host, "lock", locked=True)
    assert last(member, "room")["room"]["locked"] is True


async def test_a_mute_reaches_everyone() -> None:
    board = board_with()
    host, guest = await host_of(board), await come(board)
    send(guest, "media", audio=True, video=True)
    send(host, "mute", clientId=id_of(guest), media="audio")
    assert last(guest, "muted") | {"clientId": id_of(guest), "media": "audio", "by": id_of(host)} == last(
        guest, "muted"
    )
    assert last(host, "media") | {"audio": False, "video": True} == last(host, "media")


async def test_deeds_that_cannot_be_noted_are_done_all_the_same(caplog: pytest.LogCaptureFixture) -> None:
    board = board_with()
    host, guest = await host_of(board), await come(board)
    board.doorkeeper.down = True
    with caplog.at_level(logging.WARNING):
        send(host, "lock", locked=True)
        await settle()
    assert last(guest, "room")["room"]["locked"] is True
    assert "could not be noted" in caplog.text


async def test_what_happened_last_is_noted_before_the_end() -> None:
    board = board_with()
    host = await host_of(board)
    board.doorkeeper.gate.clear()
    send(host, "lock", locked=True)
    board.hub.later(0.001, board.doorkeeper.gate.set)
    await board.hub.stop()
    assert board.doorkeeper.actions() == ["lock"]


async def test_the_owner_is_never_banned() -> None:
    board = board_with()
    guest = await come(board, guestId=GUEST_ID)
    host = await host_of(board)
    send(host, "ban", clientId=id_of(guest))
    await settle()
    assert (await come(board, token="owner", guestId=GUEST_ID)).closed is None
    assert (await come(board, token="mia", guestId=GUEST_ID)).closed == BANNED


async def test_a_recorder_passes_every_door() -> None:
    board = board_with(lobby="everyone", password="sesame")
    board.doorkeeper.down = False
    host = await host_of(board)
    send(host, "lock", locked=True)
    known = board.authenticator.people["owner"]
    board.authenticator.people["rec"] = type(known)(OWNER, "Recorder", "rec", known.expires_at, ROOM)
    recorder = await come(board, token="rec")
    assert recorder.frames[0]["role"] == "member"
    assert last(host, "presence")["kind"] == "recorder"
    send(host, "remove", clientId=id_of(recorder))
    assert recorder.closed == (Close.KICKED.code, "kicked")
