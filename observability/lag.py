"""How late the event loop is: the one number that shows that something blocks it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from prometheus_client import CollectorRegistry, Histogram

_INTERVAL_S = 0.25
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class LoopLag:
    """Sleeps again and again, and measures by how much it wakes too late."""

    def __init__(
        self,
        registry: CollectorRegistry,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._histogram = Histogram(
            "chatter_event_loop_lag_seconds",
            "By how much the event loop wakes a task too late.",
            buckets=_BUCKETS,
            registry=registry,
        )
        self._clock = clock
        self._sleep = sleep

    async def run(self) -> None:
        """Measure until cancelled."""
        while True:
            due = self._clock() + _INTERVAL_S
            await self._sleep(_INTERVAL_S)
            self._histogram.observe(max(0.0, self._clock() - due))
