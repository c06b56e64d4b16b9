"""Make one film of the tracks of a recording: pictures side by side, voices together, all in step."""

from __future__ import annotations

import errno
import math
import os
import shutil
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

from msgspec import Struct

from signaling.recording.layout import Box, arrange
from signaling.recording.media import (
    BYTES_PER_SAMPLE,
    FPS,
    SAMPLE_RATE,
    Film,
    Mixer,
    Picture,
    VideoFrame,
    read_pictures,
    read_sound,
)
from signaling.recording.timeline import Segment, TrackClock, segments, sender_offset, track_clock
from signaling.recording.tracklog import TrackLog, read_log
from signaling.recording.wire import FILM, TRACKS

_DRAFT = "recording.part.mp4"
_STEP_SAMPLES = 1600
"""Sound that differs by less from where it should be goes on without a seam: a thirtieth of a second."""
_STALE_CAMERA_S = 4.0
_STALE_SCREEN_S = 60.0
"""A screen on which nothing moves sends next to nothing."""


class NothingRecorded(Exception):
    """No track of the recording holds anything."""


class Made(Struct, frozen=True):
    """What came of it."""

    bytes: int
    duration_ms: int


class Source(Struct):
    """One track that holds something."""

    path: Path
    log: TrackLog
    clock: TrackClock
    start: float
    end: float
    """On the recorder's clock."""


def compose(folder: Path, progress: Callable[[float], None], *, max_seconds: float, free_floor_bytes: int) -> Made:
    """Make the film of a recording's folder. Raises `NothingRecorded` and `OSError`.

    `progress` is told how far it is, from 0 to 1. The film appears whole or not at all, and ends after `max_seconds`.
    It takes no space below `free_floor_bytes`: `ENOSPC`, as if the disk were full.
    """
    sources = load(folder / TRACKS)
    if not sources:
        raise NothingRecorded
    start, end = min(source.start for source in sources), max(source.end for source in sources)
    seconds = max(1, round(min(end - start, math.ceil(max_seconds))))
    draft = folder / _DRAFT

    def second_done(done: float) -> None:
        check_space(folder, free_floor_bytes)
        progress(done)

    try:
        check_space(folder, free_floor_bytes)
        _make(draft, sources, start, seconds, second_done)
        draft.replace(folder / FILM)
    finally:
        draft.unlink(missing_ok=True)
    return Made((folder / FILM).stat().st_size, seconds * 1000)


def check_space(folder: Path, free_floor_bytes: int) -> None:
    """Raise `OSError` with `ENOSPC` where less than that is free."""
    if shutil.disk_usage(folder).free < free_floor_bytes:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))


def _make(path: Path, sources: Sequence[Source], start: float, seconds: int, progress: Callable[[float], None]) -> None:
    film = Film(path)
    pictures = Stage([source for source in sources if source.log.info.kind in {"video", "screen"}], start)
    sound = Band([source for source in sources if source.log.info.kind in {"audio", "screen_audio"}], start, seconds)
    for second in range(seconds):
        for frame in range(FPS):
            pictures.draw(film, second + frame / FPS)
        sound.play(film, second)
        progress((second + 1) / seconds)
    sound.end(film)
    film.close()


def load(folder: Path) -> list[Source]:
    """Return the tracks of a folder that hold something, with their clocks."""
    logs: dict[Path, tuple[TrackLog, list[Segment]]] = {}
    for path in sorted(folder.glob("*.jsonl")):
        log = read_log(path)
        if log is not None and log.arrivals and path.with_suffix(".mkv").exists():
            logs[path.with_suffix(".mkv")] = log, segments(log.arrivals, log.reports)
    by_sender: dict[tuple[str, int], list[list[Segment]]] = defaultdict(list)
    for log, stretches in logs.values():
        by_sender[log.info.member, log.info.connection].append(stretches)
    offsets = {sender: sender_offset(tracks) for sender, tracks in by_sender.items()}
    sources = []
    for path, (log, stretches) in logs.items():
        clock = track_clock(stretches, offsets[log.info.member, log.info.connection])
        start, end = (clock.at(log.arrivals[place].media) for place in (0, -1))
        sources.append(Source(path, log, clock, start, end))
    return sources


# --- pictures


class Stage:
    """Draws who is to be seen at each moment."""

    def __init__(self, sources: Sequence[Source], start: float) -> None:
        self._views = [View(source, start) for source in sorted(sources, key=lambda source: source.start)]
        self._scene: list[tuple[View, Box]] = []

    def draw(self, film: Film, now: float) -> None:
        """Show the picture of this moment, in seconds from the start."""
        for view in self._views:
            view.advance(now)
        seen = [view for view in self._views if view.visible(now)]
        cameras = [view for view in seen if not view.screen]
        screens = [view for view in seen if view.screen]
        scene = list(zip([*cameras, *screens], arrange(len(cameras), len(screens)), strict=True))
        changed = scene != self._scene
        if changed:
            film.clear()
            self._scene = scene
        for view, box in scene:
            view.draw(film, box, anew=changed)
        film.show()


