"""One id finds a call everywhere: its trace, its record, its numbers and its lines in the log.

Two browsers have one call, with everything in it that a call may go through; each test looks at what it left.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from playwright.async_api import Browser
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tests.e2e.conftest import People, Server
from tests.e2e.cutter import Cutter, cutting, is_away, is_back, known, server_to_cut
from tests.e2e.overheard import Overheard
from tests.e2e.person import Person, until
from tests.observability.otlp import Receiver, attributes, receiving

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

PASSWORD = "a long enough secret"
NAMES = ("Alice Aardvark", "Bob Bumblebee")
SAID = "just between us two"
OPEN_METRICS = "application/openmetrics-text; version=1.0.0"


@dataclass(frozen=True)
class Told:
    """What a call left behind; its server has stopped."""

    id: str
    room: str
    server: Server
    overheard: Overheard
    spans: list[Span]
    """All that the server sent, of every trace."""
    answer: dict[str, Any]
    """What the host was told of the call while it ran."""
    metrics: str

    @property
    def call(self) -> list[Span]:
        """The spans of the call's trace."""
        return [span for span in self.spans if span.trace_id.hex() == self.id]

    def named(self, name: str) -> list[Span]:
        """Return the spans of the call with this name, by the time they began."""
        return sorted((span for span in self.call if span.name == name), key=lambda span: span.start_time_unix_nano)

    def below(self, parent: Span) -> list[Span]:
        """Return the children of a span."""
        return [span for span in self.spans if span.parent_span_id == parent.span_id]


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def told(browser: Browser) -> AsyncIterator[Told]:
    """A call between Alice, the host, and Bob: connected, on a second path, resumed, measured, over."""
    with receiving() as receiver:
        server, port = server_to_cut(
            {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, "TRACE_URL": "https://traces.example.org/{trace_id}"}
        )
        people = People(server, browser)
        try:
            server.start()
            async with cutting(server, port) as cutter:
                yield await converse(people, cutter, receiver)
        finally:
            server.close()
            await people.close()


async def converse(people: People, cutter: Cutter, receiver: Receiver) -> Told:
    server, overheard = people.server, Overheard()
    alice, bob = await known(people, "alice"), await known(people, "bob")
    for person, username in ((alice, "alice"), (bob, "bob")):
        overheard.listen(person)
        await person.sign_up(username, PASSWORD)
    link = await alice.create_room()
    await alice.join(link, NAMES[0])
    await bob.join(link, NAMES[1])
    await asyncio.gather(alice.watches(1), bob.watches(1))
    await bob.say(SAID)
    await alice.reads(SAID)

    await bob.changes_network()
    await cut(cutter, bob)
    room = link.rpartition("/")[2]
    call_id = overheard.all_of("welcome")[0]["callId"]
    answer = await answer_to_host(server, room, call_id)

    await bob.leave()
    await alice.leave()
    await asyncio.to_thread(receiver.one, "call ended")
    metrics = await scrape(server)
    assert await asyncio.to_thread(server.stop) == 0
    return Told(call_id, room, server, overheard, receiver.spans, answer, metrics)


async def cut(cutter: Cutter, bob: Person) -> None:
    cutter.cut("bob")
    await is_away(bob)
    cutter.heal("bob")
    await is_back(bob)


async def answer_to_host(server: Server, room: str, call_id: str) -> dict[str, Any]:
    """Ask for the call as its host until both browsers told of both attempts and of the quality."""
    answer: dict[str, Any] = {}

    async def is_known() -> bool:
        shown = await client.get(f"/rooms/{room}/calls/{call_id}", headers=headers)
        assert shown.status_code == 200, shown.text
        answer.update(shown.json())
        (pair,) = answer["call"]["pairs"]
        settled = [attempt for attempt in pair["attempts"] if len(attempt.get("reports", {})) == 2]
        return len(settled) == 2 and len(pair.get("quality", {})) == 2

    async def describe() -> object:
        return answer

    async with httpx2.AsyncClient(base_url=server.url) as client:
        credentials = {"username": "alice", "password": PASSWORD}
        account = await client.post("/auth/login", json=credentials, headers={"X-Device-ID": "a-telephone-of-hers"})
        assert account.status_code == 200, account.text
        headers = {"Authorization": f"Bearer {account.json()['token']}"}
        await until(is_known, describe, timeout=60)
    return answer


