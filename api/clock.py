"""Whether this machine's clock and the database's agree."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from sqlalchemy import text

from observability.health import CheckResult

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from api.db import Database
    from observability.health import Readiness

logger = logging.getLogger(__name__)

SLIGHT_S = 5.0
"""Nodes must agree to within a few seconds."""
CLOCK_CHECK_INTERVAL_S = 60.0
_HOW = "set both by NTP, as with chrony; chatter doctor compares further clocks"


async def now_there(connection: AsyncConnection) -> float:
    """Return what time it is at PostgreSQL, in seconds since 1970 UTC."""
    return float((await connection.execute(text("SELECT extract(epoch FROM clock_timestamp())"))).scalar_one())


class ClockWatch:
    """Compare the clocks now and then; log when they part and when they meet. `clock` gives seconds since 1970 UTC.

    Times that nodes write are read by others, and tokens and credentials end by the clock.
    """

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock
        self._offset = 0.0

    async def check(self) -> None:
        """Compare them. Raises `DatabaseUnavailable`."""
        async with self._database.read() as connection:
            asked = self._clock()
            there = await now_there(connection)
            offset = (asked + self._clock()) / 2 - there  # a slow answer is no clock that is off
        if _apart(offset) and not _apart(self._offset):
            logger.warning("%s: %s", _said(offset), _HOW, extra={"event": "clock_apart", "offset_s": round(offset, 1)})
        elif _apart(self._offset) and not _apart(offset):
            logger.info("the clocks agree again", extra={"event": "clock_agrees"})
        self._offset = offset

    def report(self) -> CheckResult:
        """Say how it was the last time; calls go on whatever it is."""
        problem = _said(self._offset) if _apart(self._offset) else None
        return CheckResult(ok=problem is None, problem=problem, required=False)


def watch_clock(database: Database, readiness: Readiness, clock: Callable[[], float]) -> ClockWatch | None:
    """Put together what watches the clock; None for an embedded database, which has none of its own."""
    if database.dialect == "sqlite":
        return None
    watch = ClockWatch(database, clock)
    readiness.add_report("clock", watch.report)
    return watch


def _apart(offset: float) -> bool:
    return abs(offset) >= SLIGHT_S


def _said(offset: float) -> str:
    direction = "ahead of" if offset > 0 else "behind"
    return f"the clock of this machine is {abs(offset):,.0f} s {direction} the database's"
