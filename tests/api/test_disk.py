"""When a disk counts as full."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.disk import Level, Room, existing

MB, GB, TB = 10**6, 10**9, 10**12


@pytest.mark.parametrize(
    ("free", "total", "level"),
    [
        (199 * MB, 10 * GB, Level.NEARLY_FULL),
        (201 * MB, 10 * GB, Level.FILLING_UP),
        (1001 * MB, 10 * GB, Level.ROOMY),
        (390 * MB, 20 * GB, Level.NEARLY_FULL),  # 2 %
        (1999 * MB, 20 * GB, Level.FILLING_UP),
        (2001 * MB, 20 * GB, Level.ROOMY),
        (999 * MB, 10 * TB, Level.NEARLY_FULL),
        (4999 * MB, 10 * TB, Level.FILLING_UP),
        (5001 * MB, 10 * TB, Level.ROOMY),
        (0, 0, Level.NEARLY_FULL),
    ],
)
def test_the_levels(free: int, total: int, level: Level) -> None:
    assert Room(free, total).level is level


def test_what_recorders_leave_free_is_the_least() -> None:
    assert Room(500 * MB, 10 * GB, 512 * MB).level is Level.NEARLY_FULL
    assert Room(513 * MB, 10 * GB, 512 * MB).level is Level.FILLING_UP


def test_in_words() -> None:
    assert str(Room(1234 * MB, 10 * GB)) == "1,234 MB (12%) free"


def test_a_folder_that_is_yet_to_be_made(tmp_path: Path) -> None:
    assert existing(tmp_path / "a" / "b") == tmp_path
    assert Room.of(tmp_path / "a" / "b").total > 0