async def scrape(server: Server) -> str:
    async with httpx2.AsyncClient(base_url=server.url) as client:
        return (await client.get("/metrics", headers={"Accept": OPEN_METRICS})).text


def log_of(told: Told) -> list[dict[str, Any]]:
    lines = told.server.log.read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]


def lies_within(inner: Span, outer: Span) -> bool:
    return (
        outer.start_time_unix_nano <= inner.start_time_unix_nano <= inner.end_time_unix_nano <= outer.end_time_unix_nano
    )


# --- the trace


async def test_a_call_is_one_trace_below_one_root(told: Told) -> None:
    (root,) = told.named("call")
    assert root.parent_span_id == b""
    assert attributes(root.attributes)["chatter.room.id"] == told.room
    top = Counter(span.name for span in told.below(root))
    assert top.pop("negotiate") >= 2
    assert top == {"join": 2, "setup": 2, "resume": 1, "leave": 2, "call ended": 1}
    assert {frame["callId"] for frame in told.overheard.all_of("welcome")} == {told.id}


async def test_joins_lead_to_their_handshakes_and_tickets_and_show_the_database(told: Told) -> None:
    asked = [span for span in told.spans if span.name == "POST /ws-tickets"]
    handshakes = [span for span in told.spans if span.name == "GET /ws/{room_id}"]
    joins, (resume,) = told.named("join"), told.named("resume")
    linked = [[link.span_id for link in span.links] for span in (*joins, resume)]
    assert [len(links) for links in linked] == [2, 2, 1]
    assert {links[0] for links in linked} == {span.span_id for span in handshakes}
    assert {links[1] for links in linked[:2]} == {span.span_id for span in asked}
    for join in joins:
        assert attributes(join.attributes)["chatter.join.via"] == "ticket"
        queries = told.below(join)
        assert any(attributes(span.attributes).get("db.system.name") == "sqlite" for span in queries)
        assert all(lies_within(span, join) for span in queries)


async def test_both_attempts_connected_with_the_timings_of_both_browsers(told: Told) -> None:
    first, second = told.named("setup")
    for setup, kind in ((first, "initial"), (second, "ice_restart")):
        said = attributes(setup.attributes)
        assert (said["chatter.setup.kind"], said["chatter.setup.outcome"]) == (kind, "connected")
        browsers = told.below(setup)
        assert [span.name for span in browsers] == ["browser connected"] * 2
        assert len({attributes(span.attributes)["chatter.member.id"] for span in browsers}) == 2
        for span in browsers:
            assert lies_within(span, setup)
            assert "chatter.browser.elapsed_ms" in attributes(span.attributes)
            assert all(lies_within(step, span) for step in told.below(span))
    said = attributes(first.attributes)
    assert {said["chatter.path.local"], said["chatter.path.remote"]} <= {"host", "prflx"}
    assert said["chatter.path.protocol"] == "udp"
    assert said["chatter.candidates.relayed"] != 0
    steps = {step.name for span in told.below(first) for step in told.below(span)}
    assert steps == {"gathering", "ice", "dtls"}


async def test_negotiations_have_their_kinds_and_sides(told: Told) -> None:
    members = {attributes(join.attributes)["chatter.member.id"] for join in told.named("join")}
    negotiations = [attributes(span.attributes) for span in told.named("negotiate")]
    assert {"initial", "ice_restart"} <= {said["chatter.negotiation.kind"] for said in negotiations}
    for said in negotiations:
        assert {said["chatter.offer.from"], said["chatter.answer.from"]} == members


async def test_the_end_sums_up(told: Told) -> None:
    (ended,) = told.named("call ended")
    said = attributes(ended.attributes)
    assert (said["chatter.call.people"], said["chatter.call.pairs"], said["chatter.call.failed_pairs"]) == (2, 1, 0)
    assert [attributes(span.attributes)["chatter.leave.reason"] for span in told.named("leave")] == ["left", "left"]
    assert not any(span.status.code == Status.STATUS_CODE_ERROR for span in told.call)


