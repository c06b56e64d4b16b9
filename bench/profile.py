"""Profile: where Chatter's CPU time goes for a relayed message, a refresh and a new room."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench.http_api import NEW_ROOM, REFRESH, askers
from bench.http_load import repeat_all
from bench.load import connect_rooms, disconnect, saturate, settle
from bench.scenario import Progress, Sample, Scale, Scenario, stay_on_load_core
from bench.servers import Chatter, new_loop

_IN_FLIGHT = 2
_PLACES = 14

Work = Callable[["Profiled", Scale], None]


class Profiled(Chatter):
    """Chatter under a sampling profiler, which is on within `watching`."""

    def __init__(self, output: Path) -> None:
        super().__init__()
        self._output = output

    def command(self) -> tuple[list[str], dict[str, str]]:
        """Return the command with its settings."""
        _, environment = super().command()
        return [sys.executable, "-m", "bench.profiled", str(self._output), "serve"], environment

    def toggle(self) -> None:
        """Start the profiler, or stop it."""
        self.signal(signal.SIGUSR1)


def run_profile(scale: Scale, progress: Progress) -> list[Sample]:
    """Profile each kind of work in a server of its own."""
    stay_on_load_core()
    results = []
    works: dict[str, Work] = {"relayed message": _relay, REFRESH: _requests(REFRESH), NEW_ROOM: _requests(NEW_ROOM)}
    for name, work in works.items():
        progress(f"profiling: {name}")
        with tempfile.TemporaryDirectory() as folder:
            output = Path(folder) / "profile.json"
            with Profiled(output) as server:
                work(server, scale)
            counts: dict[str, int] = json.loads(output.read_text("utf-8"))
        results.append(Sample(name, _shares(counts)))
    return results


def _relay(server: Profiled, scale: Scale) -> None:
    with asyncio.Runner(loop_factory=new_loop) as runner:
        rooms = runner.run(connect_rooms(server.member, server.rooms(scale.pairs), server.origin))
        runner.run(settle(scale.seconds))
        server.toggle()
        runner.run(saturate(rooms, scale.seconds, _IN_FLIGHT))
        server.toggle()
        runner.run(disconnect(rooms))


def _requests(kind: str) -> Work:
    def work(server: Profiled, scale: Scale) -> None:
        with askers(server, kind, scale.askers) as requests:
            server.toggle()
            repeat_all(requests, scale.seconds)
            server.toggle()

    return work


def _shares(counts: dict[str, int]) -> dict[str, float]:
    """Return the per cent of each place, those at the end of the list together."""
    total = max(1, sum(counts.values()))
    ordered = sorted(counts.items(), key=lambda found: -found[1])
    shares = {place: count / total * 100 for place, count in ordered[:_PLACES]}
    return shares | {"everything else": sum(count for _, count in ordered[_PLACES:]) / total * 100}


SCENARIO = Scenario(
    name="profile",
    title="Where the time goes",
    about=(
        "Per cent of the CPU time of Chatter's main thread, by the function that ran (a package, where it is not "
        "ours), a thousand samples a second. C code counts for the Python function that called it, or for the one"
        " that runs next: reading sockets and parsing frames (picows, uvloop) for the gateway's `on_ws_frame`, "
        "writing for the outbox."
    ),
    metrics=(),
    run=run_profile,
)
