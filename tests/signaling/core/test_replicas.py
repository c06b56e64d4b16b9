"""Whatever members do, what each was told adds up to the room."""

from __future__ import annotations

import itertools
import json
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, precondition, rule

from signaling.core.codec import encode, number
from signaling.core.connection import MALFORMED_FRAMES, Connection, Effect, Hangup
from signaling.core.limits import FloodGuard
from signaling.core.messages import MediaState, Role, WebRtc
from signaling.core.names import clean_display_name
from signaling.core.room import Deliver, Member, Room, RoomRules
from signaling.errors import Close

MAX_MEMBERS = 4


class Replica:
    """The room as one member knows it, built from nothing but the frames that reached it."""

    def __init__(self, own_id: str) -> None:
        self.own_id = own_id
        self.people: dict[str, tuple[str, str, dict[str, bool]]] = {}
        self.polite: dict[str, bool] = {}
        self.heard: list[str] = []
        self.history: list[str] = []
        self.signals: list[tuple[str, str]] = []
        self.errors: list[str] = []
        self.frames = 0

    def take(self, frame: dict[str, Any]) -> None:
        """Follow one frame as a client does."""
        self.frames += 1
        match frame:
            case {"type": "participants", "participants": people}:
                assert not self.people, "the list comes once"
                for person in people:
                    self.people[person["id"]] = (person["displayName"], person["role"], person["media"])
                    self.polite[person["id"]] = person["polite"]
            case {"type": "presence", "action": "join", "clientId": who}:
                assert self.people, "the list comes before anything else"
                assert who not in self.people
                self.people[who] = (frame["displayName"], frame["role"], _media())
                self.polite[who] = frame["polite"]
            case {"type": "presence", "action": "leave", "clientId": who}:
                del self.people[who], self.polite[who]
            case {"type": "profile", "clientId": who, "displayName": name}:
                self.people[who] = (name, *self.people[who][1:])
            case {"type": "media", "clientId": who}:
                media = {kind: frame[kind] for kind in ("audio", "video", "screen")}
                self.people[who] = (*self.people[who][:2], media)
            case {"type": "chat", "from": who, "displayName": name}:
                assert self.people[who][0] == name
                self.heard.append(frame["id"])
            case {"type": "webrtc", "from": who, "to": to}:
                assert to == self.own_id
                assert who in self.people
                self.signals.append((who, frame["action"]))
            case {"type": "chat_history", "messages": messages}:
                assert self.people, "the list comes before anything else"
                assert not self.heard
                self.history = [message["id"] for message in messages]
            case {"type": "error", "code": code}:
                self.errors.append(code)
            case _:
                raise AssertionError(f"unexpected frame {frame}")


