"""`scripts/dev`: busy ports are left to whoever has them, and everything that names them follows."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.infra.compose import services_of
from tests.infra.conftest import program

ROOT = Path(__file__).resolve().parents[2]
OVERRIDE = "docker-compose.override.ports.yaml"
_PORTS = {"app": 8080, "signaling": 8081, "web": 5173, "turn": 3478, "prometheus": 9090, "grafana": 3000}
_FAKE_DOCKER = """\
#!/bin/sh
echo "$*" >> "$0.asked"
case "$*" in
    *" ps --quiet") cat "$0.running" 2>/dev/null ;;
    info) [ ! -e "$0.down" ] ;;
    "compose version") [ ! -e "$0.bare" ] ;;
    "compose version --short") cat "$0.old" 2>/dev/null || echo v2.24.4 ;;
esac
"""


class Checkout:
    """A copy of what the script reads, with a docker that only notes what it is asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "checkout"
        self.docker = folder / "bin" / "docker"
        self.docker.parent.mkdir()
        self.docker.write_text(_FAKE_DOCKER)
        self.docker.chmod(0o755)
        self.folder.mkdir()
        shutil.copytree(ROOT / "scripts", self.folder / "scripts")

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": f"{self.docker.parent}:{os.environ['PATH']}", "HOME": str(self.folder)}
        command = [str(self.folder / "scripts" / "dev"), *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)

    def note(self, name: str, text: str = "") -> None:
        """Tell the docker how things are: `running`, `down`, `bare`, `old`."""
        self.docker.with_name(f"docker.{name}").write_text(text)

    def asked(self) -> list[str]:
        """Return what docker was asked, but for the questions how it is."""
        lines = self.docker.with_name("docker.asked").read_text().splitlines()
        questions = ("info", "compose version", "compose version --short", "ps --quiet")
        return [line for line in lines if not line.endswith(questions)]

    @property
    def override(self) -> Path:
        return self.folder / OVERRIDE


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


@pytest.fixture
def busy(checkout: Checkout) -> Iterator[dict[str, int]]:
    """Let the script look for ports of the test's own, all of them busy."""
    with ExitStack() as stack:
        listeners = {
            name: stack.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1] for name in _PORTS
        }
        script = checkout.folder / "scripts" / "dev"
        text = script.read_text()
        for name in _PORTS:
            text = text.replace(f'"{name} {_PORTS[name]}"', f'"{name} {listeners[name]}"')
        script.write_text(re.sub(r"^FURTHER=.*$", "FURTHER=1", text, flags=re.MULTILINE))
        yield listeners


def _table(done: subprocess.CompletedProcess[str]) -> dict[str, list[str]]:
    assert done.returncode == 0, done.stderr
    rows = (line.split(maxsplit=3) for line in done.stdout.splitlines())
    return {row[0]: row[1:] for row in rows if row and row[0] in _PORTS}


@pytest.mark.seed("S1-66")
def test_busy_ports_are_replaced_and_everything_follows(checkout: Checkout, busy: dict[str, int]) -> None:
    done = checkout.run("up", "--no-build")
    rows = _table(done)
    assert list(rows) == list(_PORTS)
    ports = {name: int(row[0]) for name, row in rows.items()}
    assert not set(ports.values()) & set(busy.values())
    assert len(set(ports.values())) == len(_PORTS)
    assert {name: int(row[1]) for name, row in rows.items()} == busy
    if shutil.which("ss"):
        assert {row[2] for row in rows.values()} == {
            f"{Path('/proc/self/comm').read_text().strip()} (pid {os.getpid()})"
        }
    services = services_of(checkout.override.read_text())
    app = services["app"]
    assert app["ports"] == [
        f"127.0.0.1:{ports['app']}:8080",
        f"127.0.0.1:{ports['signaling']}:8081",
        f"127.0.0.1:{ports['web']}:5173",
    ]
    assert app["environment"]["BASE_URL"] == f"http://localhost:{ports['app']}"
    assert app["environment"]["GATEWAY_URL"] == f"ws://localhost:{ports['signaling']}"
    assert f"http://localhost:{ports['web']}" in app["environment"]["SERVER_CORS_ORIGINS"].split(",")
    assert f"--listening-port={ports['turn']}" in services["coturn"]["command"]
    assert services["grafana"]["ports"] == [f"127.0.0.1:{ports['grafana']}:3000"]
    files = f"compose -f docker-compose.yaml -f {OVERRIDE}"
    assert checkout.asked() == [f"{files} up --detach --build --no-build"]
    down = checkout.run("down")
    assert down.returncode == 0, down.stderr
    assert checkout.asked()[-1] == f"{files} --profile monitoring down --volumes --remove-orphans"
    assert not checkout.override.exists()


