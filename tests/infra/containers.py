"""Images and containers without Docker: buildah and podman with a storage of their own, on what Debian's mirror has."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.infra.conftest import program

ROOT = Path(__file__).resolve().parents[2]
PYTHON, NODE = "localhost/chatter-test/python:debian", "localhost/chatter-test/node:debian"
_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
_RELEASE = "bookworm"
_LEFT_OUT = ("man", "doc", "locale", "info")
# crun refuses hybrid cgroups, there is no systemd, and the default limits are beyond what a container may set.
_SETTINGS = """\
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
[engine]
init_path = "/usr/bin/catatonit"
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[network]
network_backend = "netavark"
"""


class Containers:
    """buildah and podman, whose images and containers end with `close`."""

    def __init__(self, folder: Path) -> None:
        for name, package in (("podman", "podman"), ("buildah", "buildah"), ("runc", "runc"), ("npm", "nodejs")):
            program(name, package)
        program("mmdebstrap", "mmdebstrap")
        if os.geteuid() != 0:
            pytest.skip("images can be built by root only")
        settings, storage = folder / "containers.conf", folder / "storage.conf"
        settings.write_text(_SETTINGS)
        places = f'graphroot = "{folder / "storage"}"\nrunroot = "{folder / "run"}"\n'
        storage.write_text(f'[storage]\ndriver = "{_driver(folder)}"\n{places}')
        self._folder = folder
        self.environment = {"CONTAINERS_CONF": str(settings), "CONTAINERS_STORAGE_CONF": str(storage)}

    def podman(self, *words: str, timeout: float = 60, check: bool = True) -> str:
        """Run podman; return what it prints."""
        return self._run("podman", *words, timeout=timeout, check=check)

    def buildah(self, *words: str, timeout: float = 120) -> str:
        """Run buildah; return what it prints."""
        return self._run("buildah", *words, timeout=timeout)

    def make_base(self, name: str, *packages: str) -> None:
        """Make an image of these Debian packages; skips the test where the mirror cannot be reached."""
        container = self.buildah("from", "scratch")
        mounted = self.buildah("mount", container)
        excluded = [f"--dpkgopt=path-exclude=/usr/share/{what}/*" for what in _LEFT_OUT]
        included = ",".join(("ca-certificates", *packages))
        command = ["mmdebstrap", "--variant=minbase", f"--include={included}", *excluded, _RELEASE, mounted]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        if done.returncode:
            pytest.skip(f"Debian's mirror cannot be reached: {done.stderr[-300:]}")
        # Where an organisation looks into TLS, its authority is among those of this machine.
        trusting = [f"--env={name}={_AUTHORITIES}" for name in ("PIP_CERT", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS")]
        self.buildah("config", "--env=PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", *trusting, container)
        self._commit(container, name)

    def make_node(self) -> None:
        """Put this machine's Node.js on top of the base: Debian's own is too old."""
        container = self.buildah("from", PYTHON)
        node, npm = (Path(shutil.which(name) or "").resolve() for name in ("node", "npm"))
        self.buildah("add", "--quiet", container, str(node), "/usr/local/bin/node")
        self.buildah("add", "--quiet", container, str(npm.parents[1]), "/usr/local/lib/node_modules/npm")
        link = ("ln", "-s", "../lib/node_modules/npm/bin/npm-cli.js", "/usr/local/bin/npm")
        self.buildah("run", "--isolation", "chroot", container, "--", *link)
        self._commit(container, NODE)

    def build(self, target: str, name: str, **arguments: str) -> None:
        """Build one target of the shipped Dockerfile."""
        bases = {"PYTHON_IMAGE": PYTHON, "NODE_IMAGE": NODE} | arguments
        given = [f"--build-arg={key}={value}" for key, value in bases.items()]
        self.buildah(
            *("bud", "--isolation", "chroot", "--network", "host", "--pull-never", "--format", "docker"),
            *(*given, "--target", target, "--tag", name),
            *("--volume", "/etc/ssl/certs:/etc/ssl/certs:ro", "--file", "infra/docker/Dockerfile", "."),
            timeout=400,
        )

    def inspect(self, image: str) -> dict[str, Any]:
        """Return what is known of an image."""
        [found] = json.loads(self.podman("image", "inspect", image))
        assert isinstance(found, dict)
        return found

    def is_well(self, name: str) -> bool:
        """Run the health check of a container now."""
        try:
            self.podman("healthcheck", "run", name)
        except AssertionError:
            return False
        return True

    def close(self) -> None:
        """Remove everything, whatever of it resists."""
        with ExitStack() as last_first:
            last_first.callback(shutil.rmtree, self._folder, ignore_errors=True)
            last_first.callback(self.podman, "rmi", "--all", "--force", check=False)
            last_first.callback(self._run, "buildah", "rm", "--all", timeout=60, check=False)
            last_first.callback(self.podman, "rm", "--all", "--force", "--volumes", check=False)

    def _commit(self, container: str, name: str) -> None:
        self.buildah("commit", "--quiet", "--format", "docker", "--rm", container, name)

    def _run(self, *command: str, timeout: float, check: bool = True) -> str:
        done = subprocess.run(
            ["nice", "-n", "19", *command],
            cwd=ROOT,
            env=dict(os.environ) | self.environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert not check or done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout.strip()


def _driver(folder: Path) -> str:
    """Return how layers may be kept here: overlays do not lie on overlays."""
    command = ["stat", "--file-system", "--format=%T", str(folder)]
    below = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout
    return "vfs" if "overlay" in below else "overlay"
