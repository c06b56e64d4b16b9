"""The summary of digests."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.core.calls.quality import Digests
from signaling.core.calls.record import Quality
from signaling.core.messages import PeerStats, SelectedPair


def summed(*digests: PeerStats) -> Quality:
    summary = Digests()
    for digest in digests:
        summary.add(digest)
    return summary.quality


def stats(**known: Any) -> PeerStats:
    return PeerStats(clientId="bob", **known)


def test_mean_and_worst_of_what_was_known() -> None:
    quality = summed(stats(rttMs=10.0), stats(), stats(rttMs=40.0), stats(rttMs=10.0))
    assert quality == Quality(digests=4, rtt_ms=(20.0, 40.0))


def test_of_sound_and_picture_the_worse_counts() -> None:
    quality = summed(
        stats(audioJitterMs=5.0, videoJitterMs=9.0, audioLossIn=0.2, videoLossIn=0.1),
        stats(audioJitterMs=7.0, audioLossOut=0.01, videoLossOut=0.03),
    )
    assert quality.jitter_ms == (8.0, 9.0)
    assert quality.loss_in == (0.2, 0.2)
    assert quality.loss_out == (0.03, 0.03)


def test_bit_rates_have_a_mean_and_freezes_a_sum() -> None:
    quality = summed(
        stats(bitrateIn=1_000_000.0, bitrateOut=1.0, freezes=2.0, frozenMs=300.04),
        stats(bitrateIn=500_000.0, bitrateOut=2.0, freezes=1.0, frozenMs=100.0),
        stats(),
    )
    assert (quality.bitrate_in, quality.bitrate_out) == (750_000.0, 2.0)
    assert (quality.freezes, quality.frozen_ms) == (3, 400.0)


def test_what_limits_the_picture_is_counted() -> None:
    quality = summed(
        PeerStats(clientId="bob", limitedBy="cpu"),
        PeerStats(clientId="bob", limitedBy="bandwidth"),
        PeerStats(clientId="bob", limitedBy="cpu"),
        PeerStats(clientId="bob", limitedBy="none"),
    )
    assert (quality.limited_by_cpu, quality.limited_by_bandwidth) == (2, 1)


def test_the_newest_path_stays() -> None:
    direct, relayed = SelectedPair("host", "host"), SelectedPair("relay", "host")
    quality = summed(PeerStats(clientId="bob", pair=direct), PeerStats(clientId="bob", pair=relayed), stats())
    assert quality.pair == relayed


@given(st.lists(st.floats(0, 60_000), min_size=1, max_size=50))
def test_the_mean_lies_between_best_and_worst(values: list[float]) -> None:
    quality = summed(*[stats(rttMs=value) for value in values])
    assert quality.rtt_ms is not None
    mean, worst = quality.rtt_ms
    assert worst == round(max(values), 1)
    assert mean == pytest.approx(sum(values) / len(values), abs=0.06)


def test_what_was_summed_up_goes_on_at_another_node() -> None:
    here, there = Digests(), Digests()
    for number, stats in enumerate((PeerStats("bob", rttMs=10.0), PeerStats("bob", rttMs=40.0, bitrateIn=3.0)) * 2):
        here.add(stats)
        there.add(stats)
        kept = there.quality if number else None  # the first time the record has dropped it
        there = Digests.thaw(there.freeze(kept), there.quality)
    assert there.quality == here.quality
    assert there.quality.rtt_ms == (25.0, 40.0)
