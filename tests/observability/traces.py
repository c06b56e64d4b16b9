"""Spans kept in memory, for tests that look at what was told."""

from __future__ import annotations

from collections.abc import Mapping

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import DEFAULT_ON, Sampler
from opentelemetry.trace import SpanContext, Tracer


class Traces:
    """A tracer, and all spans that it ended."""

    def __init__(self, sampler: Sampler = DEFAULT_ON) -> None:
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider(sampler=sampler, shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracer: Tracer = provider.get_tracer("tests")

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        """All spans, in the order in which they ended."""
        return self._exporter.get_finished_spans()

    def names(self) -> list[str]:
        """Return the names of all spans."""
        return [span.name for span in self.spans]

    def named(self, name: str) -> list[ReadableSpan]:
        """Return the spans of this name."""
        return [span for span in self.spans if span.name == name]

    def one(self, name: str) -> ReadableSpan:
        """Return the only span of this name."""
        (found,) = self.named(name)
        return found


def context_of(span: ReadableSpan) -> SpanContext:
    """Return the context of a span that has one."""
    context: SpanContext | None = span.context
    assert context is not None
    return context


def parent_of(span: ReadableSpan) -> int | None:
    """Return the id of a span's parent."""
    return None if span.parent is None else span.parent.span_id


def values_of(span: ReadableSpan) -> Mapping[str, object]:
    """Return a span's attributes."""
    return dict(span.attributes or {})


def times_of(span: ReadableSpan) -> tuple[float, float]:
    """Return start and end in milliseconds since 1970 UTC."""
    assert span.start_time is not None
    assert span.end_time is not None
    return span.start_time // 1000 / 1000, span.end_time // 1000 / 1000
