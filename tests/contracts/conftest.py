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

from api.settings import Settings
from tests.contracts.several import bus, owner, postgres, three
from tests.contracts.site import DOORS, Door, DoorName, Site, running_neighbours, running_site, site_settings

__all__ = ["bus", "owner", "postgres", "three"]


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run on the event loop that production runs on."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture
def signaling_overrides() -> dict[str, object]:
    """What a test wants otherwise in the signaling settings; parametrize it."""
    return {}


@pytest.fixture
def app_settings(tmp_path: Path, sqlite_url: URL, signaling_overrides: dict[str, object]) -> Settings:
    """The settings of an application on SQLite."""
    overrides = {"close_timeout": timedelta(milliseconds=300)} | signaling_overrides
    return site_settings(tmp_path, sqlite_url, **overrides)


@pytest_asyncio.fixture
async def running_app(app_settings: Settings) -> AsyncIterator[Site]:
    """The application, with both ports open."""
    async with running_site(app_settings) as site:
        yield site


@pytest_asyncio.fixture(params=[*DOORS, "edge"])
async def door(request: pytest.FixtureRequest, app_settings: Settings) -> AsyncIterator[Door]:
    """Each of the ways in: the two doors of one node, and the gateway of another one."""
    name: DoorName = request.param
    async with (running_neighbours if name == "edge" else running_site)(app_settings) as site:
        opened = Door(site, name)
        yield opened
        await opened.close()
