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
from tests.infra.stack.machine import Machine

ROOT = Path(__file__).resolve().parents[2]
BASE, NODE = "localhost/chatter-test/debian:base", "localhost/chatter-test/debian:node"
_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
_RELEASE = "bookworm"
_LEFT_OUT = ("man", "doc", "locale", "info")
# crun refuses hybrid cgroups, there is no systemd, and the default limits are beyond what a container may set. podman's
# name server loses questions that come while it learns of another container; by default they are repeated after 5 s.
_SETTINGS = """\
[containers]
base_hosts_file = "{folder}/hosts"
dns_options = ["timeout:1", "attempts:5"]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
[engine]
init_path = "/usr/bin/catatonit"
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[network]
network_backend = "netavark"
network_config_dir = "{folder}/networks"
"""


class Containers:
    """buildah and podman on a machine of their own, where containers find `hosts`; all of it ends with `close`.

    Images are built with the network of this machine, from where package registries are reached.
    """

    def __init__(self, folder: Path, machine: Machine, hosts: str = "") -> None:
        for name, package in (("podman", "podman"), ("buildah", "buildah"), ("runc", "runc"), ("npm", "nodejs")):
            program(name, package)
        program("mmdebstrap", "mmdebstrap")
        settings, storage = folder / "containers.conf", folder / "storage.conf"
        settings.write_text(_SETTINGS.format(folder=folder))
        (folder / "hosts").write_text(f"127.0.0.1 localhost\n{hosts}")
        places = f'graphroot = "{folder / "storage"}"\nrunroot = "{folder / "run"}"\n'
        storage.write_text(f'[storage]\ndriver = "{_driver(folder)}"\n{places}')
        self._folder = folder
        self._machine = machine
        self.environment = {"CONTAINERS_CONF": str(settings), "CONTAINERS_STORAGE_CONF": str(storage)}

    def podman(self, *words: str, timeout: float = 60, check: bool = True) -> str:
        """Run podman; return what it prints."""
        done = self.run(("podman", *words), network=True, timeout=timeout)
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def buildah(self, *words: str, timeout: float = 120) -> str:
        """Run buildah; return what it prints."""
        done = self.run(("buildah", *words), network=False, timeout=timeout)
        assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout.strip()

    def run(
        self, command: tuple[str, ...], *, network: bool, timeout: float, folder: Path = ROOT, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run something on the machine, with the images and containers; with its `network` or with that of this one."""
        return subprocess.run(
            [*self._machine.inside(folder, network=network), *command],
            env=dict(os.environ) | self.environment | variables,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def make_base(self, *packages: str) -> None:
        """Make an image of these Debian packages; skips the test where the mirror cannot be reached."""
        container = self.buildah("from", "scratch")
        mounted = self.buildah("mount", container)
        options = [f"--dpkgopt=path-exclude=/usr/share/{what}/*" for what in _LEFT_OUT]
        included = ",".join(("ca-certificates", *packages))
        command = ("mmdebstrap", "--variant=minbase", f"--include={included}", "--dpkgopt=force-unsafe-io", *options)
        done = self.run((*command, _RELEASE, mounted), network=False, timeout=600)
        if done.returncode:
            pytest.skip(f"Debian's mirror cannot be reached: {done.stderr[-300:]}")
        # Where an organisation looks into TLS, its authority is among those of this machine.
        trusting = [f"--env={name}={_AUTHORITIES}" for name in ("PIP_CERT", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS")]
        self.buildah("config", "--env=PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", *trusting, container)
        self.commit(container, BASE)

    def make_node(self) -> None:
        """Put this machine's Node.js on top of the base: Debian's own is too old."""
        container = self.buildah("from", BASE)
        node, npm = (Path(shutil.which(name) or "").resolve() for name in ("node", "npm"))
        self.buildah("add", "--quiet", container, str(node), "/usr/local/bin/node")
        self.buildah("add", "--quiet", container, str(npm.parents[1]), "/usr/local/lib/node_modules/npm")
        link = ("ln", "-s", "../lib/node_modules/npm/bin/npm-cli.js", "/usr/local/bin/npm")
        self.buildah("run", "--isolation", "chroot", container, "--", *link)
        self.commit(container, NODE)

    def build(self, target: str, name: str) -> None:
        """Build one target of the shipped Dockerfile; what two targets share is built once."""
        known_packages = Path.home() / ".npm"  # by their hashes, so that they are not fetched twice
        known_packages.mkdir(exist_ok=True)
        bases = {"NODE_IMAGE": NODE, "PYTHON_IMAGE": BASE, "NGINX_IMAGE": BASE}
        given = [f"--build-arg={argument}={image}" for argument, image in bases.items()]
        self.buildah(
            *("bud", "--isolation", "chroot", "--network", "host", "--pull-never", "--format", "docker"),
            *("--layers", "--jobs=2", *given, "--target", target, "--tag", name),
            *("--volume", "/etc/ssl/certs:/etc/ssl/certs:ro", "--volume", f"{known_packages}:/root/.npm"),
            *("--file", "infra/docker/Dockerfile", "."),
            timeout=600,
        )

    def commit(self, container: str, name: str) -> None:
        """Make an image of a container of buildah's, and remove that."""
        self.buildah("commit", "--quiet", "--format", "docker", "--rm", container, name)

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
        """End and remove everything."""
        with ExitStack() as last_first:
            last_first.callback(shutil.rmtree, self._folder, ignore_errors=True)
            last_first.callback(self._machine.close)
            last_first.callback(self.podman, "rm", "--all", "--force", "--time=0", check=False)


def _driver(folder: Path) -> str:
    """Return how layers may be kept here: overlays do not lie on overlays."""
    command = ["stat", "--file-system", "--format=%T", str(folder)]
    below = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout
    return "vfs" if "overlay" in below else "overlay"
