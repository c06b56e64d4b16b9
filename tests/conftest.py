"""Fixtures for every test, and the rule that CI skips nothing."""

from __future__ import annotations

import os

import pytest

from tests.buses import nats, redis
from tests.coturn import coturn, start_coturn, turn_ca, turnserver
from tests.databases import (
    database,
    database_url,
    postgres_factory,
    sqlite_database,
    sqlite_factory,
    sqlite_url,
)

__all__ = [
    "coturn",
    "database",
    "database_url",
    "nats",
    "postgres_factory",
    "redis",
    "sqlite_database",
    "sqlite_factory",
    "sqlite_url",
    "start_coturn",
    "turn_ca",
    "turnserver",
]
_NEED_A_SERVER = {"nats", "postgres_factory", "redis", "turnserver"}


@pytest.hookimpl(tryfirst=True)  # before -m chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a server of its own as an integration test."""
    for item in items:
        parameters = getattr(getattr(item, "callspec", None), "params", {})
        if "postgresql" in parameters.values() or _NEED_A_SERVER & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.integration)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail where CI skipped something: there, everything that tests need is to be had."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = len(reporter.stats.get("skipped", ())) if reporter is not None else 0
    if os.environ.get("CI") and skipped:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        if reporter is not None:
            reporter.write_line(f"{skipped} skipped, which CI does not allow", red=True)
