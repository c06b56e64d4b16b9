"""Servers that carry the bus, on free loopback ports; tests may stop, freeze and restart them."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing

import pytest

_START_TIMEOUT_S = 20


class BusServer:
    """A NATS or Redis server as a process of its own."""

    def __init__(self, scheme: str, command: list[str], port: int, host: str = "127.0.0.1") -> None:
        self._scheme = scheme
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self.host = host
        self.port = port
        self.url = f"{scheme}://{host}:{port}"

    def require(self, password: str) -> None:
        """Let only the user `chatter` in, with this password; before `start`."""
        if self._scheme == "nats":
            self._command += ["--user", "chatter", "--pass", password]
        else:
            self._command += ["--user", "chatter", "on", f">{password}", "allkeys", "allcommands", "allchannels"]
            self._command += ["--user", "default", "off"]

    def configure(self, *options: str) -> None:
        """Start it with these options too; before `start`."""
        self._command += options

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not self._answers():
            assert self._process.poll() is None, f"{self._command[0]} ended at once"
            assert time.monotonic() < deadline, f"{self._command[0]} did not start"
            time.sleep(0.01)

    def kill(self) -> None:
        """End it without a word. Idempotent."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def freeze(self) -> None:
        """Let it stand still: connections stay open, nothing is answered."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _answers(self) -> bool:
        with closing(socket.socket()) as probe:
            probe.settimeout(1)
            return probe.connect_ex((self.host, self.port)) == 0


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with closing(socket.create_server(("127.0.0.1", 0))) as probe:
        return int(probe.getsockname()[1])


def _found(program: str) -> str:
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"{program} not installed")
    return found


def nats_server(host: str = "127.0.0.1", inside: Sequence[str] = ()) -> BusServer:
    """Return a NATS server that is not started yet; skips the test where there is none.

    `inside` goes before its command where it runs in another network.
    """
    port = free_port()
    return BusServer("nats", [*inside, _found("nats-server"), "--addr", host, "--port", str(port)], port, host)


def redis_server() -> BusServer:
    """Return a Redis server that is not started yet; skips the test where there is none."""
    port = free_port()
    # It saves nothing; nor must it find a file of somebody else's.
    files = ("--save", "", "--dir", tempfile.gettempdir(), "--dbfilename", f"chatter-{port}-never-written.rdb")
    return BusServer("redis", [_found("redis-server"), "--bind", "127.0.0.1", "--port", str(port), *files], port)


@pytest.fixture
def nats() -> Iterator[BusServer]:
    """A NATS server of the test's own."""
    server = nats_server()
    server.start()
    yield server
    server.kill()


@pytest.fixture
def redis() -> Iterator[BusServer]:
    """A Redis server of the test's own."""
    server = redis_server()
    server.start()
    yield server
    server.kill()