class View:
    """One video track, played along."""

    def __init__(self, source: Source, start: float) -> None:
        self.screen = source.log.info.kind == "screen"
        self._clock = source.clock
        self._start = start
        self._pauses = [(off - start, on - start) for off, on in source.log.pauses]
        self._end = source.end - start
        self._frames = read_pictures(source.path)
        self._frame: VideoFrame | None = None
        self._shown_at = 0.0
        self._drawn: VideoFrame | None = None
        self._size: tuple[int, int] | None = None
        self._next = self._read()

    def advance(self, now: float) -> None:
        """Go on to the last picture that was there by now."""
        while self._next is not None and self._next[0] <= now:
            self._shown_at, self._frame = self._next
            self._next = self._read()

    def visible(self, now: float) -> bool:
        """Tell whether there is something to be seen."""
        if self._frame is None or any(off <= now < on for off, on in self._pauses):
            return False
        if self._next is None and now > self._end + 0.5:
            return False
        return now - self._shown_at < (_STALE_SCREEN_S if self.screen else _STALE_CAMERA_S)

    def draw(self, film: Film, box: Box, *, anew: bool) -> None:
        """Draw the present picture where it is not there yet."""
        frame = self._frame
        if frame is None or (frame is self._drawn and not anew):
            return
        size = frame.width, frame.height
        if size != self._size and not anew:  # a picture of another shape leaves borders of the old one
            film.blank(box)
        film.draw(Picture(frame, box))
        self._drawn, self._size = frame, size

    def _read(self) -> tuple[float, VideoFrame] | None:
        found = next(self._frames, None)
        return None if found is None else (self._clock.at(found[0]) - self._start, found[1])


# --- sound


class Band:
    """Plays together who is to be heard, a second at a time."""

    def __init__(self, sources: Sequence[Source], start: float, seconds: int) -> None:
        self._voices = [Voice(source, start) for source in sources]
        self._mixer = Mixer(_most_at_once(self._voices, seconds))

    def play(self, film: Film, second: int) -> None:
        """Add the sound of one second."""
        blocks = [voice.second(second) for voice in self._voices if voice.sounds_in(second)]
        blocks += [bytes(SAMPLE_RATE * BYTES_PER_SAMPLE)] * (self._mixer.lanes - len(blocks))
        for frame in self._mixer.mix(blocks):
            film.play(frame)

    def end(self, film: Film) -> None:
        """Add what the mixer held back."""
        for frame in self._mixer.end():
            film.play(frame)


class Voice:
    """One audio track, cut into seconds and filled with silence where there is nothing."""

    def __init__(self, source: Source, start: float) -> None:
        self.first = int(max(0.0, source.start - start))
        self.last = int(source.end - start) + 1
        self._clock = source.clock
        self._start = start
        self._parts = read_sound(source.path)
        self._buffer = bytearray()
        self._begin = self.first * SAMPLE_RATE
        """Where the buffer begins, in samples from the start."""
        self._next: tuple[int, bytes] | None = None
        """What comes after the buffer: so many samples of silence, then sound. A pause may last for hours."""

    def sounds_in(self, second: int) -> bool:
        """Tell whether this track may hold something in that second."""
        return self.first <= second <= self.last

    def second(self, second: int) -> bytes:
        """Return the sound of one second. Each second is asked for once, in order."""
        wanted = SAMPLE_RATE * BYTES_PER_SAMPLE
        end = (second + 1) * SAMPLE_RATE
        while (room := end - self._written) > 0 and self._take(room):
            pass
        block = bytes(self._buffer[:wanted]).ljust(wanted, b"\0")
        del self._buffer[:wanted]
        self._begin = end
        return block

    @property
    def _written(self) -> int:
        return self._begin + len(self._buffer) // BYTES_PER_SAMPLE

    def _take(self, room: int) -> bool:
        if self._next is None:
            self._next = self._read()
        if self._next is None:
            return False
        silence, sound = self._next
        if silence > room:
            self._buffer += bytes(room * BYTES_PER_SAMPLE)
            self._next = silence - room, sound
        else:
            self._buffer += bytes(silence * BYTES_PER_SAMPLE) + sound
            self._next = None
        return True

    def _read(self) -> tuple[int, bytes] | None:
        found = next(self._parts, None)
        if found is None:
            return None
        media, sound = found
        ahead = round((self._clock.at(media) - self._start) * SAMPLE_RATE) - self._written
        if ahead < -_STEP_SAMPLES:
            sound = sound[-ahead * BYTES_PER_SAMPLE :]
        return (ahead if ahead > _STEP_SAMPLES else 0), sound


def _most_at_once(voices: Sequence[Voice], seconds: int) -> int:
    return max((sum(voice.sounds_in(second) for voice in voices) for second in range(seconds)), default=0) or 1
