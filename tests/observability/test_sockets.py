"""WebSocket handshakes: counted and logged, not timed; a span each, which ends with the handshake."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode
from prometheus_client import CollectorRegistry
from sqlalchemy.engine import URL
from websockets.exceptions import InvalidStatus

from observability.http import HttpMetrics
from observability.request import RequestInfo, request_info
from observability.sockets import HandshakeMiddleware, Handshakes
from tests.contracts.site import DOORS, Door, DoorName, running_site, site_settings, until
from tests.observability.otlp import attributes, receiving
from tests.observability.test_http import CLAIMED, Spans, drop, nothing, requests_in

ROUTE = "/ws/{room_id}"


class Observed:
    """Handshakes, with all that is told about them."""

    def __init__(self) -> None:
        self.spans = Spans()
        self.registry = CollectorRegistry()
        self.handshakes = Handshakes(HttpMetrics(self.registry), self.spans.tracer)

    def counted(self, status: int, path: str = ROUTE) -> float | None:
        labels = {"method": "GET", "path": path, "status": str(status)}
        return self.registry.get_sample_value("http_requests_total", labels)

    async def run(self, app: Any, path: str = "/ws/stand-up", **more: Any) -> dict[str, Any]:
        scope: dict[str, Any] = {
            "type": "websocket",
            "path": path,
            "scheme": "ws",
            "query_string": b"token=hush-hush",
            "headers": [(b"Host", b"call.example.org:8080"), (b"Traceparent", CLAIMED.encode())],
            **more,
        }
        request_info(scope).address = "192.0.2.1"
        await HandshakeMiddleware(app, self.handshakes, "/ws/", ROUTE)(scope, nothing, drop)
        return scope


@pytest.fixture
def observed(caplog: pytest.LogCaptureFixture) -> Iterator[Observed]:
    """Handshakes that are observed."""
    caplog.set_level(logging.INFO)
    made = Observed()
    yield made
    made.spans.provider.shutdown()


def saying(*messages: dict[str, Any]) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in messages:
            await send(message)

    return app


ACCEPT = {"type": "websocket.accept"}
CLOSE = {"type": "websocket.close", "code": 1000}


async def test_an_accepted_handshake_is_counted_as_101_and_not_timed(
    observed: Observed, caplog: pytest.LogCaptureFixture
) -> None:
    scope = await observed.run(saying(ACCEPT, {"type": "websocket.send", "text": "x"}, CLOSE))
    assert observed.counted(101) == 1
    assert (
        observed.registry.get_sample_value("http_request_duration_seconds_count", {"method": "GET", "path": ROUTE})
        is None
    )
    (entry,) = requests_in(caplog)
    assert entry | {"duration": 0} == {
        "event": "http_request",
        "method": "GET",
        "path": ROUTE,
        "status": 101,
        "bytes": 0,
        "duration": 0,
        "remote_addr": "192.0.2.1",
        "request_id": request_info(scope).id,
    }


async def test_the_span_ends_at_the_accept(observed: Observed) -> None:
    during: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(ACCEPT)
        during.extend(observed.spans.exporter.get_finished_spans())
        assert not trace.get_current_span().get_span_context().is_valid

    await observed.run(app)
    assert during == [observed.spans.one]
    span = observed.spans.one
    assert span.name == f"GET {ROUTE}"
    assert span.kind is SpanKind.SERVER
    assert span.parent is None
    assert [trace.format_trace_id(link.context.trace_id) in CLAIMED for link in span.links] == [True]
    assert span.attributes == {
        "http.request.method": "GET",
        "url.path": "/ws/stand-up",
        "url.scheme": "ws",
        "http.route": ROUTE,
        "http.response.status_code": 101,
        "server.address": "call.example.org",
        "server.port": 8080,
    }
    assert "hush" not in span.to_json()


@pytest.mark.parametrize(
    ("app", "status", "size"),
    [
        (
            saying(
                {"type": "websocket.http.response.start", "status": 429, "headers": []},
                {"type": "websocket.http.response.body", "body": b"1234"},
            ),
            429,
            4,
        ),
        (saying(CLOSE), 403, 0),
        (saying(), 499, 0),
    ],
)
async def test_a_refused_handshake_keeps_its_status(
    observed: Observed, caplog: pytest.LogCaptureFixture, app: Any, status: int, size: int
) -> None:
    await observed.run(app)
    assert observed.counted(status) == 1
    assert [(entry["status"], entry["bytes"]) for entry in requests_in(caplog)] == [(status, size)]
    assert (observed.spans.one.attributes or {})["http.response.status_code"] == status
    assert observed.spans.one.status.status_code is StatusCode.UNSET


async def test_a_crash_before_the_answer_is_ours(observed: Observed) -> None:
    async def crash(scope: Any, receive: Any, send: Any) -> None:
        raise LookupError("hush")

    with pytest.raises(LookupError):
        await observed.run(crash)
    assert observed.counted(500) == 1
    assert observed.spans.one.status.status_code is StatusCode.ERROR
    assert (observed.spans.one.attributes or {})["error.type"] == "LookupError"


async def test_a_crash_after_the_accept_is_no_matter_of_the_handshake(observed: Observed) -> None:
    async def crash(scope: Any, receive: Any, send: Any) -> None:
        await send(ACCEPT)
        raise LookupError

    with pytest.raises(LookupError):
        await observed.run(crash)
    assert observed.counted(101) == 1
    assert observed.counted(500) is None


async def test_other_paths_have_no_route(observed: Observed) -> None:
    await observed.run(saying(CLOSE), path="/elsewhere/stand-up")
    assert observed.counted(403, "unmatched") == 1
    assert observed.spans.one.name == "GET"


@pytest.mark.parametrize("door_name", DOORS)
async def test_a_refused_handshake_says_who_was_refused_and_why(
    sqlite_url: URL, tmp_path: Path, caplog: pytest.LogCaptureFixture, door_name: DoorName
) -> None:
    caplog.set_level(logging.INFO)
    async with running_site(site_settings(tmp_path, sqlite_url)) as site:
        door = Door(site, door_name)
        with pytest.raises(InvalidStatus):
            await door.knock("stand-up", "token=hush", origin="https://elsewhere.example.org")
        await until(lambda: bool(requests_in(caplog)))
    (entry,) = requests_in(caplog)
    assert (entry["status"], entry["remote_addr"]) == (403, "127.0.0.1")
    (told,) = [record.__dict__ for record in caplog.records if record.__dict__.get("event") == "handshake_refused"]
    assert {name: told[name] for name in ("code", "origin", "remote_addr", "room")} == {
        "code": "bad_origin",
        "origin": "https://elsewhere.example.org",
        "remote_addr": "127.0.0.1",
        "room": "stand-up",
    }


@pytest.mark.parametrize("door_name", DOORS)
async def test_both_doors_are_observed(sqlite_url: URL, tmp_path: Path, door_name: DoorName) -> None:
    with receiving() as receiver:
        settings = site_settings(tmp_path, sqlite_url)
        observability = msgspec.structs.replace(settings.observability, otlp_endpoint=receiver.url)
        async with running_site(msgspec.structs.replace(settings, observability=observability)) as site:
            door = Door(site, door_name)
            person = await site.sign_up("alice")
            await site.open_room("stand-up", person)
            member = await door.join("stand-up", person)
            with pytest.raises(InvalidStatus):
                await door.knock("stand-up", "token=hush", origin="https://elsewhere.example.org")
            for status in ("101", "403"):
                labels = {"method": "GET", "path": ROUTE, "status": status}
                await until(lambda labels=labels: site.metric("http_requests_total", **labels) == 1)  # type: ignore[misc]
            assert site.metric("http_request_duration_seconds_count", method="GET", path=ROUTE) == 0
            await member.go()
            await door.close()
        handshakes = [attributes(span.attributes) for span in receiver.spans if span.name == f"GET {ROUTE}"]
        assert sorted(int(made["http.response.status_code"]) for made in handshakes) == [101, 403]
        for made in handshakes:
            assert made["url.path"] == "/ws/stand-up"
            assert made["server.port"] == door.port
        assert not any(b"hush" in span.SerializeToString() for span in receiver.spans)
        assert not any(person.access_token.encode() in span.SerializeToString() for span in receiver.spans)


def test_later_spans_can_link_to_a_handshake(observed: Observed) -> None:
    handshake = observed.handshakes.begin("/ws/a", {}, route=ROUTE, info=RequestInfo())
    assert handshake.span.is_valid
    handshake.end(101)
    handshake.end(500)  # the first answer counts
    assert handshake.span == observed.spans.one.context
    assert observed.counted(500) is None
