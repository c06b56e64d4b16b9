"""TURN over port 443 beside the site: told apart by name, and the site still knows the addresses of its clients."""

from __future__ import annotations

import json
import os
import socket
import ssl
import struct
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import trustme
import yaml

from signaling.turn.client import allocation
from signaling.turn.credentials import credential
from signaling.turn.probe import TurnProbe
from signaling.turn.settings import TurnSettings
from signaling.turn.urls import parse_turn_url
from tests.api.process import Server, free_ports
from tests.coturn import SECRET, Coturn
from tests.infra.conftest import program
from tests.infra.proxy import SHIPPED, Nginx, answers, wait_until

ROOT = SHIPPED.parents[1]
_MODULE = Path("/usr/lib/nginx/modules/ngx_stream_module.so")
_TURN_NAME = "turn.call.example.org"
_STUN = struct.Struct("!HHI12s")
_BINDING, _BINDING_SUCCESS, _COOKIE = 0x0001, 0x0101, 0x2112A442  # RFC 8489 §5, §18.2


class SharedPort(Nginx):
    """The proxy as docker-compose.turn-443.yaml runs it, with Debian's nginx."""

    def __init__(self, folder: Path, program: str, site: Server, coturn: Coturn) -> None:
        self._coturn = coturn
        super().__init__(folder, program, (site.http_port, site.gateway_port), {})

    def _write_twin(self, nodes: Sequence[tuple[int, int]], changes: Mapping[str, str]) -> Path:
        folder = super()._write_twin(nodes, changes).parent
        for path in (SHIPPED / "turn-443").glob("*.conf"):
            (folder / path.name).write_text(
                self._moved(path).replace("proxy_protocol default", "http2 proxy_protocol default")
            )
        (folder / "listen-https.conf").write_text((folder / "listen-https.conf").read_text().replace("http2 on;\n", ""))
        (folder / "listen-tls.conf").write_text(f"listen 127.0.0.1:{self.https_port};\n")
        main = folder / "turn-443.conf"
        coturn = f"{self._coturn.host}:{self._coturn.tls_port}"
        text = self._moved(SHIPPED / "turn-443.conf").replace("host.docker.internal:5349", coturn)
        main.write_text(f"load_module {_MODULE};\n{text}")
        return main

    def _moved(self, path: Path) -> str:
        return path.read_text("utf-8").replace("/tmp/nginx", str(self.folder / "run"))


@pytest.fixture
def shared(chatter: Server, coturn: Coturn, nginx_program: str, tmp_path: Path) -> Iterator[SharedPort]:
    """The proxy in front of a site and a coturn."""
    with _shared_port(tmp_path / "nginx", nginx_program, chatter, coturn) as running:
        yield running


@contextmanager
def _shared_port(folder: Path, nginx_program: str, chatter: Server, coturn: Coturn) -> Iterator[SharedPort]:
    if not _MODULE.exists():
        pytest.skip("nginx knows no streams (Debian package libnginx-mod-stream)")
    with ExitStack() as stack:
        running = SharedPort(folder, nginx_program, chatter, coturn)
        stack.callback(running.close)
        running.start()
        yield running


@contextmanager
def _shipped_coturn(folder: Path, authority: trustme.CA, own: str, bridge: str) -> Iterator[Coturn]:
    """Run coturn by its start script on a machine with two addresses: its own, and the one that nginx reaches it at."""
    current = folder / "tls" / "current"
    current.mkdir(parents=True)
    issued = authority.issue_cert(_TURN_NAME)
    issued.private_key_pem.write_to_path(current / "privkey.pem")
    (current / "fullchain.pem").write_bytes(b"".join(part.bytes() for part in issued.cert_chain_pems))
    (folder / "secret").write_text(SECRET)
    port, tls_port = free_ports(2)
    made = Coturn(folder, authority, bridge, (port, tls_port))
    arguments = [f"--listening-ip={bridge}", f"--listening-ip={own}", f"--listening-port={made.port}"]
    arguments += [f"--tls-listening-port={made.tls_port}", f"--pidfile={folder / 'pid'}", f"--userdb={folder / 'db'}"]
    arguments += ["--allow-loopback-peers", f"--allowed-peer-ip={own}"]
    environment = {
        "PATH": os.environ["PATH"],
        "TURN_CONFIG": str(SHIPPED.parent / "coturn" / "turnserver.conf"),
        "TURN_COMPLETE": str(folder / "complete.conf"),
        "TURN_SECRET_FILE": str(folder / "secret"),
        "TURN_REALM": "call.example.org",
        "TLS_DIR": str(folder / "tls"),
        "SERVE": str(SHIPPED.parent / "tls" / "serve-with-certificate"),
        "PRIVATE_IP": own,
    }
    start = SHIPPED.parent / "docker" / "coturn-start"
    with made.log.open("wb") as log:
        process = subprocess.Popen([start, *arguments], env=environment, cwd=folder, stdout=log, stderr=log)
    try:
        wait_until(lambda: process.poll() is not None or answers(made.tls_port, bridge))
        assert process.poll() is None, made.log.read_text()
        yield made
    finally:
        process.terminate()
        process.wait(10)


def _speak(port: int, name: str | None, trusted: str, source: str = "127.0.0.1") -> ssl.SSLSocket:
    """Open a TLS connection that asks for this name; the certificate has to be signed by `trusted` (PEM)."""
    context = ssl.create_default_context(cadata=trusted)
    context.check_hostname = False
    raw = socket.create_connection(("127.0.0.1", port), timeout=15, source_address=(source, 0))
    return context.wrap_socket(raw, server_hostname=name)


