"""The shipped Dockerfile, built for real and run as production runs it: read-only, as nobody, without capabilities."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.infra.containers import PYTHON, Containers
from tests.infra.proxy import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.seed("S1-13")]

_APP = "localhost/chatter/app:test"
_OWN_PART_AT_MOST_BYTES = 300_000_000
_WHO = """
import json, os
lines = (line.partition(":") for line in open("/proc/self/status"))
status = {name: value.strip() for name, _, value in lines}
try:
    open("/somewhere", "w")
    writes = True
except OSError:
    writes = False
print(json.dumps({"user": os.getuid(), "group": os.getgid(), "writes": writes,
                  **{name: status[name] for name in ("CapEff", "CapBnd", "NoNewPrivs")}}))
"""


@pytest.fixture(scope="module")
def containers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Containers]:
    """The image, built on Debian's Python in the place of the official one."""
    made = Containers(tmp_path_factory.mktemp("containers"))
    try:
        made.make_base(PYTHON, "python3", "python3-venv")
        made.make_node()
        made.build("app", _APP)
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def app(containers: Containers) -> str:
    """A running container, with the bounds of docker-compose.prod.yaml and a network of its own."""
    bounds = ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--pids-limit=256", "--network=none")
    storage = ("--tmpfs=/tmp:size=256m,mode=1777", "--volume=data:/data")
    name = containers.podman("run", "--detach", "--name=app", *bounds, *storage, "--env=ENV=development", _APP)
    wait_until(lambda: containers.is_well(name))
    return name


def _inside(containers: Containers, name: str, *command: str) -> str:
    return containers.podman("exec", name, *command)


def test_it_says_how_it_is_run(containers: Containers) -> None:
    image = containers.inspect(_APP)
    about = image["Config"]
    assert about["User"] == "10001:10001"
    assert about["Entrypoint"] == ["chatter"]
    assert about["Cmd"] == ["serve"]
    assert image["Healthcheck"]["Test"] == ["CMD", "python", "/opt/chatter/healthcheck.py"]
    assert about["ExposedPorts"].keys() == {"8080/tcp", "8081/tcp"}


def test_it_is_small_for_what_is_in_it(containers: Containers) -> None:
    own = containers.inspect(_APP)["Size"] - containers.inspect(PYTHON)["Size"]
    assert own < _OWN_PART_AT_MOST_BYTES


def test_it_runs_as_nobody_and_may_nothing(containers: Containers, app: str) -> None:
    assert json.loads(_inside(containers, app, "python", "-c", _WHO)) == {
        "user": 10001,
        "group": 10001,
        "writes": False,
        "CapEff": "0" * 16,
        "CapBnd": "0" * 16,
        "NoNewPrivs": "1",
    }


def test_it_serves_the_web_client(containers: Containers, app: str) -> None:
    page = "from urllib.request import urlopen; print(urlopen('http://127.0.0.1:8080/').read().decode())"
    assert '<div id="root">' in _inside(containers, app, "python", "-c", page)


def test_migrations_and_the_recorder_are_in_it_and_no_tools_that_built_it(containers: Containers, app: str) -> None:
    assert "00001_create_users" in _inside(containers, app, "chatter", "migrate", "status")
    _inside(containers, app, "python", "-c", "import signaling.recording.recorder, signaling.recording.compose")
    assert _inside(containers, app, "sh", "-c", "ls -d /tools /wheels /build 2>/dev/null || true") == ""
    assert _inside(containers, app, "sh", "-c", "command -v node npm uv || true") == ""


def test_it_ends_in_good_order(containers: Containers, app: str) -> None:
    containers.podman("stop", "--time=30", app)
    assert containers.podman("inspect", "--format={{.State.ExitCode}}", app) == "0"
