"""Fixtures for every test."""

from tests.databases import (
    database,
    database_url,
    postgres_factory,
    sqlite_database,
    sqlite_factory,
    sqlite_url,
)

__all__ = ["database", "database_url", "postgres_factory", "sqlite_database", "sqlite_factory", "sqlite_url"]
