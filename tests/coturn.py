"""A coturn of the test's own: on free loopback ports, with settings and certificates of its own."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme

SECRET = "a-secret-of-the-tests-0123456789abcdef"
_START_TIMEOUT_S = 20
_RELAY_PORTS = 100


class Coturn:
    """A running TURN server. `ca` signed its certificate, which holds for `localhost` and 127.0.0.1."""

    def __init__(self, folder: Path, ca: trustme.CA, host: str, ports: tuple[int, int]) -> None:
        self.host = host
        self.port, self.tls_port = ports
        self.ca_file = folder / "ca.pem"
        self.log = folder / "turnserver.log"
        ca.cert_pem.write_to_path(self.ca_file)

    def url(self, transport: str) -> str:
        """Return the address for one transport: udp, tcp or tls."""
        if transport == "tls":
            return f"turns:{self.host}:{self.tls_port}?transport=tcp"
        return f"turn:{self.host}:{self.port}?transport={transport}"


StartCoturn = Callable[..., Coturn]


@pytest.fixture(scope="session")
def turnserver() -> str:
    """The path of coturn; skips the test where there is none."""
    found = shutil.which("turnserver")
    if found is None:
        pytest.skip("coturn (turnserver) not installed")
    return found


@pytest.fixture(scope="session")
def turn_ca() -> trustme.CA:
    """The authority that signs the certificates of all test servers; nobody else trusts it."""
    return trustme.CA()


@pytest.fixture(scope="session")
def coturn(turnserver: str, turn_ca: trustme.CA) -> Iterator[Coturn]:
    """A server that relays between its own loopback addresses."""
    with running_coturn(turnserver, turn_ca, "allow-loopback-peers") as server:
        yield server


@pytest.fixture
def start_coturn(turnserver: str, turn_ca: trustme.CA) -> Iterator[StartCoturn]:
    """Start servers with further settings, such as `start_coturn("user-quota=1")`."""
    with ExitStack() as stack:

        def start(*settings: str) -> Coturn:
            return stack.enter_context(running_coturn(turnserver, turn_ca, *settings))

        yield start


@contextmanager
def running_coturn(
    program: str,
    ca: trustme.CA,
    *settings: str,
    host: str = "127.0.0.1",
    command: tuple[str, ...] = (),
    ports: tuple[int, int] | None = None,
) -> Iterator[Coturn]:
    """Run a server until the end of the block; `command` goes before the program, as in `ip netns exec name`."""
    folder = Path(tempfile.mkdtemp(prefix="chatter-coturn-"))
    server = Coturn(folder, ca, host, ports or _free_ports())
    configuration = _write_configuration(folder, ca, server, settings)
    with server.log.open("wb") as log:
        process = subprocess.Popen([*command, program, "-c", str(configuration)], cwd=folder, stdout=log, stderr=log)
    try:
        _wait_until_listening(server, process)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)
        shutil.rmtree(folder, ignore_errors=True)


def _write_configuration(folder: Path, ca: trustme.CA, server: Coturn, settings: tuple[str, ...]) -> Path:
    issued = ca.issue_cert("localhost", server.host)
    certificate, key = folder / "cert.pem", folder / "key.pem"
    issued.private_key_pem.write_to_path(key)
    for part in (*issued.cert_chain_pems, ca.cert_pem):  # the authority too: browsers are told to trust it by its key
        part.write_to_path(certificate, append=True)
    lines = [
        f"listening-ip={server.host}",
        f"relay-ip={server.host}",
        f"listening-port={server.port}",
        f"tls-listening-port={server.tls_port}",
        f"cert={certificate}",
        f"pkey={key}",
        "use-auth-secret",
        f"static-auth-secret={SECRET}",
        "realm=chatter.test",
        "fingerprint",
        "no-cli",
        "no-dtls",
        "no-multicast-peers",
        "verbose",
        "log-file=stdout",
        f"pidfile={folder / 'turnserver.pid'}",
        f"userdb={folder / 'turndb'}",
        *_relay_ports(),
        *settings,
    ]
    configuration = folder / "turnserver.conf"
    configuration.write_text("\n".join(lines) + "\n", "utf-8")
    return configuration


def _relay_ports() -> tuple[str, str]:
    """Choose a range of relay ports at random, so that servers side by side rarely meet."""
    first = _free_ports()[0] // _RELAY_PORTS * _RELAY_PORTS
    return f"min-port={first}", f"max-port={min(first + _RELAY_PORTS - 1, 65535)}"


def _wait_until_listening(server: Coturn, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_TIMEOUT_S
    wanted = [("UDP", server.port), ("TCP", server.port), ("TCP", server.tls_port)]
    while True:
        opened = [line for line in server.log.read_text().splitlines() if "listener opened on" in line]
        if all(any(kind in line and line.endswith(f":{port}") for line in opened) for kind, port in wanted):
            return
        if process.poll() is not None or time.monotonic() > deadline:
            pytest.fail(f"coturn did not start:\n{server.log.read_text()}")
        time.sleep(0.02)


def _free_ports() -> tuple[int, int]:
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    addresses: list[tuple[Any, int]] = [probe.getsockname() for probe in probes]
    for probe in probes:
        probe.close()
    return addresses[0][1], addresses[1][1]
