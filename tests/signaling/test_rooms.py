"""Rooms in the database, and the doors to them."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any

import pytest
import pytest_asyncio
from prometheus_client import CollectorRegistry
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from api.db import Database
from signaling import rooms as rooms_module
from signaling.audit import AuditTrail
from signaling.core.names import is_room_id
from signaling.core.room import RoomRules
from signaling.elsewhere import Elsewhere
from signaling.metrics import SignalingMetrics
from signaling.moderation_store import ModerationStore
from signaling.ports import Account
from signaling.rooms import RoomIdTaken, RoomNotFound, RoomService, TooManyRooms
from signaling.store import RoomChange, RoomExists, RoomRecord, RoomStore
from tests.signaling.fakes import FakePasswords, ManualClock, Switchboard

ALICE, BOB = 2**53 - 1, 2
OWNER, STRANGER = Account(ALICE, "alice"), Account(BOB, "bob")


@pytest_asyncio.fixture
async def store(database: Database) -> RoomStore:
    """A store with two people who may own rooms."""
    insert = (
        "INSERT INTO users (id, username, username_key, password_hash, created_at, updated_at)"
        " VALUES (:id, :name, :name, '', 0, 0)"
    )
    async with database.write() as db:
        for user_id in (ALICE, BOB):
            await db.execute(text(insert), {"id": user_id, "name": f"user{user_id}"})
    return RoomStore(database)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def service(database: Database, store: RoomStore, clock: ManualClock) -> RoomService:
    return service_over(database, store, clock)


def service_over(database: Database, store: RoomStore, clock: ManualClock) -> RoomService:
    audit = AuditTrail(ModerationStore(database), SignalingMetrics(CollectorRegistry()), clock)
    return RoomService(store, audit, FakePasswords(), clock)


def record(room_id: str = "standup", owner_id: int = ALICE, **fields: Any) -> RoomRecord:
    values: dict[str, Any] = {"name": "", "guests_allowed": True, "max_members": 8, "created_at": 1, "updated_at": 1}
    return RoomRecord(id=room_id, owner_id=owner_id, **(values | fields))


# --- the store -------------------------------------------------------------------------------------------------------


async def test_who_keeps_a_room_and_since_when(store: RoomStore, service: RoomService, database: Database) -> None:
    await store.insert(record(created_at=7))
    assert await store.select_kept_since("standup", ALICE) == await service.kept_since("standup", ALICE) == 7
    assert await store.select_kept_since("standup", BOB) is None
    assert await store.select_kept_since("nowhere", ALICE) is None
    async with database.write() as db:
        moderator = "INSERT INTO room_moderators (room_id, user_id, created_at) VALUES ('standup', :id, 0)"
        await db.execute(text(moderator), {"id": BOB})
    assert await store.select_kept_since("standup", BOB) == 7


async def test_a_room_comes_back_as_it_went_in(store: RoomStore) -> None:
    for guests_allowed in (True, False):
        room = record(f"room-{guests_allowed}".lower(), name="Zoë's 😀 'room'; --", guests_allowed=guests_allowed)
        await store.insert(room)
        found = await store.select(room.id)
        assert found == room
        assert found is not None
        assert found.guests_allowed is guests_allowed
        assert found.rules == RoomRules(ALICE, guests_allowed, 8)
    assert await store.select("nowhere") is None


async def test_an_id_exists_once(store: RoomStore) -> None:
    await store.insert(record())
    with pytest.raises(RoomExists):
        await store.insert(record(owner_id=BOB))
    found = await store.select("standup")
    assert found is not None
    assert found.owner_id == ALICE


async def test_a_room_without_an_owner_is_no_taken_id(store: RoomStore) -> None:
    with pytest.raises(IntegrityError):
        await store.insert(record(owner_id=99))


async def test_of_two_who_open_a_room_at_once_one_owns_it(store: RoomStore) -> None:
    opened = await asyncio.gather(*(store.insert_or_get(record(owner_id=owner)) for owner in (ALICE, BOB) * 3))
    assert len({room.owner_id for room in opened}) == 1
    assert await store.select("standup") == opened[0]


async def test_owned_rooms_come_newest_first(store: RoomStore) -> None:
    for room_id, created in (("one", 1), ("three", 3), ("two-b", 2), ("two-a", 2)):
        await store.insert(record(room_id, created_at=created))
    await store.insert(record("other", owner_id=BOB, created_at=9))
    assert [room.id for room in await store.select_owned(ALICE, 10)] == ["three", "two-a", "two-b", "one"]
    assert [room.id for room in await store.select_owned(ALICE, 1)] == ["three"]
    assert await store.select_owned(99, 10) == []


async def test_only_the_owner_changes_and_deletes(store: RoomStore) -> None:
    await store.insert(record())
    assert await store.update("standup", BOB, RoomChange(name="mine now"), 5) is None
    assert not await store.delete("standup", BOB)
    assert await store.select("standup") == record()
    changed = await store.update("standup", ALICE, RoomChange(guests_allowed=False, max_members=3), 5)
    assert changed == record(guests_allowed=False, max_members=3, updated_at=5)
    changed = await store.update("standup", ALICE, RoomChange(name="new"), 6)
    assert changed == record(name="new", guests_allowed=False, max_members=3, updated_at=6)
    assert await store.select("standup") == changed
    assert await store.delete("standup", ALICE)
    assert not await store.delete("standup", ALICE)
    assert await store.update("standup", ALICE, RoomChange(name="late"), 7) is None


async def test_rooms_go_with_their_owner(store: RoomStore, database: Database) -> None:
    await store.insert(record())
    async with database.write() as db:
        await db.execute(text("DELETE FROM users WHERE id = :id"), {"id": ALICE})
    assert await store.select("standup") is None


# --- the service -----------------------------------------------------------------------------------------------------


async def test_a_new_room_has_a_code_and_defaults(service: RoomService, clock: ManualClock) -> None:
    room = await service.create(ALICE, RoomChange(), None)
    assert is_room_id(room.id)
    assert len(room.id) == 11
    assert room == record(room.id, created_at=int(clock.now * 1000), updated_at=int(clock.now * 1000))
    assert await service.find(room.id) == room.rules
    assert (await service.create(ALICE, RoomChange(), None)).id != room.id


async def test_a_new_room_is_as_wanted(service: RoomService) -> None:
    room = await service.create(ALICE, RoomChange(name="Daily", guests_allowed=False, max_members=3), "daily")
    assert (room.id, room.name, room.guests_allowed, room.max_members) == ("daily", "Daily", False, 3)
    with pytest.raises(RoomIdTaken):
        await service.create(ALICE, RoomChange(), "daily")


@pytest.fixture
def codes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Codes to be drawn next."""
    drawn: list[str] = []
    monkeypatch.setattr(rooms_module, "_code", lambda: drawn.pop(0))
    return drawn


