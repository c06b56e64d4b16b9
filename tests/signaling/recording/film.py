"""What a film shows: its length, its pictures, its sound, and whether the two agree."""

from __future__ import annotations

import struct
from collections import defaultdict
from math import inf
from pathlib import Path

import av
from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame
from msgspec import Struct

from signaling.recording.tracklog import read_log

_LOUD = 0.05
_STEP = 0.005


class Film(Struct):
    """A film, decoded. Times are in seconds."""

    seconds: float
    size: tuple[int, int]
    brightness: list[tuple[float, float]]
    """Mean of each picture, 0 to 255."""
    loudness: list[tuple[float, float]]
    """Peak of each stretch of 5 ms, 0 to 1."""

    def flashes(self, rise: float = 25) -> list[float]:
        """Return when the picture became bright."""
        return [
            at
            for (_, before), (at, now) in zip(self.brightness, self.brightness[1:], strict=False)
            if now - before > rise
        ]

    def beeps(self) -> list[float]:
        """Return when it became loud."""
        found: list[float] = []
        quiet_since = -1.0
        for at, peak in self.loudness:
            if peak > _LOUD:
                if at - quiet_since > 0.1:
                    found.append(at)
                quiet_since = at
        return found

    def skews(self, begin: float = 0.0, end: float = inf) -> list[float]:
        """Return by how much each flash of a stretch comes after its beep; one without the other is left out."""
        beeps = self.beeps()
        flashes = [flash for flash in self.flashes() if begin <= flash < end]
        nearest = [min((flash - beep for beep in beeps), key=abs) for flash in flashes] if beeps else []
        return [skew for skew in nearest if abs(skew) < 0.4]


def stretches(tracks: Path) -> list[tuple[float, float]]:
    """Return when the film that will be made of these shows each peer connection, in the order of their coming."""
    arrivals: dict[tuple[str, int], list[float]] = defaultdict(list)
    for path in sorted(tracks.glob("*.jsonl")):
        log = read_log(path)
        if log is not None and log.arrivals:
            arrivals[log.info.member, log.info.connection] += [packet.arrival for packet in log.arrivals]
    zero = min(map(min, arrivals.values()))
    return [(min(times) - zero, max(times) - zero) for times in arrivals.values()]


def watch(path: Path) -> Film:
    """Decode all of a film."""
    with av.open(str(path)) as container:
        assert container.duration is not None
        stream = container.streams.video[0]
        film = Film(container.duration / 1e6, (stream.width, stream.height), [], [])
        for packet in container.demux():
            for frame in packet.decode():
                if isinstance(frame, VideoFrame):
                    luma = bytes(frame.planes[0])[:: max(1, frame.width // 17 * 3)]
                    film.brightness.append((float(frame.time or 0), sum(luma) / len(luma)))
                elif isinstance(frame, AudioFrame):
                    _listen(film, frame)
    return film


def _listen(film: Film, frame: AudioFrame) -> None:
    samples = struct.unpack(f"<{frame.samples}f", bytes(frame.planes[0])[: frame.samples * 4])
    step = int(frame.sample_rate * _STEP)
    for start in range(0, frame.samples, step):
        part = samples[start : start + step]
        film.loudness.append((float(frame.time or 0) + start / frame.sample_rate, max(map(abs, part))))
