"""Readiness: checks that pass, fail, hang."""

from __future__ import annotations

import asyncio

import pytest

from observability.health import CheckResult, Readiness


async def well() -> str | None:
    return None


async def ill() -> str | None:
    return "behind by 2"


async def crash() -> str | None:
    raise ConnectionError("postgresql://user:hush@db")


async def test_each_check_has_its_result() -> None:
    readiness = Readiness()
    for name, check in (("a", well), ("b", ill), ("c", crash)):
        readiness.add(name, check)
    assert await readiness.check() == {
        "a": CheckResult(ok=True),
        "b": CheckResult(ok=False, problem="behind by 2"),
        "c": CheckResult(ok=False, problem="ConnectionError"),
    }


async def test_a_check_that_hangs_is_cut_and_does_not_hold_up_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("observability.health._TIMEOUT_S", 0.01)
    cut = asyncio.Event()

    async def hang() -> str | None:
        try:
            await asyncio.Event().wait()
        finally:
            cut.set()
        return None

    readiness = Readiness()
    readiness.add("hangs", hang)
    readiness.add("well", well)
    async with asyncio.timeout(5):
        results = await readiness.check()
    assert results == {"hangs": CheckResult(ok=False, problem="no answer in time"), "well": CheckResult(ok=True)}
    assert cut.is_set()


async def test_checks_run_together() -> None:
    inside = asyncio.Barrier(2)

    async def meet() -> str | None:
        await inside.wait()
        return None

    readiness = Readiness()
    readiness.add("a", meet)
    readiness.add("b", meet)
    assert all(result.ok for result in (await readiness.check()).values())


async def test_without_checks_all_is_well() -> None:
    assert await Readiness().check() == {}


async def test_what_is_only_worth_showing_stands_beside_the_checks() -> None:
    readiness = Readiness()
    readiness.add("a", well)
    shown = CheckResult(ok=False, problem="udp: quota", detail="tls 12 ms", required=False)
    readiness.add_report("turn", lambda: shown)
    assert await readiness.check() == {"a": CheckResult(ok=True), "turn": shown}
