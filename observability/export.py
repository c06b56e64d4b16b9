"""Spans on their way to an OTLP receiver that may be slow, wrong or gone.

The SDK's own `BatchSpanProcessor` ignores its timeouts (opentelemetry-python #4555, #4568): a receiver that accepts and
never answers holds up its shutdown for 30 seconds. This one bounds the memory, the time of a stop, and counts.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Literal, Protocol

import requests
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor

from observability.otlp import encode

logger = logging.getLogger(__name__)

CAPACITY = 4096
"""Spans that wait at most."""
BATCH = 256
"""Encoding takes 6 µs per span and the interpreter's lock: more at once would be felt by the event loop."""
_DELAY_S = 2.0
_TIMEOUT_S = 3.0
"""What one export may take, retries included."""

Result = Literal["ok", "failed", "dropped"]


class Exporter(Protocol):
    """Sends spans somewhere, blocking."""

    @property
    def problem(self) -> str:
        """Why the last attempt failed, in a few words."""

    def export(self, spans: list[ReadableSpan]) -> bool:
        """Send spans; return whether the receiver took them."""

    def shutdown(self) -> None:
        """Give up what is being sent. Safe in any thread."""


class OtlpExporter:
    """Sends spans with OTLP over HTTP (OpenTelemetry protocol specification 1.11, binary protobuf).

    Not compressed, the protocol's default: the receiver is near by, and gzip costs half as much as encoding.
    """

    def __init__(self, endpoint: str) -> None:
        """Prepare for a receiver at this base URL; opens no connection."""
        self._session = _OneShotSession()
        self._exporter = OTLPSpanExporter(
            endpoint=f"{endpoint.rstrip('/')}/v1/traces",
            timeout=_TIMEOUT_S,
            compression=Compression.NoCompression,  # whatever the environment says
            session=self._session,
        )

    @property
    def problem(self) -> str:
        """Why the last attempt failed, in a few words."""
        return self._session.problem

    def export(self, spans: list[ReadableSpan]) -> bool:
        """Send spans; return whether the receiver took them."""
        # Not through its `export`, which encodes them first, five times as slowly; the version is pinned.
        return self._exporter._client.export(encode(spans)).success

    def shutdown(self) -> None:
        """Give up what is being sent. Safe in any thread."""
        self._exporter.shutdown()  # type: ignore[no-untyped-call]


class _OneShotSession(requests.Session):
    """A session that follows neither the environment's proxies nor a body without end, and knows what went wrong."""

    def __init__(self) -> None:
        super().__init__()
        self.trust_env = False  # only `api/settings` reads the environment
        self.problem = ""

    def request(self, *args: Any, **options: Any) -> requests.Response:
        """Send a request; nothing of the answer is read but its head."""
        options["stream"] = True
        try:
            response = super().request(*args, **options)
        except requests.RequestException as error:
            self.problem = type(error).__name__  # the message holds the whole address
            raise
        response.close()
        self.problem = f"HTTP {response.status_code}"
        if response.is_redirect:  # the SDK would take it for a success
            raise requests.RequestException(self.problem)
        return response


class SpanQueue(SpanProcessor):
    """Keeps ended spans until a thread has exported them."""

    def __init__(
        self,
        exporter: Exporter,
        count: Callable[[Result, int], None],
        *,
        capacity: int = CAPACITY,
        batch: int = BATCH,
        delay_s: float = _DELAY_S,
    ) -> None:
        self._exporter = exporter
        self._count = count
        self._capacity = capacity
        self._batch = batch
        self._delay_s = delay_s
        self._spans: deque[ReadableSpan] = deque()
        self._wake = threading.Event()
        self._stopping = False
        self._failing = False
        self._thread = threading.Thread(target=self._run, name="spans", daemon=True)
        self._thread.start()

    def on_end(self, span: ReadableSpan) -> None:
        """Take a span, or drop it where too many wait: those that came before make whole traces."""
        if span.context is None or not span.context.trace_flags.sampled:
            return
        if self._stopping or len(self._spans) >= self._capacity:
            self._count("dropped", 1)
            return
        self._spans.append(span)
        if len(self._spans) >= self._batch:
            self._wake.set()

    def stop(self, timeout_s: float) -> bool:
        """Export what waits, for this long at most, and end; return whether all was sent or refused by then."""
        self._stopping = True
        self._wake.set()
        self._thread.join(timeout_s)
        left = len(self._spans)
        self._spans.clear()
        self._exporter.shutdown()
        if left:
            self._count("dropped", left)
        return not self._thread.is_alive()

    def _run(self) -> None:
        last = False
        while not last:
            self._wake.wait(self._delay_s)
            self._wake.clear()
            last = self._stopping  # read first: what came before is still exported
            # Not until none is left: those that come meanwhile would go a few at a time, and each export costs as much
            # as 25 spans.
            for _ in range(0, len(self._spans), self._batch):
                self._export(self._take())

    def _take(self) -> list[ReadableSpan]:
        batch: list[ReadableSpan] = []
        try:
            while len(batch) < self._batch:
                batch.append(self._spans.popleft())
        except IndexError:  # all of them, or `stop` gave up on the rest
            pass
        return batch

    def _export(self, batch: list[ReadableSpan]) -> None:
        if not batch:
            return
        try:
            taken = self._exporter.export(batch)
        except Exception:
            logger.exception("export failed", extra={"event": "trace_export_crashed"})
            taken = False
        self._count("ok" if taken else "failed", len(batch))
        if taken is self._failing:
            self._failing = not taken
            self._tell()

    def _tell(self) -> None:
        """Log that it begins to fail or works again: a line per change, not per batch."""
        if self._failing:
            logger.warning(
                "traces cannot be exported", extra={"event": "trace_export_failed", "cause": self._exporter.problem}
            )
        else:
            logger.info("traces are exported again", extra={"event": "trace_export_recovered"})
