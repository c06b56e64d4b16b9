"""How much room is left where data is kept."""

from __future__ import annotations

import shutil
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from prometheus_client import Gauge

from observability.health import CheckResult

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from api.settings import Settings
    from observability.health import Readiness

_MB = 1_000_000
_FULL_BYTES, _FULL_SHARE = (200 * _MB, 1_000 * _MB), 0.02
_FILLING_BYTES, _FILLING_SHARE = (1_000 * _MB, 5_000 * _MB), 0.10
"""A share of the disk, but neither less than the first nor more than the second: 2 % of a large disk is plenty."""


class Level(Enum):
    """What is to be done about it: nothing, something soon, something now."""

    ROOMY = "roomy"
    FILLING_UP = "filling up"
    NEARLY_FULL = "nearly full"


class Room(Struct, frozen=True):
    """What is free and what there is on the disk of a folder, in bytes."""

    free: int
    total: int
    floor: int = 0
    """What must stay free whatever the size of the disk: recorders stop there."""

    @classmethod
    def of(cls, folder: Path, floor: int = 0) -> Room:
        """Look at the disk of a folder, which need not exist yet. Raises `OSError`."""
        usage = shutil.disk_usage(existing(folder))
        return cls(usage.free, usage.total, floor)

    @property
    def level(self) -> Level:
        """How serious it is."""
        if self.free < max(self.floor, self._bound(_FULL_BYTES, _FULL_SHARE)):
            return Level.NEARLY_FULL
        return Level.FILLING_UP if self.free < self._bound(_FILLING_BYTES, _FILLING_SHARE) else Level.ROOMY

    def _bound(self, limits: tuple[int, int], share: float) -> float:
        return min(max(limits[0], self.total * share), limits[1])

    def __str__(self) -> str:
        """Say it for people."""
        return f"{self.free / _MB:,.0f} MB ({self.free / max(1, self.total):.0%}) free"


def existing(folder: Path) -> Path:
    """Return the folder, or the nearest above it that exists."""
    whole = folder.absolute()
    return next(parent for parent in (whole, *whole.parents) if parent.exists())


def folders(settings: Settings) -> dict[str, tuple[Path, int]]:
    """Return by name where Chatter writes, and how many bytes must stay free there."""
    recording = settings.recording
    return {"data": (settings.data_dir, 0), "recordings": (recording.folder, recording.free_floor_bytes)}


def watch_disk(settings: Settings, readiness: Readiness, registry: CollectorRegistry) -> None:
    """Show the room that is left, and say when there is hardly any. Calls go on without, so traffic may come."""
    free = Gauge("chatter_disk_free_bytes", "What is free on the disk of a folder.", ["folder"], registry=registry)
    size = Gauge("chatter_disk_size_bytes", "How large the disk of a folder is.", ["folder"], registry=registry)
    watched = folders(settings)
    for name, (folder, _) in watched.items():
        free.labels(name).set_function(lambda folder=folder: _looked_at(folder).free)  # type: ignore[misc]
        size.labels(name).set_function(lambda folder=folder: _looked_at(folder).total)  # type: ignore[misc]

    def report() -> CheckResult:
        try:
            full = any(Room.of(*where).level is Level.NEARLY_FULL for where in watched.values())
        except OSError as error:
            return CheckResult(ok=False, problem=error.strerror or type(error).__name__, required=False)
        return CheckResult(ok=not full, problem=Level.NEARLY_FULL.value if full else None, required=False)

    readiness.add_report("disk", report)


def _looked_at(folder: Path) -> Room:
    try:
        return Room.of(folder)
    except OSError:  # readiness says why
        return Room(0, 0)
