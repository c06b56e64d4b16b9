"""Whoever reads the log may be slow, stuck or gone: nobody waits for it, and what is lost is counted."""

from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from observability.log_writer import LogWriter
from tests.api.process import COMMAND, ROOT, START_TIMEOUT_S, environment, free_ports, status_of

WATCHDOG_S = 60.0
SMALL_PIPE = 4096


def line(text: str) -> bytes:
    return json.dumps({"message": text}).encode() + b"\n"


def notice(count: int) -> bytes:
    return json.dumps({"message": "log_records_dropped", "count": count}).encode() + b"\n"


class Pipe:
    """A pipe that is small, so that it is full soon."""

    def __init__(self) -> None:
        self.reader, self.writer = os.pipe()
        fcntl.fcntl(self.writer, fcntl.F_SETPIPE_SZ, SMALL_PIPE)
        self._taken = bytearray()

    def take_lines_until(self, text: str) -> list[str]:
        """Read until a line holds the text; return all lines so far."""
        while text not in self._taken.decode():
            part = os.read(self.reader, 65536)
            assert part, self._taken
            self._taken += part
        return self._taken.decode().splitlines()

    def close(self) -> None:
        for fd in (self.reader, self.writer):
            if fd >= 0:
                os.close(fd)


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    """A pipe; nobody reads from it unless the test does."""
    made = Pipe()
    yield made
    made.close()


def messages(lines: list[str]) -> list[str]:
    return [json.loads(said)["message"] for said in lines]


def test_lines_come_out_whole_and_in_order(pipe: Pipe) -> None:
    writer = LogWriter(pipe.writer, notice)
    said = [f"{number} {'x' * (number % 700)}" for number in range(500)]
    for text in said:
        writer.put(line(text))
    lines = pipe.take_lines_until('"499 ')
    assert writer.close(WATCHDOG_S)
    assert messages(lines) == said
    assert writer.dropped == 0


def test_a_full_pipe_drops_the_newest_counts_them_and_says_so_when_it_flows_again(pipe: Pipe) -> None:
    writer = LogWriter(pipe.writer, notice, capacity=100)
    for number in range(10_000):
        writer.put(line(f"number {number:05} {'x' * 100}"))  # returns although nobody reads
    dropped = writer.dropped
    assert dropped > 9000
    lines = pipe.take_lines_until("log_records_dropped")
    writer.put(line("afterwards"))
    lines = pipe.take_lines_until("afterwards")
    assert writer.close(WATCHDOG_S)
    notices = [json.loads(said) for said in lines if "log_records_dropped" in said]
    assert sum(said["count"] for said in notices) == dropped
    kept = [text for text in messages(lines) if text.startswith("number")]
    assert len(kept) == 10_000 - dropped
    assert kept == sorted(kept)


def test_the_end_does_not_wait_for_a_reader_that_never_comes(pipe: Pipe) -> None:
    writer = LogWriter(pipe.writer, notice)
    for _ in range(200):
        writer.put(line("x" * 100))
    assert not writer.close(0.01)  # returns at all
    pipe.take_lines_until("x" * 100)
    for _ in iter(lambda: writer.close(0.01), True):  # and ends when somebody reads after all
        os.read(pipe.reader, 65536)


def test_a_reader_that_went_away_is_no_reason_to_stop(pipe: Pipe) -> None:
    os.close(pipe.reader)
    pipe.reader = -1
    writer = LogWriter(pipe.writer, notice)
    for _ in range(10):
        writer.put(line("x"))
    assert writer.close(WATCHDOG_S)
    assert writer.dropped == 10


def test_a_full_disk_loses_lines_and_counts_them() -> None:
    fd = os.open("/dev/full", os.O_WRONLY)
    try:
        writer = LogWriter(fd, notice)
        writer.put(line("x"))
        assert writer.close(WATCHDOG_S)
        assert writer.dropped == 1
    finally:
        os.close(fd)


def test_a_pipe_that_does_not_block_is_waited_for(pipe: Pipe) -> None:
    os.set_blocking(pipe.writer, False)
    writer = LogWriter(pipe.writer, notice)
    for number in range(200):
        writer.put(line(f"{number:03} {'x' * 100}"))
    lines = pipe.take_lines_until('"199 ')
    assert writer.close(WATCHDOG_S)
    assert len(lines) == 200
    assert writer.dropped == 0


