"""ASGI middlewares that observe HTTP requests: a span, a log line and metrics each.

They wrap one another in the order tracing → logging → metrics; none of them sees a query string.
"""

from __future__ import annotations

import logging
import time

from opentelemetry import trace
from opentelemetry.trace import SpanKind, Status, StatusCode
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from observability.request import Asgi, Message, Receive, Scope, Send, request_info

logger = logging.getLogger("chatter.access")

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_UNMATCHED = "unmatched"
_QUIET_PATHS = frozenset({"/health", "/readyz", "/metrics"})
# Advisory buckets of the OpenTelemetry HTTP semantic conventions.
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)


class _Response:
    """Watch a response go by."""

    __slots__ = ("_send", "bytes", "status")

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 500
        self.bytes = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        elif message["type"] == "http.response.body":
            self.bytes += len(message.get("body", b""))
        await self._send(message)


def _method(scope: Scope) -> str:
    return scope["method"] if scope["method"] in _METHODS else "_OTHER"


class TracingMiddleware:
    """One SERVER span per request, named by its route (OpenTelemetry HTTP semantic conventions 1.23, stable)."""

    def __init__(self, app: Asgi, tracer: trace.Tracer) -> None:
        self._app = app
        self._tracer = tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on inside a span."""
        if scope["path"] in _QUIET_PATHS:
            await self._app(scope, receive, send)
            return
        response = _Response(send)
        method = _method(scope)
        attributes = {"http.request.method": method, "url.path": scope["path"], "url.scheme": scope["scheme"]}
        with self._tracer.start_as_current_span(method, kind=SpanKind.SERVER, attributes=attributes) as span:
            try:
                await self._app(scope, receive, response.send)
            finally:
                route = request_info(scope).route
                if route is not None:
                    span.update_name(f"{method} {route}")
                    span.set_attribute("http.route", route)
                span.set_attribute("http.response.status_code", response.status)
                if response.status >= 500:
                    span.set_status(Status(StatusCode.ERROR))
                    span.set_attribute("error.type", str(response.status))


class AccessLogMiddleware:
    """One log line per request, none for health and metrics."""

    def __init__(self, app: Asgi) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and log how it ended."""
        if scope["path"] in _QUIET_PATHS:
            await self._app(scope, receive, send)
            return
        response = _Response(send)
        started = time.perf_counter()
        try:
            await self._app(scope, receive, response.send)
        finally:
            info = request_info(scope)
            fields = {
                "event": "http_request",
                "method": _method(scope),
                "path": info.route or _UNMATCHED,
                "status": response.status,
                "bytes": response.bytes,
                "duration": round(time.perf_counter() - started, 6),
                "remote_addr": info.address,
                "request_id": info.id,
            }
            if info.user_id is not None:
                fields |= {"userID": info.user_id, "username": info.username or ""}
            logger.info("request", extra=fields)


class MetricsMiddleware:
    """The seed's HTTP metrics, with the route template as `path`."""

    def __init__(self, app: Asgi, registry: CollectorRegistry) -> None:
        self._app = app
        labels = ["method", "path", "status"]
        self._requests = Counter("http_requests", "HTTP requests.", labels, registry=registry)
        self._sizes = Counter("http_response_size_bytes", "Bytes of HTTP response bodies.", labels, registry=registry)
        self._durations = Histogram(
            "http_request_duration_seconds",
            "Time to answer HTTP requests.",
            ["method", "path"],
            buckets=_BUCKETS,
            registry=registry,
        )
        self._in_progress = Gauge("http_requests_in_progress", "HTTP requests now.", ["method"], registry=registry)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and count it."""
        response = _Response(send)
        method = _method(scope)
        started = time.perf_counter()
        in_progress = self._in_progress.labels(method)
        in_progress.inc()
        try:
            await self._app(scope, receive, response.send)
        finally:
            in_progress.dec()
            path = request_info(scope).route or _UNMATCHED
            self._requests.labels(method, path, response.status).inc()
            self._sizes.labels(method, path, response.status).inc(response.bytes)
            self._durations.labels(method, path).observe(time.perf_counter() - started)
