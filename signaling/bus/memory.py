"""The bus inside one process: for a single node, and for several nodes in one test.

It keeps the manners of the others: payloads are copies, handlers run later, and what comes too fast is dropped.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from signaling.bus.ports import Handler

_MOST_WAITING = 65_536


class MemoryEngine:
    """What the buses of several nodes have in common."""

    def __init__(self) -> None:
        self.buses: list[MemoryBus] = []
        self.running = True
        """False while the engine is away: what is published is lost."""


class MemoryBus:
    """One node's end of a bus in this process."""

    system = "memory"

    def __init__(self, engine: MemoryEngine | None = None) -> None:
        self._engine = engine or MemoryEngine()
        self._handlers: defaultdict[str, list[Handler]] = defaultdict(list)
        self._waiting: deque[tuple[str, bytes]] = deque()
        self._wake: asyncio.Handle | None = None

    async def start(self) -> None:
        """Connect."""
        self._engine.buses.append(self)

    async def stop(self) -> None:
        """Disconnect. Idempotent."""
        if self in self._engine.buses:
            self._engine.buses.remove(self)
        if self._wake is not None:
            self._wake.cancel()
        self._waiting.clear()

    @property
    def up(self) -> bool:
        """Whether messages get through."""
        return self._engine.running and self in self._engine.buses

    def publish(self, subject: str, payload: bytes) -> bool:
        """Send a message soon."""
        if not self.up:
            return False
        for bus in self._engine.buses:
            bus.take(subject, payload)
        return True

    async def subscribe(self, subject: str, handler: Handler) -> None:
        """Call `handler` with every message to a subject from now on."""
        self._handlers[subject].append(handler)

    def take(self, subject: str, payload: bytes) -> None:
        """Let a message of any bus of the engine wait for its handlers."""
        if subject not in self._handlers or len(self._waiting) >= _MOST_WAITING:
            return
        self._waiting.append((subject, payload))
        if self._wake is None:
            self._wake = asyncio.get_running_loop().call_soon(self._deliver)

    def _deliver(self) -> None:
        self._wake = None
        waiting, self._waiting = self._waiting, deque()
        for subject, payload in waiting:
            for handler in self._handlers[subject]:
                handler(payload)
