"""A receiver of traces as Tempo is one: it decodes the real protobuf, and can be told to misbehave."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

WATCHDOG_S = 60.0
Value = str | int | float | bool


class Receiver(ThreadingHTTPServer):
    """Takes spans over HTTP and keeps them."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.answers: list[tuple[int, dict[str, str]]] = []
        """Status and headers of the next answers; then all are taken."""
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.spans: list[Span] = []
        self.resource: dict[str, Value] = {}
        self.changed = threading.Condition()
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def take(self, body: bytes) -> None:
        """Decode an export request."""
        message = ExportTraceServiceRequest.FromString(body)
        for group in message.resource_spans:
            self.resource = attributes(group.resource.attributes)
            for scope in group.scope_spans:
                self.spans += scope.spans

    def wait_for(self, settled: Callable[[], bool]) -> None:
        """Wait until something came that makes this true."""
        with self.changed:
            assert self.changed.wait_for(settled, WATCHDOG_S)

    def one(self, name: str) -> Span:
        """Wait for the span of this name; return it."""
        self.wait_for(lambda: any(span.name == name for span in self.spans))
        (found,) = [span for span in self.spans if span.name == name]
        return found

    def handle_error(self, *_: object) -> None:
        """Say nothing: clients that leave early are part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        receiver = self.server
        with receiver.changed:
            receiver.requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
            status, headers = receiver.answers.pop(0) if receiver.answers else (200, {})
            if status == 200:
                receiver.take(body)
            receiver.changed.notify_all()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def attributes(pairs: Iterable[KeyValue]) -> dict[str, Value]:
    """Return attributes as a dictionary."""
    return {pair.key: value_of(pair.value) for pair in pairs}


def value_of(value: AnyValue) -> Value:
    """Return what an attribute holds."""
    kind = value.WhichOneof("value")
    assert kind in {"string_value", "int_value", "bool_value", "double_value"}
    found: Value = getattr(value, kind)
    return found


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Run a receiver until the end of the block."""
    receiver = Receiver()
    try:
        yield receiver
    finally:
        receiver.shutdown()
        receiver.server_close()


class BlackHole:
    """Accepts connections and never answers."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._taken: list[socket.socket] = []
        self.came = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                taken, _ = self._listener.accept()
            except OSError:
                return
            self._taken.append(taken)
            self.came.set()

    def close(self) -> None:
        """Hang up on everybody."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for taken in self._taken:
            taken.close()


@contextmanager
def black_hole() -> Iterator[BlackHole]:
    """Run a black hole until the end of the block."""
    made = BlackHole()
    try:
        yield made
    finally:
        made.close()


def refusing_url() -> str:
    """Return an address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return f"http://127.0.0.1:{probe.getsockname()[1]}"
