"""TURN over port 443 beside the site: told apart by name, and the site still knows the addresses of its clients."""

from __future__ import annotations

import json
import os
import socket
import ssl
import struct
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

from tests.api.process import Server
from tests.coturn import Coturn
from tests.infra.conftest import program
from tests.infra.proxy import SHIPPED, Nginx, wait_until

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
        coturn = f"127.0.0.1:{self._coturn.tls_port}"
        text = self._moved(SHIPPED / "turn-443.conf").replace("host.docker.internal:5349", coturn)
        main.write_text(f"load_module {_MODULE};\n{text}")
        return main

    def _moved(self, path: Path) -> str:
        return path.read_text("utf-8").replace("/tmp/nginx", str(self.folder / "run"))


@pytest.fixture
def shared(chatter: Server, coturn: Coturn, nginx_program: str, tmp_path: Path) -> Iterator[SharedPort]:
    """The proxy in front of a site and a coturn."""
    if not _MODULE.exists():
        pytest.skip("nginx knows no streams (Debian package libnginx-mod-stream)")
    with ExitStack() as stack:
        running = SharedPort(tmp_path / "nginx", nginx_program, chatter, coturn)
        stack.callback(running.close)
        running.start()
        yield running


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
    names = {"DOMAIN": "call.example.org", "TURN_DOMAIN": _TURN_NAME}
    done = subprocess.run(
        [composer, *files, "config"], cwd=ROOT, env=os.environ | names, capture_output=True, timeout=60, check=True
    )
    services = yaml.safe_load(done.stdout)["services"]
    for node in ("app-1", "app-2"):
        assert services[node]["environment"]["TURN_URLS"].endswith(f",turns:{_TURN_NAME}:443?transport=tcp")
        assert services[node]["environment"]["NODE_ID"] == node
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
    nodes = {service for service in production if service.startswith("app-")}
    assert override.keys() == {"nginx", *nodes}
    for node in nodes:
        assert override[node]["environment"]["TURN_URLS"].endswith("}:443?transport=tcp")
