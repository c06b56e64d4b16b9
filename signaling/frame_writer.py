"""Text frames of a server, put on the wire with as few system calls as can be."""

from __future__ import annotations

import asyncio
import struct
from functools import lru_cache

_FIN_TEXT = 0x81
_LENGTH_16, _LENGTH_64 = 126, 127
_HELD_BYTES = 64 * 1024
"""So much of one connection is not held back, that a peer which takes nothing is noticed at once."""


class LoopTurn:
    """The writers that were given something since the event loop last polled its sockets.

    A busy connection brings several frames with one read. To hand each to the kernel by itself is the dearest part of
    relaying it, so what goes to one connection is gathered until all that could be read was handled.
    """

    __slots__ = ("_writers",)

    def __init__(self) -> None:
        self._writers: list[FrameWriter] = []

    def add(self, writer: FrameWriter) -> None:
        """Flush a writer at the end of this turn."""
        if not self._writers:
            asyncio.get_running_loop().call_soon(self._end)
        self._writers.append(writer)

    def _end(self) -> None:
        writers, self._writers = self._writers, []
        for writer in writers:
            writer.flush()


class FrameWriter:
    """Write the frames of one connection, in order, those of one turn together."""

    __slots__ = ("_ended", "_held", "_held_bytes", "_transport", "_turn")

    def __init__(self, transport: asyncio.WriteTransport, turn: LoopTurn) -> None:
        self._transport = transport
        self._turn = turn
        self._held: list[bytes] | None = None  # made when needed: most connections are silent most of the time
        self._held_bytes = 0
        self._ended = False

    def write(self, frame: bytes) -> None:
        """Send a text frame; after `end` nothing is sent."""
        size = len(frame)
        if self._held is None:
            self._held = [_header(size), frame]
            self._held_bytes = size
            self._turn.add(self)
        else:
            self._held += (_header(size), frame)
            self._held_bytes += size
        if self._held_bytes > _HELD_BYTES:
            self.flush()

    def flush(self) -> None:
        """Send now what was written. Idempotent."""
        held, self._held = self._held, None
        if held is not None and not self._ended and not self._transport.is_closing():
            try:
                self._transport.write(b"".join(held))
            except (OSError, RuntimeError):  # it is gone, and will say so; the others of this turn wait for theirs
                self._transport.abort()

    def end(self) -> None:
        """Send what was written, and nothing more: the close frame comes next (RFC 6455 §5.5.1). Idempotent."""
        self.flush()
        self._ended = True


@lru_cache(maxsize=1024)
def _header(size: int) -> bytes:
    """Return what goes before an unmasked text frame of so many bytes (RFC 6455 §5.2)."""
    if size < _LENGTH_16:
        return bytes((_FIN_TEXT, size))
    if size < 1 << 16:
        return struct.pack("!BBH", _FIN_TEXT, _LENGTH_16, size)
    return struct.pack("!BBQ", _FIN_TEXT, _LENGTH_64, size)
