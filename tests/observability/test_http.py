"""What each request leaves behind: a log line, a span, counts; in the right order, without secrets."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, Sampler
from opentelemetry.trace import SpanKind, StatusCode
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics

from observability.context import current_fields, log_fields
from observability.exposition import expose
from observability.http import HttpMetrics, ObservingMiddleware
from observability.request import request_info
from tests.api.site import JSON, PASSWORD, Site

FIELDS = {"event", "method", "path", "status", "bytes", "duration", "remote_addr", "request_id"}
SIGNED_IN_FIELDS = FIELDS | {"userID", "username"}
OPENMETRICS = "application/openmetrics-text; version=1.0.0"
STANDARD = set(logging.makeLogRecord({}).__dict__) | {"message", "taskName"}


def requests_in(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """Return the extra fields of the request log, in order."""
    return [
        {name: value for name, value in record.__dict__.items() if name not in STANDARD}
        for record in caplog.records
        if record.name == "chatter.access"
    ]


@pytest.fixture(autouse=True)
def _all_levels(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)


# --- the log --------------------------------------------------------------------------------------------------------


@pytest.mark.seed("S1-59")
async def test_the_fields_of_a_request(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    headers = await site.sign_up()
    caplog.clear()
    answer = await site.ask("GET", "/rooms", headers=headers)
    (entry,) = requests_in(caplog)
    assert set(entry) == SIGNED_IN_FIELDS
    assert entry | {"duration": 0, "userID": 0} == {
        "event": "http_request",
        "method": "GET",
        "path": "/rooms",
        "status": 200,
        "bytes": len(answer.content),
        "duration": 0,
        "remote_addr": "127.0.0.1",
        "request_id": answer.headers["X-Request-ID"],
        "userID": 0,
        "username": "alice",
    }
    assert type(entry["userID"]) is int
    assert 0 < entry["duration"] < 5


@pytest.mark.seed("S1-59")
async def test_strangers_have_no_name(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    await site.ask("GET", "/rooms")
    await site.ask("GET", "/rooms", headers={"Authorization": "Bearer garbage"})
    for entry in requests_in(caplog):
        assert set(entry) == FIELDS
        assert entry["status"] == 401


@pytest.mark.seed("S1-60")
@pytest.mark.parametrize("prefix", ["", "/api"])
async def test_health_and_metrics_are_not_logged(site: Site, caplog: pytest.LogCaptureFixture, prefix: str) -> None:
    for path in ("/health", "/readyz", "/metrics", "/health?verbose=1"):
        assert (await site.ask("GET", prefix + path)).status_code == 200
    assert requests_in(caplog) == []
    await site.ask("GET", "/healthy")
    assert len(requests_in(caplog)) == 1


@pytest.mark.parametrize(
    ("method", "path", "logged"),
    [
        ("GET", "/rooms/stand-up", "/rooms/{room_id}"),
        ("GET", "/api/rooms/stand-up", "/rooms/{room_id}"),
        ("DELETE", "/auth/sessions/12345", "/auth/sessions/{session_id}"),
        ("GET", "/some/page", "/{path}"),
        ("PUT", "/rooms", "unmatched"),
    ],
)
async def test_paths_are_logged_as_templates(
    site: Site, caplog: pytest.LogCaptureFixture, method: str, path: str, logged: str
) -> None:
    await site.ask(method, path)
    assert [entry["path"] for entry in requests_in(caplog)] == [logged]


async def test_nothing_secret_is_in_any_log_record(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    hidden = "hush-hush-0123456789"
    headers = await site.sign_up()
    token = headers["Authorization"].removeprefix("Bearer ")
    login = {"username": "alice", "password": hidden}
    for path in ("/rooms", f"/rooms/{hidden}", "/nope", "/auth/sessions", "/api/docs", "/"):
        await site.ask("GET", f"{path}?token={hidden}&ticket={hidden}", headers=headers | {"Referer": f"/?{hidden}"})
    await site.ask("POST", "/auth/login", json=login, headers={"X-Device-ID": "d", "Cookie": f"refresh_token={hidden}"})
    await site.ask("POST", "/auth/refresh", headers={"Cookie": f"refresh_token={hidden}"})
    await site.ask("POST", "/auth/login", content=f'{{"{hidden}'.encode(), headers=JSON | {"X-Device-ID": "d"})
    await site.ask(hidden.upper().replace("-", ""), "/rooms")
    assert len(requests_in(caplog)) == 11
    for record in caplog.records:
        if record.name.startswith(
            ("httpx2", "httpcore2", "aiosqlite")
        ):  # the test's client; kept short by the settings
            continue
        text = repr(record.__dict__).lower() + record.getMessage().lower()
        for secret in (hidden, token.lower(), PASSWORD, hidden.replace("-", ""), "bearer"):
            assert secret not in text, record


async def test_a_failing_request_is_logged_with_its_status(
    site: Site, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = await site.sign_up()

    async def fail(_: int) -> None:
        raise RuntimeError

    monkeypatch.setattr(site.application.rooms, "owned", fail)
    await site.ask("GET", "/rooms", headers=headers)
    assert requests_in(caplog)[-1]["status"] == 500


# --- the three middlewares by themselves ----------------------------------------------------------------------------

Scope = dict[str, Any]


async def answer(scope: Any, receive: Any, send: Any) -> None:
    request_info(scope).route = "/things/{thing}"
    status = int(scope["query_string"] or b"200")
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": b"1234", "more_body": True})
    await send({"type": "http.response.body", "body": b"56"})


async def crash(scope: Any, receive: Any, send: Any) -> None:
    raise RuntimeError("oops")


def scope_of(method: str = "GET", path: str = "/things/secret-thing", query: bytes = b"") -> Scope:
    return {"type": "http", "method": method, "path": path, "scheme": "http", "query_string": query, "headers": []}


async def nothing() -> dict[str, Any]:
    raise AssertionError("nobody reads the body")


async def drop(_: Any) -> None:
    pass


class Spans:
    """A tracer that keeps what it is given."""

    def __init__(self, sampler: Sampler = ALWAYS_ON) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider(sampler=sampler)
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.tracer = self.provider.get_tracer("test")

    @property
    def one(self) -> ReadableSpan:
        (span,) = self.exporter.get_finished_spans()
        return span


def observing(
    app: Any, tracer: trace.Tracer | None = None, registry: CollectorRegistry | None = None
) -> ObservingMiddleware:
    """Wrap an application."""
    return ObservingMiddleware(app, tracer or trace.NoOpTracer(), HttpMetrics(registry or CollectorRegistry()))


@pytest.fixture
def spans() -> Iterator[Spans]:
    """Spans in memory."""
    made = Spans()
    yield made
    made.provider.shutdown()


@pytest.mark.seed("S1-57")
async def test_a_span_per_request(spans: Spans) -> None:
    await observing(answer, spans.tracer)(scope_of(query=b"201"), nothing, drop)
    assert spans.one.name == "GET /things/{thing}"
    assert spans.one.kind is SpanKind.SERVER
    assert spans.one.attributes == {
        "http.request.method": "GET",
        "url.path": "/things/secret-thing",
        "url.scheme": "http",
        "http.route": "/things/{thing}",
        "http.response.status_code": 201,
    }
    assert spans.one.status.status_code is StatusCode.UNSET


async def test_a_span_without_a_route_is_named_by_the_method(spans: Spans) -> None:
    async def lost(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 404, "headers": []})

    await observing(lost, spans.tracer)(scope_of("BREW"), nothing, drop)
    assert spans.one.name == "HTTP"
    assert spans.one.status.status_code is StatusCode.UNSET
    assert spans.one.attributes == {
        "http.request.method": "_OTHER",
        "http.request.method_original": "BREW",
        "url.path": "/things/secret-thing",
        "url.scheme": "http",
        "http.response.status_code": 404,
    }


async def test_faults_of_ours_mark_the_span(spans: Spans) -> None:
    await observing(answer, spans.tracer)(scope_of(query=b"503"), nothing, drop)
    assert spans.one.status.status_code is StatusCode.ERROR
    assert (spans.one.attributes or {})["error.type"] == "503"


async def test_a_crash_ends_the_span_and_goes_on(spans: Spans) -> None:
    with pytest.raises(RuntimeError, match="oops"):
        await observing(crash, spans.tracer)(scope_of(), nothing, drop)
    assert spans.one.status.status_code is StatusCode.ERROR
    assert (spans.one.attributes or {})["http.response.status_code"] == 500
    assert (spans.one.attributes or {})["error.type"] == "RuntimeError"
    assert spans.one.events == ()  # the message of an exception may hold anything
    assert spans.one.status.description is None


async def test_whoever_leaves_before_the_answer_is_no_fault_of_ours(
    spans: Spans, caplog: pytest.LogCaptureFixture
) -> None:
    async def give_up(scope: Any, receive: Any, send: Any) -> None:
        raise asyncio.CancelledError

    async def say_nothing(scope: Any, receive: Any, send: Any) -> None:
        pass

    for app in (give_up, say_nothing):
        registry = CollectorRegistry()
        whole = observing(app, spans.tracer, registry)
        with contextlib.suppress(asyncio.CancelledError):
            await whole(scope_of(), nothing, drop)
        labels = {"method": "GET", "path": "unmatched", "status": "499"}
        assert registry.get_sample_value("http_requests_total", labels) == 1
    assert [entry["status"] for entry in requests_in(caplog)] == [499, 499]
    for span in spans.exporter.get_finished_spans():
        assert (span.attributes or {})["http.response.status_code"] == 499
        assert span.status.status_code is StatusCode.UNSET


async def test_an_exception_that_was_answered_is_named_too(site: Site, spans: Spans, monkeypatch: Any) -> None:
    async def fail(_: int) -> None:
        raise LookupError("hush-hush")

    observed(site, spans)
    headers = await site.sign_up()
    spans.exporter.clear()
    monkeypatch.setattr(site.application.rooms, "owned", fail)
    assert (await site.ask("GET", "/rooms", headers=headers)).status_code == 500
    (served,) = [span for span in spans.exporter.get_finished_spans() if span.kind is SpanKind.SERVER]
    assert (served.attributes or {})["error.type"] == "LookupError"
    assert "hush" not in served.to_json()


@pytest.mark.parametrize(("slow_s", "status", "shown"), [(60.0, 200, False), (0.0, 200, True), (60.0, 500, True)])
async def test_a_trace_shows_the_queries_of_requests_that_were_slow_or_failed(
    site: Site, spans: Spans, monkeypatch: pytest.MonkeyPatch, slow_s: float, status: int, shown: bool
) -> None:
    observed(site, spans)
    headers = await site.sign_up()
    monkeypatch.setattr("observability.http._SLOW_S", slow_s)
    if status == 500:

        async def fail(_: int) -> None:
            raise LookupError

        monkeypatch.setattr(site.application.rooms, "owned", fail)
    spans.exporter.clear()
    assert (await site.ask("GET", "/rooms", headers=headers)).status_code == status
    *queries, served = spans.exporter.get_finished_spans()
    assert bool(queries) is shown
    assert all(query.name.startswith("SELECT ") and query.kind is SpanKind.CLIENT for query in queries)
    for query in queries:
        assert query.parent == served.context
    attributes = served.attributes or {}
    counted, seconds = attributes["chatter.db.queries"], attributes["chatter.db.duration"]
    assert isinstance(counted, int)
    assert counted >= 1
    assert isinstance(seconds, float)
    assert seconds > 0


@pytest.mark.parametrize(
    ("host", "scheme", "address", "port"),
    [
        ("call.example.org", "https", "call.example.org", 443),
        ("call.example.org:8443", "https", "call.example.org", 8443),
        ("localhost:8080", "http", "localhost", 8080),
        ("[::1]:8080", "http", "[::1]", 8080),
        ("[::1]", "http", "[::1]", 80),
        ("a:b", "http", "a:b", 80),
        (":8080", "http", ":8080", 80),
        ("x" * 300, "http", "x" * 256, 80),
    ],
)
async def test_the_address_that_was_asked_for(spans: Spans, host: str, scheme: str, address: str, port: int) -> None:
    scope = scope_of() | {"headers": [(b"Host", host.encode())], "scheme": scheme, "http_version": "1.1"}
    await observing(answer, spans.tracer)(scope, nothing, drop)
    attributes = spans.one.attributes or {}
    assert (attributes["server.address"], attributes["server.port"]) == (address, port)
    assert attributes["network.protocol.version"] == "1.1"


CLAIMED = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def test_what_a_client_says_about_its_trace_is_a_link_never_a_parent(spans: Spans) -> None:
    scope = scope_of() | {"headers": [(b"traceparent", CLAIMED.encode())]}
    await observing(answer, spans.tracer)(scope, nothing, drop)
    assert spans.one.parent is None
    assert spans.one.context is not None
    assert trace.format_trace_id(spans.one.context.trace_id) not in CLAIMED
    (link,) = spans.one.links
    assert trace.format_trace_id(link.context.trace_id) in CLAIMED


async def test_a_client_cannot_force_sampling() -> None:
    none = Spans(ALWAYS_OFF)
    try:
        scope = scope_of() | {"headers": [(b"traceparent", CLAIMED.encode()), (b"tracestate", b"a=b")]}
        await observing(answer, none.tracer)(scope, nothing, drop)
        assert none.exporter.get_finished_spans() == ()
    finally:
        none.provider.shutdown()


@pytest.mark.parametrize("claimed", ["", "00-zz-zz-01", "00-" + "0" * 32 + "-b7ad6b7169203331-01", CLAIMED * 9, "ÿ"])
async def test_a_malformed_traceparent_is_ignored(spans: Spans, claimed: str) -> None:
    scope = scope_of() | {"headers": [(b"traceparent", claimed.encode("latin-1"))]}
    await observing(answer, spans.tracer)(scope, nothing, drop)
    assert not spans.one.links
    assert spans.one.parent is None


async def test_secrets_in_a_path_do_not_get_into_spans(spans: Spans) -> None:
    secret = "kM3nB7vC9xZ2aS4dF6gH8jK0lQ5wE1rT"
    await observing(answer, spans.tracer)(scope_of(path=f"/{secret}"), nothing, drop)
    assert secret not in spans.one.to_json()


async def test_log_records_on_the_way_carry_request_and_trace(spans: Spans) -> None:
    seen: list[dict[str, str]] = []

    async def look(scope: Any, receive: Any, send: Any) -> None:
        seen.append(current_fields())
        with log_fields(call_id="c1"):
            seen.append(current_fields())
        await answer(scope, receive, send)

    scope = scope_of()
    await observing(look, spans.tracer)(scope, nothing, drop)
    assert spans.one.context is not None
    ids = {
        "request_id": request_info(scope).id,
        "trace_id": trace.format_trace_id(spans.one.context.trace_id),
        "span_id": trace.format_span_id(spans.one.context.span_id),
    }
    assert seen == [ids, ids | {"call_id": "c1"}]
    assert current_fields() == {}


# --- exemplars ------------------------------------------------------------------------------------------------------


def exemplars(registry: CollectorRegistry) -> set[str]:
    """Return the trace ids that OpenMetrics shows, checking that only the duration has them and plain text none."""
    body, content_type = expose(registry, OPENMETRICS)
    assert content_type.startswith("application/openmetrics-text")
    plain, _ = expose(registry, "")
    assert b"trace_id" not in plain
    found = set()
    for family in parse_openmetrics(body.decode()):  # type: ignore[no-untyped-call]
        for sample in family.samples:
            if sample.exemplar is not None:
                assert sample.name == "http_request_duration_seconds_bucket"
                found.add(sample.exemplar.labels["trace_id"])
    return found


@pytest.mark.parametrize("sampler", [ALWAYS_ON, ALWAYS_OFF])
async def test_a_kept_trace_is_the_exemplar_of_its_bucket(sampler: Sampler) -> None:
    made = Spans(sampler)
    registry = CollectorRegistry()
    try:
        whole = observing(answer, made.tracer, registry)
        await whole(scope_of(), nothing, drop)
        kept = {trace.format_trace_id(span.context.trace_id) for span in made.exporter.get_finished_spans()}
        assert len(kept) == (1 if sampler is ALWAYS_ON else 0)
        assert exemplars(registry) == kept
    finally:
        made.provider.shutdown()


async def test_without_traces_there_are_no_exemplars() -> None:
    registry = CollectorRegistry()
    await observing(answer, registry=registry)(scope_of(), nothing, drop)
    assert exemplars(registry) == set()


@pytest.mark.parametrize("version", ["", "0.0.4", "1.0.0", "2.0.0", "none", "1.0.0;escaping=x", "9" * 99])
@pytest.mark.parametrize("kind", ["application/openmetrics-text", "text/plain", "image/png"])
def test_whatever_a_scraper_accepts_it_gets_something(kind: str, version: str) -> None:
    registry = CollectorRegistry()
    HttpMetrics(registry).handshake("/ws/{room_id}", 101)
    body, content_type = expose(registry, f"{kind};version={version}")
    assert b"http_requests_total{" in body
    assert content_type.startswith(("text/plain", "application/openmetrics-text"))


@pytest.mark.parametrize("path", ["/health", "/readyz", "/metrics"])
async def test_health_and_metrics_are_not_traced(spans: Spans, path: str) -> None:
    await observing(answer, spans.tracer)(scope_of(path=path), nothing, drop)
    assert spans.exporter.get_finished_spans() == ()


async def test_no_query_in_any_attribute(spans: Spans) -> None:
    async def fine(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    await observing(fine, spans.tracer)(scope_of(query=b"token=hush-hush"), nothing, drop)
    assert "url.query" not in (spans.one.attributes or {})
    assert "hush" not in spans.one.to_json()


@pytest.mark.parametrize("app", [answer, crash])
async def test_requests_are_counted_even_if_they_crash(app: Any) -> None:
    registry = CollectorRegistry()
    middleware = observing(app, registry=registry)
    inside = []

    async def look(scope: Any, receive: Any, send: Any) -> None:
        inside.append(registry.get_sample_value("http_requests_in_progress", {"method": "GET"}))
        await app(scope, receive, send)

    middleware._app = look
    try:
        await middleware(scope_of(), nothing, drop)
    except RuntimeError:
        assert app is crash
    path, status = ("/things/{thing}", "200") if app is answer else ("unmatched", "500")
    labels = {"method": "GET", "path": path, "status": status}
    assert registry.get_sample_value("http_requests_total", labels) == 1
    assert registry.get_sample_value("http_response_size_bytes_total", labels) == (6 if app is answer else 0)
    assert registry.get_sample_value("http_request_duration_seconds_count", {"method": "GET", "path": path}) == 1
    assert inside == [1]
    assert registry.get_sample_value("http_requests_in_progress", {"method": "GET"}) == 0


async def test_a_crash_is_logged_and_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(RuntimeError, match="oops"):
        await observing(crash)(scope_of(), nothing, drop)
    assert [entry["status"] for entry in requests_in(caplog)] == [500]


# --- the order ------------------------------------------------------------------------------------------------------


def observed(site: Site, spans: Spans) -> Any:
    """Return what stands below CORS: tracing, with the tracer replaced by one that keeps its spans."""
    for layer in layers(site):
        if isinstance(layer, ObservingMiddleware):
            layer._tracer = spans.tracer
            return layer
    raise AssertionError("no tracing")


def layers(site: Site) -> Iterator[Any]:
    """Yield the middlewares of an application from the outermost to the innermost."""
    whole: Any = site.application.asgi
    layer = next(cell.cell_contents for cell in whole.__closure__ if hasattr(cell.cell_contents, "_app"))
    while hasattr(layer, "_app"):
        yield layer
        layer = layer._app


@pytest.mark.seed("S1-62")
async def test_cors_stands_before_tracing_logging_and_metrics(
    site: Site, spans: Spans, caplog: pytest.LogCaptureFixture
) -> None:
    observed(site, spans)
    headers = {"Origin": "http://localhost:5173", "Access-Control-Request-Method": "POST"}
    assert (await site.ask("OPTIONS", "/rooms", headers=headers)).status_code == 204
    assert spans.exporter.get_finished_spans() == ()
    assert requests_in(caplog) == []
    labels = {"method": "OPTIONS", "path": "/rooms", "status": "204"}
    assert site.application.registry.get_sample_value("http_requests_total", labels) is None


@pytest.mark.seed("S1-62")
async def test_tracing_then_logging_then_metrics_then_auth(
    site: Site, spans: Spans, caplog: pytest.LogCaptureFixture
) -> None:
    observed(site, spans)
    labels = {"method": "GET", "path": "/rooms", "status": "401"}
    seen: list[tuple[bool, float | None]] = []

    class Watch(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            traced = trace.get_current_span().get_span_context().trace_flags.sampled
            seen.append((traced, site.application.registry.get_sample_value("http_requests_total", labels)))

    watch = Watch()
    logging.getLogger("chatter.access").addHandler(watch)
    try:
        assert (await site.ask("GET", "/rooms")).status_code == 401  # by auth, the innermost: all others saw it
    finally:
        logging.getLogger("chatter.access").removeHandler(watch)
    # When the line is written its span still runs (tracing is around logging) and the request is counted (metrics
    # are inside).
    assert seen == [(True, 1.0)]
    assert (spans.one.attributes or {})["http.response.status_code"] == 401
    assert spans.one.name == "GET /rooms"
    assert [entry["status"] for entry in requests_in(caplog)] == [401]


async def test_a_request_id_joins_answer_and_log(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    shown = (await site.ask("GET", "/rooms")).json()["request_id"]
    assert [entry["request_id"] for entry in requests_in(caplog)] == [shown]


async def test_addresses_are_those_the_trusted_proxy_saw(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    await site.ask("GET", "/rooms", headers={"X-Forwarded-For": "192.0.2.9"})
    assert [entry["remote_addr"] for entry in requests_in(caplog)] == ["127.0.0.1"]  # no proxy is trusted by default
