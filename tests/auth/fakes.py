"""Stand-ins with behaviour, and an auth service made of known parts."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Collection
from datetime import timedelta
from typing import Any

from prometheus_client import CollectorRegistry
from sqlalchemy import text

from api.db import Database
from auth.metrics import AuthMetrics
from auth.passwords import PasswordHasher
from auth.principal import Device
from auth.service import AuthService
from auth.settings import AuthSettings
from auth.store import AuthStore

SECRET = "0123456789abcdef0123456789abcdef"
PASSWORD = "a long enough phrase"
NOW = 1_790_000_000_000  # 2026-09

LAPTOP = Device("laptop-1", "192.0.2.1", "Firefox")
PHONE = Device("phone-1", "192.0.2.2", "Safari")


_calls = itertools.count()


def steady_bytes(size: int) -> bytes:
    """Return bytes that differ from call to call and owe nothing to chance."""
    return hashlib.sha256(b"%d" % next(_calls)).digest()[:size]


class ManualClock:
    """A clock that moves when told."""

    def __init__(self, now: int = NOW) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now

    def advance(self, **duration: float) -> None:
        """Move on by a `timedelta`."""
        self.now += timedelta(**duration) // timedelta(milliseconds=1)


class RecordingListener:
    """Remembers which sessions it was told have ended."""

    def __init__(self) -> None:
        self.ended: list[str] = []

    async def sessions_ended(self, session_ids: Collection[str]) -> None:
        self.ended.extend(session_ids)


class CountingHasher(PasswordHasher):
    """Counts how often bcrypt ran."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.hashed = 0
        self.verified = 0

    def _hash(self, password: str) -> str:
        self.hashed += 1
        return super()._hash(password)

    def _matches(self, password: str, stored: str) -> bool:
        self.verified += 1
        return super()._matches(password, stored)


class Installation:
    """An auth service with its parts at hand. Two of them on one database are two nodes."""

    def __init__(self, database: Database, **settings: Any) -> None:
        self.settings = AuthSettings(secret=SECRET, pepper="pepper", bcrypt_cost=4, **settings)
        self.database = database
        self.clock = ManualClock()
        self.registry = CollectorRegistry()
        self.listener = RecordingListener()
        metrics = AuthMetrics(self.registry)
        self.hasher = CountingHasher(
            metrics,
            pepper=self.settings.pepper,
            cost=self.settings.bcrypt_cost,
            threads=self.settings.hash_threads,
            queue=self.settings.hash_queue,
        )
        self.store = AuthStore(database)
        self.auth = AuthService(
            self.settings,
            store=self.store,
            hasher=self.hasher,
            metrics=metrics,
            listener=self.listener,
            clock=self.clock,
            random_bytes=steady_bytes,
        )

    def close(self) -> None:
        """End the hashing threads."""
        self.hasher.close()

    def attempts(self, action: str, result: str) -> float:
        """Return the counter of attempts."""
        labels = {"action": action, "result": result}
        return self.registry.get_sample_value("chatter_auth_attempts_total", labels) or 0.0

    async def refresh(
        self, token: str, *, address: str = LAPTOP.address, device_id: str | None = None, user_agent: str = "Firefox"
    ) -> Any:
        """Refresh as the laptop does unless told otherwise."""
        return await self.auth.refresh(token, address=address, user_agent=user_agent, device_id=device_id)

    async def query(self, sql: str, **parameters: Any) -> list[Any]:
        """Return the rows of a query."""
        async with self.database.read() as connection:
            return [tuple(row) for row in await connection.execute(text(sql), parameters)]
