"""Calls and quality: do people get connected, and what do they see and hear?"""

from __future__ import annotations

from infra.monitoring.dashboards.dashboard import Dashboard
from infra.monitoring.dashboards.panels import Query, Row, graph, logs, number, traces
from infra.monitoring.dashboards.promql import quantile, quantiles, rate, share, total

_SETUPS = "chatter_call_setup_duration_seconds"
_TRIED = 'result=~"connected|failed|timeout"'
_LOSS = "chatter_client_packet_loss_ratio"

_CONNECTING = Row(
    "Connecting",
    (
        number("How many calls are running?", "Rooms with two people or more.", total("chatter_calls_active")),
        number(
            "How many attempts fail?",
            "Share of the attempts to connect two people that failed or timed out. Those that someone left before "
            "their end do not count.",
            share(rate(f"{_SETUPS}_count", 'result=~"failed|timeout"'), rate(f"{_SETUPS}_count", _TRIED)),
            unit="percentunit",
            steps=(("good", None), ("warn", 0.02), ("bad", 0.1)),
        ),
        number(
            "How long does connecting take?",
            "95 of 100 connections are up sooner.",
            quantile(0.95, _SETUPS, 'result="connected"'),
            unit="s",
            steps=(("good", None), ("warn", 3), ("bad", 10)),
        ),
        number(
            "How far apart are people?",
            "Median round trip between two browsers.",
            quantile(0.5, "chatter_client_rtt_seconds"),
            unit="s",
            steps=(("good", None), ("warn", 0.2), ("bad", 0.4)),
        ),
        number(
            "How much gets lost?",
            "95 of 100 digests tell of less loss.",
            quantile(0.95, _LOSS),
            unit="percentunit",
            steps=(("good", None), ("warn", 0.02), ("bad", 0.1)),
        ),
        number(
            "How many reports are believed?",
            "Share of what browsers report that is neither nonsense nor too much.",
            share(rate("chatter_client_reports_total", 'result="ok"'), rate("chatter_client_reports_total")),
            unit="percentunit",
            steps=(("bad", None), ("warn", 0.9), ("good", 0.99)),
        ),
        graph(
            "How do attempts to connect end?",
            "First attempts between two people, per second. `abandoned`: someone left before; `unreported`: the client "
            "tells nothing.",
            Query(rate("chatter_calls_total", by="result"), "{{result}}"),
            unit="ops",
            stacked=True,
        ),
        graph(
            "How long does connecting take, over time?",
            "From the first offer to a media path. A diamond opens the trace of one call.",
            *quantiles(_SETUPS, 'result="connected"', 0.5, 0.95, 0.99),
            unit="s",
            steps=(("good", None), ("bad", 3)),
        ),
        graph(
            "How long does one wait for an answer?",
            "From an offer to its answer, as the server sees them; long ones are slow browsers.",
            *quantiles("chatter_offer_answer_duration_seconds"),
            unit="s",
        ),
        graph(
            "What is negotiated?",
            "Answered offers per second: `initial` and `renegotiate` are normal, the others mend what broke.",
            Query(rate("chatter_negotiations_total", by="kind"), "{{kind}}"),
            unit="ops",
            stacked=True,
        ),
        graph(
            "How often do two offers cross?",
            "Share of the negotiations with glare; perfect negotiation solves it, at the cost of a round trip.",
            Query(
                share(rate("chatter_negotiations_total", 'glare="yes"'), rate("chatter_negotiations_total")), "glare"
            ),
            unit="percentunit",
        ),
        graph(
            "How long are calls?",
            "From the second member to the last but one, of calls that ended.",
            *quantiles("chatter_call_duration_seconds"),
            unit="s",
        ),
    ),
)
_QUALITY = Row(
    "Quality, as browsers tell it",
    (
        graph(
            "How far apart are people, over time?",
            "Round trips between browsers; from 0.3 s on people interrupt each other.",
            *quantiles("chatter_client_rtt_seconds"),
            unit="s",
            steps=(("good", None), ("bad", 0.3)),
        ),
        graph(
            "How unevenly do packets arrive?",
            "Jitter of what is received; the 95th percentile.",
            Query(quantile(0.95, "chatter_client_jitter_seconds", by="kind"), "{{kind}}"),
            unit="s",
            steps=(("good", None), ("bad", 0.03)),
        ),
        graph(
            "How much gets lost, over time?",
            "Share of packets; the 95th percentile of the digests. `in` is received, `out` sent.",
            Query(quantile(0.95, _LOSS, by="kind, direction"), "{{kind}} {{direction}}"),
            unit="percentunit",
            steps=(("good", None), ("bad", 0.05)),
        ),
        graph(
            "How often do pictures freeze?",
            "Freezes per second, of all received pictures.",
            Query(rate("chatter_client_freezes_total"), "freezes"),
            unit="ops",
        ),
        graph(
            "What keeps pictures from being better?",
            "Digests per second that name the processor or the network as the limit.",
            Query(rate("chatter_client_quality_limited_total", by="reason"), "{{reason}}"),
            unit="ops",
        ),
        graph(
            "Which devices cannot be used?",
            "Microphones and cameras that browsers could not open, per second, by cause.",
            Query(rate("chatter_client_media_errors_total", by="reason"), "{{reason}}"),
            unit="ops",
        ),
        graph(
            "What becomes of reports?",
            "Reports of browsers per second; `invalid` was nonsense in part or in whole, `rate_limited` was too much.",
            Query(rate("chatter_client_reports_total", by="result"), "{{result}}"),
            unit="ops",
            stacked=True,
        ),
    ),
)
_CASES = Row(
    "Single cases",
    (
        logs(
            "Which pairs found no path?",
            "One line per attempt that failed or timed out. `chatter calls show` with its call_id tells the cause.",
            '{service_name="app"} | json | event="pair_failed"',
        ),
        traces(
            "Which attempts to connect failed?",
            "One row per attempt that failed or timed out; the trace has the whole call.",
            '{ resource.service.name = "chatter" && name = "setup" && status = error }',
            width=12,
        ),
        traces(
            "Which connections took long?",
            "Attempts that succeeded after more than 3 s.",
            '{ resource.service.name = "chatter" && name = "setup" && span.chatter.setup.outcome = "connected" '
            "&& duration > 3s }",
            width=12,
        ),
    ),
)
DASHBOARD = Dashboard(
    "chatter-calls",
    "Chatter / Calls and quality",
    "Do people get connected, and what do they see and hear?",
    (_CONNECTING, _QUALITY, _CASES),
)
