"""Every benchmark runs, in a tiny form; what it measures is no matter here."""

from __future__ import annotations

import json
import math
import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench import __main__ as command
from bench.scenario import TINY, MissingPeer
from bench.servers import Chatter, LocalProcess, installed

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Give back the cores and the files that a benchmark takes for itself."""
    cores, files = os.sched_getaffinity(0), resource.getrlimit(resource.RLIMIT_NOFILE)
    yield
    os.sched_setaffinity(0, cores)
    resource.setrlimit(resource.RLIMIT_NOFILE, files)


@pytest.mark.parametrize("name", command.SCENARIOS)
def test_it_measures_all_it_says(name: str) -> None:
    scenario = command.SCENARIOS[name]
    said: list[str] = []
    samples = scenario.run(TINY, said.append)
    assert said
    assert samples
    for sample in samples:
        assert all(math.isfinite(value) for value in sample.values.values()), sample
        assert set(sample.values) >= {metric.key for metric in scenario.metrics}
    assert {metric.key for metric in scenario.metrics} >= set(scenario.plotted)
    if scenario.ours:
        assert scenario.ours in {sample.server for sample in samples}


def test_the_command_writes_a_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "Scale", lambda: TINY)
    result = CliRunner().invoke(command.main, ["resumes", "--repeat", "1", "--output", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("# Benchmark report")
    assert "## Reconnect storm" in result.stdout
    assert (tmp_path / "report.md").read_text("utf-8").startswith("# Benchmark report")
    document = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert set(document["scenarios"]) == {"resumes"}
    assert document["machine"]["cores"] == os.cpu_count()
    assert document["scale"]["repeat"] == 1


def test_a_server_that_does_not_start_is_told_with_its_log() -> None:
    class Broken(Chatter):
        def command(self) -> tuple[list[str], dict[str, str]]:
            command, environment = super().command()
            return command, environment | {"LOG_LEVEL": "NONSENSE"}

    with pytest.raises(RuntimeError, match="LOG_LEVEL"), Broken():
        pass


def test_what_is_not_installed_is_left_out_with_a_line() -> None:
    class Missing(Chatter):
        name = "missing"

        @classmethod
        def require(cls) -> None:
            raise MissingPeer("run: apt-get install missing")

    kinds: list[type[LocalProcess]] = [Missing, Chatter]
    said: list[str] = []
    assert installed(kinds, said.append) == [Chatter]
    assert said == ["without missing: run: apt-get install missing"]
