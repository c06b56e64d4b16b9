"""Track files and films: the only module that uses PyAV."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import av
import av.error
import av.filter
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.packet import Packet
from av.video.frame import VideoFrame as VideoFrame  # for those who pass frames on

from signaling.recording.layout import HEIGHT, WIDTH, Box, fit

FPS = 24
SAMPLE_RATE = 48_000
BYTES_PER_SAMPLE = 4
"""Two channels of 16 bits."""
_MILLISECOND = Fraction(1, 1000)
# Whole clusters reach the disk twice a second, and none says how long the file will be: a file cut anywhere plays.
_LIVE_MATROSKA = {"live": "1", "cluster_time_limit": "500", "flush_packets": "1"}
_OPUS_HEAD = b"OpusHead" + struct.pack("<BBHIhB", 1, 2, 0, SAMPLE_RATE, 0, 0)  # RFC 7845 §5.1: stereo, no pre-skip
_BLACK = (16, 128, 128)

UndecodableFrame = av.error.InvalidDataError
"""What aiortc understands as "the decoder needs a key frame"."""


def is_key_frame(vp8: bytes) -> bool:
    """Tell whether a VP8 frame stands for itself (RFC 6386 §9.1)."""
    return bool(vp8) and not vp8[0] & 1


class TrackFile:
    """Write the encoded frames of one track, as they come, to a Matroska file that a crash leaves playable.

    Raises `OSError`, such as for a full disk.
    """

    def __init__(self, path: Path, *, video: bool) -> None:
        self._video = video
        self._last = -1
        self._container = av.open(str(path), "w", format="matroska", options=_LIVE_MATROSKA)
        # The size is only a hint: each key frame of VP8 carries its own, and it may change in the midst.
        self._stream: Any = (
            self._container.add_mux_stream("vp8", width=WIDTH, height=HEIGHT, time_base=_MILLISECOND)
            if video
            else self._container.add_mux_stream("opus", rate=SAMPLE_RATE, layout="stereo")
        )

    def write(self, data: bytes, media: float) -> None:
        """Write one frame, captured at `media` seconds of the track's own time."""
        packet = Packet(data)
        packet.pts = packet.dts = self._last = max(self._last + 1, round(media * 1000))
        packet.time_base = _MILLISECOND
        packet.stream = self._stream
        packet.is_keyframe = not self._video or is_key_frame(data)
        self._container.mux_one(packet)

    def close(self) -> None:
        """Write the end."""
        self._container.close()


def read_pictures(path: Path) -> Iterator[tuple[float, VideoFrame]]:
    """Yield the pictures of a track file with their own time, as far as the file goes."""
    for media, frame in _read(path):
        yield media, cast("VideoFrame", frame)


def read_sound(path: Path) -> Iterator[tuple[float, bytes]]:
    """Yield the sound of a track file, interleaved stereo of 16 bits at 48 kHz, with its own time."""
    resampler = AudioResampler(format="s16", layout="stereo", rate=SAMPLE_RATE)
    for media, frame in _read(path):
        for part in resampler.resample(cast("AudioFrame", frame)):
            yield media, bytes(part.planes[0])[: part.samples * BYTES_PER_SAMPLE]


def _read(path: Path) -> Iterator[tuple[float, VideoFrame | AudioFrame]]:
    try:
        container = av.open(str(path))
    except (av.error.FFmpegError, OSError):  # nothing reached the disk before the end
        return
    with container, contextlib.suppress(av.error.FFmpegError):  # cut in the midst of a cluster
        for packet in container.demux():
            with contextlib.suppress(av.error.FFmpegError):  # one frame that cannot be decoded; the next may be
                for frame in cast("list[VideoFrame | AudioFrame]", packet.decode()):
                    if frame.time is not None:
                        yield frame.time, frame


