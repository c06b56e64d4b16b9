"""What it costs to see everything: a server with all of it on and one with all of it off, in turns of a few seconds."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from statistics import median
from typing import IO

import httpx2 as httpx
from msgspec import Struct

from bench.http_load import HttpClient, RefreshingClient, repeat
from bench.load import Member, connect_pairs, saturate
from bench.relay import Progress
from bench.servers import LOAD_CORE, Chatter, free_port, pinned

_IN_FLIGHT = 2
_DEVICE = {"X-Device-ID": "bench"}

Measure = Callable[[float], tuple[float, int]]
"""Work for so many seconds; return the seconds that one message or request took, and how many there were."""


class Turn(Struct, frozen=True):
    """One server in one turn: microseconds from end to end and of CPU, per message or request."""

    work: str
    server: str
    us: float
    cpu_us: float


class Receiver:
    """Something that takes traces, in a process of its own."""

    def __init__(self) -> None:
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> Receiver:
        command = [sys.executable, "-m", "bench.receiver", str(self._port)]
        self._process = subprocess.Popen(pinned(command, LOAD_CORE))
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()


class Observed(Chatter):
    """Everything on: each call and request is traced, every line logged into a pipe, metrics and records as always."""

    name = "on"

    def __init__(self, receiver: Receiver) -> None:
        super().__init__()
        self._receiver = receiver
        self._reader: subprocess.Popen[bytes] | None = None

    def command(self) -> tuple[list[str], dict[str, str]]:
        """Return the command with its settings."""
        command, environment = super().command()
        return command, environment | {
            "OTEL_EXPORTER_OTLP_ENDPOINT": self._receiver.url,
            "OTEL_TRACES_SAMPLER": "always_on",
            "LOG_LEVEL": "INFO",
            "LOG_FORMAT": "json",
        }

    def output(self, log: IO[bytes]) -> IO[bytes]:
        """Return a pipe that somebody reads."""
        self._reader = subprocess.Popen(pinned(["cat"], LOAD_CORE), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        assert self._reader.stdin is not None
        return self._reader.stdin

    def __exit__(self, *error: object) -> None:
        super().__exit__(*error)
        if self._reader is not None and self._reader.stdin is not None:
            self._reader.stdin.close()
            self._reader.wait()


class Unobserved(Chatter):
    """Everything off."""

    name = "off"

    def command(self) -> tuple[list[str], dict[str, str]]:
        """Return the command with its settings."""
        _, environment = super().command()
        off = {"OTEL_EXPORTER_OTLP_ENDPOINT": "", "LOG_LEVEL": "WARNING"}
        return [sys.executable, "-m", "bench.unobserved", "serve"], environment | off


def run_observability(pairs: int, seconds: float, turns: int, progress: Progress) -> list[Turn]:
    """Let both servers work in turns of so many seconds, both up all the time."""
    if (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {LOAD_CORE})
    import uvloop

    results: list[Turn] = []
    with ExitStack() as stack:
        receiver = stack.enter_context(Receiver())
        servers = [stack.enter_context(server) for server in (Observed(receiver), Unobserved())]
        runner = stack.enter_context(asyncio.Runner(loop_factory=uvloop.new_event_loop))
        work = {server.name: _work(server, pairs, runner) for server in servers}
        for turn in range(turns + 1):
            progress(f"turn {turn} of {turns}" if turn else "warming up")
            for name in work["on"]:
                for server in servers if turn % 2 else reversed(servers):
                    measured = _measure(server, name, work[server.name][name], seconds)
                    results += [measured] if turn else []
    return results


def _measure(server: Chatter, work: str, measure: Measure, seconds: float) -> Turn:
    cpu = server.cpu_seconds()
    taken, count = measure(seconds)
    return Turn(work, server.name, taken * 1e6, (server.cpu_seconds() - cpu) / count * 1e6)


def _work(server: Chatter, pairs: int, runner: asyncio.Runner) -> dict[str, Measure]:
    members = runner.run(connect_pairs(server.member, server.urls(pairs), server.origin))
    return {"relayed candidate": _relaying(members, runner), **_requests(server)}


def _relaying(members: list[tuple[Member, Member]], runner: asyncio.Runner) -> Measure:
    def measure(seconds: float) -> tuple[float, int]:
        per_second, delays = runner.run(saturate(members, seconds, _IN_FLIGHT))
        return 1 / per_second, len(delays)

    return measure


def _requests(server: Chatter) -> dict[str, Measure]:
    with httpx.Client(base_url=server.http_url, headers=_DEVICE, timeout=30) as http:
        account = {"username": f"asker{time.time_ns()}"[:32], "password": "a password for benchmarks"}
        signed_in = http.post("/auth/register", json=account).raise_for_status()
        bearer = {"Authorization": f"Bearer {signed_in.json()['token']}"}
        room = http.post("/rooms", headers=bearer).raise_for_status().json()["roomId"]
    cookie = signed_in.headers["set-cookie"].partition(";")[0]
    asker = HttpClient(server.http_port, _DEVICE | bearer)
    refresher = RefreshingClient(server.http_port, _DEVICE | {"Origin": server.origin or ""}, cookie)
    return {
        "GET /rooms/{id}": _asking(asker, lambda: asker.ask("GET", f"/rooms/{room}")),
        "POST /auth/refresh": _asking(refresher, refresher.refresh),
    }


def _asking(client: HttpClient, request: Callable[[], object]) -> Measure:
    def measure(seconds: float) -> tuple[float, int]:
        with client:  # for each turn: the server drops those that are silent in between
            times = repeat(request, seconds)
        return median(times), len(times)

    return measure


def markdown(turns: list[Turn]) -> str:
    """Return a table: median (lowest–highest) of each server, and of how much more it takes with everything on."""
    lines = ["| µs | on | off | on is more by |", "|---|---:|---:|---:|"]
    for work in dict.fromkeys(turn.work for turn in turns):
        on, off = ([turn for turn in turns if (turn.work, turn.server) == (work, name)] for name in ("on", "off"))
        lines.append(_row(work, [turn.us for turn in on], [turn.us for turn in off]))
        lines.append(_row(f"{work}, CPU", [turn.cpu_us for turn in on], [turn.cpu_us for turn in off]))
    return "\n".join(lines)


def _row(label: str, on: list[float], off: list[float]) -> str:
    more = [(one / other - 1) * 100 for one, other in zip(on, off, strict=True)]
    return f"| {label} | {_spread(on, '.1f')} | {_spread(off, '.1f')} | {_spread(more, '+.1f')} % |"


def _spread(values: list[float], form: str) -> str:
    return f"{median(values):{form}} ({min(values):{form}}–{max(values):{form}})"
