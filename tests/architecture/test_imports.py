"""Who may import whom: the contracts hold, and each of them can be broken."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("api", "auth", "observability", "signaling")
LINTER = Path(sys.executable).parent / "lint-imports"

# An import that breaks exactly this contract: the module it is written into, and the line.
OFFENCES = {
    "observability is the bottom layer": ("observability/logs.py", "import auth.errors"),
    "the domains meet only in api": ("auth/rules.py", "import signaling.errors"),
    "nothing below imports api": ("signaling/outbox.py", "import api.migrate"),
    "the signaling core is pure": ("signaling/core/limits.py", "import time"),
    "Quart stays in api": ("auth/rules.py", "import quart"),
    "SQL stays in the stores": ("auth/service.py", "import sqlalchemy"),
    "picows stays in the gateway, the recorder's channel and the load generator": (
        "signaling/link.py",
        "import picows",
    ),
    "prometheus_client stays in the metrics modules": ("signaling/outbox.py", "import prometheus_client"),
    "telemetry libraries stay in observability": ("signaling/hub.py", "import opentelemetry"),
    "aiortc stays in the recorder's peer": ("signaling/recording/recorder.py", "import aiortc"),
    "PyAV stays in the recordings' media": ("signaling/recording/compose.py", "import av"),
    "the server itself loads no media library": (
        "signaling/recording/process.py",
        "import signaling.recording.media",
    ),
    "each bus stays in its adapter": ("signaling/cluster/cluster.py", "import nats"),
    "aioice stays in the TURN client": ("signaling/turn/watch.py", "import aioice"),
}


def contracts() -> list[str]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return [contract["name"] for contract in settings["tool"]["importlinter"]["contracts"]]


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(folder), "NO_COLOR": "1", "COLUMNS": "200"}
    command = [str(LINTER), "--config", str(folder / "pyproject.toml"), "--no-cache"]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)


def verdicts(output: str, verdict: str) -> set[str]:
    return set(re.findall(rf"^(.+) {verdict}\b", output, re.MULTILINE))


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The packages and the contracts, to be tampered with."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_contracts_hold(copy: Path) -> None:
    result = lint(copy)
    assert result.returncode == 0, result.stdout + result.stderr
    assert verdicts(result.stdout, "KEPT") == set(contracts())


def test_every_contract_has_an_offence() -> None:
    assert set(OFFENCES) == set(contracts())


@pytest.mark.parametrize("contract", OFFENCES)
def test_an_offence_breaks_its_contract(copy: Path, contract: str) -> None:
    module, line = OFFENCES[contract]
    path = copy / module
    path.write_text(f"{path.read_text()}\n{line}\n")
    result = lint(copy)
    assert result.returncode == 1, result.stdout + result.stderr
    assert contract in verdicts(result.stdout, "BROKEN"), result.stdout


@pytest.mark.parametrize("package", PACKAGES)
def test_no_junk_drawers(package: str) -> None:
    names = {path.stem for path in (ROOT / package).rglob("*")}
    assert names.isdisjoint({"common", "utils", "util", "helpers", "helper", "misc"})


def test_only_the_settings_read_the_environment() -> None:
    readers = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if "os.environ" in path.read_text() or "getenv" in path.read_text()
    }
    assert readers == {"api/settings/__init__.py"}
