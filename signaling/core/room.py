"""A room: who is in it and who hears what. Pure: it returns deliveries and performs none."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from msgspec import UNSET, Struct, UnsetType

from signaling.core.messages import (
    Chat,
    ChatEntry,
    ChatHistory,
    Emoji,
    Hand,
    Kind,
    Link,
    LobbyMode,
    Media,
    MediaState,
    Participant,
    Participants,
    Presence,
    Profile,
    Reaction,
    Role,
    RoomState,
    SendWebRtc,
    ServerMessage,
    WebRtc,
)
from signaling.errors import Close, CloseReason

if TYPE_CHECKING:
    from signaling.core.frozen import FrozenRoom

CHAT_HISTORY = 200
"""How many messages a newcomer is told of; the call remembers no more."""
_CHAT_HISTORY_CHARACTERS = 48 * 1024
_MAX_GRANTS = 256
"""How many people's roles a call remembers; the one given first is forgotten first."""


class Deliver(Struct, frozen=True, gc=False):
    """One message for some members. Every id in `to` is a member at the time of the decision."""

    to: tuple[str, ...]
    message: ServerMessage


class RoomRules(Struct, frozen=True, gc=False):
    """What the owner decided about a room."""

    owner_id: int
    guests_allowed: bool
    max_members: int
    lobby: LobbyMode = "off"
    has_password: bool = False


class Member(Struct, gc=False):
    """Someone in the room: a browser, a bot, a recorder."""

    id: str
    display_name: str
    role: Role
    order: int = 0
    """Grows with each join; of a pair, the later joiner is the polite side."""
    media: MediaState = MediaState()
    kind: Kind = "person"
    link: Link = "ok"
    hand_raised_at: int | None = None
    """Milliseconds since 1970 UTC; None while the hand is down."""
    user_id: int | None = None
    person: str = ""
    """The same for all tabs of one account or of one guest's browser; empty where that is not known."""

    def is_person(self, person: str) -> bool:
        """Tell whether this is who sits behind the member; nobody is known to be an unknown one."""
        return bool(person) and self.person == person


