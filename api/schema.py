"""How the schema of a database compares with what this version needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from api.migrate import known_migrations

if TYPE_CHECKING:
    from api.db import Database

_NO_TABLE = "42P01"
"""PostgreSQL's undefined_table; others, such as insufficient_privilege, name the table too."""
_SQLITE_NO_TABLE = "no such table"


class Schema(Struct, frozen=True):
    """The migrations that make the difference, oldest first."""

    behind: tuple[str, ...] = ()
    """Known to this version and not applied."""
    ahead: tuple[str, ...] = ()
    """Applied by a newer version; each leaves room for the version before it."""
    empty: bool = False

    @property
    def problem(self) -> str | None:
        """Say why this version cannot work with it; None when it can."""
        if self.empty:
            return "empty: no migrations were applied"
        return f"behind by {len(self.behind)}: {', '.join(self.behind)}" if self.behind else None


def compare(applied: set[str]) -> Schema:
    """Compare what was applied with what this version ships."""
    known = known_migrations()
    return Schema(
        behind=tuple(migration for migration in known if migration not in applied),
        ahead=tuple(sorted(applied.difference(known))),
    )


async def schema_of(database: Database) -> Schema:
    """Look at the schema of a database. Raises `DatabaseUnavailable`."""
    async with database.read() as db:
        try:
            rows = await db.execute(text("SELECT migration_id FROM _yoyo_migration"))
        except DBAPIError as error:
            if not _is_missing(error):
                raise
            return Schema(empty=True)
        return compare({row.migration_id for row in rows})


def _is_missing(error: DBAPIError) -> bool:
    return getattr(error.orig, "sqlstate", None) == _NO_TABLE or _SQLITE_NO_TABLE in str(error.orig)


async def schema_problem(database: Database) -> str | None:
    """Say how the schema differs from what this version needs, or None. Raises `DatabaseUnavailable`."""
    return (await schema_of(database)).problem
