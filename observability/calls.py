"""A call as a trace: short spans with explicit times below a root whose trace id names the call.

Nothing stays open for the length of a call: a span that never ends is never seen, least of all when a server dies.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Mapping

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    NoOpTracer,
    SpanContext,
    Status,
    StatusCode,
    TraceFlags,
    Tracer,
    format_span_id,
    format_trace_id,
)

from observability.work import Work, tell_work

SpanRef = SpanContext
"""A span that others are children of, or link to."""
Attributes = Mapping[str, str | int | float | bool]
_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")


class CallTracer:
    """Begins the traces of calls. Without a tracer, or with one that does nothing, calls only get their ids."""

    def __init__(self, tracer: Tracer | None = None) -> None:
        self._tracer = None if isinstance(tracer, NoOpTracer) else tracer

    def begin(self, started_ms: float, attributes: Attributes) -> CallTrace:
        """Begin a trace with its root span `call`, which ends at once. Milliseconds since 1970 UTC."""
        if self._tracer is None:
            return CallTrace.untraced()
        root = _span(self._tracer, Context(), "call", started_ms, started_ms, attributes)
        sampled = root.trace_flags.sampled
        return CallTrace(format_trace_id(root.trace_id), self._tracer, root if sampled else None)

    def go_on(self, id: str, traceparent: str) -> CallTrace:
        """Go on with a trace that another node began; `traceparent` names its root, empty where there is none."""
        return CallTrace(id, self._tracer, None if self._tracer is None else span_of(traceparent))

    def alone(
        self,
        name: str,
        started_ms: float,
        ended_ms: float,
        attributes: Attributes,
        *,
        error: str | None = None,
        links: Iterable[SpanRef] = (),
        work: Iterable[Work] = (),
    ) -> None:
        """Tell of something that belongs to no call, in a trace of its own."""
        if self._tracer is not None:
            root = _span(self._tracer, Context(), name, started_ms, ended_ms, attributes, error, links)
            _tell_work(self._tracer, root, work)


class CallTrace:
    """The trace of one call. One that is not sampled makes no spans but keeps its id."""

    __slots__ = ("_root", "_tracer", "id")

    def __init__(self, id: str, tracer: Tracer | None = None, root: SpanRef | None = None) -> None:
        self.id = id
        self._tracer = tracer
        self._root = root

    @classmethod
    def untraced(cls) -> CallTrace:
        """Make one that goes nowhere, with an id of the same form (W3C Trace Context §3.2.2.3)."""
        return cls(secrets.token_hex(16))

    @property
    def root(self) -> SpanRef | None:
        """The span `call`; None where nothing is traced."""
        return self._root

    @property
    def sampled(self) -> bool:
        """Whether its spans are sent anywhere."""
        return self._root is not None

    def span(
        self,
        name: str,
        started_ms: float,
        ended_ms: float,
        attributes: Attributes,
        *,
        error: str | None = None,
        links: Iterable[SpanRef] = (),
        work: Iterable[Work] = (),
        parent: SpanRef | None = None,
    ) -> SpanRef | None:
        """Tell of something that happened, below `parent` or the root; `work` was done for it.

        Returns what its children need as parent; None where nothing is traced.
        """
        if self._tracer is None or self._root is None:
            return None
        context = trace.set_span_in_context(NonRecordingSpan(parent or self._root), Context())
        made = _span(self._tracer, context, name, started_ms, ended_ms, attributes, error, links)
        _tell_work(self._tracer, made, work)
        return made


def _span(
    tracer: Tracer,
    context: Context,
    name: str,
    started_ms: float,
    ended_ms: float,
    attributes: Attributes,
    error: str | None = None,
    links: Iterable[SpanRef] = (),
) -> SpanRef:
    span = tracer.start_span(
        name,
        context=context,
        attributes=attributes,
        links=[Link(link) for link in links if link.is_valid],
        start_time=_ns(started_ms),
    )
    if error is not None:
        span.set_attribute("error.type", error)
        span.set_status(Status(StatusCode.ERROR))
    span.end(_ns(max(started_ms, ended_ms)))
    return span.get_span_context()


def _ns(milliseconds: float) -> int:
    return round(milliseconds * 1000) * 1000  # as exact as a float can be these decades


def _tell_work(tracer: Tracer, parent: SpanRef, work: Iterable[Work]) -> None:
    if parent.trace_flags.sampled:
        context = trace.set_span_in_context(NonRecordingSpan(parent), Context())
        for done in work:
            tell_work(tracer, done, context)


def traceparent_of(span: SpanRef | None) -> str:
    """Return a span as text for another node (W3C Trace Context §3.2), empty for none."""
    if span is None or not span.is_valid:
        return ""
    return f"00-{format_trace_id(span.trace_id)}-{format_span_id(span.span_id)}-{span.trace_flags:02x}"


def span_of(traceparent: str) -> SpanRef | None:
    """Return the span that another node named, None for anything else."""
    found = _TRACEPARENT.fullmatch(traceparent)
    if found is None:
        return None
    trace_id, span_id, flags = (int(part, 16) for part in found.groups())
    return SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(flags))
