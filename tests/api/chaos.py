"""People who talk at several nodes while these are wrecked, and what must be true of what they heard."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from tests.api.fleet import ORIGIN, Fleet, open_rooms
from tests.buses import BusServer
from tests.contracts.roamers import Roamer, check_sessions
from tests.signaling.chaos import chaos_seed

ROOMS = ("stand-up", "retro")
LONGEST_S = 150


@dataclass
class World:
    """What can be wrecked, and the dice that say how."""

    chance: random.Random
    fleet: Fleet
    bus: BusServer


Deed = Callable[[World], Awaitable[None]]
"""Wrecks something, and repairs it."""


async def move_in(fleet: Fleet, seed: int) -> list[Roamer]:
    """Start three nodes and open the rooms; return three people for each."""
    for _ in range(3):
        await asyncio.to_thread(fleet.start)
    await asyncio.to_thread(open_rooms, next(iter(fleet.nodes.values())), ROOMS)
    return people_of_rooms(fleet.urls, ORIGIN, seed)


def people_of_rooms(urls: Callable[[], Sequence[str]], origin: str, seed: int, **way: Any) -> list[Roamer]:
    """Return three people for each room; `way` is what `connect` has to know to get there."""
    names = [f"{room}-{name}" for room in ROOMS for name in ("Ann", "Ben", "Cleo")]
    return [Roamer(name, room_of(name), urls, origin, seed + number, **way) for number, name in enumerate(names)]


async def survive(fleet: Fleet, bus: BusServer, deeds: Sequence[Deed], *, resumes: int) -> None:
    """Let people talk at three nodes, and come back so often at least, while these deeds are done in any order.

    Checks what each of them heard, and that all of a room are in one call at the end.
    """
    seed = chaos_seed()
    print(f"replay with CHAOS_SEED={seed}")
    people = await move_in(fleet, seed)
    async with asyncio.timeout(LONGEST_S):
        await live_through(people, resumes, wreck(World(random.Random(seed), fleet, bus), deeds))
        await come_together(people)
    check_sessions(people)
    print(f"{resumes_of(people)} resumes, {sum(person.losses for person in people)} sessions lost")
    for room in ROOMS:
        assert len({person.call for person in people if room_of(person.speaker.name) == room}) == 1


async def live_through(people: Sequence[Roamer], resumes: int, wrecking: Coroutine[object, object, None]) -> None:
    """Let all talk while things are wrecked, most over connections that break, until there were enough resumes."""
    wrecker = asyncio.create_task(wrecking)

    def over() -> bool:
        return wrecker.done() and resumes_of(people) >= resumes

    async with asyncio.TaskGroup() as group:
        for person in people:
            group.create_task(person.live(cuts=not is_steady(person), talks=lambda: True, until=over))
    await wrecker


async def wreck(world: World, deeds: Sequence[Deed]) -> None:
    """Do the deeds in any order, with time to recover between."""
    for deed in world.chance.sample(deeds, len(deeds)):
        await asyncio.sleep(1 + world.chance.random())
        print(deed.__name__)
        await deed(world)


async def come_together(people: Sequence[Roamer]) -> None:
    """Let all stay until everyone has heard news of everyone else in the room; then let nothing be on its way."""
    before = {person.speaker.name: person.speaker.said for person in people}

    def mingled() -> bool:
        return all(hears_all(person, people, before) for person in people)

    def settled() -> bool:
        return mingled() and all(person.speaker.owes_nothing and agrees(person, people) for person in people)

    async with asyncio.TaskGroup() as group:
        for person in people:
            group.create_task(person.live(cuts=False, talks=lambda: not mingled(), until=settled))


def resumes_of(people: Sequence[Roamer]) -> int:
    """Count how often all of them came back."""
    return sum(person.resumes for person in people)


def is_steady(person: Roamer) -> bool:
    """Tell whether someone stays until the server lets go: whoever comes back all the time misses no gap for long."""
    return "-Cleo." in person.speaker.name


def room_of(name: str) -> str:
    """Return the room of someone by name."""
    return name.rpartition("-")[0]


def hears_all(person: Roamer, people: Sequence[Roamer], before: dict[str, int]) -> bool:
    """Tell whether someone lately heard words of everyone in the room that were not said `before`."""
    words = (text.rpartition(" ") for text in person.speaker.heard[-100:])
    heard = {name for name, _, number in words if int(number) > before.get(name, 0)}
    return all(other.speaker.name in heard for other in companions(person, people))


def agrees(person: Roamer, people: Sequence[Roamer]) -> bool:
    """Tell whether someone heard the same last words as the others in the room."""
    heard = person.speaker.heard[-1:]
    return all(other.speaker.heard[-1:] == heard for other in companions(person, people))


def companions(person: Roamer, people: Sequence[Roamer]) -> list[Roamer]:
    """Return who is in someone's room, themselves included."""
    return [other for other in people if room_of(other.speaker.name) == room_of(person.speaker.name)]


# --- what can be wrecked anywhere ------------------------------------------------------------------------------------


async def kill_node(world: World) -> None:
    """End a node without a word, and start another."""
    world.fleet.kill(world.chance.choice(list(world.fleet.nodes)))
    await asyncio.to_thread(world.fleet.start)


async def drain_node(world: World) -> None:
    """Stop a node in good order, whatever state the others are in, and start another."""
    assert await asyncio.to_thread(world.fleet.stop, world.chance.choice(list(world.fleet.nodes))) == 0
    await asyncio.to_thread(world.fleet.start)


async def freeze_node(world: World) -> None:
    """Let a node stand still, for so short that nobody notices or so long that it is given up."""
    node = world.chance.choice(list(world.fleet.nodes.values()))
    node.process.send_signal(signal.SIGSTOP)
    await asyncio.sleep(world.chance.choice((2, 4, 12)))
    node.process.send_signal(signal.SIGCONT)


async def kill_bus(world: World) -> None:
    """End the bus without a word, and start it again."""
    world.bus.kill()
    await asyncio.sleep(2 * world.chance.random())
    await asyncio.to_thread(world.bus.start)


async def freeze_bus(world: World) -> None:
    """Let the bus stand still."""
    world.bus.freeze()
    await asyncio.sleep(5 * world.chance.random())
    world.bus.thaw()