def test_a_few_long_lines_are_as_bounded_as_many_short_ones(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("observability.log_writer.CAPACITY_BYTES", 1_000_000)
    writer = LogWriter(pipe.writer, notice)
    for _ in range(100):
        writer.put(line("x" * 100_000))
    assert writer.dropped >= 80
    while not writer.close(0.01):
        os.read(pipe.reader, 65536)


def test_an_end_may_come_twice(pipe: Pipe) -> None:
    writer = LogWriter(pipe.writer, notice)
    assert writer.close(WATCHDOG_S)
    assert writer.close(WATCHDOG_S)


# --- a process whose standard output nobody reads -------------------------------------------------------------------

SCRIPT = """
import asyncio, json, logging, sys
from prometheus_client import CollectorRegistry
from observability.logs import DroppedRecords, configure_logging
from observability.settings import ObservabilitySettings

configure_logging(ObservabilitySettings())
registry = CollectorRegistry()
DroppedRecords(registry)
logger = logging.getLogger("chatter.test")

async def main():
    ticks = 0
    async def tick():
        nonlocal ticks
        while True:
            await asyncio.sleep(0)
            ticks += 1
    ticking = asyncio.create_task(tick())
    for number in range(300):
        for _ in range(100):
            logger.info("said", extra={"event": "tried", "filler": "x" * 200})
        await asyncio.sleep(0)
    ticking.cancel()
    dropped = registry.get_sample_value("chatter_log_records_dropped_total")
    print(json.dumps({"ticks": ticks, "dropped": dropped}), file=sys.stderr)

asyncio.run(main())
"""


@pytest.mark.integration
def test_a_blocked_standard_output_stalls_neither_the_loop_nor_the_end(tmp_path: Path, pipe: Pipe) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env=environment(tmp_path),
        cwd=ROOT,
        stdout=pipe.writer,
        stderr=subprocess.PIPE,
        text=True,
        timeout=WATCHDOG_S,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stderr)  # nothing but the report: no abort at the end of the interpreter
    assert report["ticks"] >= 299
    assert report["dropped"] > 10_000


@contextmanager
def serving_into(stdout: int, folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run a server with this standard output; yields it with its address."""
    port, gateway = free_ports(2)
    variables = {"SERVER_ADDR": f"127.0.0.1:{port}", "GATEWAY_ADDR": f"127.0.0.1:{gateway}"}
    server = subprocess.Popen(
        [*COMMAND, "serve"],
        env=environment(folder, **variables),
        cwd=folder,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
    )
    watchdog = threading.Timer(START_TIMEOUT_S, server.kill)
    watchdog.start()
    try:
        assert server.stderr is not None
        assert "is ready at" in server.stderr.readline()
        yield server, f"http://127.0.0.1:{port}"
    finally:
        watchdog.cancel()
        if server.poll() is None:
            server.kill()
        server.communicate(timeout=WATCHDOG_S)


@pytest.mark.integration
@pytest.mark.parametrize("gone", [False, True], ids=["stuck", "gone"])
def test_a_server_answers_and_stops_whoever_reads_its_log(tmp_path: Path, pipe: Pipe, gone: bool) -> None:
    with serving_into(pipe.writer, tmp_path) as (server, url):
        if gone:
            os.close(pipe.reader)
            pipe.reader = -1
        for _ in range(60):  # their lines are several times what the pipe takes
            assert status_of(f"{url}/rooms") == 401
        server.send_signal(signal.SIGTERM)
        assert server.wait(WATCHDOG_S) == 0


def lost_at(url: str) -> float:
    """Ask a server how many lines of its log are lost."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=WATCHDOG_S) as answer:
        (count,) = re.findall(r"^chatter_log_records_dropped_total (\S+)", answer.read().decode(), re.MULTILINE)
    return float(count)


@pytest.mark.integration
def test_a_server_answers_and_stops_with_a_full_disk_under_its_log(tmp_path: Path) -> None:
    with open("/dev/full", "wb", buffering=0) as full, serving_into(full.fileno(), tmp_path) as (server, url):
        for _ in range(60):
            assert status_of(f"{url}/rooms") == 401
        while lost_at(url) < 60:  # each of them, once it was tried
            time.sleep(0.05)
        server.send_signal(signal.SIGTERM)
        assert server.wait(WATCHDOG_S) == 0
