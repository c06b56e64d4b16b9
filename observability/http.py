"""The ASGI middleware that observes HTTP requests: a span, a log line and metrics each.

Nothing here sees a query string.
`observability.sockets` does the same for WebSocket handshakes.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import time
from typing import NamedTuple

from opentelemetry import context as otel_context
from opentelemetry import trace
from prometheus_client import CollectorRegistry

from observability.context import log_fields
from observability.redaction import redact_text
from observability.request import Asgi, Message, Receive, RequestInfo, Scope, Send, request_info
from observability.server_spans import NO_SPAN, OTHER_METHOD, ServerSpan, start_server_span
from observability.tally import Buckets, Census, Count, HotHistogram, Tally
from observability.work import Work, collecting, tell_work

logger = logging.getLogger("chatter.access")

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
UNMATCHED = "unmatched"
_QUIET_PATHS = frozenset({"/health", "/readyz", "/metrics"})
# Advisory buckets of the OpenTelemetry HTTP semantic conventions.
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
_CLIENT_GONE = 499
"""The client left before there was an answer; nginx's number, so that it is no fault of ours."""
_SLOW_S = 0.1
"""From here on the trace of a request shows each of its queries; a span for each of all requests would cost more than
the queries."""


class _Response:
    """Watch a response go by."""

    __slots__ = ("_send", "_status", "bytes")

    def __init__(self, send: Send) -> None:
        self._send = send
        self._status: int | None = None
        self.bytes = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
        elif message["type"] == "http.response.body":
            self.bytes += len(message.get("body", b""))
        await self._send(message)

    def status(self, error: BaseException | None = None) -> int:
        """Return the status that was sent, or what stands for none: 500 after a crash, 499 if nobody waited."""
        if self._status is not None:
            return self._status
        return _CLIENT_GONE if error is None or isinstance(error, asyncio.CancelledError) else 500


def _method(scope: Scope) -> str:
    return scope["method"] if scope["method"] in _METHODS else OTHER_METHOD


def _span_headers(scope: Scope) -> dict[str, str]:
    return {
        name.decode("latin-1").lower(): value.decode("latin-1")
        for name, value in scope["headers"]
        if len(name) in (4, 11) and name.lower() in (b"host", b"traceparent")
    }


def _protocol(scope: Scope, method: str) -> dict[str, str]:
    given = {"network.protocol.version": scope["http_version"]} if "http_version" in scope else {}
    if method == OTHER_METHOD:
        given["http.request.method_original"] = redact_text(scope["method"][:32])
    return given


def log_request(info: RequestInfo, method: str, status: int, size: int, duration: float) -> None:
    """Log how a request ended; `size` in bytes of the body, `duration` in seconds."""
    fields = {
        "event": "http_request",
        "method": method,
        "path": info.route or UNMATCHED,
        "status": status,
        "bytes": size,
        "duration": round(duration, 6),
        "remote_addr": info.address,
        "request_id": info.id,
    }
    if info.user_id is not None:
        fields |= {"userID": info.user_id, "username": info.username or ""}
    if logger.isEnabledFor(logging.INFO):  # not `info`, which looks for the line it is called from: always this one
        logger.handle(logger.makeRecord(logger.name, logging.INFO, __file__, 0, "request", (), None, extra=fields))


class _Series(NamedTuple):
    """What is counted of all requests of one kind."""

    requests: Count
    sizes: Count
    durations: Buckets


