"""What a member's frames lead to."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec import UNSET

from signaling.core.codec import BadFrame
from signaling.core.connection import (
    MALFORMED_FRAMES,
    Connection,
    Effect,
    Hangup,
    IceServersWanted,
    ReportDropped,
    Reported,
)
from signaling.core.limits import (
    CANDIDATES_PER_WINDOW,
    CHAT_PER_WINDOW,
    DIGESTS_AT_ONCE,
    DROPS_PER_WINDOW,
    OTHER_PER_WINDOW,
    REFUSALS_PER_WINDOW,
    REPORTS_AT_ONCE,
    FloodGuard,
)
from signaling.core.messages import (
    Chat,
    Error,
    Hand,
    Media,
    Profile,
    Reaction,
    ReportPath,
    ReportTrouble,
    SendStats,
    WebRtc,
)
from signaling.core.replay import Replay
from signaling.core.room import Deliver, Member, Room, RoomRules
from signaling.errors import Close, FrameFault

NOW = 1_790_000_000.0


class Table:
    """Alice and Bob in a room, Alice at the keyboard."""

    def __init__(self) -> None:
        self.room = Room("standup", RoomRules(1, guests_allowed=True, max_members=8), lambda: "chat-id")
        self.room.join(Member("alice", "Alice", "guest"), NOW)
        self.room.join(Member("bob", "Bob", "guest"), NOW)
        self.connection = Connection(self.room, "alice", FloodGuard())

    def say(self, now: float = NOW, **frame: Any) -> list[Effect]:
        return followed(self.connection.receive(json.dumps(frame), now))

    def refused(self, **frame: Any) -> Error:
        [effect] = self.say(**frame)
        return error_in(effect)


@pytest.fixture
def table() -> Table:
    return Table()


def followed(outcome: list[Effect] | WebRtc) -> list[Effect]:
    """Return what follows; a message that is relayed as its delivery."""
    return [Deliver((outcome.to,), outcome)] if isinstance(outcome, WebRtc) else outcome


def error_in(effect: Effect) -> Error:
    assert isinstance(effect, Deliver)
    assert effect.to == ("alice",)
    assert isinstance(effect.message, Error)
    return effect.message


def test_a_chat_goes_to_the_room(table: Table) -> None:
    [effect] = table.say(type="chat", text="hello")
    assert effect == Deliver(
        ("alice", "bob"), Chat(from_="alice", displayName="Alice", text="hello", id="chat-id", ts=int(NOW * 1000))
    )


def test_a_name_is_cleaned_before_others_see_it(table: Table) -> None:
    [effect] = table.say(type="profile", displayName="  Zoe\u0308 ")
    assert effect == Deliver(("alice", "bob"), Profile(clientId="alice", displayName="Zoë"))


def test_media_goes_to_the_room(table: Table) -> None:
    [effect] = table.say(type="media", audio=True, video=True)
    assert effect == Deliver(("alice", "bob"), Media(clientId="alice", audio=True, video=True, screen=False))


def test_leave_ends_the_connection(table: Table) -> None:
    assert table.say(type="leave") == [Hangup(Close.NORMAL)]


@pytest.mark.seed("S1-38")
@pytest.mark.parametrize("claimed", ["bob", "carol", 5, None, {"id": "bob"}, ""])
def test_a_claimed_sender_is_replaced(table: Table, claimed: object) -> None:
    frame = {"type": "webrtc", "action": "offer", "to": "bob", "sdp": "v=0", "from": claimed}
    relayed = table.connection.receive(json.dumps(frame), NOW)
    assert relayed == WebRtc(action="offer", from_="alice", to="bob", sdp="v=0")


@pytest.mark.parametrize(
    "parts",
    [
        {"action": "offer"},
        {"action": "answer"},
        {"action": "ice"},
        {"action": "ice", "sdp": "v=0"},
        {"action": "offer", "candidate": {"candidate": ""}},
        {"action": "offer", "sdp": "v=0", "candidate": {"candidate": ""}},
        {"action": "answer", "sdp": "v=0", "candidate": None},
        {"action": "ice", "sdp": "v=0", "candidate": {"candidate": ""}},
    ],
    ids=str,
)
def test_descriptions_and_candidates_are_not_mixed(table: Table, parts: dict[str, Any]) -> None:
    error = table.refused(type="webrtc", to="bob", id=3, **parts)
    assert (error.code, error.ref) == ("bad_frame", 3)


@pytest.mark.parametrize(
    "parts", [{"action": "offer", "sdp": "v=0"}, {"action": "ice", "candidate": None}], ids=["sdp", "candidate"]
)
@pytest.mark.parametrize("receiver", ["carol", "alice"])
def test_an_unknown_peer_is_named_and_is_no_offence(table: Table, receiver: str, parts: dict[str, Any]) -> None:
    for number in range(MALFORMED_FRAMES * 2):
        error = table.refused(type="webrtc", to=receiver, id=number, **parts)
        assert (error.code, error.ref, error.retryable) == ("unknown_peer", number, False)


def test_a_second_hello_is_refused(table: Table) -> None:
    error = table.refused(type="hello", id=2)
    assert (error.code, error.ref) == ("unexpected_hello", 2)


@pytest.mark.parametrize("name", ["\u202eecilA", "\u200b", "A\x00", "  "])
def test_a_bad_name_is_refused_and_changes_nothing(table: Table, name: str) -> None:
    assert table.refused(type="profile", displayName=name, id=1).code == "bad_name"
    assert table.room.members["alice"].display_name == "Alice"


def test_a_bad_text_is_refused(table: Table) -> None:
    error = table.refused(type="chat", text="\x1b[2J", id=1)
    assert (error.code, error.ref) == ("bad_text", 1)


def test_without_an_id_the_error_refers_to_nothing(table: Table) -> None:
    assert table.refused(type="chat", text=" ").ref is UNSET


def test_the_third_malformed_frame_ends_the_connection(table: Table) -> None:
    for frame in ("{", '{"type":"welcome"}'):
        [effect] = followed(table.connection.receive(frame, NOW))
        error_in(effect)
    table.say(type="chat", text="a good one between")
    answer, end = followed(table.connection.receive('{"type":"chat","text":1,"id":5}', NOW))
    assert error_in(answer).ref == 5
    assert end == Hangup(Close.BAD_PROTOCOL)


@pytest.mark.parametrize("fault", list(FrameFault))
def test_only_faults_of_form_are_counted(table: Table, fault: FrameFault) -> None:
    effects = [table.connection.refuse(BadFrame(fault), NOW) for _ in range(MALFORMED_FRAMES)]
    assert [error_in(found[0]).code for found in effects] == [fault.code] * MALFORMED_FRAMES
    honest = fault in {
        FrameFault.UNKNOWN_PEER,
        FrameFault.FORBIDDEN,
        FrameFault.NOT_IN_ROOM,
        FrameFault.ROOM_FULL,
        FrameFault.UNAVAILABLE,
        FrameFault.RATE_LIMITED,
    }
    assert effects[-1][1:] == ([] if honest else [Hangup(Close.BAD_PROTOCOL)])


@pytest.mark.parametrize(
    ("frame", "allowed"),
    [
        ({"type": "webrtc", "action": "ice", "to": "bob", "candidate": None}, CANDIDATES_PER_WINDOW),
        ({"type": "chat", "text": "hello"}, CHAT_PER_WINDOW),
        ({"type": "profile", "displayName": "Alice"}, OTHER_PER_WINDOW),
        ({"type": "media", "audio": True, "video": True}, OTHER_PER_WINDOW),
        ({"type": "webrtc", "action": "offer", "to": "bob", "sdp": "v=0"}, OTHER_PER_WINDOW),
        ({"type": "leave"}, OTHER_PER_WINDOW),
    ],
    ids=lambda value: value.get("action", value["type"]) if isinstance(value, dict) else "",
)
def test_a_flood_is_refused_and_then_ended(table: Table, frame: dict[str, Any], allowed: int) -> None:
    for _ in range(allowed):
        [effect] = table.say(**frame)
        assert not isinstance(effect, Deliver) or not isinstance(effect.message, Error)
    for number in range(REFUSALS_PER_WINDOW):
        error = table.refused(**frame, id=number)
        assert (error.code, error.retryable, error.ref) == ("rate_limited", True, number)
    assert table.say(**frame) == [Hangup(Close.RATE_LIMITED)]


def test_a_flood_of_one_kind_leaves_room_for_another(table: Table) -> None:
    for _ in range(CHAT_PER_WINDOW + 1):
        table.say(type="chat", text="hello")
    [effect] = table.say(type="webrtc", action="ice", to="bob", candidate=None)
    assert isinstance(effect, Deliver)
    assert isinstance(effect.message, WebRtc)


def test_whoever_slows_down_is_heard_again(table: Table) -> None:
    for _ in range(CHAT_PER_WINDOW + 10):
        table.say(type="chat", text="hello")
    [effect] = table.say(NOW + 1.0, type="chat", text="sorry")
    assert isinstance(effect, Deliver)
    assert isinstance(effect.message, Chat)


def test_ids_are_remembered_to_be_acknowledged(table: Table) -> None:
    assert table.connection.last_id == -1
    table.say(type="chat", text="no id")
    assert table.connection.last_id == -1
    table.say(type="chat", text="hello", id=0)
    assert table.connection.last_id == 0
    table.say(type="chat", text="hello", id=5)
    table.say(type="chat", text="late", id=3)
    assert table.connection.last_id == 5


def test_a_frame_over_the_limit_counts_as_handled(table: Table) -> None:
    for number in range(CHAT_PER_WINDOW + 1):
        table.say(type="chat", text="hello", id=number)
    assert table.connection.last_id == CHAT_PER_WINDOW


# --- what comes twice, and what came over ----------------------------------------------------------------------------


def test_a_frame_that_was_handled_is_not_handled_again(table: Table) -> None:
    assert table.say(type="chat", text="once", id=5)
    assert table.say(type="chat", text="once", id=5) == []
    assert table.say(type="chat", text="older", id=4) == []
    assert table.connection.last_id == 5
    assert table.say(type="chat", text="next", id=6)


def test_a_refused_frame_counts_as_handled(table: Table) -> None:
    table.refused(type="chat", text="", id=8)
    assert table.connection.last_id == 8
    table.refused(type="chat", text="", id=3)
    assert table.connection.last_id == 8


def test_repeating_without_end_is_a_flood(table: Table) -> None:
    table.say(type="media", audio=True, video=True, id=1)
    for _ in range(REFUSALS_PER_WINDOW):
        assert table.say(type="media", audio=True, video=True, id=1) == []
    assert table.say(type="media", audio=True, video=True, id=1) == [Hangup(Close.RATE_LIMITED)]


def test_acknowledged_frames_are_let_go_of(table: Table) -> None:
    table.connection.replay = Replay()
    for _ in range(5):
        table.connection.replay.add(b"frame")
    assert table.say(type="ack", seq=3) == []
    assert table.connection.replay.since(3) == [b"frame"] * 2
    assert table.say(type="ack", seq=1) == []  # backwards
    assert table.connection.replay.since(3) == [b"frame"] * 2
    assert table.connection.replay.since(2) is None


def test_a_frame_that_was_never_sent_cannot_be_acknowledged(table: Table) -> None:
    table.connection.replay = Replay()
    assert table.refused(type="ack", seq=1, id=4).code == "bad_ack"
    assert table.say(type="ack", seq=0) == []


def test_without_a_replay_acknowledgements_mean_nothing(table: Table) -> None:
    assert table.say(type="ack", seq=7) == []


def test_a_second_resume_is_refused(table: Table) -> None:
    assert table.refused(type="resume", resumeToken="t", lastSeq=0, id=2).code == "unexpected_resume"


# --- in the call ------------------------------------------------------------------------------------------------------


def test_a_hand_goes_up_and_down_once(table: Table) -> None:
    [up] = table.say(type="hand", raised=True)
    assert up == Deliver(("alice", "bob"), Hand(clientId="alice", raised=True, ts=int(NOW * 1000)))
    assert table.say(now=NOW + 5, type="hand", raised=True) == []
    assert table.room.members["alice"].hand_raised_at == int(NOW * 1000)
    [down] = table.say(type="hand", raised=False)
    assert down == Deliver(("alice", "bob"), Hand(clientId="alice", raised=False, ts=int(NOW * 1000)))
    assert table.say(type="hand", raised=False) == []


def test_all_see_a_reaction(table: Table) -> None:
    assert table.say(type="reaction", emoji="🎉") == [Deliver(("alice", "bob"), Reaction(clientId="alice", emoji="🎉"))]
    assert table.refused(type="reaction", emoji="<b>").code == "bad_frame"


def test_fresh_ice_servers_are_asked_of_the_hub(table: Table) -> None:
    assert table.say(type="ice_servers") == [IceServersWanted()]


# --- what browsers tell of their media --------------------------------------------------------------------------------

PATH: dict[str, Any] = {"type": "path", "clientId": "bob", "connection": "c1", "state": "connected"}
STATS: dict[str, Any] = {"type": "stats", "peers": [{"clientId": "bob"}]}
TROUBLE: dict[str, Any] = {"type": "trouble", "media": "audio", "reason": "permission"}


def test_reports_are_handed_on_as_they_are(table: Table) -> None:
    stranger = PATH | {"clientId": "carol", "elapsedMs": -1}
    assert table.say(**stranger) == [
        Reported(ReportPath(clientId="carol", connection="c1", state="connected", elapsedMs=-1))
    ]
    [stats] = table.say(**STATS)
    assert isinstance(stats, Reported)
    assert isinstance(stats.message, SendStats)
    assert table.say(**TROUBLE) == [Reported(ReportTrouble(media="audio", reason="permission"))]


@pytest.mark.parametrize(
    ("frame", "allowed"),
    [(PATH, REPORTS_AT_ONCE), (TROUBLE, REPORTS_AT_ONCE), (STATS, DIGESTS_AT_ONCE)],
    ids=["path", "trouble", "stats"],
)
def test_reports_over_the_limit_are_dropped_in_silence_and_only_a_flood_is_ended(
    table: Table, frame: dict[str, Any], allowed: int
) -> None:
    for number in range(allowed):
        [effect] = table.say(**frame, id=number)
        assert isinstance(effect, Reported)
    for number in range(DROPS_PER_WINDOW):
        assert table.say(**frame, id=allowed + number) == [ReportDropped()]
    assert table.connection.last_id == allowed + DROPS_PER_WINDOW - 1
    assert table.refused(type="chat", text="").code == "bad_frame", "what was dropped is no refusal"
    assert table.say(**frame) == [ReportDropped(), Hangup(Close.RATE_LIMITED)]


def test_all_that_a_client_kept_while_it_was_away_is_heard(table: Table) -> None:
    """A network that changes concerns 49 others at once, three times over; a resume sends 256 reports in one burst."""
    for number in range(max(3 * 49, 256)):
        [effect] = table.say(**PATH, id=number)
        assert isinstance(effect, Reported)


def test_a_digest_of_the_largest_room_is_heard(table: Table) -> None:
    peers = [{"clientId": f"peer-{number}"} for number in range(49)]
    [effect] = table.say(type="stats", peers=peers)
    assert isinstance(effect, Reported)
    assert table.refused(type="stats", peers=[*peers, {"clientId": "one too many"}]).code == "bad_frame"


def test_reports_take_nothing_from_other_frames(table: Table) -> None:
    for _ in range(REPORTS_AT_ONCE + 1):
        table.say(**PATH)
    [effect] = table.say(**STATS)
    assert isinstance(effect, Reported)
    assert table.say(type="hand", raised=True)
