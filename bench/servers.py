"""The servers under test, each a process of its own, pinned to one core."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import IO, Self

import httpx2 as httpx

from bench.load import Member, PeerJSMember, ResumingMember

ROOT = Path(__file__).resolve().parent.parent
PEERS = ROOT / "bench" / "peers"
SERVER_CORE = 0
LOAD_CORE = 1
LIMITS_SCALE = 100_000.0
_START_TIMEOUT_S = 60
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class MissingPeer(Exception):
    """A server to compare against is not installed; the message says how."""


def free_port() -> int:
    """Return a port that nothing listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def pinned(command: list[str], core: int) -> list[str]:
    """Return the command that runs this one on one core, where that can be had."""
    return ["taskset", "-c", str(core), *command] if shutil.which("taskset") else command


class ServerProcess(ABC):
    """A running server, and what clients it has."""

    name: str
    member: type[Member]
    origin: str | None = None

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="chatter-bench-"))
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def command(self) -> tuple[list[str], dict[str, str]]:
        """Return what to run and the environment it needs on top of ours."""

    @abstractmethod
    def urls(self, pairs: int) -> list[tuple[str, str]]:
        """Return the socket URLs of so many pairs of members."""

    def output(self, log: IO[bytes]) -> IO[bytes]:
        """Return where standard output goes."""
        return log

    def __enter__(self) -> Self:
        command, environment = self.command()
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                pinned(command, SERVER_CORE),
                cwd=ROOT,
                env={**os.environ, **environment},
                stdout=self.output(log),
                stderr=log,
            )
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self.name} did not start:\n{(self.folder / 'log').read_text()}")
            time.sleep(0.05)
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return True
        except OSError:
            return False

    def cpu_seconds(self) -> float:
        """Return the CPU time used so far."""
        assert self._process is not None
        fields = Path(f"/proc/{self._process.pid}/stat").read_text("ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S

    def resident_bytes(self) -> int:
        """Return the resident memory now."""
        assert self._process is not None
        status = Path(f"/proc/{self._process.pid}/status").read_text("ascii")
        line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) * 1024


class Chatter(ServerProcess):
    """`chatter serve` as shipped; only the limits are raised, by the setting made for it."""

    name = "Chatter"
    member: type[Member] = ResumingMember
    query = "?v=2"
    """How its clients connect: as our web client does."""

    def __init__(self) -> None:
        super().__init__()
        self.http_port = free_port()
        self.http_url = f"http://127.0.0.1:{self.http_port}"
        self.origin = f"http://localhost:{self.http_port}"

    def command(self) -> tuple[list[str], dict[str, str]]:
        """Return the command with its settings."""
        return [sys.executable, "-m", "api.cli", "serve"], {
            "SERVER_ADDR": f"127.0.0.1:{self.http_port}",
            "GATEWAY_ADDR": f"127.0.0.1:{self.port}",
            "CHATTER_DATA_DIR": str(self.folder),
            "AUTH_BCRYPT_COST": "4",
            "LIMITS_SCALE": str(LIMITS_SCALE),
            "LOG_LEVEL": "WARNING",
        }

    def urls(self, pairs: int) -> list[tuple[str, str]]:
        """Create a room for each pair; both members come in as guests."""
        with httpx.Client(base_url=self.http_url, headers={"X-Device-ID": "bench"}, timeout=30) as http:
            account = {"username": f"bench{time.time_ns()}"[:32], "password": "a password for benchmarks"}
            token = http.post("/auth/register", json=account).raise_for_status().json()["token"]
            http.headers["Authorization"] = f"Bearer {token}"
            rooms = [http.post("/rooms").raise_for_status().json()["roomId"] for _ in range(pairs)]
        return [(f"ws://127.0.0.1:{self.port}/ws/{room}{self.query}",) * 2 for room in rooms]


class OldChatter(Chatter):
    """The same with clients that cannot resume and number nothing."""

    name = "Chatter, v=1"
    member = Member
    query = ""


class PeerJS(ServerProcess):
    """The npm package `peer`, the signaling server of PeerJS."""

    name = "PeerJS"
    member = PeerJSMember

    def command(self) -> tuple[list[str], dict[str, str]]:
        """Return the command; raises `MissingPeer` where the package is not installed."""
        script = PEERS / "node_modules" / "peer" / "dist" / "bin" / "peerjs.js"
        if not script.exists():
            raise MissingPeer("PeerJS is not installed; run: npm --prefix bench/peers ci")
        limit = ["--concurrent_limit", "100000", "--alive_timeout", "600000"]
        return ["node", str(script), "--port", str(self.port), "--host", "127.0.0.1", *limit], {
            "NODE_ENV": "production"
        }

    def urls(self, pairs: int) -> list[tuple[str, str]]:
        """Name two peers for each pair."""
        base = f"ws://127.0.0.1:{self.port}/peerjs?key=peerjs&token=bench"
        return [(f"{base}&id=a{index}", f"{base}&id=b{index}") for index in range(pairs)]
