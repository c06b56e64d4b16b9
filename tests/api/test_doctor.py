"""`chatter doctor` on a whole deployment: green as it should be, red with the right cause for each planted fault."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import trustme
from click.testing import Result

from api.doctor import there
from api.doctor.checkup import CHECKS, check_up
from api.doctor.deployment import Deployment
from api.doctor.findings import Report
from api.doctor.http import Place
from api.migrate import known_migrations
from tests.api.doctor_stack import HOST, Stack, nodes_variables, url_of
from tests.api.process import COMMAND, ROOT, environment, free_ports, run, serving
from tests.buses import BusServer, nats_server
from tests.coturn import Coturn
from tests.databases import PostgresFactory
from tests.infra.conftest import program
from tests.infra.proxy import Nginx, wait_until
from tests.small_disk import small_disk

pytestmark = pytest.mark.integration

NAMES = [check.name for check in CHECKS]
OF_THE_MACHINE = {"disk", "clock"}
"""Where the machine that the tests run on may deserve a warning."""


@pytest.fixture(scope="module")
def bus() -> Iterator[BusServer]:
    server = nats_server()
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="module")
def stack(
    postgres_factory: PostgresFactory, bus: BusServer, coturn: Coturn, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """The deployment that all tests here look at."""
    database = postgres_factory.create()
    made = Stack(tmp_path_factory.mktemp("stack"), program("nginx", "nginx"), nodes_variables(database, bus, coturn))
    try:
        made.start()
        yield made
    finally:
        made.close()
        postgres_factory.drop(database)


def checks(result: Result) -> dict[str, dict[str, Any]]:
    """Return the findings by name."""
    return {found["name"]: found for found in json.loads(result.stdout)["checks"]}


def red(result: Result) -> dict[str, str]:
    """Return what failed, with the cause."""
    assert result.exit_code == 1, result.output
    return {name: found["finding"] for name, found in checks(result).items() if found["status"] == "failed"}


def assert_ok(statuses: dict[str, str]) -> None:
    """Make sure that all is well but what lies with this machine."""
    wrong = {name: status for name, status in statuses.items() if status != "ok"}
    assert wrong.keys() <= OF_THE_MACHINE, wrong
    assert set(wrong.values()) <= {"warning"}


def rows(stack: Stack) -> dict[str, int]:
    """Return how many rows each table has that a call could leave something in."""
    with psycopg.connect(stack.variables["DATABASE_URL"]) as connection:
        tables = ("users", "device_sessions", "rooms", "calls", "ws_tickets", "audit_events")
        present = {str(row[0]) for row in connection.execute("SELECT tablename FROM pg_tables").fetchall()}
        counts = {}
        for table in present.intersection(tables):
            row = connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()
            counts[table] = int(row[0]) if row else 0
    return counts


# --- green ----------------------------------------------------------------------------------------------------------


def test_all_is_well_and_nothing_is_left_behind(stack: Stack) -> None:
    before = rows(stack)
    started = time.time()
    result = stack.examine(None, "--json", "--address", HOST)
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert list(report) == ["ok", "url", "version", "started_at", "checks"]
    assert (report["ok"], report["url"]) == (True, url_of(stack.nginx))
    assert started - 1 <= report["started_at"] / 1000 <= time.time()
    assert [found["name"] for found in report["checks"]] == NAMES
    for found in report["checks"]:
        assert list(found) == ["name", "status", "finding", "fix", "ms"]
        assert "\n" not in found["finding"]
    assert_ok({found["name"]: found["status"] for found in report["checks"]})
    assert "data through turn:" in checks(result)["call"]["finding"]
    assert rows(stack) == before


def test_beside_a_node_of_the_same_name(stack: Stack) -> None:
    """As `docker compose exec app-1 chatter doctor` runs it."""
    own = f"{stack.folder.name}-1"
    result = stack.examine(None, "--json", NODE_ID=own)
    assert result.exit_code == 0, result.output
    assert "; it hears " in checks(result)["server"]["finding"]
    assert stack.is_well()


def test_on_a_terminal_each_line_says_how_one_part_is(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text(stack.nginx.authority_pem)
    done = subprocess.run(
        [*COMMAND, "doctor", "--ca-file", str(tmp_path / "ca.pem")],
        env=environment(tmp_path, NODE_ID="doctor", **stack.variables),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    *lines, empty, summary = done.stdout.splitlines()
    found = [line.split()[:2] for line in lines if not line.startswith(" ")]
    assert [name for _, name in found] == NAMES
    assert_ok({name: status for status, name in found})
    well = sum(status == "ok" for status, _ in found)
    assert (empty, summary.partition(",")[0]) == ("", f"{url_of(stack.nginx)}: {well} ok")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_in_the_middle_leaves_nothing_behind_either(
    stack: Stack, tmp_path: Path, number: signal.Signals
) -> None:
    before = rows(stack)
    (tmp_path / "ca.pem").write_text(stack.nginx.authority_pem)
    with subprocess.Popen(
        [*COMMAND, "doctor", "--ca-file", str(tmp_path / "ca.pem")],
        env=environment(tmp_path, NODE_ID="doctor", **stack.variables),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as doctor:
        wait_until(lambda: rows(stack)["users"] > before["users"])
        doctor.send_signal(number)
        _, said = doctor.communicate(timeout=60)
    assert (doctor.returncode, said.strip()) == (128 + number, "Aborted!")
    assert rows(stack) == before


def test_a_server_without_a_proxy(tmp_path: Path) -> None:
    http, gateway = free_ports(2)
    variables = {
        "SERVER_ADDR": f"{HOST}:{http}",
        "GATEWAY_ADDR": f"{HOST}:{gateway}",
        "BASE_URL": f"http://{HOST}:{http}",
    }
    with serving(tmp_path, **variables):
        done = run(tmp_path, "doctor", "--json", **variables)
    assert done.returncode == 0, done.stdout
    found = {check["name"]: check["status"] for check in json.loads(done.stdout)["checks"]}
    without = {"bus", "certificate", "proxy-headers", "turn-udp", "turn-tcp", "turn-tls"}
    assert {name for name, status in found.items() if status == "skipped"} == without
    assert_ok({name: status for name, status in found.items() if name not in without})


# --- faults of the name and the certificate -------------------------------------------------------------------------


def test_the_name_leads_elsewhere(stack: Stack) -> None:
    found = red(stack.examine(None, "--json", "--address", "203.0.113.7"))
    assert found == {"name": f"{HOST} leads to {HOST}, not to 203.0.113.7."}


def test_the_name_leads_to_another_installation(stack: Stack) -> None:
    result = stack.examine(None, "--json", AUTH_SECRET="the-secret-of-another-installation-9876543210")
    assert "Another Chatter answers" in red(result)["server"]
    assert "A and AAAA records" in checks(result)["server"]["fix"]
    assert checks(result)["call"]["finding"] == "needs server, which failed"


def test_there_is_no_such_name(stack: Stack) -> None:
    result = stack.examine(None, "--json", "--url", "https://doctor.invalid")
    assert "There is no address for doctor.invalid" in red(result)["name"]
    assert checks(result)["certificate"]["finding"] == "needs name, which failed"
    assert checks(result)["turn-udp"]["status"] == "ok"


def test_nobody_listens(stack: Stack) -> None:
    result = stack.examine(None, "--json", "--url", f"https://{HOST}:{free_ports(1)[0]}")
    assert "Nothing answers" in red(result)["connection"]
    assert checks(result)["server"]["status"] == "skipped"


def test_somebody_listens_and_says_nothing(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.doctor.http._CONNECT_S", 0.2)
    with socket.create_server((HOST, 0)) as mute:
        result = stack.examine(None, "--json", "--url", f"https://{HOST}:{mute.getsockname()[1]}")
    found = red(result)
    assert found.keys() == {"certificate"}
    assert found["certificate"].endswith("no answer in time.")


def test_something_that_does_not_speak_tls(stack: Stack) -> None:
    port = stack.ports[0][0]
    found = red(stack.examine(None, "--json", "--url", f"https://{HOST}:{port}"))
    assert found["certificate"].startswith(f"{HOST} does not speak TLS on port {port}: ")


def test_something_else_than_chatter_answers(stack: Stack) -> None:
    result = stack.examine(None, "--json", "--url", f"http://{HOST}:{stack.nginx.http_port}")
    sent_on = f"https://{HOST}/api/doctor"
    assert red(result) == {"server": f"{HOST} sends people on to {sent_on}: 301 Moved Permanently from nginx."}
    assert f"--url https://{HOST}." in checks(result)["server"]["fix"]


def show(nginx: Nginx, issued: trustme.LeafCert, authority: trustme.CA) -> None:
    """Let a proxy show this certificate."""
    current = nginx.folder / "tls" / "current"
    issued.private_key_pem.write_to_path(current / "privkey.pem")
    (current / "fullchain.pem").write_bytes(b"".join(part.bytes() for part in issued.cert_chain_pems))
    nginx.authority_pem = authority.cert_pem.bytes().decode("ascii")


def test_the_certificate_has_expired(stack: Stack) -> None:
    authority, ended = trustme.CA(), datetime.now(UTC) - timedelta(days=3)
    with stack.behind() as nginx:
        show(nginx, authority.issue_cert(HOST, not_before=ended - timedelta(days=90), not_after=ended), authority)
        nginx.start()
        result = stack.examine(nginx, "--json")
    cause = red(result)["certificate"]
    assert cause.startswith(f"The certificate of {HOST} ended on {ended:%b} ")
    assert "certbot" in checks(result)["certificate"]["fix"]


def test_the_certificate_should_have_been_renewed(stack: Stack) -> None:
    authority, now = trustme.CA(), datetime.now(UTC)
    with stack.behind() as nginx:
        show(
            nginx,
            authority.issue_cert(
                HOST, not_before=now - timedelta(days=80), not_after=now + timedelta(days=10, hours=1)
            ),
            authority,
        )
        nginx.start()
        found = checks(stack.examine(nginx, "--json"))["certificate"]
    assert (found["status"], found["finding"]) == ("warning", "The certificate ends in 10 days and was not renewed.")


def test_the_certificate_is_for_another_name(stack: Stack) -> None:
    authority = trustme.CA()
    with stack.behind() as nginx:
        show(nginx, authority.issue_cert("meet.example.org"), authority)
        nginx.start()
        result = stack.examine(nginx, "--json")
    cause = red(result)["certificate"]
    assert checks(result)["server"]["finding"] == "needs certificate, which failed"
    assert cause == f"The certificate is for meet.example.org, not for {HOST}."


def test_there_is_only_the_fallback_certificate(stack: Stack) -> None:
    with stack.behind() as nginx:
        tls = nginx.folder / "tls"
        shutil.rmtree(tls)
        script = ROOT / "infra" / "tls" / "certificate"
        given = {"PATH": os.environ["PATH"], "TLS_DIR": str(tls)}
        subprocess.run([script, "fallback"], env=given, check=True, capture_output=True, timeout=30)
        nginx.start()
        result = stack.examine(nginx, "--json")
    assert red(result)["certificate"].startswith("The server still shows its self-signed fallback")
    assert "./init-letsencrypt.sh" in checks(result)["certificate"]["fix"]


def test_the_certificate_comes_from_nobody_known(stack: Stack) -> None:
    with stack.behind() as nginx:
        nginx.start()
        nginx.authority_pem = trustme.CA().cert_pem.bytes().decode("ascii")
        cause = red(stack.examine(nginx, "--json"))["certificate"]
    assert "comes from nobody known here" in cause
    assert "localhost" in cause


def _knowing(stack: Stack, monkeypatch: pytest.MonkeyPatch, *addresses: str) -> Deployment:
    """Return a deployment whose name was found to have these addresses."""
    for name, value in environment(stack.folder, NODE_ID="doctor", **stack.variables).items():
        monkeypatch.setenv(name, value)
    known = Deployment(url_of(stack.nginx))
    known.addresses = list(addresses)
    return known


async def test_one_of_two_addresses_leads_nowhere(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    verdict = await there.connection(_knowing(stack, monkeypatch, HOST, "127.0.0.2"))
    assert (verdict.status, verdict.finding.partition(": ")[0]) == (
        "failed",
        f"Nothing answers at 127.0.0.2 port {stack.nginx.https_port}",
    )


async def test_an_address_of_a_network_that_is_not_here(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    known = _knowing(stack, monkeypatch, HOST, "2001:db8::1")

    @asynccontextmanager
    async def without_ipv6(place: Place) -> AsyncIterator[None]:
        if ":" in place.address:
            raise OSError(errno.ENETUNREACH, "Network is unreachable")
        yield

    monkeypatch.setattr(there, "connected", without_ipv6)
    verdict = await there.connection(known)
    assert (verdict.status, verdict.finding.partition(" ")[0]) == ("warning", "2001:db8::1")
    assert known.addresses == [HOST]


# --- faults of the proxy --------------------------------------------------------------------------------------------

_FORWARDED = "proxy_set_header X-Forwarded-For $remote_addr;"
_UPGRADE = "proxy_set_header Upgrade $websocket_upgrade;"


@pytest.mark.parametrize(
    ("check", "old", "new", "cause"),
    [
        ("websocket", _UPGRADE, "", "The proxy does not pass WebSockets on"),
        (
            "proxy-headers",
            _FORWARDED,
            "proxy_set_header X-Forwarded-For '';",
            "The proxy passes no X-Forwarded-For",
        ),
        (
            "origins",
            _UPGRADE,
            f"{_UPGRADE} proxy_set_header Origin '';",
            "Pages of any other site may open sockets",
        ),
    ],
)
def test_the_proxy_is_set_up_wrongly(stack: Stack, check: str, old: str, new: str, cause: str) -> None:
    with stack.behind({old: new}) as nginx:
        nginx.start()
        result = stack.examine(nginx, "--json")
    found = red(result)
    assert found[check].startswith(cause)
    assert checks(result)[check]["fix"]


def test_the_app_behind_the_proxy_is_down(stack: Stack) -> None:
    with stack.behind(ports=[(0, 0)]) as nginx:
        nginx.start()
        found = red(stack.examine(nginx, "--json"))
    assert found == {"server": f"The proxy at {HOST} answers 503: the app behind it does not."}


@pytest.fixture(scope="module")
def misled(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A node that takes itself for another, and its proxy for its only visitor."""
    variables = stack.variables | {"BASE_URL": "https://meet.example.org", "TRUSTED_HOPS": "0"}
    made = Stack(tmp_path_factory.mktemp("misled"), stack.program, variables, nodes=1)
    try:
        made.start()
        yield made
    finally:
        made.close()


