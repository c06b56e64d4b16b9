"""What linters say of the shipped files: shellcheck, hadolint, gixy, dclint. Each also says something of a bad file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.infra.conftest import program

pytestmark = [pytest.mark.integration, pytest.mark.seed("S1-13")]

ROOT = Path(__file__).resolve().parents[2]
_BIN = Path(sys.executable).parent
# The first costs nothing here: there are few files. The second takes sockets of this machine for names.
_NO_MATTER = "try_files_is_evil_too"
_SOCKETS = f"{_NO_MATTER},missing_resolver"
_NGINX = {
    "infra/nginx/prod.conf": _NO_MATTER,
    "infra/nginx/init.conf": _NO_MATTER,
    "infra/nginx/turn-443/nginx.conf": _NO_MATTER,
    "infra/monitoring/docker-api/nginx.conf": _SOCKETS,
}
_NGINX_VERSION = "1.30.999"
"""The newest of what docker-compose.prod.yaml names; gixy knows what is wrong with older ones."""
_COMPOSE = ("docker-compose.prod.yaml", "docker-compose.turn-443.yaml", "docker-compose.yaml")


def _shell_scripts() -> list[str]:
    """Return every script of the checkout that a shell runs."""
    places = (".ci", "infra", "scripts", "tests/infra/stack")
    files = [path for place in places for path in (ROOT / place).rglob("*") if path.is_file()] + [*ROOT.glob("*.sh")]
    first_lines = {path: path.read_bytes().partition(b"\n")[0] for path in files}
    return sorted(
        str(path.relative_to(ROOT))
        for path, line in first_lines.items()
        if path.suffix == ".sh" or (line.startswith(b"#!") and line.endswith(b"sh"))
    )


def _judged(*command: str | Path) -> tuple[int, str]:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, (done.stdout + done.stderr).strip()


def test_every_script_is_looked_at() -> None:
    assert {"init-letsencrypt.sh", "scripts/test", "scripts/lib.sh", "infra/backup/postgres"} <= set(_shell_scripts())


def test_shellcheck_finds_nothing(tmp_path: Path) -> None:
    shellcheck = [program("shellcheck", "shellcheck"), "--external-sources"]
    assert _judged(*shellcheck, *_shell_scripts()) == (0, "")
    bad = tmp_path / "bad"
    bad.write_text("#!/bin/sh\nrm -rf $1/*\n")
    assert _judged(*shellcheck, bad)[0] == 1


def test_hadolint_finds_nothing(tmp_path: Path) -> None:
    assert _judged(_BIN / "hadolint", "infra/docker/Dockerfile") == (0, "")
    bad = tmp_path / "Dockerfile"
    bad.write_text("FROM debian\nRUN cd /tmp && apt-get install curl\n")
    assert _judged(_BIN / "hadolint", bad)[0] == 1


@pytest.mark.parametrize(("configuration", "skips"), _NGINX.items())
def test_gixy_finds_nothing(configuration: str, skips: str) -> None:
    code, said = _judged(_BIN / "gixy", "--nginx-version", _NGINX_VERSION, "--skips", skips, configuration)
    assert code == 0, said


def test_gixy_would_notice(tmp_path: Path) -> None:
    bad = tmp_path / "nginx.conf"
    bad.write_text("http { server { location ~ ^/(.*)$ { return 301 http://example.org$uri; } } }\n")
    code, said = _judged(_BIN / "gixy", bad)
    assert code == 1
    assert "http_splitting" in said


def test_nginx_is_the_version_that_is_looked_at() -> None:
    for name in (*_COMPOSE, "infra/docker/Dockerfile"):
        assert f"library/nginx:{_NGINX_VERSION.rpartition('.')[0]}-" in (ROOT / name).read_text("utf-8")


def test_the_compose_files_keep_to_the_schema(tmp_path: Path) -> None:
    linter = ROOT / "web" / "node_modules" / ".bin" / "dclint"
    if not linter.exists():
        pytest.skip("dclint is not installed; run: npm --prefix web ci")
    command = (linter, "--config", "infra/dclint.yaml")
    assert _judged(*command, *_COMPOSE) == (0, "")
    bad = tmp_path / "bad.yaml"
    bad.write_text("services:\n  app:\n    image: chatter/app:1\n    helthcheck: {}\n")
    code, said = _judged(*command, bad)
    assert (code, "must NOT have additional properties" in said) == (1, True)
