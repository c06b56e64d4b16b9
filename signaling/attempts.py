"""How often a room's password may be tried from one address."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable

from signaling.core.limits import TokenBucket

_TRIES = 10
_WINDOW_S = 60.0
_CAPACITY = 8192


class PasswordAttempts:
    """Some wrong passwords per key and minute, in bounded memory. Times are in seconds.

    A try is counted before it is decided, so that a hundred at once are a hundred tries.
    """

    def __init__(self, scale: float = 1.0, capacity: int = _CAPACITY) -> None:
        self._tries = _TRIES * scale
        self._capacity = capacity
        self._buckets: OrderedDict[Hashable, TokenBucket] = OrderedDict()

    def take(self, key: Hashable, now: float) -> bool:
        """Count a try; False when there were too many."""
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = TokenBucket(self._tries, _WINDOW_S)
            if len(self._buckets) > self._capacity:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(key)
        return bucket.take(now)

    def give_back(self, key: Hashable) -> None:
        """Take back a counted try: it was not a wrong one."""
        bucket = self._buckets.get(key)
        if bucket is not None:
            bucket.give_back()
