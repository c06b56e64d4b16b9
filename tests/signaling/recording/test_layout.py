"""Where pictures stand: inside the frame, on even pixels, beside each other."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.recording.layout import HEIGHT, WIDTH, Box, arrange, fit


def overlap(one: Box, other: Box) -> bool:
    return (
        one.x < other.x + other.width
        and other.x < one.x + one.width
        and one.y < other.y + other.height
        and other.y < one.y + one.height
    )


@pytest.mark.parametrize(("cameras", "screens"), list(itertools.product(range(10), range(4))))
def test_boxes_stand_apart_inside_the_frame(cameras: int, screens: int) -> None:
    boxes = arrange(cameras, screens)
    assert len(boxes) == cameras + screens
    for box in boxes:
        assert all(side % 2 == 0 for side in box)
        assert box.x >= 0
        assert box.y >= 0
        assert box.x + box.width <= WIDTH
        assert box.y + box.height <= HEIGHT
        assert box.width > 0
        assert box.height > 0
    assert not any(overlap(one, other) for one, other in itertools.combinations(boxes, 2))


def test_one_person_fills_the_frame() -> None:
    assert arrange(1, 0) == [Box(0, 0, WIDTH, HEIGHT)]


def test_a_shared_screen_takes_most_of_it() -> None:
    *cameras, screen = arrange(3, 1)
    assert screen.width * screen.height > WIDTH * HEIGHT * 0.7
    assert all(camera.x >= screen.width for camera in cameras)


@given(st.integers(1, 8000), st.integers(1, 8000))
def test_a_picture_keeps_its_shape_and_stays_in_its_box(width: int, height: int) -> None:
    box = Box(256, 100, 640, 360)
    inner = fit(width, height, box)
    assert box.x <= inner.x
    assert box.y <= inner.y
    assert inner.x + inner.width <= box.x + box.width
    assert inner.y + inner.height <= box.y + box.height
    assert all(side % 2 == 0 for side in inner)
    assert box.width - inner.width < 4 or box.height - inner.height < 4
