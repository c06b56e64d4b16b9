"""What other nodes know and do, as those see it who answer for all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from signaling.refusals import Refusal

Trouble = Literal["socket_blocked", "socket_lost"]
"""What a browser says over HTTP of its socket: it never opened; it broke and does not open again."""


class NodeUnreachable(Exception):
    """The node that would know, or would have to act, does not answer; it is there as far as the database tells."""


class Elsewhere:
    """What there is for a node that is alone: nothing. `signaling.cluster.others` asks and tells the others.

    Where a method raises `NodeUnreachable`, what was asked for may have been done all the same; asking again is safe.
    """

    # --- questions

    async def people(self, room_ids: Collection[str]) -> Mapping[str, int | None]:
        """Count who is in those of the rooms that live at other nodes; None where that node does not answer."""
        return {}

    async def moderates(self, room_id: str, user_id: int) -> bool:
        """Tell whether an account leads the call that runs in a room; false where nobody answers."""
        return False

    async def follow_moderator(self, room_id: str, user_id: int) -> bool:
        """Let the running call of a room do as the database says of an account; tell whether that changed anything.

        Raises `NodeUnreachable`.
        """
        return False

    async def write_calls(self, room_id: str) -> None:
        """Let what is newest of the calls of a room be stored, as far as that can be had in a moment."""

    async def note_trouble(
        self, room_id: str, trouble: Trouble, refused: Refusal | None, *, page_allowed: bool | None
    ) -> bool:
        """Note a browser's trouble in the call that runs in a room; false without one, or without an answer in time."""
        return False

    async def stop_recording(self, recording_id: str) -> bool:
        """Tell the recorder to stop; false where no node that answers has it."""
        return False

    async def progress(self, recording_ids: Collection[str]) -> Mapping[str, tuple[int, float]]:
        """Return the bytes, and how far the film is (0 to 1), of those of the recordings that are worked on."""
        return {}

    # --- news: one that is lost is not noticed

    def room_changed(self, room_id: str) -> None:
        """Let the call of a room follow the database at once; it does so soon in any case."""

    def sessions_ended(self, session_ids: Collection[str]) -> None:
        """Let the sockets of device sessions be closed at once; they are soon in any case."""

    def recording_deleted(self, recording_id: str) -> None:
        """Let the files of a recording be deleted wherever they are; they are within hours in any case."""


ALONE = Elsewhere()
