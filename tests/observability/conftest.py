"""Fixtures of the observability tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from sqlalchemy.engine import URL

from tests.api.site import Site, open_site, settings_for


@pytest_asyncio.fixture
async def site(sqlite_url: URL, tmp_path: Path) -> AsyncIterator[Site]:
    """A whole application, observed from outside."""
    async with open_site(settings_for(sqlite_url, tmp_path)) as opened:
        yield opened
