"""Networks of their own for the nodes of a test and for what they share, with lines between them to cut and to heal.

Every island is a network namespace on one bridge; this machine is on that bridge too, and reaches them all.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

import pytest

from tests.e2e.networks import Networks, require_programs

_HERE, _SHARED = 1, 2


class Islands(Networks):
    """The islands made so far."""

    def __init__(self) -> None:
        super().__init__()
        # Of the addresses for tests of network devices (RFC 2544): nobody routes them. Runs beside this one use others.
        self._net = f"198.{18 + os.getpid() // 256 % 2}.{os.getpid() % 256}"
        self._count = _SHARED

    def build(self) -> None:
        """Make the bridge, and the line from this machine to it."""
        self._namespace("bridge")
        self._ip("bridge", "link add bridge type bridge")
        self._ip("bridge", "link set bridge up")
        _ip(f"link add {self._prefix} type veth peer name here netns {self._full('bridge')}")
        for number in (_HERE, _SHARED):
            _ip(f"addr add {self._net}.{number}/24 dev {self._prefix}")
        _ip(f"link set {self._prefix} up")
        self._ip("bridge", "link set here up master bridge")

    @property
    def shared_address(self) -> str:
        """A second address of this machine, for what islands may be cut off from while it still reaches them."""
        return f"{self._net}.{_SHARED}"

    def add(self, name: str) -> str:
        """Make an island; return its address."""
        self._count += 1
        address = f"{self._net}.{self._count}"
        self._namespace(name)
        self._cable(name, "net", "bridge", f"port{self._count}")
        self._ip("bridge", f"link set port{self._count} master bridge")
        self._ip(name, f"addr add {address}/24 dev net")
        return address

    def cut(self, name: str, *addresses: str) -> None:
        """Lose, without a word, whatever goes between an island and these addresses."""
        for address in addresses:
            self._filter(name, f"-A INPUT -s {address} -j DROP")
            self._filter(name, f"-A OUTPUT -d {address} -j DROP")

    def heal(self, name: str) -> None:
        """Let an island reach everything again."""
        self._filter(name, "-F")

    def _filter(self, name: str, rule: str) -> None:
        subprocess.run([*self.inside(name), "iptables", "-w", *rule.split()], check=True, capture_output=True)


def _ip(arguments: str) -> None:
    subprocess.run(["ip", *arguments.split()], check=True, capture_output=True, timeout=20)


@pytest.fixture
def islands() -> Iterator[Islands]:
    """Islands of the test's own; skips the test where one may not make any."""
    require_programs()
    made = Islands()
    try:
        try:
            made.build()
        except subprocess.CalledProcessError as error:
            pytest.skip(f"network namespaces cannot be made here: {error.stderr.decode().strip()}")
        yield made
    finally:
        made.remove()
