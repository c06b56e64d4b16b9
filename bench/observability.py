"""What it costs to see everything: a server with all of it on and one with all of it off, in turns of a few seconds."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from statistics import median
from typing import IO

from bench.http_api import REFRESH, refresher, sign_up
from bench.http_load import HttpClient, repeat
from bench.load import Rooms, connect_rooms, disconnect, saturate
from bench.scenario import LOAD_CORE, Metric, Progress, Sample, Scale, Scenario, stay_on_load_core
from bench.servers import Chatter, free_port, new_loop, pinned

_IN_FLIGHT = 2
_PAIRS = 50
_TURN_S = 2.0
_RELAY = "relayed candidate"
_READ = "GET /rooms/{id}"
_CPU = " cpu"

Measure = Callable[[float], tuple[float, int]]
"""Work for so many seconds; return the seconds that one message or request took, and how many there were."""


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


def run_observability(scale: Scale, progress: Progress) -> list[Sample]:
    """Let both servers work in turns, both up all the time; the first turn does not count."""
    stay_on_load_core()
    results: list[Sample] = []
    pairs, seconds = min(scale.pairs, _PAIRS), min(scale.seconds, _TURN_S)
    with ExitStack() as stack:
        receiver = stack.enter_context(Receiver())
        servers = [stack.enter_context(server) for server in (Observed(receiver), Unobserved())]
        runner = stack.enter_context(asyncio.Runner(loop_factory=new_loop))
        work = {}
        for server in servers:
            rooms = runner.run(connect_rooms(server.member, server.rooms(pairs), server.origin))
            stack.callback(_end, runner, rooms)
            work[server.name] = {_RELAY: _relaying(rooms, runner), **_requests(server)}
        for turn in range(scale.turns + 1):
            progress(f"turn {turn} of {scale.turns}" if turn else "warming up")
            values: dict[str, dict[str, float]] = {server.name: {} for server in servers}
            for name in work["on"]:
                for server in servers if turn % 2 else reversed(servers):
                    values[server.name] |= _measure(server, name, work[server.name][name], seconds)
            results += [Sample(server.name, values[server.name]) for server in servers] if turn else []
    return results


def _end(runner: asyncio.Runner, rooms: Rooms) -> None:
    runner.run(disconnect(rooms))


def _measure(server: Chatter, work: str, measure: Measure, seconds: float) -> dict[str, float]:
    cpu = server.cpu_seconds()
    taken, count = measure(seconds)
    return {work: taken * 1e6, f"{work}{_CPU}": (server.cpu_seconds() - cpu) / count * 1e6}


def _relaying(rooms: Rooms, runner: asyncio.Runner) -> Measure:
    def measure(seconds: float) -> tuple[float, int]:
        per_second, delays = runner.run(saturate(rooms, seconds, _IN_FLIGHT))
        return 1 / per_second, len(delays)

    return measure


def _requests(server: Chatter) -> dict[str, Measure]:
    token, _ = sign_up(server)
    [room] = server.create_rooms(1)
    asker = HttpClient(server.http_port, {"X-Device-ID": "bench", "Authorization": f"Bearer {token}"})
    refreshing = refresher(server)
    return {
        _READ: _asking(asker, lambda: asker.ask("GET", f"/rooms/{room}")),
        REFRESH: _asking(refreshing, refreshing.refresh),
    }


def _asking(client: HttpClient, request: Callable[[], object]) -> Measure:
    def measure(seconds: float) -> tuple[float, int]:
        with client:  # for each turn: the server drops those that are silent in between
            times = repeat(request, seconds)
        return median(times), len(times)

    return measure


SCENARIO = Scenario(
    name="observability",
    title="What observability costs",
    about=(
        "A server with everything on (metrics, every call and request traced and exported, every line logged as "
        "JSON into a pipe, call records) and one with all of it taken out, in turns of two seconds, both up all "
        "the time. Microseconds from end to end, and of CPU."
    ),
    metrics=tuple(
        Metric(f"{work}{suffix}", f"{work}{label}")
        for work in (_RELAY, _READ, REFRESH)
        for suffix, label in (("", ", µs"), (_CPU, ", CPU µs"))
    ),
    run=run_observability,
    ours="off",
    compared_to=("on",),
)
