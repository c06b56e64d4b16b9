"""What is counted of calls, under labels from closed sets."""

from __future__ import annotations

from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.exposition import generate_latest

from signaling.calls.metrics import CallMetrics
from signaling.core.messages import PeerStats, SelectedPair


class Counted:
    """Metrics and their values."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.metrics = CallMetrics(self.registry)

    def value(self, name: str, **labels: str) -> float | None:
        """Return a sample, None where there is none."""
        return self.registry.get_sample_value(name, labels)


@pytest.fixture
def counted() -> Counted:
    """Metrics of which nothing was counted yet."""
    return Counted()


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("chatter_calls_total", {"result": "timeout"}),
        ("chatter_call_setup_duration_seconds_count", {"result": "abandoned"}),
        ("chatter_negotiations_total", {"kind": "rebuild", "glare": "no"}),
        ("chatter_client_reports_total", {"result": "rate_limited"}),
        ("chatter_client_ice_state_total", {"state": "failed"}),
        ("chatter_client_media_errors_total", {"reason": "permission"}),
        ("chatter_client_packet_loss_ratio_count", {"kind": "video", "direction": "out"}),
        ("chatter_client_quality_limited_total", {"reason": "cpu"}),
    ],
)
def test_small_sets_are_there_from_the_start(counted: Counted, name: str, labels: dict[str, str]) -> None:
    assert counted.value(name, **labels) == 0


def test_attempts_are_counted_and_timed_by_how_they_ended(counted: Counted) -> None:
    counted.metrics.settled("connected", 1.2, "ab" * 16)
    counted.metrics.settled("failed", 15, None)
    assert counted.value("chatter_calls_total", result="connected") == 1
    assert counted.value("chatter_calls_total", result="failed") == 1
    assert counted.value("chatter_call_setup_duration_seconds_sum", result="connected") == 1.2
    exemplars = [line for line in generate_latest(counted.registry).decode().splitlines() if " # {" in line]  # type: ignore[no-untyped-call]
    (line,) = exemplars
    assert line.startswith('chatter_call_setup_duration_seconds_bucket{le="1.5",result="connected"}')
    assert f'# {{trace_id="{"ab" * 16}"}} 1.2' in line


def test_negotiations(counted: Counted) -> None:
    counted.metrics.negotiated("initial", 0.2, glare=True)
    assert counted.value("chatter_negotiations_total", kind="initial", glare="yes") == 1
    assert counted.value("chatter_offer_answer_duration_seconds_sum") == 0.2


def test_rooms_and_calls(counted: Counted) -> None:
    counted.metrics.watch(lambda: 4)
    counted.metrics.joined(3)
    counted.metrics.parted(90)
    counted.metrics.emptied(100)
    assert counted.value("chatter_calls_active") == 4
    assert counted.value("chatter_room_participants_bucket", le="2.0") == 0
    assert counted.value("chatter_room_participants_bucket", le="3.0") == 1
    assert counted.value("chatter_call_duration_seconds_sum") == 90
    assert counted.value("chatter_room_duration_seconds_sum") == 100


@pytest.mark.parametrize(
    ("pair", "labels"),
    [
        (SelectedPair("host", "srflx", "udp", None, "v6"), ("host", "srflx", "udp", "v6")),
        (SelectedPair("relay", "host", "udp", "tls", "v4"), ("relay", "host", "tls", "v4")),
        (SelectedPair(), ("other", "other", "other", "other")),
    ],
)
def test_paths_by_what_they_take(counted: Counted, pair: SelectedPair, labels: tuple[str, str, str, str]) -> None:
    counted.metrics.selected(pair)
    named = dict(zip(("local", "remote", "protocol", "family"), labels, strict=True))
    assert counted.value("chatter_client_selected_pair_total", **named) == 1


def test_a_digest(counted: Counted) -> None:
    stats = PeerStats(
        clientId="bob",
        rttMs=80,
        audioJitterMs=10,
        videoJitterMs=20,
        audioLossIn=0.01,
        audioLossOut=0.02,
        videoLossIn=0.03,
        videoLossOut=0.0,
        freezes=2,
        limitedBy="bandwidth",
    )
    counted.metrics.digested(stats)
    assert counted.value("chatter_client_rtt_seconds_sum") == 0.08
    assert counted.value("chatter_client_jitter_seconds_sum", kind="audio") == 0.01
    assert counted.value("chatter_client_jitter_seconds_sum", kind="video") == 0.02
    losses = {"audio": {"in": 0.01, "out": 0.02}, "video": {"in": 0.03, "out": 0}}
    for kind, directions in losses.items():
        for direction, loss in directions.items():
            assert counted.value("chatter_client_packet_loss_ratio_sum", kind=kind, direction=direction) == loss
            assert counted.value("chatter_client_packet_loss_ratio_count", kind=kind, direction=direction) == 1
    assert counted.value("chatter_client_freezes_total") == 2
    assert counted.value("chatter_client_quality_limited_total", reason="bandwidth") == 1


@pytest.mark.parametrize("stats", [PeerStats(clientId="bob"), PeerStats(clientId="bob", limitedBy="none", freezes=0)])
def test_a_digest_that_says_nothing_counts_nothing(counted: Counted, stats: PeerStats) -> None:
    before = generate_latest(counted.registry)  # type: ignore[no-untyped-call]
    counted.metrics.digested(stats)
    assert generate_latest(counted.registry) == before  # type: ignore[no-untyped-call]


@pytest.mark.parametrize(
    ("count", "name", "label"),
    [
        (CallMetrics.ice_state, "chatter_client_ice_state_total", "state"),
        (CallMetrics.device_failed, "chatter_client_media_errors_total", "reason"),
    ],
)
def test_what_is_not_known_is_other(counted: Counted, count: Any, name: str, label: str) -> None:
    count(counted.metrics, "x" * 100)
    assert counted.value(name, **{label: "other"}) == 1
    assert b"xxx" not in generate_latest(counted.registry)  # type: ignore[no-untyped-call]