async def test_no_span_has_a_parent_that_is_not_there(told: Told) -> None:
    here = {(span.trace_id, span.span_id) for span in told.spans}
    assert len(here) == len(told.spans)
    assert [
        span.name for span in told.spans if span.parent_span_id and (span.trace_id, span.parent_span_id) not in here
    ] == []


async def test_no_span_holds_what_is_nobody_elses_business(told: Told) -> None:
    overheard = told.overheard
    assert len(overheard.secrets) > 8
    assert overheard.addresses
    private = overheard.secrets | overheard.addresses | overheard.queries
    private |= {*NAMES, SAID, PASSWORD, "ticket=", "who=", "a=ice-", "candidate:"}
    text = "\n".join(str(span) for span in told.spans)
    assert [word for word in private if word in text] == []


# --- the same call elsewhere, by the same id


async def test_the_host_reads_how_they_connected(told: Told) -> None:
    call = told.answer["call"]
    (pair,) = call["pairs"]
    assert (call["id"], pair["outcome"]) == (told.id, "connected")
    assert [attempt["kind"] for attempt in pair["attempts"]] == ["initial", "ice_restart"]
    for report in pair["attempts"][0]["reports"].values():
        assert report["local"]["host"] > 0
        assert report["pair"]["local"] in {"host", "prflx"}
    for quality in pair["quality"].values():
        assert quality["digests"] > 0
        assert quality["bitrateIn"] > 0
    assert told.answer["findings"] == []
    assert told.answer["summary"]["result"] == "ok"
    assert told.answer["traceUrl"] == f"https://traces.example.org/{told.id}"


async def test_the_command_line_finds_it(told: Told) -> None:
    shown = await asyncio.to_thread(told.server.run, "calls", "show", told.id[:12])
    assert told.id in shown
    assert f"{NAMES[0]} – {NAMES[1]}: connected after" in shown
    assert f"Trace: https://traces.example.org/{told.id}" in shown
    stored = json.loads(await asyncio.to_thread(told.server.run, "calls", "show", told.id, "--json"))
    assert [member["leaveReason"] for member in stored["call"]["members"]] == ["left", "left"]
    assert stored["call"]["members"][1]["resumes"] == 1


async def test_the_metrics_name_it_beside_its_bucket(told: Told) -> None:
    families = {family.name: family for family in text_string_to_metric_families(told.metrics)}  # type: ignore[no-untyped-call]
    setups = families["chatter_call_setup_duration_seconds"].samples
    assert [(sample.labels["result"], sample.exemplar.labels) for sample in setups if sample.exemplar is not None] == [
        ("connected", {"trace_id": told.id})
    ]
    counts = {
        (sample.name, *sample.labels.values()): sample.value
        for family in families.values()
        for sample in family.samples
    }
    reports = "chatter_client_reports_total"
    assert counts[reports, "ok"] > 0
    assert (counts[reports, "invalid"], counts[reports, "rate_limited"]) == (0, 0)
    assert counts["chatter_client_rtt_seconds_count",] > 0
    assert counts["chatter_calls_total", "connected"] == 1
    exported = "chatter_otel_spans_exported_total"
    assert (counts[exported, "failed"], counts[exported, "dropped"]) == (0, 0)


async def test_the_log_tells_each_edge_under_it(told: Told) -> None:
    edges = [line for line in log_of(told) if line.get("call_id") == told.id]
    assert {line["trace_id"] for line in edges} == {told.id}
    events = Counter(line["event"] for line in edges)
    once = {"call_started", "lost", "resume", "call_ended"}
    assert events == dict.fromkeys(once, 1) | {"join": 2, "leave": 2, "pair_connected": 2}


async def test_the_log_holds_no_secret(told: Told) -> None:
    text = told.server.log.read_text("utf-8")
    private = told.overheard.secrets | told.overheard.queries | {SAID, PASSWORD, "a=ice-", "candidate:"}
    assert [word for word in private if word in text] == []
