"""Who may do what to whom."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from signaling.core.codec import BadFrame
from signaling.core.lobby import Lobby
from signaling.core.messages import (
    Admit,
    Ban,
    Deny,
    End,
    LowerHand,
    Media,
    MediaState,
    Mute,
    Muted,
    Presence,
    Remove,
    Role,
    RoleChanged,
    RoomChanged,
    RoomState,
    SetLock,
    SetRole,
)
from signaling.core.messages import Lobby as WaitingList
from signaling.core.moderation import (
    BanOrder,
    Command,
    Deed,
    Expel,
    Outcome,
    Party,
    Record,
    RoleOrder,
    Store,
    Usher,
    carry_out,
    moderate,
    shut_out,
)
from signaling.core.room import Deliver, Member, Room, RoomRules
from signaling.errors import Close, FrameFault

NOW = 1_790_000_000.0
OWNER, OTHER_HOST, MODERATOR, MEMBER = 1, 2, 3, 4
ACCOUNTS = {"owner": OWNER, "host": OTHER_HOST, "mod": MODERATOR, "member": MEMBER}
ROLES: dict[str, Role] = {
    "owner": "host",
    "host": "host",
    "mod": "moderator",
    "gmod": "moderator",
    "member": "member",
    "guest": "guest",
    "anon": "guest",
}


class Call:
    """A room with one of everybody: owner, another host, two moderators (one a guest), a member, two guests."""

    def __init__(self) -> None:
        serial = itertools.count(1)
        self.room = Room("standup", RoomRules(OWNER, True, 20), lambda: f"c{next(serial)}")
        self.lobby = Lobby()
        for id in ROLES:
            self.join(id)

    def join(self, id: str, like: str = "") -> Member:
        like = like or id
        account = ACCOUNTS.get(like)
        person = "" if like == "anon" else like
        member = Member(id, id.title(), ROLES[like], user_id=account, person=person)
        self.room.join(member, NOW)
        self.lobby.attend(self.room.keepers, self.room.members)
        return member

    def role(self, id: str) -> str:
        return self.room.members[id].role

    def do(self, sender: str, command: Command) -> list[Outcome]:
        return moderate(self.room, self.lobby, sender, command, NOW)

    def refusal(self, sender: str, command: Command) -> FrameFault:
        before = (dict(self.room.members), [member.role for member in self.room.members.values()], self.room.state)
        with pytest.raises(BadFrame) as refused:
            self.do(sender, command)
        assert refused.value.ref == command.id
        assert before == (
            dict(self.room.members),
            [member.role for member in self.room.members.values()],
            self.room.state,
        )
        return refused.value.fault


@pytest.fixture
def call() -> Call:
    return Call()


def everyone_but(*ids: str) -> tuple[str, ...]:
    return tuple(id for id in ROLES if id not in ids)


def on_members(target: str) -> list[Command]:
    return [
        Mute(id=7, clientId=target, media="audio"),
        LowerHand(id=7, clientId=target),
        Remove(id=7, clientId=target),
        Ban(id=7, clientId=target),
    ]


HOST_COMMANDS: list[Command] = [
    *(SetRole(id=7, clientId="member", role=role) for role in ("host", "moderator", "member")),
    End(id=7),
]
ROOM_COMMANDS: list[Command] = [SetLock(id=7, locked=True), Admit(id=7, clientId="x"), Deny(id=7, clientId="x")]


# --- who may ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sender", ["member", "guest", "anon"])
def test_below_moderator_nothing_is_allowed(call: Call, sender: str) -> None:
    call.lobby.knock("x", "X")
    for command in [*HOST_COMMANDS, *ROOM_COMMANDS, *on_members("anon"), *on_members("owner"), *on_members(sender)]:
        assert call.refusal(sender, command) is FrameFault.FORBIDDEN, command


@pytest.mark.parametrize("sender", ["mod", "gmod"])
def test_a_moderator_does_not_act_on_hosts_and_moderators(call: Call, sender: str) -> None:
    for target in ("owner", "host", "mod", "gmod"):
        for command in on_members(target):
            assert call.refusal(sender, command) is FrameFault.FORBIDDEN, command


@pytest.mark.parametrize("sender", ["mod", "gmod"])
def test_a_moderator_gives_no_roles_and_ends_nothing(call: Call, sender: str) -> None:
    for command in HOST_COMMANDS:
        assert call.refusal(sender, command) is FrameFault.FORBIDDEN, command


@pytest.mark.parametrize("sender", ["owner", "host", "mod"])
def test_nobody_acts_on_themselves(call: Call, sender: str) -> None:
    for command in [*on_members(sender), SetRole(id=7, clientId=sender, role="member")]:
        assert call.refusal(sender, command) is FrameFault.FORBIDDEN, command


def test_another_host_does_not_act_on_the_owner(call: Call) -> None:
    for command in [*on_members("owner"), SetRole(id=7, clientId="owner", role="member")]:
        assert call.refusal("host", command) is FrameFault.FORBIDDEN, command


def test_a_command_without_an_id_is_refused_without_one(call: Call) -> None:
    with pytest.raises(BadFrame) as refused:
        call.do("guest", End())
    assert refused.value.ref is None


@pytest.mark.parametrize("sender", ["owner", "mod"])
def test_those_who_are_not_there_are_unknown(call: Call, sender: str) -> None:
    for command in [*on_members("nobody"), Admit(id=7, clientId="nobody"), Deny(id=7, clientId="guest")]:
        assert call.refusal(sender, command) is FrameFault.UNKNOWN_PEER, command


# --- what follows -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sender", ["owner", "host", "mod", "gmod"])
def test_locking_tells_all_once(call: Call, sender: str) -> None:
    by = Party(str(ACCOUNTS[sender]), sender.title()) if sender in ACCOUNTS else Party(sender, sender.title())
    for locked in (True, False):
        news = RoomChanged(room=RoomState(locked=locked, lobby="off"), by=sender)
        deed = Deed("lock" if locked else "unlock", by)
        assert call.do(sender, SetLock(locked=locked)) == [Deliver(call.room.everyone, news), Record(deed)]
        assert call.do(sender, SetLock(locked=locked)) == []
        assert call.room.locked is locked


def test_a_mute_only_turns_off(call: Call) -> None:
    call.room.set_media("guest", MediaState(audio=True, video=True))
    told = call.do("mod", Mute(clientId="guest", media="audio"))
    assert told == [
        Deliver(call.room.everyone, Muted(clientId="guest", media="audio", by="mod")),
        Deliver(call.room.everyone, Media(clientId="guest", audio=False, video=True, screen=False)),
        Record(Deed("mute", Party("3", "Mod"), Party("guest", "Guest"), "audio")),
    ]
    call.do("mod", Mute(clientId="guest", media="audio"))
    assert call.room.members["guest"].media == MediaState(audio=False, video=True)


def test_a_hand_is_lowered_if_it_is_up(call: Call) -> None:
    assert call.do("mod", LowerHand(clientId="guest")) == []
    call.room.set_hand("guest", True, NOW)
    [news] = call.do("mod", LowerHand(clientId="guest"))
    assert isinstance(news, Deliver)
    assert call.room.members["guest"].hand_raised_at is None


def test_removing_takes_one_tab_out(call: Call) -> None:
    call.join("guest2", "guest")
    gone = Presence(action="leave", clientId="guest", ts=int(NOW * 1000), reason="removed", by="gmod")
    assert call.do("gmod", Remove(clientId="guest")) == [
        Deliver((*everyone_but("guest"), "guest2"), gone),
        Expel("guest", Close.KICKED),
        Record(Deed("remove", Party("gmod", "Gmod"), Party("guest", "Guest"))),
    ]
    assert "guest2" in call.room.members


def test_a_ban_waits_until_it_is_stored(call: Call) -> None:
    deed = Deed("ban", Party("3", "Mod"), Party("guest", "Guest"))
    order = BanOrder("mod", "guest", deed)
    assert call.do("mod", Ban(clientId="guest", id=7)) == [Store(order, 7)]
    assert "guest" in call.room.members


def test_a_ban_takes_all_tabs_of_a_person_out(call: Call) -> None:
    call.join("guest2", "guest")
    outcome = carry_out(call.room, BanOrder("mod", "guest", Deed("ban", Party("3", "Mod"))), "guest", NOW)
    assert [effect for effect in outcome if isinstance(effect, Expel)] == [
        Expel("guest", Close.BANNED),
        Expel("guest2", Close.BANNED),
    ]
    news = [effect.message for effect in outcome if isinstance(effect, Deliver)]
    assert [(frame.clientId, frame.reason, frame.by) for frame in news if isinstance(frame, Presence)] == [
        ("guest", "banned", "mod"),
        ("guest2", "banned", "mod"),
    ]
    assert call.room.everyone == everyone_but("guest")


def test_a_ban_of_someone_unknown_takes_out_that_tab_only(call: Call) -> None:
    call.join("anon2", "anon")
    outcome = carry_out(call.room, BanOrder("mod", "anon", Deed("ban", Party("3", "Mod"))), "", NOW)
    assert [effect for effect in outcome if isinstance(effect, Expel)] == [Expel("anon", Close.BANNED)]
    assert "anon2" in call.room.members


def test_a_ban_from_elsewhere_names_nobody(call: Call) -> None:
    [news, expel] = shut_out(call.room, "member", NOW)
    assert isinstance(news, Deliver)
    assert isinstance(news.message, Presence)
    assert not isinstance(news.message.by, str)
    assert expel == Expel("member", Close.BANNED)
    assert shut_out(call.room, "member", NOW) == []


def test_a_ban_reaches_nobody_through_another_tab(call: Call) -> None:
    call.join("gmod2", "gmod").role = "guest"  # a moderator's other tab, which is a mere guest
    for target, sender in (("gmod2", "mod"), ("gmod2", "gmod")):
        assert call.refusal(sender, Ban(id=7, clientId=target)) is FrameFault.FORBIDDEN
    call.join("owner2", "owner")
    for command in (Ban(id=7, clientId="owner2"), SetRole(id=7, clientId="owner2", role="member")):
        assert call.refusal("owner", command) is FrameFault.FORBIDDEN
    assert call.do("owner", Remove(clientId="owner2"))  # but one may end one's own forgotten tab


def test_a_recorder_is_removed_but_not_banned(call: Call) -> None:
    call.room.join(Member("rec", "Recorder", "member", kind="recorder"), NOW)
    assert call.refusal("owner", Ban(id=7, clientId="rec")) is FrameFault.FORBIDDEN
    assert call.refusal("owner", SetRole(id=7, clientId="rec", role="moderator")) is FrameFault.FORBIDDEN
    assert Expel("rec", Close.KICKED) in call.do("mod", Remove(clientId="rec"))


def test_the_end_comes_for_all_at_once(call: Call) -> None:
    call.lobby.knock("x", "X")
    everyone = call.room.everyone
    assert call.do("host", End()) == [
        Record(Deed("end", Party("2", "Host"))),
        *(Expel(id, Close.ENDED) for id in everyone),
        Usher("x", Close.ENDED),
    ]
    assert call.room.everyone == ()
    assert not call.lobby.waiting


# --- the lobby --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "usher", "action"),
    [(Admit(clientId="x"), Usher("x", None), "admit"), (Deny(clientId="x"), Usher("x", Close.DENIED), "deny")],
)
def test_of_two_who_answer_a_knock_one_is_first(call: Call, command: Command, usher: Usher, action: Any) -> None:
    call.lobby.knock("x", "Xavier")
    assert call.do("mod", command) == [
        Deliver(call.room.keepers, WaitingList(waiting=())),
        usher,
        Record(Deed(action, Party("3", "Mod"), Party("x", "Xavier"))),
    ]
    with pytest.raises(BadFrame) as refused:
        call.do("owner", command)
    assert refused.value.fault is FrameFault.UNKNOWN_PEER


def test_nobody_is_let_into_a_full_room(call: Call) -> None:
    call.lobby.knock("x", "X")
    call.room.rules = RoomRules(OWNER, True, len(call.room.members))
    assert call.refusal("mod", Admit(id=7, clientId="x")) is FrameFault.ROOM_FULL
    assert "x" in call.lobby.waiting
    assert Usher("x", Close.DENIED) in call.do("mod", Deny(clientId="x"))


# --- roles ------------------------------------------------------------------------------------------------------------


def test_handing_over_makes_the_sender_a_moderator(call: Call) -> None:
    told = call.do("owner", SetRole(clientId="member", role="host"))
    assert told == [
        Deliver(call.room.everyone, RoleChanged(clientId="member", role="host", by="owner")),
        Deliver(call.room.everyone, RoleChanged(clientId="owner", role="moderator", by="owner")),
        Record(Deed("role", Party("1", "Owner"), Party("4", "Member"), "host")),
    ]
    assert (call.role("owner"), call.role("member")) == ("moderator", "host")
    assert call.refusal("owner", End(id=7)) is FrameFault.FORBIDDEN
    assert call.room.role_of(OWNER, person="owner") == "host"  # but who owns the room comes in as its host again
    assert call.room.role_of(MEMBER, person="member") == "host"


@pytest.mark.parametrize("target", ["guest", "gmod", "anon"])
def test_guests_cannot_become_host(call: Call, target: str) -> None:
    assert call.refusal("owner", SetRole(id=7, clientId=target, role="host")) is FrameFault.FORBIDDEN


def test_a_guest_becomes_moderator_for_this_call(call: Call) -> None:
    call.join("guest2", "guest")
    told = call.do("owner", SetRole(clientId="guest", role="moderator"))
    assert told == [
        Deliver(call.room.everyone, RoleChanged(clientId="guest", role="moderator", by="owner")),
        Deliver(call.room.everyone, RoleChanged(clientId="guest2", role="moderator", by="owner")),
        Record(Deed("role", Party("1", "Owner"), Party("guest", "Guest"), "moderator")),
    ]
    assert call.room.role_of(None, person="guest") == "moderator"
    call.do("owner", SetRole(clientId="guest", role="member"))
    assert (call.role("guest"), call.role("guest2")) == ("guest", "guest")
    assert call.room.role_of(None, person="guest") == "guest"


def test_what_the_owner_grants_an_account_is_stored_first(call: Call) -> None:
    for target, role in (("member", "moderator"), ("mod", "member")):
        assert role in ("moderator", "member")
        deed = Deed("role", Party("1", "Owner"), Party(str(ACCOUNTS[target]), target.title()), role)
        command = SetRole(id=7, clientId=target, role=role)  # type: ignore[arg-type]
        order = RoleOrder("owner", target, ACCOUNTS[target], role, deed)  # type: ignore[arg-type]
        before = call.role(target)
        assert call.do("owner", command) == [Store(order, 7)]
        assert call.role(target) == before
        news = RoleChanged(clientId=target, role=role, by="owner")  # type: ignore[arg-type]
        assert carry_out(call.room, order, target, NOW) == [Deliver(call.room.everyone, news)]
        assert call.role(target) == role


def test_what_another_host_grants_holds_for_the_call(call: Call) -> None:
    call.do("host", SetRole(clientId="member", role="moderator"))
    assert call.role("member") == "moderator"
    call.do("host", SetRole(clientId="mod", role="member"))
    assert call.role("mod") == "member"
    assert call.room.role_of(MODERATOR, person="mod", moderator=True) == "member"


def test_the_owner_demotes_another_host(call: Call) -> None:
    [store] = call.do("owner", SetRole(clientId="host", role="member"))
    assert isinstance(store, Store)
    carry_out(call.room, store.order, "host", NOW)
    assert call.role("host") == "member"


@pytest.mark.parametrize("happens", ["target gone", "handed over", "sender gone"])
def test_what_happened_while_a_role_was_stored_counts(call: Call, happens: str) -> None:
    [store] = call.do("owner", SetRole(clientId="member", role="moderator"))
    assert isinstance(store, Store)
    if happens == "target gone":
        call.room.leave("member", NOW)
    elif happens == "handed over":
        call.do("owner", SetRole(clientId="member", role="host"))
    else:
        call.room.leave("owner", NOW)
    outcome = carry_out(call.room, store.order, "member", NOW)
    assert len(outcome) == (1 if happens == "sender gone" else 0)
    if happens == "handed over":
        assert call.role("member") == "host"


def test_a_host_demoted_meanwhile_gives_no_role(call: Call) -> None:
    [store] = call.do("owner", SetRole(clientId="member", role="moderator"))
    assert isinstance(store, Store)
    call.do("owner", SetRole(clientId="host", role="host"))
    assert carry_out(call.room, store.order, "member", NOW) == []


def test_a_call_remembers_a_bounded_number_of_roles(call: Call) -> None:
    for number in range(300):
        call.room.grant(f"person{number}", "moderator")
    assert call.room.role_of(None, person="person0") == "guest"
    assert call.room.role_of(None, person="person299") == "moderator"
    call.room.grant("", "moderator")
    assert call.room.role_of(None, person="") == "guest"


# --- coming in --------------------------------------------------------------------------------------------------------


def test_moderators_of_the_room_come_in_as_such(call: Call) -> None:
    assert call.room.role_of(9, person="nine", moderator=True) == "moderator"
    assert call.room.role_of(OWNER, person="owner", moderator=True) == "host"
    assert call.room.role_of(9, person="nine") == "member"


@pytest.mark.parametrize(("role", "refused"), [("host", None), ("moderator", None), ("member", Close.ROOM_LOCKED)])
def test_a_locked_room_opens_for_keepers_only(call: Call, role: Role, refused: Any) -> None:
    call.room.locked = True
    assert call.room.refusal(role) is refused
    assert call.room.refusal(role, invited=True) is refused


def test_the_invited_need_no_account(call: Call) -> None:
    call.room.rules = RoomRules(OWNER, False, 20)
    assert call.room.refusal("guest") is Close.ROOM_NOT_FOUND
    assert call.room.refusal("guest", invited=True) is None


@pytest.mark.parametrize(
    ("lobby", "knocking"), [("off", set()), ("guests", {"guest"}), ("everyone", {"guest", "member"})]
)
def test_who_must_knock(call: Call, lobby: Any, knocking: set[Role]) -> None:
    call.room.rules = RoomRules(OWNER, True, 20, lobby)
    roles: list[Role] = ["host", "moderator", "member", "guest"]
    assert {role for role in roles if call.room.must_knock(role)} == knocking
    assert not any(call.room.must_knock(role, invited=True) for role in roles)
