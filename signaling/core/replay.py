"""The frames of a session that may have to be sent again. Pure."""

from __future__ import annotations

from signaling.core.frozen import FrozenReplay

MAX_FRAMES = 1024
MAX_BYTES = 256 * 1024
"""What is kept for a client that does not acknowledge; beyond it the older half goes, and with it the way back."""


class Replay:
    """Sent frames, numbered without gaps, from the first that was not acknowledged to the newest.

    `sent`: how many frames the connection carried before, which are not kept.
    A list and not a deque: an empty one costs a session 600 bytes less, and acknowledgements come in bulk.
    """

    __slots__ = ("_bytes", "_first", "_frames")

    def __init__(self, sent: int = 0) -> None:
        self._frames: list[bytes] = []
        self._first = sent + 1
        self._bytes = 0

    @classmethod
    def thaw(cls, frozen: FrozenReplay) -> Replay:
        """Go on with what another node kept."""
        replay = cls(frozen.first - 1)
        replay._frames = list(frozen.frames)
        replay._bytes = sum(map(len, frozen.frames))
        return replay

    def freeze(self) -> FrozenReplay:
        """Return what is kept."""
        return FrozenReplay(self._first, self._frames)

    @property
    def last_seq(self) -> int:
        """The number of the newest frame, 0 before the first."""
        return self._first + len(self._frames) - 1

    def add(self, frame: bytes) -> None:
        """Keep the frame that has the next number."""
        self._frames.append(frame)
        self._bytes += len(frame)
        if self._bytes > MAX_BYTES or len(self._frames) > MAX_FRAMES:
            self._drop(len(self._frames) // 2 or 1)

    def acknowledge(self, seq: int) -> None:
        """Let go of all frames up to and including `seq`. One that was let go of before changes nothing."""
        if seq >= self._first:
            self._drop(min(seq, self.last_seq) - self._first + 1)

    def since(self, seq: int) -> list[bytes] | None:
        """Return what came after `seq`; None when that is not known any more, or not yet."""
        if not self._first - 1 <= seq <= self.last_seq:
            return None
        return self._frames[seq - self._first + 1 :]

    def _drop(self, count: int) -> None:
        self._bytes -= sum(map(len, self._frames[:count]))
        del self._frames[:count]
        self._first += count
