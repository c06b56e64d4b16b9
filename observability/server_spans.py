"""SERVER spans of requests and handshakes, named by the OpenTelemetry HTTP semantic conventions 1.23 (stable).

Each is made in one piece when it ends, from what is known by then: a span that the SDK starts and then changes takes
four times as long, for the locks and checks of changes that cannot happen here.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace import Tracer as SdkTracer
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.trace import INVALID_SPAN, Link, NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from observability.redaction import redact_text

OTHER_METHOD = "_OTHER"
_MAX_ATTRIBUTE = 256
_DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_KEPT = trace.TraceFlags(trace.TraceFlags.SAMPLED | trace.TraceFlags.RANDOM_TRACE_ID)
_NOT_KEPT = trace.TraceFlags(trace.TraceFlags.RANDOM_TRACE_ID)
_NO_PARENT = otel_context.Context()
_ERROR = Status(StatusCode.ERROR)
_UNSET = Status(StatusCode.UNSET)
_propagator = TraceContextTextMapPropagator()


class ServerSpan:
    """The span of one request, from its head to its answer."""

    __slots__ = ("_attributes", "_links", "_method", "_started_ns", "_tracer", "as_parent")

    def __init__(self, tracer: SdkTracer, method: str, attributes: dict[str, str | int | float], links: list[Link]):
        """Begin it now, with ids of its own, if the sampler wants it."""
        self._tracer = tracer
        self._method = method
        self._attributes = attributes
        self._links = links
        self._started_ns = time.time_ns()
        trace_id, span_id = tracer.id_generator.generate_trace_id(), tracer.id_generator.generate_span_id()
        sampled = tracer.sampler.should_sample(_NO_PARENT, trace_id, method, SpanKind.SERVER, attributes, links)
        flags = _KEPT if sampled.decision is Decision.RECORD_AND_SAMPLE else _NOT_KEPT
        self.as_parent: trace.Span = NonRecordingSpan(
            SpanContext(trace_id, span_id, is_remote=False, trace_flags=flags)
        )
        """What spans below it, log lines and exemplars belong to."""

    @property
    def kept(self) -> bool:
        """Whether it will be sent."""
        return self.as_parent.get_span_context().trace_flags.sampled

    def note(self, name: str, value: float) -> None:
        """Add an attribute."""
        self._attributes[name] = value

    def end(self, route: str | None, status: int, error: str | None = None) -> None:
        """Complete and hand it over. `error` names the exception behind a 500."""
        if not self.kept:
            return
        name, attributes = "HTTP" if self._method == OTHER_METHOD else self._method, self._attributes
        if route is not None:
            name = f"{name} {route}"
            attributes["http.route"] = route
        attributes["http.response.status_code"] = status
        if status >= 500:
            attributes["error.type"] = error or str(status)
        self._tracer.span_processor.on_end(
            ReadableSpan(
                name,
                self.as_parent.get_span_context(),
                resource=self._tracer.resource,
                attributes=attributes,
                links=self._links,
                kind=SpanKind.SERVER,
                status=_ERROR if status >= 500 else _UNSET,
                start_time=self._started_ns,
                end_time=time.time_ns(),
                instrumentation_scope=self._tracer._instrumentation_scope,  # what its own spans carry; it has no getter
            )
        )


class _NoSpan(ServerSpan):
    """Stands for the span of what is not traced."""

    __slots__ = ()

    def __init__(self) -> None:
        self.as_parent = INVALID_SPAN

    def note(self, name: str, value: float) -> None:
        pass


NO_SPAN: ServerSpan = _NoSpan()


def start_server_span(
    tracer: trace.Tracer, method: str, path: str, scheme: str, headers: Mapping[str, str], **more: str
) -> ServerSpan:
    """Start the root span of a request. Takes the headers `host` and `traceparent`, in lower case.

    What a client says about its trace becomes a link: as a parent it could force sampling and write into the traces of
    others (W3C Trace Context §4.3 leaves that to the receiver).
    """
    if not isinstance(tracer, SdkTracer):
        return NO_SPAN
    attributes: dict[str, str | int | float] = {
        "http.request.method": method,
        "url.path": redact_text(path[:_MAX_ATTRIBUTE]),
        "url.scheme": scheme,
        **more,
    }
    host = headers.get("host")
    if host:
        name, _, port = host.rpartition(":") if not host.endswith("]") else (host, "", "")
        digits = port.isascii() and port.isdigit() and len(port) <= 5
        attributes["server.address"] = (name if digits and name else host)[:_MAX_ATTRIBUTE]
        attributes["server.port"] = int(port) if digits and name else _DEFAULT_PORTS.get(scheme, 80)
    return ServerSpan(tracer, method, attributes, _links(headers))


def _links(headers: Mapping[str, str]) -> list[Link]:
    if "traceparent" not in headers:
        return []
    claimed = trace.get_current_span(
        _propagator.extract({"traceparent": headers["traceparent"]}, otel_context.Context())
    )
    return [Link(claimed.get_span_context())] if claimed.get_span_context().is_valid else []
