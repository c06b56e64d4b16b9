"""The shipped certificate scripts with a real certbot and a real authority (Pebble), through the shipped proxy."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx2
import pytest
from cryptography import x509

from tests.api.process import Server
from tests.infra.authority import Authority
from tests.infra.proxy import SHIPPED, Nginx, wait_until
from tests.infra.visits import certificate_of, next_frame, open_socket, say_and_hear, way_in

pytestmark = [pytest.mark.integration, pytest.mark.seed("S1-15")]

ROOT = SHIPPED.parents[1]
_DOMAIN = "call.chatter.test"
_SCRIPT = SHIPPED.parent / "tls" / "certificate"

# What is to be run in the certbot service is run right here; everything else is done already.
_DOCKER = """#!/bin/sh
set -eu
while [ $# -gt 0 ] && [ "$1" != exec ]; do shift; done
[ $# -gt 0 ] || exit 0
while [ "$1" != certbot ]; do shift; done
shift 2
exec "$CERTIFICATE" "$@"
"""


class Edge:
    """The proxy, the scripts, and the authority that they ask."""

    def __init__(self, nginx: Nginx, authority: Authority, folder: Path) -> None:
        self.nginx = nginx
        self.authority = authority
        self._folder = folder
        self._checkout = folder / "checkout"
        self._checkout.mkdir()
        shutil.copy(ROOT / "init-letsencrypt.sh", self._checkout)
        docker = folder / "bin" / "docker"
        docker.parent.mkdir()
        docker.write_text(_DOCKER)
        docker.chmod(0o755)

    def run(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a script as the operator, or as the certbot container."""
        environment = {
            "PATH": f"{self._folder / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "CERTIFICATE": str(_SCRIPT),
            "TLS_DIR": str(self.nginx.folder / "tls"),
            "CERTBOT_DIR": str(self._folder / "letsencrypt"),
            "ACME_WEBROOT": str(self.nginx.webroot),
            "ACME_SERVER": self.authority.url,
            "REQUESTS_CA_BUNDLE": str(self.authority.ca_file),
        }
        return subprocess.run(
            command,
            env=environment | variables,
            cwd=self._checkout,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def obtain(self, **variables: str) -> subprocess.CompletedProcess[str]:
        """Get a certificate as docs/operations.md says."""
        return self.run("./init-letsencrypt.sh", _DOMAIN, "admin@chatter.test", **variables)

    def make_due(self) -> None:
        """Let certbot take the certificate for one that ends soon: Pebble's last for five years."""
        (settings,) = (self._folder / "letsencrypt" / "renewal").glob("*.conf")
        settings.write_text("renew_before_expiry = 9999 days\n" + settings.read_text())

    def served(self) -> x509.Certificate:
        """Return the certificate that browsers get."""
        return certificate_of(_DOMAIN, self.nginx.https_port)


@pytest.fixture
def edge(chatter: Server, nginx_program: str, tmp_path: Path) -> Iterator[Edge]:
    """The proxy of a new machine, with the self-signed certificate."""
    folder = tmp_path / "nginx"
    runner = ["env", f"TLS_DIR={folder / 'tls'}", "WATCH_EVERY_S=0.2", str(_SCRIPT.with_name("serve-with-certificate"))]
    with ExitStack() as stack:
        ports = (chatter.http_port, chatter.gateway_port)
        nginx = Nginx(folder, nginx_program, ports, {}, inside=[*runner, "HUP"])
        stack.callback(nginx.close)
        authority = Authority(tmp_path / "pebble", nginx.http_port)
        stack.callback(authority.close)
        shutil.rmtree(folder / "tls")
        made = Edge(nginx, authority, tmp_path)
        assert made.run(str(_SCRIPT), "fallback").returncode == 0
        nginx.start()
        yield made


def _issuer(certificate: x509.Certificate) -> str:
    return certificate.issuer.rfc4514_string()


async def test_issue_renew_and_reload_while_a_socket_stays_open(edge: Edge, chatter: Server) -> None:
    assert "Chatter has no certificate yet" in _issuer(edge.served())
    edge.authority.start()
    done = edge.obtain()
    assert done.returncode == 0, done.stderr
    wait_until(lambda: "Pebble" in _issuer(edge.served()))
    first = edge.served()
    assert first.public_key().curve.name == "secp256r1"  # type: ignore[union-attr]
    edge.nginx.name, edge.nginx.authority_pem = _DOMAIN, edge.authority.root()
    with httpx2.Client(base_url=chatter.url, trust_env=False) as client:
        target = way_in(client, "renewer")
    async with open_socket(edge.nginx, target) as opened:
        assert (await next_frame(opened))["type"] == "welcome"
        assert edge.run(str(_SCRIPT), "renew").returncode == 0
        assert edge.served().serial_number == first.serial_number, "renewed before it was due"
        edge.make_due()
        done = edge.run(str(_SCRIPT), "renew")
        assert done.returncode == 0, done.stderr
        wait_until(lambda: edge.served().serial_number != first.serial_number)
        await say_and_hear(opened, "still here")
    told = httpx2.get(f"http://127.0.0.1:{edge.nginx.metrics_port}/tls", trust_env=False)
    ends = int(edge.served().not_valid_after_utc.timestamp())
    assert told.headers["Content-Type"] == "text/plain"
    assert f"\nchatter_tls_cert_not_after_seconds {ends}\n" in told.text


def test_a_further_name_is_added_to_the_certificate(edge: Edge) -> None:
    edge.authority.start()
    assert edge.obtain().returncode == 0
    done = edge.obtain(TURN_DOMAIN=f"turn.{_DOMAIN}")
    assert done.returncode == 0, done.stderr

    def names() -> list[str]:
        extension = edge.served().extensions.get_extension_for_class(x509.SubjectAlternativeName)
        return sorted(extension.value.get_values_for_type(x509.DNSName))

    wait_until(lambda: names() == [_DOMAIN, f"turn.{_DOMAIN}"])


def test_what_the_authority_refuses_changes_nothing(edge: Edge, tmp_path: Path) -> None:
    assert edge.obtain().returncode == 2, "there is no authority yet"
    edge.authority.start()
    done = edge.obtain(ACME_WEBROOT=str(tmp_path / "elsewhere"))
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(f"init-letsencrypt.sh: no certificate yet: does {_DOMAIN} lead to")
    assert "Chatter has no certificate yet" in _issuer(edge.served())
    assert edge.obtain().returncode == 0
    wait_until(lambda: "Pebble" in _issuer(edge.served()))
