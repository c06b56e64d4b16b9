"""Prometheus takes the rules, every alert fires when it should and only then, and each has its page."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.monitoring.dashboards.slo import BURNS, SLOS, Burn, Slo
from tests.infra.alert_cases import CASES
from tests.infra.conftest import program
from tests.infra.prometheus import SHIPPED, shipped_rules

ROOT = Path(__file__).resolve().parents[2]
RUNBOOKS = ROOT / "docs" / "runbooks"
SECTIONS = ("## What it means", "## Where to look", "## What to do")

pytestmark = pytest.mark.seed("S1-18")


Rule = dict[str, Any]


def shipped(*files: str) -> list[Rule]:
    """Return the rules of these files, by default of all, those that others stand on first."""
    paths = [path for path in shipped_rules() if not files or path.name in files]
    groups = [group for path in paths for group in yaml.safe_load(path.read_text("utf-8"))["groups"]]
    return sorted((rule for group in groups for rule in group["rules"]), key=lambda rule: "alert" in rule)


def alerts() -> list[Rule]:
    """Return every alert."""
    return [rule for rule in shipped() if "alert" in rule]


# --- what each must have --------------------------------------------------------------------------------------------


def test_every_alert_says_what_it_is_and_where_to_read_on() -> None:
    for rule in alerts():
        assert rule["labels"]["severity"] in {"page", "ticket"}, rule["alert"]
        assert rule["annotations"].keys() == {"summary", "description", "runbook_url"}, rule["alert"]
        assert rule["annotations"]["runbook_url"] == f"docs/runbooks/{rule['alert']}.md"


def test_every_alert_has_a_runbook_and_every_runbook_an_alert() -> None:
    names = {rule["alert"] for rule in alerts()}
    pages = {path.stem: path.read_text("utf-8") for path in RUNBOOKS.glob("*.md")}
    assert names - pages.keys() == set(), "without a page in docs/runbooks"
    assert pages.keys() - names == set(), "pages without an alert"
    for name, page in pages.items():
        assert page.startswith(f"# {name}\n"), name
        assert [line for line in page.splitlines() if line.startswith("## ")] == list(SECTIONS), name


def test_every_alert_has_its_cases() -> None:
    assert {rule["alert"] for rule in alerts()} == CASES.keys() | {slo.alert for slo in SLOS}


def test_the_relay_alert_knows_the_quota_of_coturn() -> None:
    [quota] = re.findall(r"^total-quota=(\d+)$", (ROOT / "infra/coturn/turnserver.conf").read_text(), re.MULTILINE)
    [rule] = [rule for rule in alerts() if rule["alert"] == "ChatterTurnFull"]
    assert rule["expr"].endswith(f"> {0.8 * int(quota):g}")


# --- promtool -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def promtool() -> str:
    """The path of promtool."""
    return program("promtool", "prometheus")


@pytest.mark.integration
def test_prometheus_accepts_the_configuration(promtool: str) -> None:
    done = _run(promtool, "check", "config", str(SHIPPED / "prometheus.yml"))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.integration
def test_plain_alerts_fire_when_they_should_and_only_then(promtool: str, tmp_path: Path) -> None:
    tests = []
    for alert, case in CASES.items():
        tests.append(_test(case.fires, f"{case.minutes}m", _firing(alert), True))
        tests += [_test(silent, f"{case.minutes}m", _firing(alert), False) for silent in case.silent]
    _judge(promtool, tmp_path, shipped("recording.yml", "alerts.yml"), tests, "1m")


@pytest.mark.integration
@pytest.mark.parametrize("burn", BURNS, ids=[f"{burn.factor:g}x" for burn in BURNS])
def test_budget_alerts_fire_when_they_should_and_only_then(promtool: str, tmp_path: Path, burn: Burn) -> None:
    rules = [rule for rule in shipped("slo.yml") if _belongs(rule, burn)]
    assert len(rules) == 3 * len(SLOS)
    tests = [test for slo in SLOS for test in _burn_tests(slo, burn)]
    _judge(promtool, tmp_path, rules, tests, f"{STEP_MINUTES[burn.long]}m")


@pytest.mark.integration
def test_a_wrong_expectation_is_noticed(promtool: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="FAILED"):
        _judge(promtool, tmp_path, [], [_test({}, "5m", "vector(1) > 2", True)], "1m")


STEP_MINUTES = {"1h": 1, "6h": 5, "1d": 15, "3d": 30}
"""Coarser for longer windows; each short window still holds several steps."""


def _belongs(rule: Rule, burn: Burn) -> bool:
    if "alert" in rule:
        return bool(rule["labels"]["window"] == burn.long)
    return str(rule["record"]).endswith((f"ratio_rate{burn.long}", f"ratio_rate{burn.short}"))


def _burn_tests(slo: Slo, burn: Burn) -> list[dict[str, Any]]:
    """Return three: too many errors for long; as many as allowed; too many of too few."""
    step = STEP_MINUTES[burn.long]
    steps = _minutes(burn.long) * 5 // 4 // step
    at = f"{steps * step}m"
    firing = _firing(slo.alert, f', window="{burn.long}"')
    events = slo.enough * step * 10 / _minutes(burn.long)
    bad = min(1.0, 1.1 * burn.factor * slo.budget)
    return [
        _test(_events_of(slo, events, bad, steps), at, firing, True, step),
        _test(_events_of(slo, events, 0.9 * burn.factor * slo.budget, steps), at, firing, False, step),
        _test(_events_of(slo, events / 20, bad, steps), at, firing, False, step),
    ]


def _events_of(slo: Slo, per_step: float, bad: float, steps: int) -> Mapping[str, str]:
    """Return the series of one promise, with this share of bad events."""
    good = per_step * (1 - bad)
    numbers = {
        "good": f"0+{good:.6f}x{steps}",
        "bad": f"0+{per_step * bad:.6f}x{steps}",
        "all": f"0+{per_step:.6f}x{steps}",
    }
    setup = 'chatter_call_setup_duration_seconds_{}{{job="chatter", result="{}"{}}}'
    relay = 'chatter_relay_duration_seconds_{}{{job="chatter"{}}}'
    request = 'http_requests_total{{job="chatter", path="/rooms", status="{}"}}'
    return {
        "ChatterApiErrors": {request.format(200): numbers["good"], request.format(503): numbers["bad"]},
        "ChatterRelaySlow": {
            relay.format("count", ""): numbers["all"],
            relay.format("bucket", ', le="0.05"'): numbers["good"],
        },
        "ChatterCallSetupFailures": {
            setup.format("count", "connected", ""): numbers["good"],
            setup.format("count", "timeout", ""): numbers["bad"],
        },
        "ChatterCallSetupSlow": {
            setup.format("count", "connected", ""): numbers["all"],
            setup.format("bucket", "connected", ', le="3.0"'): numbers["good"],
        },
    }[slo.alert]


def _minutes(window: str) -> int:
    return int(window[:-1]) * {"m": 1, "h": 60, "d": 1440}[window[-1]]


def _firing(alert: str, labels: str = "") -> str:
    return f'count(ALERTS{{alertname="{alert}", alertstate="firing"{labels}}})'


def _test(series: Mapping[str, str], at: str, expr: str, found: bool, step: int = 1) -> dict[str, Any]:
    """Return a test of promtool: at this time the expression is 1, or nothing at all."""
    samples = [{"labels": "{}", "value": 1}] if found else []
    return {
        "interval": f"{step}m",
        "input_series": [{"series": name, "values": values} for name, values in series.items() if values],
        "promql_expr_test": [{"expr": expr, "eval_time": at, "exp_samples": samples}],
    }


def _judge(promtool: str, folder: Path, rules: list[Rule], tests: list[dict[str, Any]], every: str) -> None:
    """Let promtool judge; in one group, whose rules it evaluates one after another."""
    (folder / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "all", "rules": rules}]}))
    written = folder / "tests.yml"
    written.write_text(yaml.safe_dump({"rule_files": ["rules.yml"], "evaluation_interval": every, "tests": tests}))
    done = _run(promtool, "test", "rules", str(written))
    assert done.returncode == 0, done.stdout + done.stderr


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
