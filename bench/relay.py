"""Relay: pairs of members send each other candidates through the server."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import Callable

from msgspec import Struct

from bench.load import MESSAGE_BYTES, connect_pairs, pace, saturate
from bench.servers import LOAD_CORE, Chatter, OldChatter, PeerJS, ServerProcess

_IN_FLIGHT = 2
_WARM_UP_S = 1.0

Progress = Callable[[str], None]


class RelayResult(Struct, frozen=True):
    """One server in one repetition. Times in milliseconds, CPU in microseconds per relayed message."""

    server: str
    messages_per_second: float
    cpu_us_per_message: float
    saturated_p50_ms: float
    saturated_p99_ms: float
    paced_per_second: float
    paced_p50_ms: float
    paced_p99_ms: float
    kib_per_idle_connection: float


def run_relay(pairs: int, seconds: float, idle: int, repeat: int, progress: Progress) -> list[RelayResult]:
    """Measure the servers in turn, `repeat` times; the load generator stays on a core of its own."""
    if (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {LOAD_CORE})
    import uvloop

    results = []
    for repetition in range(repeat):
        rate = 0.0
        for make in (PeerJS, Chatter, OldChatter):  # PeerJS first: half of what it can do is the pace for all
            server = make()
            progress(f"[{repetition + 1}/{repeat}] {server.name}: starting")
            with server, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                result = runner.run(_measure(server, pairs, seconds, idle, rate, progress))
            rate = rate or result.messages_per_second / 2
            results.append(result)
            gc.collect()
    return results


async def _measure(
    server: ServerProcess, pairs: int, seconds: float, idle: int, rate: float, progress: Progress
) -> RelayResult:
    urls = server.urls(pairs + idle // 2)
    members = await connect_pairs(server.member, urls[:pairs], server.origin)
    progress(f"  {server.name}: {pairs} pairs, {MESSAGE_BYTES}-byte messages, {seconds:g} s")
    await saturate(members, _WARM_UP_S, _IN_FLIGHT)
    cpu = server.cpu_seconds()
    per_second, delays = await saturate(members, seconds, _IN_FLIGHT)
    cpu_us = (server.cpu_seconds() - cpu) / max(1, len(delays)) * 1e6
    paced_rate = rate or per_second / 2
    progress(f"  {server.name}: {per_second:,.0f} messages/s; now paced at {paced_rate:,.0f}/s")
    paced = await pace(members, seconds, paced_rate)
    before = server.resident_bytes()
    progress(f"  {server.name}: opening {idle} idle connections")
    idlers = await connect_pairs(server.member, urls[pairs:], server.origin)
    await asyncio.sleep(1)
    kib = (server.resident_bytes() - before) / 1024 / max(1, 2 * len(idlers))
    for member in [member for pair in [*members, *idlers] for member in pair]:
        member.disconnect()
    return RelayResult(
        server=server.name,
        messages_per_second=per_second,
        cpu_us_per_message=cpu_us,
        saturated_p50_ms=_percentile(delays, 50),
        saturated_p99_ms=_percentile(delays, 99),
        paced_per_second=paced_rate,
        paced_p50_ms=_percentile(paced, 50),
        paced_p99_ms=_percentile(paced, 99),
        kib_per_idle_connection=kib,
    )


def _percentile(delays: list[float], percent: int) -> float:
    ordered = sorted(delays)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] * 1000 if ordered else 0.0