async def test_a_code_that_is_taken_is_drawn_again(service: RoomService, codes: list[str]) -> None:
    codes += ["first", "first", "first", "second"]
    assert (await service.create(ALICE, RoomChange(), None)).id == "first"
    assert (await service.create(BOB, RoomChange(), None)).id == "second"


async def test_creating_for_someone_deleted_meanwhile_ends(service: RoomService) -> None:
    async with asyncio.timeout(5):
        with pytest.raises(IntegrityError):
            await service.create(99, RoomChange(), None)


async def test_opening_finds_or_creates(service: RoomService) -> None:
    assert await service.find("standup") is None
    assert await service.open("standup", ALICE) == RoomRules(ALICE, guests_allowed=True, max_members=8)
    assert await service.open("standup", BOB) == RoomRules(ALICE, guests_allowed=True, max_members=8)
    assert [room.id for room in await service.owned(ALICE)] == ["standup"]


async def test_absent_and_forbidden_rooms_look_alike(service: RoomService) -> None:
    room = await service.create(ALICE, RoomChange(guests_allowed=False), "private")
    for room_id in ("private", "nowhere"):
        with pytest.raises(RoomNotFound):
            await service.show(room_id, None)
        with pytest.raises(RoomNotFound):
            await service.change(room_id, STRANGER, RoomChange(name="mine"))
        with pytest.raises(RoomNotFound):
            await service.delete(room_id, BOB)
    assert await service.show("private", BOB) == room
    await service.change("private", OWNER, RoomChange(guests_allowed=True))
    assert (await service.show("private", None)).guests_allowed


