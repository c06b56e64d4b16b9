"""A room: who is in it and who hears what. Pure: it returns deliveries and performs none."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from msgspec import Struct

from signaling.core.messages import (
    Chat,
    Media,
    MediaState,
    Participant,
    Participants,
    Presence,
    Profile,
    Role,
    SendWebRtc,
    ServerMessage,
    WebRtc,
)
from signaling.errors import Close, CloseReason


class Deliver(NamedTuple):
    """One message for some members. Every id in `to` is a member at the time of the decision."""

    to: tuple[str, ...]
    message: ServerMessage


class RoomRules(Struct, frozen=True):
    """What the owner decided about a room."""

    owner_id: int
    guests_allowed: bool
    max_members: int


class Member(Struct, gc=False):
    """Someone in the room: a browser, a bot, a recorder."""

    id: str
    display_name: str
    role: Role
    order: int = 0
    """Grows with each join; of a pair, the later joiner is the polite side."""
    media: MediaState = MediaState()


class Room:
    """The members of one room and the decisions about them.

    `now` is in seconds since 1970 UTC everywhere; `new_id` makes ids for chat messages.
    """

    __slots__ = ("_joins", "_new_id", "id", "members", "rules")

    def __init__(self, id: str, rules: RoomRules, new_id: Callable[[], str]) -> None:
        self.id = id
        self.rules = rules
        self.members: dict[str, Member] = {}
        self._joins = 0
        self._new_id = new_id

    def role_of(self, user_id: int | None) -> Role:
        """Return the role that a user, or a guest (None), has here."""
        if user_id is None:
            return "guest"
        return "host" if user_id == self.rules.owner_id else "member"

    def refusal(self, role: Role) -> CloseReason | None:
        """Say why someone with this role may not come in now, or None."""
        if role == "guest" and not self.rules.guests_allowed:
            return Close.ROOM_NOT_FOUND  # absent and forbidden answer alike
        if len(self.members) >= self.rules.max_members:
            return Close.ROOM_FULL
        return None

    def join(self, member: Member, now: float) -> list[Deliver]:
        """Let a member in: those present learn of it, the newcomer gets the list. The caller has asked `refusal`."""
        if member.id in self.members:
            raise ValueError(f"member {member.id} is already in the room")
        self._joins += 1
        member.order = self._joins
        present = tuple(self.members)
        self.members[member.id] = member
        decisions = []
        if present:
            news = Presence(
                action="join",
                clientId=member.id,
                ts=_ms(now),
                displayName=member.display_name,
                role=member.role,
                polite=False,
            )
            decisions.append(Deliver(present, news))
        decisions.append(Deliver((member.id,), self.participants(member.id)))
        return decisions

    def leave(self, member_id: str, now: float) -> list[Deliver]:
        """Take a member out and tell the rest. Someone who is not in the room changes nothing."""
        if self.members.pop(member_id, None) is None:
            return []
        return self._to_all(Presence(action="leave", clientId=member_id, ts=_ms(now)))

    def participants(self, receiver_id: str) -> Participants:
        """List everyone as one member sees them."""
        own_order = self.members[receiver_id].order
        return Participants(
            participants=tuple(
                Participant(
                    id=member.id,
                    displayName=member.display_name,
                    role=member.role,
                    media=member.media,
                    link="ok",
                    polite=own_order > member.order,
                )
                for member in self.members.values()
            )
        )

    def relay(self, sender_id: str, message: SendWebRtc) -> Deliver | None:
        """Address an offer, answer or candidate to its receiver, sender stamped; None if there is no such member."""
        if message.to not in self.members or message.to == sender_id:
            return None
        return Deliver(
            (message.to,),
            WebRtc(action=message.action, from_=sender_id, to=message.to, sdp=message.sdp, candidate=message.candidate),
        )

    def rename(self, member_id: str, display_name: str) -> list[Deliver]:
        """Give a member another name; everyone learns of it, the member too."""
        self.members[member_id].display_name = display_name
        return self._to_all(Profile(clientId=member_id, displayName=display_name))

    def set_media(self, member_id: str, media: MediaState) -> list[Deliver]:
        """Note which tracks of a member are on and tell everyone."""
        self.members[member_id].media = media
        return self._to_all(Media(clientId=member_id, audio=media.audio, video=media.video, screen=media.screen))

    def say(self, member_id: str, text: str, now: float) -> list[Deliver]:
        """Say something to everyone, the speaker included, so that all see the same order."""
        name = self.members[member_id].display_name
        return self._to_all(Chat(from_=member_id, displayName=name, text=text, id=self._new_id(), ts=_ms(now)))

    def _to_all(self, message: ServerMessage) -> list[Deliver]:
        return [Deliver(tuple(self.members), message)] if self.members else []


def _ms(now: float) -> int:
    return int(now * 1000)
