"""scripts/deploy with a docker of the test's own on PATH: one node at a time, and back again when one is not well."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.api.process import Server

ROOT = Path(__file__).resolve().parents[2]
_NODES = ("app-1", "app-2", "app-10")

# Holds images and containers as files: what a tag names, and which image a service runs.
_DOCKER = r"""
case "$*" in
    "compose version") [ ! -e "$FAKE/no-compose" ]; exit ;;
    info) [ ! -e "$FAKE/no-daemon" ]; exit ;;
esac
echo "$*" >>"$FAKE/log"
image_of() { case "$1" in app-*) echo chatter_app ;; *) echo "chatter_$1" ;; esac; }
shelf() { echo "$FAKE/images/$(echo "$1" | tr /: _-)"; }
case "$1 $2" in
    "image tag") cp "$([ -e "$(shelf "$3")" ] && shelf "$3" || echo "$FAKE/made/$3")" "$(shelf "$4")"; exit ;;
    "image inspect") [ "$3" != --format ] || { cat "$(shelf "$5")"; exit; }; [ -e "$(shelf "$3")" ]; exit ;;
    "image prune") exit ;;
    "container inspect")
        case "$4" in
            *Health*) [ -e "$FAKE/$5-unwell" ] || echo healthy ;;
            *StartedAt*) cat "$FAKE/started" ;;
            *hash*) cat "$FAKE/hash" ;;
            *Config.Image*) echo "$5" ;;
            *) cat "$FAKE/running/$5" ;;
        esac
        exit ;;
esac
shift
while [ "${1#-}" != "$1" ]; do shift 2; done
command=$1
for service in "$@"; do :; done
case "$command" in
    config)
        [ ! -e "$FAKE/no-domain" ] || { cat "$FAKE/no-domain" >&2; exit 1; }
        case "$*" in
            config) echo "name: chatter"; exit ;;
            *--hash*) echo "$3 hash-of-the-file"; exit ;;
        esac
        printf '%s\n' nginx $(cat "$FAKE/nodes") migrate app-tools $(cat "$FAKE/more-services" 2>/dev/null) ;;
    exec) [ ! -e "$FAKE/$3-hears-nobody" ] && [ ! -e "$FAKE/$(cat "$FAKE/running/$3")-$3-hears-nobody" ] ;;
    ps) [ ! -e "$FAKE/running/$service" ] || echo "$service" ;;
    build)
        for image in app nginx; do
            [ -e "$FAKE/same-$image" ] || cat "$FAKE/next" >"$FAKE/images/chatter_$image-local"
        done ;;
    run) [ ! -e "$FAKE/migration-fails" ] ;;
    up)
        case "$*" in *--no-recreate*) [ ! -e "$FAKE/running/$service" ] || exit 0 ;; esac
        rm -f "$FAKE/$service-unwell"
        image=$(cat "$FAKE/images/$(image_of "$service")-local" 2>/dev/null || echo other)
        echo "$image" >"$FAKE/running/$service"
        [ ! -e "$FAKE/$image-$service-fails" ] ;;
