"""Waiting for something to come true."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 30) -> None:
    """Ask again and again until the condition holds."""
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110  # there is nothing to be told by
            await asyncio.sleep(0.01)
