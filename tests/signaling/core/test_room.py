"""A room's decisions."""

from __future__ import annotations

import itertools

import pytest

from signaling.core.codec import encode
from signaling.core.messages import (
    Chat,
    ChatHistory,
    Media,
    MediaState,
    Participants,
    Presence,
    Profile,
    Role,
    SendWebRtc,
    WebRtc,
)
from signaling.core.room import CHAT_HISTORY, Deliver, Member, Room, RoomRules
from signaling.errors import Close, CloseReason
from tests.signaling.core.samples import CANDIDATE, END_OF_CANDIDATES

NOW = 1_790_000_000.25
NOW_MS = 1_790_000_000_250
OWNER = 7


def new_room(*, guests_allowed: bool = True, max_members: int = 8) -> Room:
    serial = itertools.count(1)
    return Room("standup", RoomRules(OWNER, guests_allowed, max_members), lambda: f"chat-{next(serial)}")


def room_of(*ids: str) -> Room:
    room = new_room()
    for member_id in ids:
        room.join(Member(member_id, member_id.title(), "guest"), NOW)
    return room


@pytest.mark.seed("S1-05")
@pytest.mark.seed("S1-39")
def test_the_first_member_gets_the_list_and_nobody_else_anything() -> None:
    room = new_room()
    [delivery] = room.join(Member("a", "Alice", "host"), NOW)
    assert delivery.to == ("a",)
    assert isinstance(delivery.message, Participants)
    assert [person.id for person in delivery.message.participants] == ["a"]


@pytest.mark.seed("S1-34")
@pytest.mark.seed("S1-39")
def test_those_present_learn_of_a_newcomer_before_it_gets_the_list() -> None:
    room = room_of("a", "b")
    news, listing = room.join(Member("c", "Carol", "member"), NOW)
    assert news == Deliver(
        ("a", "b"),
        Presence(action="join", clientId="c", ts=NOW_MS, displayName="Carol", role="member", polite=False),
    )
    assert listing.to == ("c",)
    assert isinstance(listing.message, Participants)
    assert [(person.id, person.displayName) for person in listing.message.participants] == [
        ("a", "A"),
        ("b", "B"),
        ("c", "Carol"),
    ]


def test_of_each_pair_exactly_the_later_one_is_polite() -> None:
    room = room_of("a", "b", "c")
    room.leave("b", NOW)
    room.join(Member("b", "B", "guest"), NOW)  # back again, now the latest
    polite = {
        (receiver, person.id): person.polite
        for receiver in room.members
        for person in room.participants(receiver).participants
    }
    for one, other in itertools.combinations("abc", 2):
        assert polite[one, other] is not polite[other, one]
    assert [receiver for receiver in "abc" if polite[receiver, receiver]] == []
    assert polite["b", "a"]
    assert polite["b", "c"]
    assert polite["c", "a"]


def test_nobody_joins_twice() -> None:
    room = room_of("a")
    with pytest.raises(ValueError, match="already"):
        room.join(Member("a", "Other", "guest"), NOW)
    assert room.members["a"].display_name == "A"


@pytest.mark.seed("S1-34")
def test_those_who_stay_learn_of_a_leave() -> None:
    room = room_of("a", "b", "c")
    assert room.leave("b", NOW) == [Deliver(("a", "c"), Presence(action="leave", clientId="b", ts=NOW_MS))]
    assert list(room.members) == ["a", "c"]


def test_leave_after_leave_changes_nothing() -> None:
    room = room_of("a", "b")
    room.leave("b", NOW)
    assert room.leave("b", NOW) == []
    assert room.leave("nobody", NOW) == []
    assert list(room.members) == ["a"]


def test_the_last_one_leaves_in_silence() -> None:
    room = room_of("a")
    assert room.leave("a", NOW) == []
    assert not room.members


@pytest.mark.seed("S1-38")
@pytest.mark.parametrize(
    "message",
    [
        SendWebRtc(action="offer", to="b", sdp="v=0"),
        SendWebRtc(action="answer", to="b", sdp="v=0"),
        SendWebRtc(action="ice", to="b", candidate=CANDIDATE),
        SendWebRtc(action="ice", to="b", candidate=END_OF_CANDIDATES),
        SendWebRtc(action="ice", to="b", candidate=None),
    ],
)
def test_only_the_one_named_in_to_receives_with_the_true_sender(message: SendWebRtc) -> None:
    relayed = room_of("a", "b", "c").relay("a", message)
    assert relayed == WebRtc(action=message.action, from_="a", to="b", sdp=message.sdp, candidate=message.candidate)


@pytest.mark.parametrize("receiver", ["nobody", "", "A", "b ", "a"])
def test_nothing_is_relayed_to_strangers_or_to_oneself(receiver: str) -> None:
    assert room_of("a", "b").relay("a", SendWebRtc(action="offer", to=receiver, sdp="v=0")) is None


def test_nothing_is_relayed_to_someone_who_left() -> None:
    room = room_of("a", "b")
    room.leave("b", NOW)
    assert room.relay("a", SendWebRtc(action="offer", to="b", sdp="v=0")) is None


@pytest.mark.seed("S1-06")
@pytest.mark.seed("S1-35")
def test_everyone_learns_of_a_new_name() -> None:
    room = room_of("a", "b")
    assert room.rename("b", "Bob") == [Deliver(("a", "b"), Profile(clientId="b", displayName="Bob"))]
    assert [person.displayName for person in room.participants("a").participants] == ["A", "Bob"]


