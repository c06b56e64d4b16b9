"""Tables, pictures and the names of places in a profile."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

from api import cli
from bench.plot import Bar, draw
from bench.profiled import place
from bench.report import machine, markdown, save, table
from bench.scenario import TINY, Metric, Sample, Scenario, percentile_ms

SCENARIO = Scenario(
    name="relay",
    title="Relay",
    about="Pairs relay.",
    metrics=(Metric("rate", "messages/s", "{:,.0f}", higher_is_better=True), Metric("cpu_us", "CPU µs")),
    run=lambda _, __: [],
    plotted=("rate",),
    ours="Chatter",
    compared_to=("PeerJS", "absent"),
)
SAMPLES = [
    Sample("PeerJS", {"rate": 1000, "cpu_us": 20}),
    Sample("Chatter", {"rate": 1500, "cpu_us": 10}),
    Sample("PeerJS", {"rate": 2000, "cpu_us": 30}),
    Sample("Chatter", {"rate": 5000, "cpu_us": 10}),
    Sample("PeerJS", {"rate": 1200, "cpu_us": 25}),
    Sample("Chatter", {"rate": 2400, "cpu_us": 10}),
]


def test_a_cell_has_median_and_spread_and_ratios_are_of_the_same_repetition() -> None:
    assert table(SCENARIO, SAMPLES).splitlines() == [
        "| | PeerJS | Chatter | Chatter against PeerJS |",
        "|---|---:|---:|---:|",
        "| messages/s | 1,200 (1,000–2,000) | 2,400 (1,500–5,000) | 2.00× (1.50×–2.50×) |",
        "| CPU µs | 25.0 (20.0–30.0) | 10.0 (10.0–10.0) | 2.50× (2.00×–3.00×) |",
    ]


def test_one_repetition_has_no_spread_and_nothing_is_divided_by_nothing() -> None:
    samples = [Sample("PeerJS", {"rate": 0, "cpu_us": 20}), Sample("Chatter", {"rate": 7, "cpu_us": 10})]
    assert table(SCENARIO, samples).splitlines()[2] == "| messages/s | 0 | 7 | – |"


def test_without_metrics_every_key_is_a_row_the_highest_first() -> None:
    samples = [Sample("a", {"x.py f": 10, "quart": 90}), Sample("b", {"x.py f": 95, "signaling/y.py g": 5})]
    rows = table(SCENARIO._replace(metrics=(), ours="", compared_to=()), samples).splitlines()[2:]
    assert rows == ["| x.py f | 10.0 | 95.0 |", "| quart | 90.0 | – |", "| `signaling/y.py g` | – | 5.0 |"]


def test_the_report_names_the_machine_and_what_was_not_measured() -> None:
    here = machine()
    assert here["cores"] >= 1
    text = markdown(here, "python -m bench relay", [(SCENARIO, SAMPLES), (SCENARIO._replace(title="Other"), [])])
    assert f"commit {here['commit']}" in text
    assert here["cpu"] in text
    assert "## Other\n\nPairs relay.\n\nNot measured" in text


def test_the_files_of_a_report(tmp_path: Path) -> None:
    paths = save(tmp_path / "new", machine(), "python -m bench relay", TINY, [(SCENARIO, SAMPLES)])
    assert {path.name for path in paths} == {"report.json", "report.md", "relay-rate.svg"}
    assert "![relay-rate](relay-rate.svg)" in (tmp_path / "new" / "report.md").read_text("utf-8")
    document = json.loads((tmp_path / "new" / "report.json").read_text("utf-8"))
    assert document["scenarios"]["relay"][1] == {"server": "Chatter", "values": {"rate": 1500, "cpu_us": 10}}
    assert document["scale"]["storm"] == TINY.storm


def test_a_picture_is_to_scale() -> None:
    bars = [Bar("PeerJS <1>", 50, 40, 60, "50", ours=False), Bar("Chatter", 100, 90, 120, "100", ours=True)]
    picture = ET.fromstring(draw("Relay: messages/s & more", bars))
    svg = "{http://www.w3.org/2000/svg}"
    theirs, ours = picture.findall(f"{svg}rect")[1:]
    assert (theirs.get("class"), ours.get("class")) == ("theirs", "ours")
    assert float(ours.get("width", 0)) == 2 * float(theirs.get("width", 0))
    spreads = [float(line.get("x2", 0)) - float(line.get("x1", 0)) for line in picture.findall(f"{svg}line")]
    assert spreads[1] > spreads[0] > 0
    assert [text.text for text in picture.findall(f"{svg}text")][:2] == ["Relay: messages/s & more", "PeerJS <1>"]


def test_a_picture_of_nothing_and_of_zeros() -> None:
    for bars in ([], [Bar("a", 0, 0, 0, "0", ours=False), Bar("b", -1, -1, -1, "-1", ours=False)]):
        ET.fromstring(draw("Nothing", bars))


def test_places_are_our_functions_and_their_packages() -> None:
    assert place(cli.__file__, "serve") == "api/cli.py serve"
    assert place("/opt/venv/lib/python3.11/site-packages/sqlalchemy/engine/base.py", "f") == "sqlalchemy"
    assert place("/opt/venv/lib/python3.11/site-packages/typing_extensions.py", "f") == "typing_extensions"
    assert place("/usr/lib/python3.11/json/__init__.py", "f") == "Python's json"
    assert place("/usr/lib/python3.11/random.py", "f") == "Python's random"
    assert "event loop" in place("/usr/lib/python3.11/asyncio/runners.py", "run")


def test_percentiles() -> None:
    assert percentile_ms([], 99) == 0
    assert percentile_ms([0.003, 0.001, 0.002], 50) == 2
    assert percentile_ms([n / 1000 for n in range(100)], 99) == 99
