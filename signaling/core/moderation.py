"""Who may do what to whom in a call. Pure: it decides and changes the room; the shell stores, closes and tells.

A host may act on everyone but the owner, a moderator on members and guests, nobody on themselves. Nobody is ever
unmuted: that would turn a microphone on in someone's home.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import msgspec
from msgspec import UNSET

from signaling.core.codec import BadFrame
from signaling.core.lobby import Lobby, News
from signaling.core.messages import (
    Admit,
    Ban,
    Deny,
    End,
    LowerHand,
    Mute,
    Muted,
    Remove,
    RoleChanged,
    RoomChanged,
    SetLock,
    SetRole,
)
from signaling.core.room import Deliver, Member, Room
from signaling.errors import Close, CloseReason, FrameFault

Command = Admit | Deny | SetLock | Mute | LowerHand | Remove | Ban | SetRole | End
COMMANDS = (Admit, Deny, SetLock, Mute, LowerHand, Remove, Ban, SetRole, End)
_HOST_ONLY = (SetRole, End)

Action = Literal[
    "lock",
    "unlock",
    "admit",
    "deny",
    "mute",
    "remove",
    "ban",
    "unban",
    "role",
    "end",
    "password_set",
    "password_cleared",
    "lobby",
    "invitation_created",
    "invitation_revoked",
]
"""What the audit trail tells of."""


class Party(NamedTuple):
    """Someone who did something or to whom it was done. `id`: of the account, as text, or of a member without one."""

    id: str
    name: str


class Deed(NamedTuple):
    """What someone did in a room, for the audit trail."""

    action: Action
    actor: Party
    target: Party | None = None
    detail: str = ""


class Record(NamedTuple):
    """Note a deed. Nobody waits for it."""

    deed: Deed


class Expel(NamedTuple):
    """End a member's session and connection; the member is out of the room already."""

    member_id: str
    reason: CloseReason


class Usher(NamedTuple):
    """Let someone in who waited, or send them away for a reason; they are out of the lobby already."""

    knocker_id: str
    refusal: CloseReason | None


class BanOrder(NamedTuple):
    """Keep the person behind a member out for good."""

    by: str
    target_id: str
    deed: Deed


class RoleOrder(NamedTuple):
    """Give an account the role of moderator in later calls too, or take it away."""

    by: str
    target_id: str
    user_id: int
    role: Literal["moderator", "member"]
    deed: Deed


class Store(NamedTuple):
    """Store this first; then `carry_out` says what follows. `ref` is the command's id, for when it cannot be stored."""

    order: BanOrder | RoleOrder
    ref: int | None


Outcome = News | Record | Expel | Usher | Store


def moderate(room: Room, lobby: Lobby, sender_id: str, command: Command, now: float) -> list[Outcome]:
    """Decide what a member's command leads to. Raises `BadFrame` where the command is not the member's to give."""
    ref = None if command.id is UNSET else command.id
    sender = room.members[sender_id]
    if sender.role != "host" and (sender.role != "moderator" or isinstance(command, _HOST_ONLY)):
        raise BadFrame(FrameFault.FORBIDDEN, ref=ref)
    try:
        match command:
            case SetLock(locked=locked):
                return _lock(room, sender, locked)
            case End():
                return _end(room, lobby, sender)
            case Admit() | Deny():
                return _answer_knock(room, lobby, sender, command)
            case _:
                return _act_on_member(room, sender, command, now, ref)
    except BadFrame as refused:
        raise BadFrame(refused.fault, ref=ref) from None


def carry_out(room: Room, order: BanOrder | RoleOrder, person: str, now: float) -> list[Outcome]:
    """Say what follows from an order that is stored now. `person` is the target's; who gave it may be gone by now."""
    if isinstance(order, BanOrder):
        return shut_out(room, person, now, by=order.by, member_id=order.target_id)
    sender = room.members.get(order.by)
    target = room.members.get(order.target_id)
    if target is None or (sender is not None and not _may_act_on(room, sender, target)) or not _still_host(sender):
        return []
    return list(change_role(room, _tabs_of(room, target), order.role, order.by))


def shut_out(room: Room, person: str, now: float, *, by: str | None = None, member_id: str = "") -> list[Outcome]:
    """Take every member out behind whom a banned person sits; `by` is the member who banned, if one did."""
    banned = [member.id for member in room.members.values() if member.id == member_id or member.is_person(person)]
    outcome: list[Outcome] = []
    for id in banned:
        outcome += room.leave(id, now, reason="banned", by=by)
        outcome.append(Expel(id, Close.BANNED))
    return outcome


def change_role(
    room: Room, members: list[Member], role: Literal["host", "moderator", "member"], by: str
) -> list[Deliver]:
    """Give all tabs of one person a role, for as long as the call lasts; `member` takes what was given before."""
    decisions = []
    for member in members:
        member.role = room.plain_role(member.user_id) if role == "member" else role
        decisions.append(Deliver(room.everyone, RoleChanged(clientId=member.id, role=member.role, by=by)))
        room.grant(member.person, member.role)
    return decisions


