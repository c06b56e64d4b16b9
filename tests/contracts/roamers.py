"""Clients that keep coming back, at any of several nodes, and what can be said of the logs they leave."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Sequence
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Origin

from tests.signaling.chaos import Speaker

_TICK_S = 0.05
_SILENCE_S = 3.0
"""A node that says nothing for so long is left, as a browser would leave it."""


class Roamer:
    """Someone who talks in a room over one connection after the other; a session that is lost is followed by another.

    `urls` gives the nodes that can be tried now, `way` what `connect` has to know to get there. Every session is a
    `Speaker` of its own.
    """

    def __init__(
        self, name: str, room: str, urls: Callable[[], Sequence[str]], origin: str, seed: int, **way: Any
    ) -> None:
        self._name = name
        self._room = room
        self._urls = urls
        self._origin = origin
        self._way = way
        self._chance = random.Random(seed)
        self.sessions: list[tuple[str, Speaker]] = []
        """All sessions that began, each with its call."""
        self.resumes = 0
        self.losses = 0
        """Sessions that a server no longer knew."""
        self.speaker = self._next_speaker()
        self._answers: list[dict[str, Any]] = []

    @property
    def call(self) -> str:
        """The call of the session that goes on."""
        return self.sessions[-1][0] if self.sessions and self.sessions[-1][1] is self.speaker else ""

    async def live(self, *, cuts: bool, talks: Callable[[], bool], until: Callable[[], bool]) -> None:
        """Come back again and again, and speak while `talks`; with `cuts` break connections at random."""
        while not until():
            try:
                connection = await connect(
                    f"{self._chance.choice(self._urls())}/ws/{self._room}?v=2",
                    origin=Origin(self._origin),
                    compression=None,
                    ping_interval=None,
                    open_timeout=_SILENCE_S,
                    proxy=None,
                    **self._way,
                )
            except (OSError, InvalidHandshake, TimeoutError):
                await asyncio.sleep(_TICK_S)
                continue
            try:
                await self._talk(connection, self._chance.randint(1, 15) if cuts else None, until, talks=talks)
            except ConnectionClosed:
                await asyncio.sleep(_TICK_S * self._chance.random())
            finally:
                connection.transport.abort()
                await connection.wait_closed()

    # --- inside

    async def _talk(
        self,
        connection: ClientConnection,
        cut_after: int | None,
        until: Callable[[], bool],
        *,
        talks: Callable[[], bool],
    ) -> None:
        speaker = self.speaker
        await connection.send(json.dumps(speaker.first_frame()))
        received, silent = 0, 0.0
        while (cut_after is None or received < cut_after) and silent < _SILENCE_S and not until():
            try:
                async with asyncio.timeout(_TICK_S):
                    frame: dict[str, Any] = json.loads(await connection.recv())
            except TimeoutError:
                silent += _TICK_S
            else:
                received, silent = received + 1, 0.0
                if not self._follow(speaker, frame):
                    return
                for again in self._answers:
                    await connection.send(json.dumps(again))
            if speaker.ready and talks() and (speaker.owes_nothing or self._chance.random() < 0.1):
                await connection.send(json.dumps(speaker.say()))
            if self._chance.random() < 0.1:
                await connection.send(json.dumps(speaker.acknowledgement()))

    def _follow(self, speaker: Speaker, frame: dict[str, Any]) -> bool:
        """Take a frame; false when the connection is of no use any more."""
        self._answers = []
        if frame["type"] == "error":
            assert frame["retryable"], frame
            if frame["code"] == "state_lost":
                self.losses += 1
                self.speaker = self._next_speaker()
            return False
        self._answers = speaker.take(frame)
        if frame["type"] == "welcome":
            self.sessions.append((frame["callId"], speaker))
        elif frame["type"] == "resumed":
            self.resumes += 1
        return True

    def _next_speaker(self) -> Speaker:
        return Speaker(f"{self._name}.{self.losses + 1}")


def check_sessions(roamers: Sequence[Roamer]) -> None:
    """Of every call: all heard the same in the same order while they were in, every word once."""
    for roamer in roamers:
        for _, session in roamer.sessions:
            check_words(session.heard)
    sessions = [session for roamer in roamers for session in roamer.sessions]
    for call, first in sessions:
        for other_call, second in sessions:
            if call == other_call and first is not second:
                assert overlap(first.heard, second.heard) == overlap(second.heard, first.heard), (
                    first.name,
                    second.name,
                )


def check_words(heard: Sequence[str]) -> None:
    """Nobody's words are missing, doubled or out of order, from the first that was heard."""
    last: dict[str, int] = {}
    for text in heard:
        name, _, number = text.rpartition(" ")
        assert int(number) == last.get(name, int(number) - 1) + 1, f"{text} came after {last[name]}"
        last[name] = int(number)


def overlap(heard: Sequence[str], other: Sequence[str]) -> Sequence[str]:
    """Return what was heard from the first to the last of what the other heard too."""
    common = set(other)
    places = [place for place, text in enumerate(heard) if text in common]
    return heard[places[0] : places[-1] + 1] if places else []