esac
"""


class Machine:
    """A checkout with its nodes at the version `old`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("scripts", "bin", "images", "made", "running", "secrets"):
            (folder / name).mkdir()
        for script in ("deploy", "secrets"):
            shutil.copy(ROOT / "scripts" / script, folder / "scripts")
        shutil.copytree(ROOT / "infra", folder / "infra", ignore=shutil.ignore_patterns("__pycache__"))
        (folder / "started").write_text("2100-01-01T00:00:00.123456789Z\n")
        (folder / "hash").write_text("hash-of-the-file\n")
        (folder / "next").write_text("new\n")
        (folder / "nodes").write_text("app-10 app-2 app-1\n")
        (folder / "bin" / "docker").write_text(f"#!/bin/sh\nset -eu\n{_DOCKER}")
        (folder / "bin" / "docker").chmod(0o755)
        for image in ("app", "nginx"):
            (folder / "images" / f"chatter_{image}-local").write_text("old\n")
        for version in ("old", "new"):
            (folder / "made" / version).write_text(f"{version}\n")
        for service in (*_NODES, "nginx", "coturn", "nats"):
            (folder / "running" / service).write_text("old\n")
        subprocess.run([folder / "scripts" / "secrets"], check=True, capture_output=True, timeout=30)

    def deploy(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the script."""
        return subprocess.run(
            [self.folder / "scripts" / "deploy", *arguments],
            env={
                "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
                "FAKE": str(self.folder),
                "LOCK_DIR": str(self.folder),
                "SETTLE_S": "0",
                "JOIN_WITHIN_S": "0",
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def plan(self, what: str) -> None:
        """Let something go wrong."""
        (self.folder / what).touch()

    @property
    def log(self) -> list[str]:
        """What docker was asked to do to the stack."""
        path = self.folder / "log"
        lines = path.read_text().splitlines() if path.exists() else []
        return [line.removeprefix("compose -f docker-compose.prod.yaml ") for line in lines]

    @property
    def replaced(self) -> list[str]:
        """Which services were replaced, in this order."""
        return [line.rpartition(" ")[2] for line in self.log if line.startswith("up --detach --no-deps --wait ")]

    @property
    def running(self) -> dict[str, str]:
        """Which version each runs now."""
        return {path.name: path.read_text().strip() for path in (self.folder / "running").iterdir()}


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine in production."""
    return Machine(tmp_path)


def test_nodes_are_replaced_one_at_a_time_after_the_migration(machine: Machine) -> None:
    done = machine.deploy()
    assert done.returncode == 0, done.stderr
    assert machine.replaced == [*_NODES, "nginx"]
    order = [line for line in machine.log if line.startswith(("build", "run ", "up "))]
    assert order[:3] == [
        "build --pull",
        "up --detach --wait postgres nats certbot",
        "run --rm --no-deps migrate",
    ]
    assert order[-2:] == ["up --detach --no-deps backup", "up --detach --no-deps --no-recreate coturn"]
    assert {machine.running[service] for service in (*_NODES, "nginx")} == {"new"}
    progress = [line.removeprefix("\x1b[2m›\x1b[0m ") for line in done.stderr.splitlines()]
    assert progress[-1] == "Done"
    assert progress[2:5] == ["Replacing app-1 (1 of 3)", "Replacing app-2 (2 of 3)", "Replacing app-10 (3 of 3)"]


def test_a_failed_migration_leaves_the_nodes_alone(machine: Machine) -> None:
    machine.plan("migration-fails")
    done = machine.deploy()
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == "deploy: the migration failed; the nodes run on as before"
    assert machine.replaced == []


def test_a_node_that_is_not_well_brings_all_back(machine: Machine) -> None:
    machine.plan("new-app-2-fails")
    done = machine.deploy()
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == "deploy: the new version did not start; the version before runs again"
    # The one that is down first; nobody touches those that were not reached.
    assert machine.replaced == ["app-1", "app-2", "app-2", "app-1", "nginx"]
    assert {machine.running[service] for service in (*_NODES, "nginx")} == {"old"}


def test_when_nothing_runs_any_more_it_says_where_to_look(machine: Machine) -> None:
    machine.plan("new-app-1-fails")
    machine.plan("old-app-1-fails")
    done = machine.deploy()
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("deploy: the version before is not well either; see: docker compose")


def test_back_is_one_node_at_a_time_too(machine: Machine) -> None:
    assert machine.deploy().returncode == 0
    (machine.folder / "log").unlink()
    done = machine.deploy("--back")
    assert done.returncode == 0, done.stderr
    assert machine.replaced == [*_NODES, "nginx"]
    assert {machine.running[service] for service in (*_NODES, "nginx")} == {"old"}
    assert not any(line.startswith(("build", "run ")) for line in machine.log)


def test_a_deploy_that_was_broken_off_does_not_lose_the_version_before(machine: Machine) -> None:
    (machine.folder / "images" / "chatter_app-local").write_text("half of new\n")  # built, and app-1 runs it
    (machine.folder / "running" / "app-1").write_text("half of new\n")
    machine.plan("new-app-2-fails")
    assert machine.deploy().returncode == 2
    assert {machine.running[service] for service in _NODES} == {"old"}


@pytest.mark.parametrize("same", ["app", "nginx"])
def test_pages_and_their_files_go_back_together(machine: Machine, same: str) -> None:
    assert machine.deploy().returncode == 0
    (machine.folder / "next").write_text("newest\n")
    machine.plan(f"same-{same}")
    assert machine.deploy().returncode == 0
    assert machine.deploy("--back").returncode == 0
    assert {machine.running[service] for service in (*_NODES, "nginx")} == {"new"}


def test_a_deploy_that_was_broken_off_before_nginx_does_not_lose_the_version_before(machine: Machine) -> None:
    assert machine.deploy().returncode == 0
    (machine.folder / "running" / "nginx").write_text("old\n")
    assert machine.deploy().returncode == 0
    assert machine.deploy("--back").returncode == 0
    assert {machine.running[service] for service in (*_NODES, "nginx")} == {"old"}


def test_one_that_is_not_well_comes_first(machine: Machine) -> None:
    machine.plan("app-2-unwell")
    assert machine.deploy().returncode == 0
    assert machine.replaced == ["app-2", "app-1", "app-10", "nginx"]


def test_the_next_node_stays_until_the_new_one_hears_the_others(machine: Machine) -> None:
    machine.plan("app-1-hears-nobody")
    done = machine.deploy()
    assert done.returncode == 2
    assert "app-1 does not hear the other nodes" in done.stderr
    assert set(machine.replaced) == {"app-1", "nginx"}
    assert {machine.running[service] for service in _NODES} == {"old"}
    assert {line[-1] for line in machine.log if line.startswith("sys.exit(")} == {"2"}


def test_the_last_node_has_to_hear_the_others_too(machine: Machine) -> None:
    machine.plan("new-app-10-hears-nobody")
    done = machine.deploy()
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == "deploy: the new version did not start; the version before runs again"
    assert machine.replaced == [*_NODES, "app-10", "app-1", "app-2", "nginx"]
    assert {machine.running[service] for service in (*_NODES, "nginx")} == {"old"}


def test_a_version_before_that_hears_nobody_is_all_there_is(machine: Machine) -> None:
    assert machine.deploy().returncode == 0
    machine.plan("app-10-hears-nobody")
    done = machine.deploy("--back")
    assert done.returncode == 0, done.stderr
    assert "app-10 does not hear the other nodes" in done.stderr
    assert {machine.running[service] for service in (*_NODES, "nginx")} == {"old"}


def test_a_node_that_is_alone_has_nobody_to_hear(machine: Machine) -> None:
    (machine.folder / "nodes").write_text("app-1\n")
    assert machine.deploy().returncode == 0
    assert machine.replaced == ["app-1", "nginx"]
    assert [line[-1] for line in machine.log if line.startswith("sys.exit(")] == ["0"]


def test_a_second_deploy_of_the_same_keeps_the_version_before(machine: Machine) -> None:
    for _ in range(2):
        assert machine.deploy().returncode == 0
    assert machine.deploy("--back").returncode == 0
    assert {machine.running[service] for service in (*_NODES, "nginx")} == {"old"}


def test_nodes_read_new_secrets_one_at_a_time(machine: Machine) -> None:
    assert machine.deploy("--recreate").returncode == 0
    assert machine.replaced == [*_NODES, "nginx"]
    forced = [line.split()[-1] for line in machine.log if "--force-recreate" in line]
    assert forced == [*_NODES]


_CHANGES = {
    "settings": ("hash", "hash-of-before\n"),
    "files": ("started", "2001-01-01T00:00:00Z\n"),
    "image": ("images/coturn", "pulled\n"),
}


@pytest.mark.parametrize("changed", _CHANGES)
def test_a_changed_coturn_is_told_of_and_left_alone(machine: Machine, changed: str) -> None:
    file, content = _CHANGES[changed]
    (machine.folder / file).write_text(content)
    done = machine.deploy()
    assert done.returncode == 0, done.stderr
    assert "docker compose -f docker-compose.prod.yaml up -d --no-deps --force-recreate coturn" in done.stderr
    assert machine.running["coturn"] == "old"
    assert "coturn" not in machine.deploy("--back").stderr


def test_the_proxy_of_turn_on_443_is_left_alone_too(machine: Machine) -> None:
    (machine.folder / "more-services").write_text("tls-443\n")
    (machine.folder / "running" / "tls-443").write_text("old\n")
    done = machine.deploy()
    assert (done.returncode, "tls-443" in done.stderr) == (0, False), done.stderr
    (machine.folder / "images" / "tls-443").write_text("pulled\n")
    done = machine.deploy()
    assert "docker compose -f docker-compose.prod.yaml up -d --no-deps --force-recreate tls-443" in done.stderr
    assert machine.running["tls-443"] == "old"


def test_what_the_proxy_of_turn_on_443_reads_is_watched(machine: Machine) -> None:
    (machine.folder / "more-services").write_text("tls-443\n")
    folder = machine.folder / "infra" / "nginx" / "turn-443"
    read = {"nginx.conf", *re.findall(r"include (\S+);", (folder / "nginx.conf").read_text())}
    assert "listen-tls.conf" in read
    for name in {file.name for file in folder.iterdir()} - read:
        os.utime(folder / name, (4_200_000_000,) * 2)  # later than the start
    assert "tls-443" not in machine.deploy().stderr
    os.utime(folder / "listen-tls.conf", (4_200_000_000,) * 2)
    assert "force-recreate tls-443" in machine.deploy().stderr


@pytest.mark.parametrize("fails", ["", "new-app-1-fails"])
def test_port_443_is_taken_as_soon_as_nginx_gives_it_up(machine: Machine, fails: str) -> None:
    (machine.folder / "more-services").write_text("tls-443\n")
    if fails:
        machine.plan(fails)
    assert (machine.deploy().returncode != 0) is bool(fails)
    done = [line for line in machine.log if line.startswith(("up ", "exec -T nginx"))]
    at = done.index("up --detach --no-deps --wait --wait-timeout 120 nginx")
    assert done[at + 1] == "up --detach --no-deps --no-recreate tls-443"
    assert machine.running["tls-443"] == "other"


def test_a_proxy_of_turn_on_443_that_does_not_start_is_not_passed_over(machine: Machine) -> None:
    (machine.folder / "more-services").write_text("tls-443\n")
    machine.plan("other-tls-443-fails")
    done = machine.deploy()
    assert (done.returncode, done.stderr.splitlines()[-1].split(";")[0]) == (2, "deploy: tls-443 did not start")


def test_what_reads_changed_files_is_started_anew(machine: Machine) -> None:
    assert machine.deploy().returncode == 0
    assert not [line for line in machine.log if " restart " in line]
    (machine.folder / "started").write_text("2001-01-01T00:00:00Z\n")
    assert machine.deploy().returncode == 0
    restarted = [line.split()[-1] for line in machine.log if " restart " in line]
    assert restarted == ["nats", "certbot", "backup"]  # monitoring does not run here
    (machine.folder / "log").unlink()
    (machine.folder / "running" / "loki").write_text("old\n")
    assert machine.deploy().returncode == 0
    assert (
        "compose -f docker-compose.prod.yaml --profile monitoring restart loki"
        in (machine.folder / "log").read_text().splitlines()
    )


def test_the_version_in_the_file_is_heeded(machine: Machine) -> None:
    (machine.folder / ".env").write_text("CHATTER_VERSION='7'\n")
    for image in ("app", "nginx"):
        (machine.folder / "images" / f"chatter_{image}-7").write_text("seven\n")
    assert machine.deploy().returncode == 0
    assert "image inspect --format {{.Id}} chatter/app:7" in machine.log


def test_the_first_deploy_has_nothing_to_keep(machine: Machine) -> None:
    for path in (*(machine.folder / "running").iterdir(), *(machine.folder / "images").iterdir()):
        path.unlink()
    assert machine.deploy("--back").stderr == "deploy: there is nothing to go back to\n"
    assert machine.deploy().returncode == 0
    assert machine.running["app-10"] == "new"


def test_two_at_once_are_one_too_many(machine: Machine) -> None:
    holding = subprocess.Popen(
        ["flock", machine.folder / "deploy-chatter.lock", "sh", "-c", "echo held; read -r end"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with holding:
        assert holding.stdout is not None
        assert holding.stdout.readline() == b"held\n"
        done = machine.deploy()
        complaint = f"deploy: another deploy is at work; it holds {machine.folder}/deploy-chatter.lock\n"
        assert (done.returncode, done.stderr) == (2, complaint)
        holding.communicate(b"\n")


def test_who_is_not_the_first_to_deploy_needs_no_right_to_write(machine: Machine) -> None:
    lock = machine.folder / "deploy-chatter.lock"
    assert machine.deploy().returncode == 0
    assert lock.stat().st_mode & 0o777 == 0o644
    lock.chmod(0o444)
    assert machine.deploy().returncode == 0


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir, lambda path: path.symlink_to("nowhere")])
def test_what_cannot_be_a_lock_is_named(machine: Machine, make: Callable[[Path], None]) -> None:
    lock = machine.folder / "deploy-chatter.lock"
    make(lock)
    done = machine.deploy()
    [complaint] = done.stderr.splitlines()
    assert (done.returncode, complaint.startswith(f"deploy: {lock}, ")) == (2, True)
    assert machine.replaced == []


def test_the_lock_is_the_same_for_everyone() -> None:
    script = (ROOT / "scripts" / "deploy").read_text("utf-8")
    assert "\nlock=${LOCK_DIR:-/tmp}/deploy-$project.lock\n" in script
    assert "${TMPDIR" not in script


def test_without_secrets_nothing_is_done(machine: Machine) -> None:
    (machine.folder / "secrets" / "bus_url").unlink()
    done = machine.deploy()
    assert (done.returncode, len(done.stderr.splitlines()), machine.log) == (1, 1, [])


def test_without_a_domain_nothing_is_done_and_compose_says_why(machine: Machine) -> None:
    complaint = "required variable DOMAIN is missing a value: write DOMAIN=call.example.org into .env\n"
    (machine.folder / "no-domain").write_text(complaint)
    done = machine.deploy()
    assert (done.returncode, done.stderr, machine.log) == (1, complaint, ["config"])


@pytest.mark.parametrize(
    ("missing", "said"), [("no-compose", "docker has no compose plugin"), ("no-daemon", "docker does not answer")]
)
def test_what_docker_lacks_is_one_line(machine: Machine, missing: str, said: str) -> None:
    machine.plan(missing)
    done = machine.deploy()
    assert (done.returncode, len(done.stderr.splitlines()), machine.log) == (2, 1, [])
    assert done.stderr.startswith(f"deploy: {said}")


def test_further_compose_files_are_heeded(machine: Machine) -> None:
    (machine.folder / ".env").write_text("COMPOSE_FILE=docker-compose.prod.yaml:more.yaml\n")
    assert machine.deploy().returncode == 0
    assert "compose build --pull" in machine.log


@pytest.mark.integration
@pytest.mark.parametrize(("others", "joined"), [(0, True), (1, False)])
def test_a_node_says_how_many_it_hears(chatter: Server, others: int, joined: bool) -> None:
    found = re.search(r"HEARS_THEM='(.*?)'", (ROOT / "scripts" / "deploy").read_text("utf-8"), re.DOTALL)
    assert found is not None
    question = found[1].replace(":8080/", f":{chatter.http_port}/")
    done = subprocess.run([sys.executable, "-c", question, str(others)], timeout=30, check=False)
    assert (done.returncode == 0) is joined
