"""Which request gave out what is used later, such as the ticket that opens a socket."""

from __future__ import annotations

from collections import OrderedDict

from opentelemetry import trace

from observability.calls import SpanRef

_MOST_KEPT = 4096


class Origins:
    """Remembers the spans in which things were given out, the newest of them, and the things themselves not."""

    def __init__(self) -> None:
        self._spans: OrderedDict[int, SpanRef] = OrderedDict()

    def note(self, thing: str) -> None:
        """Note that something is given out in the current span."""
        span = trace.get_current_span().get_span_context()
        if span.is_valid and span.trace_flags.sampled:
            self._spans[hash(thing)] = span
            if len(self._spans) > _MOST_KEPT:
                self._spans.popitem(last=False)

    def take(self, thing: str) -> SpanRef | None:
        """Return the span in which something was given out, once; None where that is not known."""
        return self._spans.pop(hash(thing), None)
