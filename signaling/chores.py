"""Long work in small pieces: frames are relayed in between."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

_AT_ONCE = 100
_BREAKS = 50
_BREAK_S = 0.01


async def spread(
    chores: Iterable[object], count: int, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
) -> None:
    """Go through about `count` chores, within half a second and what they take themselves."""
    at_once = max(_AT_ONCE, count // _BREAKS)
    for done, _ in enumerate(chores, 1):
        if done % at_once == 0:
            await sleep(_BREAK_S)
