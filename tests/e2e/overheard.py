"""What pages say and hear over their sockets and requests, to know what must be found nowhere else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from playwright.async_api import Request, WebSocket

from tests.e2e.person import Person

_PRIVATE_LINES = re.compile(r"^a=(?:ice-pwd|fingerprint):(.+)$", re.MULTILINE)
_ADDRESS_IN_CANDIDATE = 4


class Overheard:
    """Listens in on pages."""

    def __init__(self) -> None:
        self.frames: list[dict[str, Any]] = []
        self.access_tokens: set[str] = set()
        self.queries: set[str] = set()

    def listen(self, person: Person) -> None:
        """Listen to a person's page from now on."""
        person.page.on("websocket", self._on_socket)
        person.page.on("request", self._on_request)

    def all_of(self, kind: str) -> list[dict[str, Any]]:
        """Return the frames of one type, of both directions."""
        return [frame for frame in self.frames if frame["type"] == kind]

    @property
    def secrets(self) -> set[str]:
        """Tokens, tickets, and what descriptions and candidates hold of keys."""
        tokens = {frame["resumeToken"] for frame in self.frames if "resumeToken" in frame}
        tickets = {query.partition("ticket=")[2].partition("&")[0] for query in self.queries if "ticket=" in query}
        lines = {line.strip() for sdp in self._descriptions() for line in _PRIVATE_LINES.findall(sdp)}
        return tokens | tickets | lines | self.access_tokens

    @property
    def addresses(self) -> set[str]:
        """Addresses of candidates."""
        return {candidate.split()[_ADDRESS_IN_CANDIDATE] for candidate in self._candidates()}

    def _descriptions(self) -> Iterator[str]:
        return (frame["sdp"] for frame in self.all_of("webrtc") if "sdp" in frame)

    def _candidates(self) -> Iterator[str]:
        told = (frame["candidate"] for frame in self.all_of("webrtc") if frame.get("candidate"))
        return (candidate["candidate"] for candidate in told if candidate["candidate"])

    def _on_socket(self, socket: WebSocket) -> None:
        self.queries.add(socket.url.partition("?")[2])
        for event in ("framesent", "framereceived"):
            socket.on(event, lambda text: self.frames.append(json.loads(text)))

    def _on_request(self, request: Request) -> None:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind == "Bearer":
            self.access_tokens.add(token)
