"""Readiness: the parts that must work before traffic may come."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from msgspec import Struct

_TIMEOUT_S = 2.0

Check = Callable[[], Awaitable[str | None]]
"""Return what is wrong in a few words, or None."""


class CheckResult(Struct, frozen=True, omit_defaults=True):
    """How one part is."""

    ok: bool
    problem: str | None = None


class Readiness:
    """Named checks, run together, each under a timeout."""

    def __init__(self) -> None:
        self._checks: dict[str, Check] = {}

    def add(self, name: str, check: Check) -> None:
        """Add a part that must work."""
        self._checks[name] = check

    async def check(self) -> dict[str, CheckResult]:
        """Run all checks."""
        results = await asyncio.gather(*(self._run(check) for check in self._checks.values()))
        return dict(zip(self._checks, results, strict=True))

    async def _run(self, check: Check) -> CheckResult:
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                problem = await check()
        except TimeoutError:
            problem = "no answer in time"
        except Exception as error:
            problem = type(error).__name__  # the message may name hosts and users
        return CheckResult(ok=problem is None, problem=problem)
