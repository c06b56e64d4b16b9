"""`chatter` as processes of their own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "api.cli"]
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 3.0


def environment(folder: Path, **variables: str) -> dict[str, str]:
    """Return an environment with these settings and none from outside."""
    empty = folder / "empty.yaml"
    empty.touch()
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PYTHONPATH": str(ROOT),
        "CONFIG_PATH": str(empty),
        "CHATTER_DATA_DIR": str(folder / "data"),
        "AUTH_BCRYPT_COST": "4",
        "LIMITS_SCALE": "1000",
        **variables,
    }


def run(folder: Path, *arguments: str, stdin: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [*COMMAND, *arguments],
        env=environment(folder, **variables),
        cwd=folder,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
    )


def free_ports(count: int) -> list[int]:
    """Return ports that were free a moment ago."""
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def status_of(url: str) -> int:
    """Ask a server; return the status of its answer."""
    try:
        with urllib.request.urlopen(url, timeout=START_TIMEOUT_S) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


class Server:
    """A running `chatter serve`. `inside` goes before its command where it runs in another network."""

    def __init__(self, folder: Path, *, host: str = "127.0.0.1", inside: Sequence[str] = (), **variables: str) -> None:
        self.http_port, self.gateway_port = free_ports(2)
        self.url = f"http://{host}:{self.http_port}"
        self.socket_url = f"ws://{host}:{self.gateway_port}"
        addresses = {"SERVER_ADDR": f"{host}:{self.http_port}", "GATEWAY_ADDR": f"{host}:{self.gateway_port}"}
        self.log = folder / "server.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*inside, *COMMAND, "serve"],
                env=environment(folder, **(addresses | variables)),
                cwd=folder,
                stdout=log,
                stderr=subprocess.PIPE,
                text=True,
            )
        self.said: list[str] = []
        self._heard = threading.Condition()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._heard:
                self.said.append(line.rstrip("\n"))
                self._heard.notify_all()
        with self._heard:
            self._heard.notify_all()

    def wait_until_ready(self) -> None:
        """Wait for the line that says so."""

        def settled() -> bool:
            return bool(self.said) or not self._listener.is_alive() or self.process.poll() is not None

        with self._heard:
            self._heard.wait_for(settled, START_TIMEOUT_S)
        assert self.said, self.log.read_text()
        assert self.said[0].startswith("Chatter is ready at"), self.said

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal; return the exit code, or fail after the time that a stop may take."""
        self.process.send_signal(number)
        return self.process.wait(STOP_TIMEOUT_S)

    def close(self) -> None:
        """End it whatever its state, and wait for it."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)
        self._listener.join(10)
        if self.process.stderr is not None:
            self.process.stderr.close()


@contextmanager
def serving(folder: Path, **variables: str) -> Iterator[Server]:
    """Run a server until the end of the block."""
    server = Server(folder, **variables)
    try:
        server.wait_until_ready()
        yield server
    finally:
        server.close()
