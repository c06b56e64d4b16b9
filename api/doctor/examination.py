"""Run checks in order: what depends on one that failed is skipped by name, what hangs is given up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from api.doctor.findings import Fault, Finding, Verdict, failed, one_line, skipped

D = TypeVar("D")
_LIMIT_S = 15.0


@dataclass(frozen=True, slots=True)
class Check(Generic[D]):
    """One thing to look at. `needs` names the checks without which it makes no sense."""

    name: str
    look: Callable[[D], Awaitable[Verdict]]
    needs: tuple[str, ...] = ()
    limit_s: float = _LIMIT_S
    """After so many seconds it is given up."""


async def examine(
    subject: D, checks: Sequence[Check[D]], begun: Callable[[str], None], done: Callable[[Finding], None]
) -> tuple[Finding, ...]:
    """Run the checks one after the other; `begun` and `done` hear of each."""
    findings: dict[str, Finding] = {}
    blame: dict[str, str] = {}  # what is missing, and which failure that comes from
    for check in checks:
        begun(check.name)
        started = time.perf_counter()
        # What another skipped by itself, as not needed here, stops nobody.
        root = next((blame[name] for name in check.needs if name in blame), None)
        verdict = await _look(check, subject) if root is None else skipped(f"needs {root}, which failed")
        if root is not None or verdict.status == "failed":
            blame[check.name] = root or check.name
        findings[check.name] = _finding(check.name, verdict, time.perf_counter() - started)
        done(findings[check.name])
    return tuple(findings.values())


def _finding(name: str, verdict: Verdict, seconds: float) -> Finding:
    fix = None if verdict.fix is None else one_line(verdict.fix)
    return Finding(name, verdict.status, one_line(verdict.finding), fix, round(seconds * 1000))


async def _look(check: Check[D], subject: D) -> Verdict:
    try:
        async with asyncio.timeout(check.limit_s):
            return await check.look(subject)
    except Fault as fault:
        return failed(fault.cause, fault.fix)
    except TimeoutError:
        return failed(
            f"no end after {check.limit_s:g} s",
            "Something takes requests and does not answer them: look at its load and its log.",
        )
    except Exception as error:  # one broken check must not hide what the others find
        return failed(f"{type(error).__name__}: {error}", "This is a fault of chatter doctor itself; please report it.")
