"""Track files and films: what is written plays, wherever the file is cut and whatever changes in the midst."""

from __future__ import annotations

import errno
import json
import math
import shutil
import struct
import tracemalloc
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import pytest
from av.audio.frame import AudioFrame
from av.codec.context import CodecContext
from av.video.frame import VideoFrame

from signaling.recording import compose as composing
from signaling.recording.compose import NothingRecorded, Source, Voice, compose, load
from signaling.recording.media import (
    BYTES_PER_SAMPLE,
    SAMPLE_RATE,
    Mixer,
    TrackFile,
    is_key_frame,
    read_pictures,
    read_sound,
)
from signaling.recording.timeline import TrackClock
from signaling.recording.tracklog import TrackInfo, TrackKind, TrackLog
from signaling.recording.tracks import TrackWriter
from tests.signaling.recording.film import watch

_TICKS = 90_000


class Pictures:
    """Encodes plain pictures as a browser would."""

    def __init__(self, width: int, height: int) -> None:
        self._size = width, height
        codec = CodecContext.create("libvpx", "w")
        codec.width, codec.height, codec.pix_fmt = width, height, "yuv420p"
        codec.time_base = Fraction(1, 1000)
        codec.options = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}
        self._codec = codec
        self._count = 0

    def next(self, shade: int) -> bytes:
        """Return the next picture, all of one shade."""
        frame = VideoFrame(*self._size, "yuv420p")
        for plane, value in zip(frame.planes, (shade, 128, 128), strict=True):
            plane.update(bytes((value,)) * plane.buffer_size)
        frame.pts, frame.time_base = self._count * 40, Fraction(1, 1000)
        self._count += 1
        return b"".join(bytes(packet) for packet in self._codec.encode(frame))


class Sounds:
    """Encodes tones as a browser would, 20 ms at a time."""

    def __init__(self) -> None:
        codec = CodecContext.create("libopus", "w")
        codec.sample_rate, codec.layout, codec.format = SAMPLE_RATE, "stereo", "s16"
        self._codec = codec
        self._count = 0

    def next(self, loud: bool) -> bytes:
        """Return the next packet."""
        tones = [int(12_000 * math.sin(i / 10)) if loud else 0 for i in range(960)]
        frame = AudioFrame(format="s16", layout="stereo", samples=960)
        frame.planes[0].update(struct.pack("<1920h", *(tone for tone in tones for _ in (0, 1))))
        frame.sample_rate, frame.pts = SAMPLE_RATE, self._count * 960
        self._count += 1
        return b"".join(bytes(packet) for packet in self._codec.encode(frame))


def write_video(path: Path, count: int = 50, *, size: tuple[int, int] = (160, 120)) -> None:
    file, pictures = TrackFile(path, video=True), Pictures(*size)
    for number in range(count):
        file.write(pictures.next(number % 200 + 20), number * 0.04)
    file.close()


def test_key_frames_are_told_apart() -> None:
    pictures = Pictures(64, 64)
    frames = [pictures.next(100) for _ in range(5)]
    assert [is_key_frame(frame) for frame in frames] == [True, False, False, False, False]
    assert not is_key_frame(b"")


def test_a_file_that_was_never_closed_plays(tmp_path: Path) -> None:
    path = tmp_path / "track.mkv"
    file, pictures = TrackFile(path, video=True), Pictures(160, 120)
    for number in range(100):
        file.write(pictures.next(number), number * 0.04)
    found = [media for media, _ in read_pictures(path)]
    assert len(found) >= 100 - 25  # a cluster is half a second, and one may wait in the muxer
    assert found == pytest.approx([number * 0.04 for number in range(len(found))], abs=0.002)
    file.close()


