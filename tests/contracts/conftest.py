"""Fixtures that run the whole application. `running_app` is for other suites too."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
import uvloop
from sqlalchemy.engine import URL

from tests.contracts.site import DOORS, Door, DoorName, Site, running_site, site_settings


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run on the event loop that production runs on."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture
def signaling_overrides() -> dict[str, object]:
    """What a test wants otherwise in the signaling settings; parametrize it."""
    return {}


@pytest_asyncio.fixture
async def running_app(tmp_path: Path, sqlite_url: URL, signaling_overrides: dict[str, object]) -> AsyncIterator[Site]:
    """The application on SQLite, with both ports open."""
    overrides = {"close_timeout": timedelta(milliseconds=300)} | signaling_overrides
    async with running_site(site_settings(tmp_path, sqlite_url, **overrides)) as site:
        yield site


@pytest_asyncio.fixture(params=DOORS)
async def door(request: pytest.FixtureRequest, running_app: Site) -> AsyncIterator[Door]:
    """Each of the two ways in."""
    name: DoorName = request.param
    opened = Door(running_app, name)
    yield opened
    await opened.close()
