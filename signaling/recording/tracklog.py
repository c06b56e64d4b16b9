"""What is known of a track besides its frames: whose it is, and when they came. Lines of JSON, written as it happens.

A recorder that is killed leaves a log whose last line may be cut; everything before it counts.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TextIO

import msgspec
from msgspec import Struct

from signaling.recording.timeline import Arrival, Report

TrackKind = Literal["audio", "video", "screen", "screen_audio"]
_WINDOW_S = 0.5
"""Of the packets of so long, the least delayed is noted."""


class TrackInfo(Struct, frozen=True):
    """The first line of a log."""

    member: str
    """The member's `clientId`."""
    name: str
    kind: TrackKind
    clock: int
    """RTP ticks per second."""
    started_at: int
    """Milliseconds since 1970 UTC."""
    connection: int
    """Counts the peer connections of this recording: tracks of one connection share the sender's clock."""


class _Line(Struct, omit_defaults=True):
    a: tuple[float, float] | None = None
    r: tuple[float, float] | None = None
    off: float | None = None
    on: float | None = None


class TrackLog(Struct):
    """A log, read back. `pauses` are stretches on the recorder's clock; the last may be open."""

    info: TrackInfo
    arrivals: list[Arrival]
    reports: list[Report]
    pauses: list[tuple[float, float]]


class LogWriter:
    """Write the log of one track."""

    def __init__(self, path: Path, info: TrackInfo) -> None:
        self._file: TextIO = path.open("x", encoding="utf-8")
        self._file.write(msgspec.json.encode(info).decode() + "\n")
        self._file.flush()
        self._best: Arrival | None = None
        self._window_end = 0.0
        self._on = True

    def arrived(self, media: float, arrival: float) -> None:
        """Note that a packet of this moment came now."""
        packet = Arrival(media, arrival)
        if self._best is None:
            self._best, self._window_end = packet, arrival + _WINDOW_S
        elif arrival > self._window_end:
            self._put(_Line(a=self._best))
            self._best, self._window_end = packet, arrival + _WINDOW_S
        elif packet.delay < self._best.delay:
            self._best = packet

    def report(self, media: float, ntp: float) -> None:
        """Note a sender report."""
        self._put(_Line(r=(media, ntp)))

    def switch(self, on: bool, now: float) -> None:
        """Note that the member turned this track off, or on again."""
        if on is not self._on:
            self._on = on
            self._put(_Line(on=now) if on else _Line(off=now))

    def close(self) -> None:
        """Write what is held back."""
        best, self._best = self._best, None
        try:
            if best is not None:
                self._put(_Line(a=best))
        finally:
            self._file.close()

    def _put(self, line: _Line) -> None:
        self._file.write(msgspec.json.encode(line).decode() + "\n")
        self._file.flush()  # to the system, where it outlives this process


def read_log(path: Path) -> TrackLog | None:
    """Read a log as far as it goes; None where not even the first line is whole."""
    first, *lines = path.read_bytes().split(b"\n")
    try:
        log = TrackLog(msgspec.json.decode(first, type=TrackInfo), [], [], [])
    except msgspec.MsgspecError:
        return None
    for text in lines:
        try:
            line = msgspec.json.decode(text, type=_Line)
        except msgspec.MsgspecError:  # the last, cut off
            break
        if line.a is not None:
            log.arrivals.append(Arrival(*line.a))
        if line.r is not None:
            log.reports.append(Report(*line.r))
        if line.off is not None:
            log.pauses.append((line.off, float("inf")))
        if line.on is not None and log.pauses:
            log.pauses[-1] = (log.pauses[-1][0], line.on)
    return log
