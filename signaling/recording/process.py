"""Recorders as processes of their own: a crash of one is not a crash of the server, nor of the call."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from typing import Protocol

import msgspec

from signaling.recording.wire import Job, News, Order, line

_MODULE = "signaling.recording"


class Worker(Protocol):
    """A process that records or puts together."""

    async def news(self) -> News | None:
        """Return what it says next, None once it has ended."""

    def order(self, order: Order) -> None:
        """Say something to it; lost when it has ended."""

    def kill(self) -> None:
        """End it at once."""


class Launcher(Protocol):
    """Starts workers."""

    async def launch(self, job: Job) -> Worker:
        """Start a worker on a job. Raises `OSError`."""


class ProcessLauncher:
    """Starts each worker as a child process with nothing of this one's environment, which holds secrets."""

    async def launch(self, job: Job) -> Worker:
        """Start a worker on a job. Raises `OSError`."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            _MODULE,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            cwd="/",
            start_new_session=True,  # Ctrl-C in a terminal is for the server, which then stops its recorders itself
        )
        worker = _Process(process)
        worker.write(line(job))
        return worker


class _Process:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.pid = process.pid

    async def news(self) -> News | None:
        output = self._process.stdout
        assert output is not None  # noqa: S101  # asked for above
        while text := await output.readline():
            with contextlib.suppress(msgspec.MsgspecError):  # the line that a crash cut off
                return msgspec.json.decode(text, type=News)
        await self._process.wait()
        return None

    def order(self, order: Order) -> None:
        self.write(line(order))

    def write(self, data: bytes) -> None:
        entry = self._process.stdin
        if entry is not None and not entry.is_closing():
            entry.write(data)

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
