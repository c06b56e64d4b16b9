"""What Chatter promises, and the rules that tell when a promise is about to be broken.

Burn rates after chapter 5 of the SRE Workbook: how many times faster than allowed the errors of 30 days are spent.
An alert needs both of its windows, so that it comes soon and goes soon, and enough events to mean something.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Rule = dict[str, Any]

WINDOWS = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")
_SHORT = 3
"""So many of the windows are cheap enough to be computed at every evaluation."""


@dataclass(frozen=True)
class Burn:
    """Errors come `factor` times as fast as allowed, over the long window and still over the short one."""

    factor: float
    long: str
    short: str
    severity: str
    wait: str


BURNS = (
    Burn(14.4, "1h", "5m", "page", "2m"),
    Burn(6, "6h", "30m", "page", "5m"),
    Burn(3, "1d", "2h", "ticket", "15m"),
    Burn(1, "3d", "6h", "ticket", "1h"),
)


@dataclass(frozen=True)
class Slo:
    """A promise: at most `budget` of all events are bad. `bad` and `all` are PromQL with `WINDOW` for the window."""

    record: str
    """The name of the share of bad events, without its window."""
    alert: str
    budget: float
    bad: str
    all: str
    enough: int
    """Events in the long window below which nothing is said."""
    title: str
    promise: str
    summary: str

    def ratio(self, window: str) -> str:
        """Return the name under which the share of bad events over a window is recorded."""
        return f"{self.record}{window}"

    def burn(self, window: str) -> str:
        """Return PromQL for the burn rate over a window."""
        return f"{self.ratio(window)} / {self.budget:g}"


_ANSWERS = 'job="chatter", path!~"/health|/readyz|/metrics"'
_TRIED = 'job="chatter", result=~"connected|failed|timeout"'
_RELAYS = 'job="chatter"'
_CONNECTED = 'job="chatter", result="connected"'


def _events(metric: str, labels: str) -> str:
    return f"sum(rate({metric}{{{labels}}}[WINDOW]))"


def _above(histogram: str, labels: str, bound: str) -> str:
    within = f'{labels}, le="{bound}"'
    return f"{_events(f'{histogram}_count', labels)} - {_events(f'{histogram}_bucket', within)}"


API = Slo(
    record="chatter:http_errors:ratio_rate",
    alert="ChatterApiErrors",
    budget=0.001,
    bad=_events("http_requests_total", f'{_ANSWERS}, status=~"5.."'),
    all=_events("http_requests_total", _ANSWERS),
    enough=500,
    title="API",
    promise="99.9 % of requests are answered without a server error",
    summary="Too many requests end in a server error",
)
RELAY = Slo(
    record="chatter:slow_relays:ratio_rate",
    alert="ChatterRelaySlow",
    budget=0.01,
    bad=_above("chatter_relay_duration_seconds", _RELAYS, "0.05"),
    all=_events("chatter_relay_duration_seconds_count", _RELAYS),
    enough=500,
    title="Relay",
    promise="99 % of signaling messages are passed on within 50 ms",
    summary="Signaling messages are passed on too slowly",
)
CALL_SETUP = Slo(
    record="chatter:call_setup_failures:ratio_rate",
    alert="ChatterCallSetupFailures",
    budget=0.02,
    bad=_events("chatter_call_setup_duration_seconds_count", 'job="chatter", result=~"failed|timeout"'),
    all=_events("chatter_call_setup_duration_seconds_count", _TRIED),
    enough=20,
    title="Call setup",
    promise="98 % of attempts to connect two people succeed",
    summary="Too many calls find no path",
)
SETUP_TIME = Slo(
    record="chatter:slow_call_setups:ratio_rate",
    alert="ChatterCallSetupSlow",
    budget=0.05,
    bad=_above("chatter_call_setup_duration_seconds", _CONNECTED, "3.0"),
    all=_events("chatter_call_setup_duration_seconds_count", _CONNECTED),
    enough=20,
    title="Setup time",
    promise="95 % of connections are up within 3 s",
    summary="Calls take too long to connect",
)
SLOS = (API, RELAY, CALL_SETUP, SETUP_TIME)


def rule_groups() -> dict[str, list[dict[str, Any]]]:
    """Return the rules as Prometheus reads them."""
    short, long = WINDOWS[:_SHORT], WINDOWS[_SHORT:]
    return {
        "groups": [
            {"name": "chatter-slo-short", "rules": [_ratio(slo, window) for slo in SLOS for window in short]},
            {
                "name": "chatter-slo-long",
                "interval": "2m",
                "rules": [_ratio(slo, window) for slo in SLOS for window in long],
            },
            {"name": "chatter-slo-alerts", "rules": [rule for slo in SLOS for rule in _alerts(slo)]},
        ]
    }


def _ratio(slo: Slo, window: str) -> Rule:
    expr = f"({slo.bad} or vector(0))\n/ ({slo.all} > 0)\n"
    return {"record": slo.ratio(window), "expr": expr.replace("WINDOW", window)}


def _alerts(slo: Slo) -> Iterator[Rule]:
    for burn in BURNS:
        limit = f"{burn.factor * slo.budget:g}"
        bad = f"{slo.ratio(burn.long)} > {limit}\nand {slo.ratio(burn.short)} > {limit}"
        events = slo.all.replace("sum(rate(", "sum(increase(").replace("WINDOW", burn.long)
        yield {
            "alert": slo.alert,
            "expr": f"{bad}\nand {events} > {slo.enough}\n",
            "for": burn.wait,
            "labels": {"severity": burn.severity, "window": burn.long},
            "annotations": {
                "summary": slo.summary,
                "description": f"{{{{ $value | humanizePercentage }}}} of the last {burn.long} were bad, "
                f"{burn.factor:g} times what is allowed or more. Promised: {slo.promise}.",
                "runbook_url": f"docs/runbooks/{slo.alert}.md",
            },
        }
