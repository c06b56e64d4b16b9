"""Exposing metrics does not hold up what is measured."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Counter, Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from observability.exposition import Exposition, expose

OPENMETRICS = "application/openmetrics-text; version=1.0.0"


class Where(Collector):
    """Notes in which thread it is read."""

    def __init__(self) -> None:
        self.threads: list[int] = []

    def collect(self) -> Iterable[Metric]:
        self.threads.append(threading.get_ident())
        yield GaugeMetricFamily("where", "Where.", value=len(self.threads))

    def describe(self) -> Iterable[Metric]:
        return ()


@pytest.mark.parametrize("accept", [OPENMETRICS, "", "application/openmetrics-text; version=x"])
async def test_it_gives_what_the_registry_holds(accept: str) -> None:
    registry = CollectorRegistry()
    Counter("x", "X.", ["kind"], registry=registry).labels("a").inc(3)
    assert await Exposition(registry).expose(accept) == expose(registry, accept)


async def test_metrics_are_read_by_the_loop_and_written_by_another_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    registry, where, writers = CollectorRegistry(), Where(), []
    registry.register(where)

    def write(*args: Any) -> tuple[bytes, str]:
        writers.append(threading.get_ident())
        return expose(*args)

    monkeypatch.setattr("observability.exposition.expose", write)
    await Exposition(registry).expose("")
    assert where.threads == [threading.get_ident()]
    assert writers
    assert threading.get_ident() not in writers


async def test_scrapers_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    registry, release = CollectorRegistry(), threading.Event()
    running: list[int] = []
    most: list[int] = []

    def write(*args: Any) -> tuple[bytes, str]:
        running.append(1)
        most.append(len(running))
        release.wait(10)
        running.pop()
        return expose(*args)

    monkeypatch.setattr("observability.exposition.expose", write)
    exposition = Exposition(registry)
    scrapes = [asyncio.create_task(exposition.expose("")) for _ in range(3)]
    while not most:  # noqa: ASYNC110  # what is waited for has no event
        await asyncio.sleep(0.001)
    release.set()
    async with asyncio.timeout(10):
        await asyncio.gather(*scrapes)
    assert most == [1, 1, 1]


async def test_one_that_leaves_gives_its_turn_to_the_next() -> None:
    exposition = Exposition(CollectorRegistry())
    leaving = asyncio.create_task(exposition.expose(""))
    await asyncio.sleep(0)
    leaving.cancel()
    async with asyncio.timeout(10):
        assert (await exposition.expose(""))[0] == b""
