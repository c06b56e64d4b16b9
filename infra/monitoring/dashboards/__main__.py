"""Write the dashboards and the SLO rules; with `--check` only say which are not up to date, and exit with 1."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import yaml

from infra.monitoring.dashboards import calls, http, internals, overview, signaling, slo, turn

MONITORING = Path(__file__).resolve().parents[1]
DASHBOARDS = (
    overview.DASHBOARD,
    calls.DASHBOARD,
    signaling.DASHBOARD,
    http.DASHBOARD,
    internals.DASHBOARD,
    turn.DASHBOARD,
)


class _Dumper(yaml.SafeDumper):
    """Write texts of several lines as such."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)
_HEAD = "# Made by `task dashboards` from infra/monitoring/dashboards/slo.py; changes here are lost.\n"


def files() -> dict[Path, str]:
    """Return what has to stand in each file."""
    made = {
        MONITORING / "grafana" / "dashboards" / f"{dashboard.uid}.json": json.dumps(dashboard.json(), indent=1) + "\n"
        for dashboard in DASHBOARDS
    }
    rules = yaml.dump(slo.rule_groups(), Dumper=_Dumper, sort_keys=False, width=200, allow_unicode=True)
    made[MONITORING / "prometheus" / "rules" / "slo.yml"] = _HEAD + rules
    return made


def main(arguments: list[str]) -> int:
    """Run the command; return its exit code."""
    stale = {path: text for path, text in files().items() if not path.exists() or path.read_text("utf-8") != text}
    if "--check" in arguments:
        for path in stale:
            print(f"not up to date: {path.relative_to(MONITORING)}; run: task dashboards", file=sys.stderr)
        return bool(stale)
    for path, text in stale.items():
        path.write_text(text, "utf-8")
        print(f"written: {path.relative_to(MONITORING)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
