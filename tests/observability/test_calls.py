"""Calls become traces of short spans; without a tracer they get ids, and nothing is paid for it."""

from __future__ import annotations

import re

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, DEFAULT_OFF, DEFAULT_ON, Sampler, TraceIdRatioBased
from opentelemetry.trace import NoOpTracer, SpanContext, SpanKind, StatusCode, TraceFlags, Tracer
from prometheus_client import CollectorRegistry

from observability import export
from observability.calls import CallTracer, span_of, traceparent_of
from observability.settings import ObservabilitySettings
from observability.tracing import Tracing
from observability.work import Work
from tests.observability.otlp import WATCHDOG_S, attributes, black_hole, receiving
from tests.observability.traces import Traces, context_of, parent_of, times_of, values_of

AT = 1_790_000_000_000.0
ELSEWHERE = SpanContext(0xE15E, 0xA1, is_remote=False, trace_flags=TraceFlags(1))
NOWHERE = trace.INVALID_SPAN_CONTEXT


@pytest.mark.parametrize("tracer", [None, NoOpTracer()])
def test_without_a_tracer_a_call_has_an_id_and_nothing_else(tracer: Tracer | None) -> None:
    calls = CallTracer(tracer)
    first, second = calls.begin(AT, {}), calls.begin(AT, {})
    for call in (first, second):
        assert re.fullmatch("[0-9a-f]{32}", call.id)
        assert not call.sampled
        assert call.root is None
        assert call.span("join", AT, AT, {}, links=[ELSEWHERE], work=[Work("query", 1, 2, {})]) is None
    assert first.id != second.id
    calls.alone("join", AT, AT, {}, error="banned")


def test_the_root_ends_at_once_and_its_trace_id_names_the_call() -> None:
    traces = Traces()
    call = CallTracer(traces.tracer).begin(AT, {"chatter.room.id": "standup"})
    root = traces.one("call")
    assert call.sampled
    assert call.id == trace.format_trace_id(context_of(root).trace_id)
    assert call.root == root.context
    assert root.parent is None
    assert times_of(root) == (AT, AT)
    assert values_of(root) == {"chatter.room.id": "standup"}


def test_what_is_current_is_never_the_parent() -> None:
    traces = Traces()
    calls = CallTracer(traces.tracer)
    with traces.tracer.start_as_current_span("somebody else's request") as request:
        call = calls.begin(AT, {})
        call.span("join", AT, AT, {})
        calls.alone("refused", AT, AT, {})
    theirs = request.get_span_context().trace_id
    for name in ("call", "join", "refused"):
        assert context_of(traces.one(name)).trace_id != theirs
    assert len({context_of(span).trace_id for span in traces.spans}) == 3


def test_spans_have_the_times_parents_and_links_they_are_given() -> None:
    traces = Traces()
    call = CallTracer(traces.tracer).begin(AT, {})
    setup = call.span("setup", AT + 10, AT + 250.5, {"n": 1}, links=[ELSEWHERE, NOWHERE])
    call.span("browser connected", AT + 20, AT + 30, {}, parent=setup)
    made, below = traces.one("setup"), traces.one("browser connected")
    assert times_of(made) == (AT + 10, AT + 250.5)
    assert parent_of(made) == context_of(traces.one("call")).span_id
    assert [link.context for link in made.links] == [ELSEWHERE]
    assert made.status.status_code is StatusCode.UNSET
    assert parent_of(below) == context_of(made).span_id
    assert {trace.format_trace_id(context_of(span).trace_id) for span in traces.spans} == {call.id}


def test_a_span_never_ends_before_it_starts() -> None:
    traces = Traces()
    CallTracer(traces.tracer).begin(AT, {}).span("setup", AT, AT - 5, {})
    assert times_of(traces.one("setup")) == (AT, AT)


def test_errors_have_a_type() -> None:
    traces = Traces()
    calls = CallTracer(traces.tracer)
    calls.begin(AT, {}).span("setup", AT, AT, {}, error="timeout")
    calls.alone("join", AT, AT, {}, error="banned")
    for name, error in (("setup", "timeout"), ("join", "banned")):
        assert values_of(traces.one(name)) == {"error.type": error}
        assert traces.one(name).status.status_code is StatusCode.ERROR


def test_work_is_told_below_what_it_was_done_for() -> None:
    traces = Traces()
    calls = CallTracer(traces.tracer)
    work = [Work("SELECT rooms", 5, 9, {"db.system.name": "sqlite"}), Work("SELECT bans", 10, 11, {}, "TimeoutError")]
    calls.begin(AT, {}).span("join", AT, AT, {}, work=work)
    calls.alone("resume", AT, AT, {}, work=work[:1])
    (first, other), bans = traces.named("SELECT rooms"), traces.one("SELECT bans")
    assert (first.start_time, first.end_time, first.kind) == (5, 9, SpanKind.CLIENT)
    assert parent_of(first) == parent_of(bans) == context_of(traces.one("join")).span_id
    assert parent_of(other) == context_of(traces.one("resume")).span_id
    assert bans.status.status_code is StatusCode.ERROR


