"""What of a record may be left out first: that of which nothing would be told. Pure."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum

from signaling.core.calls.index import Index
from signaling.core.calls.media_causes import MEDIA_CAUSES
from signaling.core.calls.record import Attempt, PairRecord
from signaling.core.calls.signs import MediaSigns, attempt_to_judge, gave_up, path_signs


class Worth(IntEnum):
    """What is told of a pair; what says least goes first."""

    FINE = 0
    OPEN = 1
    """It looks for a path."""
    BAD = 2
    """Media passes, badly or late."""
    FAILED = 3


def worth_of(index: Index, pair: PairRecord) -> Worth:
    """Return what a pair is worth, by what would be found of it."""
    if path_signs(index, pair) is not None:
        return Worth.FAILED
    if pair.outcome == "connecting" or (pair.attempts and pair.attempts[-1].settled_at is None):
        return Worth.OPEN
    signs = MediaSigns(index, pair)
    bad = any(cause.severity != "note" and cause.applies(signs) is not None for cause in MEDIA_CAUSES)
    return Worth.BAD if bad else Worth.FINE


def is_without_path(pair: PairRecord, newest: Attempt | None = None) -> bool:
    """Tell whether a pair has no path in the end; `newest`: its newest attempt, where the record lacks that."""
    if pair.outcome == "abandoned":
        last = pair.attempts[-1] if pair.attempts else newest
        return last is not None and gave_up(last)
    return pair.outcome in ("failed", "timeout")


def spare_attempt(attempts: list[Attempt]) -> int:
    """Return which of three attempts or more to leave out: between the first and the newest, rather one that went well.

    The last that was connected stays: what came before it is judged no more.
    """
    last = max((number for number, one in enumerate(attempts) if one.outcome == "connected"), default=0)
    between = [number for number in range(1, len(attempts) - 1) if number != last] or [1]
    return next((number for number in between if attempts[number].outcome == "connected"), between[0])


def keep_telling_attempts(pair: PairRecord) -> bool:
    """Leave out all attempts but the newest and the one that tells why there is no path."""
    telling = attempt_to_judge(pair) if len(pair.attempts) > 1 else None
    return _keep(pair, [attempt for attempt in pair.attempts[:-1] if attempt is telling] + pair.attempts[-1:])


def drop_attempts(pair: PairRecord) -> bool:
    """Leave out all attempts, where the outcome of the pair still says that it failed."""
    says_so = pair.outcome != "abandoned" or not is_without_path(pair)
    return says_so and _keep(pair, [])


def drop_quality(pair: PairRecord) -> bool:
    """Leave out how media flowed."""
    told = bool(pair.quality)
    pair.quality.clear()
    return told


def _keep(pair: PairRecord, attempts: list[Attempt]) -> bool:
    dropped = len(pair.attempts) - len(attempts)
    pair.more_attempts += dropped
    pair.attempts[:] = attempts
    return dropped > 0


THINNING: dict[Worth, tuple[Callable[[PairRecord], bool], ...]] = {
    Worth.FINE: (keep_telling_attempts, drop_attempts, drop_quality),
    Worth.OPEN: (keep_telling_attempts, drop_quality, drop_attempts),
    Worth.BAD: (keep_telling_attempts, drop_attempts, drop_quality),
    Worth.FAILED: (keep_telling_attempts, drop_quality, drop_attempts),
}
"""What is left out of a pair, one after the other, until the record fits; each tells whether there was any."""
