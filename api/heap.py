"""Keep the pauses of the garbage collector short, however much is alive.

CPython goes through all objects whenever the new ones have become a quarter of the old: beside 15,000 connections
nobody is heard for half a second. Here what survives is put out of the collector's sight instead. It is still freed as
soon as nothing refers to it. Only what refers to itself in a circle stays, until a sweep; connections, members and
rooms leave no circles behind, which a test shows.
"""

from __future__ import annotations

import gc
import logging
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

logger = logging.getLogger(__name__)

_OLDEST = 2
_SETTLED = 5_000
"""So many objects are looked at within 5 ms; more are put out of sight."""
_MIDDLE_PER_OLDEST = 2
"""Collections of the middle generation between two of the oldest, instead of 10: each finds at most so many times 7,000
objects that are new there."""
_SWEEP_AT = 1_000_000
_SWEEP_FACTOR = 4
"""A sweep goes through everything, and stops everything for a microsecond an object. So there is one only when several
times as much is alive, or seems to be, as after the last."""


class Heap:
    """Put what stays alive out of the collector's sight, and look through it when that has grown much.

    There is one collector in a process, so one of these.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, *, settled: int = _SETTLED, sweep_at: int = _SWEEP_AT) -> None:
        self._loop = loop
        self._settled = settled
        self._least_sweep_at = sweep_at
        self._sweep_at = sweep_at
        self._frozen = 0
        """At most so many are out of sight: those that were freed since are still counted."""

    def start(self) -> None:
        """Begin with what start-up made."""
        gc.collect()
        gc.freeze()
        self._frozen = gc.get_freeze_count()
        youngest, middle, _ = gc.get_threshold()
        gc.set_threshold(youngest, middle, _MIDDLE_PER_OLDEST)
        gc.callbacks.append(self._collected)

    def stop(self) -> None:
        """Leave the collector to itself. Idempotent."""
        if self._collected in gc.callbacks:
            gc.callbacks.remove(self._collected)

    def _collected(self, phase: str, info: dict[str, int]) -> None:
        if phase != "stop" or info["generation"] != _OLDEST:
            return
        survivors = len(gc.get_objects(generation=_OLDEST))
        if survivors < self._settled:
            return
        gc.freeze()
        self._frozen += survivors
        if self._frozen > self._sweep_at:
            self._loop.call_soon_threadsafe(self._sweep)  # a collection may run in any thread, and not in another one

    def _sweep(self) -> None:
        self._frozen = gc.get_freeze_count()
        if self._frozen <= self._sweep_at:
            return
        begun = time.perf_counter()
        gc.unfreeze()
        found = gc.collect()
        gc.freeze()
        self._frozen = gc.get_freeze_count()
        self._sweep_at = max(self._least_sweep_at, _SWEEP_FACTOR * self._frozen)
        extra = {"event": "heap_swept", "objects": self._frozen, "freed": found}
        logger.info("heap swept", extra=extra | {"duration": round(time.perf_counter() - begun, 3)})