class RoomMachine(RuleBasedStateMachine):
    """Members come, talk, misbehave and go."""

    member_ids = Bundle("member_ids")
    gone_ids = Bundle("gone_ids")

    def __init__(self) -> None:
        super().__init__()
        serial = itertools.count(1)
        self.room = Room(
            "standup", RoomRules(1, guests_allowed=True, max_members=MAX_MEMBERS), lambda: f"c{next(serial)}"
        )
        self.connections: dict[str, Connection] = {}
        self.replicas: dict[str, Replica] = {}
        self.joined: list[str] = []
        self.said: list[str] = []
        self.left: dict[str, Replica] = {}
        self.frames_of_those_gone = 0
        self.malformed: dict[str, int] = {}
        self.now = 1_790_000_000.0

    # --- the shell that the hub is in life

    def perform(self, sender: str, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Deliver):
                self.deliver([effect])
            else:
                assert isinstance(effect, Hangup)
                self.take_out(sender)

    def deliver(self, deliveries: list[Deliver]) -> None:
        for delivery in deliveries:
            assert delivery.to, "nothing is said to nobody"
            assert len(set(delivery.to)) == len(delivery.to)
            assert set(delivery.to) <= set(self.room.members), "every delivery targets a current member"
            frame = json.loads(number(encode(delivery.message), 1))
            for receiver in delivery.to:
                self.replicas[receiver].take(frame)

    def take_out(self, member_id: str) -> None:
        del self.connections[member_id]
        self.left[member_id] = self.replicas.pop(member_id)
        self.frames_of_those_gone += self.left[member_id].frames
        self.joined.remove(member_id)
        self.deliver(self.room.leave(member_id, self.now))

    def receive(self, member_id: str, text: str) -> None:
        if member_id in self.connections:  # those who left have no connection to speak over
            self.now += 1.0
            outcome = self.connections[member_id].receive(text, self.now)
            self.perform(member_id, [Deliver((outcome.to,), outcome)] if isinstance(outcome, WebRtc) else outcome)

    def send(self, member_id: str, **frame: Any) -> None:
        self.receive(member_id, json.dumps(frame))

    # --- what may happen

    @precondition(lambda self: len(self.room.members) < MAX_MEMBERS)
    @rule(target=member_ids, name=st.sampled_from(["Ann", "Ben"]), role=st.sampled_from(["host", "member", "guest"]))
    def join(self, name: str, role: Role) -> Any:
        assert self.room.refusal(role) is None
        member_id = f"m{len(self.joined) + len(self.left) + 1}"
        self.replicas[member_id] = Replica(member_id)
        self.connections[member_id] = Connection(self.room, member_id, FloodGuard(1000))
        self.joined.append(member_id)
        self.deliver(self.room.join(Member(member_id, name, role), self.now))
        return multiple(member_id)

    @precondition(lambda self: len(self.room.members) == MAX_MEMBERS)
    @rule()
    def be_full(self) -> None:
        assert self.room.refusal("host") is Close.ROOM_FULL

    @rule(target=gone_ids, member_id=consumes(member_ids), politely=st.booleans())
    def leave(self, member_id: str, politely: bool) -> str:
        if politely:
            self.send(member_id, type="leave")
        elif member_id in self.connections:
            self.take_out(member_id)
        assert member_id not in self.room.members
        return member_id

    @rule(member_id=gone_ids)
    def leave_again(self, member_id: str) -> None:
        before = list(self.room.members)
        assert self.room.leave(member_id, self.now) == []
        assert list(self.room.members) == before

    @rule(member_id=member_ids, name=st.text(min_size=1, max_size=6))
    def rename(self, member_id: str, name: str) -> None:
        old = self.room.members[member_id].display_name if member_id in self.room.members else None
        if old is None:
            return
        self.send(member_id, type="profile", displayName=name)
        clean = clean_display_name(name)
        if member_id in self.room.members:
            assert self.room.members[member_id].display_name == (old if clean is None else clean)
        self.count_malformed(member_id, clean is None)

    @rule(member_id=member_ids, audio=st.booleans(), video=st.booleans(), screen=st.booleans())
    def set_media(self, member_id: str, audio: bool, video: bool, screen: bool) -> None:
        self.send(member_id, type="media", audio=audio, video=video, screen=screen)
        if member_id in self.room.members:
            assert self.room.members[member_id].media == MediaState(audio, video, screen)

    @rule(member_id=member_ids)
    def chat(self, member_id: str) -> None:
        if member_id not in self.connections:
            return
        before = {who: len(replica.heard) for who, replica in self.replicas.items()}
        self.send(member_id, type="chat", text="hello")
        news = {tuple(replica.heard[before[who] :]) for who, replica in self.replicas.items()}
        assert len(news) == 1, "all hear the same, the speaker too"
        assert len(news.pop()) == 1
        self.said.append(self.replicas[member_id].heard[-1])

    @invariant()
    def all_know_what_was_said(self) -> None:
        for replica in self.replicas.values():
            assert replica.history + replica.heard == self.said

    @rule(
        member_id=member_ids,
        receiver=st.one_of(member_ids, gone_ids, st.sampled_from(["nobody", " "])),
        action=st.sampled_from(["offer", "answer", "ice"]),
        claimed=st.one_of(member_ids, st.integers()),
    )
    def relay(self, member_id: str, receiver: str, action: str, claimed: object) -> None:
        if member_id not in self.connections:
            return
        content = {"candidate": None} if action == "ice" else {"sdp": "v=0"}
        before = {who: (len(replica.signals), len(replica.errors)) for who, replica in self.replicas.items()}
        self.send(member_id, type="webrtc", action=action, to=receiver, **content, **{"from": claimed})
        reached = receiver in self.replicas and receiver != member_id
        for who, replica in self.replicas.items():
            signals, errors = before[who]
            meant = who == receiver and reached
            assert replica.signals[signals:] == ([(member_id, action)] if meant else [])
            assert replica.errors[errors:] == (["unknown_peer"] if who == member_id and not reached else [])

    @rule(
        member_id=member_ids,
        text=st.sampled_from(['{"type":"welcome"}', "{", '{"type":"hello"}', '{"type":"chat","text":""}', "[[", "7"])
        | st.text(max_size=5),
    )
    def garble(self, member_id: str, text: str) -> None:
        if member_id in self.connections:
            self.receive(member_id, text)
            self.count_malformed(member_id, True)

    def count_malformed(self, member_id: str, bad: bool) -> None:
        self.malformed[member_id] = self.malformed.get(member_id, 0) + bad
        assert (member_id in self.connections) is (self.malformed[member_id] < MALFORMED_FRAMES)

    # --- what always holds

    @invariant()
    def replicas_equal_the_room(self) -> None:
        truth = {
            member.id: (member.display_name, member.role, _media(member.media)) for member in self.room.members.values()
        }
        assert list(truth) == self.joined
        for replica in self.replicas.values():
            assert replica.people == truth

    @invariant()
    def one_of_each_pair_is_polite(self) -> None:
        for earlier, later in itertools.combinations(self.joined, 2):
            assert self.replicas[later].polite[earlier] is True
            assert self.replicas[earlier].polite[later] is False

    @invariant()
    def those_who_left_hear_nothing(self) -> None:
        assert sum(replica.frames for replica in self.left.values()) == self.frames_of_those_gone


def _media(state: MediaState | None = None) -> dict[str, bool]:
    state = state or MediaState()
    return {"audio": state.audio, "video": state.video, "screen": state.screen}


TestRoom = RoomMachine.TestCase
TestRoom.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
