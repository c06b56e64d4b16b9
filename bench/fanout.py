"""Fan-out: in rooms of several, everyone hears what one says."""

from __future__ import annotations

import asyncio
import time

import msgspec

from bench.load import ResumingMember, connect_rooms, disconnect, everyone
from bench.scenario import Metric, Progress, Sample, Scale, Scenario, percentile_ms, stay_on_load_core
from bench.servers import Chatter, new_loop

_SIZES = (2, 4, 8, 16)
_OTHERS_SIZE = 8
_CHAT = msgspec.json.encode({"type": "chat", "text": "Can everybody hear me? " + "x" * 100})


class Listener(ResumingMember):
    """A member that counts what is said in its room."""

    room: Conversation | None = None

    def received(self, payload: bytes) -> None:
        """Count chat messages."""
        super().received(payload)
        if self.room is not None and b'"type":"chat"' in payload:
            self.room.heard()


class Conversation:
    """A room in which someone speaks as soon as everyone heard the one before. Delays in seconds."""

    def __init__(self, members: list[Listener], delays: list[float]) -> None:
        self._members = members
        self._delays = delays
        self._said = 0
        self._said_at = 0.0
        self._missing = 0
        self.running = True
        for member in members:
            member.room = self

    @property
    def quiet(self) -> bool:
        """Whether everyone heard all that was said."""
        return not self._missing

    def speak(self) -> None:
        """Let the next member say something."""
        self._missing = len(self._members)
        self._said_at = time.perf_counter()
        self._members[self._said % len(self._members)].transmit(_CHAT)
        self._said += 1

    def heard(self) -> None:
        """Note that one of the members heard it."""
        self._delays.append(time.perf_counter() - self._said_at)
        self._missing -= 1
        if not self._missing and self.running:
            self.speak()


def run_fanout(scale: Scale, progress: Progress) -> list[Sample]:
    """Measure rooms of each size, and those of eight once more while others sit in rooms elsewhere."""
    stay_on_load_core()
    results = []
    for repetition in range(scale.repeat):
        with Chatter() as server, asyncio.Runner(loop_factory=new_loop) as runner:
            for size, others in (*((size, 0) for size in _SIZES), (_OTHERS_SIZE, scale.storm)):
                progress(f"[{repetition + 1}/{scale.repeat}] {_name(size, others)}")
                results.append(runner.run(_measure(server, size, others, scale)))
    return results


async def _measure(server: Chatter, size: int, others: int, scale: Scale) -> Sample:
    elsewhere = await connect_rooms(server.member, server.rooms(others // 2), server.origin)
    rooms = await connect_rooms(Listener, server.rooms(scale.rooms, size), server.origin)
    delays: list[float] = []
    conversations = [Conversation([m for m in room if isinstance(m, Listener)], delays) for room in rooms]
    for conversation in conversations:
        conversation.speak()
    await asyncio.sleep(min(1.0, scale.seconds))
    delays.clear()
    cpu, begun = server.cpu_seconds(), time.perf_counter()
    await asyncio.sleep(scale.seconds)
    cpu, elapsed, measured = server.cpu_seconds() - cpu, time.perf_counter() - begun, delays.copy()
    for conversation in conversations:
        conversation.running = False
    while not all(conversation.quiet or any(m.closed for m in everyone(rooms)) for conversation in conversations):
        await asyncio.sleep(0.01)
    await disconnect(rooms)
    await disconnect(elsewhere)
    values = {
        "deliveries_per_second": len(measured) / elapsed,
        "cpu_us": cpu / max(1, len(measured)) * 1e6,
        "cpu_us_per_message": cpu / max(1, len(measured) / size) * 1e6,
        "p99_ms": percentile_ms(measured, 99),
    }
    return Sample(_name(size, others), values)


def _name(size: int, others: int) -> str:
    return f"{size} members" + (", many elsewhere" if others else "")


SCENARIO = Scenario(
    name="fanout",
    title="Fan-out",
    about=(
        "In each room someone says something as soon as everyone, the sender too, heard the one before. The cost "
        "of a message grows with the members who hear it, and not with what goes on in rooms elsewhere (the last "
        "column)."
    ),
    metrics=(
        Metric("deliveries_per_second", "deliveries/s", "{:,.0f}", higher_is_better=True),
        Metric("cpu_us", "CPU µs per delivery"),
        Metric("cpu_us_per_message", "CPU µs per message"),
        Metric("p99_ms", "p99 ms", "{:.2f}"),
    ),
    run=run_fanout,
    plotted=("cpu_us_per_message",),
)
