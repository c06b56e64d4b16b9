"""Bounds for what browsers say: a number outside of its range is no measurement and is dropped. Pure."""

from __future__ import annotations

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import astuple, replace

from signaling.core.messages import CandidateCounts, PeerStats, ReportPath

LONGEST_ATTEMPT_MS = 600_000.0
MOST_CANDIDATES = 1000
STUN_ERRORS = range(300, 800)
"""RFC 8489 §14.8: the first digit is 3 to 6; 700 to 799 are the browser's own (W3C WebRTC §4.8.1.3)."""
_PATH_RANGES = {"elapsedMs": LONGEST_ATTEMPT_MS, "gatheringMs": LONGEST_ATTEMPT_MS, "iceMs": LONGEST_ATTEMPT_MS}
_STATS_RANGES = {
    "rttMs": 60_000.0,
    "audioJitterMs": 10_000.0,
    "videoJitterMs": 10_000.0,
    "audioLossIn": 1.0,
    "audioLossOut": 1.0,
    "videoLossIn": 1.0,
    "videoLossOut": 1.0,
    "bitrateIn": 1e10,
    "bitrateOut": 1e10,
    "freezes": 1000.0,
    "frozenMs": 600_000.0,
    "widthIn": 16_384.0,
    "heightIn": 16_384.0,
    "fpsIn": 1000.0,
    "widthOut": 16_384.0,
    "heightOut": 16_384.0,
    "fpsOut": 1000.0,
}


def bounded_path(report: ReportPath) -> tuple[ReportPath, bool]:
    """Return the report without its nonsense, and whether there was none.

    Durations are 0 to 10 minutes, counts of candidates 0 to 1,000, server errors 300 to 799; what is not is left out.
    """
    dropped: dict[str, object] = dict.fromkeys(_outside(report, _PATH_RANGES), UNSET)
    dropped |= {name: UNSET for name in ("local", "remote") if not _countable(getattr(report, name))}
    errors = tuple(code for code in report.serverErrors if code in STUN_ERRORS)
    if errors != report.serverErrors:
        dropped["serverErrors"] = errors
    return (replace(report, **dropped), False) if dropped else (report, True)


def bounded_stats(stats: PeerStats) -> tuple[PeerStats, bool]:
    """Return the digest without its nonsense, and whether there was none.

    Round-trip times are 0 to 60 s, jitter 0 to 10 s, loss 0 to 1, bit rates 0 to 10 Gbit/s, freezes 0 to 1,000 in
    0 to 10 minutes, pictures 0 to 16,384 pixels wide and high at 0 to 1,000 per second; what is not is left out.
    """
    dropped = dict.fromkeys(_outside(stats, _STATS_RANGES), UNSET)
    return (replace(stats, **dropped), False) if dropped else (stats, True)


def _outside(told: Struct, ranges: dict[str, float]) -> list[str]:
    values = ((name, getattr(told, name), most) for name, most in ranges.items())
    # What is not a number lies in no range.
    return [name for name, value, most in values if value is not UNSET and not 0.0 <= value <= most]


def _countable(counts: CandidateCounts | UnsetType) -> bool:
    return counts is UNSET or all(0 <= count <= MOST_CANDIDATES for count in astuple(counts))
