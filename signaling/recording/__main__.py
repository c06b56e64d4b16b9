"""A recorder's process: `python -m signaling.recording`, started by the server and spoken to over standard input."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import logging
import os
import signal
import sys
from pathlib import Path

import msgspec

from signaling.recording.compose import NothingRecorded, compose
from signaling.recording.wire import Job, News, Order, line

logger = logging.getLogger("signaling.recording")

_NICENESS = 10
"""Putting a recording together gives way to everything else."""
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


def main() -> None:
    """Read the job from standard input and do it."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(name)s: %(message)s")
    job = msgspec.json.decode(sys.stdin.buffer.readline(), type=Job)
    folder = Path(job.folder)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # a recorder whose server was killed may still be closing its files
        if job.task == "record":
            asyncio.run(_record(job))
        else:
            _compose(folder, job)


def tell(news: News) -> None:
    """Say something to the server, which may be gone."""
    try:
        sys.stdout.buffer.write(line(news))
        sys.stdout.buffer.flush()
    except (BrokenPipeError, ValueError):
        pass


async def _record(job: Job) -> None:
    from signaling.recording.peer import install  # takes half a second to load, which putting together can do without
    from signaling.recording.recorder import Recorder

    install()
    recorder = Recorder(job, tell)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, recorder.stop)
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    orders = loop.create_task(_obey(reader, recorder))
    try:
        tell(News(event="ended", code=await recorder.run()))
    finally:
        orders.cancel()


async def _obey(reader: asyncio.StreamReader, recorder: object) -> None:
    from signaling.recording.recorder import Recorder

    assert isinstance(recorder, Recorder)  # noqa: S101
    while text := await reader.readline():
        order = msgspec.json.decode(text, type=Order)
        if order.ticket:
            recorder.take_ticket(order.ticket)
        if order.stop:
            recorder.stop()
    recorder.stop()  # the server is gone


def _compose(folder: Path, job: Job) -> None:
    os.nice(_NICENESS)
    told = 0.0

    def progress(done: float) -> None:
        nonlocal told
        if done - told >= 0.01 or done >= 1:
            told = done
            tell(News(event="progress", progress=done))

    try:
        made = compose(folder, progress, max_seconds=job.max_seconds, free_floor_bytes=job.free_floor_bytes)
    except NothingRecorded:
        tell(News(event="failed", code="nothing_recorded"))
    except OSError as error:
        logger.error("cannot put together", exc_info=error)
        tell(News(event="failed", code="disk_full" if error.errno in _FULL else "write_failed"))
    else:
        tell(News(event="made", bytes=made.bytes, duration_ms=made.duration_ms))


if __name__ == "__main__":
    main()