async def test_what_is_not_to_change_stays(service: RoomService, clock: ManualClock) -> None:
    room = await service.create(ALICE, RoomChange(name="Daily", guests_allowed=False, max_members=3), "daily")
    clock.now += 60
    changed = await service.change("daily", OWNER, RoomChange(name=""))
    assert (changed.name, changed.guests_allowed, changed.max_members) == ("", False, 3)
    assert (changed.created_at, changed.updated_at) == (room.created_at, room.updated_at + 60_000)


async def members(service: RoomService) -> int | None:
    return (await service.people(["standup"]))["standup"]


async def test_a_running_call_follows(service: RoomService) -> None:
    board = Switchboard()
    service.attach(board.hub)
    await service.create(ALICE, RoomChange(), "standup")
    assert await members(service) == 0
    board.directory.rooms["standup"] = RoomRules(ALICE, guests_allowed=True, max_members=8)
    guest = await board.join()
    assert await members(service) == 1

    await service.change("standup", OWNER, RoomChange(guests_allowed=False))
    assert guest.closed is None
    late = board.connect()
    async with asyncio.timeout(5):
        while late.closed is None:  # noqa: ASYNC110  # what is waited for has no event
            await asyncio.sleep(0)
    assert late.closed == (4505, "room_not_found")

    await service.delete("standup", ALICE)
    assert guest.closed == (4508, "room_closed")
    assert await members(service) == 0


async def test_without_a_call_there_is_nothing_to_follow(service: RoomService) -> None:
    await service.create(ALICE, RoomChange(), "standup")
    await service.change("standup", OWNER, RoomChange(max_members=2))
    await service.delete("standup", ALICE)
    assert await members(service) == 0


async def test_running_calls_follow_the_database(
    service: RoomService, store: RoomStore, database: Database, clock: ManualClock
) -> None:
    board = Switchboard()
    service.attach(board.hub)
    await service.follow()  # nothing runs
    await service.create(ALICE, RoomChange(), "standup")
    board.directory.rooms["standup"] = RoomRules(ALICE, guests_allowed=True, max_members=8)
    guest = await board.join()

    await store.update("standup", ALICE, RoomChange(max_members=3), 1)  # as another process does
    await service.follow()
    assert guest.closed is None
    assert board.hub.live_rooms() == {"standup": RoomRules(ALICE, guests_allowed=True, max_members=3)}

    await store.delete("standup", ALICE)
    await service.follow()
    assert guest.closed == (4508, "room_closed")
    assert board.hub.live_rooms() == {}


