"""Log lines on their way to a file descriptor that may block for ever."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue

CAPACITY = 8192
"""Lines that wait at most; what comes on top is dropped and counted."""
CAPACITY_BYTES = 16 * 1024 * 1024
_AT_ONCE = 64
"""More would be made with the interpreter's lock in hand for longer than the event loop should wait."""
_LINGER_S = 0.03
"""How long a line waits for others: waking the thread costs more than writing."""
_POLL_MS = 1000


Line = bytes | Callable[[], bytes]
"""A line with its end, or what makes it: a number of lines made one after the other take a fifth of the time that each
takes by itself, between other work."""


class LogWriter:
    """Write lines in a thread of its own, so that nobody waits for whoever reads them.

    The descriptor is written to directly: a thread that is stuck inside `sys.stdout` would hold its lock, on which the
    interpreter aborts when it ends.
    """

    def __init__(self, fd: int, notice: Callable[[int], bytes], capacity: int = CAPACITY) -> None:
        """Write to `fd`; `notice` makes the line that says how many are missing."""
        self._fd = fd
        self._notice = notice
        self._capacity = capacity
        self._queue: SimpleQueue[tuple[Line, int] | None] = SimpleQueue()
        self._ending = threading.Event()
        self._put_bytes = 0
        self._taken_bytes = 0
        self._refused = 0
        self._unwritten = 0
        self._reported = 0
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    @property
    def dropped(self) -> int:
        """How many lines were never written."""
        return self._refused + self._unwritten

    def put(self, line: Line, size: int | None = None) -> None:
        """Hand a line over, or drop it where too much waits. Never blocks. Callers take turns.

        `size`: about so many bytes it has, where it is still to be made. What makes it must not raise.
        """
        if size is None:
            size = len(line) if isinstance(line, bytes) else 0
        if self._queue.qsize() >= self._capacity or self._put_bytes - self._taken_bytes + size > CAPACITY_BYTES:
            self._refused += 1
        else:
            self._put_bytes += size
            self._queue.put((line, size))

    def close(self, timeout_s: float) -> bool:
        """Write what waits, for this long at most, and end; return whether that was all."""
        self._ending.set()
        self._queue.put(None)
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        last = False
        while not last:
            batch = self._next()
            last = None in batch
            lines = [item for item in batch if item is not None]
            data = b"".join(line if isinstance(line, bytes) else line() for line, _ in lines)
            self._taken_bytes += sum(size for _, size in lines)
            if self._write(data):
                self._report()
            else:
                self._unwritten += len(lines)

    def _next(self) -> list[tuple[Line, int] | None]:
        batch = [self._queue.get()]
        self._ending.wait(_LINGER_S)
        while len(batch) < _AT_ONCE and batch[-1] is not None:
            try:
                batch.append(self._queue.get_nowait())
            except Empty:
                break
        return batch

    def _report(self) -> None:
        """Say that lines are missing, once those that follow get through again."""
        dropped = self.dropped
        if dropped > self._reported:
            notice = self._notice(dropped - self._reported)
            self._reported = dropped
            self._write(notice)

    def _write(self, data: bytes) -> bool:
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[os.write(self._fd, rest) :]
            except BlockingIOError:  # somebody made the pipe non-blocking
                poll = select.poll()
                poll.register(self._fd, select.POLLOUT)
                poll.poll(_POLL_MS)
            except OSError:  # nobody reads any more, the disk is full
                return False
        return True
