"""What the auth package needs from outside."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeVar

Connection = TypeVar("Connection", covariant=True)

Clock = Callable[[], int]
"""The time in epoch milliseconds."""

RandomBytes = Callable[[int], bytes]
"""That many unpredictable bytes."""


class Database(Protocol[Connection]):
    """Two doors; a transaction lasts as long as the `async with` block and commits unless an exception leaves it."""

    def read(self) -> AbstractAsyncContextManager[Connection]:
        """Open a transaction for queries."""

    def write(self) -> AbstractAsyncContextManager[Connection]:
        """Open a transaction for changes."""


class SessionListener(Protocol):
    """Who wants to know that device sessions ended: the signaling hub, which closes their sockets."""

    async def sessions_ended(self, session_ids: Collection[str]) -> None:
        """Take note, after the end is committed. Must be quick and must not fail for ids it does not know."""
