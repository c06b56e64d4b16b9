"""The production stack, handled as docs/operations.md says: images, start, update, doctor, loss and restoration.

The tests go through its life in this order; each also holds by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from tests.api.chaos import LONGEST_S, ROOMS, come_together, people_of_rooms
from tests.contracts.roamers import Roamer, check_sessions
from tests.infra.containers import BASE, Containers
from tests.infra.page import copying_commands
from tests.infra.proxy import wait_until
from tests.infra.stack.faults import FAULTS, Fault
from tests.infra.stack.images import APP, NGINX
from tests.infra.stack.installation import DOMAIN, NODES, SERVICES, Installation
from tests.infra.stack.visitor import ORIGIN, Visitor
from tests.infra.visits import next_frame, open_room, say_and_hear, way_into
from tests.signaling.chaos import chaos_seed

pytestmark = pytest.mark.integration

_OWN_PART_AT_MOST_BYTES = {APP: 300_000_000, NGINX: 4_000_000}
_NOBODY, _POSTGRES, _ROOT = "10001:10001", "999:999", "0:0"
_USERS = dict.fromkeys(SERVICES, _NOBODY) | {"backup": _POSTGRES, "certbot": _ROOT, "postgres": _POSTGRES}
_NO_CAPABILITY = "0" * 16
_RIGHTS = """
status() { sed -n "s/^$1:[[:space:]]*//p" /proc/self/status; }
(: >/somewhere) 2>/dev/null && root=writable || root=read-only
echo "$(id -u):$(id -g)" "$(status CapEff)" "$(status CapBnd)" "$(status NoNewPrivs)" $root
"""
_OF_THE_MACHINE = {"disk", "clock"}
"""What of the machine that the tests run on may deserve a warning."""
_PATIENCE_S = 120.0
"""nginx looks for another certificate once a minute."""
_WORDS_BETWEEN = 20
_BACKUP = ("exec", "-T", "backup", "/opt/chatter/backup/postgres")


# --- the image --------------------------------------------------------------------------------------------------------


@pytest.mark.seed("S1-13")
def test_the_image_says_how_it_is_run(containers: Containers) -> None:
    image = containers.inspect(APP)
    about = image["Config"]
    assert about["User"] == _NOBODY
    assert about["Entrypoint"] == ["chatter"]
    assert about["Cmd"] == ["serve"]
    assert image["Healthcheck"]["Test"] == ["CMD", "python", "/opt/chatter/healthcheck.py"]
    assert about["ExposedPorts"].keys() == {"8080/tcp", "8081/tcp"}


def test_its_user_has_a_name(containers: Containers) -> None:
    # Docker, other than podman, makes none up; without one no migration can be applied.
    asking = ("podman", "run", "--rm", "--no-healthcheck", "--passwd=false", "--entrypoint=id", APP, "-un")
    assert containers.run(asking, network=True, timeout=60).stdout.strip() == "chatter"


@pytest.mark.seed("S1-13")
@pytest.mark.parametrize("image", _OWN_PART_AT_MOST_BYTES)
def test_an_image_is_small_for_what_is_in_it(containers: Containers, image: str) -> None:
    own = containers.inspect(image)["Size"] - containers.inspect(BASE)["Size"]
    assert 0 < own < _OWN_PART_AT_MOST_BYTES[image]


def test_without_its_secrets_it_says_so_in_one_line(containers: Containers) -> None:
    variables = {"ENV": "production", "BASE_URL": ORIGIN, "AUTH_SECRET_FILE": "/run/secrets/auth_secret"}
    given = [f"--env={name}={value}" for name, value in variables.items()]
    done = containers.run(("podman", "run", "--rm", "--no-healthcheck", *given, APP), network=True, timeout=60)
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert line.startswith("chatter: AUTH_SECRET_FILE: /run/secrets/auth_secret cannot be read")


# --- the first start --------------------------------------------------------------------------------------------------


@pytest.mark.seed("S1-15")
async def test_a_certificate_takes_the_place_of_the_fallback_while_a_socket_stays_open(
    fresh: Installation, visitor: Visitor
) -> None:
    assert "chatter_tls_cert_self_signed 1" in fresh.read("app-1", "http://nginx:8090/tls")
    assert _causes(fresh.examine())["certificate"].startswith("The server still shows its self-signed fallback")
    anyone = visitor.who_trusts_anyone()
    with anyone.client() as client:
        bearer = anyone.sign_up(client, "paula")
        target = way_into(client, bearer, open_room(client, bearer))
    async with anyone.open_socket(target) as opened:
        assert (await next_frame(opened))["type"] == "welcome"
        done = fresh.obtain_certificate()
        assert done.returncode == 0, done.stderr
        wait_until(visitor.is_let_in, _PATIENCE_S)
        await say_and_hear(opened, "still here")
    assert visitor.certificate().public_key().curve.name == "secp256r1"  # type: ignore[union-attr]
    assert "chatter_tls_cert_self_signed 0" in fresh.read("app-1", "http://nginx:8090/tls")


@pytest.mark.seed("S1-13")
@pytest.mark.parametrize("service", SERVICES)
def test_it_runs_without_rights(fresh: Installation, service: str) -> None:
    rights = fresh.inside(service, "sh", "-c", _RIGHTS).split()
    assert rights == [_USERS[service], _NO_CAPABILITY, _NO_CAPABILITY, "1", "read-only"]


@pytest.mark.seed("S1-13")
def test_migrations_and_the_recorder_are_in_the_image_and_no_tools_that_built_it(fresh: Installation) -> None:
    assert "00001_create_users" in fresh.inside("app-1", "chatter", "migrate", "status")
    fresh.inside("app-1", "python", "-c", "import signaling.recording.recorder, signaling.recording.compose")
    assert fresh.inside("app-1", "sh", "-c", "ls -d /tools /wheels /build 2>/dev/null || true") == ""
    assert fresh.inside("app-1", "sh", "-c", "command -v node npm uv || true") == ""


def test_the_site_is_for_all_and_its_metrics_for_the_inside_only(stack: Installation, visitor: Visitor) -> None:
    with visitor.client() as client:
        assert '<div id="root">' in client.get("/").text
        assert client.get("/metrics").status_code == 404
    assert "chatter_bus_up 1.0" in stack.read("app-1", "http://app-2:8080/metrics")


def test_the_first_backup_is_made_and_restored_for_a_test(stack: Installation) -> None:
    wait_until(
        lambda: "chatter_backup_last_run_success 1" in stack.read("app-1", "http://nginx:8090/backup"), _PATIENCE_S
    )


# --- an update --------------------------------------------------------------------------------------------------------


def _people(visitor: Visitor, seed: int) -> list[Roamer]:
    """Open the rooms; return three people for each."""
    with visitor.client() as client:
        bearer = visitor.sign_up(client, "olivia")
        for room in ROOMS:
            client.post("/rooms", json={"roomId": room}, headers=bearer).raise_for_status()
    return people_of_rooms(lambda: [f"wss://{DOMAIN}"], ORIGIN, seed, **visitor.way)


async def _replace_all(stack: Installation, people: Sequence[Roamer]) -> None:
    """Replace one node after the other, each time after everyone has said something more."""
    for node in NODES:
        said = {person.speaker.name: person.speaker.said for person in people}
        while any(person.speaker.said < said[person.speaker.name] + _WORDS_BETWEEN for person in people):  # noqa: ASYNC110  # what is waited for has no event
            await asyncio.sleep(0.05)
        await asyncio.to_thread(stack.replace, node)


@pytest.mark.seed("S1-13")
async def test_nodes_are_replaced_and_nobody_loses_a_frame_or_a_session(stack: Installation, visitor: Visitor) -> None:
    seed = chaos_seed()
    print(f"replay with CHAOS_SEED={seed}")
    people = await asyncio.to_thread(_people, visitor, seed)
    async with asyncio.timeout(LONGEST_S):
        async with asyncio.TaskGroup() as group:
            replacing = group.create_task(_replace_all(stack, people))
            for person in people:
                group.create_task(person.live(cuts=False, talks=lambda: True, until=replacing.done))
        await come_together(people)
    check_sessions(people)
    assert [person.losses for person in people] == [0] * len(people)
    assert all(person.resumes for person in people)


# --- the doctor -------------------------------------------------------------------------------------------------------


def _causes(report: dict[str, Any]) -> dict[str, str]:
    return {found["name"]: found["finding"] for found in report["checks"] if found["status"] == "failed"}


def test_the_doctor_finds_all_well(stack: Installation) -> None:
    if not stack.is_well():  # nodes that were there before the certificate look at the relays again within a minute
        for node in NODES:
            stack.replace(node)
    wait_until(stack.is_well, _PATIENCE_S)
    wait_until(
        lambda: _causes(stack.examine()) == {}, _PATIENCE_S
    )  # names of what was just replaced may be unknown yet
    report = stack.examine()
    assert (report["ok"], report["url"]) == (True, ORIGIN)
    wrong = {found["name"]: found for found in report["checks"] if found["status"] != "ok"}
    assert wrong.keys() <= _OF_THE_MACHINE, wrong
    said = stack.compose("exec", "-T", "app-1", "chatter", "doctor")
    assert all(found["name"] in said for found in report["checks"])


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_the_doctor_finds_a_planted_fault(stack: Installation, fault: Fault) -> None:
    with fault.plant(stack):
        causes = _causes(stack.examine(*fault.options, apart=fault.apart))
    assert fault.checks <= causes.keys()
    assert all(fault.cause in causes[name] for name in fault.checks), causes


def test_the_doctor_finds_nothing_left_of_them(stack: Installation) -> None:
    assert _causes(stack.examine(node="app-2")) == {}


# --- the end ----------------------------------------------------------------------------------------------------------


def _follow_the_page(stack: Installation, *blocks: int) -> None:
    """Do what docs/operations.md says of copies elsewhere."""
    told = copying_commands(stack.checkout, stack.checkout.parent / "elsewhere", *blocks)
    stack.run("sh", "-eu", "-c", told)


def test_everything_is_destroyed_and_restored(stack: Installation, visitor: Visitor) -> None:
    with visitor.client() as client:
        room = open_room(client, visitor.sign_up(client, "rosa"))
    certificate = visitor.certificate()
    rows = stack.compose(*_BACKUP, "backup")
    assert "users: " in rows
    (stack.checkout.parent / "elsewhere").mkdir()
    _follow_the_page(stack, 0)

    stack.compose("down", "--volumes", "--timeout", "0")
    stack.start()
    assert visitor.certificate() != certificate
    _follow_the_page(stack, 1, 2)
    newest = max((stack.checkout.parent / "elsewhere" / "chatter_backups").glob("*.dump")).name
    assert stack.compose(*_BACKUP, "restore", newest) == rows
    stack.bring_up("certbot", *NODES)

    wait_until(lambda: visitor.certificate() == certificate, _PATIENCE_S)
    with visitor.client() as client:
        bearer = visitor.sign_in(client, "rosa")
        assert room in [found["roomId"] for found in client.get("/rooms", headers=bearer).json()["rooms"]]
