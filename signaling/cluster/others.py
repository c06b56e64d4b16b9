"""The other nodes, for those who answer questions about rooms that live there."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, TypeVar

from signaling.cluster.questions import (
    FollowModerator,
    Moderates,
    NoteTrouble,
    People,
    Progress,
    RecordingDeleted,
    RoomChanged,
    SessionsEnded,
    StopRecording,
    WriteCalls,
)
from signaling.elsewhere import Elsewhere, NodeUnreachable, Trouble

if TYPE_CHECKING:
    from signaling.bus.courier import Sender
    from signaling.cluster.cluster import Cluster
    from signaling.cluster.questions import AnyQuestion
    from signaling.refusals import Refusal

T = TypeVar("T")


class OtherNodes(Elsewhere):
    """Ask the node where a room lives, or all of them. All methods that ask raise what the database raises."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    # --- questions to the node where a room lives

    async def people(self, room_ids: Collection[str]) -> Mapping[str, int | None]:
        """Count who is in those of the rooms that live at other nodes; None where that node does not answer."""
        rooms_of: defaultdict[Sender, list[str]] = defaultdict(list)
        for room_id, node in (await self._cluster.homes(room_ids)).items():
            rooms_of[node].append(room_id)
        counts = await asyncio.gather(*(self._count(node, rooms) for node, rooms in rooms_of.items()))
        return {room_id: count for found in counts for room_id, count in found.items()}

    async def moderates(self, room_id: str, user_id: int) -> bool:
        """Tell whether an account leads the call that runs in a room; false where nobody answers."""
        try:
            return await self._ask_home(room_id, Moderates(room_id, user_id), bool, nowhere=False)
        except NodeUnreachable:  # a stranger must not see that there is a call
            return False

    async def follow_moderator(self, room_id: str, user_id: int) -> bool:
        """Let the running call of a room do as the database says of an account; tell whether that changed anything.

        Raises `NodeUnreachable`.
        """
        return await self._ask_home(room_id, FollowModerator(room_id, user_id), bool, nowhere=False)

    async def write_calls(self, room_id: str) -> None:
        """Let what is newest of the calls of a room be stored, as far as that can be had in a moment."""
        try:
            await self._ask_home(room_id, WriteCalls(room_id), type(None), nowhere=None)
        except NodeUnreachable:
            return  # what is stored already is a few seconds old at most, and all there is

    async def note_trouble(
        self, room_id: str, trouble: Trouble, refused: Refusal | None, *, page_allowed: bool | None
    ) -> bool:
        """Note a browser's trouble in the call that runs in a room; false without one, or without an answer in time."""
        try:
            question = NoteTrouble(room_id, trouble, refused, page_allowed)
            return await self._ask_home(room_id, question, bool, nowhere=False)
        except NodeUnreachable:
            return False

    # --- questions to all

    async def stop_recording(self, recording_id: str) -> bool:
        """Tell the recorder to stop; false where no node that answers has it."""
        return any(await self._ask_all(StopRecording(recording_id), bool))

    async def progress(self, recording_ids: Collection[str]) -> Mapping[str, tuple[int, float]]:
        """Return the bytes, and how far the film is (0 to 1), of those of the recordings that are worked on."""
        if not recording_ids:
            return {}
        answers = await self._ask_all(Progress(list(recording_ids)), dict[str, tuple[int, float]])
        return {recording_id: found for answer in answers for recording_id, found in answer.items()}

    # --- news

    def room_changed(self, room_id: str) -> None:
        """Let the call of a room follow the database at once; it does so soon in any case."""
        self._cluster.announce(RoomChanged(room_id))

    def sessions_ended(self, session_ids: Collection[str]) -> None:
        """Let the sockets of device sessions be closed at once; they are soon in any case."""
        self._cluster.announce(SessionsEnded(list(session_ids)))

    def recording_deleted(self, recording_id: str) -> None:
        """Let the files of a recording be deleted wherever they are; they are within hours in any case."""
        self._cluster.announce(RecordingDeleted(recording_id))

    # --- inside

    async def _count(self, node: Sender, rooms: list[str]) -> Mapping[str, int | None]:
        try:
            return dict(zip(rooms, await self._cluster.ask(node, People(rooms), list[int]), strict=True))
        except (NodeUnreachable, ValueError):  # the second: not as many numbers as there are rooms
            return dict.fromkeys(rooms)

    async def _ask_home(self, room_id: str, question: AnyQuestion, kind: type[T], *, nowhere: T) -> T:
        node = (await self._cluster.homes([room_id])).get(room_id)
        return nowhere if node is None else await self._cluster.ask(node, question, kind)

    async def _ask_all(self, question: AnyQuestion, kind: type[T]) -> list[T]:
        """Return what those answer who do."""
        answers = await asyncio.gather(*(self._try(node, question, kind) for node in self._cluster.heard))
        return [answer for found in answers for answer in found]

    async def _try(self, node: Sender, question: AnyQuestion, kind: type[T]) -> list[T]:
        try:
            return [await self._cluster.ask(node, question, kind)]
        except NodeUnreachable:
            return []
