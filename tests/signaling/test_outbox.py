"""The bounded queue before a transport."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from signaling.outbox import Outbox


def test_frames_pass_while_the_transport_takes_them() -> None:
    written: list[bytes] = []
    waiting: list[int] = []
    outbox = Outbox(written.append, 4, waiting.append)
    assert all(outbox.put(frame) for frame in (b"long frame", b"another"))
    assert written == [b"long frame", b"another"]
    assert (outbox.held, waiting) == (0, [])


def test_frames_wait_in_order_up_to_the_bound() -> None:
    written: list[bytes] = []
    waiting: list[int] = []
    outbox = Outbox(written.append, 4, waiting.append)
    outbox.pause()
    assert outbox.put(b"ab")
    assert outbox.put(b"cd")
    assert not outbox.put(b"e")
    assert (written, outbox.held) == ([], 4)
    outbox.resume()
    assert (written, outbox.held) == ([b"ab", b"cd"], 0)
    assert outbox.put(b"f")
    assert written[-1] == b"f"
    assert waiting == [1, 2], "told of those that have to wait, not of those that pass or find no room"


def test_the_transport_may_fill_up_again_while_it_drains() -> None:
    written: list[bytes] = []

    def write(frame: bytes) -> None:
        written.append(frame)
        outbox.pause()

    outbox = Outbox(write, 100)
    outbox.pause()
    for frame in (b"a", b"b", b"c"):
        outbox.put(frame)
    outbox.resume()
    assert (written, outbox.held) == ([b"a"], 2)
    outbox.put(b"d")
    for _ in range(3):
        outbox.resume()
    assert written == [b"a", b"b", b"c", b"d"]


def test_what_is_cleared_is_never_sent() -> None:
    written: list[bytes] = []
    outbox = Outbox(written.append, 100)
    outbox.pause()
    outbox.put(b"a")
    outbox.clear()
    outbox.resume()
    assert (written, outbox.held) == ([], 0)


@given(st.lists(st.one_of(st.binary(min_size=1, max_size=8), st.booleans())))
def test_order_and_bound_hold_whatever_happens(steps: list[bytes | bool]) -> None:
    written: list[bytes] = []
    accepted: list[bytes] = []
    outbox = Outbox(written.append, 16)
    for step in steps:
        if step is True:
            outbox.pause()
        elif step is False:
            outbox.resume()
        elif outbox.put(step):
            accepted.append(step)
        assert outbox.held == sum(map(len, accepted)) - sum(map(len, written)) <= 16
        assert written == accepted[: len(written)]
    outbox.resume()
    assert written == accepted
