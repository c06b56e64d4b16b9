"""The servers under test, each a process of its own, pinned to one core."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Self, TypeVar

import httpx2 as httpx

from bench.load import SPREED_SECRET, Member, PeerJSMember, ResumingMember, SpreedMember
from bench.scenario import SERVER_CORE, MissingPeer, Progress

ROOT = Path(__file__).resolve().parent.parent
PEERS = ROOT / "bench" / "peers"
LIMITS_SCALE = 100_000.0
_ROOMS_OF_AN_ACCOUNT = 500
_START_TIMEOUT_S = 60
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def new_loop() -> asyncio.AbstractEventLoop:
    """Return an event loop for the clients."""
    import uvloop

    return uvloop.new_event_loop()


def free_port() -> int:
    """Return a port that nothing listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _listens(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def pinned(command: list[str], core: int) -> list[str]:
    """Return the command that runs this one on one core, where that can be had."""
    return ["taskset", "-c", str(core), *command] if shutil.which("taskset") else command


class LocalProcess(ABC):
    """A program that listens on a port, pinned to a core, as long as the context is."""

    name: str
    core = SERVER_CORE

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="chatter-bench-"))
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def command(self) -> tuple[list[str], dict[str, str]]:
        """Return what to run and the environment it needs on top of ours."""

    @classmethod  # noqa: B027 - most need nothing
    def require(cls) -> None:
        """Raise `MissingPeer` where it is not installed."""

    def output(self, log: IO[bytes]) -> IO[bytes]:
        """Return where standard output goes."""
        return log

    def __enter__(self) -> Self:
        command, environment = self.command()
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                pinned(command, self.core),
                cwd=ROOT,
                env={**os.environ, **environment},
                stdout=self.output(log),
                stderr=log,
            )
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                said = (self.folder / "log").read_text()
                self.__exit__()  # nobody else does, after a start that failed
                raise RuntimeError(f"{self.name} did not start:\n{said}")
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
        return _listens(self.port)

    def signal(self, number: int) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(number)

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


class ServerProcess(LocalProcess):
    """A running server, and what clients it has."""

    member: type[Member]
    origin: str | None = None

    @abstractmethod
    def rooms(self, count: int, members: int = 2) -> list[list[str]]:
        """Return the socket URLs of the members of so many new rooms."""


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

    def _answers(self) -> bool:
        return b"Chatter is ready" in (self.folder / "log").read_bytes()

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

    def rooms(self, count: int, members: int = 2) -> list[list[str]]:
        """Create the rooms; all members come in as guests."""
        return [[self.socket_url(room)] * members for room in self.create_rooms(count, members)]

    def socket_url(self, room: str) -> str:
        """Return where members of a room connect."""
        return f"ws://127.0.0.1:{self.port}/ws/{room}{self.query}"

    def create_rooms(self, count: int, members: int = 2) -> list[str]:
        """Create rooms, with as many accounts as that takes; return their ids."""
        created: list[str] = []
        while len(created) < count:
            with self.signed_in() as http:
                for _ in range(min(_ROOMS_OF_AN_ACCOUNT, count - len(created))):
                    answer = http.post("/rooms", json={"maxMembers": max(2, members)}).raise_for_status()
                    created.append(answer.json()["roomId"])
        return created

    @contextlib.contextmanager
    def signed_in(self) -> Iterator[httpx.Client]:
        """Make an account; return its client."""
        with httpx.Client(base_url=self.http_url, headers={"X-Device-ID": "bench"}, timeout=30) as http:
            account = {"username": f"bench{time.time_ns()}"[:32], "password": "a password for benchmarks"}
            token = http.post("/auth/register", json=account).raise_for_status().json()["token"]
            http.headers["Authorization"] = f"Bearer {token}"
            yield http


class OldChatter(Chatter):
    """The same with clients that cannot resume and number nothing."""

    name = "Chatter, v=1"
    member = Member
    query = ""


