"""Networks of their own for tests: homes behind routers that translate addresses, and a public net between them.

Each home is a network namespace whose router gives every destination another random port (a symmetric NAT, RFC 4787
§4.1) and lets nothing in that was not asked for, so no two homes reach each other directly.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PUBLIC_ADDRESS = "198.51.100.1"
# The way to all other nets, such as the insides of homes: nobody has this link address, so what goes there is lost
# without a word. With no way at all the machine hears "network is unreachable", at which coturn 4.6 drops the session
# of whoever asked it to relay to the private address in another's candidate.
_ELSEWHERE = "198.51.100.254"
_NOBODY = "02:00:00:00:00:01"


class Networks:
    """The public net and the homes made so far; `public` and the homes' names go into `inside`."""

    def __init__(self) -> None:
        self._prefix = f"chatter{os.getpid()}"
        self._made: list[str] = []
        self._routers = 0

    def build_public(self) -> None:
        """Make the net that everybody reaches; its machine has `PUBLIC_ADDRESS`."""
        self._namespace("public")
        self._ip("public", "link add bridge type bridge")
        self._ip("public", f"addr add {PUBLIC_ADDRESS}/24 dev bridge")
        self._ip("public", "link set bridge up")
        self._ip("public", f"neigh add {_ELSEWHERE} lladdr {_NOBODY} dev bridge nud permanent")
        self._ip("public", f"route add default via {_ELSEWHERE}")

    def build_home(self, name: str) -> None:
        """Make a machine that has no network yet."""
        self._namespace(name)

    def connect(self, home: str, link: str) -> None:
        """Give a home a link through a router of its own, and use it."""
        self._routers += 1
        number, router = self._routers, f"router{self._routers}"
        self._namespace(router)
        self._cable(router, "wan", "public", f"port{number}")
        self._ip("public", f"link set port{number} master bridge")
        self._ip(router, f"addr add 198.51.100.{100 + number}/24 dev wan")
        self._cable(router, "lan", home, link)
        self._ip(router, f"addr add 10.0.{number}.1/24 dev lan")
        self._ip(home, f"addr add 10.0.{number}.2/24 dev {link}")
        self._ip(home, f"route replace default via 10.0.{number}.1")
        self._translate(router)

    def attach(self, home: str, link: str) -> None:
        """Give a home a link on the public net itself, where others reach it directly."""
        self._routers += 1
        number = self._routers
        self._cable(home, link, "public", f"port{number}")
        self._ip("public", f"link set port{number} master bridge")
        self._ip(home, f"addr add 198.51.100.{100 + number}/24 dev {link}")

    def deafen(self, home: str) -> None:
        """Let no UDP come in any more: media ends, the connection to the server stays."""
        _run(*self.inside(home), "iptables", "-w", "-A", "INPUT", "-p", "udp", "-j", "DROP")

    def disconnect(self, home: str, link: str) -> None:
        """Pull a link's plug."""
        self._ip(home, f"link set {link} down")

    def inside(self, name: str) -> tuple[str, ...]:
        """Return what goes before a command to run it there."""
        return ("ip", "netns", "exec", self._full(name))

    def wrap(self, name: str, program: str, folder: Path) -> str:
        """Write a program that runs another there, for those who can only start one by its path."""
        script = folder / f"{Path(program).name}-{name}"
        script.write_text(f'#!/bin/sh\nexec {" ".join(self.inside(name))} {program} "$@"\n', "utf-8")
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
        return str(script)

    def remove(self) -> None:
        """Take everything down, however far it got."""
        for namespace in reversed(self._made):
            subprocess.run(["ip", "netns", "del", namespace], check=False, capture_output=True, timeout=20)
        self._made.clear()

    def _namespace(self, name: str) -> None:
        _run("ip", "netns", "add", self._full(name))
        self._made.append(self._full(name))
        self._ip(name, "link set lo up")

    def _cable(self, one: str, its_end: str, other: str, other_end: str) -> None:
        peer = f"peer name {other_end} netns {self._full(other)}"
        self._ip(one, f"link add {its_end} type veth {peer}")
        self._ip(one, f"link set {its_end} up")
        self._ip(other, f"link set {other_end} up")

    def _translate(self, router: str) -> None:
        rules = (
            "-t nat -A POSTROUTING -o wan -j MASQUERADE --random-fully",
            "-P FORWARD DROP",
            "-A FORWARD -i lan -o wan -j ACCEPT",
            "-A FORWARD -i wan -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
        )
        for rule in rules:
            _run(*self.inside(router), "iptables", "-w", *rule.split())
        _run(*self.inside(router), "sysctl", "-qw", "net.ipv4.ip_forward=1")

    def _ip(self, name: str, arguments: str) -> None:
        _run("ip", "-n", self._full(name), *arguments.split())

    def _full(self, name: str) -> str:
        return f"{self._prefix}-{name}"


@pytest.fixture
def networks() -> Iterator[Networks]:
    """Networks of the test's own; skips the test where one may not make any."""
    require_programs()
    with _removed_at_the_end(Networks()) as made:
        try:
            made.build_public()
        except subprocess.CalledProcessError as error:
            pytest.skip(f"network namespaces cannot be made here: {error.stderr.decode().strip()}")
        yield made


def require_programs() -> None:
    """Skip the test where one may not make networks."""
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    for program in ("ip", "iptables", "sysctl"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} not installed")


@contextmanager
def _removed_at_the_end(networks: Networks) -> Iterator[Networks]:
    try:
        yield networks
    finally:
        networks.remove()


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=20)
