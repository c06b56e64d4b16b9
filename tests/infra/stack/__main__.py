"""Run docker-compose.prod.yaml under podman-compose, with images of Debian packages: `python -m tests.infra.stack`.

It takes about five minutes, root, the ports 80, 443, 3478 and 5349, and what scripts/test installs, of which it is no
part. Debian's Python, PostgreSQL, nginx, NATS, coturn and certbot stand in for what cannot be had; Prometheus, Loki,
Tempo, Alloy and Grafana are left out. podman 4 runs no health checks by itself, so the order of the start is kept here.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import httpx2
from websockets.asyncio.client import connect
from websockets.typing import Origin

from tests.infra.containers import PYTHON, ROOT, Containers
from tests.infra.proxy import wait_until
from tests.infra.visits import next_frame, say_and_hear

_HERE = Path(__file__).parent
_SERVICES = "localhost/chatter-test/services:debian"
_POSTGRES = "localhost/chatter-test/postgres:debian"
_PACKAGES = (
    *("python3-minimal", "postgresql-15", "nginx-light", "libnginx-mod-stream", "nats-server", "coturn", "certbot"),
    *("curl", "wget", "openssl", "procps"),
)
_DOMAIN = "call.chatter.test"
_UNKNOWN_TO_PODMAN_4 = ("start_interval:", "ulimits:")
"""Keys of the compose file that podman 4.3 does not know, or that a machine without systemd does not allow."""
_LIKE_THE_OFFICIAL_IMAGE = """
sed -i 's/^postgres:x:[0-9]*:[0-9]*:/postgres:x:999:999:/' /etc/passwd
sed -i 's/^postgres:x:[0-9]*:/postgres:x:999:/' /etc/group
rm -rf /var/lib/postgresql /var/run/postgresql
install -d -o 999 -g 999 -m 755 /var/lib/postgresql
install -d -o 999 -g 999 -m 1777 /var/run/postgresql
"""


class Stack:
    """The production stack in a copy of what it needs of the checkout."""

    def __init__(self, folder: Path) -> None:
        self.containers = Containers(folder)
        self._checkout = folder / "checkout"
        images = dict.fromkeys(("NATS_IMAGE", "COTURN_IMAGE", "CERTBOT_IMAGE"), _SERVICES) | {
            "POSTGRES_IMAGE": _POSTGRES
        }
        path = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        self._environment = dict(os.environ) | self.containers.environment | images | path

    def build(self) -> None:
        """Make every image."""
        made = self.containers
        made.make_base(PYTHON, "python3", "python3-venv")
        made.make_node()
        made.make_base(_SERVICES, *_PACKAGES)
        made.build("app", "localhost/chatter/app:local")
        made.build("nginx", "localhost/chatter/nginx:local", NGINX_IMAGE=_SERVICES)
        container = made.buildah("from", _SERVICES)
        made.buildah("run", "--isolation", "chroot", container, "--", "sh", "-c", _LIKE_THE_OFFICIAL_IMAGE)
        made.buildah("add", "--quiet", container, str(_HERE / "postgres-entrypoint"), "/usr/local/bin/entrypoint")
        made.buildah(
            "config",
            "--entrypoint",
            '["entrypoint"]',
            "--env=PATH=/usr/local/bin:/usr/bin:/bin:/usr/lib/postgresql/15/bin",
            container,
        )
        made.buildah("commit", "--quiet", "--format", "docker", "--rm", container, _POSTGRES)

    def install(self) -> None:
        """Do what docs/operations.md says, up to the start."""
        for name in ("infra", "scripts"):
            shutil.copytree(ROOT / name, self._checkout / name)
        stack = (ROOT / "docker-compose.prod.yaml").read_text("utf-8").splitlines(keepends=True)
        known = [line for line in stack if not line.strip().startswith(_UNKNOWN_TO_PODMAN_4)]
        (self._checkout / "docker-compose.prod.yaml").write_text("".join(known))
        shutil.copy(_HERE / "debian.yaml", self._checkout)
        twin = self._checkout / "twin"
        twin.mkdir()
        (twin / "listen-https.conf").write_text("listen 8443 ssl http2 default_server;\n")
        upstreams = (ROOT / "infra" / "nginx" / "upstreams.conf").read_text("utf-8").splitlines(keepends=True)
        kept = [line.replace(" resolve ", " ") for line in upstreams if not line.startswith("resolver")]
        (twin / "upstreams.conf").write_text("".join(kept))
        (self._checkout / ".env").write_text(f"DOMAIN={_DOMAIN}\nACME_EMAIL=admin@chatter.test\n")
        subprocess.run([self._checkout / "scripts" / "secrets"], check=True, timeout=30)

    def compose(self, *words: str) -> str:
        """Run podman-compose; return what it prints."""
        command = ["podman-compose", "--in-pod=false", "-f", "docker-compose.prod.yaml", "-f", "debian.yaml", *words]
        done = subprocess.run(
            command, cwd=self._checkout, env=self._environment, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start(self, *services: str) -> None:
        """Start services and wait until they are well."""
        self.compose("up", "--detach", "--no-build", "--no-deps", *services)
        for service in services:
            wait_until(lambda service=service: self.containers.is_well(f"chatter_{service}_1"))  # type: ignore[misc]
            print(f"{service}: well")

    def inside(self, service: str, *command: str) -> str:
        """Run something in a container."""
        return self.containers.podman("exec", f"chatter_{service}_1", *command)

    def close(self) -> None:
        """End and remove everything."""
        with closing(self.containers):
            if (self._checkout / ".env").exists():
                self.compose("down", "--volumes", "--timeout", "30")


async def _call(authority: ssl.SSLContext, room: str, ticket: str) -> None:
    # The self-signed certificate knows no name.
    way = f"wss://127.0.0.1/ws/{room}?ticket={ticket}"
    async with connect(way, ssl=authority, origin=Origin(f"https://{_DOMAIN}"), proxy=None) as opened:
        assert (await next_frame(opened))["type"] == "welcome"
        await say_and_hear(opened, "through the whole stack")


def _visit() -> None:
    """Sign up, make a room and speak in it, through nginx."""
    anyone = ssl.create_default_context()
    anyone.check_hostname, anyone.verify_mode = False, ssl.CERT_NONE
    origin = {"Origin": f"https://{_DOMAIN}", "X-Device-ID": "laptop"}
    with httpx2.Client(base_url="https://127.0.0.1", verify=anyone, trust_env=False, headers=origin) as client:
        body = {"username": "olivia", "password": "a long enough phrase"}
        token = client.post("/auth/register", json=body).json()["token"]
        bearer = {"Authorization": f"Bearer {token}"}
        room = client.post("/rooms", headers=bearer).json()["roomId"]
        ticket = client.post("/ws-tickets", headers=bearer).json()["ticket"]
        asyncio.run(_call(anyone, room, ticket))
        assert client.get("/metrics").status_code == 404


def _read(stack: Stack, url: str) -> str:
    return stack.inside(
        "app-1", "python", "-c", f"from urllib.request import urlopen; print(urlopen('{url}').read().decode())"
    )


def main() -> None:
    """Build, start, use, back up, and end it."""
    stack = Stack(Path(tempfile.mkdtemp(prefix="chatter-stack-")))
    try:
        stack.build()
        stack.install()
        stack.start("postgres", "nats", "certbot")
        print("migrations:", stack.compose("run", "-T", "--rm", "--no-deps", "migrate").split()[-2:])
        stack.start("app-1", "app-2")
        stack.start("nginx", "coturn", "backup")
        assert "chatter_bus_nodes 1.0" in _read(stack, "http://127.0.0.1:8080/metrics")
        _visit()
        print("sign-in, room and socket through nginx: well")
        print(stack.inside("backup", "/opt/chatter/backup/postgres", "backup"))
        assert "chatter_backup_last_run_success 1" in _read(stack, "http://nginx:8090/backup")
        assert "chatter_tls_cert_self_signed 1" in _read(stack, "http://nginx:8090/tls")
    finally:
        stack.close()
    print("All well.")


if __name__ == "__main__":
    main()