def test_a_file_cut_anywhere_plays_up_to_there(tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole.mkv", tmp_path / "cut.mkv"
    write_video(whole)
    content = whole.read_bytes()
    counts = []
    for length in range(0, len(content) + 1, 97):
        cut.write_bytes(content[:length])
        counts.append(len(list(read_pictures(cut))))
    assert counts[0] == 0
    assert max(counts) >= 48
    assert len(set(counts)) > 3


def test_a_picture_may_change_its_size_in_the_midst(tmp_path: Path) -> None:
    path = tmp_path / "track.mkv"
    file = TrackFile(path, video=True)
    for begin, size in ((0, (160, 120)), (25, (320, 180)), (50, (120, 160))):
        pictures = Pictures(*size)
        for number in range(begin, begin + 25):
            file.write(pictures.next(100), number * 0.04)
    file.close()
    assert {(frame.width, frame.height) for _, frame in read_pictures(path)} == {(160, 120), (320, 180), (120, 160)}


def test_times_that_go_back_do_not_break_the_file(tmp_path: Path) -> None:
    path = tmp_path / "track.mkv"
    file, pictures = TrackFile(path, video=True), Pictures(64, 64)
    for media in (0.0, 0.04, 0.04, 0.02, 0.12):
        file.write(pictures.next(100), media)
    file.close()
    times = [media for media, _ in read_pictures(path)]
    assert len(times) == 5
    assert times == sorted(set(times))


def test_sound_comes_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "track.mkv"
    file, sounds = TrackFile(path, video=False), Sounds()
    for number in range(100):
        file.write(sounds.next(50 <= number < 75), number * 0.02)
    file.close()
    peaks = {
        round(media, 2): max(map(abs, struct.unpack(f"<{len(pcm) // 2}h", pcm))) for media, pcm in read_sound(path)
    }
    loud = [media for media, peak in peaks.items() if peak > 3000]
    assert min(loud) == pytest.approx(1.0, abs=0.03)
    assert max(loud) == pytest.approx(1.5, abs=0.04)


def test_a_full_disk_is_an_error_with_a_name() -> None:
    file, pictures = TrackFile(Path("/dev/full"), video=True), Pictures(160, 120)
    with pytest.raises(OSError, match="No space") as full:  # noqa: PT012  # the muxer holds back the first ones
        for number in range(200):
            file.write(pictures.next(number), number * 0.04)
    assert full.value.errno == errno.ENOSPC


def test_a_writer_on_a_full_disk_gives_up_once(tmp_path: Path) -> None:
    errors: list[OSError] = []
    (tmp_path / "t.mkv").symlink_to("/dev/full")
    writer = TrackWriter(tmp_path / "t", info("video"), errors.append)
    pictures = Pictures(160, 120)
    for number in range(300):
        writer.arrived(number * 3600, 100 + number * 0.04)
        writer.frame(number * 3600, pictures.next(number % 200))
    writer.end()
    assert [error.errno for error in errors] == [errno.ENOSPC]


# --- the film


def info(kind: TrackKind, member: str = "m", connection: int = 1) -> TrackInfo:
    clock = SAMPLE_RATE if kind in {"audio", "screen_audio"} else _TICKS
    return TrackInfo(member, member, kind, clock, 0, connection)


def put_video(
    folder: Path, name: str, begin: float, seconds: float, kind: TrackKind = "video", shade: int = 180
) -> None:
    """Write a track as if packets had come at once."""
    writer, pictures = TrackWriter(folder / "tracks" / name, info(kind, name), fail), Pictures(160, 120)
    for number in range(int(seconds * 25)):
        writer.arrived(number * 3600, begin + number * 0.04)
        writer.frame(number * 3600, pictures.next(shade))
    writer.end()


def put_audio(folder: Path, name: str, begin: float, loud: list[bool]) -> None:
    """Write a track that is loud in some of its stretches of half a second."""
    writer, sounds = TrackWriter(folder / "tracks" / name, info("audio", name), fail), Sounds()
    for number in range(len(loud) * 25):
        writer.arrived(number * 960, begin + number * 0.02)
        writer.frame(number * 960, sounds.next(loud[number // 25]))
    writer.end()


def fail(error: OSError) -> None:
    raise error


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tracks").mkdir()
    return tmp_path


def compose_all(folder: Path, *, max_seconds: float = 3600, free_floor_bytes: int = 0) -> list[float]:
    progress: list[float] = []
    compose(folder, progress.append, max_seconds=max_seconds, free_floor_bytes=free_floor_bytes)
    return progress


def test_who_comes_late_stands_where_they_came(folder: Path) -> None:
    put_audio(folder, "ann", 100.0, [False] * 8)
    put_audio(folder, "ben", 102.0, [True] * 2)
    progress = compose_all(folder)
    assert progress == sorted(progress)
    assert progress[-1] == 1
    film = watch(folder / "recording.mp4")
    assert film.seconds == pytest.approx(4, abs=0.1)
    assert film.beeps() == pytest.approx([2.0], abs=0.05)
    loud = [at for at, peak in film.loudness if peak > 0.05]
    assert max(loud) == pytest.approx(3.0, abs=0.08)


def test_voices_add_up_and_do_not_clip() -> None:
    mixer = Mixer(4)
    tone = struct.pack("<96000h", *(int(12_000 * math.sin(i / 10)) for i in range(48_000) for _ in (0, 1)))
    silence = bytes(len(tone))
    peaks = []
    for blocks in ([tone, silence, silence, silence], [tone, tone, silence, silence], [tone] * 4):
        samples = [sample for frame in mixer.mix(blocks) for sample in left(frame)]
        peaks.append(max(samples[480:]))  # the limiter looks ahead, so a block ends in the next
    assert sum(frame.samples for frame in mixer.end()) < 48_000
    assert peaks[0] == pytest.approx(0.37, abs=0.02)
    assert peaks[1] == pytest.approx(0.73, abs=0.04)
    assert 0.8 < peaks[2] <= 0.96


def left(frame: AudioFrame) -> tuple[float, ...]:
    return struct.unpack(f"<{frame.samples}f", bytes(frame.planes[0])[: frame.samples * 4])


def test_a_camera_that_was_turned_off_leaves_the_picture(folder: Path) -> None:
    put_video(folder, "ann", 100.0, 2.0)
    with (folder / "tracks" / "ann.jsonl").open("a") as log:
        log.write(json.dumps({"off": 101.0}) + "\n")
    put_audio(folder, "ann-voice", 100.0, [False] * 6)
    compose_all(folder)
    shades = dict(watch(folder / "recording.mp4").brightness)
    assert shades[0.5] > 100
    assert shades[1.5] < 20
    assert shades[2.5] < 20


def test_a_screen_takes_the_stage_while_it_is_shared(folder: Path) -> None:
    put_video(folder, "ann", 100.0, 4.0, shade=60)
    put_video(folder, "screen", 102.0, 1.0, "screen", shade=220)
    compose_all(folder)
    shades = dict(watch(folder / "recording.mp4").brightness)
    assert shades[2.5] > shades[1.0] + 40
    assert shades[3.75] == pytest.approx(shades[1.0], abs=3)


@pytest.mark.parametrize("leavings", [{}, {"a.jsonl": b""}, {"a.jsonl": b"{", "a.mkv": b""}, {"a.mkv": b"junk"}])
def test_nothing_to_make_a_film_of(folder: Path, leavings: dict[str, bytes]) -> None:
    for name, content in leavings.items():
        (folder / "tracks" / name).write_bytes(content)
    with pytest.raises(NothingRecorded):
        compose_all(folder)
    assert not (folder / "recording.mp4").exists()


def test_one_broken_track_does_not_spoil_the_film(folder: Path) -> None:
    put_video(folder, "ann", 100.0, 1.0)
    put_video(folder, "ben", 100.0, 1.0)
    (folder / "tracks" / "ben.mkv").write_bytes(b"junk")
    compose_all(folder)
    assert dict(watch(folder / "recording.mp4").brightness)[0.5] > 100


def test_a_sender_whose_clock_leaps_does_not_make_the_film_longer(folder: Path) -> None:
    writer = TrackWriter(folder / "tracks" / "eve", info("audio", "eve"), fail)
    sounds = Sounds()
    for number in range(200):
        writer.arrived(number * 960, 100 + number * 0.02)
        writer.frame(number * 960, sounds.next(False))
        if number % 25 == 0:
            writer.report(number * 960, 5000 + number * 0.02 + (1e6 if number >= 100 else 0))
    writer.end()
    (source,) = load(folder / "tracks")
    assert source.start == pytest.approx(100, abs=0.1)
    assert source.end == pytest.approx(104, abs=0.6)


def test_a_film_is_no_longer_than_a_recording_may_be(folder: Path) -> None:
    put_audio(folder, "ann", 100.0, [False] * 2)
    put_audio(folder, "ben", 110.0, [False] * 2)
    compose_all(folder, max_seconds=3)
    assert watch(folder / "recording.mp4").seconds == pytest.approx(3, abs=0.1)


def test_a_film_does_not_fill_the_disk(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_audio(folder, "ann", 100.0, [False] * 8)
    free = iter((1000, 1000, 1000, 999))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=next(free)))
    with pytest.raises(OSError, match="No space") as full:
        compose_all(folder, free_floor_bytes=1000)
    assert full.value.errno == errno.ENOSPC
    assert [path.name for path in folder.iterdir()] == ["tracks"]


def test_a_long_pause_takes_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    minute, pause_s = 60, 600
    loud = b"\1" * (SAMPLE_RATE // 50 * BYTES_PER_SAMPLE)
    resumed = minute + pause_s + 0.51

    def parts(_: Path) -> Iterator[tuple[float, bytes]]:
        yield 0.0, loud
        yield resumed, loud
        yield resumed + 0.02, loud

    monkeypatch.setattr(composing, "read_sound", parts)
    log = TrackLog(info("audio"), [], [], [])
    voice = Voice(Source(Path(), log, TrackClock([]), 0.0, resumed + 1), 0.0)
    tracemalloc.start()
    try:
        places = [
            (second, block.find(1), block.rfind(1) + 1)
            for second in range(math.ceil(resumed))
            if b"\1" in (block := voice.second(second))
        ]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    begin = round(0.51 * SAMPLE_RATE) * BYTES_PER_SAMPLE
    assert places == [(0, 0, len(loud)), (minute + pause_s, begin, begin + 2 * len(loud))]
    assert peak < 2_000_000
