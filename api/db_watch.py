"""What the database is asked and how long it takes: metrics for all queries, spans for those of a trace.

Spans follow the stable database conventions of OpenTelemetry 1.33, without the statement: it is always the same for a
summary, and its parameters are nobody's business.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from prometheus_client import CollectorRegistry, Gauge
from sqlalchemy import event

from observability.tally import Buckets, HotHistogram
from observability.work import work_done

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine, ExceptionContext

_OPERATIONS = ("select", "insert", "update", "delete", "other")
_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_SYSTEMS = {"postgresql": "postgresql", "sqlite": "sqlite"}
_TARGET = re.compile(r"\b(?:FROM|INTO|UPDATE)\s+([a-z_]+)", re.IGNORECASE)
_UNTOLD = frozenset({"begin", "pragma"})


class DatabaseMetrics:
    """How long queries take, how long one waits for a connection, and how many there are."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._connections = Gauge(
            "chatter_db_pool_connections", "Connections to the database.", ["state"], registry=registry
        )
        self._waits = HotHistogram(
            "chatter_db_pool_wait_seconds",
            "Time until a transaction had its connection.",
            buckets=_BUCKETS,
            registry=registry,
        ).labels()
        queries = HotHistogram(
            "chatter_db_query_duration_seconds",
            "Time until the database answered a query.",
            ["operation"],
            [(operation,) for operation in _OPERATIONS],
            buckets=_BUCKETS,
            registry=registry,
        )
        self._queries = {operation: queries.labels(operation) for operation in _OPERATIONS}

    def watch(self, used: Callable[[], float], idle: Callable[[], float]) -> None:
        """Read the size of the pool from these at each scrape."""
        self._connections.labels("used").set_function(used)
        self._connections.labels("idle").set_function(idle)

    def waited(self, seconds: float) -> None:
        """Note how long a transaction waited for its connection."""
        self._waits.observe(seconds)

    def asked(self, operation: str) -> Buckets:
        """Return where to note how long a query of this kind took, in seconds."""
        return self._queries.get(operation, self._queries["other"])


class _Query(NamedTuple):
    name: str
    attributes: Mapping[str, str]
    durations: Buckets
    told: bool
    """Whether a trace wants to know of it."""


def observe_queries(engine: Engine, metrics: DatabaseMetrics) -> None:
    """Time every statement of an engine, and tell of it whoever collects work."""
    system = _SYSTEMS.get(engine.dialect.name, "other_sql")

    @lru_cache(maxsize=512)
    def summarize(statement: str) -> _Query:
        operation, attributes = _summary(statement)
        durations, told = metrics.asked(operation.lower()), operation.lower() not in _UNTOLD
        return _Query(attributes["db.query.summary"], {"db.system.name": system, **attributes}, durations, told)

    @event.listens_for(engine, "before_cursor_execute")
    def before(_connection: Connection, _cursor: Any, _statement: str, _parameters: Any, context: Any, *_: Any) -> None:
        context.chatter_started_ns = time.time_ns()

    @event.listens_for(engine, "after_cursor_execute")
    def after(_connection: Connection, _cursor: Any, statement: str, _parameters: Any, context: Any, *_: Any) -> None:
        note(context, statement, None)

    @event.listens_for(engine, "handle_error")
    def failed(failure: ExceptionContext) -> None:
        if failure.execution_context is not None and failure.statement is not None:
            note(failure.execution_context, failure.statement, failure.original_exception)

    def note(context: Any, statement: str, error: BaseException | None) -> None:
        started = getattr(context, "chatter_started_ns", None)
        if started is not None:
            context.chatter_started_ns = None
            query = summarize(statement)
            query.durations.observe(max(0, time.time_ns() - started) / 1e9)
            if query.told:
                work_done(query.name, started, query.attributes, error)


def _summary(statement: str) -> tuple[str, dict[str, str]]:
    words = statement.split(maxsplit=1)
    operation = words[0].upper() if words else ""
    target = _TARGET.search(statement)
    attributes = {"db.operation.name": operation, "db.query.summary": operation}
    if target:
        attributes |= {"db.query.summary": f"{operation} {target[1]}", "db.collection.name": target[1]}
    return operation, attributes