def party(member: Member) -> Party:
    """Name a member for the audit trail."""
    return Party(member.id if member.user_id is None else str(member.user_id), member.display_name)


def _lock(room: Room, sender: Member, locked: bool) -> list[Outcome]:
    if room.locked is locked:
        return []
    room.locked = locked
    news = Deliver(room.everyone, RoomChanged(room=room.state, by=sender.id))
    return [news, Record(Deed("lock" if locked else "unlock", party(sender)))]


def _end(room: Room, lobby: Lobby, sender: Member) -> list[Outcome]:
    outcome: list[Outcome] = [Record(Deed("end", party(sender)))]
    outcome += [Expel(id, Close.ENDED) for id in room.everyone]
    outcome += [Usher(id, Close.ENDED) for id in lobby.waiting]
    room.members.clear()  # all at once: nobody has to see the others go one by one
    lobby.waiting.clear()
    return outcome


def _answer_knock(room: Room, lobby: Lobby, sender: Member, command: Admit | Deny) -> list[Outcome]:
    id = command.clientId
    name = lobby.waiting.get(id)
    if name is None:  # gone, or another moderator was faster
        raise BadFrame(FrameFault.UNKNOWN_PEER)
    admitted = isinstance(command, Admit)
    if admitted and room.is_full:
        raise BadFrame(FrameFault.ROOM_FULL)
    deed = Deed("admit" if admitted else "deny", party(sender), Party(id, name))
    return [*lobby.gone(id), Usher(id, None if admitted else Close.DENIED), Record(deed)]


def _act_on_member(
    room: Room, sender: Member, command: Mute | LowerHand | Remove | Ban | SetRole, now: float, ref: int | None
) -> list[Outcome]:
    target = room.members.get(command.clientId)
    if target is None:
        raise BadFrame(FrameFault.UNKNOWN_PEER)
    if not _may_act_on(room, sender, target):
        raise BadFrame(FrameFault.FORBIDDEN)
    match command:
        case Mute(media=kind):
            media = msgspec.structs.replace(target.media, **{kind: False})
            news = Deliver(room.everyone, Muted(clientId=target.id, media=kind, by=sender.id))
            return [news, *room.set_media(target.id, media), _record("mute", sender, target, kind)]
        case LowerHand():
            return list(room.set_hand(target.id, False, now))
        case Remove():
            news_of_leave = room.leave(target.id, now, reason="removed", by=sender.id)
            return [*news_of_leave, Expel(target.id, Close.KICKED), _record("remove", sender, target)]
        case Ban():
            _check_person(room, sender, target)
            return [Store(BanOrder(sender.id, target.id, Deed("ban", party(sender), party(target))), ref)]
        case _:
            _check_person(room, sender, target)
            return _set_role(room, sender, target, command.role, ref)


def _set_role(
    room: Room, sender: Member, target: Member, role: Literal["host", "moderator", "member"], ref: int | None
) -> list[Outcome]:
    deed = Deed("role", party(sender), party(target), role)
    if role == "host":
        if target.user_id is None:
            raise BadFrame(FrameFault.FORBIDDEN)
        handed = change_role(room, _tabs_of(room, target), "host", sender.id)
        return [*handed, *change_role(room, _tabs_of(room, sender), "moderator", sender.id), Record(deed)]
    if target.user_id is not None and room.is_owner(sender):
        return [Store(RoleOrder(sender.id, target.id, target.user_id, role, deed), ref)]
    return [*change_role(room, _tabs_of(room, target), role, sender.id), Record(deed)]


def _may_act_on(room: Room, sender: Member, target: Member) -> bool:
    if target is sender or (room.is_owner(target) and not room.is_owner(sender)):
        return False
    return sender.role == "host" or (sender.role == "moderator" and target.role in {"member", "guest"})


def _still_host(sender: Member | None) -> bool:
    return sender is None or sender.role == "host"


def _check_person(room: Room, sender: Member, target: Member) -> None:
    """Refuse what concerns a person as a whole where a tab of that person is out of the sender's reach."""
    if target.kind == "recorder" or target.is_person(sender.person):
        raise BadFrame(FrameFault.FORBIDDEN)
    if not all(_may_act_on(room, sender, tab) for tab in _tabs_of(room, target)):
        raise BadFrame(FrameFault.FORBIDDEN)


def _tabs_of(room: Room, member: Member) -> list[Member]:
    return [other for other in room.members.values() if other is member or other.is_person(member.person)]


def _record(action: Action, sender: Member, target: Member, detail: str = "") -> Record:
    return Record(Deed(action, party(sender), party(target), detail))