def _get(opened: ssl.SSLSocket, path: str) -> bytes:
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 6.6.6.6\r\nConnection: close\r\n\r\n"
    opened.sendall(request.encode())
    return b"".join(iter(lambda: opened.recv(65536), b""))


@pytest.mark.integration
def test_who_asks_for_the_relay_reaches_coturn(shared: SharedPort, coturn: Coturn) -> None:
    with _speak(shared.https_port, _TURN_NAME, coturn.ca_file.read_text()) as opened:
        transaction = b"chatter-test"
        opened.sendall(_STUN.pack(_BINDING, 0, _COOKIE, transaction))
        kind, _, cookie, answered = _STUN.unpack(opened.recv(_STUN.size))
    assert (kind, cookie, answered) == (_BINDING_SUCCESS, _COOKIE, transaction)


@pytest.mark.integration
async def test_relays_lie_at_the_machines_own_address(
    chatter: Server,
    nginx_program: str,
    turnserver: str,
    turn_ca: trustme.CA,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "coturn").mkdir()
    looked_up = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *how, **more: looked_up("127.0.0.1" if host == _TURN_NAME else host, *how, **more),
    )
    with (
        _shipped_coturn(tmp_path / "coturn", turn_ca, own="127.0.0.1", bridge="127.0.0.2") as relays,
        _shared_port(tmp_path / "nginx", nginx_program, chatter, relays) as proxy,
    ):
        url = parse_turn_url(f"turns:{_TURN_NAME}:{proxy.https_port}?transport=tcp")
        probe = TurnProbe(TurnSettings(urls=(url,), secret=SECRET, ca_file=relays.ca_file))
        given = credential(SECRET, "someone", int(time.time()) + 60)
        async with allocation(url, given, probe.tls, within=10) as relay:
            assert relay.address[0] == "127.0.0.1"
        report = await probe.check(url)
    assert report.ok, report


@pytest.mark.integration
@pytest.mark.parametrize("name", ["localhost", "turning.example.org", None])
def test_everyone_else_reaches_the_site_which_knows_their_address(shared: SharedPort, name: str | None) -> None:
    with _speak(shared.https_port, name, shared.authority_pem, source="127.0.0.9") as opened:
        assert _get(opened, "/rooms").startswith(b"HTTP/1.1 401 ")
    wait_until(lambda: '"/rooms"' in shared.access_log.read_text("utf-8"))
    [line] = [json.loads(line) for line in shared.access_log.read_text("utf-8").splitlines() if "/rooms" in line]
    assert line["remote_addr"] == "127.0.0.9"


@pytest.mark.integration
def test_the_site_speaks_http2_behind_it(shared: SharedPort) -> None:
    context = ssl.create_default_context(cadata=shared.authority_pem)
    context.set_alpn_protocols(["h2", "http/1.1"])
    with (
        socket.create_connection(("127.0.0.1", shared.https_port), timeout=15) as raw,
        context.wrap_socket(raw, server_hostname="localhost") as opened,
    ):
        assert opened.selected_alpn_protocol() == "h2"


@pytest.mark.integration
def test_compose_takes_both_files_together() -> None:
    program("podman", "podman")
    composer = Path(sys.executable).parent / "podman-compose"
    files = ["-f", "docker-compose.prod.yaml", "-f", "docker-compose.turn-443.yaml"]
    names = {"DOMAIN": "call.example.org", "TURN_DOMAIN": _TURN_NAME, "PRIVATE_IP": "10.0.0.5"}
    done = subprocess.run(
        [composer, *files, "config"], cwd=ROOT, env=os.environ | names, capture_output=True, timeout=60, check=True
    )
    services = yaml.safe_load(done.stdout)["services"]
    for node in ("app-1", "app-2"):
        assert services[node]["environment"]["TURN_URLS"].endswith(f",turns:{_TURN_NAME}:443?transport=tcp")
        assert services[node]["environment"]["NODE_ID"] == node
    assert services["coturn"]["environment"]["PRIVATE_IP"] == "10.0.0.5"
    assert services["coturn"]["environment"]["TURN_REALM"] == "call.example.org"
    assert "/etc/chatter/nginx/turn-443.conf" in services["nginx"]["command"]
    assert services["nginx"]["read_only"] is True


def test_the_stack_is_told_what_is_different() -> None:
    override = yaml.safe_load((ROOT / "docker-compose.turn-443.yaml").read_text("utf-8"))["services"]
    production = yaml.safe_load((ROOT / "docker-compose.prod.yaml").read_text("utf-8"))["services"]
    for mount in override["nginx"]["volumes"]:
        source, target, _ = mount.split(":")
        assert (ROOT / source).is_file()
        assert (SHIPPED / target.removeprefix("/etc/chatter/nginx/")).is_file(), "nothing to mount it over"
    assert override["nginx"]["command"][4] == "/etc/chatter/nginx/turn-443.conf"
    assert "443:8443" in production["nginx"]["ports"]
    assert override["coturn"]["environment"]["PRIVATE_IP"].startswith("${PRIVATE_IP:?")
    nodes = {service for service in production if service.startswith("app-")}
    assert override.keys() == {"nginx", "coturn", *nodes}
    for node in nodes:
        assert override[node]["environment"]["TURN_URLS"].endswith("}:443?transport=tcp")