class PeerJS(ServerProcess):
    """The npm package `peer`, the signaling server of PeerJS."""

    name = "PeerJS"
    member = PeerJSMember

    _script = PEERS / "node_modules" / "peer" / "dist" / "bin" / "peerjs.js"

    @classmethod
    def require(cls) -> None:
        """Raise `MissingPeer` where the package is not installed."""
        _require_npm(cls._script)

    def command(self) -> tuple[list[str], dict[str, str]]:
        """Return the command."""
        limit = ["--concurrent_limit", "100000", "--alive_timeout", "600000"]
        command = ["node", str(self._script), "--port", str(self.port), "--host", "127.0.0.1", *limit]
        return command, {"NODE_ENV": "production"}

    def rooms(self, count: int, members: int = 2) -> list[list[str]]:
        """Name the peers; PeerJS has no rooms."""
        base = f"ws://127.0.0.1:{self.port}/peerjs?key=peerjs&token=bench"
        return [[f"{base}&id=p{next(_numbers)}" for _ in range(members)] for _ in range(count)]


class BareWs(ServerProcess):
    """A relay of twenty lines on the npm package `ws`."""

    name = "ws"
    member = Member

    @classmethod
    def require(cls) -> None:
        """Raise `MissingPeer` where the package is not installed."""
        _require_npm(PEERS / "node_modules" / "ws" / "package.json")

    def command(self) -> tuple[list[str], dict[str, str]]:
        """Return the command."""
        return ["node", str(PEERS / "ws-relay.mjs"), str(self.port)], {"NODE_ENV": "production"}

    def rooms(self, count: int, members: int = 2) -> list[list[str]]:
        """Name rooms and members."""
        bases = [f"ws://127.0.0.1:{self.port}/r{next(_numbers)}" for _ in range(count)]
        return [[f"{base}?id=member{number:010}" for number in range(members)] for base in bases]


class Spreed(ServerProcess):
    """nextcloud-spreed-signaling, in Go, with its bus inside the process."""

    name = "spreed"
    member = SpreedMember
    _program = "nextcloud-spreed-signaling-server"

    @classmethod
    def require(cls) -> None:
        """Raise `MissingPeer` where the package is not installed."""
        if shutil.which(cls._program) is None:
            package = "nextcloud-spreed-signaling"
            raise MissingPeer(f"{package} is not installed; run: apt-get install --no-install-recommends {package}")

    def command(self) -> tuple[list[str], dict[str, str]]:
        """Return the command, after its configuration is written."""
        configuration = self.folder / "server.conf"
        configuration.write_text(
            f"[http]\nlisten = 127.0.0.1:{self.port}\n"
            f"[sessions]\nhashkey = {'0' * 32}\nblockkey = {'0' * 32}\n"
            f"[clients]\ninternalsecret = {SPREED_SECRET}\n"
            "[backend]\nallowall = true\nallowhttp = true\nsecret = bench\n"
            "[nats]\nurl = :loopback:\n"
        )
        return [self._program, "-config", str(configuration)], {"GOMAXPROCS": "1"}

    def rooms(self, count: int, members: int = 2) -> list[list[str]]:
        """Name rooms."""
        return [[f"ws://127.0.0.1:{self.port}/spreed?r{next(_numbers)}"] * members for _ in range(count)]


_numbers = itertools.count(1)


def _require_npm(path: Path) -> None:
    if not path.exists() or shutil.which("node") is None:
        raise MissingPeer(f"{path.relative_to(PEERS)} is not installed; run: npm --prefix bench/peers ci")


P = TypeVar("P", bound=LocalProcess)


def installed(kinds: Iterable[type[P]], progress: Progress) -> list[type[P]]:
    """Return those that can be run; say how the others could be."""
    found = []
    for kind in kinds:
        try:
            kind.require()
        except MissingPeer as missing:
            progress(f"without {kind.name}: {missing}")
        else:
            found.append(kind)
    return found
