"""What is believed of the numbers that browsers tell."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET
from msgspec.structs import replace

from signaling.core.calls.reports import bounded_path, bounded_stats
from signaling.core.messages import CandidateCounts, PeerStats, ReportPath, SelectedPair, SendStats
from tests.signaling.core.samples import digests, path_reports

PATH = ReportPath(
    clientId="bob",
    connection="c1",
    state="connected",
    elapsedMs=600_000.0,
    gatheringMs=0.0,
    iceMs=12.5,
    local=CandidateCounts(host=1000),
    remote=CandidateCounts(),
    serverErrors=(300, 799),
)
STATS = PeerStats(
    clientId="bob",
    pair=SelectedPair("host", "relay"),
    rttMs=60_000.0,
    audioJitterMs=10_000.0,
    videoJitterMs=0.0,
    audioLossIn=1.0,
    audioLossOut=0.0,
    videoLossIn=0.5,
    videoLossOut=0.001,
    bitrateIn=1e10,
    bitrateOut=0.0,
    freezes=1000.0,
    frozenMs=600_000.0,
    limitedBy="cpu",
    widthIn=16_384.0,
    heightIn=0.0,
    fpsIn=1000.0,
    widthOut=1.0,
    heightOut=1.0,
    fpsOut=1.0,
)
NONSENSE = [math.nan, math.inf, -math.inf, -1.0, -1e-9, 1e12]
NUMBERS = [name for name in PeerStats.__struct_fields__ if isinstance(getattr(STATS, name), float)]


def test_what_is_possible_is_believed() -> None:
    assert bounded_path(PATH) == (PATH, True)
    assert bounded_stats(STATS) == (STATS, True)


def test_what_is_not_told_is_not_missed() -> None:
    silent = ReportPath(clientId="bob", connection="c1", state="new")
    assert bounded_path(silent) == (silent, True)
    assert bounded_stats(PeerStats(clientId="bob")) == (PeerStats(clientId="bob"), True)


@pytest.mark.parametrize("value", NONSENSE)
@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_out_of_its_range_is_dropped_alone(name: str, value: float) -> None:
    told: Any = {name: value}
    nothing: Any = {name: UNSET}
    assert bounded_stats(replace(STATS, **told)) == (replace(STATS, **nothing), False)


def test_every_number_of_a_digest_has_a_range() -> None:
    absurd: Any = dict.fromkeys(NUMBERS, 1e12)
    bounded, sound = bounded_stats(replace(STATS, **absurd))
    assert not sound
    assert {name for name in NUMBERS if getattr(bounded, name) is not UNSET} == set()
    assert (bounded.limitedBy, bounded.pair) == (STATS.limitedBy, STATS.pair)


@pytest.mark.parametrize(
    ("name", "most"),
    [("rttMs", 60_000), ("audioLossIn", 1), ("bitrateOut", 1e10), ("fpsIn", 1000), ("widthOut", 16_384)],
)
def test_the_ranges_end_where_they_are_said_to(name: str, most: float) -> None:
    over: Any = {name: most * 1.0001}
    assert getattr(bounded_stats(replace(STATS, **over))[0], name) is UNSET


@pytest.mark.parametrize("value", [*NONSENSE, 600_000.1])
@pytest.mark.parametrize("name", ["elapsedMs", "gatheringMs", "iceMs"])
def test_no_attempt_takes_longer_than_ten_minutes(name: str, value: float) -> None:
    told: Any = {name: value}
    nothing: Any = {name: UNSET}
    assert bounded_path(replace(PATH, **told)) == (replace(PATH, **nothing), False)


@pytest.mark.parametrize("count", [-1, 1001, 10**30])
@pytest.mark.parametrize("kind", ["host", "srflx", "prflx", "relay"])
def test_impossible_counts_are_dropped(kind: str, count: int) -> None:
    counts: Any = {kind: count}
    bounded, sound = bounded_path(replace(PATH, remote=CandidateCounts(**counts)))
    assert (bounded, sound) == (replace(PATH, remote=UNSET), False)


def test_what_is_no_error_of_a_server_is_dropped() -> None:
    bounded, sound = bounded_path(replace(PATH, serverErrors=(401, 299, 800, -1, 10**30, 701)))
    assert (bounded.serverErrors, sound) == ((401, 701), False)


@given(path_reports(st.just("bob"), st.just("c1")))
def test_bounding_twice_changes_nothing(report: ReportPath) -> None:
    bounded, sound = bounded_path(report)
    assert sound is (bounded == report)
    assert bounded_path(bounded) == (bounded, True)


@given(digests(st.just("bob")))
def test_a_bounded_digest_is_sound(digest: SendStats) -> None:
    for stats in digest.peers:
        bounded, sound = bounded_stats(stats)
        assert sound is (bounded == stats)
        assert bounded_stats(bounded) == (bounded, True)
