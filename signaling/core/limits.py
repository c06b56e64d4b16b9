"""How much one connection may say. Time is an argument, in seconds."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from signaling.core.frozen import Level

_WINDOW_S = 10.0
CANDIDATES_PER_WINDOW = 200
CHAT_PER_WINDOW = 20
OTHER_PER_WINDOW = 60
REPORTS_AT_ONCE = 256
"""What a client keeps of its reports while its connection is lost comes in one burst when it is back."""
REPORTS_PER_PEER = 8
"""On top of that, for each other who may be in the room: a network that changes concerns all of them at once."""
REPORTS_REFILL_S = 30.0
DROPS_PER_WINDOW = 1000
"""Reports too many are let fall without harm to the call; only who sends so many more does it on purpose."""
REFUSALS_PER_WINDOW = 60
DIGESTS_AT_ONCE = 2
DIGEST_EVERY_S = 8.0
"""A browser sends a digest every 10 seconds, and its timers are not exact."""


class _Limit(NamedTuple):
    capacity: float
    rate: float
    """Tokens per second."""


@lru_cache(maxsize=256)
def _limit(capacity: float, window: float) -> _Limit:
    """Return the limit that all buckets of this size share: each connection has seven."""
    capacity = max(1.0, capacity)  # a smaller bucket could never give a token
    return _Limit(capacity, capacity / window)


class TokenBucket:
    """Allow `capacity` events at once and `capacity` per `window` seconds in the long run."""

    __slots__ = ("_at", "_limit", "_tokens")

    def __init__(self, capacity: float, window: float = _WINDOW_S) -> None:
        self._limit = _limit(capacity, window)
        self._tokens = self._limit.capacity
        self._at = 0.0

    def take(self, now: float) -> bool:
        """Take one token; False when there is none."""
        elapsed = now - self._at
        self._at = now
        tokens = self._tokens
        if elapsed > 0:  # a clock set back refills nothing and blocks nothing
            capacity, rate = self._limit
            tokens += elapsed * rate
            if tokens > capacity:
                tokens = capacity
        if tokens < 1.0:
            self._tokens = tokens
            return False
        self._tokens = tokens - 1.0
        return True

    def give_back(self) -> None:
        """Put a token back that was taken for nothing."""
        self._tokens = min(self._limit.capacity, self._tokens + 1.0)

    @property
    def level(self) -> Level:
        """What is left, and when that was."""
        return self._tokens, self._at

    @level.setter
    def level(self, level: Level) -> None:
        tokens, self._at = level
        self._tokens = min(self._limit.capacity, tokens)


_LIMITS = {
    "candidates": (CANDIDATES_PER_WINDOW, 0, _WINDOW_S),
    "chat": (CHAT_PER_WINDOW, 0, _WINDOW_S),
    "digests": (DIGESTS_AT_ONCE, 0, DIGESTS_AT_ONCE * DIGEST_EVERY_S),
    "drops": (DROPS_PER_WINDOW, 0, _WINDOW_S),
    "other": (OTHER_PER_WINDOW, 0, _WINDOW_S),
    "refusals": (REFUSALS_PER_WINDOW, 0, _WINDOW_S),
    "reports": (REPORTS_AT_ONCE, REPORTS_PER_PEER, REPORTS_REFILL_S),
}
"""How many at once, how many more for each who may be in the room, and in how many seconds they come back."""


class FloodGuard:
    """The flood limits of one connection: candidates, chat, reports, digests and everything else are counted apart.

    `peers` is how many others may be in the room. `refusals` counts what was turned away, `drops` the reports that were
    too many; when one of these runs out too, the connection has earned its close.
    """

    __slots__ = (*_LIMITS, "_peers", "_scale")

    candidates: TokenBucket
    chat: TokenBucket
    digests: TokenBucket
    drops: TokenBucket
    other: TokenBucket
    refusals: TokenBucket
    reports: TokenBucket

    def __init__(self, scale: float = 1.0, peers: int = 0) -> None:
        self._scale = scale
        self._peers = peers

    def __getattr__(self, name: str) -> TokenBucket:
        """Make a bucket when it is first needed: most connections never need most of them."""
        if name not in _LIMITS:
            raise AttributeError(name)
        capacity, per_peer, window = _LIMITS[name]
        bucket = TokenBucket((capacity + per_peer * self._peers) * self._scale, window)
        setattr(self, name, bucket)
        return bucket

    @property
    def levels(self) -> dict[str, Level]:
        """What is left of each limit."""
        return {name: getattr(self, name).level for name in _LIMITS}

    @levels.setter
    def levels(self, levels: dict[str, Level]) -> None:
        for name in _LIMITS:
            if name in levels:
                getattr(self, name).level = levels[name]