def test_everyone_learns_of_media() -> None:
    room = room_of("a", "b")
    deliveries = room.set_media("a", MediaState(audio=True, screen=True))
    assert deliveries == [Deliver(("a", "b"), Media(clientId="a", audio=True, video=False, screen=True))]
    [own, other] = room.participants("b").participants
    assert own.media == MediaState(audio=True, screen=True)
    assert other.media == MediaState()


@pytest.mark.seed("S1-37")
def test_chat_goes_to_all_the_speaker_included_under_one_id() -> None:
    room = room_of("a", "b")
    assert room.say("a", "hello", NOW) == [
        Deliver(("a", "b"), Chat(from_="a", displayName="A", text="hello", id="chat-1", ts=NOW_MS))
    ]
    [again] = room.say("a", "hello", NOW)
    assert isinstance(again.message, Chat)
    assert again.message.id == "chat-2"


def test_names_in_chat_are_those_of_the_time() -> None:
    room = room_of("a")
    room.rename("a", "Alice")
    [delivery] = room.say("a", "hello", NOW)
    assert isinstance(delivery.message, Chat)
    assert delivery.message.displayName == "Alice"


@pytest.mark.parametrize(("user_id", "role"), [(None, "guest"), (OWNER, "host"), (OWNER + 1, "member")])
def test_roles(user_id: int | None, role: Role) -> None:
    assert new_room().role_of(user_id) == role


@pytest.mark.parametrize(
    ("guests_allowed", "role", "reason"),
    [
        (True, "guest", None),
        (True, "member", None),
        (False, "guest", Close.ROOM_NOT_FOUND),
        (False, "member", None),
        (False, "host", None),
    ],
)
def test_guests_enter_where_they_may(guests_allowed: bool, role: Role, reason: CloseReason | None) -> None:
    assert new_room(guests_allowed=guests_allowed).refusal(role) is reason


def test_a_room_has_its_size() -> None:
    room = new_room(max_members=2)
    for member_id in "ab":
        assert room.refusal("guest") is None
        room.join(Member(member_id, "Someone", "guest"), NOW)
    assert room.refusal("guest") is Close.ROOM_FULL
    assert room.refusal("host") is Close.ROOM_FULL
    room.leave("a", NOW)
    assert room.refusal("guest") is None


def test_a_full_room_does_not_tell_guests_who_may_not_enter() -> None:
    room = new_room(guests_allowed=False, max_members=1)
    room.join(Member("a", "Someone", "host"), NOW)
    assert room.refusal("guest") is Close.ROOM_NOT_FOUND


# --- those whose connection broke -------------------------------------------------------------------------------------


def test_the_others_hear_of_a_loss_and_of_the_return_once() -> None:
    room = room_of("a", "b", "c")
    assert room.lose("b", NOW) == [Deliver(("a", "c"), Presence(action="lost", clientId="b", ts=NOW_MS))]
    assert room.lose("b", NOW) == []
    assert [person.link for person in room.participants("a").participants] == ["ok", "lost", "ok"]
    assert room.regain("b", NOW) == [Deliver(("a", "c"), Presence(action="back", clientId="b", ts=NOW_MS))]
    assert room.regain("b", NOW) == []
    assert room.regain("nobody", NOW) == []


def test_one_who_is_alone_is_lost_in_silence() -> None:
    room = room_of("a")
    assert room.lose("a", NOW) == []
    assert room.members["a"].link == "lost"


# --- chat, for those who come later ----------------------------------------------------------------------------------


def history(room: Room) -> list[str]:
    *_, last = room.join(Member("late", "Late", "guest"), NOW)
    return [entry.text for entry in last.message.messages] if isinstance(last.message, ChatHistory) else []


def test_a_newcomer_hears_what_was_said() -> None:
    room = room_of("a")
    room.say("a", "one", NOW)
    room.say("a", "two", NOW)
    room.leave("a", NOW)
    assert history(room) == ["one", "two"]


def test_without_a_word_there_is_no_history() -> None:
    assert history(room_of("a")) == []


def test_the_oldest_words_are_forgotten() -> None:
    room = room_of("a")
    for number in range(CHAT_HISTORY + 3):
        room.say("a", str(number), NOW)
    told = history(room)
    assert (told[0], len(told)) == ("3", CHAT_HISTORY)


def test_a_history_fits_into_a_frame() -> None:
    room = room_of("a")
    for _ in range(30):
        room.say("a", "ü" * 4096, NOW)
    *_, last = room.join(Member("late", "Late", "guest"), NOW)
    assert len(history_of(last.message)) == 12
    assert len(encode(last.message)) < 2 * 64 * 1024


def history_of(message: object) -> tuple[object, ...]:
    assert isinstance(message, ChatHistory)
    return message.messages


# --- the recorder ----------------------------------------------------------------------------------------------------


def test_a_recorder_is_seen_for_what_it_is_and_takes_no_place() -> None:
    room = new_room(max_members=2)
    room.join(Member("a", "Alice", "host"), NOW)
    [news, _] = room.join(Member("r", "Recorder", "member", kind="recorder"), NOW)
    assert isinstance(news.message, Presence)
    assert news.message.kind == "recorder"
    assert [person.kind for person in room.participants("a").participants] == ["person", "recorder"]
    assert room.people == 1
    assert room.refusal("guest") is None