class Room:
    """The members of one room and the decisions about them.

    `now` is in seconds since 1970 UTC everywhere; `new_id` makes ids for chat messages.
    """

    __slots__ = ("_chat", "_chat_size", "_grants", "_joins", "_new_id", "id", "locked", "members", "rules")

    def __init__(self, id: str, rules: RoomRules, new_id: Callable[[], str]) -> None:
        self.id = id
        self.rules = rules
        self.members: dict[str, Member] = {}
        self.locked = False
        self._grants: dict[str, Role] = {}
        self._joins = 0
        self._new_id = new_id
        self._chat: list[ChatEntry] = []  # not a deque: of those an empty one takes 600 bytes
        self._chat_size = 0

    @classmethod
    def thaw(cls, frozen: FrozenRoom, new_id: Callable[[], str]) -> Room:
        """Go on with a room of another node."""
        room = cls(frozen.id, frozen.rules, new_id)
        room.members = {member.id: member for member in frozen.members}
        room.locked = frozen.locked
        room._grants = dict(frozen.grants)
        room._joins = frozen.joins
        for entry in frozen.chat:
            room._remember(entry)
        return room

    @property
    def grants(self) -> dict[str, Role]:
        """The roles that were given to people in this call."""
        return dict(self._grants)

    @property
    def joins(self) -> int:
        """How many have come in so far."""
        return self._joins

    @property
    def chat(self) -> list[ChatEntry]:
        """What newcomers are told of, the oldest first."""
        return list(self._chat)

    @property
    def people(self) -> int:
        """How many people are in; a recorder is none."""
        return sum(member.kind == "person" for member in self.members.values())

    @property
    def everyone(self) -> tuple[str, ...]:
        """The ids of all members."""
        return tuple(self.members)

    @property
    def keepers(self) -> tuple[str, ...]:
        """The ids of those who moderate: hosts and moderators."""
        return tuple(member.id for member in self.members.values() if member.role in {"host", "moderator"})

    @property
    def state(self) -> RoomState:
        """What members are told of the room as a whole."""
        return RoomState(locked=self.locked, lobby=self.rules.lobby)

    @property
    def is_full(self) -> bool:
        """Whether there is no place for another person."""
        return self.people >= self.rules.max_members

    def is_owner(self, member: Member) -> bool:
        """Tell whether the room belongs to the one behind a member."""
        return member.user_id == self.rules.owner_id

    def plain_role(self, user_id: int | None) -> Role:
        """Return the role of someone to whom nobody gave one."""
        if user_id is None:
            return "guest"
        return "host" if user_id == self.rules.owner_id else "member"

    def role_of(self, user_id: int | None, *, person: str = "", moderator: bool = False) -> Role:
        """Return the role that a user, or a guest (None), comes in with. The owner is always a host.

        What was given to a person in this call counts before what holds for all calls (`moderator`).
        """
        plain = self.plain_role(user_id)
        if plain == "host":
            return plain
        return self._grants.get(person) or ("moderator" if moderator else plain)

    def grant(self, person: str, role: Role) -> None:
        """Remember the role of a person for when they come back into this call."""
        if person:
            self._grants.pop(person, None)
            self._grants[person] = role
            if len(self._grants) > _MAX_GRANTS:
                del self._grants[next(iter(self._grants))]

    def refusal(self, role: Role, *, invited: bool = False) -> CloseReason | None:
        """Say why someone with this role may not come in now, or None. The invited need no account."""
        if role == "guest" and not self.rules.guests_allowed and not invited:
            return Close.ROOM_NOT_FOUND  # absent and forbidden answer alike
        if self.locked and role not in {"host", "moderator"}:
            return Close.ROOM_LOCKED
        return Close.ROOM_FULL if self.is_full else None

    def must_knock(self, role: Role, *, invited: bool = False) -> bool:
        """Tell whether someone with this role has to wait until a keeper lets them in."""
        if role in {"host", "moderator"} or invited or self.rules.lobby == "off":
            return False
        return role == "guest" or self.rules.lobby == "everyone"

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
                kind=UNSET if member.kind == "person" else member.kind,
            )
            decisions.append(Deliver(present, news))
        decisions.append(Deliver((member.id,), self.participants(member.id)))
        if self._chat:
            decisions.append(Deliver((member.id,), ChatHistory(messages=tuple(self._chat))))
        return decisions

    def leave(
        self,
        member_id: str,
        now: float,
        *,
        reason: Literal["removed", "banned"] | UnsetType = UNSET,
        by: str | None = None,
    ) -> list[Deliver]:
        """Take a member out and tell the rest, also why and who did it. Someone not in the room changes nothing."""
        if self.members.pop(member_id, None) is None:
            return []
        who = UNSET if by is None else by
        return self._to_all(Presence(action="leave", clientId=member_id, ts=_ms(now), reason=reason, by=who))

    def lose(self, member_id: str, now: float) -> list[Deliver]:
        """Tell the others that a member's connection to the server broke; the member stays."""
        return self._set_link(member_id, "lost", now)

    def regain(self, member_id: str, now: float) -> list[Deliver]:
        """Tell the others that a member is connected again."""
        return self._set_link(member_id, "ok", now)

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
                    link=member.link,
                    polite=own_order > member.order,
                    kind=member.kind,
                    handRaisedAt=member.hand_raised_at,
                )
                for member in self.members.values()
            )
        )

    def relay(self, sender_id: str, message: SendWebRtc) -> WebRtc | None:
        """Return an offer, answer or candidate for whom it is addressed to; None if there is no such member."""
        if message.to not in self.members or message.to == sender_id:
            return None
        return WebRtc(
            action=message.action,
            from_=sender_id,
            to=message.to,
            sdp=message.sdp,
            candidate=message.candidate,
            connection=message.connection,
        )

    def rename(self, member_id: str, display_name: str) -> list[Deliver]:
        """Give a member another name; everyone learns of it, the member too."""
        self.members[member_id].display_name = display_name
        return self._to_all(Profile(clientId=member_id, displayName=display_name))

    def set_media(self, member_id: str, media: MediaState) -> list[Deliver]:
        """Note which tracks of a member are on and tell everyone."""
        self.members[member_id].media = media
        return self._to_all(Media(clientId=member_id, audio=media.audio, video=media.video, screen=media.screen))

    def set_hand(self, member_id: str, raised: bool, now: float) -> list[Deliver]:
        """Raise or lower a member's hand and tell everyone. A hand that is up keeps its place in the queue."""
        member = self.members[member_id]
        if raised is (member.hand_raised_at is not None):
            return []
        member.hand_raised_at = _ms(now) if raised else None
        return self._to_all(Hand(clientId=member_id, raised=raised, ts=_ms(now)))

    def react(self, member_id: str, emoji: Emoji) -> list[Deliver]:
        """Show everyone an emoji."""
        return self._to_all(Reaction(clientId=member_id, emoji=emoji))

    def say(self, member_id: str, text: str, now: float) -> list[Deliver]:
        """Say something to everyone, the speaker included, so that all see the same order."""
        entry = ChatEntry(
            from_=member_id,
            displayName=self.members[member_id].display_name,
            text=text,
            id=self._new_id(),
            ts=_ms(now),
        )
        self._remember(entry)
        return self._to_all(
            Chat(from_=entry.from_, displayName=entry.displayName, text=entry.text, id=entry.id, ts=entry.ts)
        )

    def _remember(self, entry: ChatEntry) -> None:
        self._chat.append(entry)
        self._chat_size += len(entry.text)
        while len(self._chat) > CHAT_HISTORY or self._chat_size > _CHAT_HISTORY_CHARACTERS:
            self._chat_size -= len(self._chat.pop(0).text)

    def _set_link(self, member_id: str, link: Link, now: float) -> list[Deliver]:
        member = self.members.get(member_id)
        if member is None or member.link == link:
            return []
        member.link = link
        others = tuple(other for other in self.members if other != member_id)
        news = Presence(action="lost" if link == "lost" else "back", clientId=member_id, ts=_ms(now))
        return [Deliver(others, news)] if others else []

    def _to_all(self, message: ServerMessage) -> list[Deliver]:
        return [Deliver(tuple(self.members), message)] if self.members else []


def _ms(now: float) -> int:
    return int(now * 1000)
