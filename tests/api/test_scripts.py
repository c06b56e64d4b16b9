"""The two commands of the README, where something is missing: one clear line, exit code 2, nothing left behind."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
_TOOLS = ("bash", "find", "sha256sum", "sort", "xargs", "cut", "cat", "dirname", "basename", "rm", "mktemp", "flock")

pytestmark = pytest.mark.integration


class Machine:
    """A copy of what the scripts read, with a PATH that holds only what is put there."""

    def __init__(self, folder: Path) -> None:
        self.checkout = folder / "checkout"
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.checkout.mkdir()
        for name in ("scripts", "requirements"):
            shutil.copytree(ROOT / name, self.checkout / name)
        shutil.copy(ROOT / "pyproject.toml", self.checkout)
        for tool in _TOOLS:
            found = shutil.which(tool)
            if found is not None:
                (self.bin / tool).symlink_to(found)

    def has(self, name: str, script: str) -> None:
        """Put a program of this name there."""
        path = self.bin / name
        path.write_text(f"#!{self.bin / 'bash'}\n{script}\n", "utf-8")
        path.chmod(0o755)

    def run(self, script: str, *arguments: str) -> tuple[int, list[str]]:
        """Run a script; return its exit code and what it said on standard error, progress left out."""
        done = subprocess.run(
            [str(self.checkout / "scripts" / script), *arguments],
            env={"PATH": str(self.bin), "HOME": os.environ.get("HOME", "/")},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, [line for line in done.stderr.splitlines() if "›" not in line]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine with neither Python nor Node.js."""
    return Machine(tmp_path)


def test_without_node(machine: Machine) -> None:
    machine.has("python3", f'exec {sys.executable} "$@"')
    assert machine.run("serve") == (2, ["serve: Node.js 20.19 or newer is needed; found none"])
    assert not (machine.checkout / ".venv").exists()


def test_with_an_old_node(machine: Machine) -> None:
    machine.has("node", 'case "$1" in --version) echo v18.1.0 ;; *) exit 1 ;; esac')
    assert machine.run("serve") == (2, ["serve: Node.js 20.19 or newer is needed; found v18.1.0"])


def test_with_an_old_python(machine: Machine) -> None:
    machine.has("node", "exit 0")
    machine.has("npm", "exit 0")
    machine.has("python3", 'case "$1" in --version) echo Python 3.9.2 ;; *) exit 1 ;; esac')
    assert machine.run("serve") == (2, ["serve: Python 3.11 or newer is needed; found Python 3.9.2"])


def test_without_the_venv_module(machine: Machine) -> None:
    machine.has("node", "exit 0")
    machine.has("npm", "exit 0")
    # What Debian's python3 does without python3-venv: half an environment, then an error.
    half = 'mkdir -p .venv/bin; : > .venv/bin/python; echo "ensurepip is not available"; exit 1'
    (machine.bin / "mkdir").symlink_to(shutil.which("mkdir") or "/bin/mkdir")
    machine.has("python3", f'if [ "$1" = -m ]; then {half}; fi; exec {sys.executable} "$@"')
    complaint = "serve: python3 cannot make environments; on Debian: apt-get install python3-venv"
    assert machine.run("serve") == (2, [complaint])
    assert not (machine.checkout / ".venv").exists()


def test_an_unknown_stage(machine: Machine) -> None:
    assert machine.run("test", "everything") == (2, ["test: no stage 'everything'; see scripts/test --help"])


@pytest.mark.parametrize("script", ["serve", "test"])
def test_help_has_an_example(machine: Machine, script: str) -> None:
    done = subprocess.run([ROOT / "scripts" / script, "--help"], capture_output=True, text=True, timeout=30, check=True)
    assert "Example:" in done.stdout
