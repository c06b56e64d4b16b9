"""What waits for the engine of a bus: bounded, in order, sent by one task."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

MAX_BYTES = 8 * 1024 * 1024


class Backlog:
    """Hold messages until `send` took them; refuse what goes beyond the bound."""

    def __init__(self, send: Callable[[str, bytes], Awaitable[object]], max_bytes: int = MAX_BYTES) -> None:
        self._send = send
        self._max_bytes = max_bytes
        self._held = 0
        self._queue: deque[tuple[str, bytes]] = deque()
        self._filled = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()

    def put(self, subject: str, payload: bytes) -> bool:
        """Take a message; False when there is no room."""
        if self._held + len(payload) > self._max_bytes:
            return False
        self._queue.append((subject, payload))
        self._held += len(payload)
        self._filled.set()
        self._empty.clear()
        return True

    async def run(self) -> None:
        """Send what comes, for ever. Errors of `send` end it; the message that failed is gone."""
        while True:
            while self._queue:
                subject, payload = self._queue.popleft()
                self._held -= len(payload)
                await self._send(subject, payload)
            self._filled.clear()
            self._empty.set()
            await self._filled.wait()

    async def emptied(self) -> None:
        """Wait until all is sent."""
        await self._empty.wait()
