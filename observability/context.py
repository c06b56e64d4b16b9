"""What log records of the current task carry without being told."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar

from opentelemetry import trace

_fields: ContextVar[Mapping[str, str] | None] = ContextVar("chatter_log_fields", default=None)


class log_fields:  # noqa: N801  # as a generator it would take three times as long, for each request
    """Add fields such as `request_id` or `call_id` to all log records of the block and the tasks it starts."""

    __slots__ = ("_added", "_token")

    def __init__(self, **fields: str) -> None:
        self._added = fields

    def __enter__(self) -> None:
        self._token = _fields.set({**(_fields.get() or {}), **self._added})

    def __exit__(self, *_: object) -> None:
        _fields.reset(self._token)


def current_fields() -> dict[str, str]:
    """Return the fields of the current task and the ids of its span, if it has one."""
    bound = _fields.get()
    fields = dict(bound) if bound else {}
    span = trace.get_current_span().get_span_context()
    if span.is_valid:
        fields["trace_id"] = trace.format_trace_id(span.trace_id)
        fields["span_id"] = trace.format_span_id(span.span_id)
    return fields
