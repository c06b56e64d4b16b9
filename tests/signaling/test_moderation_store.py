"""Bans, moderators, invitations and the audit trail in both databases, and the services over them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from datetime import timedelta
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from prometheus_client import CollectorRegistry
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from api.db import Database
from signaling import moderation as moderation_module
from signaling.audit import KEPT_DAYS, AuditTrail
from signaling.core.moderation import Deed, Party
from signaling.elsewhere import Elsewhere, NodeUnreachable
from signaling.invitation_store import InvitationRecord, InvitationStore
from signaling.invitations import InvitationNotFound, InvitationService, TooManyInvitations
from signaling.keys import KeyedNames
from signaling.metrics import SignalingMetrics
from signaling.moderation import BanNotFound, ModerationService, TooManyModerators, UserNotFound
from signaling.moderation_store import AuditRecord, BanRecord, ModerationStore
from signaling.ports import Account, NewBan, Standing
from signaling.rooms import RoomNotFound, RoomService
from signaling.store import RoomChange, RoomStore
from tests.signaling.fakes import FakePasswords, FakeTransport, ManualClock, Switchboard, id_of

ALICE, BOB, CAROL = Account(2**53 - 1, "alice"), Account(2, "bob"), Account(3, "carol")
DAY_MS = 24 * 3600 * 1000
DEED = Deed("ban", Party("1", "Alice"), Party("m1", "Gus 😀"))


class FakeAccounts:
    """Knows three people."""

    async def find(self, name: str) -> Account | None:
        return next((person for person in (ALICE, BOB, CAROL) if name in {person.username, str(person.user_id)}), None)

    async def get(self, user_id: int) -> Account | None:
        return await self.find(str(user_id))


class Parts:
    """The services over one database, with a room of Alice's."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock = ManualClock()
        self.registry = CollectorRegistry()
        self.store = ModerationStore(database)
        self.audit = AuditTrail(self.store, SignalingMetrics(self.registry), self.clock)
        self.rooms = RoomService(RoomStore(database), self.audit, FakePasswords(), self.clock)
        self.invitation_store = InvitationStore(database)
        self.invitations = InvitationService(self.invitation_store, self.rooms, self.audit, self.clock)
        self.names = KeyedNames("a secret of the installation")
        self.moderation = ModerationService(self.store, self.rooms, FakeAccounts(), self.audit, self.names, self.clock)

    @property
    def now(self) -> int:
        return int(self.clock.now * 1000)

    async def actions(self, room_id: str = "standup") -> list[str]:
        return [entry.action for entry in reversed(await self.audit.page(room_id, None, 100))]

    async def count(self, table: str) -> int:
        async with self.database.read() as db:
            return int((await db.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one())


@pytest_asyncio.fixture
async def parts(database: Database) -> Parts:
    """Everything about rooms, with three people and two rooms of Alice's."""
    insert = (
        "INSERT INTO users (id, username, username_key, password_hash, created_at, updated_at)"
        " VALUES (:id, :name, :name, '', 0, 0)"
    )
    async with database.write() as db:
        for person in (ALICE, BOB, CAROL):
            await db.execute(text(insert), {"id": person.user_id, "name": person.username})
    made = Parts(database)
    for room_id in ("standup", "other"):
        await made.rooms.create(ALICE.user_id, RoomChange(), room_id)
    return made


def ban(id: str = "b1", **fields: Any) -> BanRecord:
    values: dict[str, Any] = {"user_id": None, "guest_key": None, "address_key": None, "by_user": None}
    return BanRecord(id=id, room_id="standup", display_name="Gus", by_name="Alice", created_at=5, **(values | fields))


def note(id: str, room_id: str = "standup", at: int = 5, **fields: Any) -> AuditRecord:
    return AuditRecord(id, room_id, at, "1", "Alice", "lock", **fields)


# --- bans and moderators ---------------------------------------------------------------------------------------------


async def test_standing_is_what_the_tables_say(parts: Parts) -> None:
    store = parts.store
    assert await store.standing("standup", None, None, "a") == Standing(address_key="a")
    await store.insert_ban(ban("b1", user_id=BOB.user_id, address_key="a"), note("n1"))
    await store.insert_ban(ban("b2", guest_key="g", address_key="h"), note("n2"))
    await store.insert_moderator("standup", CAROL.user_id, 1)
    assert await store.standing("standup", BOB.user_id, None, "x") == Standing(account_banned=True, address_key="x")
    assert await store.standing("standup", None, "g", "x") == Standing(
        guest_banned=True, guest_key="g", address_key="x"
    )
    assert await store.standing("standup", None, "y", "a") == Standing(
        address_banned=True, guest_key="y", address_key="a"
    )
    assert await store.standing("standup", CAROL.user_id, None, "h") == Standing(
        address_banned=True, moderator=True, address_key="h"
    )
    assert await store.standing("other", BOB.user_id, "g", "a") == Standing(guest_key="g", address_key="a")


async def test_who_is_banned_twice_is_free_when_the_ban_is_lifted(parts: Parts) -> None:
    for who in ({"user_id": BOB.user_id}, {"guest_key": "g"}):
        await parts.store.insert_ban(ban("b1", **who), note("n1"))
        await parts.store.insert_ban(ban("b2", **who), note("n2"))
        await parts.store.delete_ban("standup", "b1")
        assert await parts.store.select_bans("standup", 10) == []
        await parts.store.delete_audit(2**62, 10)


async def test_a_ban_and_its_note_are_stored_both_or_neither(parts: Parts) -> None:
    await parts.store.insert_ban(ban(), note("n1"))
    with pytest.raises(IntegrityError):
        await parts.store.insert_ban(ban("b2"), note("n1"))
    assert [found.id for found in await parts.store.select_bans("standup", 10)] == ["b1"]
    assert await parts.count("room_audit") == 1


async def test_bans_come_back_as_they_went_in_newest_first(parts: Parts) -> None:
    first = ban("b1", user_id=BOB.user_id, guest_key="g", address_key="a", by_user=ALICE.user_id)
    second = msgspec.structs.replace(ban("b2"), created_at=6, display_name="Zoë 😀")
    for record in (first, second):
        await parts.store.insert_ban(record, note(f"note of {record.id}"))
    assert await parts.store.select_bans("standup", 10) == [second, first]
    assert await parts.store.select_bans("standup", 1) == [second]
    assert await parts.store.select_bans("other", 10) == []
    assert await parts.store.select_bans_since(["standup", "other"], 6) == [second]
    assert await parts.store.select_bans_since(["other"], 0) == []
    assert await parts.store.delete_ban("other", "b1") is None
    assert await parts.store.delete_ban("standup", "b1") == first
    assert await parts.store.delete_ban("standup", "b1") is None


async def test_moderators_are_named_once(parts: Parts) -> None:
    for _ in range(2):
        await parts.store.insert_moderator("standup", BOB.user_id, 1)
    await parts.store.insert_moderator("standup", CAROL.user_id, 2)
    assert await parts.store.select_moderators("standup") == [BOB.user_id, CAROL.user_id]
    assert await parts.store.delete_moderator("standup", BOB.user_id)
    assert not await parts.store.delete_moderator("standup", BOB.user_id)
    assert await parts.store.select_moderators("other") == []


async def test_the_trail_is_read_page_by_page_and_shortened(parts: Parts) -> None:
    notes = [note(f"{number:04}", at=number, target_id="m", target_name="Gus", detail="d") for number in range(5)]
    for record in [*notes, note("x", "other"), note("y", "gone")]:
        await parts.store.insert_audit(record)
    assert await parts.store.select_audit("standup", None, 2) == [notes[4], notes[3]]
    assert await parts.store.select_audit("standup", "0003", 9) == [notes[2], notes[1], notes[0]]
    assert await parts.store.select_audit("gone", None, 9) == []
    assert await parts.store.delete_audit(3, 2) == 2
    assert await parts.store.delete_audit(3, 2) == 1
    assert [record.id for record in await parts.store.select_audit("standup", None, 9)] == ["0004", "0003"]


async def test_everything_goes_with_the_room_and_what_is_about_a_person_with_them(parts: Parts) -> None:
    await parts.store.insert_ban(ban("b1", user_id=BOB.user_id), note("n1"))
    await parts.store.insert_ban(ban("b2", guest_key="g"), note("n2"))
    await parts.store.insert_moderator("standup", BOB.user_id, 1)
    made, _ = await parts.invitations.create("standup", ALICE, timedelta(days=1), None)
    await parts.invitations.use(made.id, "account:2")
    async with parts.database.write() as db:
        await db.execute(text("DELETE FROM users WHERE id = :id"), {"id": BOB.user_id})
    assert (await parts.count("room_bans"), await parts.count("room_moderators")) == (1, 0)
    await parts.rooms.delete("standup", ALICE.user_id)
    for table in ("room_bans", "room_moderators", "room_invitations", "room_invitation_uses", "room_audit"):
        assert await parts.count(table) == 0


# --- invitations -----------------------------------------------------------------------------------------------------


def invitation(id: str = "i1", **fields: Any) -> InvitationRecord:
    values: dict[str, Any] = {"room_id": "standup", "token_hash": f"hash of {id}", "created_by": 1, "created_at": 1}
    return InvitationRecord(id=id, **(values | {"expires_at": 100, "max_uses": None, "uses": 0} | fields))


async def test_of_many_who_want_the_last_uses_as_many_get_one_as_there_are(parts: Parts) -> None:
    store = parts.invitation_store
    await store.insert(invitation(max_uses=3))
    assert sorted(await asyncio.gather(*(store.use("i1", "", 50) for _ in range(8)))) == [False] * 5 + [True] * 3
    found = await store.select("standup", "hash of i1")
    assert found is not None
    assert (found.uses, found.used_up) == (3, True)


async def test_a_use_is_counted_once_per_person(parts: Parts) -> None:
    made, token = await parts.invitations.create("standup", ALICE, timedelta(days=7), 2)
    answers = await asyncio.gather(*(parts.invitations.use(made.id, f"guest:{number % 3}") for number in range(9)))
    assert sorted(answers) == [False] * 3 + [True] * 6  # two of the three, each with all tabs
    assert await parts.count("room_invitation_uses") == 2
    known = [number for number in range(3) if answers[number]]
    for number in range(3):
        found = await parts.invitations.find("standup", token, f"guest:{number}")
        assert found is not None
        assert found.used_up is (number not in known)
    [listed] = await parts.invitations.all("standup", ALICE.user_id)
    assert listed.uses == 2


async def test_ended_and_revoked_invitations_cannot_be_used(parts: Parts) -> None:
    store = parts.invitation_store
    for record in (invitation("i1"), invitation("i2", created_at=2), invitation("i3", room_id="other")):
        await store.insert(record)
    assert await store.use("i1", "", 99)
    assert not await store.use("i1", "", 100)
    assert not await store.use("nothing", "", 1)
    assert not await store.revoke("other", "i1", 5)
    assert await store.revoke("standup", "i1", 5)
    assert not await store.revoke("standup", "i1", 5)
    assert not await store.use("i1", "", 50)
    assert [record.id for record in await store.select_all("standup", 50)] == ["i2"]
    assert await store.select_all("standup", 100) == []
    assert await store.select("other", "hash of i1") is None
    assert await store.delete_ended(101, 2) == 2
    assert await store.delete_ended(101, 2) == 1


async def test_only_a_hash_of_the_token_is_kept(parts: Parts) -> None:
    made, token = await parts.invitations.create("standup", ALICE, timedelta(days=7), 2)
    assert (made.expires_at - made.created_at, made.max_uses) == (7 * DAY_MS, 2)
    assert token not in str(made)
    found = await parts.invitations.find("standup", token)
    assert found is not None
    assert (found.id, found.used_up) == (made.id, False)
    assert await parts.invitations.find("other", token) is None
    assert await parts.invitations.find("standup", f"{token}x") is None
    assert await parts.invitations.use(made.id, "")
    assert await parts.invitations.use(made.id, "")
    assert not await parts.invitations.use(made.id, "")
    found = await parts.invitations.find("standup", token)
    assert found is not None
    assert found.used_up
    parts.clock.now += 7 * 24 * 3600
    assert await parts.invitations.find("standup", token) is None
    parts.clock.now += 31 * 24 * 3600
    await parts.invitations.delete_ended()
    assert await parts.count("room_invitations") == 0


async def test_only_the_owner_makes_sees_and_revokes_invitations(parts: Parts) -> None:
    made, token = await parts.invitations.create("standup", ALICE, timedelta(days=7), None)
    for room_id in ("standup", "nowhere"):
        with pytest.raises(RoomNotFound):
            await parts.invitations.create(room_id, BOB, timedelta(days=7), None)
        with pytest.raises(RoomNotFound):
            await parts.invitations.all(room_id, BOB.user_id)
        with pytest.raises(RoomNotFound):
            await parts.invitations.revoke(room_id, BOB, made.id)
    assert await parts.invitations.all("standup", ALICE.user_id) == [made]
    with pytest.raises(InvitationNotFound):
        await parts.invitations.revoke("other", ALICE, made.id)
    await parts.invitations.revoke("standup", ALICE, made.id)
    assert await parts.invitations.find("standup", token) is None
    assert await parts.actions() == ["invitation_created", "invitation_revoked"]


async def test_invitations_per_room_are_bounded(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("signaling.invitations.MAX_INVITATIONS", 1)
    await parts.invitations.create("standup", ALICE, timedelta(days=7), None)
    with pytest.raises(TooManyInvitations):
        await parts.invitations.create("standup", ALICE, timedelta(days=7), None)
    parts.clock.now += 7 * 24 * 3600
    await parts.invitations.create("standup", ALICE, timedelta(days=7), None)


# --- the services ----------------------------------------------------------------------------------------------------


async def test_a_ban_is_known_at_the_door_and_tells_nothing_in_the_table(parts: Parts) -> None:
    standing = await parts.moderation.standing("standup", None, "browser-of-gus-1", "192.0.2.1")
    new = NewBan(None, standing.guest_key, standing.address_key, "Gus", ALICE.user_id, "alice")
    await parts.moderation.ban("standup", new, DEED)
    async with parts.database.read() as db:
        row = str((await db.execute(text("SELECT * FROM room_bans"))).one())
    assert "browser-of-gus" not in row
    assert "192.0.2" not in row
    again = await parts.moderation.standing("standup", None, "browser-of-gus-1", "198.51.100.1")
    assert (again.guest_banned, again.address_banned) == (True, False)
    near = await parts.moderation.standing("standup", None, "another-browser-1", "192.0.2.1")
    assert (near.guest_banned, near.address_banned) == (False, True)
    assert parts.registry.get_sample_value("chatter_moderation_actions_total", {"action": "ban"}) == 1


async def test_only_the_owner_lifts_bans_and_moderators_see_them(parts: Parts) -> None:
    await parts.moderation.ban("standup", NewBan(BOB.user_id, None, "a", "Bob", None, "gus"), DEED)
    [found] = await parts.moderation.bans("standup", ALICE.user_id)
    with pytest.raises(RoomNotFound):
        await parts.moderation.bans("standup", CAROL.user_id)
    with pytest.raises(RoomNotFound):
        await parts.moderation.audit("standup", CAROL.user_id, None, 5)
    await parts.moderation.appoint("standup", ALICE, "carol")
    assert await parts.moderation.bans("standup", CAROL.user_id) == [found]
    assert len(await parts.moderation.audit("standup", CAROL.user_id, None, 5)) == 2
    for person in (CAROL, BOB):
        with pytest.raises(RoomNotFound):
            await parts.moderation.lift_ban("standup", person, found.id)
    with pytest.raises(BanNotFound):
        await parts.moderation.lift_ban("other", ALICE, found.id)
    await parts.moderation.lift_ban("standup", ALICE, found.id)
    assert not (await parts.moderation.standing("standup", BOB.user_id, None, "a")).account_banned
    assert await parts.actions() == ["ban", "role", "unban"]


async def test_moderators_are_appointed_by_name_or_id(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    assert await parts.moderation.appoint("standup", ALICE, "bob") == BOB
    monkeypatch.setattr(moderation_module, "MAX_MODERATORS", 1)
    assert await parts.moderation.appoint("standup", ALICE, str(BOB.user_id)) == BOB
    with pytest.raises(TooManyModerators):
        await parts.moderation.appoint("standup", ALICE, "carol")
    assert await parts.moderation.moderators("standup", BOB.user_id) == [BOB]
    for name in ("nobody", "alice"):
        with pytest.raises(UserNotFound):
            await parts.moderation.appoint("standup", ALICE, name)
        with pytest.raises(UserNotFound):
            await parts.moderation.dismiss("standup", ALICE, name)
    with pytest.raises(UserNotFound):
        await parts.moderation.dismiss("standup", ALICE, "carol")
    with pytest.raises(RoomNotFound):
        await parts.moderation.appoint("standup", BOB, "carol")
    await parts.moderation.dismiss("standup", ALICE, "bob")
    assert await parts.moderation.moderators("standup", ALICE.user_id) == []


async def test_a_running_call_follows_at_once(parts: Parts) -> None:
    board = Switchboard()
    parts.moderation.attach(board.hub)
    board.authenticator.add("bob", BOB.user_id)
    member = await board.join("token=bob")
    await parts.moderation.appoint("standup", ALICE, "bob")
    await parts.moderation.dismiss("standup", ALICE, "bob")
    roles = [(frame["clientId"], frame["role"]) for frame in member.frames if frame["type"] == "role"]
    assert roles == [(id_of(member), "moderator"), (id_of(member), "member")]


class Neighbours(Elsewhere):
    """Other nodes, which may not answer."""

    def __init__(self) -> None:
        self.reachable = False
        self.differs = True
        """Whether the call has it otherwise."""
        self.followed: list[tuple[str, int]] = []

    async def follow_moderator(self, room_id: str, user_id: int) -> bool:
        if not self.reachable:
            raise NodeUnreachable
        self.followed.append((room_id, user_id))
        return self.differs


async def test_a_running_call_elsewhere_follows_or_it_is_said_so(parts: Parts) -> None:
    neighbours = Neighbours()
    parts.moderation.attach(Switchboard().hub, neighbours)
    for act, stored in ((parts.moderation.appoint, [BOB]), (parts.moderation.dismiss, [])):
        with pytest.raises(NodeUnreachable):
            await act("standup", ALICE, "bob")
        assert await parts.moderation.moderators("standup", ALICE.user_id) == stored
    neighbours.reachable = True
    await parts.moderation.dismiss("standup", ALICE, "bob")  # now the call knows too
    neighbours.differs = False
    with pytest.raises(UserNotFound):
        await parts.moderation.dismiss("standup", ALICE, "bob")
    await parts.moderation.appoint("standup", ALICE, "bob")
    assert neighbours.followed == [("standup", BOB.user_id)] * 3


async def test_a_running_call_that_is_on_its_way_elsewhere_is_asked_for_again(parts: Parts) -> None:
    board = Switchboard()
    parts.moderation.attach(board.hub)
    board.authenticator.add("bob", BOB.user_id)
    member = await board.join("token=bob")
    board.hub.moves.freeze("standup")
    with pytest.raises(NodeUnreachable):
        await parts.moderation.appoint("standup", ALICE, "bob")
    board.hub.moves.stay("standup")
    await parts.moderation.appoint("standup", ALICE, "bob")
    assert roles_of(member) == ["moderator"]


def roles_of(transport: FakeTransport) -> list[str]:
    """Return the roles that a tab was told of."""
    return [frame["role"] for frame in transport.frames if frame["type"] == "role"]


async def test_nobody_hears_of_a_role_that_stays(parts: Parts) -> None:
    board = Switchboard()
    parts.moderation.attach(board.hub)
    board.authenticator.add("bob", BOB.user_id)
    member = await board.join("token=bob")
    with pytest.raises(UserNotFound):
        await parts.moderation.dismiss("standup", ALICE, "bob")
    assert roles_of(member) == []
    for _ in range(2):
        await parts.moderation.appoint("standup", ALICE, "bob")
    assert roles_of(member) == ["moderator"]


async def test_a_role_for_the_call_only_can_be_taken(parts: Parts) -> None:
    board = Switchboard()
    parts.moderation.attach(board.hub)
    board.authenticator.add("bob", BOB.user_id)
    member = await board.join("token=bob")
    board.hub.steward.appoint("standup", BOB.user_id, "moderator")
    await parts.moderation.dismiss("standup", ALICE, "bob")
    assert roles_of(member) == ["moderator", "member"]
    with pytest.raises(UserNotFound):
        await parts.moderation.dismiss("standup", ALICE, "bob")


async def test_of_two_changes_of_a_moderator_the_last_holds(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    board = Switchboard()
    parts.moderation.attach(board.hub)
    board.authenticator.add("bob", BOB.user_id)
    member = await board.join("token=bob")
    await parts.store.insert_moderator("standup", BOB.user_id, parts.now)
    select, read, go_on = parts.store.select_moderators, asyncio.Event(), asyncio.Event()

    async def select_slowly(room_id: str) -> list[int]:
        found = await select(room_id)
        if not read.is_set():
            read.set()
            await go_on.wait()
        return found

    monkeypatch.setattr(parts.store, "select_moderators", select_slowly)
    first = asyncio.create_task(parts.moderation.follow_moderator("standup", BOB.user_id))
    await read.wait()
    await parts.store.delete_moderator("standup", BOB.user_id)
    second = asyncio.create_task(parts.moderation.follow_moderator("standup", BOB.user_id))
    for _ in range(5):  # long enough for whoever does not wait
        await select("standup")
    go_on.set()
    await asyncio.gather(first, second)
    assert roles_of(member)[-1] == "member"


async def test_bans_of_other_processes_are_followed(parts: Parts) -> None:
    board = Switchboard()
    board.authenticator.add("bob", BOB.user_id)
    member, guest = await board.join("token=bob"), await board.join()
    rooms: Collection[str] = board.hub.live_rooms()
    await parts.moderation.follow(rooms)  # no hub yet
    parts.moderation.attach(board.hub)
    await parts.moderation.follow([])
    await parts.moderation.follow(rooms)
    assert board.hub.members() == 2
    parts.clock.now += 3600
    await parts.moderation.follow(rooms)
    old = msgspec.structs.replace(ban("b0", user_id=BOB.user_id), created_at=parts.now - 120_000)
    await parts.store.insert_ban(old, note("n0"))
    await parts.moderation.follow(rooms)
    assert board.hub.members() == 2  # it was made long ago: who is in now came in after it was lifted elsewhere
    await parts.store.delete_ban("standup", "b0")
    new = msgspec.structs.replace(ban("b1", user_id=BOB.user_id), created_at=parts.now - 30_000)
    await parts.store.insert_ban(new, note("n1"))
    await parts.moderation.follow(rooms)
    assert (member.closed, guest.closed) == ((4503, "banned"), None)


async def test_a_deed_is_logged_without_names_and_forgotten_after_a_while(
    parts: Parts, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        await parts.audit.record("standup", DEED)
    [record] = [record for record in caplog.records if getattr(record, "event", "") == "moderation"]
    assert (record.__dict__["action"], record.__dict__["actor"], record.__dict__["target"]) == ("ban", "1", "m1")
    assert "Gus" not in str(record.__dict__)
    parts.clock.now += KEPT_DAYS * 24 * 3600
    await parts.audit.delete_old()
    assert await parts.actions() == ["ban"]
    parts.clock.now += 1
    await parts.audit.delete_old()
    assert await parts.actions() == []