class HttpMetrics:
    """The seed's HTTP metrics, with the route template as `path`. One thread may count, the event loop's."""

    def __init__(self, registry: CollectorRegistry) -> None:
        labels = ["method", "path", "status"]
        self._requests = Tally("http_requests", "HTTP requests.", labels, (), registry=registry)
        self._sizes = Tally("http_response_size_bytes", "Bytes of HTTP response bodies.", labels, (), registry=registry)
        self._durations = HotHistogram(
            "http_request_duration_seconds",
            "Time to answer HTTP requests.",
            labels[:2],
            (),
            buckets=_BUCKETS,
            registry=registry,
        )
        self.in_progress = dict.fromkeys((*_METHODS, OTHER_METHOD), 0)
        """Requests now, by method."""
        in_progress = Census(
            "http_requests_in_progress", "HTTP requests now.", "method", self.in_progress, registry=registry
        )
        in_progress.watch(lambda: self.in_progress)
        self._series = functools.cache(self._make_series)  # of closed sets: methods, routes, statuses

    def request(self, method: str, path: str, status: int, size: int, duration: float) -> None:
        """Count and time a request; the current span becomes the exemplar of its bucket if it is kept."""
        series = self._series(method, path, str(status))
        series.requests.value += 1
        series.sizes.value += size
        span = trace.get_current_span().get_span_context()
        if span.trace_flags.sampled:
            series.durations.observe_traced(duration, trace.format_trace_id(span.trace_id), time.time())
        else:
            series.durations.observe(duration)

    def handshake(self, path: str, status: int) -> None:
        """Count a WebSocket handshake. Its time is not that of a request: it would be as long as the call."""
        self._requests.series("GET", path, str(status)).value += 1

    def _make_series(self, method: str, path: str, status: str) -> _Series:
        labels = (method, path, status)
        return _Series(
            self._requests.series(*labels), self._sizes.series(*labels), self._durations.series(method, path)
        )


class ObservingMiddleware:
    """One SERVER span per request, around one log line, around its counts.

    The span is named by its route (OpenTelemetry HTTP semantic conventions 1.23, stable). Health and metrics are only
    counted.
    """

    def __init__(self, app: Asgi, tracer: trace.Tracer, metrics: HttpMetrics) -> None:
        self._app = app
        self._tracer = tracer
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and note how it ended; all that is logged on the way carries its id."""
        method, response = _method(scope), _Response(send)
        span = self._start_span(scope, method)
        failure: BaseException | None = None
        in_progress = self._metrics.in_progress
        in_progress[method] += 1
        started = time.perf_counter()
        with current_span(span), collecting(wanted=span.kept) as work, log_fields(request_id=request_info(scope).id):
            try:
                await self._app(scope, receive, response.send)
            except BaseException as error:
                failure = error
                raise
            finally:
                in_progress[method] -= 1
                status, duration = response.status(failure), time.perf_counter() - started
                self._tell_work(span, work, duration, failed=status >= 500)
                self._note(scope, span, status, response.bytes, duration, failure)

    def _note(
        self, scope: Scope, span: ServerSpan, status: int, size: int, duration: float, failure: BaseException | None
    ) -> None:
        method, info = _method(scope), request_info(scope)
        self._metrics.request(method, info.route or UNMATCHED, status, size, duration)
        if scope["path"] not in _QUIET_PATHS:
            log_request(info, method, status, size, duration)
        error = info.error if failure is None else type(failure).__qualname__
        span.end(info.route, status, error)

    def _tell_work(self, span: ServerSpan, work: list[Work], duration: float, *, failed: bool) -> None:
        """Sum up the queries of a request; where it was slow or failed, tell of each."""
        if not work:
            return
        span.note("chatter.db.queries", len(work))
        span.note("chatter.db.duration", sum(done.ended_ns - done.started_ns for done in work) / 1e9)
        if failed or duration >= _SLOW_S:
            for done in work:
                tell_work(self._tracer, done)

    def _start_span(self, scope: Scope, method: str) -> ServerSpan:
        if scope["path"] in _QUIET_PATHS:
            return NO_SPAN
        return start_server_span(
            self._tracer, method, scope["path"], scope["scheme"], _span_headers(scope), **_protocol(scope, method)
        )


class current_span:  # noqa: N801  # as a generator it would take three times as long, for each request
    """Make a span the current one in the block, for log lines, exemplars and the spans below it."""

    __slots__ = ("_span", "_token")

    def __init__(self, span: ServerSpan) -> None:
        self._span = span

    def __enter__(self) -> None:
        known = self._span is not NO_SPAN
        self._token = otel_context.attach(trace.set_span_in_context(self._span.as_parent)) if known else None

    def __exit__(self, *_: object) -> None:
        if self._token is not None:
            otel_context.detach(self._token)
