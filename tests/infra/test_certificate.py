"""init-letsencrypt.sh and the certificate script, with a certbot and a docker of the test's own on PATH."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.infra.proxy import wait_until

ROOT = Path(__file__).resolve().parents[2]
_SCRIPT = ROOT / "infra" / "tls" / "certificate"

pytestmark = pytest.mark.seed("S1-15")

_CERTBOT = r"""
echo "certbot $*" >>"$FAKE/log"
[ ! -e "$FAKE/refuses" ] || { echo "rate limited" >&2; exit 1; }
issue() {
    mkdir -p "$1"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 45 -subj /CN=issued \
        -keyout "$1/privkey.pem" -out "$1/fullchain.pem" 2>/dev/null
    chmod 600 "$1/privkey.pem"
}
command=$1 name= config= hook= dry=
while [ $# -gt 0 ]; do
    case "$1" in
        --cert-name) name=$2 ;;
        --config-dir) config=$2 ;;
        --deploy-hook) hook=$2 ;;
        --dry-run) dry=yes ;;
    esac
    shift
done
[ -z "$dry" ] || exit 0
case "$command" in
    certonly) [ -e "$config/live/$name" ] || issue "$config/live/$name" ;;
    delete) rm -r "$config/live/$name" ;;
    renew)
        for lineage in "$config"/live/*; do
            [ -e "$FAKE/due" ] || continue
            issue "$lineage"
            RENEWED_LINEAGE=$lineage sh -c "$hook"
        done ;;
esac
"""

# Starts nothing; runs what is to be run in the certbot service right here.
_DOCKER = r"""
echo "docker $*" >>"$FAKE/log"
[ ! -e "$FAKE/docker-refuses" ] || exit 1
while [ $# -gt 0 ] && [ "$1" != exec ]; do shift; done
[ $# -gt 0 ] || exit 0
while [ "$1" != certbot ]; do
    [ "$1" != --env ] || export "$2"
    shift
done
shift 2
exec "$FAKE/certificate" "$@"
"""


class Machine:
    """A checkout with the scripts, and programs that stand for others."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tls = folder / "tls"
        self.bin = folder / "bin"
        self.bin.mkdir()
        for name, body in (("certbot", _CERTBOT), ("docker", _DOCKER)):
            (self.bin / name).write_text(f"#!/bin/sh\nset -eu\n{body}")
            (self.bin / name).chmod(0o755)
        shutil.copy(_SCRIPT, folder / "certificate")
        shutil.copy(ROOT / "init-letsencrypt.sh", folder)

    def run(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a script of the checkout."""
        return subprocess.run(
            [str(self.folder / command[0]), *command[1:]],
            env=self.environment(**variables),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def environment(self, **variables: str) -> dict[str, str]:
        """Return the environment of every script."""
        return {
            "PATH": f"{self.bin}:{os.environ['PATH']}",
            "FAKE": str(self.folder),
            "TLS_DIR": str(self.tls),
            "CERTBOT_DIR": str(self.folder / "letsencrypt"),
            "ACME_WEBROOT": str(self.folder / "acme"),
            **variables,
        }

    @property
    def log(self) -> list[str]:
        """What certbot and docker were asked."""
        path = self.folder / "log"
        return path.read_text().splitlines() if path.exists() else []

    @property
    def subject(self) -> str:
        """Whose certificate the servers read."""
        certificate = self.tls / "current" / "fullchain.pem"
        return _openssl("x509", "-in", str(certificate), "-noout", "-subject")

    @property
    def key_type(self) -> str:
        """What kind of key stands beside it."""
        return _openssl("pkey", "-in", str(self.tls / "current" / "privkey.pem"), "-noout", "-text")

    def metrics(self) -> dict[str, int]:
        """Return what Prometheus is told."""
        lines = (self.tls / "chatter_tls.prom").read_text().splitlines()
        return {name: int(value) for name, value in (line.split() for line in lines if not line.startswith("#"))}

    @contextmanager
    def keeping(self) -> Iterator[subprocess.Popen[bytes]]:
        """Let the script watch over the certificate until the end of the block."""
        process = subprocess.Popen(
            [self.folder / "certificate", "keep"],
            env=self.environment(RENEW_EVERY_S="0.1"),
            stderr=subprocess.DEVNULL,
        )
        try:
            yield process
        finally:
            process.terminate()
            assert process.wait(10) == 0

    def serial(self) -> str:
        """Return the number of the certificate."""
        return _openssl("x509", "-in", str(self.tls / "current" / "fullchain.pem"), "-noout", "-serial")


def _openssl(*arguments: str) -> str:
    return subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=True, timeout=30).stdout


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine without any certificate."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl not installed (Debian package openssl)")
    return Machine(tmp_path)


def test_there_is_a_certificate_before_there_is_one(machine: Machine) -> None:
    assert machine.run("certificate", "fallback").returncode == 0
    assert "Chatter has no certificate yet" in machine.subject
    assert "ASN1 OID: prime256v1" in machine.key_type
    key = (machine.tls / "current" / "privkey.pem").stat()
    assert stat.S_IMODE(key.st_mode) == 0o640
    serial = machine.serial()
    assert machine.run("certificate", "fallback").returncode == 0
    assert machine.serial() == serial


def test_what_stands_in_is_told_in_one_line(machine: Machine) -> None:
    assert machine.run("certificate", "fallback").stderr == (
        "certificate: there is no certificate yet: a self-signed one stands in, which browsers refuse; "
        "get one with: ./init-letsencrypt.sh\n"
    )


def test_a_certificate_that_has_ended_makes_way(machine: Machine) -> None:
    machine.run("certificate", "obtain", "call.example.org", "admin@example.org")
    lineage = machine.folder / "letsencrypt" / "live" / "chatter"
    _end(lineage)
    assert machine.run("certificate", "install", str(lineage)).returncode == 0
    assert "CN = ended" in machine.subject
    done = machine.run("certificate", "fallback")
    assert len(done.stderr.splitlines()) == 1
    assert "the certificate has ended (notAfter=" in done.stderr
    assert "Chatter has no certificate yet" in machine.subject
    assert machine.metrics()["chatter_tls_cert_self_signed"] == 1


def test_what_was_renewed_but_not_put_in_place_is_made_up_for(machine: Machine) -> None:
    machine.run("certificate", "obtain", "call.example.org", "admin@example.org")
    (machine.tls / "current").unlink()
    (machine.tls / "current").symlink_to("fallback")
    with machine.keeping():
        wait_until(lambda: "CN = issued" in machine.subject)
    [real] = (machine.folder / "letsencrypt" / "live").glob("chatter/fullchain.pem")
    assert (machine.tls / "current" / "fullchain.pem").read_bytes() == real.read_bytes()


def test_a_trial_never_takes_the_place_of_a_real_one(machine: Machine) -> None:
    machine.run("certificate", "obtain", "call.example.org", "admin@example.org")
    real = machine.serial()
    done = machine.run("init-letsencrypt.sh", "--staging", "call.example.org", "admin@example.org")
    assert (done.returncode, machine.serial()) == (0, real)
    assert "the real certificate stays in place" in done.stderr
    (machine.folder / "due").touch()
    assert machine.run("certificate", "renew").returncode == 0
    in_place = (machine.tls / "current" / "fullchain.pem").read_bytes()
    assert in_place == (machine.folder / "letsencrypt" / "live" / "chatter" / "fullchain.pem").read_bytes()
    assert machine.metrics()["chatter_tls_cert_self_signed"] == 0


def test_a_trial_counts_as_refused_and_ends_with_the_real_one(machine: Machine) -> None:
    live = machine.folder / "letsencrypt" / "live"
    machine.run("certificate", "obtain", "call.example.org", "admin@example.org", "--staging")
    assert "CN = issued" in machine.subject
    assert machine.metrics()["chatter_tls_cert_self_signed"] == 1
    machine.run("certificate", "obtain", "call.example.org", "admin@example.org")
    assert machine.metrics()["chatter_tls_cert_self_signed"] == 0
    assert [lineage.name for lineage in live.iterdir()] == ["chatter"]


def test_prometheus_is_told_at_the_start_too(machine: Machine) -> None:
    machine.run("certificate", "obtain", "call.example.org", "admin@example.org")
    told = machine.tls / "chatter_tls.prom"
    told.unlink()
    with machine.keeping():
        wait_until(told.exists)
    assert machine.metrics()["chatter_tls_cert_self_signed"] == 0


def test_it_is_well_with_any_certificate_that_has_its_key(machine: Machine) -> None:
    assert machine.run("certificate", "check").returncode == 1
    machine.run("certificate", "obtain", "call.example.org", "admin@example.org")
    _end((machine.tls / "current").resolve())
    assert machine.run("certificate", "check").returncode == 0
    (machine.tls / "current" / "privkey.pem").write_text("cut off")
    assert machine.run("certificate", "check").returncode == 1


def test_prometheus_is_told_of_the_certificate_in_place(machine: Machine) -> None:
    machine.run("certificate", "fallback")
    fallback = machine.metrics()
    assert fallback["chatter_tls_cert_self_signed"] == 1
    machine.run("certificate", "obtain", "call.example.org", "admin@example.org")
    issued = machine.metrics()
    assert issued["chatter_tls_cert_self_signed"] == 0
    assert issued["chatter_tls_cert_not_after_seconds"] - issued["chatter_tls_cert_not_before_seconds"] == 45 * 86400
    assert issued["chatter_tls_cert_not_before_seconds"] >= fallback["chatter_tls_cert_not_before_seconds"]
    file = (machine.tls / "chatter_tls.prom").stat()
    assert stat.S_IMODE(file.st_mode) == 0o640


def _end(lineage: Path) -> None:
    """Let a lineage hold what has ended: OpenSSL issues nothing in the past, so the clock is its own."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ended")])
    began = datetime(2026, 1, 1, tzinfo=UTC)
    certificate = (x509.CertificateBuilder(name, name, key.public_key(), 7, began, began + timedelta(days=45))).sign(
        key, hashes.SHA256()
    )
    (lineage / "fullchain.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    (lineage / "privkey.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def test_half_a_certificate_is_replaced(machine: Machine) -> None:
    machine.run("certificate", "fallback")
    (machine.tls / "fallback" / "privkey.pem").write_text("cut off")
    assert machine.run("certificate", "fallback").returncode == 0
    assert "Chatter has no certificate yet" in machine.subject


def test_a_certificate_is_asked_for_once_and_put_in_place(machine: Machine) -> None:
    done = machine.run("init-letsencrypt.sh", "call.example.org", "admin@example.org")
    assert done.returncode == 0, done.stderr
    assert "CN = issued" in machine.subject
    trial, real = [line for line in machine.log if line.startswith("certbot ")]
    assert (
        trial
        == f"{real.split(' --non-interactive')[0]} --dry-run --non-interactive{real.partition(' --non-interactive')[2]}"
    )
    for option in (
        "--webroot",
        "--domain call.example.org",
        "--email admin@example.org",
        "--key-type ecdsa",
        "--cert-name chatter",
        "--keep-until-expiring",
    ):
        assert option in real
    assert "--force-renewal" not in real
    assert "rsa" not in real
    started = next(line for line in machine.log if " up " in line)
    assert started == "docker compose -f docker-compose.prod.yaml up --detach --no-deps certbot nginx"


def test_run_again_it_changes_nothing(machine: Machine) -> None:
    machine.run("init-letsencrypt.sh", "call.example.org", "admin@example.org")
    serial, link = machine.serial(), os.readlink(machine.tls / "current")
    done = machine.run("init-letsencrypt.sh", "call.example.org", "admin@example.org")
    assert done.returncode == 0, done.stderr
    assert (machine.serial(), os.readlink(machine.tls / "current")) == (serial, link)
    assert sum("--dry-run" in line for line in machine.log) == 1


def test_a_refusal_leaves_the_present_certificate(machine: Machine) -> None:
    (machine.folder / "refuses").touch()
    done = machine.run("init-letsencrypt.sh", "call.example.org", "admin@example.org")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == (
        "init-letsencrypt.sh: no certificate yet: does call.example.org lead to this machine, "
        "and is its port 80 open to the world?"
    )
    assert "Chatter has no certificate yet" in machine.subject
    (machine.folder / "refuses").unlink()
    assert machine.run("init-letsencrypt.sh", "call.example.org", "admin@example.org").returncode == 0
    assert "CN = issued" in machine.subject


def test_a_trial_certificate_makes_way_for_a_real_one(machine: Machine) -> None:
    assert machine.run("init-letsencrypt.sh", "--staging", "call.example.org", "admin@example.org").returncode == 0
    assert all(
        "--staging" in line and "--cert-name chatter-staging" in line for line in machine.log if "certonly" in line
    )
    trial = machine.serial()
    assert machine.run("init-letsencrypt.sh", "call.example.org", "admin@example.org").returncode == 0
    assert machine.serial() != trial
    assert not any("--staging" in line for line in machine.log if "--cert-name chatter " in line)


def test_another_authority_is_used_where_it_is_named(machine: Machine) -> None:
    server = "https://127.0.0.1:14000/dir"
    machine.run("init-letsencrypt.sh", "call.example.org", "admin@example.org", ACME_SERVER=server)
    assert all(f"--server {server}" in line for line in machine.log if "certonly" in line)


def test_the_name_of_the_relay_is_asked_for_too(machine: Machine) -> None:
    (machine.folder / ".env").write_text(
        "COMPOSE_FILE=docker-compose.prod.yaml:docker-compose.turn-443.yaml\nTURN_DOMAIN=turn.call.example.org\n"
    )
    assert machine.run("init-letsencrypt.sh", "call.example.org", "admin@example.org").returncode == 0
    [trial, real] = [line for line in machine.log if line.startswith("certbot ")]
    assert all("--domain call.example.org,turn.call.example.org" in line for line in (trial, real))
    assert "docker compose up --detach --no-deps certbot nginx" in machine.log


def test_domain_and_address_come_from_the_environment_or_the_file(machine: Machine) -> None:
    (machine.folder / ".env").write_text("DOMAIN=file.example.org\nACME_EMAIL='file@example.org'\n")
    assert machine.run("init-letsencrypt.sh").returncode == 0
    assert any("--domain file.example.org" in line and "--email file@example.org" in line for line in machine.log)
    (machine.folder / ".env").unlink()
    variables = {"DOMAIN": "environment.example.org", "ACME_EMAIL": "environment@example.org"}
    assert machine.run("init-letsencrypt.sh", **variables).returncode == 0
    assert any("--domain environment.example.org" in line for line in machine.log)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((), "'' is not a domain such as call.example.org"),
        (("localhost", "a@b.org"), "'localhost' is not a domain"),
        (("call.example.org; rm -rf /", "a@b.org"), "is not a domain"),
        (("call.example.org",), "'' is not an e-mail address"),
        (("call.example.org", "nobody"), "'nobody' is not an e-mail address"),
        (("a.example.org", "a@b.org", "c"), "one domain and one e-mail address"),
        (("--force",), "there is no option --force"),
        (("call.example.org", "a@b.org"), "'relay.example.org' is not a domain that begins with turn."),
    ],
)
def test_wrong_words_are_one_line(machine: Machine, arguments: tuple[str, ...], complaint: str) -> None:
    relay = {"TURN_DOMAIN": "relay.example.org"} if "turn." in complaint else {}
    done = machine.run("init-letsencrypt.sh", *arguments, **relay)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert machine.log == []


def test_a_domain_other_than_the_apps_is_refused(machine: Machine) -> None:
    (machine.folder / ".env").write_text("DOMAIN=call.example.org\n")
    done = machine.run("init-letsencrypt.sh", "other.example.org", "a@b.org")
    assert (done.returncode, machine.log) == (2, [])
    assert "make them the same" in done.stderr


def test_renewal_swaps_the_certificate_at_once(machine: Machine) -> None:
    machine.run("certificate", "obtain", "call.example.org", "admin@example.org")
    before = machine.serial()
    assert machine.run("certificate", "renew").returncode == 0
    assert machine.serial() == before
    (machine.folder / "due").touch()
    done = machine.run("certificate", "renew")
    assert done.returncode == 0, done.stderr
    assert machine.serial() != before
    assert (machine.tls / "current").is_symlink()
    assert "notAfter" in done.stderr


def test_a_key_of_another_certificate_is_not_installed(machine: Machine) -> None:
    machine.run("certificate", "obtain", "call.example.org", "admin@example.org")
    before = machine.serial()
    lineage = machine.folder / "letsencrypt" / "live" / "chatter"
    (lineage / "privkey.pem").write_bytes((machine.tls / "fallback" / "privkey.pem").read_bytes())
    assert machine.run("certificate", "install", str(lineage)).returncode == 2
    assert machine.serial() == before


def test_it_renews_until_it_is_stopped_and_survives_refusals(machine: Machine) -> None:
    (machine.folder / "refuses").touch()
    with machine.keeping():
        wait_until(lambda: sum(line.startswith("certbot renew") for line in machine.log) >= 3)
        assert "Chatter has no certificate yet" in machine.subject