class Neighbours(Elsewhere):
    """Other nodes, which count people and write down what they are told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    async def people(self, room_ids: Collection[str]) -> dict[str, int | None]:
        return dict.fromkeys(room_ids, None)

    def room_changed(self, room_id: str) -> None:
        self.told.append(room_id)


async def test_other_nodes_are_told_and_asked(service: RoomService) -> None:
    neighbours, board = Neighbours(), Switchboard()
    service.attach(board.hub, neighbours)
    await service.create(ALICE, RoomChange(), "standup")
    await service.change("standup", OWNER, RoomChange(max_members=2))
    assert neighbours.told == ["standup"]
    board.directory.rooms["here"] = RoomRules(ALICE, guests_allowed=True, max_members=8)
    await board.join(room="here")
    assert await service.people(["here", "standup"]) == {"here": 1, "standup": None}
    await service.delete("standup", ALICE)
    assert neighbours.told == ["standup"] * 2


async def test_a_call_follows_what_another_process_changed(service: RoomService, store: RoomStore) -> None:
    await service.follow_room("standup")  # no hub yet
    board = Switchboard()
    service.attach(board.hub)
    await service.create(ALICE, RoomChange(), "standup")
    board.directory.rooms["standup"] = RoomRules(ALICE, guests_allowed=True, max_members=8)
    guest = await board.join()
    await store.update("standup", ALICE, RoomChange(max_members=3), 1)
    await service.follow_room("standup")
    assert board.hub.live_rooms()["standup"].max_members == 3
    await store.delete("standup", ALICE)
    await service.follow_room("standup")
    assert guest.closed == (4508, "room_closed")


@pytest.mark.parametrize("how", ["told", "by itself"])
async def test_a_room_of_the_same_name_is_another_where_its_owner_is(
    service: RoomService, store: RoomStore, how: str
) -> None:
    board = Switchboard()
    service.attach(board.hub)
    await service.create(ALICE, RoomChange(), "standup")
    board.directory.rooms["standup"] = RoomRules(ALICE, guests_allowed=True, max_members=8)
    guest = await board.join()
    await store.delete("standup", ALICE)
    await store.insert(record(owner_id=BOB))
    await (service.follow_room("standup") if how == "told" else service.follow())
    assert guest.closed == (4508, "room_closed")
    assert board.hub.live_rooms() == {}


@pytest.mark.parametrize("deed", ["change", "delete"])
@pytest.mark.parametrize("how", ["told", "by itself"])
async def test_what_was_read_first_is_not_applied_last(
    service: RoomService, store: RoomStore, monkeypatch: pytest.MonkeyPatch, deed: str, how: str
) -> None:
    board, read, go_on = Switchboard(), asyncio.Event(), asyncio.Event()
    service.attach(board.hub)
    await service.create(ALICE, RoomChange(), "standup")
    board.directory.rooms["standup"] = RoomRules(ALICE, guests_allowed=True, max_members=8)
    await board.join()
    await store.update("standup", ALICE, RoomChange(max_members=3), 1)  # as another process does
    applied: list[int] = []
    monkeypatch.setattr(board.hub, "change_rules", lambda _, rules: applied.append(rules.max_members))
    monkeypatch.setattr(board.hub, "close_room", lambda _: applied.append(0))
    name = "select" if how == "told" else "select_rules"
    select = getattr(store, name)

    async def select_slowly(what: object) -> object:
        found = await select(what)
        if not read.is_set():
            read.set()
            await go_on.wait()
        return found

    monkeypatch.setattr(store, name, select_slowly)
    following = asyncio.create_task(service.follow_room("standup") if how == "told" else service.follow())
    await read.wait()

    async def do() -> None:
        if deed == "change":
            await service.change("standup", OWNER, RoomChange(max_members=5))
        else:
            await service.delete("standup", ALICE)

    doing = asyncio.create_task(do())
    for _ in range(8):  # long enough for whoever does not wait
        await store.count_owned(ALICE)
    go_on.set()
    await asyncio.gather(following, doing)
    assert applied == [3, 5 if deed == "change" else 0]


async def test_rooms_per_person_are_bounded(service: RoomService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("signaling.rooms.MAX_OWNED", 2)
    await service.create(ALICE, RoomChange(), None)
    await service.open("opened", ALICE)
    with pytest.raises(TooManyRooms):
        await service.create(ALICE, RoomChange(), None)
    with pytest.raises(TooManyRooms):
        await service.open("one-more", ALICE)
    assert (await service.open("opened", ALICE)).owner_id == ALICE
    await service.create(BOB, RoomChange(), None)


async def test_a_password_is_kept_as_a_hash_and_checked(service: RoomService, database: Database) -> None:
    room = await service.create(ALICE, RoomChange(lobby="guests"), "safe", "sesame")
    assert room.rules == RoomRules(ALICE, True, 8, "guests", has_password=True)
    assert await service.check_password("safe", "sesame")
    assert not await service.check_password("safe", "simsim")
    assert not await service.check_password("nowhere", "sesame")
    changed = await service.change("safe", OWNER, RoomChange(name="Safe"))
    assert changed.rules == room.rules
    changed = await service.change("safe", OWNER, RoomChange(lobby="everyone"), "simsim")
    assert await service.check_password("safe", "simsim")
    changed = await service.change("safe", OWNER, RoomChange(), None)
    assert changed.rules == RoomRules(ALICE, True, 8, "everyone")
    assert not await service.check_password("safe", "simsim")
    async with database.read() as db:
        actions = (await db.execute(text("SELECT action FROM room_audit ORDER BY id"))).scalars().all()
    assert actions == ["password_set", "lobby", "password_cleared"]


async def test_a_stranger_makes_nobody_hash_anything(service: RoomService) -> None:
    await service.create(ALICE, RoomChange(), "safe")
    passwords = FakePasswords()
    service._passwords = passwords
    with pytest.raises(RoomNotFound):
        await service.change("safe", STRANGER, RoomChange(), "mine now")
    assert passwords.hashed == 0
    with pytest.raises(RoomNotFound):
        await service.owned_room("safe", BOB)
    assert (await service.show_invited("safe")).id == "safe"
    with pytest.raises(RoomNotFound):
        await service.show_invited("nowhere")
