"""A dashboard: rows of panels, what one can choose at its top, and the way to the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from infra.monitoring.dashboards.panels import COLUMNS, Json, Row

TAG = "chatter"
_ROW_HEIGHT = 1


@dataclass(frozen=True)
class Dashboard:
    """`uid` names the dashboard in links and never changes."""

    uid: str
    title: str
    description: str
    rows: Sequence[Row]

    def json(self) -> Json:
        """Return it as Grafana reads it."""
        return {
            "uid": self.uid,
            "title": self.title,
            "description": self.description,
            "tags": [TAG],
            "schemaVersion": 39,
            "version": 1,
            "editable": False,
            "graphTooltip": 1,
            "refresh": "30s",
            "time": {"from": "now-3h", "to": "now"},
            "timezone": "browser",
            "links": [_links()],
            "templating": {"list": _choices()},
            "annotations": {"list": [_restarts()]},
            "panels": list(_place(self.rows)),
        }


def _links() -> Json:
    common = {"keepTime": True, "includeVars": True, "targetBlank": False, "icon": "external link"}
    return common | {"type": "dashboards", "title": "Chatter", "tags": [TAG], "asDropdown": False}


def _choices() -> list[Json]:
    """Return the variables: where to ask, and whom to ask about."""
    sources = [
        {"name": name, "label": label, "type": "datasource", "query": kind, "current": {"text": label, "value": kind}}
        for name, label, kind in (
            ("metrics", "Prometheus", "prometheus"),
            ("logs", "Loki", "loki"),
            ("traces", "Tempo", "tempo"),
        )
    ]
    instance = {
        "name": "instance",
        "label": "Instance",
        "type": "query",
        "datasource": {"type": "prometheus", "uid": "${metrics}"},
        "query": {"query": 'label_values(up{job="chatter"}, instance)', "refId": "instance"},
        "definition": 'label_values(up{job="chatter"}, instance)',
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
    }
    return [*sources, instance]


def _restarts() -> Json:
    return {
        "name": "Starts",
        "datasource": {"type": "prometheus", "uid": "${metrics}"},
        "enable": True,
        "iconColor": "blue",
        "expr": 'changes(process_start_time_seconds{job="chatter", instance=~"$instance"}[1m]) > 0',
        "titleFormat": "{{instance}} started",
        "step": "30s",
    }


def _place(rows: Sequence[Row]) -> list[Json]:
    """Put the panels on the grid of 24 columns, from left to right and row by row."""
    placed: list[Json] = []
    y = 0
    for row in rows:
        placed.append(_heading(row.title, len(placed) + 1, y))
        y += _ROW_HEIGHT
        x = lowest = 0
        for panel in row.panels:
            if x + panel.width > COLUMNS:
                x, y = 0, lowest
            placed.append(panel.json(len(placed) + 1, x, y))
            x += panel.width
            lowest = max(lowest, y + panel.height)
        y = lowest
    return placed


def _heading(title: str, number: int, y: int) -> dict[str, Any]:
    place = {"x": 0, "y": y, "w": COLUMNS, "h": _ROW_HEIGHT}
    return {"id": number, "type": "row", "title": title, "collapsed": False, "gridPos": place, "panels": []}
