"""A load test from its first room to its last: make rooms, come in, talk, leave, delete them."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial

from api.load.client import Refused, connect
from api.load.plan import Plan
from api.load.report import Report, counts, distribution
from api.load.target import LoadError, Room, Target
from api.load.traffic import KINDS, Member, Rota, Traffic

_TICK_S = 0.005
_SETTLE_S = 5.0
_PROGRESS_S = 1.0
_INTERRUPTS = (signal.SIGINT, signal.SIGTERM)

Progress = Callable[[str], None]


class LoadTest:
    """One run of a plan; `run` may be called once."""

    def __init__(self, target: Target, plan: Plan, progress: Progress) -> None:
        self._target = target
        self._plan = plan
        self._progress = progress
        self._traffic = Traffic()
        self._rooms: list[Room] = []
        self._calls: list[list[Member]] = []
        self._join_times: list[float] = []
        self._refused: list[str] = []
        self._lags: list[float] = []
        self._stop = asyncio.Event()

    async def run(self) -> Report:
        """Do it all; SIGINT and SIGTERM end it early, in order. Raises `LoadError`."""
        started_at = int(time.time() * 1000)
        closed: list[str] = []
        talked_s = 0.0
        with self._interruptible():
            async with self._cleaned_up():
                try:
                    await self._make_rooms()
                    await self._join()
                    talked_s = await self._talk()
                finally:
                    closed = [member.closed for member in self._members() if member.closed]
                    for member in self._members():
                        member.leave()
        return self._report(started_at, talked_s, closed)

    # --- rooms

    async def _make_rooms(self) -> None:
        for number in range(self._plan.rooms):
            if self._stop.is_set():
                return
            self._rooms.append(await self._target.make_room(self._plan.members))
            self._tell(f"rooms: {number + 1} of {self._plan.rooms}", last=number + 1 == self._plan.rooms)

    @asynccontextmanager
    async def _cleaned_up(self) -> AsyncIterator[None]:
        """Delete in the end what was made, whatever happened."""
        try:
            yield
        finally:
            await self._clean_up()

    async def _clean_up(self) -> None:
        left = []
        for room in self._rooms:
            try:
                await self._target.delete_room(room)
            except LoadError as error:
                self._progress(str(error))
                left.append(room)
        self._progress(f"deleted {len(self._rooms) - len(left)} of {len(self._rooms)} rooms")
        self._rooms = left
        with contextlib.suppress(LoadError):
            await self._target.close()

    # --- members

    async def _join(self) -> None:
        begun = time.perf_counter()
        joining: list[asyncio.Task[None]] = []
        for room in self._rooms:
            call: list[Member] = []
            self._calls.append(call)
            for _ in range(self._plan.members):
                await self._pause(begun + len(joining) / self._plan.joins - time.perf_counter())
                if self._stop.is_set():
                    break
                joining.append(asyncio.create_task(self._join_one(room, call)))
                self._tell(f"members: {len(self._join_times)} of {self._plan.people} in")
        await asyncio.gather(*joining)
        self._progress(f"members: {len(self._join_times)} of {self._plan.people} in")

    async def _join_one(self, room: Room, call: list[Member]) -> None:
        begun = time.perf_counter()
        url = f"{room.socket_url}?v=2"
        try:
            member = await connect(partial(Member, self._traffic), url, self._target.origin, self._target.tls)
        except Refused as refused:
            self._refused.append(refused.cause)
        except OSError as error:
            self._refused.append(error.strerror or type(error).__name__)
        else:
            self._join_times.append(time.perf_counter() - begun)
            member.room = call
            call.append(member)

    def _members(self) -> Iterator[Member]:
        for call in self._calls:
            yield from call

    # --- traffic

    def _pair_up(self) -> list[Member]:
        senders = []
        for number, call in enumerate(self._calls):
            wanted = min(self._plan.pairs_in(number), len(call) // 2)
            for one, other in zip(call[: 2 * wanted : 2], call[1 : 2 * wanted : 2], strict=True):
                one.peer, other.peer = other, one
                senders += [one, other]
        return senders

    async def _talk(self) -> float:
        senders = self._pair_up()
        if not senders or self._stop.is_set():
            return 0.0
        rota = Rota(self._traffic, senders, self._plan.candidates, self._plan.chat)
        for member in senders[::2]:
            self._traffic.offer(member)
        begun = woken = time.perf_counter()
        while woken - begun < self._plan.seconds and not self._stop.is_set():
            rota.catch_up(woken - begun)
            self._tell(f"{woken - begun:3.0f} of {self._plan.seconds:g} s: {self._state()}")
            due = time.perf_counter() + _TICK_S
            await asyncio.sleep(_TICK_S)
            woken = time.perf_counter()
            self._lags.append(max(0.0, woken - due))
        await self._settle()
        return woken - begun

    async def _settle(self) -> None:
        deadline = time.perf_counter() + _SETTLE_S
        while self._traffic.missing and time.perf_counter() < deadline:  # noqa: ASYNC110 - an event would cost each frame
            await asyncio.sleep(_TICK_S)
        self._progress(f"done: {self._state()}")

    def _state(self) -> str:
        traffic = self._traffic
        recent = distribution(delay for delays in traffic.delays.values() for delay in delays[-1000:])
        closed = sum(bool(member.closed) for member in self._members())
        return (
            f"{traffic.delivered:,} delivered, p99 {recent.p99:.1f} ms, {traffic.missing:,} under way, "
            f"{sum(traffic.errors.values()):,} errors, {closed:,} closed"
        )

    # --- around it

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), max(0.0, seconds))

    @contextmanager
    def _interruptible(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in _INTERRUPTS:
            loop.add_signal_handler(number, self._stop.set)
        try:
            yield
        finally:
            for number in _INTERRUPTS:
                loop.remove_signal_handler(number)

    _told_at = 0.0

    def _tell(self, line: str, *, last: bool = False) -> None:
        """Report progress, but not more often than somebody reads it."""
        now = time.perf_counter()
        if last or now - self._told_at >= _PROGRESS_S:
            self._told_at = now
            self._progress(line)

    def _report(self, started_at: int, seconds: float, closed: list[str]) -> Report:
        traffic = self._traffic
        return Report(
            url=self._target.origin,
            started_at=started_at,
            plan=self._plan,
            seconds=seconds,
            joins=distribution(self._join_times),
            refused=counts(self._refused),
            relayed={kind: distribution(traffic.delays[kind]) for kind in KINDS if traffic.delays[kind]},
            sent=traffic.sent,
            delivered=traffic.delivered,
            lost=traffic.missing,
            unexpected=traffic.unexpected,
            errors=dict(traffic.errors.most_common()),
            closed=counts(closed),
            lag=distribution(self._lags),
            rooms_left=[room.id for room in self._rooms],
            stopped_early=self._stop.is_set(),
        )
