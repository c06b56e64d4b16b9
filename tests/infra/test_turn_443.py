"""TURN over port 443 beside the site: told apart by name, and the site still knows the addresses of its clients."""

from __future__ import annotations

import json
import os
import re
import socket
import ssl
import struct
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

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
from tests.infra.compose import services_of
from tests.infra.conftest import program
from tests.infra.proxy import SHIPPED, Nginx, answers, wait_until

ROOT = SHIPPED.parents[1]
_SHIPPED = SHIPPED / "turn-443"
_MODULE = Path("/usr/lib/nginx/modules/ngx_stream_module.so")
# The folder is closed to others, so the workers of a nginx that root starts stay root.
_AS_ROOT = " user root;" if os.geteuid() == 0 else ""
_TURN_NAME = "turn.call.example.org"
_STUN = struct.Struct("!HHI12s")
_BINDING, _BINDING_SUCCESS, _COOKIE = 0x0001, 0x0101, 0x2112A442  # RFC 8489 §5, §18.2


class Site(Nginx):
    """The site's nginx as docker-compose.turn-443.yaml runs it: behind the one who tells TURN and the site apart."""

    def _write_twin(self, nodes: Sequence[tuple[int, int]], changes: Mapping[str, str]) -> Path:
        main = super()._write_twin(nodes, changes)
        listen = f"listen 127.0.0.1:{self.https_port} ssl http2 proxy_protocol default_server;\n"
        (main.parent / "listen-https.conf").write_text(listen)
        trusted = (_SHIPPED / "trusted-proxy.conf").read_text("utf-8")
        assert "from 10.0.0.0/8;" in trusted
        (main.parent / "trusted-proxy.conf").write_text(trusted.replace("10.0.0.0/8", "127.0.0.1"))
        return main


class SharedPort:
    """The shipped proxy of port 443, with Debian's nginx, in front of a site and a coturn."""

    def __init__(self, folder: Path, program: str, site: Site, coturn: Coturn) -> None:
        [self.port] = free_ports(1)
        self.site = site
        self._log = folder / "log"
        self._command = [program, "-e", "stderr", "-c", str(folder / "nginx.conf"), "-g", f"daemon off;{_AS_ROOT}"]
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir()
        (folder / "listen-tls.conf").write_text(f"listen 127.0.0.1:{self.port};\n")
        text = (_SHIPPED / "nginx.conf").read_text("utf-8")
        for shipped, here in {
            "/tmp/nginx": str(folder / "run"),
            "worker_processes 2;": "worker_processes 1;",
            "resolver 127.0.0.11 valid=2s ipv6=off;": "",
            "host.docker.internal:5349": f"{coturn.host}:{coturn.tls_port}",
            "nginx:8443": f"127.0.0.1:{site.https_port}",
        }.items():
            assert shipped in text
            text = text.replace(shipped, here)
        (folder / "nginx.conf").write_text(f"load_module {_MODULE};\n{text}")

    def start(self) -> None:
        """Start and wait until the port answers."""
        with self._log.open("wb") as log:
            process = self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        wait_until(lambda: process.poll() is not None or answers(self.port))
        assert process.poll() is None, self._log.read_text()

    def close(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)


@pytest.fixture
def shared(chatter: Server, coturn: Coturn, nginx_program: str, tmp_path: Path) -> Iterator[SharedPort]:
    """The port in front of a site and a coturn."""
    with _shared_port(tmp_path, nginx_program, chatter, coturn) as running:
        yield running


@contextmanager
def _shared_port(folder: Path, nginx_program: str, chatter: Server, coturn: Coturn) -> Iterator[SharedPort]:
    if not _MODULE.exists():
        pytest.skip("nginx knows no streams (Debian package libnginx-mod-stream)")
    with ExitStack() as stack:
        site = Site(folder / "site", nginx_program, (chatter.http_port, chatter.gateway_port), {})
        stack.callback(site.close)
        site.start()
        running = SharedPort(folder / "door", nginx_program, site, coturn)
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


def _ask_the_relay(opened: ssl.SSLSocket) -> None:
    """Send coturn a question for the own address; it must answer."""
    transaction = os.urandom(12)
    opened.sendall(_STUN.pack(_BINDING, 0, _COOKIE, transaction))
    answer = opened.recv(65536)
    kind, _, cookie, answered = _STUN.unpack(answer[: _STUN.size])
    assert (kind, cookie, answered) == (_BINDING_SUCCESS, _COOKIE, transaction)


@pytest.mark.integration
def test_who_asks_for_the_relay_reaches_coturn(shared: SharedPort, coturn: Coturn) -> None:
    with _speak(shared.port, _TURN_NAME, coturn.ca_file.read_text()) as opened:
        _ask_the_relay(opened)


