"""The clock of the machine against the database's."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator

import pytest

from api.clock import ClockWatch, watch_clock
from api.db import Database
from observability.health import Readiness
from tests.databases import PostgresFactory


class Clock:
    """A clock that is ahead of the true one by `ahead` seconds."""

    ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


@pytest.fixture
async def database(postgres_factory: PostgresFactory) -> AsyncIterator[Database]:
    url = postgres_factory.create()
    opened = Database(url)
    yield opened
    await opened.close()
    postgres_factory.drop(url)


@pytest.mark.integration
async def test_ten_minutes_are_said_once_with_what_to_do(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "api.clock")
    clock = Clock()
    watch = ClockWatch(database, clock)
    await watch.check()
    assert watch.report().ok
    clock.ahead = 600
    await watch.check()
    await watch.check()
    assert watch.report().problem == "the clock of this machine is 600 s ahead of the database's"
    assert not watch.report().required
    [line] = caplog.messages
    assert line.startswith("the clock of this machine is 600 s ahead of the database's: set both by NTP")
    clock.ahead = -600
    await watch.check()
    assert "600 s behind" in str(watch.report().problem)
    clock.ahead = 1
    await watch.check()
    assert watch.report().ok
    assert [getattr(record, "event", None) for record in caplog.records] == ["clock_apart", "clock_agrees"]


def test_an_embedded_database_has_no_clock_of_its_own(sqlite_url: object) -> None:
    assert watch_clock(Database(sqlite_url), Readiness(), time.time) is None  # type: ignore[arg-type]
