"""The recorder's side of "exactly once, in order": which frames count, which to send again. Pure."""

from __future__ import annotations

from collections import deque
from typing import Any, cast

import msgspec

Frame = dict[str, Any]
_UNNUMBERED = frozenset({"ack", "resumed"})
_ACK_EVERY = 16


class Conversation:
    """Numbers our frames and keeps them until the server has them; drops what it says twice."""

    def __init__(self) -> None:
        self._resume_token: str | None = None
        self._last_seq = 0
        self._acknowledged = 0
        self._next_id = 1
        self._unacknowledged: deque[tuple[int, str]] = deque()

    @property
    def can_resume(self) -> bool:
        """Whether there is a session to go on with."""
        return self._resume_token is not None

    def resume(self) -> str:
        """Return the first frame of a connection that goes on with the session."""
        return _encode({"type": "resume", "resumeToken": self._resume_token, "lastSeq": self._last_seq})

    def forget(self) -> None:
        """Begin anew: the session is gone, and what was in flight with it."""
        self.__init__()  # type: ignore[misc]

    def send(self, frame: Frame) -> str:
        """Return the text of a frame, which is kept until the server says that it has it."""
        text = _encode({**frame, "id": self._next_id})
        self._unacknowledged.append((self._next_id, text))
        self._next_id += 1
        return text

    def receive(self, text: str) -> tuple[Frame | None, list[str]]:
        """Take a frame; return it, or None where it is of no interest to others, and what to answer at once."""
        frame = cast("Frame", msgspec.json.decode(text))
        kind = frame.get("type")
        if kind == "ack":
            self._handled(frame["id"])
            return None, []
        if kind == "resumed":
            self._handled(frame.get("lastId", -1))
            return frame, [text for _, text in self._unacknowledged]
        seq = frame.get("seq", 0)
        if kind in _UNNUMBERED or seq <= self._last_seq:
            return None, []
        self._last_seq = seq
        if kind == "welcome":
            self._resume_token = frame["resumeToken"]
        return frame, self._acknowledge()

    def _handled(self, last_id: int) -> None:
        while self._unacknowledged and self._unacknowledged[0][0] <= last_id:
            self._unacknowledged.popleft()

    def _acknowledge(self) -> list[str]:
        if self._last_seq - self._acknowledged < _ACK_EVERY:
            return []
        self._acknowledged = self._last_seq
        return [_encode({"type": "ack", "seq": self._last_seq})]


def _encode(frame: Frame) -> str:
    return msgspec.json.encode(frame).decode()
