"""The lag of the event loop, with a clock of the test's own."""

from __future__ import annotations

import asyncio

import pytest
from prometheus_client import CollectorRegistry

from observability.lag import LoopLag
from tests.api.site import Site


class Loop:
    """A clock that moves only while someone sleeps, and always a bit further than asked."""

    def __init__(self, late: list[float]) -> None:
        self.now = 100.0
        self.late = late
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        if not self.late:
            raise asyncio.CancelledError
        self.slept.append(seconds)
        self.now += seconds + self.late.pop(0)


async def test_lateness_is_what_is_observed() -> None:
    registry = CollectorRegistry()
    loop = Loop([0.0, 0.02, 3.0, -0.001])
    with pytest.raises(asyncio.CancelledError):
        await LoopLag(registry, clock=lambda: loop.now, sleep=loop.sleep).run()
    name = "chatter_event_loop_lag_seconds"
    assert registry.get_sample_value(f"{name}_count") == 4
    assert registry.get_sample_value(f"{name}_sum") == pytest.approx(3.02)
    assert registry.get_sample_value(f"{name}_bucket", {"le": "0.001"}) == 2
    assert registry.get_sample_value(f"{name}_bucket", {"le": "0.025"}) == 3
    assert registry.get_sample_value(f"{name}_bucket", {"le": "5.0"}) == 4
    assert min(loop.slept) > 0.1  # no busy loop


async def test_the_application_measures_from_start_to_stop(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("observability.lag._INTERVAL_S", 0.001)
    observed = asyncio.Event()
    monkeypatch.setattr(site.application.lag._histogram, "observe", lambda _: observed.set())
    await site.application.start()
    async with asyncio.timeout(30):
        await observed.wait()
    await site.application.hub.stop()
    await site.application.stop()
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "loop-lag"]
