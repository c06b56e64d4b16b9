"""A client that keeps the protocol's promise from its side: what it says arrives once, what it hears it hears once."""

from __future__ import annotations

import os
import random
from collections import deque
from typing import Any


def chaos_seed() -> int:
    """Return the seed of this run: `CHAOS_SEED`, or a fresh one."""
    return int(os.environ.get("CHAOS_SEED", "0")) or random.SystemRandom().randrange(1, 2**31)


class Speaker:
    """Numbers what it says, repeats what was not acknowledged, and keeps what it heard in order."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.id = ""
        self.token = ""
        self.last_seq = 0
        self.heard: list[str] = []
        self.signals: dict[str, list[str]] = {}
        """The candidates that came, by sender."""
        self.signalled: dict[str, int] = {}
        self.presences: list[tuple[str, str]] = []
        self.said = 0
        self.ready = False
        """Whether this connection may carry new frames: those that wait go first, else they would pass for repeats."""
        self._next_id = 0
        self._waiting: deque[dict[str, Any]] = deque()

    def first_frame(self) -> dict[str, Any]:
        """Return what a new connection begins with."""
        self.ready = False
        if not self.token:
            return {"type": "hello", "displayName": self.name}
        return {"type": "resume", "resumeToken": self.token, "lastSeq": self.last_seq}

    def say(self) -> dict[str, Any]:
        """Return the frame with the next words."""
        self.said += 1
        return self._numbered({"type": "chat", "text": f"{self.name} {self.said}"})

    def signal(self, to: str) -> dict[str, Any]:
        """Return the frame with the next candidate for someone."""
        self.signalled[to] = self.signalled.get(to, 0) + 1
        candidate = {"candidate": str(self.signalled[to])}
        return self._numbered({"type": "webrtc", "action": "ice", "to": to, "candidate": candidate})

    def acknowledgement(self) -> dict[str, Any]:
        """Return the frame that says how much was heard."""
        return {"type": "ack", "seq": self.last_seq}

    def take(self, frame: dict[str, Any]) -> list[dict[str, Any]]:
        """Follow a frame; the answer is what has to be sent again."""
        seq = frame.get("seq")
        if seq is not None:
            assert seq == self.last_seq + 1, f"{self.name}: {seq} came after {self.last_seq}"
            self.last_seq = seq
        match frame:
            case {"type": "welcome"}:
                assert not self.token, "a session begins once"
                self.id, self.token = frame["clientId"], frame["resumeToken"]
                self.ready = True
                return list(self._waiting)
            case {"type": "resumed"}:
                assert frame["clientId"] == self.id
                self._acknowledged(frame.get("lastId", -1))
                self.ready = True
                return list(self._waiting)
            case {"type": "ack"}:
                self._acknowledged(frame["id"])
            case {"type": "chat"}:
                self.heard.append(frame["text"])
            case {"type": "webrtc"}:
                self.signals.setdefault(frame["from"], []).append(frame["candidate"]["candidate"])
            case {"type": "presence"}:
                self.presences.append((frame["action"], frame["clientId"]))
            case {"type": "error"}:
                raise AssertionError(f"{self.name}: {frame}")
        return []

    @property
    def owes_nothing(self) -> bool:
        """Whether all that was said has been acknowledged."""
        return not self._waiting

    def _numbered(self, frame: dict[str, Any]) -> dict[str, Any]:
        frame["id"] = self._next_id
        self._next_id += 1
        self._waiting.append(frame)
        return frame

    def _acknowledged(self, frame_id: int) -> None:
        while self._waiting and self._waiting[0]["id"] <= frame_id:
            self._waiting.popleft()


def check_logs(speakers: list[Speaker]) -> None:
    """Everyone heard the same, each speaker's words and candidates whole and in order; nobody was seen to leave."""
    for speaker in speakers:
        assert speaker.heard == speakers[0].heard
        assert {action for action, _ in speaker.presences} <= {"join", "lost", "back"}
    for speaker in speakers:
        words = [text for text in speakers[0].heard if text.startswith(f"{speaker.name} ")]
        assert words == [f"{speaker.name} {number}" for number in range(1, speaker.said + 1)]
        for other in speakers:
            wanted = [str(number) for number in range(1, speaker.signalled.get(other.id, 0) + 1)]
            assert other.signals.get(speaker.id, []) == wanted