def test_but_for_its_ports_the_override_is_like_the_shipped_file(checkout: Checkout, busy: dict[str, int]) -> None:
    checkout.run("up")
    shipped = services_of((ROOT / "docker-compose.yaml").read_text())
    made = services_of(checkout.override.read_text())
    first, *rest = made["coturn"]["command"]
    assert first.startswith("--listening-port=")
    assert rest == shipped["coturn"]["command"]
    digits = re.compile(r"\d{4,5}")
    published = [service for service, parts in shipped.items() if "ports" in parts]
    for service in published:
        inside = [[port.rpartition(":")[2] for port in stack[service]["ports"]] for stack in (shipped, made)]
        assert inside[0] == inside[1]
    assert [digits.sub("", word) for word in made["coturn"]["healthcheck"]["test"]] == [
        digits.sub("", word) for word in shipped["coturn"]["healthcheck"]["test"]
    ]
    for name in ("STUN_URLS", "TURN_URLS"):
        assert digits.sub("", made["app"]["environment"][name]) == digits.sub("", shipped["app"]["environment"][name])
    ports = {port for service in published for port in shipped[service]["ports"]}
    assert {int(port.split(":")[1]) for port in ports} | {3478} == set(_PORTS.values())


def test_a_compose_that_cannot_replace_ports(checkout: Checkout, busy: dict[str, int]) -> None:
    checkout.note("old", "2.20.3\n")
    done = checkout.run("up")
    assert done.returncode == 2
    said = "dev: ports are busy, and only Compose 2.24.4 or newer can replace them; found 2.20.3"
    assert done.stderr.splitlines()[-1] == said
    assert not checkout.override.exists()


@pytest.mark.seed("S1-65")
def test_it_starts_with_secrets_of_its_own(checkout: Checkout, busy: dict[str, int]) -> None:
    assert checkout.run("up").returncode == 0
    secrets = {path.name: path.read_text() for path in (checkout.folder / "secrets").glob("[!.]*")}
    assert {"auth_secret", "postgres_app_password", "turn_secret"} <= secrets.keys()
    assert all(secrets.values())


def test_free_ports_need_no_override(checkout: Checkout, busy: dict[str, int]) -> None:
    script = checkout.folder / "scripts" / "dev"
    script.write_text(script.read_text().replace("is_busy() { ", "is_busy() { return 1; "))
    rows = _table(checkout.run("up"))
    assert {name: int(row[0]) for name, row in rows.items()} == busy
    assert not checkout.override.exists()
    assert checkout.asked() == ["compose -f docker-compose.yaml up --detach --build"]


def test_what_runs_keeps_its_ports(checkout: Checkout, busy: dict[str, int]) -> None:
    checkout.run("up")
    before = checkout.override.read_text()
    checkout.note("running", "0123456789ab\n")
    again = checkout.run("up")
    assert again.returncode == 0
    assert "it keeps its ports" in again.stderr
    assert checkout.override.read_text() == before


@pytest.mark.parametrize(
    ("note", "arguments", "said"),
    [
        ("down", ["up"], "docker does not answer"),
        ("bare", ["up"], "docker has no compose plugin"),
        ("", ["sideways"], "there is no command sideways; see --help"),
        ("", [], "there is no command (nothing); see --help"),
    ],
)
def test_what_cannot_be_done_is_one_line(checkout: Checkout, note: str, arguments: list[str], said: str) -> None:
    if note:
        checkout.note(note)
    done = checkout.run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    [line] = done.stderr.splitlines()
    assert line.startswith(f"dev: {said}")


def test_it_explains_itself_and_git_leaves_its_file_alone(checkout: Checkout) -> None:
    assert "Example:" in checkout.run("--help").stdout
    assert f"/{OVERRIDE}" in (ROOT / ".gitignore").read_text().splitlines()


@pytest.mark.integration
def test_shellcheck_finds_nothing() -> None:
    checker = program("shellcheck", "shellcheck")
    done = subprocess.run(
        [checker, "--external-sources", "scripts/dev"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")
