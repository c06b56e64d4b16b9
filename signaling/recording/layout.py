"""Where each picture stands in the one picture of a recording. Pure arithmetic, in pixels."""

from __future__ import annotations

import math
from typing import NamedTuple

WIDTH = 1280
HEIGHT = 720
_STRIP = 256
"""Width of the column of cameras beside a shared screen."""


class Box(NamedTuple):
    """A rectangle whose sides are even, as pictures with halved colour (4:2:0) need."""

    x: int
    y: int
    width: int
    height: int


def arrange(cameras: int, screens: int) -> list[Box]:
    """Return a box for each camera and then for each screen.

    Cameras alone make a grid. A shared screen takes the stage, and the cameras stand in a column beside it.
    """
    if not screens:
        return grid(cameras, Box(0, 0, WIDTH, HEIGHT))
    stage = Box(0, 0, WIDTH - _STRIP if cameras else WIDTH, HEIGHT)
    return [*column(cameras, Box(stage.width, 0, _STRIP, HEIGHT)), *grid(screens, stage)]


def grid(count: int, area: Box) -> list[Box]:
    """Return equal boxes in rows; the last row is centred."""
    if count == 0:
        return []
    columns = math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    width, height = _even(area.width / columns), _even(area.height / rows)
    boxes = []
    for index in range(count):
        row, place = divmod(index, columns)
        in_row = min(columns, count - row * columns)
        left = _even((area.width - in_row * width) / 2)
        boxes.append(Box(area.x + left + place * width, area.y + row * height, width, height))
    return boxes


def column(count: int, area: Box) -> list[Box]:
    """Return boxes one below the other, as tall as 16:9 allows, in the middle."""
    if count == 0:
        return []
    height = _even(min(area.height / count, area.width * 9 / 16))
    top = _even((area.height - count * height) / 2)
    return [Box(area.x, area.y + top + index * height, area.width, height) for index in range(count)]


def fit(width: int, height: int, box: Box) -> Box:
    """Return the largest box of a picture's shape inside another, centred."""
    scale = min(box.width / width, box.height / height)
    inner = max(2, _even(width * scale)), max(2, _even(height * scale))
    return Box(box.x + _even((box.width - inner[0]) / 2), box.y + _even((box.height - inner[1]) / 2), *inner)


def _even(size: float) -> int:
    return int(size) // 2 * 2
