"""Every query parses in the grammar of its language, which has to do for LogQL and TraceQL: they cannot be run here."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from infra.monitoring.dashboards.__main__ import DASHBOARDS, MONITORING
from tests.infra.prometheus import expressions, shipped_rules

PROGRAM = Path(__file__).with_name("grammars.mjs")
_VARIABLES = {"$__rate_interval": "5m", "$__range": "1h", "$__interval": "1m", "$instance": ".*"}
_BROKEN = [
    ("prometheus", "sum by (le (rate(a[5m]))"),
    ("prometheus", "rate(a[5m]"),
    ("loki", '{service_name="app"} | json | event='),
    ("loki", '{service_name=app} |= "x"'),
    ("loki", '{service_name="app"} | json | status >'),
    ("tempo", '{ resource.service.name = "chatter" && }'),
    ("tempo", '{ name = "setup" && status == error }'),
    ("tempo", "{ duration > 500ms"),
]

pytestmark = pytest.mark.seed("S1-21")


def queries() -> list[tuple[str, str]]:
    """Return language and query of every panel, rule and correlation."""
    shown = [
        (language, expr)
        for dashboard in DASHBOARDS
        for language in ("prometheus", "loki", "tempo")
        for _, expr in expressions(dashboard.json()["panels"], language)
    ]
    rules = [
        ("prometheus", rule["expr"])
        for path in shipped_rules()
        for group in yaml.safe_load(path.read_text("utf-8"))["groups"]
        for rule in group["rules"]
    ]
    return shown + rules + _correlations()


def _correlations() -> list[tuple[str, str]]:
    path = MONITORING / "grafana" / "provisioning" / "datasources" / "chatter.yaml"
    [tempo] = [source for source in yaml.safe_load(path.read_text("utf-8"))["datasources"] if source["type"] == "tempo"]
    to_logs = tempo["jsonData"]["tracesToLogsV2"]["query"].replace("$${__trace.traceId}", "0123456789abcdef" * 2)
    return [("loki", to_logs)] + [
        ("prometheus", query["query"]) for query in tempo["jsonData"]["tracesToMetrics"]["queries"]
    ]


def first_errors(pairs: list[tuple[str, str]]) -> list[int | None]:
    """Return where the grammar of each finds the first error; skips the test where npm installed none."""
    node = shutil.which("node")
    if node is None or not (PROGRAM.parents[2] / "web" / "node_modules" / "@grafana" / "lezer-logql").exists():
        pytest.skip("the grammars are not installed; run: npm --prefix web ci")
    done = subprocess.run(
        [node, PROGRAM], input=json.dumps(pairs), capture_output=True, text=True, timeout=60, check=True
    )
    found: list[int | None] = json.loads(done.stdout)
    return found


def test_every_query_parses() -> None:
    pairs = [(language, _filled(expr)) for language, expr in queries()]
    assert {language for language, _ in pairs} == {"prometheus", "loki", "tempo"}
    wrong = [(expr, expr[at:]) for (_, expr), at in zip(pairs, first_errors(pairs), strict=True) if at is not None]
    assert wrong == []


def test_a_broken_query_would_be_noticed() -> None:
    unnoticed = [pair for pair, at in zip(_BROKEN, first_errors(_BROKEN), strict=True) if at is None]
    assert unnoticed == []


def test_log_panels_search_for_events_that_are_logged() -> None:
    code = [
        path
        for part in ("api", "auth", "observability", "signaling")
        for path in (MONITORING.parents[1] / part).rglob("*.py")
    ]
    logged = {word for path in code for word in re.findall(r'"([a-z_]+)"', path.read_text("utf-8"))}
    for language, expr in queries():
        for wanted in re.findall(r'event=~?"([^"]*)"', expr) if language == "loki" else ():
            for event in wanted.split("|"):
                assert any(re.fullmatch(event, word) for word in logged), event


def _filled(expr: str) -> str:
    for name, value in _VARIABLES.items():
        expr = expr.replace(name, value)
    return expr
