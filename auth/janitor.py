"""The task that deletes what has expired."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Protocol

_log = logging.getLogger(__name__)


class Expiring(Protocol):
    """Something that can forget what is over."""

    async def delete_expired(self) -> int:
        """Delete it and return how much it was."""


async def run_janitor(
    expiring: Expiring,
    *,
    every: timedelta = timedelta(hours=1),
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> None:
    """Clean up now and then until cancelled. A failure is logged and the next turn tries again."""
    while True:
        try:
            deleted = await expiring.delete_expired()
        except Exception as error:
            _log.warning("clean-up failed", extra={"event": "janitor_failed", "error": type(error).__name__})
        else:
            if deleted:
                _log.info("expired rows deleted", extra={"event": "expired_deleted", "count": deleted})
        await sleep(every.total_seconds())
