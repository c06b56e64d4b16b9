"""The encoder of spans, compared with that of the SDK."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

from observability.otlp import encode

RESOURCE = Resource({"service.name": "chatter", "process.pid": 7})
OTHER = Resource({"service.name": "other"}, "https://schema.example/1")
SCOPE = InstrumentationScope("chatter", "0.1.0")

texts = st.text(max_size=300)
times = st.integers(0, 2**64 - 1)
values = texts | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats()
attributes = st.dictionaries(st.text(min_size=1, max_size=40), values, max_size=8)
contexts = st.builds(
    SpanContext,
    trace_id=st.integers(1, 2**128 - 1),
    span_id=st.integers(1, 2**64 - 1),
    is_remote=st.booleans(),
    trace_flags=st.sampled_from([TraceFlags(0), TraceFlags(1)]),
    trace_state=st.sampled_from([None, TraceState([("vendor", "value"), ("a", "b")])]),
)
statuses = st.sampled_from([Status(StatusCode.UNSET), Status(StatusCode.OK), Status(StatusCode.ERROR, "it broke")])


@st.composite
def spans(draw: st.DrawFn) -> ReadableSpan:
    return ReadableSpan(
        name=draw(texts),
        context=draw(contexts),
        parent=draw(st.none() | contexts),
        resource=draw(st.sampled_from([RESOURCE, OTHER])),
        attributes=draw(attributes),
        links=draw(st.lists(st.builds(Link, contexts, attributes), max_size=3)),
        kind=draw(st.sampled_from(SpanKind)),
        instrumentation_scope=draw(st.sampled_from([SCOPE, InstrumentationScope("bare")])),
        status=draw(statuses),
        start_time=draw(times),
        end_time=draw(times),
    )


def each(request: ExportTraceServiceRequest) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Yield each span with its resource and scope; in which groups they come does not matter."""
    for group in request.resource_spans:
        for scoped in group.scope_spans:
            for span in scoped.spans:
                whole = group.resource.SerializeToString(deterministic=True) + group.schema_url.encode()
                yield (
                    whole,
                    scoped.scope.SerializeToString(deterministic=True),
                    span.SerializeToString(deterministic=True),
                )


@given(st.lists(spans(), max_size=5))
def test_what_arrives_is_what_the_sdk_would_have_sent(given_spans: list[ReadableSpan]) -> None:
    arrived = ExportTraceServiceRequest.FromString(encode(given_spans))
    expected = encode_spans(given_spans)
    assert sorted(each(arrived)) == sorted(each(expected))


def test_equal_values_of_different_types_stay_apart() -> None:
    context = SpanContext(1, 2, is_remote=False)
    for value in (1, True, 1.0, HTTPStatus.OK, 200):
        span = ReadableSpan(
            name="x", context=context, resource=RESOURCE, attributes={"a": value}, start_time=1, end_time=2
        )
        assert sorted(each(ExportTraceServiceRequest.FromString(encode([span])))) == sorted(each(encode_spans([span])))


def test_an_attribute_of_another_type_is_refused_by_name() -> None:
    span = ReadableSpan(
        name="x",
        context=SpanContext(1, 2, is_remote=False),
        resource=RESOURCE,
        attributes={"many": ("a", "b")},
        start_time=1,
        end_time=2,
    )
    with pytest.raises(TypeError, match="many"):
        encode([span])
