"""The log of a track: written line by line, read back as far as it goes."""

from __future__ import annotations

from pathlib import Path

import pytest

from signaling.recording.timeline import Arrival, Report
from signaling.recording.tracklog import LogWriter, TrackInfo, read_log

INFO = TrackInfo(member="m1", name="Zoë", kind="video", clock=90_000, started_at=1, connection=1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "track.jsonl"


def test_it_comes_back_as_it_was_written(path: Path) -> None:
    log = LogWriter(path, INFO)
    log.arrived(0.0, 100.2)
    log.arrived(0.1, 100.21)  # later by the clock, but less delayed: the one to keep
    log.arrived(0.2, 100.4)
    log.report(0.1, 5000.0)
    log.arrived(1.0, 101.2)
    log.switch(False, 102.0)
    log.switch(False, 102.5)
    log.switch(True, 103.0)
    log.switch(False, 104.0)
    log.close()
    back = read_log(path)
    assert back is not None
    assert back.info == INFO
    assert back.arrivals == [Arrival(0.1, 100.21), Arrival(1.0, 101.2)]
    assert back.reports == [Report(0.1, 5000.0)]
    assert back.pauses == [(102.0, 103.0), (104.0, float("inf"))]


def test_what_was_noted_outlives_a_writer_that_never_closed(path: Path) -> None:
    log = LogWriter(path, INFO)
    log.arrived(0.0, 100.0)
    log.arrived(1.0, 101.0)
    back = read_log(path)
    assert back is not None
    assert back.arrivals == [Arrival(0.0, 100.0)]
    log.close()


def test_every_cut_of_the_file_can_be_read(path: Path) -> None:
    log = LogWriter(path, INFO)
    for second in range(5):
        log.arrived(second, 100 + second)
    log.close()
    whole = path.read_bytes()
    first_line = whole.index(b"\n")
    seen = set()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        back = read_log(path)
        assert (back is None) == (length < first_line)
        seen.add(None if back is None else len(back.arrivals))
    assert seen == {None, 0, 1, 2, 3, 4, 5}
