"""Work done on the way to something else, such as a query: a child span where a span is open, or kept for later.

Whoever comes into a room does so in a trace that is known only once they are in. `collecting` keeps what was done
until then, so that it can be told with the right parent.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import NoOpTracer, SpanKind, Status, StatusCode, Tracer


class Work(NamedTuple):
    """Something that was done. Times are nanoseconds since 1970 UTC; `error` names an exception."""

    name: str
    started_ns: int
    ended_ns: int
    attributes: Mapping[str, str]
    error: str | None = None


_MOST_KEPT = 64
_kept: ContextVar[list[Work] | None] = ContextVar("chatter_work", default=None)


@contextmanager
def collecting(before: Iterable[Work] = (), *, wanted: bool = True) -> Iterator[list[Work]]:
    """Keep the work of the block and its tasks in the list, the first of it if there is much; none unless `wanted`.

    What was done `before` comes first.
    """
    kept = list(before)
    if not wanted:
        yield kept
        return
    token = _kept.set(kept)
    try:
        yield kept
    finally:
        _kept.reset(token)


class WorkTracer:
    """Turns pieces of work into CLIENT spans."""

    def __init__(self, tracer: Tracer | None = None) -> None:
        self._tracer = tracer or NoOpTracer()

    def done(
        self, name: str, started_ns: int, attributes: Mapping[str, str], error: BaseException | None = None
    ) -> None:
        """Tell of work that has just ended. Costs next to nothing where nobody asks."""
        kept = _kept.get()
        if kept is None and not trace.get_current_span().is_recording():
            return
        work = Work(name, started_ns, time.time_ns(), attributes, None if error is None else type(error).__qualname__)
        if kept is None:
            tell_work(self._tracer, work)
        elif len(kept) < _MOST_KEPT:
            kept.append(work)


def tell_work(tracer: Tracer, work: Work, context: Context | None = None) -> None:
    """Make a span of a piece of work, below the span of a context or the current one."""
    span = tracer.start_span(
        work.name, context, kind=SpanKind.CLIENT, attributes=work.attributes, start_time=work.started_ns
    )
    if work.error is not None:
        span.set_attribute("error.type", work.error)
        span.set_status(Status(StatusCode.ERROR))
    span.end(work.ended_ns)
