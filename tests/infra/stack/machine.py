"""A machine of its own for containers: processes, mounts and network of its own, at the end of a cable.

Its ports are nobody else's, and whatever runs in it ends with it.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.e2e.networks import require_programs
from tests.infra.conftest import program
from tests.infra.proxy import wait_until

_OF_ITS_OWN = ("/dev/shm", "/run/containers", "/run/libpod", "/run/netns", "/run/runc")
"""Where podman, netavark and runc keep what they know of all containers of a machine."""


class Machine:
    """A machine that this one reaches at `address`, and that reaches this one at `gateway`."""

    def __init__(self) -> None:
        require_programs()
        self.gateway, self.address = _free_addresses()
        namespaces = ("--mount", "--net", "--pid", "--fork", "--mount-proc", "--kill-child")
        # With the tests it ends too, however they end.
        command = ["setpriv", "--pdeathsig", "KILL", "unshare", *namespaces, program("catatonit", "catatonit"), "-P"]
        self._process = subprocess.Popen(command, stderr=subprocess.PIPE)
        try:
            wait_until(self._is_there_or_refused)
            self._furnish()
        except subprocess.CalledProcessError as error:
            self.close()
            pytest.skip(f"no machine can be made here: {error.stderr.decode().strip()}")
        except BaseException:
            self.close()
            raise

    def inside(self, folder: Path, *, network: bool) -> Sequence[str]:
        """Return what goes before a command to run it there; without `network` it has that of this machine."""
        entered = ("--mount", "--pid", *(("--net",) if network else ()))
        return ("nsenter", f"--target={self._first_process()}", *entered, f"--wdns={folder}", "--")

    def close(self) -> None:
        """End whatever runs in it. Idempotent."""
        self._process.kill()
        self._process.wait()
        assert self._process.stderr is not None
        self._process.stderr.close()

    def _is_there_or_refused(self) -> bool:
        """Tell whether its /proc is mounted. Raises `CalledProcessError` where it ended."""
        if self._process.poll() is not None:
            _, problem = self._process.communicate()
            raise subprocess.CalledProcessError(self._process.returncode, "unshare", stderr=problem)
        return self._name_of(self._first_process()) == "catatonit"

    def _first_process(self) -> str:
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text("ascii").split()
        return children[0] if children else ""

    def _name_of(self, process: str) -> str:
        try:
            return Path(f"/proc/{process}/comm").read_text("ascii").strip() if process else ""
        except FileNotFoundError:  # it ended just now
            return ""

    def _furnish(self) -> None:
        for folder in _OF_ITS_OWN:
            Path(folder).mkdir(exist_ok=True)
            self._do("mount", "-t", "tmpfs", "none", folder)
        end = f"chatter{os.getpid()}"
        _run(f"ip link add {end} type veth peer name uplink netns {self._first_process()}".split())
        _run(f"ip addr add {self.gateway}/30 dev {end}".split())
        _run(f"ip link set {end} up".split())
        for words in (f"addr add {self.address}/30 dev uplink", "link set uplink up", "link set lo up"):
            self._do("ip", *words.split())

    def _do(self, *command: str) -> None:
        _run([*self.inside(Path("/"), network=True), *command])


def _free_addresses() -> tuple[str, str]:
    # Of the addresses of AMT relays (RFC 7450 §7.1): nobody's machine has one, and unlike those for documentation
    # they are none that the shipped coturn relays nothing to. Runs beside this one use others.
    taken = subprocess.run(["ip", "-oneline", "address"], check=True, capture_output=True, text=True, timeout=20).stdout
    pairs = [(f"192.52.193.{first + 1}", f"192.52.193.{first + 2}") for first in range(0, 256, 4)]
    own = os.getpid() % len(pairs)  # where two begin at the same time
    return next(pair for pair in pairs[own:] + pairs[:own] if f" {pair[0]}/" not in taken)


def _run(command: Sequence[str]) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=20)
