"""Chatter in production, installed on a machine of its own as docs/operations.md says."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

from tests.infra.authority import Authority
from tests.infra.containers import ROOT, Containers
from tests.infra.proxy import wait_until
from tests.infra.stack.images import OTHERS

DOMAIN = "call.chatter.test"
NODES = ("app-1", "app-2")
SERVICES = (*NODES, "backup", "certbot", "coturn", "nats", "nginx", "postgres")
_HERE = Path(__file__).parent
_STACK = "docker-compose.prod.yaml"
_UNKNOWN_TO_PODMAN_4 = ("start_interval:", "ulimits:")
"""Keys of the compose file that podman 4.3 does not know, or that a machine without systemd does not allow."""
_SETTINGS = f"""\
COMPOSE_FILE={_STACK}:debian.yaml
DOMAIN={DOMAIN}
ACME_EMAIL=admin@chatter.test
LIMITS_SCALE=1000
"""
_START_WITHIN_S = 120.0


class Installation:
    """The production stack, in a copy of what it needs of the checkout.

    podman 4 runs no health checks by itself, so the order of the start is kept here.
    """

    def __init__(self, containers: Containers, folder: Path, authority: Authority) -> None:
        self._containers = containers
        self._authority = authority
        self.checkout = folder / "checkout"
        self._variables = OTHERS | {
            "COMPOSE_FILE": f"{_STACK}:debian.yaml",  # podman-compose does not look for it in .env
            "PATH": f"{_HERE / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        }

    def install(self) -> None:
        """Do what comes before the start, and lay down what Debian's programs need to be told otherwise."""
        for name in ("infra", "scripts"):
            shutil.copytree(ROOT / name, self.checkout / name)
        shutil.copy(ROOT / "init-letsencrypt.sh", self.checkout)
        stack = (ROOT / _STACK).read_text("utf-8").splitlines(keepends=True)
        known = [line for line in stack if not line.strip().startswith(_UNKNOWN_TO_PODMAN_4)]
        (self.checkout / _STACK).write_text("".join(known))
        shutil.copy(_HERE / "debian.yaml", self.checkout)
        (self.checkout / "twin").mkdir()
        (self.checkout / "twin" / "listen-https.conf").write_text("listen 8443 ssl http2 default_server;\n")
        self.list_nodes(*NODES)
        trusted = self.checkout / "authority"
        trusted.mkdir()
        shutil.copy(self._authority.ca_file, trusted / "ca.pem")
        (trusted / "root.pem").write_text(self._authority.root())
        (self.checkout / ".env").write_text(_SETTINGS)
        self.run("scripts/secrets")

    def list_nodes(self, *nodes: str) -> None:
        """Write down which nodes nginx asks: `resolve`, by which newer ones than Debian's see that, is left out."""
        lines = (ROOT / "infra" / "nginx" / "upstreams.conf").read_text("utf-8").splitlines(keepends=True)
        gone = tuple(f"server {node}:" for node in NODES if node not in nodes)
        kept = [line.replace(" resolve ", " ") for line in lines if not line.strip().startswith(("resolver", *gone))]
        (self.checkout / "twin" / "upstreams.conf").write_text("".join(kept))

    def start(self) -> None:
        """Start everything, in the order that the compose file gives it."""
        self.bring_up("postgres", "nats", "certbot")
        self.migrate()
        self.bring_up(*NODES)
        self.bring_up("nginx", "coturn", "backup")

    def bring_up(self, *services: str) -> None:
        """Start services and wait until they are well."""
        self.compose("up", "--detach", "--no-build", "--no-deps", *services)
        self.wait_until_well(*services)

    def wait_until_well(self, *services: str) -> None:
        """Wait until services are well, and the nodes hear each other where these are among them."""
        for service in services:
            wait_until(partial(self._containers.is_well, self.container(service)), _START_WITHIN_S)
            if service in NODES:
                wait_until(partial(self._hears_the_other, service), _START_WITHIN_S)

    def migrate(self, *command: str) -> None:
        """Apply the migrations, or do something else with them."""
        self.compose("run", "-T", "--rm", "--no-deps", "migrate", *command)

    def recreate(self, service: str) -> None:
        """Put a new container in the place of a service's."""
        self.stop(service)
        self._containers.podman("rm", self.container(service))
        self.bring_up(service)

    def stop(self, service: str) -> None:
        """End a service, in good order."""
        self._containers.podman("stop", "--time=60", self.container(service), timeout=90)

    def start_again(self, service: str) -> None:
        """Start a service that was stopped, and wait until it is well."""
        self._containers.podman("start", self.container(service))
        self.wait_until_well(service)

    def is_well(self) -> bool:
        """Tell whether the nodes say that all they use is well."""
        answers = [json.loads("".join(self.read(node, "http://127.0.0.1:8080/readyz"))) for node in NODES]
        return all(part["ok"] for answer in answers for part in answer["checks"].values())

    def replace(self, node: str) -> None:
        """Let a node end in good order, and start its successor; nginx hears of both."""
        (other,) = set(NODES) - {node}
        self.stop(node)
        assert self._containers.podman("inspect", "--format={{.State.ExitCode}}", self.container(node)) == "0"
        self.reload_nginx(other)
        self._containers.podman("rm", self.container(node))
        self.bring_up(node)
        self.reload_nginx(*NODES)

    def reload_nginx(self, *nodes: str) -> None:
        """Let nginx read its configuration anew, with these nodes behind it."""
        self.list_nodes(*nodes)
        self.inside("nginx", "nginx", "-e", "stderr", "-s", "reload", "-c", "/etc/chatter/nginx/prod.conf")

    def run(
        self, *command: str, check: bool = True, timeout: float = 120, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run something as the operator does, and say how long it took."""
        started = time.monotonic()
        given = self._variables | variables
        done = self._containers.run(command, network=True, timeout=timeout, folder=self.checkout, **given)
        print(f"{time.monotonic() - started:5.1f} s  {' '.join(command)}")
        assert not check or done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done

    def compose(self, *words: str) -> str:
        """Run `docker compose`; return what it prints."""
        return self.run("docker", "compose", *words).stdout

    def obtain_certificate(self) -> subprocess.CompletedProcess[str]:
        """Get the certificate, from Pebble."""
        return self.run("./init-letsencrypt.sh", check=False, ACME_SERVER=self._authority.url)

    def examine(self, *options: str, node: str = "app-1", apart: bool = False) -> dict[str, Any]:
        """Run the doctor in the container of a node, or in one of its own; return its report."""
        inside = ("docker", "exec", self.container(node), "chatter")
        beside = ("docker", "compose", "run", "--rm", "--no-deps", "-T", node)
        done = self.run(*(beside if apart else inside), "doctor", "--json", *options, check=False)
        report: dict[str, Any] = json.loads(done.stdout)
        assert done.returncode == (0 if report["ok"] else 1), done.stderr
        return report

    def container(self, service: str) -> str:
        """Return the name of a service's container."""
        return f"chatter_{service}_1"

    def inside(self, service: str, *command: str, check: bool = True) -> str:
        """Run something in a container; return what it prints."""
        return self._containers.podman("exec", self.container(service), *command, check=check)

    def read(self, node: str, url: str) -> list[str]:
        """Return the lines that a node reads at an address."""
        program = "from sys import argv; from urllib.request import urlopen; print(urlopen(argv[1]).read().decode())"
        return self.inside(node, "python", "-c", program, url).splitlines()

    def _hears_the_other(self, node: str) -> bool:
        return "chatter_bus_nodes 1.0" in self.read(node, "http://127.0.0.1:8080/metrics")
