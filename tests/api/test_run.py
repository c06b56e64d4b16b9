"""A start that is broken off: nothing is torn apart, nothing goes on."""

from __future__ import annotations

import asyncio

import pytest

from api.run import _unless
from api.tasks import to_its_end


async def test_a_start_goes_to_its_end_when_nobody_says_otherwise() -> None:
    done: list[str] = []

    async def start() -> None:
        done.append("started")

    assert await _unless(asyncio.Event(), start())
    assert done == ["started"]


async def test_who_is_told_to_stop_waits_for_nothing_more() -> None:
    told, reached = asyncio.Event(), asyncio.Event()

    async def start() -> None:
        reached.set()
        await asyncio.Event().wait()

    starting = asyncio.create_task(_unless(told, start()))
    await reached.wait()
    told.set()
    assert not await starting


async def test_what_goes_wrong_is_told() -> None:
    async def start() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await _unless(asyncio.Event(), start())


@pytest.mark.parametrize("fails", [False, True])
async def test_a_migration_is_not_torn_apart(fails: bool) -> None:
    told, reached, may_end = asyncio.Event(), asyncio.Event(), asyncio.Event()
    done: list[str] = []

    async def migrate() -> None:
        reached.set()
        await may_end.wait()
        if fails:
            raise ValueError("no")
        done.append("migrated")

    async def start() -> None:
        await to_its_end(migrate())
        done.append("started")

    starting = asyncio.create_task(_unless(told, start()))
    await reached.wait()
    told.set()
    await asyncio.sleep(0)
    assert not starting.done()
    may_end.set()
    if fails:
        with pytest.raises(ValueError, match="no"):
            await starting
    else:
        assert not await starting
        assert done == ["migrated"]
