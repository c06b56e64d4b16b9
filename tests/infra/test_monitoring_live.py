"""A real Prometheus scrapes a real Chatter that people use: every panel and every rule must have an answer."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import NamedTuple

import pytest

from infra.monitoring.dashboards.__main__ import DASHBOARDS
from tests.api.process import Server, serving
from tests.contracts.site import ORIGIN
from tests.coturn import SECRET as TURN_SECRET
from tests.coturn import Coturn
from tests.infra.conftest import program
from tests.infra.crowd import crowd
from tests.infra.prometheus import Prometheus, expressions, running_prometheus
from tests.infra.proxy import wait_until
from tests.observability.otlp import Receiver, receiving

pytestmark = [pytest.mark.integration, pytest.mark.seed("S1-18")]

ABSENT = {
    "chatter_bus_lag_": "there is one node, which hears nobody",
    "turn_": "Debian's coturn is built without its exporter",
    "stun_": "as turn_",
    "chatter_tls_": "scripts of the production stack write it down, and its proxy passes it on (test_acme.py)",
    "chatter_backup_": "as chatter_tls_ (test_backup.py)",
}
"""Metrics that cannot be here, by the beginning of their names."""
_VARIABLES = {"$__rate_interval": "5m", "$__range": "1h", "$instance": ".*"}
_NAME = re.compile(r"\b(?:(?:chatter|http|process|python|prometheus|turn|stun)_\w+|chatter:[\w:]+|up|ALERTS)\b")
_TEXTS = re.compile(r'"[^"]*"')
_GROUPINGS = re.compile(r"\b(?:by|on) \([^)]*\)")
_PINGS = "histogram_quantile(0.5, sum by (le) (rate(chatter_ws_ping_rtt_seconds_bucket[5m])))"


class Watched(NamedTuple):
    """A server that was used, who watched it, and who got its traces."""

    server: Server
    prometheus: Prometheus
    traces: Receiver


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory, coturn: Coturn) -> Iterator[Watched]:
    """Chatter with traces and TURN, scraped once a second, after people used it."""
    prometheus = program("prometheus", "prometheus")
    with ExitStack() as stack:
        traces = stack.enter_context(receiving())
        variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": traces.url, "SERVER_CORS_ORIGINS": ORIGIN}
        variables |= {"TURN_URLS": coturn.url("udp"), "TURN_SECRET": TURN_SECRET}
        server = stack.enter_context(serving(tmp_path_factory.mktemp("chatter"), **variables))
        target = f"127.0.0.1:{server.http_port}"
        asked = stack.enter_context(running_prometheus(tmp_path_factory.mktemp("prometheus"), prometheus, target))
        asyncio.run(_use(server, asked))
        yield Watched(server, asked, traces)


async def _use(server: Server, watcher: Prometheus) -> None:
    """Do everything twice, with scrapes before, between and after: a rate needs two of them."""
    async with crowd(server) as people:
        await asyncio.to_thread(watcher.wait_for_scrapes)
        await people.be_busy()
        await people.overwhelm_someone()
        await asyncio.to_thread(watcher.wait_for_scrapes)
        await people.be_busy()
        async with people.staying():  # until the server has pinged
            await asyncio.to_thread(wait_until, lambda: watcher.tells(_PINGS))
        await asyncio.to_thread(watcher.wait_for_scrapes)


PANELS = [
    pytest.param(expr, id=f"{dashboard.uid}: {title}")
    for dashboard in DASHBOARDS
    for title, expr in expressions(dashboard.json()["panels"])
]


def filled(expr: str) -> str:
    """Put values in the place of Grafana's variables."""
    for name, value in _VARIABLES.items():
        expr = expr.replace(name, value)
    assert not re.search(r"\$[a-z_]", expr), expr
    return expr


def metrics_in(expr: str) -> set[str]:
    """Return the names of the metrics in an expression."""
    return set(_NAME.findall(_GROUPINGS.sub("", _TEXTS.sub("", expr))))


def is_absent(expr: str) -> bool:
    """Tell whether an expression asks for what cannot be here."""
    return any(name.startswith(tuple(ABSENT)) for name in metrics_in(expr))


@pytest.mark.parametrize("expr", PANELS)
def test_every_panel_has_data(watched: Watched, expr: str) -> None:
    found = watched.prometheus.query(filled(expr))
    if is_absent(expr):
        assert not watched.prometheus.tells(filled(expr)), "no exception any more: take it off ABSENT"
    else:
        assert watched.prometheus.tells(filled(expr)), found


def test_every_recording_rule_has_data(watched: Watched) -> None:
    rules = watched.prometheus.rules("record")
    assert rules
    for rule in rules:
        assert (rule["name"], rule["health"]) == (rule["name"], "ok")
        assert watched.prometheus.tells(rule["query"]), rule["name"]
        assert watched.prometheus.tells(rule["name"]), rule["name"]


def test_alerts_ask_for_metrics_that_exist(watched: Watched) -> None:
    names = watched.prometheus.names()
    alerts = watched.prometheus.rules("alert")
    for alert in alerts:
        assert (alert["name"], alert["health"]) == (alert["name"], "ok")
        wanted = {name for name in metrics_in(alert["query"]) if not name.startswith(tuple(ABSENT))}
        assert wanted <= names, alert["name"]
    assert {alert["name"] for alert in alerts if alert["state"] == "firing"} == set()


def test_an_exemplar_names_a_trace_that_was_sent(watched: Watched) -> None:
    now = time.time()
    question = {"query": "chatter_call_setup_duration_seconds_bucket", "start": now - 600, "end": now}
    series = watched.prometheus.ask("/query_exemplars", **question)
    named = {exemplar["labels"]["trace_id"] for found in series for exemplar in found["exemplars"]}
    assert named
    watched.traces.wait_for(lambda: named <= {span.trace_id.hex() for span in watched.traces.spans})
