"""What is told of queries: metrics always, spans where a trace runs, nothing of what they are about."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from prometheus_client import CollectorRegistry
from sqlalchemy import text
from sqlalchemy.engine import URL
from sqlalchemy.exc import IntegrityError

from api.db import Database
from api.db_watch import DatabaseMetrics
from observability.work import Work, collecting, tell_work, work_done

SECRET = "a-name-that-is-nobodys-business"
INSERT = text(
    "INSERT INTO users (id, username, username_key, password_hash, created_at, updated_at)"
    " VALUES (:id, :name, :name, '', 0, 0)"
)


class Told:
    """What a watched database told."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._exporter = InMemorySpanExporter()
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracer = self.provider.get_tracer("test")

    def queries(self, operation: str) -> float:
        """Return how many queries of a kind were timed."""
        name = "chatter_db_query_duration_seconds_count"
        return self.registry.get_sample_value(name, {"operation": operation}) or 0

    def connections(self, state: str) -> float | None:
        """Return the gauge of connections."""
        return self.registry.get_sample_value("chatter_db_pool_connections", {"state": state})

    def all(self, kept: list[Work]) -> None:
        """Make spans of kept work."""
        for work in kept:
            tell_work(self.tracer, work)

    @property
    def spans(self) -> dict[str, ReadableSpan]:
        """The spans so far, by name."""
        return {span.name: span for span in self._exporter.get_finished_spans()}


@pytest.fixture
def told() -> Iterator[Told]:
    """What a watched database tells."""
    made = Told()
    yield made
    made.provider.shutdown()


@pytest_asyncio.fixture
async def watched(database_url: URL, told: Told) -> AsyncIterator[Database]:
    """A database that tells; the test runs once per kind."""
    metrics = DatabaseMetrics(told.registry)
    database = Database(database_url, max_connections=3, metrics=metrics)
    yield database
    await database.close()


async def add(database: Database, number: int = 1) -> None:
    async with database.write() as db:
        await db.execute(INSERT, {"id": number, "name": SECRET})


async def test_queries_are_timed(watched: Database, told: Told) -> None:
    await add(watched)
    async with watched.read() as db:
        await db.execute(text("SELECT count(*) FROM users"))
        await db.execute(text("WITH one AS (SELECT 1) SELECT * FROM one"))
    assert (told.queries("insert"), told.queries("select"), told.queries("delete")) == (1, 1, 0)
    assert told.queries("other") >= 1
    assert told.registry.get_sample_value("chatter_db_pool_wait_seconds_count") == 2


async def test_the_pool_is_shown(watched: Database, told: Told) -> None:
    await watched.ping()
    assert (told.connections("used"), told.connections("idle")) == (0, 1)
    async with watched.read():
        assert (told.connections("used"), told.connections("idle")) == (1, 0)


async def test_a_query_can_be_told_as_a_span_of_the_trace_that_runs(watched: Database, told: Told) -> None:
    with told.tracer.start_as_current_span("outer") as outer, collecting() as kept:
        await add(watched)
        told.all(kept)
    span = told.spans["INSERT users"]
    assert span.parent is not None
    assert span.parent.span_id == outer.get_span_context().span_id
    assert span.kind is SpanKind.CLIENT
    assert span.attributes == {
        "db.system.name": watched.dialect,
        "db.operation.name": "INSERT",
        "db.query.summary": "INSERT users",
        "db.collection.name": "users",
    }
    assert SECRET not in span.to_json()
    assert span.start_time is not None
    assert span.end_time is not None
    assert span.start_time <= span.end_time
    assert "BEGIN" not in told.spans  # of no interest, and there is one in every transaction on SQLite


async def test_a_refused_query_is_an_error(watched: Database, told: Told) -> None:
    await add(watched)
    with collecting() as kept, pytest.raises(IntegrityError):
        await add(watched)
    told.all(kept)
    span = told.spans["INSERT users"]
    assert span.status.status_code is StatusCode.ERROR
    assert span.status.description is None
    assert "error.type" in (span.attributes or {})
    assert SECRET not in span.to_json()
    assert told.queries("insert") == 2


async def test_work_can_be_kept_for_a_trace_that_comes_later(watched: Database, told: Told) -> None:
    with collecting() as kept:
        await add(watched)
        await watched.ping()
    await watched.ping()
    assert [work.name for work in kept] == ["INSERT users", "SELECT"]
    assert told.spans == {}
    assert all(work.started_ns <= work.ended_ns and work.error is None for work in kept)


async def test_what_is_kept_is_bounded(sqlite_url: URL) -> None:
    database = Database(sqlite_url)
    with collecting() as kept:
        for _ in range(100):
            await database.ping()
    assert len(kept) == 64
    await database.close()


def test_where_nobody_wants_it_nothing_is_kept() -> None:
    with collecting(wanted=False) as kept:
        work_done("SELECT", 0, {})
    assert kept == []
