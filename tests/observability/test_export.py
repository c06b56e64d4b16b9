"""Spans reach a real receiver, and a bad one costs spans, never memory, requests or the end of the process."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, Decision
from opentelemetry.trace import NoOpTracer, SpanKind
from prometheus_client import CollectorRegistry
from sqlalchemy.engine import URL

from observability import export
from observability.export import Result, SpanQueue
from observability.settings import ObservabilitySettings, SamplerName
from observability.tracing import Tracing, create_sampler
from tests.api.process import serving
from tests.api.site import open_site, settings_for
from tests.contracts.site import ORIGIN
from tests.infra.crowd import crowd
from tests.observability.otlp import WATCHDOG_S, attributes, black_hole, receiving, refusing_url


def tracing_to(url: str, **settings: object) -> tuple[Tracing, CollectorRegistry]:
    registry = CollectorRegistry()
    made = Tracing(ObservabilitySettings(otlp_endpoint=url, version="1.2.3", instance="here", **settings), registry)  # type: ignore[arg-type]
    made.start()
    return made, registry


def exported(registry: CollectorRegistry) -> dict[str, float]:
    name = "chatter_otel_spans_exported_total"
    return {result: registry.get_sample_value(name, {"result": result}) or 0 for result in ("ok", "failed", "dropped")}


def work(tracing: Tracing, spans: int) -> None:
    for number in range(spans):
        tracing.tracer.start_span(f"work {number}", attributes={"number": number}).end()


# --- a receiver that works ------------------------------------------------------------------------------------------


@pytest.mark.seed("S1-58")
@pytest.mark.seed("S1-54")
@pytest.mark.seed("S1-53")
@pytest.mark.parametrize("slash", ["", "/"])
def test_spans_reach_the_receiver(slash: str) -> None:
    with receiving() as receiver:
        tracing, registry = tracing_to(receiver.url + slash, service_name="chatter-1")
        work(tracing, 3)
        tracing.stop(WATCHDOG_S)
        assert sorted(span.name for span in receiver.spans) == ["work 0", "work 1", "work 2"]
        ((path, headers),) = receiver.requests
        assert path == "/v1/traces"
        assert headers["content-type"] == "application/x-protobuf"
        assert "content-encoding" not in headers
        assert exported(registry) == {"ok": 3, "failed": 0, "dropped": 0}
        assert {name: receiver.resource[name] for name in receiver.resource if name.startswith("service.")} == {
            "service.name": "chatter-1",
            "service.version": "1.2.3",
            "service.instance.id": "here",
        }


@pytest.mark.seed("S1-57")
@pytest.mark.seed("S1-19")
async def test_a_request_is_a_span_at_the_receiver(sqlite_url: URL, tmp_path: Path) -> None:
    with receiving() as receiver:
        settings = settings_for(sqlite_url, tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url, OTEL_SERVICE_NAME="c1")
        async with open_site(settings) as site:
            site.application.tracing.start()
            claimed = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
            answer = await site.ask("GET", "/rooms?token=hush-hush", headers={"traceparent": claimed})
            assert answer.status_code == 401
        span = receiver.one("GET /rooms")
        assert span.kind == SpanKind.SERVER.value + 1  # the wire counts from 1
        assert attributes(span.attributes) == {
            "http.request.method": "GET",
            "url.path": "/rooms",
            "url.scheme": "http",
            "http.route": "/rooms",
            "http.response.status_code": 401,
            "server.address": "localhost",
            "server.port": 8080,
            "network.protocol.version": "1.1",
        }
        assert span.parent_span_id == b""
        assert [link.trace_id.hex() for link in span.links] == ["0af7651916cd43dd8448eb211c80319c"]
        assert receiver.resource["service.name"] == "c1"
        assert exported(site.application.registry)["ok"] == len(receiver.spans)
        assert b"hush" not in span.SerializeToString()


def test_a_full_batch_goes_out_without_waiting() -> None:
    with receiving() as receiver:
        tracing, _ = tracing_to(receiver.url)
        work(tracing, export.BATCH)
        receiver.wait_for(lambda: len(receiver.spans) == export.BATCH)
        tracing.stop(WATCHDOG_S)


def test_spans_that_come_during_an_export_wait_for_others() -> None:
    batches: list[list[str]] = []
    exported = threading.Event()

    class Chatty:
        problem = ""

        def export(self, spans: list[ReadableSpan]) -> bool:
            batches.append([span.name for span in spans])
            if len(batches) == 1:
                tracer.start_span("meanwhile").end()
            exported.set()
            return True

        def shutdown(self) -> None:
            pass

    queue = SpanQueue(Chatty(), lambda *_: None, batch=2, delay_s=WATCHDOG_S)
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(queue)
    tracer = provider.get_tracer("test")
    for name in ("first", "second"):
        tracer.start_span(name).end()
    assert exported.wait(WATCHDOG_S)
    tracer.start_span("later").end()
    assert queue.stop(WATCHDOG_S)
    assert batches == [["first", "second"], ["meanwhile", "later"]]


def test_a_receiver_that_is_busy_once_is_asked_again() -> None:
    with receiving() as receiver:
        receiver.answers = [(503, {"Retry-After": "0"})]
        tracing, registry = tracing_to(receiver.url)
        work(tracing, 1)
        receiver.wait_for(lambda: len(receiver.spans) == 1)
        tracing.stop(WATCHDOG_S)
        assert exported(registry) == {"ok": 1, "failed": 0, "dropped": 0}


# --- a receiver that does not ---------------------------------------------------------------------------------------


def test_failures_are_counted_and_said_once_and_so_is_the_recovery(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="observability.export")
    with receiving() as receiver:
        receiver.answers = [(400, {}), (503, {"Retry-After": "3600"})]
        counts: Counter[Result] = Counter()
        queue = SpanQueue(export.OtlpExporter(receiver.url), counting(counts), batch=1, delay_s=0.01)
        for sent in range(1, 4):
            queue.on_end(ended_span())
            receiver.wait_for(lambda sent=sent: len(receiver.requests) == sent)  # type: ignore[misc]
        assert queue.stop(WATCHDOG_S)
    assert counts == {"failed": 2, "ok": 1}
    said = [record for record in caplog.records if record.name == "observability.export"]
    assert [record.__dict__["event"] for record in said] == ["trace_export_failed", "trace_export_recovered"]
    assert said[0].__dict__["cause"] == "HTTP 400"


def test_a_refused_connection_fails_by_name(caplog: pytest.LogCaptureFixture) -> None:
    url = refusing_url()
    tracing, registry = tracing_to(url)
    work(tracing, 1)
    tracing.stop(WATCHDOG_S)
    assert exported(registry) == {"ok": 0, "failed": 1, "dropped": 0}
    (said,) = [record for record in caplog.records if record.name == "observability.export"]
    assert said.__dict__["cause"] == "ConnectionError"
    assert url.removeprefix("http://") not in str(said.__dict__)


@pytest.mark.parametrize("status", [301, 404, 500])
def test_answers_that_are_none_count_as_failed_and_are_not_followed(status: int) -> None:
    with receiving() as receiver, receiving() as elsewhere:
        receiver.answers = [(status, {"Location": f"{elsewhere.url}/v1/traces"})] * 9
        tracing, registry = tracing_to(receiver.url)
        work(tracing, 1)
        tracing.stop(WATCHDOG_S)
        assert elsewhere.requests == []
        assert exported(registry) == {"ok": 0, "failed": 1, "dropped": 0}


def test_a_black_hole_holds_up_neither_the_work_nor_the_end_and_memory_is_bounded() -> None:
    with black_hole() as hole:
        tracing, registry = tracing_to(hole.url)
        work(tracing, export.BATCH)
        assert hole.came.wait(WATCHDOG_S)  # the exporter hangs now
        work(tracing, export.CAPACITY + 1000)
        assert exported(registry)["dropped"] == 1000
        assert tracing._queue is not None
        assert len(tracing._queue._spans) == export.CAPACITY
        tracing.stop(0.01)  # returns at all, although the hole still holds on
        assert exported(registry)["dropped"] == export.CAPACITY + 1000
        assert len(tracing._queue._spans) == 0
        work(tracing, 1)
        assert exported(registry)["dropped"] == export.CAPACITY + 1001


@pytest.mark.parametrize("retry_after", ["3600", "1"])
def test_a_stop_does_not_wait_for_retries(retry_after: str) -> None:
    with receiving() as receiver:
        receiver.answers = [(503, {"Retry-After": retry_after})] * 1000
        tracing, _ = tracing_to(receiver.url)
        work(tracing, 2 * export.BATCH)
        receiver.wait_for(lambda: bool(receiver.requests))
        tracing.stop(0.01)
        assert tracing._queue is not None
        tracing._queue._thread.join(WATCHDOG_S)
        assert not tracing._queue._thread.is_alive()


@pytest.mark.integration
@pytest.mark.parametrize("kind", ["refused", "black hole", "busy"])
async def test_a_server_works_and_stops_whatever_its_receiver_does(tmp_path: Path, kind: str) -> None:
    with black_hole() as hole, receiving() as busy:
        busy.answers = [(503, {"Retry-After": "3600"})] * 1000
        url = {"refused": refusing_url(), "black hole": hole.url, "busy": busy.url}[kind]
        with serving(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=url, SERVER_CORS_ORIGINS=ORIGIN) as server:
            async with crowd(server) as people:
                await people.be_busy()
                async with asyncio.timeout(WATCHDOG_S):
                    while "trace_export_failed" not in server.log.read_text():  # noqa: ASYNC110  # it has no event
                        await asyncio.sleep(0.05)
                await people.be_busy()  # requests are answered and signals relayed as before
            assert server.stop() == 0  # within the time that every stop has
        assert "Traceback" not in server.log.read_text()


# --- the queue by itself --------------------------------------------------------------------------------------------


class Held:
    """An exporter that holds each batch until it is let go."""

    problem = "held"

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.entered = threading.Semaphore(0)
        self.go_on = threading.Semaphore(0)
        self.ended = threading.Event()

    def export(self, spans: Sequence[ReadableSpan]) -> bool:
        self.batches.append(len(spans))
        self.entered.release()
        if not self.ended.is_set():
            assert self.go_on.acquire(timeout=WATCHDOG_S)
        return True

    def shutdown(self) -> None:
        self.ended.set()
        self.go_on.release()


def counting(counts: Counter[Result]) -> Callable[[Result, int], None]:
    def count(result: Result, spans: int) -> None:
        counts[result] += spans

    return count


_provider = TracerProvider(shutdown_on_exit=False)


def ended_span() -> ReadableSpan:
    span = _provider.get_tracer("test").start_span("work")
    span.end()
    assert isinstance(span, ReadableSpan)
    return span


@pytest.fixture
def held() -> Iterator[Held]:
    """An exporter that holds."""
    made = Held()
    yield made
    made.shutdown()


def test_what_came_before_the_stop_is_exported(held: Held) -> None:
    counts: Counter[Result] = Counter()
    queue = SpanQueue(held, counting(counts), batch=2, delay_s=3600)
    for _ in range(5):
        queue.on_end(ended_span())
        held.go_on.release()
    assert queue.stop(WATCHDOG_S)
    assert sum(held.batches) == 5
    assert max(held.batches) <= 2
    assert counts == {"ok": 5}


def test_beyond_the_capacity_the_newest_are_dropped(held: Held) -> None:
    counts: Counter[Result] = Counter()
    queue = SpanQueue(held, counting(counts), capacity=3, batch=1, delay_s=3600)
    queue.on_end(ended_span())
    assert held.entered.acquire(timeout=WATCHDOG_S)
    for _ in range(5):
        queue.on_end(ended_span())
    assert counts == {"dropped": 2}
    for _ in range(4):
        held.go_on.release()
    assert queue.stop(WATCHDOG_S)
    assert counts == {"dropped": 2, "ok": 4}


def test_an_exporter_that_crashes_loses_its_batch_only(caplog: pytest.LogCaptureFixture) -> None:
    class Crashing(Held):
        def export(self, spans: Sequence[ReadableSpan]) -> bool:
            if not self.batches:
                self.batches.append(0)
                raise RuntimeError
            return True

    counts: Counter[Result] = Counter()
    queue = SpanQueue(Crashing(), counting(counts), batch=1, delay_s=0.01)
    queue.on_end(ended_span())
    queue.on_end(ended_span())
    assert queue.stop(WATCHDOG_S)
    assert counts == {"failed": 1, "ok": 1}
    assert "trace_export_crashed" in {record.__dict__.get("event") for record in caplog.records}


def test_spans_that_are_not_sampled_do_not_get_in(held: Held) -> None:
    counts: Counter[Result] = Counter()
    queue = SpanQueue(held, counting(counts))
    provider = TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False)
    provider.add_span_processor(queue)
    provider.get_tracer("test").start_span("work").end()
    assert queue.stop(WATCHDOG_S)
    assert held.batches == []


# --- settings -------------------------------------------------------------------------------------------------------


def test_without_a_receiver_there_is_no_sdk_at_all() -> None:
    before = threading.active_count()
    tracing, registry = tracing_to("")
    assert isinstance(tracing.tracer, NoOpTracer)
    assert threading.active_count() == before
    work(tracing, 3)
    tracing.stop(0.01)
    assert exported(registry) == {"ok": 0, "failed": 0, "dropped": 0}


def test_nothing_runs_before_the_start() -> None:
    before = threading.active_count()
    tracing = Tracing(ObservabilitySettings(otlp_endpoint=refusing_url()), CollectorRegistry())
    work(tracing, 3)
    assert threading.active_count() == before
    tracing.stop(0.01)


@pytest.mark.parametrize(
    ("name", "ratio", "kept"),
    [
        ("always_on", 0.0, True),
        ("always_off", 1.0, False),
        ("traceidratio", 1.0, True),
        ("traceidratio", 0.0, False),
        ("parentbased_always_on", 0.0, True),
        ("parentbased_always_off", 1.0, False),
        ("parentbased_traceidratio", 1.0, True),
        ("parentbased_traceidratio", 0.0, False),
    ],
)
def test_samplers(name: SamplerName, ratio: float, kept: bool) -> None:
    sampler = create_sampler(ObservabilitySettings(sampler=name, sampler_ratio=ratio))
    decision = sampler.should_sample(None, 0x0AF7651916CD43DD8448EB211C80319C, "work").decision
    assert (decision is Decision.RECORD_AND_SAMPLE) is kept