@pytest.mark.integration
def test_relayed_calls_outlive_the_sites_nginx(shared: SharedPort, coturn: Coturn) -> None:
    with _speak(shared.port, _TURN_NAME, coturn.ca_file.read_text()) as relayed:
        _ask_the_relay(relayed)
        shared.site.close()
        with pytest.raises(OSError, match=r"EOF|reset"):
            _speak(shared.port, "localhost", shared.site.authority_pem)
        _ask_the_relay(relayed)
        shared.site.start()
        with _speak(shared.port, "localhost", shared.site.authority_pem) as opened:
            assert _get(opened, "/health").startswith(b"HTTP/1.1 200 ")
        _ask_the_relay(relayed)


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
        _shared_port(tmp_path, nginx_program, chatter, relays) as proxy,
    ):
        url = parse_turn_url(f"turns:{_TURN_NAME}:{proxy.port}?transport=tcp")
        probe = TurnProbe(TurnSettings(urls=(url,), secret=SECRET, ca_file=relays.ca_file))
        given = credential(SECRET, "someone", int(time.time()) + 60)
        async with allocation(url, given, probe.tls, within=10) as relay:
            assert relay.address[0] == "127.0.0.1"
        report = await probe.check(url)
    assert report.ok, report


@pytest.mark.integration
@pytest.mark.parametrize("name", ["localhost", "turning.example.org", None])
def test_everyone_else_reaches_the_site_which_knows_their_address(shared: SharedPort, name: str | None) -> None:
    with _speak(shared.port, name, shared.site.authority_pem, source="127.0.0.9") as opened:
        assert _get(opened, "/rooms").startswith(b"HTTP/1.1 401 ")
    wait_until(lambda: '"/rooms"' in shared.site.access_log.read_text("utf-8"))
    [line] = [json.loads(line) for line in shared.site.access_log.read_text("utf-8").splitlines() if "/rooms" in line]
    assert line["remote_addr"] == "127.0.0.9"


@pytest.mark.integration
def test_a_long_greeting_is_read_to_its_end(shared: SharedPort) -> None:
    context = ssl.create_default_context(cadata=shared.site.authority_pem)
    context.set_alpn_protocols(["http/1.1", *(f"{number:0250}" for number in range(24))])
    with (
        socket.create_connection(("127.0.0.1", shared.port), timeout=15) as raw,
        context.wrap_socket(raw, server_hostname="localhost") as opened,
    ):
        assert _get(opened, "/health").startswith(b"HTTP/1.1 200 ")


@pytest.mark.integration
def test_the_site_speaks_http2_behind_it(shared: SharedPort) -> None:
    context = ssl.create_default_context(cadata=shared.site.authority_pem)
    context.set_alpn_protocols(["h2", "http/1.1"])
    with (
        socket.create_connection(("127.0.0.1", shared.port), timeout=15) as raw,
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
    assert [services[name]["ports"] for name in ("tls-443", "nginx")] == [["443:8443"], ["80:8080"]]
    assert services["nginx"]["read_only"] is True


def _services(name: str) -> dict[str, Any]:
    return services_of((ROOT / name).read_text("utf-8"))


def test_the_stack_is_told_what_is_different() -> None:
    override, production = _services("docker-compose.turn-443.yaml"), _services("docker-compose.prod.yaml")
    for mount in override["nginx"]["volumes"]:
        source, target, _ = mount.split(":")
        assert (ROOT / source).is_file()
        assert (SHIPPED / target.removeprefix("/etc/chatter/nginx/")).is_file(), "nothing to mount it over"
    assert production["nginx"]["ports"] == [*override["nginx"]["ports"], *override["tls-443"]["ports"]]
    asked = set(re.findall(r"\$\{([A-Z_]+):\?", (ROOT / "docker-compose.turn-443.yaml").read_text("utf-8")))
    assert asked == {"PRIVATE_IP", "TURN_DOMAIN"}
    nodes = {service for service in production if service.startswith("app-")}
    assert override.keys() == {"tls-443", "nginx", "coturn", *nodes}
    for node in nodes:
        assert override[node]["environment"]["TURN_URLS"].endswith(",turns:${TURN_DOMAIN:-}:443?transport=tcp")


def test_the_shared_port_has_no_more_rights_than_others_and_reaches_the_site() -> None:
    door = _services("docker-compose.turn-443.yaml")["tls-443"]
    production = _services("docker-compose.prod.yaml")
    hardened = {"restart", "init", "read_only", "cap_drop", "security_opt", "logging", "user", "ulimits"}
    assert {key: door[key] for key in hardened} == {key: production["nginx"][key] for key in hardened}
    assert door["image"] == production["docker-api"]["image"], "not that of the site, which every web client renews"
    assert set(door["networks"]) <= set(production["nginx"]["networks"])
    assert all(volume.endswith(":ro") for volume in door["volumes"])
    assert {"healthcheck", "mem_limit", "cpus", "pids_limit", "stop_grace_period"} <= door.keys()


def test_the_shared_port_keeps_to_its_bounds_when_it_is_full() -> None:
    door = _services("docker-compose.turn-443.yaml")["tls-443"]
    text = (_SHIPPED / "nginx.conf").read_text("utf-8")
    told = dict(re.findall(r"^\s*(\w+) (\d+)k?;", text, re.MULTILINE))
    names = ("worker_processes", "worker_connections", "preread_buffer_size", "proxy_buffer_size")
    workers, connections, first_kb, other_kb = (int(told[name]) for name in names)
    # Every one who is passed on takes two connections, and a buffer in each direction.
    full_kb = workers * connections // 2 * (first_kb + other_kb)
    assert full_kb <= int(door["mem_limit"].removesuffix("m")) * 1024 / 2, "nginx and the kernel need as much again"
    init, master, health_check = 1, 1, 2
    assert init + master + workers + health_check < door["pids_limit"]
