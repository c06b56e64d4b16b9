"""The tracks of a running recording on their way to the disk."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from signaling.recording.media import TrackFile
from signaling.recording.tracklog import LogWriter, TrackInfo, TrackKind


class Unwrapper:
    """Makes the 32 bits of RTP timestamps (RFC 3550 §5.1) a number that never wraps."""

    def __init__(self) -> None:
        self._last: int | None = None

    def unwrap(self, timestamp: int) -> int:
        """Return the timestamp on a line without end; it may go back a little."""
        if self._last is None:
            self._last = timestamp
        else:
            step = (timestamp - self._last) & 0xFFFFFFFF
            self._last += step - (1 << 32) if step >= 1 << 31 else step
        return self._last


class TrackWriter:
    """Write one track: its frames to a file, and when they came to the log beside it. A `Sink`.

    Both begin with the first packet: a section without a track leaves nothing behind.
    """

    def __init__(self, path: Path, info: TrackInfo, on_error: Callable[[OSError], None]) -> None:
        self._path = path
        self._info = info
        self._on_error = on_error
        self._unwrapper = Unwrapper()
        self._base: int | None = None
        self._log: LogWriter | None = None
        self._file: TrackFile | None = None
        self._on = True
        self._ended = False

    @property
    def kind(self) -> TrackKind:
        """What the track carries."""
        return self._info.kind

    def arrived(self, timestamp: int, now: float) -> None:
        """Note when a packet came."""
        if self._ended:
            return
        try:
            if self._log is None:
                self._log = LogWriter(self._path.with_suffix(".jsonl"), self._info)
                if not self._on:
                    self._log.switch(False, now)
            self._log.arrived(self._media(timestamp), now)
        except OSError as error:
            self._fail(error)

    def report(self, timestamp: int, ntp: float) -> None:
        """Note a sender report; one that comes before any packet ties nothing to anything."""
        if self._ended or self._log is None:
            return
        try:
            self._log.report(self._media(timestamp), ntp)
        except OSError as error:
            self._fail(error)

    def frame(self, timestamp: int, data: bytes) -> None:
        """Write one encoded frame."""
        if self._ended or not data:
            return
        try:
            if self._file is None:
                self._file = TrackFile(self._path.with_suffix(".mkv"), video=self._info.kind in {"video", "screen"})
            self._file.write(data, self._media(timestamp))
        except OSError as error:
            self._fail(error)

    def switch(self, on: bool) -> None:
        """Note that the member turned the track off, or on again."""
        self._on = on
        if self._log is not None and not self._ended:
            try:
                self._log.switch(on, time.monotonic())
            except OSError as error:
                self._fail(error)

    def end(self) -> None:
        """Close the files. Idempotent."""
        if self._ended:
            return
        self._ended = True
        for error in self._close():
            self._on_error(error)

    def _media(self, timestamp: int) -> float:
        whole = self._unwrapper.unwrap(timestamp)
        if self._base is None:
            self._base = whole
        return (whole - self._base) / self._info.clock

    def _fail(self, error: OSError) -> None:
        self._ended = True
        self._close()
        self._on_error(error)

    def _close(self) -> list[OSError]:
        errors = []
        for part in (self._file, self._log):
            try:
                if part is not None:
                    part.close()
            except OSError as error:
                errors.append(error)
        return errors
