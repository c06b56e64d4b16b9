"""What every benchmark has in common: how much to do, what comes of it, and how it is told."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable
from typing import NamedTuple

from msgspec import Struct

LOAD_CORE = 1
SERVER_CORE = 0
_SPARE_FILES = 500

Progress = Callable[[str], None]


class Scale(Struct, frozen=True, kw_only=True):
    """How much to do. The defaults are those of a report; `TINY` only shows that everything still runs."""

    repeat: int = 3
    seconds: float = 5.0
    pairs: int = 200
    idle: tuple[int, ...] = (5_000, 15_000)
    storm: int = 2_000
    """Members that come at once."""
    rooms: int = 25
    """Rooms in which everyone hears everyone."""
    turns: int = 21
    askers: int = 8
    """HTTP connections at once."""


QUICK = Scale(repeat=2, seconds=2.0, pairs=100, idle=(2_000,), storm=500, rooms=10, turns=3)
TINY = Scale(repeat=1, seconds=0.2, pairs=2, idle=(4,), storm=8, rooms=1, turns=1, askers=2)


class Metric(NamedTuple):
    """A number that a scenario measures."""

    key: str
    label: str
    form: str = "{:,.1f}"
    higher_is_better: bool = False


class Sample(Struct, frozen=True):
    """What one repetition found out about one server, or about one way of working."""

    server: str
    values: dict[str, float]


class Scenario(NamedTuple):
    """One benchmark. `plotted` are the keys of the metrics that get a picture."""

    name: str
    title: str
    about: str
    metrics: tuple[Metric, ...]
    run: Callable[[Scale, Progress], list[Sample]]
    plotted: tuple[str, ...] = ()
    ours: str = ""
    compared_to: tuple[str, ...] = ()
    """Those that `ours` is set against, repetition by repetition."""


class MissingPeer(Exception):
    """A server to compare against is not installed; the message says how."""


def stay_on_load_core() -> None:
    """Keep this process off the servers' core, where there is more than one."""
    if (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {LOAD_CORE})


def allow_many_files() -> int:
    """Let this process and its servers open as many files as they may; return how many connections that makes."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most - _SPARE_FILES


def percentile_ms(delays: list[float], percent: int) -> float:
    """Return a value in milliseconds that so many per cent of these seconds are below of; 0 for none."""
    ordered = sorted(delays)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] * 1000 if ordered else 0.0
