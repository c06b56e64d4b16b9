"""The dashboards: as the code makes them, whole, readable, and linked to each other."""

from __future__ import annotations

import json
from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.monitoring.dashboards.__main__ import DASHBOARDS, MONITORING, files, main
from infra.monitoring.dashboards.panels import COLUMNS

SOURCES = MONITORING / "grafana" / "provisioning" / "datasources" / "chatter.yaml"
PROVIDERS = MONITORING / "grafana" / "provisioning" / "dashboards" / "chatter.yaml"

pytestmark = pytest.mark.seed("S1-21")

Json = dict[str, Any]
PANELS = [
    pytest.param(panel, id=f"{dashboard.uid}: {panel['title']}")
    for dashboard in DASHBOARDS
    for panel in dashboard.json()["panels"]
    if panel["type"] != "row"
]
each_panel = pytest.mark.parametrize("panel", PANELS)


def test_what_is_committed_is_what_the_code_makes() -> None:
    assert main(["--check"]) == 0, "run: task dashboards"
    committed = set((MONITORING / "grafana" / "dashboards").iterdir())
    assert committed == {path for path in files() if path.suffix == ".json"}


def test_there_is_one_for_each_question() -> None:
    titles = {dashboard.title.removeprefix("Chatter / ") for dashboard in DASHBOARDS}
    assert titles == {
        "Overview",
        "Calls and quality",
        "Signaling and sockets",
        "HTTP and auth",
        "Database, bus, process",
        "TURN and network paths",
    }
    assert len({dashboard.uid for dashboard in DASHBOARDS}) == len(DASHBOARDS)


@each_panel
def test_a_panel_answers_the_question_in_its_title(panel: Json) -> None:
    assert panel["title"].endswith("?")
    assert len(panel["title"]) <= 60
    assert panel["description"].endswith(".")
    assert panel["targets"]
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["fieldConfig"]["defaults"]["thresholds"]["steps"]


@each_panel
def test_a_panel_asks_the_chosen_data_source(panel: Json) -> None:
    expected = {"prometheus": "${metrics}", "loki": "${logs}", "tempo": "${traces}"}
    for target in [panel, *panel["targets"]]:
        assert target["datasource"]["uid"] == expected[target["datasource"]["type"]]
    assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])


@each_panel
def test_histograms_show_their_exemplars(panel: Json) -> None:
    for target in panel["targets"]:
        if "histogram_quantile" in target.get("expr", ""):
            assert target["exemplar"] is True


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda dashboard: dashboard.uid)
def test_panels_fill_the_grid_without_overlap(dashboard: Any) -> None:
    panels = dashboard.json()["panels"]
    places = [_place(panel["gridPos"]) for panel in panels]
    assert all(0 <= left < right <= COLUMNS for left, right, _, _ in places)
    for one, other in combinations(places, 2):
        assert one[1] <= other[0] or other[1] <= one[0] or one[3] <= other[2] or other[3] <= one[2]
    for unique in ("id", "title"):
        assert max(Counter(panel[unique] for panel in panels).values()) == 1


def _place(grid: dict[str, int]) -> tuple[int, int, int, int]:
    return grid["x"], grid["x"] + grid["w"], grid["y"], grid["y"] + grid["h"]


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda dashboard: dashboard.uid)
def test_one_can_choose_whom_to_ask_about_and_go_to_the_others(dashboard: Any) -> None:
    made = dashboard.json()
    assert [variable["name"] for variable in made["templating"]["list"]] == ["metrics", "logs", "traces", "instance"]
    [link] = made["links"]
    assert link["tags"] == made["tags"]
    assert link["keepTime"]
    assert link["includeVars"]


# --- provisioning ---------------------------------------------------------------------------------------------------


def sources() -> dict[str, Json]:
    """Return the data sources by their uid."""
    return {source["uid"]: source for source in yaml.safe_load(SOURCES.read_text("utf-8"))["datasources"]}


def test_the_chosen_data_sources_exist() -> None:
    variables = DASHBOARDS[0].json()["templating"]["list"]
    chosen = {variable["current"]["value"]: variable["query"] for variable in variables[:3]}
    assert chosen == {uid: source["type"] for uid, source in sources().items()}


@pytest.mark.seed("S1-61")
def test_data_sources_are_where_compose_runs_them() -> None:
    addresses = {uid: source["url"] for uid, source in sources().items()}
    assert addresses == {
        "prometheus": "http://prometheus:9090",
        "loki": "http://loki:3100",
        "tempo": "http://tempo:3200",
    }


@pytest.mark.seed("S1-19")
def test_one_gets_from_a_number_to_the_trace_to_the_lines_and_back() -> None:
    prometheus, loki, tempo = (sources()[uid]["jsonData"] for uid in ("prometheus", "loki", "tempo"))
    assert prometheus["exemplarTraceIdDestinations"] == [{"name": "trace_id", "datasourceUid": "tempo"}]
    [field] = loki["derivedFields"]
    assert (field["matcherType"], field["matcherRegex"], field["datasourceUid"]) == ("label", "trace_id", "tempo")
    assert tempo["tracesToLogsV2"]["datasourceUid"] == "loki"
    assert tempo["tracesToMetrics"]["datasourceUid"] == "prometheus"
    written = SOURCES.read_text("utf-8")
    assert "${" not in written.replace("$${", ""), "Grafana would look up an environment variable"


def test_the_dashboards_are_found_where_compose_puts_them() -> None:
    [provider] = yaml.safe_load(PROVIDERS.read_text("utf-8"))["providers"]
    assert provider["allowUiUpdates"] is False
    for name in ("docker-compose.yaml", "docker-compose.prod.yaml"):
        stack = yaml.safe_load((MONITORING.parents[1] / name).read_text("utf-8"))
        targets = {mount.split(":")[1]: Path(mount.split(":")[0]) for mount in stack["services"]["grafana"]["volumes"]}
        assert targets[provider["options"]["path"]] == Path("infra/monitoring/grafana/dashboards")
        assert targets["/etc/grafana/provisioning"] == Path("infra/monitoring/grafana/provisioning")


def test_json_is_valid_and_small_enough_for_grafana() -> None:
    for path in files():
        if path.suffix == ".json":
            text = path.read_text("utf-8")
            assert json.loads(text)["uid"] == path.stem
            assert len(text) < 500_000
