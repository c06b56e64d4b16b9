"""Metrics of the auth package."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import product
from typing import Literal, get_args

from prometheus_client import CollectorRegistry, Counter, Histogram

from auth.errors import AuthError, BadCredentials, Busy, RateLimited, RefreshReused, TokenExpired, UsernameTaken

Action = Literal["register", "login", "refresh", "logout", "ws", "password"]
Result = Literal["ok", "bad_credentials", "conflict", "expired", "invalid", "reuse_detected", "rate_limited", "busy"]
HashOperation = Literal["hash", "verify"]

_RESULTS: dict[type[AuthError], Result] = {
    BadCredentials: "bad_credentials",
    UsernameTaken: "conflict",
    TokenExpired: "expired",
    RefreshReused: "reuse_detected",
    RateLimited: "rate_limited",
    Busy: "busy",
}
_HASH_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class AuthMetrics:
    """Counts attempts and times password hashing."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._attempts = Counter(
            "chatter_auth_attempts_total", "Attempts to sign in or stay so.", ["action", "result"], registry=registry
        )
        for action, result in product(get_args(Action), get_args(Result)):
            self._attempts.labels(action, result)  # at 0 from the start, so that the first one is seen as a change
        self._hashing = Histogram(
            "chatter_password_hash_duration_seconds",
            "Time a thread spent on one password.",
            ["op"],
            buckets=_HASH_BUCKETS,
            registry=registry,
        )

    def attempt(self, action: Action, result: Result) -> None:
        """Count one attempt."""
        self._attempts.labels(action, result).inc()

    @contextmanager
    def counting(self, action: Action) -> Iterator[None]:
        """Count the block as one attempt, by the error that leaves it."""
        try:
            yield
        except AuthError as error:
            self.attempt(action, _RESULTS.get(type(error), "invalid"))
            raise
        self.attempt(action, "ok")

    def hashing(self, operation: HashOperation) -> AbstractContextManager[object]:
        """Time the block as one password operation. Safe in any thread."""
        return self._hashing.labels(operation).time()
