"""What log records of the current task carry without being told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from opentelemetry import trace

_fields: ContextVar[Mapping[str, str] | None] = ContextVar("chatter_log_fields", default=None)


@contextmanager
def log_fields(**fields: str) -> Iterator[None]:
    """Add fields such as `request_id` or `call_id` to all log records of the block and the tasks it starts."""
    token = _fields.set({**(_fields.get() or {}), **fields})
    try:
        yield
    finally:
        _fields.reset(token)


def current_fields() -> dict[str, str]:
    """Return the fields of the current task and the ids of its span, if it has one."""
    bound = _fields.get()
    fields = dict(bound) if bound else {}
    span = trace.get_current_span().get_span_context()
    if span.is_valid:
        fields["trace_id"] = trace.format_trace_id(span.trace_id)
        fields["span_id"] = trace.format_span_id(span.span_id)
    return fields
