"""Idle connections: what they weigh, and how the door opens meanwhile."""

from __future__ import annotations

import asyncio
import time

from bench.load import Member, connect, connect_rooms, disconnect
from bench.scenario import (
    Metric,
    Progress,
    Sample,
    Scale,
    Scenario,
    allow_many_files,
    percentile_ms,
    stay_on_load_core,
)
from bench.servers import BareWs, Chatter, PeerJS, ServerProcess, Spreed, installed, new_loop

_NEWCOMERS = 200
_NEWCOMERS_PER_SECOND = 50


def run_idle(scale: Scale, progress: Progress) -> list[Sample]:
    """Fill each server with so many connections, once for each number."""
    stay_on_load_core()
    most = allow_many_files()
    results = []
    kinds = installed((PeerJS, BareWs, Spreed, Chatter), progress)
    for idle in scale.idle:
        if idle + _NEWCOMERS > most:
            progress(f"without {idle:,} connections: this user may open {most:,} files (ulimit -n)")
            continue
        for kind in kinds * scale.repeat:
            progress(f"{kind.name}: {idle:,} idle connections")
            with kind() as server, asyncio.Runner(loop_factory=new_loop) as runner:
                results.append(runner.run(_measure(server, idle, scale)))
    return results


async def _measure(server: ServerProcess, idle: int, scale: Scale) -> Sample:
    newcomers = max(1, int(min(_NEWCOMERS, _NEWCOMERS_PER_SECOND * scale.seconds)))
    urls = server.rooms((idle + newcomers + 1) // 2)
    before = server.resident_bytes()
    rooms = await connect_rooms(server.member, urls[: idle // 2], server.origin)
    await asyncio.sleep(min(2.0, scale.seconds))
    weight = (server.resident_bytes() - before) / 1024 / (2 * len(rooms))
    cpu, begun = server.cpu_seconds(), time.perf_counter()
    await asyncio.sleep(scale.seconds)
    busy = (server.cpu_seconds() - cpu) / (time.perf_counter() - begun)
    times, others = await _newcomers(server, [url for room in urls[idle // 2 :] for url in room][:newcomers])
    await disconnect(rooms)
    await disconnect([others])
    values = {
        "kib": weight,
        "core_percent": busy * 100,
        "join_p50_ms": percentile_ms(times, 50),
        "join_p99_ms": percentile_ms(times, 99),
    }
    return Sample(f"{server.name}, {idle:,}", values)


async def _newcomers(server: ServerProcess, urls: list[str]) -> tuple[list[float], list[Member]]:
    """Let members come at an even pace, whether or not those before are in."""
    times: list[float] = []

    async def come(number: int, url: str) -> Member:
        await asyncio.sleep(number / _NEWCOMERS_PER_SECOND)
        begun = time.perf_counter()
        member = await connect(server.member, url, server.origin)
        times.append(time.perf_counter() - begun)
        return member

    return times, list(await asyncio.gather(*(come(number, url) for number, url in enumerate(urls))))


SCENARIO = Scenario(
    name="idle",
    title="Idle connections",
    about=(
        "Connections in rooms of two that say nothing: the memory the server took on for each, the share of a "
        f"core it needs for pings and bookkeeping, and how long newcomers wait who come {_NEWCOMERS_PER_SECOND} a "
        "second."
    ),
    metrics=(
        Metric("kib", "KiB per connection"),
        Metric("core_percent", "% of a core"),
        Metric("join_p50_ms", "join p50 ms"),
        Metric("join_p99_ms", "join p99 ms"),
    ),
    run=run_idle,
    plotted=("kib",),
)
