"""The task that deletes what has expired."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from auth.janitor import run_janitor


class Shelf:
    """Has something to throw away at every second turn, and fails at the third."""

    def __init__(self) -> None:
        self.turns = 0

    async def delete_expired(self) -> int:
        self.turns += 1
        if self.turns == 3:
            raise OSError("gone")
        return self.turns % 2


async def test_the_janitor_comes_at_once_and_again_and_survives_failures(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="auth")
    shelf, naps = Shelf(), list[float]()

    async def sleep(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 5:
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await run_janitor(shelf, every=timedelta(minutes=10), sleep=sleep)
    assert shelf.turns == 5
    assert naps == [600.0] * 5
    assert [record.getMessage() for record in caplog.records] == [
        "expired rows deleted",
        "clean-up failed",
        "expired rows deleted",
    ]
