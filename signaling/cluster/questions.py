"""What nodes ask each other, and what they tell all others, beside the connections they carry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from signaling.bus.courier import Sender
from signaling.elsewhere import NodeUnreachable, Trouble
from signaling.moves import Held
from signaling.refusals import Refusal

if TYPE_CHECKING:
    from signaling.cluster.host import Host


class Question(Struct, frozen=True, array_like=True):
    """Something that another node knows, or is to do; it may be done though no answer comes in time.

    Asked again, it does no harm, except that a trouble is noted again.
    """

    async def answer(self, host: Host) -> object:
        """Return what is to be sent back, which MessagePack must know."""
        raise NotImplementedError


class People(Question, frozen=True, array_like=True, tag="people"):
    """How many people are in these rooms? Answered with a list in the same order."""

    room_ids: list[str]

    async def answer(self, host: Host) -> list[int]:
        return [host.hub.members(room_id) for room_id in self.room_ids]


class Moderates(Question, frozen=True, array_like=True, tag="moderates"):
    """Does this account lead the call that runs in this room?"""

    room_id: str
    user_id: int

    async def answer(self, host: Host) -> bool:
        return host.hub.moderates(self.room_id, self.user_id)


class FollowModerator(Question, frozen=True, array_like=True, tag="moderator"):
    """Let an account have the role in the running call that the database gives it; answered with whether it had not."""

    room_id: str
    user_id: int

    async def answer(self, host: Host) -> bool:
        changed = await host.moderation.follow_moderator(self.room_id, self.user_id)
        if host.hub.draining and host.hub.live(self.room_id) is None:  # it may have left since this was asked
            raise NodeUnreachable
        return changed


class WriteCalls(Question, frozen=True, array_like=True, tag="write"):
    """Store what is newest of the calls of a room."""

    room_id: str

    async def answer(self, host: Host) -> None:
        await host.keeper.write_room(self.room_id)


class NoteTrouble(Question, frozen=True, array_like=True, tag="trouble"):
    """Note a browser's trouble in the call that runs in a room; answered with whether one does."""

    room_id: str
    trouble: Trouble
    refused: Refusal | None
    page_allowed: bool | None

    async def answer(self, host: Host) -> bool:
        return host.calls.note_here(self.room_id, self.trouble, self.refused, page_allowed=self.page_allowed)


class StopRecording(Question, frozen=True, array_like=True, tag="stop"):
    """Stop a recorder; answered with whether it is here."""

    recording_id: str

    async def answer(self, host: Host) -> bool:
        return await host.recordings.end_here(self.recording_id)


class Progress(Question, frozen=True, array_like=True, tag="progress"):
    """How far are these recordings? Answered with those that are worked on here."""

    recording_ids: list[str]

    async def answer(self, host: Host) -> dict[str, tuple[int, float]]:
        return host.recordings.progress_here(self.recording_ids)


class TakePart(Question, frozen=True, array_like=True, tag="part"):
    """Keep the next part of a frozen room that is too large for one message; answered with whether there is room."""

    offer: str
    data: bytes

    async def answer(self, host: Host) -> bool:
        return host.arrivals.keep(self.offer, self.data)


class TakeRoom(Question, frozen=True, array_like=True, tag="take"):
    """Take a room that the sender froze; `data` is the last part of it. Answered with whether it lives here now."""

    room_id: str
    giver: Sender
    offer: str
    size: int
    """Of all parts, in bytes."""
    data: bytes

    async def answer(self, host: Host) -> bool:
        return await host.arrivals.take(self)


class GoOn(Question, frozen=True, array_like=True, tag="go_on"):
    """Handle what a member did while its room was on the way."""

    room_id: str
    held: Held

    async def answer(self, host: Host) -> None:
        host.hub.moves.go_on(self.room_id, self.held)


AnyQuestion = (
    TakePart
    | TakeRoom
    | GoOn
    | People
    | Moderates
    | FollowModerator
    | WriteCalls
    | NoteTrouble
    | StopRecording
    | Progress
)


class Ask(Struct, frozen=True, array_like=True, tag="ask"):
    """A question; `number` names it in the answer."""

    number: int
    question: AnyQuestion


class Answer(Struct, frozen=True, array_like=True, tag="answer"):
    """What was asked for, or that it could not be found out or done."""

    number: int
    ok: bool
    value: msgspec.Raw


# --- to all ----------------------------------------------------------------------------------------------------------


class News(Struct, frozen=True, array_like=True):
    """Something that every node should know. Whoever misses it comes to know it otherwise, a little later."""

    async def heed(self, host: Host) -> None:
        """Do what follows from it."""
        raise NotImplementedError


class RoomChanged(News, frozen=True, array_like=True, tag="room"):
    """The database has something new of a room."""

    room_id: str

    async def heed(self, host: Host) -> None:
        await host.rooms.follow_room(self.room_id)


class SessionsEnded(News, frozen=True, array_like=True, tag="sessions"):
    """These device sessions are over."""

    session_ids: list[str]

    async def heed(self, host: Host) -> None:
        await host.hub.sessions_ended(self.session_ids)


class RecordingDeleted(News, frozen=True, array_like=True, tag="deleted"):
    """A recording is no more; its files may be with any node."""

    recording_id: str

    async def heed(self, host: Host) -> None:
        await host.recordings.clear_here(self.recording_id)


AnyNews = RoomChanged | SessionsEnded | RecordingDeleted
