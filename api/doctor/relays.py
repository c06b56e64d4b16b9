"""Checks of the TURN servers, one for each way in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api.doctor.findings import Verdict, failed, ok, skipped

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from api.doctor.deployment import Deployment
    from signaling.turn.urls import Transport

LIMIT_S = 40.0
"""A check takes six steps of five seconds at most."""


def relay(transport: Transport) -> Callable[[Deployment], Awaitable[Verdict]]:
    """Return the check of all addresses with this transport."""

    async def look(deployment: Deployment) -> Verdict:
        """Have data carried from one relay to another."""
        from signaling.turn.probe import TurnProbe  # brings aioice, which takes a while to import

        turn = deployment.settings.signaling.turn
        urls = [url for url in turn.urls if url.transport == transport]
        if not urls:
            return skipped(f"TURN_URLS names no address for {transport}")
        probe = TurnProbe(turn, clock=deployment.clock)
        for url in urls:
            report = await probe.check(url)
            if not report.ok:
                return failed(f"{url.text}: {report.cause}: {report.detail}", str(report.hint))
            deployment.relays.append(url)
        return ok(f"data came through {', '.join(url.text for url in urls)}")

    return look
