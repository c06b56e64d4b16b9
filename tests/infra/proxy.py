"""The shipped nginx configuration on free loopback ports, as Debian's nginx 1.22 takes it."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
import trustme

from tests.api.process import free_ports

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "infra" / "nginx"
_PATIENCE_S = 20.0
_CLOSED_PORT = 1


class Nginx:
    """A running nginx. `server_ports` are those of the app and of the gateway behind it; `others`, of further nodes.

    `inside` goes before its command.
    """

    def __init__(
        self,
        folder: Path,
        program: str,
        server_ports: tuple[int, int],
        changes: Mapping[str, str],
        others: Sequence[tuple[int, int]] = (),
        inside: Sequence[str] = (),
    ) -> None:
        self.folder = folder
        self.webroot, self.assets = folder / "acme", folder / "share" / "assets"
        self.access_log, self.error_log = folder / "access.log", folder / "error.log"
        self.http_port, self.https_port, self.metrics_port = free_ports(3)
        self.backup = folder / "backup"
        self.url = f"https://localhost:{self.https_port}"
        self.name = "localhost"
        self._program = program
        self._inside = inside
        self._process: subprocess.Popen[bytes] | None = None
        for made in (self.webroot, self.assets, self.backup):
            made.mkdir(parents=True)
        self.issue_certificate()
        self.configuration = self._write_twin([server_ports, *others], changes)

    def issue_certificate(self) -> None:
        """Lay down a new certificate, from an authority of its own."""
        tls = self.folder / "tls" / "current"
        tls.mkdir(parents=True, exist_ok=True)
        authority = trustme.CA()
        issued = authority.issue_cert("localhost", "127.0.0.1")
        issued.private_key_pem.write_to_path(tls / "privkey.pem")
        (tls / "fullchain.pem").write_bytes(b"".join(part.bytes() for part in issued.cert_chain_pems))
        self.authority_pem = authority.cert_pem.bytes().decode("ascii")

    def client(self) -> httpx2.Client:
        """Return a client that trusts the certificate and follows no redirect."""
        trust = ssl.create_default_context(cadata=self.authority_pem)
        return httpx2.Client(base_url=self.url, verify=trust, timeout=15, trust_env=False)

    def check(self) -> subprocess.CompletedProcess[str]:
        """Let nginx judge the configuration."""
        return subprocess.run([*self._command(), "-t"], capture_output=True, text=True, timeout=30, check=False)

    def start(self) -> None:
        """Start and wait until both ports answer."""
        with self.access_log.open("ab") as access, self.error_log.open("ab") as errors:
            self._process = subprocess.Popen([*self._inside, *self._command()], stdout=access, stderr=errors)
        process = self._process
        wait_until(lambda: process.poll() is not None or all(map(answers, (self.http_port, self.https_port))))
        if process.poll() is not None:
            pytest.fail(f"nginx did not start:\n{self.error_log.read_text()}")

    def signal(self, number: int) -> None:
        """Send a signal to the master process."""
        assert self._process is not None
        self._process.send_signal(number)

    def close(self) -> None:
        """End it."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)

    def _command(self) -> list[str]:
        # The folder is closed to others, so the workers of a nginx that root starts stay root.
        user = " user root;" if os.geteuid() == 0 else ""
        return [self._program, "-e", "stderr", "-c", str(self.configuration), "-g", f"daemon off;{user}"]

    def _write_twin(self, nodes: Sequence[tuple[int, int]], changes: Mapping[str, str]) -> Path:
        target = self.folder / "nginx"
        shutil.copytree(SHIPPED, target)
        (target / "listen-http.conf").write_text(f"listen 127.0.0.1:{self.http_port} default_server;\n")
        (target / "listen-https.conf").write_text(f"listen 127.0.0.1:{self.https_port} ssl http2 default_server;\n")
        (target / "listen-metrics.conf").write_text(f"listen 127.0.0.1:{self.metrics_port};\n")
        app, gateway = (
            " ".join(f"server 127.0.0.1:{port or _CLOSED_PORT} max_fails=0;" for port in ports)
            for ports in zip(*nodes, strict=True)
        )
        moved = {
            "resolver 127.0.0.11 valid=2s ipv6=off;": "",
            "resolver_timeout 3s;": "",
            "server app-1:8080 resolve max_fails=0;": app,
            "server app-1:8081 resolve max_fails=0;": gateway,
            "server app-2:8080 resolve max_fails=0;": "",
            "server app-2:8081 resolve max_fails=0;": "",
            "/etc/chatter/tls": str(self.folder / "tls"),
            "/var/lib/chatter/backup": str(self.backup),
            "/var/www/acme": str(self.webroot),
            "/usr/share/chatter": str(self.assets.parent),
            "/tmp/nginx": str(self.folder / "run"),
            "worker_processes auto;": "worker_processes 1;",
            **changes,
        }
        texts = {path: path.read_text("utf-8") for path in target.glob("*.conf")}
        for old, new in moved.items():
            assert any(old in text for text in texts.values()), f"{old!r} stands nowhere in infra/nginx"
            texts = {path: text.replace(old, new) for path, text in texts.items()}
        for path, text in texts.items():
            path.write_text(text, "utf-8")
        return target / "prod.conf"


@contextmanager
def running_nginx(
    folder: Path, program: str, server_ports: tuple[int, int], *others: tuple[int, int], **changes: str
) -> Iterator[Nginx]:
    """Run nginx until the end of the block; a port of 0 stands for a server that is down."""
    nginx = Nginx(folder, program, server_ports, changes, others)
    try:
        nginx.start()
        yield nginx
    finally:
        nginx.close()


def wait_until(condition: Callable[[], object], patience_s: float = _PATIENCE_S) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def answers(port: int, host: str = "127.0.0.1") -> bool:
    """Tell whether something listens on this port."""
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True
