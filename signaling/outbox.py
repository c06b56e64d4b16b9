"""The bounded queue between a member and its transport."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable


class Outbox:
    """Pass frames to `write` while the transport takes them; hold up to `max_bytes` while it does not.

    `queued` is told how many frames wait, each time that one more has to.
    """

    __slots__ = ("_held", "_max_bytes", "_paused", "_queue", "_queued", "_write")

    def __init__(
        self, write: Callable[[bytes], None], max_bytes: int, queued: Callable[[int], None] = lambda _: None
    ) -> None:
        self._write = write
        self._queued = queued
        self._max_bytes = max_bytes
        self._paused = False
        self._held = 0
        self._queue: deque[bytes] | None = None  # made when first needed: most connections never wait

    def put(self, frame: bytes) -> bool:
        """Send a frame, or hold it. False when the bound is reached: the frame is refused, the receiver too slow."""
        if not self._paused:
            self._write(frame)
            return True
        if self._held + len(frame) > self._max_bytes:
            return False
        if self._queue is None:
            self._queue = deque()
        self._queue.append(frame)
        self._held += len(frame)
        self._queued(len(self._queue))
        return True

    @property
    def held(self) -> int:
        """Bytes that wait here."""
        return self._held

    def pause(self) -> None:
        """Hold frames from now on: the transport's buffer is full."""
        self._paused = True

    def resume(self) -> None:
        """Send what was held, until the transport pauses again."""
        self._paused = False
        queue = self._queue
        while queue and not self._paused:
            frame = queue.popleft()
            self._held -= len(frame)
            self._write(frame)

    def clear(self) -> None:
        """Forget what was held: the connection is gone."""
        self._queue = None
        self._held = 0