@pytest.mark.parametrize("sampler", [ALWAYS_OFF, DEFAULT_OFF, TraceIdRatioBased(0)])
def test_a_call_that_is_not_sampled_makes_no_spans_but_has_an_id(sampler: Sampler) -> None:
    traces = Traces(sampler)
    calls = CallTracer(traces.tracer)
    call = calls.begin(AT, {})
    assert re.fullmatch("[0-9a-f]{32}", call.id)
    assert int(call.id, 16)
    assert not call.sampled
    assert call.span("join", AT, AT, {}) is None
    calls.alone("join", AT, AT, {}, work=[Work("query", 1, 2, {})])
    assert traces.spans == ()


@pytest.mark.parametrize("sampler", [ALWAYS_ON, DEFAULT_ON, TraceIdRatioBased(1)])
def test_what_belongs_to_a_sampled_call_is_sampled(sampler: Sampler) -> None:
    traces = Traces(sampler)
    call = CallTracer(traces.tracer).begin(AT, {})
    call.span("join", AT, AT, {}, work=[Work("query", 1, 2, {})])
    assert traces.names() == ["call", "join", "query"]


# --- at the receiver ------------------------------------------------------------------------------------------------


def tracing_to(url: str) -> Tracing:
    tracing = Tracing(ObservabilitySettings(otlp_endpoint=url), CollectorRegistry())
    tracing.start()
    return tracing


def test_a_call_is_one_trace_at_the_receiver() -> None:
    with receiving() as receiver:
        tracing = tracing_to(receiver.url)
        call = CallTracer(tracing.tracer).begin(AT, {"chatter.node": "here"})
        call.span("leave", AT + 5, AT + 5, {"chatter.leave.reason": "left"})
        tracing.stop(WATCHDOG_S)
        root, leave = receiver.one("call"), receiver.one("leave")
        assert root.trace_id.hex() == leave.trace_id.hex() == call.id
        assert leave.parent_span_id == root.span_id
        assert (root.start_time_unix_nano, root.end_time_unix_nano) == (AT * 10**6, AT * 10**6)
        assert attributes(leave.attributes) == {"chatter.leave.reason": "left"}


def test_a_receiver_that_is_gone_costs_spans_and_nothing_else() -> None:
    with black_hole() as hole:
        tracing = tracing_to(hole.url)
        calls = CallTracer(tracing.tracer)
        for _ in range(export.CAPACITY):
            calls.begin(AT, {}).span("leave", AT, AT, {})
        assert hole.came.wait(WATCHDOG_S)
        assert calls.begin(AT, {}).sampled
        tracing.stop(0.01)


def test_a_span_can_be_told_to_another_node() -> None:
    span = SpanContext(
        0x0AF7651916CD43DD8448EB211C80319C, 0xB7AD6B7169203331, is_remote=False, trace_flags=TraceFlags(1)
    )
    told = traceparent_of(span)
    assert told == "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    again = span_of(told)
    assert again is not None
    assert (again.trace_id, again.span_id, again.trace_flags) == (span.trace_id, span.span_id, span.trace_flags)
    assert again.is_remote
    assert traceparent_of(None) == ""


@pytest.mark.parametrize("text", ["", "00", "a-b-c-d", "00--1-0x1-01", "00-" + "g" * 32 + "-" + "1" * 16 + "-01"])
def test_what_names_no_span_is_none(text: str) -> None:
    assert span_of(text) is None


def test_a_trace_goes_on_at_another_node() -> None:
    traces = Traces()
    first = CallTracer(traces.tracer).begin(AT, {})
    there = CallTracer(traces.tracer).go_on(first.id, traceparent_of(first.root))
    assert (there.id, there.sampled) == (first.id, True)
    there.span("leave", AT, AT, {})
    leave = traces.one("leave")
    assert context_of(leave).trace_id == context_of(traces.one("call")).trace_id
    assert parent_of(leave) == context_of(traces.one("call")).span_id


@pytest.mark.parametrize("traceparent", ["", f"00-{'a' * 32}-{'b' * 16}-01"])
def test_where_nothing_is_traced_a_trace_goes_on_as_a_name(traceparent: str) -> None:
    there = CallTracer().go_on("c" * 32, traceparent)
    assert (there.id, there.sampled) == ("c" * 32, False)
