"""What hosts and moderators may do, and who may come in, held against every door of a whole application."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest_asyncio
from msgspec import UNSET, UnsetType
from sqlalchemy import text
from websockets.exceptions import ConnectionClosed

from api.db import DatabaseUnavailable
from auth.service import SignedIn
from signaling.core.messages import LobbyMode
from signaling.ports import Account
from signaling.store import RoomChange
from tests.contracts.site import Door, Site, Visitor, until

ROOM = "standup"
BROWSER, OTHER_BROWSER = "browser-of-a-guest-1", "browser-of-a-guest-2"
BANNED = ("banned", 4503, "banned")


@pytest_asyncio.fixture
async def owner(door: Door) -> AsyncIterator[SignedIn]:
    """Someone with a room that admits guests."""
    person = await door.site.sign_up("olivia")
    await door.site.open_room(ROOM, person)
    yield person


def account(person: SignedIn) -> Account:
    return Account(person.user_id, person.username)


async def rules(
    site: Site, owner: SignedIn, *, lobby: LobbyMode | UnsetType = UNSET, password: str | UnsetType | None = UNSET
) -> None:
    await site.application.rooms.change(ROOM, account(owner), RoomChange(lobby=lobby), password)


async def knock(door: Door, person: SignedIn | None = None, **hello: Any) -> Visitor:
    """Say hello, and read nothing yet."""
    visitor = await door.knock(ROOM, "v=2")
    await visitor.send("hello", **(hello if person is None else {"token": person.access_token} | hello))
    return visitor


async def come_in(door: Door, person: SignedIn | None = None, **hello: Any) -> Visitor:
    return await (await knock(door, person, **hello)).come_in()


async def refusal(door: Door, person: SignedIn | None = None, **hello: Any) -> tuple[str, int, str]:
    return await (await knock(door, person, **hello)).refusal()


async def meet(door: Door, owner: SignedIn, *others: Visitor) -> Visitor:
    """Let the owner come in; the others take note."""
    host = await come_in(door, owner)
    assert host.role == "host"
    for other in others:
        await other.expect("presence", action="join", clientId=host.id)
    return host


async def welcome(door: Door, *present: Visitor, person: SignedIn | None = None, **hello: Any) -> Visitor:
    """Let someone come in; those present take note."""
    visitor = await come_in(door, person, **hello)
    for other in present:
        await other.expect("presence", action="join", clientId=visitor.id)
    return visitor


async def ending(visitor: Visitor) -> tuple[int, str]:
    """Return how the connection ends, whatever comes before."""
    try:
        while True:
            await visitor.next()
    except ConnectionClosed as closed:
        return (0, "no close frame") if closed.rcvd is None else (closed.rcvd.code, closed.rcvd.reason)


async def noted(site: Site, owner: SignedIn, *actions: str) -> None:
    """Wait until the audit trail tells exactly this."""
    async with asyncio.timeout(5):
        while True:
            entries = await site.application.moderation.audit(ROOM, owner.user_id, None, 100)
            if [entry.action for entry in reversed(entries)] == list(actions):
                return
            await asyncio.sleep(0.005)


# --- who may do what -------------------------------------------------------------------------------------------------


async def test_a_guest_commands_nobody(door: Door, owner: SignedIn) -> None:
    host = await meet(door, owner)
    guest = await welcome(door, host)
    commands: list[dict[str, Any]] = [
        {"kind": "lock", "locked": True},
        {"kind": "mute", "clientId": host.id, "media": "audio"},
        {"kind": "lower_hand", "clientId": host.id},
        {"kind": "remove", "clientId": host.id},
        {"kind": "ban", "clientId": host.id},
        {"kind": "role", "clientId": guest.id, "role": "moderator"},
        {"kind": "admit", "clientId": "x"},
        {"kind": "deny", "clientId": "x"},
        {"kind": "end"},
    ]
    for number, command in enumerate(commands, 1):
        await guest.send(**command, id=number)
        await guest.expect("error", code="forbidden", ref=number, retryable=False)
    await host.is_caught_up()
    await noted(door.site, owner)


async def test_a_moderator_does_not_act_on_the_host(door: Door, owner: SignedIn) -> None:
    martin = await door.site.sign_up("martin")
    await door.site.application.moderation.appoint(ROOM, account(owner), "martin")
    host = await meet(door, owner)
    moderator = await welcome(door, host, person=martin)
    assert moderator.role == "moderator"
    for number, kind in enumerate(("remove", "ban", "end"), 1):
        target = {} if kind == "end" else {"clientId": host.id}
        await moderator.send(kind, id=number, **target)
        await moderator.expect("error", code="forbidden", ref=number)
    guest = await welcome(door, host, moderator)
    await moderator.send("remove", clientId=guest.id)
    assert await guest.end() == (4502, "kicked")
    for witness in (host, moderator):
        await witness.expect("presence", action="leave", clientId=guest.id, reason="removed", by=moderator.id)
    await noted(door.site, owner, "role", "remove")


async def test_a_mute_is_seen_by_all_and_undone_by_the_muted(door: Door, owner: SignedIn) -> None:
    host = await meet(door, owner)
    guest = await welcome(door, host)
    await guest.send("media", audio=True, video=True)
    for visitor in (host, guest):
        await visitor.expect("media", audio=True)
    await host.send("mute", clientId=guest.id, media="audio")
    for visitor in (host, guest):
        await visitor.expect("muted", clientId=guest.id, media="audio", by=host.id)
        await visitor.expect("media", clientId=guest.id, audio=False, video=True)
    await guest.send("media", audio=True, video=True)
    await host.expect("media", audio=True)


async def test_handing_over(door: Door, owner: SignedIn) -> None:
    martin = await door.site.sign_up("martin")
    host = await meet(door, owner)
    member = await welcome(door, host, person=martin)
    guest = await welcome(door, host, member)
    await host.send("role", clientId=guest.id, role="host", id=1)
    await host.expect("error", code="forbidden", ref=1)
    await host.send("role", clientId=member.id, role="host")
    for visitor in (host, member, guest):
        await visitor.expect("role", clientId=member.id, role="host", by=host.id)
        await visitor.expect("role", clientId=host.id, role="moderator", by=host.id)
    await host.send("end", id=2)
    await host.expect("error", code="forbidden", ref=2)
    await member.send("remove", clientId=host.id, id=1)
    await member.expect("error", code="forbidden", ref=1)
    again = await welcome(door, host, member, guest, person=owner)
    assert again.role == "host"


async def test_what_the_owner_grants_holds_in_the_next_call(door: Door, owner: SignedIn) -> None:
    martin = await door.site.sign_up("martin")
    for role, listed in (("moderator", ["martin"]), ("member", [])):
        host = await meet(door, owner)
        member = await welcome(door, host, person=martin)
        await host.send("role", clientId=member.id, role=role)
        await member.expect("role", clientId=member.id, role=role, by=host.id)
        found = await door.site.application.moderation.moderators(ROOM, owner.user_id)
        assert [moderator.username for moderator in found] == listed
        for visitor in (host, member):
            await visitor.go()
        await until(lambda: door.site.is_empty)
        alone = await come_in(door, martin)
        assert alone.role == role
        await alone.go()
        await until(lambda: door.site.is_empty)


async def test_the_end_is_for_everyone(door: Door, owner: SignedIn) -> None:
    await rules(door.site, owner, lobby="guests")
    host = await meet(door, owner)
    member = await welcome(door, host, person=await door.site.sign_up("martin"))
    waiting = await knock(door)
    await waiting.expect("waiting", hostPresent=True)
    await host.send("end")
    assert {await ending(visitor) for visitor in (host, member, waiting)} == {(4510, "ended")}
    await until(lambda: door.site.is_empty)
    await noted(door.site, owner, "lobby", "end")


# --- lock and lobby --------------------------------------------------------------------------------------------------


async def test_a_locked_room(door: Door, owner: SignedIn) -> None:
    martin = await door.site.sign_up("martin")
    host = await meet(door, owner)
    await host.send("lock", locked=True)
    await host.expect("room", room={"locked": True, "lobby": "off"}, by=host.id)
    assert await refusal(door) == ("room_locked", 4512, "room_locked")
    assert await refusal(door, martin) == ("room_locked", 4512, "room_locked")
    await welcome(door, host, person=owner)
    await host.send("lock", locked=False)
    await host.expect("room", room={"locked": False, "lobby": "off"})
    await welcome(door, host, person=martin)
    await noted(door.site, owner, "lock", "unlock")


async def test_knock_admit_deny(door: Door, owner: SignedIn) -> None:
    await rules(door.site, owner, lobby="guests")
    early = await knock(door, displayName="Ann")
    await early.expect("waiting", hostPresent=False)
    host = await come_in(door, owner)
    [ann] = (await host.expect("lobby"))["waiting"]
    assert ann["displayName"] == "Ann"
    await early.expect("waiting", hostPresent=True)
    late = await knock(door, displayName="Ben")
    await late.expect("waiting", hostPresent=True)
    ben = (await host.expect("lobby"))["waiting"][1]
    assert door.site.hub.members(ROOM) == 1
    await host.send("admit", clientId=ann["id"])
    await host.expect("lobby", waiting=[ben])
    await early.come_in()
    assert (early.role, len(early.people)) == ("guest", 2)
    await host.expect("presence", action="join", clientId=early.id, displayName="Ann")
    await host.send("deny", clientId=ben["id"])
    await host.expect("lobby", waiting=[])
    assert await late.refusal() == ("denied", 4511, "denied")
    await early.send("chat", text="hello")
    await host.expect("chat", text="hello")
    await noted(door.site, owner, "lobby", "admit", "deny")


async def test_of_two_who_admit_at_once_one_does(door: Door, owner: SignedIn) -> None:
    await rules(door.site, owner, lobby="guests")
    host = await meet(door, owner)
    second = await welcome(door, host, person=owner)
    guest = await knock(door)
    await guest.expect("waiting")
    [knocker] = (await host.expect("lobby"))["waiting"]
    await second.expect("lobby")
    await asyncio.gather(*(visitor.send("admit", clientId=knocker["id"], id=1) for visitor in (host, second)))
    await guest.come_in()
    errors = 0
    for visitor in (host, second):
        await visitor.expect("lobby", waiting=[])
        await visitor.expect("presence", action="join", clientId=guest.id)
        frame = await visitor.next()
        errors += frame["type"] == "error"
        if frame["type"] == "error":
            assert (frame["code"], frame["ref"]) == ("unknown_peer", 1)
    assert errors == 1
    assert door.site.hub.members(ROOM) == 3


async def test_who_waits_says_nothing_but_goodbye(door: Door, owner: SignedIn) -> None:
    await rules(door.site, owner, lobby="guests")
    host = await meet(door, owner)
    guest = await knock(door)
    await guest.expect("waiting")
    [knocker] = (await host.expect("lobby"))["waiting"]
    await guest.send("chat", text="let me in", id=3)
    await guest.expect("error", code="not_in_room", ref=3)
    await guest.send("admit", clientId=knocker["id"], id=4)
    await guest.expect("error", code="not_in_room", ref=4)
    await guest.send("leave")
    assert await guest.end() == (1000, "normal")
    await host.expect("lobby", waiting=[])
    await host.send("admit", clientId=knocker["id"], id=1)
    await host.expect("error", code="unknown_peer", ref=1)
    await host.is_caught_up()


async def test_rules_that_change_let_those_in_who_need_not_wait(door: Door, owner: SignedIn) -> None:
    await rules(door.site, owner, lobby="everyone")
    host = await meet(door, owner)
    member = await knock(door, await door.site.sign_up("martin"))
    await member.expect("waiting")
    await host.expect("lobby")
    await rules(door.site, owner, lobby="off")
    await host.expect("room", room={"locked": False, "lobby": "off"})
    await member.come_in()


# --- kick and ban ----------------------------------------------------------------------------------------------------


async def test_a_banned_guest_with_a_new_tab(door: Door, owner: SignedIn) -> None:
    host = await meet(door, owner)
    guest = await welcome(door, host, guestId=BROWSER)
    tab = await welcome(door, host, guest, guestId=BROWSER)
    other = await welcome(door, host, guest, tab, guestId=OTHER_BROWSER)
    await host.send("ban", clientId=guest.id)
    for visitor in (guest, tab):
        assert await ending(visitor) == (4503, "banned")
    for gone in (guest, tab):
        await host.expect("presence", action="leave", clientId=gone.id, reason="banned", by=host.id)
    for gone in (guest, tab):
        await other.expect("presence", action="leave", clientId=gone.id, reason="banned")
    assert await refusal(door, guestId=BROWSER) == BANNED
    await (await knock(door, guestId="another-browser-there")).expect("waiting", hostPresent=True)
    await host.expect("lobby")
    [ban] = await door.site.application.moderation.bans(ROOM, owner.user_id)
    await door.site.application.moderation.lift_ban(ROOM, account(owner), ban.id)
    await welcome(door, host, guestId=BROWSER)
    await noted(door.site, owner, "ban", "unban")


async def test_a_banned_account_stays_out_on_every_device(door: Door, owner: SignedIn) -> None:
    martin = await door.site.sign_up("martin")
    host = await meet(door, owner)
    member = await welcome(door, host, person=martin)
    await host.send("ban", clientId=member.id)
    assert await ending(member) == (4503, "banned")
    assert await refusal(door, martin) == BANNED
    visitor = await door.knock(ROOM, f"token={martin.access_token}")
    assert await visitor.refusal() == BANNED


async def test_a_ban_while_the_target_is_lost(door: Door, owner: SignedIn) -> None:
    for command, end in (("remove", ("kicked", 4502, "kicked")), ("ban", BANNED)):
        host = await meet(door, owner)
        guest = await knock(door, guestId=BROWSER)
        token = (await guest.expect("welcome"))["resumeToken"]
        joined = await host.expect("presence", action="join")
        guest.connection.transport.abort()
        await host.expect("presence", action="lost")
        await host.send(command, clientId=joined["clientId"])
        await host.expect("presence", action="leave", clientId=joined["clientId"], by=host.id)
        back = await door.knock(ROOM, "v=2")
        await back.send("resume", resumeToken=token, lastSeq=1)
        assert await back.refusal() == end
        await host.go()
        await until(lambda: door.site.is_empty)


async def test_a_ban_of_another_process_is_carried_out(door: Door, owner: SignedIn) -> None:
    martin = await door.site.sign_up("martin")
    host = await meet(door, owner)
    member = await welcome(door, host, person=martin)
    statement = """
        INSERT INTO room_bans (id, room_id, user_id, display_name, by_name, created_at)
        VALUES ('b', :room_id, :user_id, 'martin', 'olivia', :now)
    """
    now = int(door.site.clock() * 1000)
    async with door.site.application.database.write() as db:
        await db.execute(text(statement), {"room_id": ROOM, "user_id": martin.user_id, "now": now})
    await door.site.application.services.follow()
    assert await ending(member) == (4503, "banned")
    await host.expect("presence", action="leave", clientId=member.id, reason="banned")


async def test_a_ban_that_cannot_be_stored_harms_nothing(door: Door, owner: SignedIn, monkeypatch: Any) -> None:
    async def fail(*_: object) -> None:
        raise DatabaseUnavailable("away")

    host = await meet(door, owner)
    guest = await welcome(door, host, guestId=BROWSER)
    monkeypatch.setattr(door.site.application.moderation, "ban", fail)
    await host.send("ban", clientId=guest.id, id=1)
    await host.expect("error", code="unavailable", ref=1, retryable=True)
    await guest.is_caught_up()
    monkeypatch.undo()
    await host.expect("chat")
    await host.send("ban", clientId=guest.id, id=2)
    assert await ending(guest) == (4503, "banned")


# --- password and invitation -----------------------------------------------------------------------------------------


async def test_the_password_of_a_room(door: Door, owner: SignedIn) -> None:
    await rules(door.site, owner, password="open sesame")
    assert await refusal(door) == ("password_required", 4513, "password_required")
    assert await refusal(door, password="simsim") == ("wrong_password", 4514, "wrong_password")
    host = await meet(door, owner)
    await welcome(door, host, password="open sesame")
    old = await door.knock(ROOM)  # a client that does not speak first has no way to tell a password
    assert await old.refusal() == ("password_required", 4513, "password_required")
    await rules(door.site, owner, password=None)
    await welcome(door, host)
    await noted(door.site, owner, "password_set", "password_cleared")


async def test_a_flood_of_passwords(door: Door, owner: SignedIn) -> None:
    await rules(door.site, owner, password="open sesame")
    answers = [await refusal(door, password=f"guess {number}") for number in range(11)]
    assert answers == [("wrong_password", 4514, "wrong_password")] * 10 + [("rate_limited", 4003, "rate_limited")]
    assert (await refusal(door, password="open sesame"))[0] == "rate_limited"
    door.site.clock.advance(60)
    await come_in(door, password="open sesame")


async def test_invitations_expired_revoked_and_used_up(door: Door, owner: SignedIn) -> None:
    invalid = ("invitation_invalid", 4515, "invitation_invalid")
    site = door.site
    await site.application.rooms.change(
        ROOM, account(owner), RoomChange(guests_allowed=False, lobby="everyone"), "open sesame"
    )
    invitations = site.application.invitations
    _, once = await invitations.create(ROOM, account(owner), timedelta(days=1), 1)
    revoked, gone = await invitations.create(ROOM, account(owner), timedelta(days=1), None)
    _, short = await invitations.create(ROOM, account(owner), timedelta(minutes=1), None)
    assert await refusal(door) == ("room_not_found", 4505, "room_not_found")
    assert await refusal(door, invitation="forged") == invalid
    guest = await come_in(door, invitation=once, guestId=BROWSER)
    assert guest.role == "guest"
    assert await refusal(door, invitation=once, guestId=OTHER_BROWSER) == invalid
    await guest.go()
    await until(lambda: site.is_empty)
    await (await come_in(door, invitation=once, guestId=BROWSER)).go()  # the same person, after a reload
    await invitations.revoke(ROOM, account(owner), revoked.id)
    assert await refusal(door, invitation=gone) == invalid
    await (await come_in(door, invitation=short)).go()
    site.clock.advance(61)
    assert await refusal(door, invitation=short) == invalid
