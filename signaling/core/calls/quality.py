"""The digests of one browser about one pair, summed up as they come. Pure."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from signaling.core.calls.frozen import FrozenDigests
from signaling.core.calls.record import Quality
from signaling.core.messages import PeerStats

DIGEST_MS = 10_000
"""A browser sends a digest that often."""
_SHARE_DIGITS = 4
_MS_DIGITS = 1


class _Mean:
    """The mean and the worst of what was known so far."""

    __slots__ = ("_count", "_digits", "_mean", "_worst")

    def __init__(self, digits: int) -> None:
        self._digits = digits
        self._count = 0
        self._mean = 0.0
        self._worst = 0.0

    @property
    def state(self) -> tuple[int, float, float]:
        """Count, mean and worst so far."""
        return self._count, self._mean, self._worst

    @state.setter
    def state(self, state: tuple[int, float, float]) -> None:
        self._count, self._mean, self._worst = state

    def add(self, *values: float | UnsetType) -> tuple[float, float] | None:
        """Take in the worst of the values that are known; return mean and worst, rounded, None before the first."""
        known = [value for value in values if value is not UNSET]
        if known:
            value = max(known)
            self._count += 1
            self._mean += (value - self._mean) / self._count
            self._worst = max(self._worst, value)
        if not self._count:
            return None
        return round(self._mean, self._digits), round(self._worst, self._digits)


class Digests:
    """Keeps a `Quality` up to date. Of sound and picture, the worse one counts for jitter and loss."""

    __slots__ = ("_bitrate_in", "_bitrate_out", "_jitter", "_loss_in", "_loss_out", "_rtt", "quality")

    def __init__(self) -> None:
        self.quality = Quality()
        self._rtt = _Mean(_MS_DIGITS)
        self._jitter = _Mean(_MS_DIGITS)
        self._loss_in = _Mean(_SHARE_DIGITS)
        self._loss_out = _Mean(_SHARE_DIGITS)
        self._bitrate_in = _Mean(0)
        self._bitrate_out = _Mean(0)

    @classmethod
    def thaw(cls, frozen: FrozenDigests, quality: Quality) -> Digests:
        """Go on with what another node summed up; `quality` is what it is kept in."""
        digests = cls()
        digests.quality = frozen.quality or quality
        for mean, state in zip(digests._means, frozen.means, strict=True):
            mean.state = state
        return digests

    def freeze(self, kept: Quality | None) -> FrozenDigests:
        """Return what was summed up; `kept` is what the record holds of it."""
        dropped = None if kept is self.quality else self.quality
        return FrozenDigests(means=[mean.state for mean in self._means], quality=dropped)

    @property
    def _means(self) -> tuple[_Mean, ...]:
        return self._rtt, self._jitter, self._loss_in, self._loss_out, self._bitrate_in, self._bitrate_out

    def add(self, stats: PeerStats) -> None:
        """Take in a digest, bounded already."""
        quality = self.quality
        quality.digests += 1
        quality.rtt_ms = self._rtt.add(stats.rttMs)
        quality.jitter_ms = self._jitter.add(stats.audioJitterMs, stats.videoJitterMs)
        quality.loss_in = self._loss_in.add(stats.audioLossIn, stats.videoLossIn)
        quality.loss_out = self._loss_out.add(stats.audioLossOut, stats.videoLossOut)
        quality.bitrate_in = _mean_of(self._bitrate_in.add(stats.bitrateIn))
        quality.bitrate_out = _mean_of(self._bitrate_out.add(stats.bitrateOut))
        quality.freezes += 0 if stats.freezes is UNSET else int(stats.freezes)
        quality.frozen_ms = round(quality.frozen_ms + (0 if stats.frozenMs is UNSET else stats.frozenMs), _MS_DIGITS)
        quality.limited_by_cpu += stats.limitedBy == "cpu"
        quality.limited_by_bandwidth += stats.limitedBy == "bandwidth"
        if stats.pair is not UNSET:
            quality.pair = stats.pair


def _mean_of(summary: tuple[float, float] | None) -> float | None:
    return None if summary is None else summary[0]
