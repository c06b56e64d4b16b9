"""Relay: pairs of members send each other candidates through the server."""

from __future__ import annotations

import asyncio
import gc

from bench.load import MESSAGE_BYTES, connect_rooms, disconnect, pace, saturate, settle
from bench.scenario import Metric, Progress, Sample, Scale, Scenario, percentile_ms, stay_on_load_core
from bench.servers import BareWs, Chatter, OldChatter, PeerJS, ServerProcess, Spreed, installed, new_loop

_IN_FLIGHT = 2
_WARM_UP_S = 1.0


def run_relay(scale: Scale, progress: Progress) -> list[Sample]:
    """Measure the servers in turn; half of what the first of them can do is the pace for all."""
    stay_on_load_core()
    kinds = installed((PeerJS, BareWs, Spreed, Chatter, OldChatter), progress)
    results = []
    for repetition in range(scale.repeat):
        rate = 0.0
        for kind in kinds:
            progress(
                f"[{repetition + 1}/{scale.repeat}] {kind.name}: {scale.pairs} pairs, {MESSAGE_BYTES}-byte messages"
            )
            with kind() as server, asyncio.Runner(loop_factory=new_loop) as runner:
                result = runner.run(_measure(server, scale, rate))
            progress(f"  {result.values['messages_per_second']:,.0f} messages/s")
            rate = rate or result.values["paced_per_second"]
            results.append(result)
            gc.collect()
    return results


async def _measure(server: ServerProcess, scale: Scale, rate: float) -> Sample:
    rooms = await connect_rooms(server.member, server.rooms(scale.pairs), server.origin)
    await settle(scale.seconds)
    await saturate(rooms, min(_WARM_UP_S, scale.seconds), _IN_FLIGHT)
    cpu = server.cpu_seconds()
    per_second, delays = await saturate(rooms, scale.seconds, _IN_FLIGHT)
    cpu_us = (server.cpu_seconds() - cpu) / max(1, len(delays)) * 1e6
    paced_per_second = rate or per_second / 2
    paced = await pace(rooms, scale.seconds, paced_per_second)
    await disconnect(rooms)
    values = {
        "messages_per_second": per_second,
        "cpu_us": cpu_us,
        "saturated_p50_ms": percentile_ms(delays, 50),
        "saturated_p99_ms": percentile_ms(delays, 99),
        "paced_per_second": paced_per_second,
        "paced_p50_ms": percentile_ms(paced, 50),
        "paced_p99_ms": percentile_ms(paced, 99),
    }
    return Sample(server.name, values)


SCENARIO = Scenario(
    name="relay",
    title="Relay",
    about=(
        f"Pairs of members send each other {MESSAGE_BYTES}-byte candidates: two each way under way all the time, "
        "then all servers at the same pace, half of what PeerJS can do. Chatter validates, checks who may, limits"
        " floods, counts, records the call and keeps frames for a resume meanwhile."
    ),
    metrics=(
        Metric("messages_per_second", "messages/s", "{:,.0f}", higher_is_better=True),
        Metric("cpu_us", "CPU µs per message"),
        Metric("saturated_p50_ms", "p50 ms, saturated", "{:.2f}"),
        Metric("saturated_p99_ms", "p99 ms, saturated", "{:.2f}"),
        Metric("paced_p50_ms", "p50 ms, same pace", "{:.2f}"),
        Metric("paced_p99_ms", "p99 ms, same pace", "{:.2f}"),
    ),
    run=run_relay,
    plotted=("messages_per_second", "cpu_us"),
    ours="Chatter",
    compared_to=("PeerJS", "ws", "spreed"),
)
