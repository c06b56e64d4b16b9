"""Storms: everyone comes at once, and everyone comes back at once."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import cast

from api.load.client import connect as connect_one
from bench.load import Member, ResumingMember, connect, connect_rooms, disconnect
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

_AT_ONCE = 200
"""Dialled at the same time; more wait in the kernel's queue instead of the server."""
_MISSED = 5
_SETTLE_S = 10


def run_joins(scale: Scale, progress: Progress) -> list[Sample]:
    """Let members come to each server at once."""
    stay_on_load_core()
    allow_many_files()
    results = []
    for repetition in range(scale.repeat):
        for kind in installed((PeerJS, BareWs, Spreed, Chatter), progress if not repetition else _unsaid):
            progress(f"[{repetition + 1}/{scale.repeat}] {kind.name}: {scale.storm} members come at once")
            with kind() as server, asyncio.Runner(loop_factory=new_loop) as runner:
                results.append(runner.run(_joins(server, scale.storm)))
    return results


async def _joins(server: ServerProcess, people: int) -> Sample:
    urls = [url for room in server.rooms(people // 2) for url in room]
    gate = asyncio.Semaphore(_AT_ONCE)
    times: list[float] = []

    async def come(url: str) -> Member:
        async with gate:
            begun = time.perf_counter()
            member = await connect(server.member, url, server.origin)
            times.append(time.perf_counter() - begun)
        return member

    cpu, begun = server.cpu_seconds(), time.perf_counter()
    members = await asyncio.gather(*map(come, urls))
    sample = _sample(server, times, time.perf_counter() - begun, server.cpu_seconds() - cpu)
    await disconnect([list(members)])
    return sample


def run_resumes(scale: Scale, progress: Progress) -> list[Sample]:
    """Break all connections of a server and let everyone go on at once."""
    stay_on_load_core()
    allow_many_files()
    results = []
    for repetition in range(scale.repeat):
        progress(f"[{repetition + 1}/{scale.repeat}] {scale.storm} members come back at once")
        with Chatter() as server, asyncio.Runner(loop_factory=new_loop) as runner:
            results.append(runner.run(_resumes(server, scale.storm)))
    return results


async def _resumes(server: Chatter, people: int) -> Sample:
    """Break one side, send it something that it misses, break the other side; then all resume."""
    urls = server.rooms(people // 2)
    rooms = await connect_rooms(ResumingMember, urls, server.origin)
    for staying, leaving in rooms:
        leaving.disconnect()
        for _ in range(_MISSED):
            staying.send()
    await asyncio.sleep(min(1.0, people / 1000))  # the frames are under way; dropping the sender now would drop them
    for staying, _ in rooms:
        staying.disconnect()
    gate = asyncio.Semaphore(_AT_ONCE)
    times: list[float] = []
    missed: list[Member] = []

    async def come_back(lost: Member, url: str) -> Member:
        async with gate:
            begun = time.perf_counter()
            make = partial(_resumed, cast("ResumingMember", lost), url, missed)
            member = await connect_one(make, url, server.origin)
            times.append(time.perf_counter() - begun)
        return member

    lost = [
        (member, url)
        for room, room_urls in zip(rooms, urls, strict=True)
        for member, url in zip(room, room_urls, strict=True)
    ]
    cpu, begun = server.cpu_seconds(), time.perf_counter()
    back = await asyncio.gather(*(come_back(member, url) for member, url in lost))
    elapsed = time.perf_counter() - begun
    await _all_replayed(missed, len(rooms) * _MISSED)
    sample = _sample(server, times, elapsed, server.cpu_seconds() - cpu)
    await disconnect([list(back)])
    return sample


def _resumed(lost: ResumingMember, url: str, missed: list[Member]) -> ResumingMember:
    member = ResumingMember(url)
    member.resume(lost)
    member.on_relayed = missed.append
    return member


async def _all_replayed(missed: list[Member], wanted: int) -> None:
    deadline = time.perf_counter() + _SETTLE_S
    while len(missed) < wanted and time.perf_counter() < deadline:
        await asyncio.sleep(0.01)
    if len(missed) != wanted:
        raise RuntimeError(f"{len(missed)} frames were replayed, not {wanted}")


def _sample(server: ServerProcess, times: list[float], elapsed: float, cpu: float) -> Sample:
    values = {
        "per_second": len(times) / elapsed,
        "cpu_ms": cpu / len(times) * 1000,
        "p50_ms": percentile_ms(times, 50),
        "p99_ms": percentile_ms(times, 99),
    }
    return Sample(server.name, values)


def _unsaid(_: str) -> None:
    pass


_METRICS = (
    Metric("per_second", "a second", "{:,.0f}", higher_is_better=True),
    Metric("cpu_ms", "CPU ms each", "{:.2f}"),
    Metric("p50_ms", "p50 ms"),
    Metric("p99_ms", "p99 ms"),
)

JOINS = Scenario(
    name="joins",
    title="Join storm",
    about=(
        f"Members come at once, {_AT_ONCE} of them dialling at any moment. Chatter looks the room up in its "
        "database, checks bans and the lobby, begins a call's record and tells the others; PeerJS and ws take "
        "everyone."
    ),
    metrics=_METRICS,
    run=run_joins,
    plotted=("per_second",),
    ours="Chatter",
    compared_to=("PeerJS", "spreed"),
)

RESUMES = Scenario(
    name="resumes",
    title="Reconnect storm",
    about=(
        f"All connections break, and everyone resumes at once; half of them missed {_MISSED} frames, which are "
        "replayed. None of the peers can do this: their clients join anew."
    ),
    metrics=_METRICS,
    run=run_resumes,
)
