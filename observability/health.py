"""Readiness: the parts that must work before traffic may come."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from msgspec import Struct

_TIMEOUT_S = 2.0

Check = Callable[[], Awaitable[str | None]]
"""Return what is wrong in a few words, or None."""


class CheckResult(Struct, frozen=True, omit_defaults=True):
    """How one part is. Traffic may come without a part that is not `required`."""

    ok: bool
    problem: str | None = None
    detail: str | None = None
    required: bool = True


Report = Callable[[], CheckResult]
"""Return what is known of a part without asking it."""


class Readiness:
    """Named checks, run together, each under a timeout."""

    def __init__(self) -> None:
        self._checks: dict[str, Check] = {}
        self._reports: dict[str, Report] = {}

    def add(self, name: str, check: Check) -> None:
        """Add a part that must work."""
        self._checks[name] = check

    def add_report(self, name: str, report: Report) -> None:
        """Add a part that is worth showing beside the others, whatever it says."""
        self._reports[name] = report

    async def check(self) -> dict[str, CheckResult]:
        """Run all checks."""
        results = await asyncio.gather(*(self._run(check) for check in self._checks.values()))
        shown = {name: report() for name, report in self._reports.items()}
        return dict(zip(self._checks, results, strict=True)) | shown

    async def _run(self, check: Check) -> CheckResult:
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                problem = await check()
        except TimeoutError:
            problem = "no answer in time"
        except Exception as error:
            problem = type(error).__name__  # the message may name hosts and users
        return CheckResult(ok=problem is None, problem=problem)
