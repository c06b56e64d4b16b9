"""What is written of a call while it runs."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from signaling.core.calls.attempts import RESUME_GRACE_MS, SETUP_TIMEOUT_MS
from signaling.core.calls.facts import DeviceFailed, Digested, Fact, Negotiated, PathChanged, ReportRefused, Settled
from signaling.core.calls.ledger import MAX_MEMBERS
from signaling.core.calls.record import CallRecord, Entry, Event, MemberRecord
from signaling.core.calls.timeline import LEAVE_GRACE_MS, Timeline
from signaling.core.messages import (
    Candidate,
    CandidateCounts,
    MediaState,
    PeerStats,
    ReportPath,
    ReportTrouble,
    SendStats,
    WebRtc,
)
from signaling.core.room import Member

START = 1_790_000_000
INVALID = ReportRefused("invalid")
BROWSER = Entry(network="203.0.113.0/24", browser="Chrome 156", account=True, reports=True)
TIMEOUT_S = SETUP_TIMEOUT_MS / 1000


class Call:
    """A call in which every word takes a second, and its timeline."""

    def __init__(self, *members: str, entry: Entry = BROWSER) -> None:
        self.record = CallRecord(id="0" * 32, room="standup", node="n1", started_at=START * 1000)
        self.timeline = Timeline(self.record)
        self.now = float(START)
        for member_id in members:
            self.join(member_id, entry)

    def at(self) -> float:
        self.now += 1
        return self.now

    def join(self, member_id: str, entry: Entry = BROWSER) -> None:
        member = Member(member_id, member_id.capitalize(), "guest")
        assert self.timeline.join(member, entry, self.at()) == []

    def signal(self, action: Any, sender: str, to: str, connection: Any = "c1") -> list[Fact]:
        message = WebRtc(action=action, from_=sender, to=to, sdp="a=ice-ufrag:u\r\n", connection=connection)
        return self.timeline.signal(message, self.at())

    def agree(self, offerer: str, other: str) -> None:
        self.signal("offer", offerer, other)
        [fact] = self.signal("answer", other, offerer)
        assert isinstance(fact, Negotiated)

    def path(self, member_id: str, other: str, state: Any, **more: Any) -> list[Fact]:
        report = ReportPath(clientId=other, connection="c1", state=state, **more)
        return self.timeline.path(member_id, report, self.at())

    def digest(self, member_id: str, *peers: PeerStats) -> list[Fact]:
        return self.timeline.digest(member_id, SendStats(peers=peers), self.at())

    @property
    def last(self) -> Event:
        return self.record.events[-1]


def outcomes(facts: list[Fact]) -> list[str]:
    return [fact.outcome for fact in facts if isinstance(fact, Settled)]


# --- who is in --------------------------------------------------------------------------------------------------------


def test_a_member_is_written_down_from_join_to_leave() -> None:
    call = Call("ann")
    recorder = Member("rec", "R" * 100, "member", kind="recorder")
    call.timeline.join(recorder, Entry(network="n" * 100, browser="b" * 100), call.at())
    assert call.timeline.leave("ann", "removed", call.at()) == []
    assert call.record.members == [
        MemberRecord(
            id="ann",
            name="Ann",
            role="guest",
            joined_at=(START + 1) * 1000,
            account=True,
            network="203.0.113.0/24",
            browser="Chrome 156",
            left_at=(START + 3) * 1000,
            leave_reason="removed",
        ),
        MemberRecord(
            id="rec",
            name="R" * 64,
            role="member",
            joined_at=(START + 2) * 1000,
            kind="recorder",
            network="n" * 64,
            browser="b" * 64,
        ),
    ]
    assert [(event.kind, event.member, event.detail) for event in call.record.events] == [
        ("join", "ann", ""),
        ("join", "rec", ""),
        ("leave", "ann", "removed"),
    ]


def test_who_is_in_does_not_join_and_who_is_out_does_not_leave() -> None:
    call = Call("ann", "ann")
    call.timeline.leave("bob", "left", call.at())
    call.timeline.leave("ann", "left", call.at())
    call.timeline.leave("ann", "lost", call.at())
    assert [event.kind for event in call.record.events] == ["join", "leave"]
    assert call.record.members[0].leave_reason == "left"


def test_losses_and_resumes_are_counted_once_each() -> None:
    call = Call("ann")
    timeline = call.timeline
    timeline.regain("ann", call.at())
    for _ in range(2):
        timeline.lose("ann", call.at())
        timeline.lose("ann", call.at())
        timeline.regain("ann", call.at())
        timeline.regain("ann", call.at())
    timeline.lose("nobody", call.at())
    timeline.regain("nobody", call.at())
    [member] = call.record.members
    assert (member.losses, member.resumes) == (2, 2)
    assert [event.kind for event in call.record.events] == ["join", "lost", "back", "lost", "back"]


def test_names_and_roles_change() -> None:
    call = Call("ann")
    call.timeline.rename("ann", "Z" * 100)
    call.timeline.rename("nobody", "X")
    call.timeline.set_role("ann", "moderator", call.at())
    call.timeline.set_role("ann", "moderator", call.at())
    call.timeline.set_role("nobody", "host", call.at())
    [member] = call.record.members
    assert (member.name, member.role) == ("Z" * 64, "moderator")
    assert [(event.kind, event.detail) for event in call.record.events[1:]] == [("role", "moderator")]


def test_who_did_not_come_in_is_noted_without_a_name() -> None:
    call = Call("ann")
    call.timeline.refused("room_locked", call.at())
    assert call.last == Event(at=int(call.now * 1000), kind="refused", detail="room_locked")
    call.timeline.unreachable("x" * 100, call.at())
    assert call.last == Event(at=int(call.now * 1000), kind="unreachable", detail="x" * 64)


def test_a_device_that_fails() -> None:
    call = Call("ann")
    report = ReportTrouble(media="audio", reason="permission")
    assert call.timeline.trouble("ann", report, call.at()) == [DeviceFailed("ann", "audio", "permission")]
    assert call.record.members[0].media_errors == {"audio": "permission"}
    assert (call.last.kind, call.last.detail) == ("media_error", "audio:permission")
    assert call.timeline.trouble("bob", report, call.at()) == [INVALID]


# --- what passes between them -----------------------------------------------------------------------------------------


def test_of_a_pair_the_one_who_came_first_stands_first() -> None:
    call = Call("bob", "ann")
    call.signal("offer", "ann", "bob")
    [pair] = call.record.pairs
    assert (pair.a, pair.b, pair.attempts[0].offered_by) == ("bob", "ann", "ann")


def test_candidates_are_counted_and_their_end_is_not() -> None:
    call = Call("ann", "bob")
    host = Candidate("candidate:1 1 udp 2122 192.0.2.1 5000 typ host")
    early = WebRtc(action="ice", from_="bob", to="ann", candidate=host, connection="c1")
    assert call.timeline.signal(early, call.at()) == []
    call.signal("offer", "bob", "ann")
    for candidate in (host, Candidate(""), None):
        call.timeline.changed = False
        message = WebRtc(action="ice", from_="bob", to="ann", candidate=candidate, connection="c1")
        assert call.timeline.signal(message, call.at()) == []
        assert not call.timeline.changed
    assert call.record.pairs[0].attempts[0].relayed == {"bob": CandidateCounts(host=1)}


def test_only_offers_between_two_who_are_in_begin_a_pair() -> None:
    call = Call("ann", "bob")
    assert call.signal("answer", "ann", "bob") == []
    assert call.signal("offer", "ann", "ann") == []
    assert call.signal("offer", "ann", "carol") == []
    assert call.signal("offer", "carol", "ann") == []
    assert call.timeline.signal(WebRtc(action="offer", from_="ann", to="bob"), call.at()) == []
    assert all(not pair.attempts for pair in call.record.pairs)


def test_clients_without_connection_names() -> None:
    call = Call("ann", "bob", entry=Entry())
    call.signal("offer", "bob", "ann", msgspec.UNSET)
    [fact] = call.signal("answer", "ann", "bob", msgspec.UNSET)
    assert isinstance(fact, Negotiated)
    assert outcomes(call.timeline.tick(call.now + TIMEOUT_S)) == ["unreported"]


def test_when_someone_leaves_their_pairs_end() -> None:
    call = Call("ann", "bob", "cleo")
    call.agree("bob", "ann")
    call.agree("cleo", "ann")
    call.agree("cleo", "bob")
    facts = call.timeline.leave("ann", "left", call.at())
    assert outcomes(facts) == ["abandoned", "abandoned"]
    assert [(pair.a, pair.b, pair.outcome) for pair in call.record.pairs] == [
        ("ann", "bob", "abandoned"),
        ("ann", "cleo", "abandoned"),
        ("bob", "cleo", "connecting"),
    ]
    assert call.path("bob", "ann", "connected") == [], "too late"
    assert outcomes(call.path("bob", "cleo", "connected")) == ["connected"]


# --- what browsers say ------------------------------------------------------------------------------------------------


def test_reports_are_bounded_and_nonsense_is_told() -> None:
    call = Call("ann", "bob")
    call.agree("bob", "ann")
    facts = call.path("bob", "ann", "connected", elapsedMs=1e12, iceMs=700.0)
    change, settled, refused = facts
    assert isinstance(change, PathChanged)
    assert (change.report.elapsed_ms, change.report.ice_ms) == (None, 700.0)
    assert isinstance(settled, Settled)
    assert refused == INVALID
    assert len(call.path("ann", "bob", "connected", elapsedMs=5.0)) == 1


@pytest.mark.parametrize(("member_id", "other"), [("ann", "ann"), ("ann", "carol"), ("carol", "ann"), ("ann", "cleo")])
def test_reports_about_nobody_have_no_effect(member_id: str, other: str) -> None:
    call = Call("ann", "bob", "cleo")
    call.agree("bob", "ann")
    before = msgspec.json.encode(call.record)
    call.timeline.changed = False
    assert call.path(member_id, other, "failed") == [INVALID]
    assert call.digest(member_id, PeerStats(clientId=other, rttMs=5.0)) == [INVALID]
    assert msgspec.json.encode(call.record) == before
    assert not call.timeline.changed


def test_a_digest_is_taken_in_pair_by_pair() -> None:
    call = Call("ann", "bob", "cleo")
    call.agree("bob", "ann")
    call.agree("cleo", "ann")
    call.timeline.changed = False
    bob, cleo = PeerStats(clientId="bob", rttMs=20.0), PeerStats(clientId="cleo", rttMs=-1.0)
    facts = call.digest("ann", bob, cleo, PeerStats(clientId="nobody"))
    assert facts == [Digested("ann", bob), Digested("ann", PeerStats(clientId="cleo")), INVALID]
    first, second = call.record.pairs
    assert first.quality["ann"].rtt_ms == (20.0, 20.0)
    assert second.quality["ann"].rtt_ms is None
    assert not call.timeline.changed, "numbers alone are stored now and then"


def test_nobody_counts_twice_in_a_digest() -> None:
    call = Call("ann", "bob")
    call.agree("bob", "ann")
    newer = PeerStats(clientId="bob", rttMs=30.0)
    assert call.digest("ann", PeerStats(clientId="bob", rttMs=10.0), newer) == [Digested("ann", newer)]
    assert call.record.pairs[0].quality["ann"].digests == 1
    assert call.digest("ann") == []


def test_who_has_just_left_may_still_be_told_of() -> None:
    call = Call("ann", "bob", "cleo")
    call.agree("bob", "ann")
    call.agree("cleo", "ann")
    call.timeline.leave("cleo", "left", call.at())
    bob, cleo = PeerStats(clientId="bob", rttMs=20.0), PeerStats(clientId="cleo", rttMs=20.0)
    assert call.digest("ann", bob, cleo) == [Digested("ann", bob)]
    assert call.digest("ann", cleo, PeerStats(clientId="nobody")) == [INVALID]
    call.now += LEAVE_GRACE_MS / 1000
    assert call.path("ann", "cleo", "closed") == [INVALID]
    assert call.digest("ann", bob, cleo) == [Digested("ann", bob), INVALID]
    call.timeline.leave("bob", "left", call.at())
    assert call.digest("ann", bob) == []


def test_a_device_that_is_on_failed_no_more() -> None:
    call = Call("ann")
    for device in ("audio", "video", "screen"):
        call.timeline.trouble("ann", ReportTrouble(media=device, reason="permission"), call.at())
    call.timeline.changed = False
    call.timeline.media("ann", MediaState(audio=False), call.at())
    call.timeline.media("nobody", MediaState(audio=True), call.at())
    assert not call.timeline.changed
    call.timeline.media("ann", MediaState(audio=True, screen=True), call.at())
    assert call.timeline.changed
    assert call.record.members[0].media_errors == {"video": "permission"}
    assert [(event.kind, event.detail) for event in call.record.events[-2:]] == [
        ("media", "audio"),
        ("media", "screen"),
    ]
    call.timeline.media("ann", MediaState(audio=True, video=True), call.at())
    before = len(call.record.events)
    call.timeline.media("ann", MediaState(audio=True, video=True), call.at())
    assert len(call.record.events) == before


def test_a_pair_that_has_no_report_left_is_connected_by_its_digests() -> None:
    call = Call("ann", "bob")
    call.agree("bob", "ann")
    call.digest("ann", PeerStats(clientId="bob", bitrateIn=1e6))
    assert outcomes(call.timeline.tick(call.now + TIMEOUT_S)) == ["connected"]


# --- what time brings -------------------------------------------------------------------------------------------------


def test_attempts_time_out_once() -> None:
    call = Call("ann", "bob")
    call.agree("bob", "ann")
    started = call.record.pairs[0].attempts[0].started_at / 1000
    assert call.timeline.tick(started + TIMEOUT_S - 0.1) == []
    assert outcomes(call.timeline.tick(started + TIMEOUT_S)) == ["timeout"]
    assert call.timeline.tick(started + 2 * TIMEOUT_S) == []


@pytest.mark.parametrize("who", ["ann", "bob"])
def test_who_is_lost_is_waited_for_and_may_report_when_back(who: str) -> None:
    call = Call("ann", "bob")
    call.agree("bob", "ann")
    call.timeline.lose(who, call.at())
    call.now += TIMEOUT_S + 10
    assert call.timeline.tick(call.at()) == []
    call.timeline.regain(who, call.at())
    assert call.timeline.tick(call.at()) == []
    assert outcomes(call.path(who, "bob" if who == "ann" else "ann", "connected")) == ["connected"]


def test_who_is_back_and_has_nothing_to_report_is_not_waited_for_long() -> None:
    call = Call("ann", "bob", "cleo")
    call.agree("bob", "ann")
    call.agree("cleo", "bob")
    call.timeline.lose("ann", call.at())
    call.now += TIMEOUT_S
    assert outcomes(call.timeline.tick(call.at())) == ["timeout"], "the others are not waited for"
    call.timeline.regain("ann", call.at())
    assert outcomes(call.timeline.tick(call.now + RESUME_GRACE_MS / 1000)) == ["timeout"]


def test_at_the_end_everything_is_settled() -> None:
    call = Call("ann", "bob")
    call.agree("bob", "ann")
    assert outcomes(call.timeline.end(call.at())) == ["abandoned"]
    assert [member.leave_reason for member in call.record.members] == ["ended", "ended"]
    assert call.record.ended_at == call.record.members[0].left_at == int(call.now * 1000)
    assert call.timeline.end(call.at()) == []
    before = msgspec.json.encode(call.record)
    call.join("cleo")
    call.signal("offer", "ann", "bob")
    assert call.path("ann", "bob", "connected") == []
    assert call.timeline.tick(call.at()) == []
    assert msgspec.json.encode(call.record) == before


def test_a_clock_that_is_set_back_turns_nothing_around() -> None:
    call = Call("ann")
    call.timeline.refused("room_full", START - 3600)
    call.timeline.leave("ann", "left", START + 0.5)
    assert [event.at for event in call.record.events] == [(START + 1) * 1000] * 3
    earlier = Timeline(CallRecord(id="0" * 32, room="standup", node="n1", started_at=START * 1000))
    earlier.end(START - 3600)
    assert earlier.record.ended_at == START * 1000


def test_the_one_who_stores_it_learns_of_every_event() -> None:
    call = Call()
    timeline = call.timeline
    assert timeline.changed, "it is new"
    ann, report = Member("ann", "Ann", "guest"), ReportPath(clientId="ann", connection="c1", state="connected")
    for change in (
        lambda: timeline.join(ann, BROWSER, call.at()),
        lambda: timeline.join(Member("bob", "Bob", "guest"), BROWSER, call.at()),
        lambda: timeline.lose("ann", call.at()),
        lambda: timeline.regain("ann", call.at()),
        lambda: timeline.rename("ann", "Anna"),
        lambda: timeline.set_role("ann", "host", call.at()),
        lambda: timeline.refused("room_full", call.at()),
        lambda: timeline.unreachable("socket_blocked", call.at()),
        lambda: call.signal("offer", "bob", "ann"),
        lambda: timeline.path("bob", report, call.at()),
        lambda: timeline.trouble("ann", ReportTrouble(media="video", reason="in_use"), call.at()),
        lambda: timeline.leave("bob", "left", call.at()),
        lambda: timeline.end(call.at()),
    ):
        timeline.changed = False
        before = msgspec.json.encode(call.record)
        change()
        assert timeline.changed
        assert msgspec.json.encode(call.record) != before


def test_a_room_that_never_empties_goes_on_being_told() -> None:
    call = Call("ann")
    for number in range(MAX_MEMBERS):
        call.join(f"m{number}")
        call.agree(f"m{number}", "ann")
        assert outcomes(call.path("ann", f"m{number}", "connected")) == ["connected"]
        call.timeline.leave(f"m{number}", "left", call.at())
    assert (len(call.record.members), call.record.more_members) == (MAX_MEMBERS, 1)
    assert call.record.more_pairs >= 1
