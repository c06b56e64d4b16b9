"""How often one may try: pure bookkeeping in bounded memory, with the time passed in (epoch milliseconds).

An attempt is counted before it is decided, so that a hundred parallel guesses are a hundred attempts; `deciding`
takes the count back when it was not a wrong one. Names without an account are counted like any other, so the limiter
tells nobody which names exist.

An account under attack is slowed down for strangers only. A device that signed in before has a counter of its own:
whoever does not know its id cannot use that counter up, so nobody can be locked out for ever (OWASP calls this device
cookies).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from auth.errors import BadCredentials, RateLimited
from observability.addresses import network_of

_CAPACITY = 65_536
_FREE_FAILURES = 5
_MAX_LOCK_MS = 15 * 60_000
_FORGET_MS = 60 * 60_000
_MINUTE_MS = 60_000

Value = TypeVar("Value")


class Recent(Generic[Value]):
    """A mapping of the `capacity` keys used last; the others are forgotten."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._entries: OrderedDict[Hashable, Value] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._entries

    def get(self, key: Hashable) -> Value | None:
        """Return the value of `key` and count that as a use."""
        if key not in self._entries:
            return None
        self._entries.move_to_end(key)
        return self._entries[key]

    def put(self, key: Hashable, value: Value) -> None:
        """Set the value of `key`, forgetting the key used longest ago if there is no room."""
        self._entries[key] = value
        self._entries.move_to_end(key)
        if len(self._entries) > self._capacity:
            self._entries.popitem(last=False)

    def drop(self, key: Hashable) -> None:
        """Forget `key` if it is known."""
        self._entries.pop(key, None)


class RateLimiter:
    """So many per period and key, evenly refilled (GCRA, the algorithm of ITU-T I.371)."""

    def __init__(
        self, limit: float, period_ms: float, *, burst: float | None = None, capacity: int = _CAPACITY
    ) -> None:
        self._interval = period_ms / limit
        self._tolerance = self._interval * (max(1.0, burst or limit) - 1)
        self._due: Recent[float] = Recent(capacity)  # when the key's bucket will be full again

    def take(self, key: Hashable, now: int) -> float:
        """Take one; return 0, or the seconds to wait, in which case nothing was taken."""
        due = max(self._due.get(key) or 0.0, now)
        early = due - self._tolerance - now
        if early > 0:
            return early / 1000
        self._due.put(key, due + self._interval)
        return 0.0


@dataclass(slots=True)
class _Failures:
    count: int
    last: int


class FailureLock:
    """Some free failures per key, then 2^n seconds of waiting after each, up to 15 minutes.

    An hour without failures clears the slate. Refused attempts are not counted: asking during a lock does not make it
    longer.
    """

    def __init__(self, free: int, *, capacity: int = _CAPACITY) -> None:
        self._free = max(1, free)
        self._failures: Recent[_Failures] = Recent(capacity)

    def take(self, key: Hashable, now: int) -> float:
        """Count a failure in advance; return 0, or the seconds to wait, in which case nothing was counted."""
        known = self._failures.get(key)
        if known is None or now - known.last >= _FORGET_MS:
            self._failures.put(key, _Failures(1, now))
            return 0.0
        wait = known.last + self._lock_ms(known.count) - now
        if wait > 0:
            return wait / 1000
        known.count += 1
        known.last = max(known.last, now)
        return 0.0

    def clear(self, key: Hashable) -> None:
        """Forget every failure of `key`."""
        self._failures.drop(key)

    def give_back(self, key: Hashable) -> None:
        """Take back one counted failure."""
        known = self._failures.get(key)
        if known is not None:
            known.count -= 1
            if known.count <= 0:
                self._failures.drop(key)

    def _lock_ms(self, count: int) -> int:
        if count < self._free:
            return 0
        return min(_MAX_LOCK_MS, 1000 << min(count - self._free, 20))


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt that may be made now if `retry_after` (seconds) is 0."""

    retry_after: float
    key: Hashable = None


def admit(attempt: Attempt) -> None:
    """Raise `RateLimited` if the attempt may not be made now."""
    if attempt.retry_after:
        raise RateLimited(attempt.retry_after)


class AttemptLimiter:
    """The limits of this package: sign in, register, refresh, change a password. `scale` multiplies each."""

    def __init__(self, *, scale: float = 1.0, capacity: int = _CAPACITY) -> None:
        self._accounts = FailureLock(round(_FREE_FAILURES * scale), capacity=capacity)
        self._familiar: Recent[bool] = Recent(capacity)
        self._logins = RateLimiter(30 * scale, _MINUTE_MS, capacity=capacity)
        self._registrations = RateLimiter(60 * scale, 60 * _MINUTE_MS, burst=30 * scale, capacity=capacity)
        self._refreshes = RateLimiter(120 * scale, _MINUTE_MS, capacity=capacity)

    def login(self, account: str, device_id: str, address: str, now: int) -> Attempt:
        """Count a sign-in under this name from this device and address."""
        wait = self._logins.take(network_of(address), now)
        if wait:
            return Attempt(wait)
        key: Hashable = ("login", account)
        if (account, device_id) in self._familiar:
            key = ("login", account, device_id)
        return Attempt(self._accounts.take(key, now), key)

    def password(self, user_id: int, now: int) -> Attempt:
        """Count a change of password, which may be a guess at the current one."""
        key = ("password", user_id)
        return Attempt(self._accounts.take(key, now), key)

    def register(self, address: str, now: int) -> Attempt:
        """Count a registration from this address."""
        return Attempt(self._registrations.take(network_of(address), now))

    def refresh(self, address: str, now: int) -> Attempt:
        """Count a refresh from this address."""
        return Attempt(self._refreshes.take(network_of(address), now))

    @contextmanager
    def deciding(self, attempt: Attempt) -> Iterator[None]:
        """Do what was attempted. Raises `RateLimited` instead if it may not be done now.

        Success forgets the failures that led up to it. An error other than `BadCredentials` decides nothing and takes
        the count back; going away before the answer does not.
        """
        admit(attempt)
        try:
            yield
        except BadCredentials:
            raise
        except Exception:
            self._accounts.give_back(attempt.key)
            raise
        self._accounts.clear(attempt.key)

    def remember(self, account: str, device_id: str) -> None:
        """Give this device a counter of its own for this account."""
        self._familiar.put((account, device_id), value=True)