class Picture:
    """One picture scaled to its place, ready to be copied onto the canvas."""

    def __init__(self, frame: VideoFrame, box: Box) -> None:
        self._place = fit(frame.width, frame.height, box)
        self._scaled = frame.reformat(width=self._place.width, height=self._place.height, format="yuv420p")

    def draw(self, planes: list[bytearray]) -> None:
        """Copy it onto the planes of the canvas, row by row."""
        for index, (plane, target) in enumerate(zip(self._scaled.planes, planes, strict=True)):
            half = 2 if index else 1
            source, canvas = memoryview(plane), memoryview(target)
            width, stride = self._place.width // half, WIDTH // half
            at = self._place.y // half * stride + self._place.x // half
            for start in range(0, self._place.height // half * plane.line_size, plane.line_size):
                canvas[at : at + width] = source[start : start + width]
                at += stride


class Mixer:
    """Add up sounds, one block of the same length from each lane; a limiter keeps loud company from clipping."""

    def __init__(self, lanes: int) -> None:
        self._graph = av.filter.Graph()
        base = Fraction(1, SAMPLE_RATE)
        self._inputs = [
            self._graph.add_abuffer(format="s16", sample_rate=SAMPLE_RATE, layout="stereo", time_base=base)
            for _ in range(lanes)
        ]
        chain = [
            self._graph.add("amix", f"inputs={lanes}:normalize=0"),
            self._graph.add("alimiter", "limit=0.95:level=disabled"),
            self._graph.add("aformat", f"sample_fmts=fltp:sample_rates={SAMPLE_RATE}:channel_layouts=stereo"),
            self._graph.add("abuffersink"),
        ]
        for index, source in enumerate(self._inputs):
            source.link_to(chain[0], 0, index)
        for before, after in pairwise(chain):
            before.link_to(after)
        self._sink = chain[-1]
        self._graph.configure()
        self._pts = 0
        self.lanes = lanes

    def mix(self, blocks: list[bytes]) -> Iterator[AudioFrame]:
        """Mix one block per lane, all of one length; yield what is done."""
        samples = len(blocks[0]) // BYTES_PER_SAMPLE
        for source, block in zip(self._inputs, blocks, strict=True):
            frame = AudioFrame(format="s16", layout="stereo", samples=samples)
            frame.planes[0].update(block)
            frame.sample_rate = SAMPLE_RATE
            frame.time_base = Fraction(1, SAMPLE_RATE)
            frame.pts = self._pts
            source.push(frame)
        self._pts += samples
        yield from self._pull()

    def end(self) -> Iterator[AudioFrame]:
        """Yield what the limiter still held back."""
        for source in self._inputs:
            source.push(None)
        yield from self._pull()

    def _pull(self) -> Iterator[AudioFrame]:
        while True:
            try:
                yield cast("AudioFrame", self._sink.pull())
            except (av.error.BlockingIOError, av.error.EOFError):
                return


class Film:
    """Write one playable file: H.264 and AAC in MP4, its index at the front so that it plays while it loads."""

    def __init__(self, path: Path) -> None:
        self._container = av.open(str(path), "w", format="mp4", options={"movflags": "faststart"})
        self._video: Any = self._container.add_stream("libx264", rate=FPS)
        self._video.width, self._video.height, self._video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        self._video.options = {"preset": "superfast", "crf": "25", "g": str(FPS * 4)}
        self._video.codec_context.thread_count = 1  # the server's calls come first
        self._audio: Any = self._container.add_stream("aac", rate=SAMPLE_RATE)
        self._audio.layout = "stereo"
        self._audio.bit_rate = 128_000
        self._frames = 0
        self._canvas = [bytearray(WIDTH * HEIGHT), *(bytearray(WIDTH * HEIGHT // 4) for _ in range(2))]
        self.clear()

    def clear(self) -> None:
        """Make the canvas black."""
        for plane, shade in zip(self._canvas, _BLACK, strict=True):
            plane[:] = bytes((shade,)) * len(plane)

    def blank(self, box: Box) -> None:
        """Make a part of the canvas black."""
        for index, (plane, shade) in enumerate(zip(self._canvas, _BLACK, strict=True)):
            half = 2 if index else 1
            row = bytes((shade,)) * (box.width // half)
            for y in range(box.y // half, (box.y + box.height) // half):
                at = y * WIDTH // half + box.x // half
                plane[at : at + len(row)] = row

    def draw(self, picture: Picture) -> None:
        """Draw one picture onto the canvas."""
        picture.draw(self._canvas)

    def show(self) -> None:
        """Make the canvas the next picture of the film."""
        frame = VideoFrame(WIDTH, HEIGHT, "yuv420p")
        for plane, content in zip(frame.planes, self._canvas, strict=True):
            plane.update(bytes(content))
        frame.pts = self._frames
        frame.time_base = Fraction(1, FPS)
        self._frames += 1
        self._container.mux(self._video.encode(frame))

    def play(self, sound: AudioFrame) -> None:
        """Add sound after what there is."""
        self._container.mux(self._audio.encode(sound))

    def close(self) -> None:
        """Write what the encoders hold, and the index."""
        for stream in (self._video, self._audio):
            self._container.mux(stream.encode())
        self._container.close()