def test_the_server_trusts_no_proxy(misled: Stack) -> None:
    assert red(misled.examine(None, "--json"))["proxy-headers"].startswith("TRUSTED_HOPS is 0 behind a proxy")


def test_the_address_is_not_in_the_list_of_origins(misled: Stack) -> None:
    result = misled.examine(None, "--json")
    assert red(result)["origins"].startswith(f"The server refuses sockets to pages of {url_of(misled.nginx)}")
    assert f"BASE_URL={url_of(misled.nginx)}" in checks(result)["origins"]["fix"]


# --- faults of the relays -------------------------------------------------------------------------------------------


def test_the_turn_server_has_another_secret(stack: Stack) -> None:
    result = stack.examine(None, "--json", TURN_SECRET="not-the-one-of-the-turn-server-0123456789")
    found = red(result)
    assert found.keys() == {"turn-udp", "turn-tcp", "turn-tls"}
    assert all(" bad_secret: " in cause for cause in found.values())
    assert "static-auth-secret" in checks(result)["turn-udp"]["fix"]


def test_the_turn_server_cannot_be_reached_one_way(stack: Stack, coturn: Coturn) -> None:
    urls = [coturn.url("udp"), f"turn:{HOST}:{free_ports(1)[0]}?transport=tcp", coturn.url("tls")]
    found = red(stack.examine(None, "--json", TURN_URLS=",".join(urls)))
    assert found.keys() == {"turn-tcp"}
    assert " unreachable: " in found["turn-tcp"]


