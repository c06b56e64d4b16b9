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

from observability.tally import HotHistogram

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine, ExceptionContext

    from observability.work import WorkTracer

_OPERATIONS = ("select", "insert", "update", "delete", "other")
_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_SYSTEMS = {"postgresql": "postgresql", "sqlite": "sqlite"}
_TARGET = re.compile(r"\b(?:FROM|INTO|UPDATE)\s+([a-z_]+)", re.IGNORECASE)
_STARTED = "chatter_started_ns"
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

    def asked(self, operation: str, seconds: float) -> None:
        """Note how long a query took."""
        self._queries.get(operation, self._queries["other"]).observe(seconds)


class _Query(NamedTuple):
    operation: str
    name: str
    attributes: Mapping[str, str]


def observe_queries(engine: Engine, metrics: DatabaseMetrics, work: WorkTracer) -> None:
    """Time every statement of an engine, and tell of it where a trace wants to know."""
    system = _SYSTEMS.get(engine.dialect.name, "other_sql")

    @event.listens_for(engine, "before_cursor_execute")
    def before(connection: Connection, *_: Any) -> None:
        connection.info[_STARTED] = time.time_ns()

    @event.listens_for(engine, "after_cursor_execute")
    def after(connection: Connection, _cursor: Any, statement: str, *_: Any) -> None:
        note(connection, statement, None)

    @event.listens_for(engine, "handle_error")
    def failed(context: ExceptionContext) -> None:
        if context.connection is not None and context.statement is not None:
            note(context.connection, context.statement, context.original_exception)

    def note(connection: Connection, statement: str, error: BaseException | None) -> None:
        started = connection.info.pop(_STARTED, None)
        if started is not None:
            query = _summarize(statement, system)
            metrics.asked(query.operation, max(0, time.time_ns() - started) / 1e9)
            if query.operation not in _UNTOLD:
                work.done(query.name, started, query.attributes, error)


@lru_cache(maxsize=512)
def _summarize(statement: str, system: str) -> _Query:
    words = statement.split(maxsplit=1)
    operation = words[0].upper() if words else ""
    target = _TARGET.search(statement)
    summary = f"{operation} {target[1]}" if target else operation
    attributes = {"db.system.name": system, "db.operation.name": operation, "db.query.summary": summary}
    if target:
        attributes["db.collection.name"] = target[1]
    return _Query(operation.lower(), summary, attributes)
