"""The garbage collector of a process that serves: what it no longer looks at, and what it still finds."""

from __future__ import annotations

import asyncio
import gc
import logging
import weakref
from collections.abc import Iterator

import pytest

from api.heap import Heap


class Knot:
    """Something that refers to itself, and to nothing else."""

    def __init__(self) -> None:
        self.knot = self


@pytest.fixture(autouse=True)
def untouched_collector() -> Iterator[None]:
    thresholds = gc.get_threshold()
    gc.disable()  # so that only the test collects
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)
    gc.enable()


async def test_what_start_up_made_is_out_of_sight() -> None:
    made: list[list[int]] = [[] for _ in range(10)]
    heap = Heap(asyncio.get_running_loop())
    heap.start()
    try:
        assert gc.get_freeze_count() > len(made)
        assert not any(found is made for found in gc.get_objects())
    finally:
        heap.stop()


async def test_what_survives_is_put_out_of_sight_once_there_is_much_of_it() -> None:
    heap = Heap(asyncio.get_running_loop(), settled=1_000)
    heap.start()
    try:
        few: list[list[int]] = [[] for _ in range(500)]
        gc.collect()
        assert any(found is few[0] for found in gc.get_objects(generation=2))
        many: list[list[int]] = [[] for _ in range(1_000)]
        gc.collect()
        assert not any(found in (few, many) for found in gc.get_objects(generation=2))
    finally:
        heap.stop()


async def test_what_is_out_of_sight_is_still_freed_when_nothing_refers_to_it() -> None:
    freed: list[int] = []
    heap = Heap(asyncio.get_running_loop(), settled=100)
    knots = [Knot() for _ in range(200)]
    heap.start()
    try:
        for knot in knots:
            weakref.finalize(knot, freed.append, 1)
            knot.knot = None  # type: ignore[assignment]
        del knots, knot
        assert len(freed) == 200
    finally:
        heap.stop()


async def test_a_sweep_finds_what_became_garbage_out_of_sight(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    freed: list[int] = []
    heap = Heap(asyncio.get_running_loop(), settled=100, sweep_at=0)
    knot = Knot()
    weakref.finalize(knot, freed.append, 1)
    heap.start()
    try:
        del knot
        gc.collect()
        assert not freed, "nobody looks there"
        alive: list[list[int]] = [[] for _ in range(200)]
        gc.collect()
        await asyncio.sleep(0)
        assert freed
        assert [getattr(record, "event", None) for record in caplog.records] == ["heap_swept"]
        freed.clear()
        alive += [[] for _ in range(200)]
        gc.collect()
        await asyncio.sleep(0)
        assert len(caplog.records) == 1, "it has grown by little since"
    finally:
        heap.stop()


async def test_those_who_went_are_not_swept_for(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    gc.collect()
    heap = Heap(asyncio.get_running_loop(), settled=100, sweep_at=len(gc.get_objects()) + 5_000)
    heap.start()
    try:
        for _ in range(50):
            alive: list[list[int]] = [[] for _ in range(200)]
            gc.collect()
            del alive
        await asyncio.sleep(0)
        assert not caplog.records
    finally:
        heap.stop()
