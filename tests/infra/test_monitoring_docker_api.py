"""The filter in front of Docker's API, as a real nginx before a daemon that would answer everything."""

from __future__ import annotations

import os
import socketserver
import subprocess
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from tests.api.process import free_ports
from tests.infra.proxy import ROOT, answers, wait_until

SHIPPED = ROOT / "infra" / "monitoring" / "docker-api" / "nginx.conf"
ID = "4c01db0b339c"

_UNPRIVILEGED = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"] if os.geteuid() == 0 else []
"""As in the container: root, but without any capability."""

pytestmark = [pytest.mark.integration, pytest.mark.seed("S1-20")]


class Daemon(socketserver.ThreadingUnixStreamServer):
    """Answers whatever it is asked, and remembers it."""

    daemon_threads = True

    def __init__(self, path: Path) -> None:
        super().__init__(str(path), _Handler)
        self.asked: list[str] = []


class _Handler(BaseHTTPRequestHandler):
    server: Daemon

    def do_GET(self) -> None:
        self.server.asked.append(f"{self.command} {self.path}")
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(b"{}")

    do_HEAD = do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815  # names of http.server

    def address_string(self) -> str:
        return "nginx"

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class Filter:
    """The running filter."""

    def __init__(self, port: int, daemon: Daemon) -> None:
        self.port = port
        self.daemon = daemon

    def ask(self, method: str, path: str) -> int:
        """Send a request as it is; return the status."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=15)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            answer.read()
            return answer.status
        finally:
            connection.close()


@pytest.fixture(scope="module")
def docker_api(nginx_program: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filter]:
    """nginx with the shipped file, but for its port and the place of the socket."""
    folder = tmp_path_factory.mktemp("docker")
    [port] = free_ports(1)
    moved = {"/tmp": str(folder), "listen 2375;": f"listen 127.0.0.1:{port};", "/run/docker.sock": str(folder / "sock")}
    text = SHIPPED.read_text("utf-8")
    for old, new in moved.items():
        assert old in text
        text = text.replace(old, new)
    (folder / "nginx.conf").write_text(text)
    with Daemon(folder / "sock") as daemon:
        threading.Thread(target=daemon.serve_forever, args=(0.05,), daemon=True).start()
        command = [*_UNPRIVILEGED, nginx_program, "-e", "stderr", "-c", str(folder / "nginx.conf")]
        process = subprocess.Popen(command)
        try:
            wait_until(lambda: process.poll() is not None or answers(port))
            assert process.poll() is None
            yield Filter(port, daemon)
        finally:
            process.terminate()
            process.wait(10)
            daemon.shutdown()


@pytest.mark.parametrize(
    "path",
    [
        "/_ping",
        "/v1.44/containers/json?filters=%7B%7D",
        f"/v1.44/containers/{ID}/json",
        f"/v1.44/containers/{ID}/logs?follow=1&stdout=1&stderr=1&timestamps=1",
        "/v1.44/networks",
    ],
)
def test_alloy_gets_what_it_needs(docker_api: Filter, path: str) -> None:
    assert docker_api.ask("GET", path) == 200
    assert docker_api.daemon.asked[-1] == f"GET {path}"
    assert docker_api.ask("HEAD", path) == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1.44/containers/create"),
        ("POST", "/v1.44/containers/json"),
        ("DELETE", f"/v1.44/containers/{ID}/json"),
        ("PUT", f"/v1.44/containers/{ID}/logs"),
        ("POST", f"/v1.44/containers/{ID}/exec"),
        ("GET", f"/v1.44/containers/{ID}/archive?path=/run/secrets"),
        ("GET", f"/v1.44/containers/{ID}/export"),
        ("GET", f"/v1.44/containers/{ID}/attach/ws"),
        ("GET", f"/v1.44/containers/{ID}/logs/../archive?path=/run/secrets"),
        ("GET", f"/v1.44/containers/{ID}/logs%2f..%2farchive"),
        ("GET", f"/v1.44/containers/json/../{ID}/export"),
        ("GET", "/v1.44/containers/json%0a"),
        ("GET", "/v1.44/images/json"),
        ("GET", "/v1.44/secrets"),
        ("GET", "/v1.44/swarm/unlockkey"),
        ("GET", "/v1.44/events"),
        ("GET", "/info"),
        ("GET", "/"),
    ],
)
def test_nothing_else_gets_through(docker_api: Filter, method: str, path: str) -> None:
    before = len(docker_api.daemon.asked)
    assert docker_api.ask(method, path) == 403
    assert len(docker_api.daemon.asked) == before


def test_the_path_that_was_looked_at_is_the_one_that_is_asked_for(docker_api: Filter) -> None:
    assert docker_api.ask("GET", f"/v1.44/containers/{ID}/archive/../logs") == 200
    assert docker_api.daemon.asked[-1] == f"GET /v1.44/containers/{ID}/logs"


def test_its_health_can_be_seen(docker_api: Filter) -> None:
    assert docker_api.ask("GET", "/nginx-health") == 204
