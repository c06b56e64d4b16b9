"""Fixtures of the cluster tests."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.signaling.cluster.town import Node, Town


@pytest_asyncio.fixture
async def town() -> AsyncIterator[Town]:
    """Nodes that share a bus and a database; all end with the test."""
    town = Town()
    yield town
    await town.close()


@pytest_asyncio.fixture
async def pair(town: Town) -> tuple[Node, Node]:
    """Two nodes that know of each other: the room will live at the first, sockets may be at either."""
    return await town.start("a"), await town.start("b")
