"""When a disk counts as full."""

from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from api.disk import Level, Room, existing, watch_disk
from api.settings import load
from observability.health import Readiness

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


async def test_what_is_left_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty.yaml").touch()
    where = {"CONFIG_PATH": str(tmp_path / "empty.yaml"), "CHATTER_DATA_DIR": str(tmp_path)}
    settings = load(where, create_secret=False)
    readiness, registry = Readiness(), CollectorRegistry()
    watch_disk(settings, readiness, registry)
    room = {"data": Room(9 * GB, 10 * GB), "recordings": Room(600 * MB, 10 * GB, settings.recording.free_floor_bytes)}
    monkeypatch.setattr(
        Room, "of", lambda folder, floor=0: room["recordings" if folder == settings.recording.folder else "data"]
    )
    free = {name: registry.get_sample_value("chatter_disk_free_bytes", {"folder": name}) for name in room}
    assert free == {"data": 9 * GB, "recordings": 600 * MB}
    assert registry.get_sample_value("chatter_disk_size_bytes", {"folder": "data"}) == 10 * GB
    assert (await readiness.check())["disk"].ok
    room["recordings"] = Room(500 * MB, 10 * GB, settings.recording.free_floor_bytes)
    shown = (await readiness.check())["disk"]
    assert (shown.ok, shown.problem, shown.required) == (False, "nearly full", False)


def test_a_disk_that_cannot_be_looked_at_has_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty.yaml").touch()
    settings = load({"CONFIG_PATH": str(tmp_path / "empty.yaml")}, create_secret=False)
    registry = CollectorRegistry()
    watch_disk(settings, Readiness(), registry)

    def refused(*_: object) -> Room:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Room, "of", refused)
    assert registry.get_sample_value("chatter_disk_free_bytes", {"folder": "data"}) == 0
