"""Fixtures of the API tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest_asyncio
from sqlalchemy.engine import URL

from api.application import Application
from tests.api.site import Site, open_site, settings_for


@pytest_asyncio.fixture
async def site(sqlite_url: URL, tmp_path: Path) -> AsyncIterator[Site]:
    """An application on an empty SQLite database, for tests that are not about SQL."""
    async with open_site(settings_for(sqlite_url, tmp_path)) as opened:
        yield opened


@pytest_asyncio.fixture
async def either_site(database_url: URL, tmp_path: Path) -> AsyncIterator[Site]:
    """An application on each kind of database."""
    async with open_site(settings_for(database_url, tmp_path)) as opened:
        yield opened


@pytest_asyncio.fixture
async def application(site: Site) -> Application:
    """The application of `site`."""
    return site.application


@pytest_asyncio.fixture
async def client(site: Site) -> httpx2.AsyncClient:
    """A client that goes through every layer of the application."""
    return site.client


@pytest_asyncio.fixture
async def signed_in(site: Site) -> dict[str, str]:
    """The headers of a signed-in user, `alice`."""
    return await site.sign_up()
