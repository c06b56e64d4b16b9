"""What a room and its members are at one node they are at the next."""

from __future__ import annotations

from typing import TypeVar

import msgspec
import pytest

from signaling.core.connection import Connection, Hangup
from signaling.core.frozen import FrozenConnection, FrozenReplay, FrozenRoom, freeze_room
from signaling.core.limits import CHAT_PER_WINDOW, FloodGuard
from signaling.core.lobby import Lobby
from signaling.core.messages import Lobby as WaitingList
from signaling.core.messages import MediaState
from signaling.core.replay import MAX_BYTES, Replay
from signaling.core.room import CHAT_HISTORY, Deliver, Member, Room, RoomRules
from signaling.errors import Close

NOW = 1_790_000_000.0
RULES = RoomRules(1, guests_allowed=True, max_members=5, lobby="guests", has_password=True)
T = TypeVar("T")


def sent(value: T, kind: type[T]) -> T:
    """Return what arrives of something."""
    return msgspec.msgpack.decode(msgspec.msgpack.encode(value), type=kind)


def moved(room: Room) -> Room:
    """Return a room as it arrives."""
    ids = iter(f"new-{number}" for number in range(9))
    return Room.thaw(sent(freeze_room(room), FrozenRoom), lambda: next(ids))


@pytest.fixture
def room() -> Room:
    """A room in which something has happened."""
    ids = iter(f"id-{number}" for number in range(999))
    room = Room("standup", RULES, lambda: next(ids))
    room.join(Member("ann", "Ann", "host", user_id=1, person="account 1"), NOW)
    room.join(Member("tape", "Recorder", "member", kind="recorder"), NOW)
    room.join(Member("ben", "Ben", "guest", person="guest ben"), NOW)
    room.set_media("ben", MediaState(audio=True, video=False, screen=True))
    room.set_hand("ben", True, NOW)
    room.lose("ben", NOW)
    room.say("ann", "hello", NOW)
    room.grant("guest ben", "moderator")
    room.locked = True
    return room


def test_a_room_is_the_same(room: Room) -> None:
    there = moved(room)
    assert there.members == room.members
    assert (there.id, there.rules, there.state, there.people) == (room.id, room.rules, room.state, 2)
    assert there.participants("ben") == room.participants("ben")
    assert there.role_of(None, person="guest ben") == "moderator"
    newcomer = Member("zoe", "Zoë", "guest")
    assert there.join(newcomer, NOW) == room.join(msgspec.structs.replace(newcomer), NOW)
    assert newcomer.order == 4
    assert there.say("zoe", "hi", NOW)[0].message.id == "new-0"  # type: ignore[union-attr]


def test_its_memory_stays_bounded(room: Room) -> None:
    for number in range(CHAT_HISTORY):
        room.say("ann", str(number), NOW)
    there = moved(room)
    there.say("ann", "one more", NOW)
    assert len(there.chat) == CHAT_HISTORY
    assert [entry.text for entry in there.chat[:2]] == ["1", "2"]


def test_frames_are_kept(room: Room) -> None:
    replay = Replay(3)
    for number in range(4, 8):
        replay.add(b"%d" % number)
    replay.acknowledge(5)
    there = Replay.thaw(sent(replay.freeze(), FrozenReplay))
    assert (there.last_seq, there.since(5), there.since(4)) == (7, [b"6", b"7"], None)
    there.add(b"x" * (MAX_BYTES - 1))
    assert there.since(5) is None, "what was kept before counts"


def test_a_member_goes_on(room: Room) -> None:
    connection = Connection(room, "ben", FloodGuard(), Replay())
    for number in range(CHAT_PER_WINDOW):
        connection.receive(f'{{"type":"chat","text":"?","id":{number}}}', NOW)
    for _ in range(2):
        connection.receive("{", NOW)
    there = moved(room)
    frozen = sent(connection.freeze(), FrozenConnection)
    again = Connection.thaw(there, frozen, FloodGuard(), Lobby())
    assert (again.member_id, again.last_id) == ("ben", CHAT_PER_WINDOW - 1)
    assert again.receive('{"type":"chat","text":"again","id":1}', NOW) == []
    again.receive('{"type":"chat","text":"too much"}', NOW)
    assert again.fault is not None
    assert again.fault.code == "rate_limited"
    ends = again.receive("{", NOW)
    assert isinstance(ends, list)
    assert Hangup(Close.BAD_PROTOCOL) in ends, "the third malformed frame is the third"


def test_who_cannot_resume_keeps_nothing(room: Room) -> None:
    frozen = sent(Connection(room, "ben", FloodGuard()).freeze(), FrozenConnection)
    assert Connection.thaw(room, frozen, FloodGuard(), Lobby()).replay is None


def test_limits_of_another_version_are_left_as_they_are() -> None:
    guard = FloodGuard()
    guard.levels = {"chat": (0.0, NOW), "something new": (0.0, NOW)}
    assert not guard.chat.take(NOW)
    assert guard.other.take(NOW)
    guard.levels = {"chat": (1e9, NOW)}
    assert guard.chat.level == (CHAT_PER_WINDOW, NOW)


def test_keepers_can_be_told_again_who_waits() -> None:
    lobby = Lobby()
    assert lobby.recall() == []
    lobby.attend(["ann"], ["ann"])
    lobby.knock("zoe", "Zoë")
    (news,) = lobby.recall()
    assert isinstance(news, Deliver)
    assert news.to == ("ann",)
    assert isinstance(news.message, WaitingList)
    assert [knocker.id for knocker in news.message.waiting] == ["zoe"]
