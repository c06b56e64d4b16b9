"""What a session keeps of what it sent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.core.replay import MAX_BYTES, MAX_FRAMES, Replay


def filled(count: int, size: int = 5) -> Replay:
    replay = Replay()
    for number in range(1, count + 1):
        replay.add(b"%0*d" % (size, number))
    return replay


def numbers(frames: list[bytes] | None) -> list[int] | None:
    return None if frames is None else [int(frame) for frame in frames]


def test_nothing_was_missed() -> None:
    assert Replay().since(0) == []
    assert filled(3).since(3) == []


def test_what_came_after_is_sent_again_in_order() -> None:
    assert numbers(filled(5).since(2)) == [3, 4, 5]
    assert numbers(filled(5).since(0)) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("seq", [6, 100])
def test_what_was_never_sent_is_not_known(seq: int) -> None:
    assert filled(5).since(seq) is None


def test_what_was_let_go_of_is_not_known() -> None:
    replay = filled(5)
    replay.acknowledge(3)
    assert replay.since(2) is None
    assert numbers(replay.since(3)) == [4, 5]
    assert replay.last_seq == 5


def test_acknowledging_more_than_was_sent_lets_go_of_all() -> None:
    replay = filled(5)
    replay.acknowledge(9)
    assert replay.since(5) == []
    assert replay.last_seq == 5


def test_a_client_that_never_acknowledges_costs_no_more_than_the_bound() -> None:
    replay = filled(MAX_FRAMES * 3)
    kept = replay.since(MAX_FRAMES * 3 - MAX_FRAMES // 2)
    assert kept is not None
    assert replay.since(MAX_FRAMES * 3 - MAX_FRAMES - 1) is None


def test_large_frames_count_by_their_size() -> None:
    replay = filled(6, MAX_BYTES // 4)
    assert replay.since(0) is None
    kept = replay.since(5)
    assert kept is not None
    assert len(kept) == 1


def test_one_frame_larger_than_all_is_let_go_of() -> None:
    replay = filled(1, MAX_BYTES + 1)
    assert replay.since(0) is None
    assert replay.since(1) == []


@given(st.lists(st.integers(-1, 40), max_size=60))
def test_whatever_is_acknowledged_the_rest_is_whole(steps: list[int]) -> None:
    replay, sent, acknowledged = Replay(), 0, 0
    for step in steps:
        if step < 0:
            sent += 1
            replay.add(b"%d" % sent)
        else:
            replay.acknowledge(step)
            acknowledged = max(acknowledged, min(step, sent))
        assert replay.last_seq == sent
        for seq in range(sent + 2):
            wanted = list(range(seq + 1, sent + 1)) if acknowledged <= seq <= sent else None
            assert numbers(replay.since(seq)) == wanted
