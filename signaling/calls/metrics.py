"""Metrics of calls; `docs/metrics.md` describes each. What browsers tell is `chatter_client_*`.

It was bounded before it is counted here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal, get_args

from msgspec import UNSET, UnsetType
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from signaling.core.calls.facts import Negotiation, Refusal
from signaling.core.calls.record import Outcome
from signaling.core.messages import CandidateType, IceState, PeerStats, SelectedPair

_OTHER = "other"
_DURATIONS = (1, 10, 30, 60, 300, 600, 1800, 3600, 7200, 14400, 28800)
_SETUPS = (0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 5, 7.5, 10, 15, 20, 30)
_ANSWERS = (0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_PEOPLE = (1, 2, 3, 4, 6, 8, 12)
_ROUND_TRIPS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 2)
_JITTERS = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5, 1)
_LOSSES = (0, 0.001, 0.003, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1)

_OUTCOMES = tuple(outcome for outcome in get_args(Outcome) if outcome != "connecting")
_ICE_STATES = get_args(IceState)
_CANDIDATES = frozenset(get_args(CandidateType))
_PROTOCOLS = frozenset({"udp", "tcp", "tls"})
_FAMILIES = frozenset({"v4", "v6"})
_LIMITS = ("cpu", "bandwidth", _OTHER)
TROUBLES = ("socket_blocked", "socket_lost", "origin_refused", "draining")
_MEDIA_ERRORS = ("permission", "not_found", "in_use", "overconstrained", _OTHER)

ReportResult = Literal["ok", Refusal]


class CallMetrics:
    """What becomes of calls, counted. Labels are closed sets: never a room, member or address."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._of_calls(registry)
        self._of_reports(registry)
        self._of_media(registry)

    def _of_calls(self, registry: CollectorRegistry) -> None:
        self._active = Gauge("chatter_calls_active", "Rooms with two people or more.", registry=registry)
        self._calls = _children(
            Counter("chatter_calls", "First attempts to connect two members.", ["result"], registry=registry), _OUTCOMES
        )
        self._setups = _children(
            Histogram(
                "chatter_call_setup_duration_seconds",
                "From the first offer between two members to the end of the attempt.",
                ["result"],
                buckets=_SETUPS,
                registry=registry,
            ),
            _OUTCOMES,
        )
        self._durations = Histogram(
            "chatter_call_duration_seconds",
            "How long two people or more were in a room.",
            buckets=_DURATIONS,
            registry=registry,
        )
        self._negotiations = Counter(
            "chatter_negotiations", "Offers that were answered.", ["kind", "glare"], registry=registry
        )
        for kind in get_args(Negotiation):
            _children(self._negotiations, ("yes", "no"), kind)
        self._answers = Histogram(
            "chatter_offer_answer_duration_seconds",
            "From an offer to its answer, as the server saw them.",
            buckets=_ANSWERS,
            registry=registry,
        )
        self._participants = Histogram(
            "chatter_room_participants", "Members in a room after each join.", buckets=_PEOPLE, registry=registry
        )
        self._rooms = Histogram(
            "chatter_room_duration_seconds",
            "How long rooms had someone in them.",
            buckets=_DURATIONS,
            registry=registry,
        )
        self._records_dropped = Counter(
            "chatter_call_records_dropped", "Records of calls that could not be stored.", registry=registry
        )

    def _of_reports(self, registry: CollectorRegistry) -> None:
        self._reports = _children(
            Counter("chatter_client_reports", "Reports of browsers.", ["result"], registry=registry),
            get_args(ReportResult),
        )
        self._troubles = _children(
            Counter(
                "chatter_client_troubles",
                "Browsers that told over HTTP why they cannot come in.",
                ["reason"],
                registry=registry,
            ),
            TROUBLES,
        )
        self._ice_states = _children(
            Counter("chatter_client_ice_state", "ICE states that browsers told.", ["state"], registry=registry),
            (*_ICE_STATES, _OTHER),
        )
        self._pairs = Counter(
            "chatter_client_selected_pair",
            "Candidate pairs that browsers chose.",
            ["local", "remote", "protocol", "family"],
            registry=registry,
        )
        self._media_errors = _children(
            Counter("chatter_client_media_errors", "Devices that failed.", ["reason"], registry=registry), _MEDIA_ERRORS
        )

    def _of_media(self, registry: CollectorRegistry) -> None:
        self._round_trips = Histogram(
            "chatter_client_rtt_seconds",
            "Round trips between members, of each digest.",
            buckets=_ROUND_TRIPS,
            registry=registry,
        )
        jitter = Histogram(
            "chatter_client_jitter_seconds",
            "Jitter of what is received, of each digest.",
            ["kind"],
            buckets=_JITTERS,
            registry=registry,
        )
        self._audio_jitter, self._video_jitter = jitter.labels("audio"), jitter.labels("video")
        loss = Histogram(
            "chatter_client_packet_loss_ratio",
            "Share of packets lost, of each digest.",
            ["kind", "direction"],
            buckets=_LOSSES,
            registry=registry,
        )
        self._audio_loss_in, self._audio_loss_out = loss.labels("audio", "in"), loss.labels("audio", "out")
        self._video_loss_in, self._video_loss_out = loss.labels("video", "in"), loss.labels("video", "out")
        self._limits = _children(
            Counter("chatter_client_quality_limited", "Digests with a limited picture.", ["reason"], registry=registry),
            _LIMITS,
        )
        self._freezes = Counter("chatter_client_freezes", "Times that a received picture froze.", registry=registry)

    # --- calls

    def watch(self, active: Callable[[], float]) -> None:
        """Read at each scrape how many calls there are."""
        self._active.set_function(active)

    def joined(self, members: int) -> None:
        """Note how many are in after a join."""
        self._participants.observe(members)

    def negotiated(self, kind: Negotiation, seconds: float, *, glare: bool) -> None:
        """Count an offer that was answered after so long."""
        self._negotiations.labels(kind, "yes" if glare else "no").inc()
        self._answers.observe(seconds)

    def settled(self, outcome: Outcome, seconds: float, trace_id: str | None) -> None:
        """Count how the first attempt of a pair ended, after so long; `trace_id` where the trace was kept."""
        self._calls[outcome].inc()
        self._setups[outcome].observe(seconds, None if trace_id is None else {"trace_id": trace_id})

    def parted(self, seconds: float) -> None:
        """Note how long two people or more were in a room."""
        self._durations.observe(max(0.0, seconds))  # the clock may have been set back

    def emptied(self, seconds: float) -> None:
        """Note how long a room had someone in it."""
        self._rooms.observe(max(0.0, seconds))

    def record_dropped(self) -> None:
        """Count the record of a call that is lost."""
        self._records_dropped.inc()

    # --- told by browsers

    def reported(self, result: ReportResult) -> None:
        """Count a report."""
        self._reports[result].inc()

    def trouble(self, reason: str) -> None:
        """Count a browser that told over HTTP that its socket does not open; `reason` is one of `TROUBLES`."""
        self._troubles[reason].inc()

    def ice_state(self, state: str) -> None:
        """Count a state that a browser told."""
        _pick(self._ice_states, state).inc()

    def selected(self, pair: SelectedPair) -> None:
        """Count a path that a browser took; through a TURN server it is named by how the browser speaks to that."""
        self._pairs.labels(
            _known(pair.local, _CANDIDATES),
            _known(pair.remote, _CANDIDATES),
            _known(pair.relayProtocol or pair.protocol, _PROTOCOLS),
            _known(pair.family, _FAMILIES),
        ).inc()

    def digested(self, stats: PeerStats) -> None:
        """Note how media flows between two members; what is UNSET was not known, or nonsense."""
        _observe(self._round_trips, stats.rttMs, 1000)
        _observe(self._audio_jitter, stats.audioJitterMs, 1000)
        _observe(self._video_jitter, stats.videoJitterMs, 1000)
        _observe(self._audio_loss_in, stats.audioLossIn)
        _observe(self._audio_loss_out, stats.audioLossOut)
        _observe(self._video_loss_in, stats.videoLossIn)
        _observe(self._video_loss_out, stats.videoLossOut)
        if stats.limitedBy is not UNSET and stats.limitedBy != "none":
            _pick(self._limits, stats.limitedBy).inc()
        if stats.freezes:
            self._freezes.inc(stats.freezes)

    def device_failed(self, reason: str) -> None:
        """Count a device that a browser could not use."""
        _pick(self._media_errors, reason).inc()


def _children(metric: Any, values: Iterable[str], *before: str) -> dict[str, Any]:
    """Make one child per value, so that each shows up at 0 and is found without a search."""
    return {value: metric.labels(*before, value) for value in values}


def _pick(children: dict[str, Any], value: str) -> Any:
    return children.get(value) or children[_OTHER]


def _known(value: str | None, values: frozenset[str]) -> str:
    return value if value in values else _OTHER


def _observe(histogram: Histogram, value: float | UnsetType, per: float = 1) -> None:
    if value is not UNSET:
        histogram.observe(value / per)
