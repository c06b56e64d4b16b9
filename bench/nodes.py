"""Two nodes: what a relayed frame costs when its room's members sit on one of them, and when they sit on both."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import ExitStack

from bench.backing import Nats, postgres
from bench.load import connect_rooms, disconnect, saturate
from bench.scenario import Metric, MissingPeer, Progress, Sample, Scale, Scenario, percentile_ms, stay_on_load_core
from bench.servers import Chatter, new_loop

_IN_FLIGHT = 2
_WARM_UP_S = 1.0
_ORIGIN = "http://localhost:5173"
"""One that every node admits in development, whatever its port."""


class Node(Chatter):
    """A node with a database, and a bus unless it is alone."""

    def __init__(self, name: str, database_url: str, bus_url: str) -> None:
        super().__init__()
        self.name = name
        self.origin = _ORIGIN
        self._environment = {"DATABASE_URL": database_url, "BUS_URL": bus_url, "NODE_ID": name}

    def command(self) -> tuple[list[str], dict[str, str]]:
        """Return the command with its settings."""
        command, environment = super().command()
        return command, environment | self._environment


Urls = Callable[[list[Node], int], list[list[str]]]


def _local(nodes: list[Node], pairs: int) -> list[list[str]]:
    """Put each room on one node, the nodes in turn: what a proxy with affinity does."""
    rooms = nodes[0].create_rooms(pairs)
    return [[nodes[number % len(nodes)].socket_url(room)] * 2 for number, room in enumerate(rooms)]


def _across(nodes: list[Node], pairs: int) -> list[list[str]]:
    """Let the two of each room connect to different nodes, the first of them to each in turn."""
    rooms = nodes[0].create_rooms(pairs)
    return [[nodes[(number + side) % 2].socket_url(room) for side in (0, 1)] for number, room in enumerate(rooms)]


_CASES: tuple[tuple[str, int, Urls], ...] = (
    ("one node", 1, _local),
    ("two nodes, affinity", 2, _local),
    ("two nodes, across", 2, _across),
)


def run_nodes(scale: Scale, progress: Progress) -> list[Sample]:
    """Measure one node and two, in turn; nothing where NATS or PostgreSQL is not installed."""
    stay_on_load_core()
    results: list[Sample] = []
    try:
        Nats.require()
        with postgres() as database_url:
            for repetition in range(scale.repeat):
                for name, count, urls in _CASES:
                    progress(f"[{repetition + 1}/{scale.repeat}] {name}: {scale.pairs} pairs")
                    results.append(_case(name, count, urls, database_url, scale))
    except MissingPeer as missing:
        progress(str(missing))
    return results


def _case(name: str, count: int, urls: Urls, database_url: str, scale: Scale) -> Sample:
    with ExitStack() as stack:
        nats = stack.enter_context(Nats())
        bus_url = nats.url if count > 1 else ""
        nodes = [stack.enter_context(Node(f"bench-{number}", database_url, bus_url)) for number in range(count)]
        runner = stack.enter_context(asyncio.Runner(loop_factory=new_loop))
        return runner.run(_measure(name, nodes, nats, urls, scale))


async def _measure(name: str, nodes: list[Node], nats: Nats, urls: Urls, scale: Scale) -> Sample:
    rooms = await connect_rooms(nodes[0].member, urls(nodes, scale.pairs), nodes[0].origin)
    await saturate(rooms, min(_WARM_UP_S, scale.seconds), _IN_FLIGHT)
    cpu, bus_cpu = _cpu(nodes), nats.cpu_seconds()
    per_second, delays = await saturate(rooms, scale.seconds, _IN_FLIGHT)
    cpu, bus_cpu = _cpu(nodes) - cpu, nats.cpu_seconds() - bus_cpu
    await disconnect(rooms)
    count = max(1, len(delays))
    values = {
        "cpu_us": cpu / count * 1e6,
        "bus_cpu_us": bus_cpu / count * 1e6,
        "messages_per_second": per_second,
        "p50_ms": percentile_ms(delays, 50),
        "p99_ms": percentile_ms(delays, 99),
    }
    return Sample(name, values)


def _cpu(nodes: list[Node]) -> float:
    return sum(node.cpu_seconds() for node in nodes)


SCENARIO = Scenario(
    name="nodes",
    title="Two nodes",
    about=(
        "The relay over one node, over two nodes with each room on one of them (what a proxy with affinity does),"
        " and over two with the members of every pair apart, all frames passing NATS. Both nodes share a core, so"
        " CPU per message, of both ends together, is the number to look at; the last columns say how many times "
        "that of one node it is."
    ),
    metrics=(
        Metric("cpu_us", "CPU µs per message, all nodes"),
        Metric("bus_cpu_us", "CPU µs per message, NATS"),
        Metric("messages_per_second", "messages/s, one core", "{:,.0f}", higher_is_better=True),
        Metric("p50_ms", "p50 ms, saturated", "{:.2f}"),
        Metric("p99_ms", "p99 ms, saturated", "{:.2f}"),
    ),
    run=run_nodes,
    plotted=("cpu_us",),
    ours="one node",
    compared_to=("two nodes, affinity", "two nodes, across"),
)
