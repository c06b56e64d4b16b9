"""Frames as the peer's parser sees them, and in how many pieces they were handed to the kernel."""

from __future__ import annotations

import asyncio

import pytest

from signaling.frame_writer import FrameWriter, LoopTurn


class FakeSocket(asyncio.WriteTransport):
    """Keeps what it is given, piece by piece; who writes to it after its end fails the test."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[bytes] = []
        self._closing = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self._closing
        self.pieces.append(bytes(data))

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        self._closing = True

    @property
    def texts(self) -> list[bytes]:
        """What the frames in all pieces say."""
        return texts_in(b"".join(self.pieces))


def texts_in(stream: bytes) -> list[bytes]:
    """Read unmasked text frames (RFC 6455 §5.2)."""
    texts = []
    while stream:
        assert stream[0] == 0x81
        size, at = stream[1], 2
        if size >= 126:
            at = 4 if size == 126 else 10
            size = int.from_bytes(stream[2:at], "big")
        texts.append(stream[at : at + size])
        assert len(texts[-1]) == size
        stream = stream[at + size :]
    return texts


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65535, 65536, 70_000])
async def test_every_length_has_its_header(size: int) -> None:
    socket = FakeSocket()
    FrameWriter(socket, LoopTurn()).write(b"x" * size)
    await asyncio.sleep(0)
    assert socket.texts == [b"x" * size]


async def test_the_frames_of_a_turn_go_out_in_one_piece_for_each_connection() -> None:
    turn = LoopTurn()
    first, second = FakeSocket(), FakeSocket()
    writers = FrameWriter(first, turn), FrameWriter(second, turn)
    for number in range(3):
        for writer in writers:
            writer.write(b"%d" % number)
    assert first.pieces == second.pieces == []
    await asyncio.sleep(0)
    for socket in (first, second):
        assert socket.texts == [b"0", b"1", b"2"]
        assert len(socket.pieces) == 1


async def test_the_next_turn_is_another_piece() -> None:
    socket = FakeSocket()
    writer = FrameWriter(socket, LoopTurn())
    for text in (b"now", b"then"):
        writer.write(text)
        await asyncio.sleep(0)
    assert [texts_in(piece) for piece in socket.pieces] == [[b"now"], [b"then"]]


async def test_much_is_not_held_back() -> None:
    socket = FakeSocket()
    writer = FrameWriter(socket, LoopTurn())
    frames = [b"%d" % number * 30_000 for number in range(5)]
    for frame in frames:
        writer.write(frame)
    assert socket.texts == frames[:3]
    await asyncio.sleep(0)
    assert socket.texts == frames
    assert len(socket.pieces) == 2


async def test_what_was_written_goes_before_the_end_and_nothing_after_it() -> None:
    socket = FakeSocket()
    writer = FrameWriter(socket, LoopTurn())
    writer.write(b"last words")
    writer.end()
    assert socket.texts == [b"last words"]
    writer.write(b"too late")
    writer.end()
    await asyncio.sleep(0)
    assert socket.texts == [b"last words"]


async def test_nothing_is_written_to_a_socket_that_is_gone() -> None:
    turn = LoopTurn()
    gone, other = FakeSocket(), FakeSocket()
    FrameWriter(gone, turn).write(b"x")
    FrameWriter(other, turn).write(b"y")
    gone.close()
    await asyncio.sleep(0)
    assert (gone.texts, other.texts) == ([], [b"y"])


async def test_a_socket_that_fails_is_given_up_and_holds_up_no_other() -> None:
    class Broken(FakeSocket):
        aborted = False

        def write(self, data: bytes | bytearray | memoryview) -> None:
            raise RuntimeError("unable to perform operation; the handler is closed")

        def abort(self) -> None:
            self.aborted = True

    turn = LoopTurn()
    broken, sound = Broken(), FakeSocket()
    for socket in (broken, sound):
        FrameWriter(socket, turn).write(b"news")
    await asyncio.sleep(0)
    assert broken.aborted
    assert sound.texts == [b"news"]
