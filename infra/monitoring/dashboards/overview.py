"""Overview: does Chatter keep its promises, and how busy is it?"""

from __future__ import annotations

from infra.monitoring.dashboards.dashboard import Dashboard
from infra.monitoring.dashboards.panels import Panel, Query, Row, Steps, graph, logs, number
from infra.monitoring.dashboards.promql import quantiles, rate, series, total
from infra.monitoring.dashboards.slo import SLOS, Slo

_BURN: Steps = (("good", None), ("warn", 1), ("bad", 6))


def _kept(slo: Slo) -> Panel:
    allowed = 1 - slo.budget
    return number(
        f"{slo.title}: how much went well?",
        f"Over the last 3 days, of all instances. Promised: {slo.promise}.",
        f"1 - {slo.ratio('3d')}",
        unit="percentunit",
        steps=(("bad", None), ("warn", allowed), ("good", allowed + slo.budget / 4)),
        width=6,
    )


def _burn(slo: Slo) -> Panel:
    return graph(
        f"{slo.title}: how fast are errors spent?",
        f"1 spends in 30 days exactly what is allowed; pages come from 6 and 14.4 on. Promised: {slo.promise}.",
        *(Query(slo.burn(window), window) for window in ("1h", "6h", "3d")),
        steps=_BURN,
        width=12,
    )


DASHBOARD = Dashboard(
    "chatter-overview",
    "Chatter / Overview",
    "Does Chatter keep its promises, and how busy is it? Begin here.",
    (
        Row(
            "Now",
            (
                number(
                    "Is every instance up?",
                    "Share of the instances that Prometheus reaches.",
                    'avg(up{job="chatter", instance=~"$instance"})',
                    unit="percentunit",
                    steps=(("bad", None), ("good", 1)),
                ),
                number("How many people are in rooms?", "Members of all rooms.", total("chatter_participants")),
                number("How many calls are running?", "Rooms with two people or more.", total("chatter_calls_active")),
                number("How many sockets are open?", "Signaling connections.", total("chatter_ws_connections")),
                number(
                    "How many alerts fire?",
                    "The alerts themselves: Alerting in the menu, or Prometheus under /alerts. Each has a runbook.",
                    'count(ALERTS{alertstate="firing"}) or vector(0)',
                    steps=(("good", None), ("bad", 1)),
                ),
                number(
                    "How many connections are lost now?",
                    "Members whose connection broke less than half a minute ago; many at once mean a network fault.",
                    total("chatter_sessions_lost"),
                    steps=(("good", None), ("warn", 5), ("bad", 20)),
                ),
            ),
        ),
        Row("Promises kept", tuple(map(_kept, SLOS))),
        Row("Promises at risk", tuple(map(_burn, SLOS))),
        Row(
            "Load",
            (
                graph(
                    "How many requests come in?",
                    "Per second, by the first digit of the status: 1 are WebSockets, 5 are faults of ours.",
                    Query(
                        f"sum by (class) (label_replace(rate({series('http_requests_total')}[$__rate_interval]), "
                        '"class", "${1}xx", "status", "(.)..") )',
                        "{{class}}",
                    ),
                    unit="reqps",
                    stacked=True,
                ),
                graph(
                    "How many people come and go?",
                    "Per second.",
                    Query(rate("chatter_joins_total"), "come"),
                    Query(rate("chatter_leaves_total"), "go"),
                    unit="ops",
                ),
                graph(
                    "How do attempts to connect end?",
                    "First attempts between two people, per second; failed and timeout count against the promise.",
                    Query(rate("chatter_calls_total", by="result"), "{{result}}"),
                    unit="ops",
                    stacked=True,
                ),
                graph(
                    "How long does passing a message on take?",
                    "From reading it off one socket to the queue of the other.",
                    *quantiles("chatter_relay_duration_seconds", "", 0.5, 0.99),
                    unit="s",
                    steps=(("good", None), ("bad", 0.05)),
                ),
                graph(
                    "How long does connecting take?",
                    "From the first offer to a media path, where there came to be one. A diamond opens a trace.",
                    *quantiles("chatter_call_setup_duration_seconds", 'result="connected"'),
                    unit="s",
                    steps=(("good", None), ("bad", 3)),
                ),
                graph(
                    "Which versions run?",
                    "Instances by version; two at once during an update.",
                    Query(f"count by (version) ({series('chatter_build_info')})", "{{version}}"),
                    stacked=True,
                ),
            ),
        ),
        Row(
            "Log",
            (
                logs(
                    "What does the server complain about?",
                    "Warnings and errors; a line's trace_id leads to its trace.",
                    '{service_name="app", level=~"WARNING|ERROR|CRITICAL"}',
                ),
            ),
        ),
    ),
)
