"""The parts of a dashboard, in Grafana's classic JSON schema: it loads in Grafana 10 to 13, which migrate it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Json = dict[str, Any]
Language = Literal["promql", "logql", "traceql"]
Severity = Literal["good", "warn", "bad"]

COLUMNS = 24
_DATASOURCES: dict[Language, Json] = {
    "promql": {"type": "prometheus", "uid": "${metrics}"},
    "logql": {"type": "loki", "uid": "${logs}"},
    "traceql": {"type": "tempo", "uid": "${traces}"},
}
_COLORS: dict[Severity, str] = {"good": "green", "warn": "orange", "bad": "red"}
Steps = Sequence[tuple[Severity, float | None]]
"""Colours and the value from which each holds; None for the lowest."""
PLAIN: Steps = (("good", None),)


@dataclass(frozen=True)
class Query:
    """What a panel asks; `legend` names its series, with labels in `{{ }}`."""

    expr: str
    legend: str = ""
    language: Language = "promql"
    instant: bool = False

    def json(self, ref: str) -> Json:
        """Return the target."""
        common = {"refId": ref, "datasource": _DATASOURCES[self.language]}
        if self.language == "traceql":
            return common | {"queryType": "traceql", "query": self.expr, "limit": 20, "tableType": "traces"}
        if self.language == "logql":
            return common | {"queryType": "range", "expr": self.expr, "maxLines": 200}
        return common | {
            "expr": self.expr,
            "legendFormat": self.legend or "__auto",
            "exemplar": "_bucket" in self.expr,
            "instant": self.instant,
            "range": not self.instant,
        }


@dataclass(frozen=True)
class Panel:
    """One question and its answer. `unit` is one of Grafana's; `steps` colour the value, and draw lines in a graph."""

    title: str
    description: str
    queries: Sequence[Query]
    unit: str = "short"
    kind: str = "timeseries"
    width: int = 8
    height: int = 8
    steps: Steps = PLAIN
    options: Json = field(default_factory=dict)
    extra: Json = field(default_factory=dict)
    """Of the field's `custom` part."""

    def json(self, number: int, x: int, y: int) -> Json:
        """Return the panel at a place."""
        return {
            "id": number,
            "type": self.kind,
            "title": self.title,
            "description": self.description,
            "datasource": _DATASOURCES[self.queries[0].language],
            "gridPos": {"x": x, "y": y, "w": self.width, "h": self.height},
            "targets": [query.json(chr(ord("A") + index)) for index, query in enumerate(self.queries)],
            "fieldConfig": {"defaults": self._defaults(), "overrides": []},
            "options": self.options,
        }

    def _defaults(self) -> Json:
        steps = [{"color": _COLORS[severity], "value": value} for severity, value in self.steps]
        return {"unit": self.unit, "thresholds": {"mode": "absolute", "steps": steps}, "custom": self.extra}


@dataclass(frozen=True)
class Row:
    """Panels under a common heading, side by side as far as they fit."""

    title: str
    panels: Sequence[Panel]


def graph(
    title: str,
    description: str,
    *queries: Query,
    unit: str = "short",
    steps: Steps = PLAIN,
    stacked: bool = False,
    width: int = 8,
) -> Panel:
    """Show values over time."""
    extra: Json = {"drawStyle": "line", "lineWidth": 1, "fillOpacity": 60 if stacked else 10, "showPoints": "never"}
    extra |= {"stacking": {"mode": "normal" if stacked else "none"}, "spanNulls": False}
    extra |= {"thresholdsStyle": {"mode": "dashed" if len(steps) > 1 else "off"}}
    legend = {"displayMode": "list", "placement": "bottom", "showLegend": True}
    options = {"legend": legend, "tooltip": {"mode": "multi", "sort": "desc"}}
    return Panel(title, description, queries, unit, "timeseries", width, 8, steps, options, extra)


def number(
    title: str, description: str, expr: str, *, unit: str = "short", steps: Steps = PLAIN, width: int = 4
) -> Panel:
    """Show one value: the newest."""
    options = {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "colorMode": "value",
        "graphMode": "area",
        "textMode": "auto",
    }
    return Panel(title, description, [Query(expr)], unit, "stat", width, 4, steps, options=options)


def table(title: str, description: str, expr: str, *, unit: str = "short", width: int = 12) -> Panel:
    """Show the newest value of each series, the greatest first."""
    options = {"showHeader": True, "cellHeight": "sm", "sortBy": [{"displayName": "Value", "desc": True}]}
    return Panel(title, description, [Query(expr, instant=True)], unit, "table", width, 8, options=options)


def logs(title: str, description: str, expr: str, *, width: int = COLUMNS) -> Panel:
    """Show lines of the log, the newest first."""
    options = {"showTime": True, "wrapLogMessage": True, "enableLogDetails": True, "sortOrder": "Descending"}
    return Panel(title, description, [Query(expr, language="logql")], "none", "logs", width, 10, options=options)


def traces(title: str, description: str, expr: str, *, width: int = COLUMNS) -> Panel:
    """List the traces that a search finds; a click opens one."""
    return Panel(title, description, [Query(expr, language="traceql")], "none", "table", width, 8)
