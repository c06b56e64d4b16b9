"""Whatever members try on each other, nobody gets above their station, and nobody banned is ever in."""

from __future__ import annotations

import itertools
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from signaling.core.connection import Connection, Effect
from signaling.core.limits import FloodGuard
from signaling.core.lobby import Lobby, Tell
from signaling.core.messages import Error, LobbyMode, Media, RoleChanged, Waiting
from signaling.core.messages import Lobby as WaitingList
from signaling.core.moderation import BanOrder, Expel, Record, Store, Usher, carry_out
from signaling.core.room import Deliver, Member, Room, RoomRules

OWNER = 1
PEOPLE: dict[str, int | None] = {"owner": OWNER, "ann": 2, "ben": 3, "gus": None, "gia": None, "": None}
"""Accounts by person; the last is a guest who does not say who they are."""
MAX_MEMBERS = 8
RANKS = {"guest": 0, "member": 0, "moderator": 1, "host": 2}
KINDS = ["mute", "remove", "ban", "role", "admit", "deny", "lower_hand", "ban", "role", "admit", "lock", "end"]


class ModerationMachine(RuleBasedStateMachine):
    """People come, knock, command each other and go; the shell stores orders now, later or never."""

    def __init__(self) -> None:
        super().__init__()
        self.serial = itertools.count(1)
        self.lobby = Lobby()
        self.banned: set[str] = set()
        self.moderators = {2}
        self.pending: list[tuple[Room, Store, str]] = []
        self.queues: dict[str, tuple[str, ...]] = {}
        self.host_present: dict[str, bool] = {}
        self.knockers: dict[str, str] = {}
        self.terms = RoomRules(OWNER, guests_allowed=True, max_members=MAX_MEMBERS)
        self.now = 1_790_000_000.0
        self.begin()

    def begin(self) -> None:
        self.room = Room("standup", self.terms, lambda: f"c{next(self.serial)}")
        self.connections: dict[str, Connection] = {}
        self.queues.clear()

    # --- the shell that hub and steward are in life

    def perform(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Deliver(to=to, message=message):
                    assert set(to) <= set(self.room.members) | set(self.connections)
                    self.take(to, message)
                case Tell(to=to, message=message):
                    assert isinstance(message, Waiting)
                    self.host_present |= dict.fromkeys(to, message.hostPresent)
                case Expel(member_id=id):
                    assert id not in self.room.members, "who is expelled is out already"
                    del self.connections[id]
                    self.queues.pop(id, None)
                case Usher(knocker_id=id, refusal=refusal):
                    person = self.knockers.pop(id)
                    del self.host_present[id]
                    if refusal is None:
                        self.join(person)
                case Store():
                    target = self.room.members[effect.order.target_id]
                    self.pending.append((self.room, effect, target.person))
                case Record():
                    pass
                case _:
                    raise AssertionError(effect)
        self.attend()

    def take(self, to: tuple[str, ...], message: Any) -> None:
        if isinstance(message, WaitingList):
            for id in to:
                assert self.room.members[id].role in {"host", "moderator"} or not message.waiting
                self.queues[id] = tuple(knocker.id for knocker in message.waiting)

    def attend(self) -> None:
        news = self.lobby.attend(self.room.keepers, self.room.members)
        for item in news:
            if isinstance(item, Tell):
                assert isinstance(item.message, Waiting)
                self.host_present |= dict.fromkeys(item.to, item.message.hostPresent)
            else:
                self.take(item.to, item.message)
        if not self.room.members:
            self.begin()

    def join(self, person: str) -> None:
        account = PEOPLE[person]
        role = self.room.role_of(account, person=person, moderator=account in self.moderators)
        member = Member(f"m{next(self.serial)}", person or "anon", role, user_id=account, person=person)
        self.connections[member.id] = Connection(self.room, member.id, FloodGuard(1000), None, self.lobby)
        self.perform(list(self.room.join(member, self.now)))

    def roles(self) -> dict[str, str]:
        return {id: member.role for id, member in self.room.members.items()}

    def send(self, sender: str, frame: str) -> list[Effect]:
        self.now += 1
        outcome = self.connections[sender].receive(frame, self.now)
        assert isinstance(outcome, list), "nothing here is relayed"
        return outcome

    # --- what may happen

    @initialize(people=st.lists(st.sampled_from(["ben", "ann", ""]), max_size=2))
    def meet(self, people: list[str]) -> None:
        for person in ["owner", "ann", "gus", "gus", *people]:
            self.join(person)
        self.change_rules("guests")
        self.come("gia")

    @rule(person=st.sampled_from(sorted(PEOPLE)))
    def come(self, person: str) -> None:
        account = PEOPLE[person]
        role = self.room.role_of(account, person=person, moderator=account in self.moderators)
        if person in self.banned or self.room.refusal(role) is not None:
            return
        if self.room.must_knock(role):
            id = f"k{next(self.serial)}"
            self.knockers[id] = person
            self.perform(list(self.lobby.knock(id, person or "anon")))
        else:
            self.join(person)

    @precondition(lambda self: self.room.members)
    @rule(data=st.data())
    def go(self, data: st.DataObject) -> None:
        id = data.draw(st.sampled_from(sorted(self.room.members)))
        del self.connections[id]
        self.queues.pop(id, None)
        self.perform(list(self.room.leave(id, self.now)))

    @precondition(lambda self: self.knockers)
    @rule(data=st.data())
    def give_up(self, data: st.DataObject) -> None:
        id = data.draw(st.sampled_from(sorted(self.knockers)))
        del self.knockers[id], self.host_present[id]
        self.perform(list(self.lobby.gone(id)))

    @rule(lobby=st.sampled_from(["guests", "everyone", "off"]))
    def change_rules(self, lobby: LobbyMode) -> None:
        self.terms = self.room.rules = RoomRules(OWNER, True, MAX_MEMBERS, lobby)

    @precondition(lambda self: self.room.members)
    @rule(
        data=st.data(),
        senior=st.sampled_from([True, True, False]),
        kind=st.sampled_from(KINDS),
        role=st.sampled_from(["moderator", "host", "member"]),
    )
    def command(self, data: st.DataObject, senior: bool, kind: str, role: str) -> None:
        senders = (senior and self.room.keepers) or self.room.everyone
        sender = data.draw(st.sampled_from(senders))
        target = data.draw(st.sampled_from([*sorted(self.room.members), *sorted(self.knockers), "nobody"]))
        extra = {"role": f',"role":"{role}"', "mute": ',"media":"audio"'}.get(kind, "")
        frame = f'{{"type":"{kind}","clientId":"{target}"{extra}}}'
        if kind in {"lock", "end"}:
            frame = '{"type":"lock","locked":true}' if kind == "lock" else '{"type":"end"}'
        before, locked, waiting = self.roles(), self.room.locked, dict(self.lobby.waiting)
        media = {id: member.media for id, member in self.room.members.items()}
        people = dict(self.room.members)
        effects = self.send(sender, frame)
        self.check_rank(people, before, sender, target, kind, role, effects)
        if any(isinstance(effect, Deliver) and isinstance(effect.message, Error) for effect in effects):
            assert (before, locked, waiting) == (self.roles(), self.room.locked, self.lobby.waiting)
            assert media == {id: member.media for id, member in self.room.members.items()}
        for effect in effects:
            if isinstance(effect, Deliver) and isinstance(effect.message, Media):
                assert not effect.message.audio, "nobody is unmuted"
        self.perform(effects)

    def check_rank(
        self,
        people: dict[str, Member],
        before: dict[str, str],
        sender: str,
        target: str,
        kind: str,
        role: str,
        effects: list[Effect],
    ) -> None:
        refused = any(isinstance(effect, Deliver) and isinstance(effect.message, Error) for effect in effects)
        rank = RANKS[before[sender]]
        if rank == 0 or (kind in {"role", "end"} and rank < 2):
            assert refused, "a command above one's station is refused"
        if target in before and kind in {"mute", "lower_hand", "remove", "ban", "role"}:
            if target == sender or (rank < 2 and RANKS[before[target]] > 0):
                assert refused, "nobody acts on themselves, no moderator on their equals"
            if people[target].user_id == OWNER and people[sender].user_id != OWNER:
                assert refused, "nobody acts on the owner"
        promoted = [effect.message for effect in effects if isinstance(effect, Deliver)]
        hosts = [frame for frame in promoted if isinstance(frame, RoleChanged) and frame.role == "host"]
        assert all(people[frame.clientId].user_id is not None for frame in hosts), "guests are no hosts"
        if hosts:
            assert kind == "role"
            assert role == "host"
            assert self.room.members[sender].role == "moderator", "who hands over is host no more"

    @precondition(lambda self: self.pending)
    @rule(data=st.data(), stored=st.booleans())
    def store(self, data: st.DataObject, stored: bool) -> None:
        room, store, person = self.pending.pop(data.draw(st.integers(0, len(self.pending) - 1)))
        if not stored:
            return
        order = store.order
        if isinstance(order, BanOrder):
            self.banned |= {person} if person else set()
            for id in [id for id, who in self.knockers.items() if person and who == person]:
                del self.knockers[id], self.host_present[id]
                self.perform(list(self.lobby.gone(id)))
            room = self.room  # a ban holds for the call that runs now
        elif order.role == "moderator":
            self.moderators.add(order.user_id)
        else:
            self.moderators.discard(order.user_id)
        if room is self.room:
            self.perform(list(carry_out(room, order, person, self.now)))

    # --- what always holds

    @invariant()
    def nobody_banned_is_in_or_waits(self) -> None:
        inside = {member.person for member in self.room.members.values()}
        assert not (inside | set(self.knockers.values())) & self.banned
        assert "owner" not in self.banned

    @invariant()
    def hosts_have_accounts(self) -> None:
        assert all(member.user_id is not None for member in self.room.members.values() if member.role == "host")

    @invariant()
    def connections_are_those_of_members(self) -> None:
        assert set(self.connections) == set(self.room.members)

    @invariant()
    def queues_converge(self) -> None:
        truth = tuple(self.lobby.waiting)
        assert set(truth) == set(self.knockers)
        for id, member in self.room.members.items():
            expected = truth if member.role in {"host", "moderator"} else ()
            assert self.queues.get(id, ()) == expected
        assert self.host_present == dict.fromkeys(self.knockers, bool(self.room.keepers))


TestModeration = ModerationMachine.TestCase
TestModeration.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
