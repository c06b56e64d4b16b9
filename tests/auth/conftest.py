"""Fixtures of the auth tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from api.db import Database
from tests.auth.fakes import Installation


@pytest.fixture
def site(database: Database) -> Iterator[Installation]:
    """An installation on each kind of database."""
    installation = Installation(database)
    yield installation
    installation.close()


@pytest.fixture
def local_site(sqlite_database: Database) -> Iterator[Installation]:
    """An installation on SQLite, for tests that are not about SQL."""
    installation = Installation(sqlite_database)
    yield installation
    installation.close()
