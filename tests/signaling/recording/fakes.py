"""Stand-ins with behaviour: recorders that do as the test says."""

from __future__ import annotations

import asyncio
from pathlib import Path

from signaling.recording.process import Worker
from signaling.recording.wire import FILM, TRACKS, Job, News, Order


class FakeWorker:
    """A process that says what the test tells it to say, and remembers its orders."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.orders: list[Order] = []
        self.killed = False
        self._said: asyncio.Queue[News | None] = asyncio.Queue()
        if job.task == "record":
            (Path(job.folder) / TRACKS).mkdir(parents=True)

    async def news(self) -> News | None:
        return await self._said.get()

    def order(self, order: Order) -> None:
        self.orders.append(order)
        if order.stop and self.obeys:
            self.end("stopped")

    def kill(self) -> None:
        self.killed = True
        self._said.put_nowait(None)

    obeys = True

    # --- what the process does

    def say(self, **news: object) -> None:
        """Say something."""
        self._said.put_nowait(News(**news))  # type: ignore[arg-type]

    def end(self, code: str) -> None:
        """Say why it ended, and end."""
        self.say(event="ended", code=code)
        self.crash()

    def crash(self) -> None:
        """End without a word."""
        self._said.put_nowait(None)

    def make(self, content: bytes = b"film", duration_ms: int = 5000) -> None:
        """Make the film, and end."""
        (Path(self.job.folder) / FILM).write_bytes(content)
        self.say(event="progress", progress=1.0)
        self.say(event="made", bytes=len(content), duration_ms=duration_ms)
        self.crash()


class FakeLauncher:
    """Starts fake workers; `started` holds them in order."""

    def __init__(self) -> None:
        self.started: list[FakeWorker] = []
        self.broken = False
        self._news = asyncio.Condition()

    async def launch(self, job: Job) -> Worker:
        if self.broken:
            raise OSError("cannot start")
        worker = FakeWorker(job)
        async with self._news:
            self.started.append(worker)
            self._news.notify_all()
        return worker

    async def worker(self, number: int) -> FakeWorker:
        """Wait until so many workers were started; return the last of them."""
        async with self._news, asyncio.timeout(10):
            await self._news.wait_for(lambda: len(self.started) >= number)
        return self.started[number - 1]
