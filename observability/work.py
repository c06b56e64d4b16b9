"""Work done on the way to something else, such as a query: kept while it is done, told as spans afterwards.

What a request or a join turns out to be is known only at its end: whether it was slow, and in which trace it belongs.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from typing import NamedTuple

from opentelemetry.context import Context
from opentelemetry.trace import SpanKind, Status, StatusCode, Tracer


class Work(NamedTuple):
    """Something that was done. Times are nanoseconds since 1970 UTC; `error` names an exception."""

    name: str
    started_ns: int
    ended_ns: int
    attributes: Mapping[str, str]
    error: str | None = None


_MOST_KEPT = 64
_kept: ContextVar[list[Work] | None] = ContextVar("chatter_work", default=None)


class collecting:  # noqa: N801  # as a generator it would take three times as long, for each request
    """Keep the work of the block and its tasks in the list, the first of it if there is much; none unless `wanted`.

    What was done `before` comes first.
    """

    __slots__ = ("_token", "_wanted", "_work")

    def __init__(self, before: Iterable[Work] = (), *, wanted: bool = True) -> None:
        self._work = list(before)
        self._wanted = wanted

    def __enter__(self) -> list[Work]:
        self._token = _kept.set(self._work) if self._wanted else None
        return self._work

    def __exit__(self, *_: object) -> None:
        if self._token is not None:
            _kept.reset(self._token)


def work_done(name: str, started_ns: int, attributes: Mapping[str, str], error: BaseException | None = None) -> None:
    """Tell of work that has just ended. Costs next to nothing where nobody collects it."""
    kept = _kept.get()
    if kept is not None and len(kept) < _MOST_KEPT:
        failure = None if error is None else type(error).__qualname__
        kept.append(Work(name, started_ns, time.time_ns(), attributes, failure))


def tell_work(tracer: Tracer, work: Work, context: Context | None = None) -> None:
    """Make a span of a piece of work, below the span of a context or the current one."""
    span = tracer.start_span(
        work.name, context, kind=SpanKind.CLIENT, attributes=work.attributes, start_time=work.started_ns
    )
    if work.error is not None:
        span.set_attribute("error.type", work.error)
        span.set_status(Status(StatusCode.ERROR))
    span.end(work.ended_ns)
