"""A room at rest, as one node hands it to another. Plain data: MessagePack carries it, fields may be added later."""

from __future__ import annotations

from msgspec import Struct

from signaling.core.messages import ChatEntry, Role
from signaling.core.room import Member, Room, RoomRules

Level = tuple[float, float]
"""What is left in a token bucket, and when that was."""


class FrozenReplay(Struct, frozen=True):
    """The frames that may have to be sent again, from number `first` on."""

    first: int
    frames: list[bytes]


class FrozenConnection(Struct, frozen=True, kw_only=True):
    """The protocol state of one member."""

    member_id: str
    last_id: int
    malformed: int
    levels: dict[str, Level]
    """Of the flood limits, by what they limit."""
    replay: FrozenReplay | None = None


class FrozenRoom(Struct, frozen=True, kw_only=True):
    """Who is in a room, and what it remembers."""

    id: str
    rules: RoomRules
    members: list[Member]
    locked: bool
    grants: dict[str, Role]
    joins: int
    chat: list[ChatEntry]


def freeze_room(room: Room) -> FrozenRoom:
    """Return a room as it is; its members are not copied."""
    return FrozenRoom(
        id=room.id,
        rules=room.rules,
        members=list(room.members.values()),
        locked=room.locked,
        grants=room.grants,
        joins=room.joins,
        chat=room.chat,
    )
