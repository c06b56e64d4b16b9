"""What was given out in a request leads back to it, once."""

from __future__ import annotations

from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from observability.origins import Origins
from tests.observability.traces import Traces


def test_what_was_given_out_leads_to_its_request_once() -> None:
    origins = Origins()
    with Traces().tracer.start_as_current_span("POST /ws-tickets") as request:
        origins.note("ticket")
    assert origins.take("another") is None
    assert origins.take("ticket") == request.get_span_context()
    assert origins.take("ticket") is None


def test_requests_that_nobody_will_see_are_not_kept() -> None:
    origins = Origins()
    origins.note("untraced")
    with Traces(ALWAYS_OFF).tracer.start_as_current_span("POST /ws-tickets"):
        origins.note("not sampled")
    assert origins.take("untraced") is None
    assert origins.take("not sampled") is None


def test_the_oldest_are_forgotten() -> None:
    origins = Origins()
    with Traces().tracer.start_as_current_span("POST /ws-tickets"):
        for number in range(5000):
            origins.note(str(number))
    assert origins.take("0") is None
    assert origins.take("4999") is not None
