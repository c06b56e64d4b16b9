"""WebSocket handshakes, observed: counted, logged, and a span each that ends when the handshake does.

What happens on the socket later links to that span (`Handshake.span`): one as long as a call would be seen only after
the call.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from opentelemetry.trace import Tracer

from observability.calls import SpanRef
from observability.context import log_fields
from observability.http import UNMATCHED, HttpMetrics, current_span, log_request
from observability.request import Asgi, Message, Receive, RequestInfo, Scope, Send, request_info
from observability.server_spans import ServerSpan, start_server_span

_METHOD = "GET"
_SWITCHING = 101
_FORBIDDEN = 403
_KEY = "chatter.handshake"


class Handshake:
    """One handshake, from its request to its answer."""

    def __init__(self, metrics: HttpMetrics, span: ServerSpan, info: RequestInfo) -> None:
        self._metrics = metrics
        self._span = span
        self._started = time.perf_counter()
        self._ended = False
        self.info = info

    @property
    def span(self) -> SpanRef:
        """What later spans of this connection link to; not valid where nothing is traced."""
        return self._span.as_parent.get_span_context()

    def end(self, status: int, size: int = 0) -> None:
        """Note the answer, 101 for an accepted handshake; `size` in bytes of a refusal's body. Counts once."""
        if self._ended:
            return
        self._ended = True
        duration = time.perf_counter() - self._started
        self._metrics.handshake(self.info.route or UNMATCHED, status)
        with current_span(self._span), log_fields(request_id=self.info.id):
            log_request(self.info, _METHOD, status, size, duration)
        self._span.end(self.info.route, status, self.info.error)


class Handshakes:
    """Makes a `Handshake` for each that begins."""

    def __init__(self, metrics: HttpMetrics, tracer: Tracer) -> None:
        self._metrics = metrics
        self._tracer = tracer

    def begin(
        self, path: str, headers: Mapping[str, str], *, route: str | None, info: RequestInfo, scheme: str = "ws"
    ) -> Handshake:
        """Begin to observe a handshake. `path` without its query; names of headers in lower case."""
        info.route = route
        return Handshake(self._metrics, start_server_span(self._tracer, _METHOD, path, scheme, headers), info)


def handshake_span(scope: Scope) -> SpanRef | None:
    """Return the span of the handshake that this ASGI scope belongs to, if it is observed."""
    handshake: Handshake | None = scope.get(_KEY)
    return None if handshake is None else handshake.span


class HandshakeMiddleware:
    """Observes the handshakes that come as ASGI."""

    def __init__(self, app: Asgi, handshakes: Handshakes, prefix: str, route: str) -> None:
        """Observe an application; paths that begin with `prefix` belong to `route`."""
        self._app = app
        self._handshakes = handshakes
        self._prefix = prefix
        self._route = route

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the connection on and note how its handshake ends."""
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        path: str = scope["path"]
        handshake = self._handshakes.begin(
            path,
            headers,
            route=self._route if path.startswith(self._prefix) else None,
            info=request_info(scope),
            scheme=scope.get("scheme", "ws"),
        )
        scope[_KEY] = handshake
        refused = _FORBIDDEN

        async def watch(message: Message) -> None:
            nonlocal refused
            kind = message["type"]
            if kind == "websocket.accept":
                handshake.end(_SWITCHING)
            elif kind == "websocket.http.response.start":
                refused = message["status"]
            elif kind == "websocket.http.response.body":
                handshake.end(refused, len(message.get("body", b"")))
            elif kind == "websocket.close":
                handshake.end(_FORBIDDEN)
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except Exception as error:
            handshake.info.error = type(error).__qualname__
            handshake.end(500)
            raise
        finally:
            handshake.end(499)
