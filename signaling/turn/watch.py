"""Keep an eye on the TURN servers: check again and again, remember the last result."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol

from signaling.turn.urls import Transport, TurnUrl

if TYPE_CHECKING:
    from signaling.turn.metrics import TurnMetrics
    from signaling.turn.probe import UrlReport

logger = logging.getLogger(__name__)


class Prober(Protocol):
    """Checks one address."""

    async def check(self, url: TurnUrl) -> UrlReport:
        """Return how it did; never raises for what is wrong with the server."""


class TurnWatch:
    """The state of the TURN servers as last seen."""

    def __init__(self, urls: tuple[TurnUrl, ...], prober: Prober, metrics: TurnMetrics) -> None:
        self._urls = urls
        self._prober = prober
        self._metrics = metrics
        self._reports: dict[str, UrlReport] = {}

    async def check(self) -> None:
        """Check every address, one after the other."""
        for url in self._urls:
            report = await self._prober.check(url)
            self._note(self._reports.get(url.text), report)
            self._reports[url.text] = report
        for transport in dict.fromkeys(url.transport for url in self._urls):
            reports = self._of(transport)
            slowest = max(report.total_ms for report in reports) / 1000
            self._metrics.checked(transport, ok=all(report.ok for report in reports), seconds=slowest)

    def problem(self) -> str | None:
        """Say what was wrong at the last check, per transport and without addresses; None when nothing was."""
        if not self._reports:
            return "not checked yet"
        bad = dict.fromkeys(f"{report.transport}: {report.cause}" for report in self._reports.values() if not report.ok)
        return ", ".join(bad) or None

    def detail(self) -> str | None:
        """Say how long the last check of what works took, per transport."""
        good = [report for report in self._reports.values() if report.ok]
        return ", ".join(f"{report.transport} {report.total_ms:.0f} ms" for report in good) or None

    def _of(self, transport: Transport) -> list[UrlReport]:
        return [self._reports[url.text] for url in self._urls if url.transport == transport]

    def _note(self, before: UrlReport | None, now: UrlReport) -> None:
        """Log what changed, not what stays as it is."""
        extra = {"event": "turn_check", "url": now.url, "cause": now.cause}
        if not now.ok and (before is None or before.cause != now.cause):
            logger.warning("TURN check failed: %s", now.cause, extra={**extra, "detail": now.detail})
        elif now.ok and (before is None or not before.ok):
            logger.info("TURN check succeeded", extra=extra)
