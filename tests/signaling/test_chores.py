"""How long work gives way."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from signaling.chores import spread


@pytest.mark.parametrize(
    ("count", "pieces"),
    [(0, [0]), (99, [99]), (250, [100, 100, 50]), (5_000, [100] * 50 + [0]), (20_000, [400] * 50 + [0])],
)
async def test_there_are_breaks_but_never_more_than_half_a_second_of_them(count: int, pieces: list[int]) -> None:
    done = [0]
    slept = 0.0

    def chores() -> Iterator[None]:
        for _ in range(count):
            done[-1] += 1
            yield

    async def sleep(seconds: float) -> None:
        nonlocal slept
        slept += seconds
        done.append(0)

    await spread(chores(), count, sleep)
    assert done == pieces
    assert slept <= 0.5 + 1e-9