# --- faults behind the server ---------------------------------------------------------------------------------------

_NEWEST = known_migrations()[-1]
_FUTURE = "99999_from_the_future"


@contextmanager
def schema_change(stack: Stack, there: str, back: str) -> Iterator[None]:
    """Change what is noted as applied, for the length of a block."""
    with psycopg.connect(stack.variables["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(there.encode())
        try:
            yield
        finally:
            connection.execute(back.encode())


_NOTE = "INSERT INTO _yoyo_migration (migration_hash, migration_id, applied_at_utc) VALUES ('{0}', '{0}', now())"
_FORGET = "DELETE FROM _yoyo_migration WHERE migration_id = '{0}'"


def test_the_schema_is_behind(stack: Stack) -> None:
    rename = "UPDATE _yoyo_migration SET migration_id = '{}' WHERE migration_id = '{}'"
    with schema_change(stack, rename.format("not_yet", _NEWEST), rename.format(_NEWEST, "not_yet")):
        result = stack.examine(None, "--json")
    found = red(result)
    assert found.keys() == {"schema", "server"}
    assert found["schema"] == f"The schema is behind by 1: {_NEWEST}."
    assert "chatter migrate up" in checks(result)["schema"]["fix"]
    assert f"schema: behind by 1: {_NEWEST}" in found["server"]


def test_the_schema_is_ahead(stack: Stack) -> None:
    with schema_change(stack, _NOTE.format(_FUTURE), _FORGET.format(_FUTURE)):
        result = stack.examine(None, "--json")
    assert result.exit_code == 0, result.output
    found = checks(result)["schema"]
    assert (found["status"], found["finding"]) == (
        "warning",
        f"The schema is ahead by 1: {_FUTURE}. A newer version made it.",
    )
    assert "scripts/deploy" in checks(result)["schema"]["fix"]


def test_the_database_is_down(stack: Stack) -> None:
    [port] = free_ports(1)
    result = stack.examine(
        None, "--json", DATABASE_URL=f"postgresql://chatter:hush-hush-0123-by-the-door@{HOST}:{port}/chatter"
    )
    found = red(result)
    assert found.keys() == {"database"}
    assert found["database"].startswith(
        f"The database postgresql://chatter:***@{HOST}:{port}/chatter cannot be reached: "
    )
    assert checks(result)["schema"]["finding"] == "needs database, which failed"
    assert "hush" not in result.output


def test_the_bus_is_down(stack: Stack, bus: BusServer) -> None:
    bus.kill()
    try:
        result = stack.examine(None, "--json")
    finally:
        bus.start()
    assert red(result)["bus"].startswith(f"Cannot reach the bus at {bus.url}: ")
    assert checks(result)["server"]["finding"] == "The server says: bus: not connected."
    wait_until(stack.is_well)


def test_the_disk_is_nearly_full(stack: Stack, tmp_path: Path) -> None:
    with small_disk(tmp_path / "data", megabytes=8) as folder:
        result = stack.examine(None, "--json", CHATTER_DATA_DIR=str(folder))
    assert red(result) == {"disk": f"The disk is nearly full: 8 MB (100%) free in {folder}."}


@pytest.mark.parametrize("offset", [600, -600])
async def test_the_clock_is_ten_minutes_off(stack: Stack, monkeypatch: pytest.MonkeyPatch, offset: int) -> None:
    for name, value in environment(stack.folder, NODE_ID="doctor", **stack.variables).items():
        monkeypatch.setenv(name, value)
    ca_file = stack.folder / "ca.pem"
    ca_file.write_text(stack.nginx.authority_pem)
    doctor = Deployment(url_of(stack.nginx), ca_file=ca_file, clock=lambda: time.time() + offset)
    report: Report = await check_up(doctor)
    found = {finding.name: finding for finding in report.checks}
    assert found["clock"].status == "failed"
    told = re.search(r"The clock of .* is (\d+) s (ahead of|behind) this machine's", found["clock"].finding)
    assert told is not None
    assert int(told[1]) == pytest.approx(600, abs=15)  # a busy machine answers late
    assert told[2] == ("behind" if offset > 0 else "ahead of")
    assert "NTP" in str(found["clock"].fix)
    assert found["server"].status == "ok"  # a wrong clock is not taken for a wrong secret


# --- settings, usage ------------------------------------------------------------------------------------------------


def test_a_secret_that_is_missing_or_easy_to_guess(stack: Stack) -> None:
    missing = stack.examine(None, "--json", AUTH_SECRET="")
    assert red(missing)["settings"].startswith("AUTH_SECRET is missing")
    assert checks(missing)["database"]["finding"] == "needs settings, which failed"
    easy = stack.examine(None, "--json", AUTH_PEPPER="ab" * 20)
    assert red(easy)["secrets"] == "AUTH_PEPPER is easy to guess: it has only 2 different characters."
    assert checks(easy)["database"]["status"] == "ok"  # it hides nothing
