"""What came of a load test, for people and for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from msgspec import Struct

from api.load.plan import Plan

_HINTS = {
    "4003": "The server takes 200 connections from one address, times LIMITS_SCALE.",
    "4504": "Somebody else was in a room of the test.",
    "HTTP 403": "The server does not take connections from this origin: --url is not its BASE_URL.",
    "HTTP 404": "The proxy does not pass /ws/ on to the gateway.",
    "HTTP 429": "nginx as shipped takes 5 connections a second and 100 at once from one address; see --join-rate.",
    "HTTP 502": "The proxy cannot reach the gateway.",
    "rate_limited": "A member may send 20 candidates and 2 chat messages a second, times LIMITS_SCALE.",
}
_LAGGING_MS = 50.0


class Distribution(Struct, frozen=True):
    """Times in milliseconds."""

    count: int
    p50: float
    p95: float
    p99: float
    max: float


class Report(Struct, frozen=True, rename="camel"):
    """A load test that has ended. `seconds`: how long the traffic went on. `lag`: how late this program itself was."""

    url: str
    started_at: int
    plan: Plan
    seconds: float
    joins: Distribution
    refused: dict[str, int]
    relayed: dict[str, Distribution]
    sent: int
    delivered: int
    lost: int
    unexpected: int
    errors: dict[str, int]
    closed: dict[str, int]
    lag: Distribution
    rooms_left: list[str]
    stopped_early: bool = False

    @property
    def ok(self) -> bool:
        """Whether everyone came in and stayed, and every frame arrived once."""
        return not (self.refused or self.errors or self.closed or self.lost or self.unexpected or self.rooms_left)


def distribution(seconds: Iterable[float]) -> Distribution:
    """Sum times up, which are given in seconds."""
    ordered = sorted(seconds)
    p50, p95, p99 = (percentile(ordered, percent) * 1000 for percent in (50, 95, 99))
    return Distribution(len(ordered), p50, p95, p99, ordered[-1] * 1000 if ordered else 0.0)


def percentile(ordered: list[float], percent: int) -> float:
    """Return a value that so many per cent are below of; 0 for none."""
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] if ordered else 0.0


def render(report: Report) -> str:
    """Return the report as a page of text."""
    verdict = "all well" if report.ok else "NOT ALL WELL"
    lines = [
        f"{report.url}: {verdict}{', stopped early' if report.stopped_early else ''}",
        "",
        f"{'ms':<12}{'count':>9}{'p50':>9}{'p95':>9}{'p99':>9}{'max':>9}",
        _row("join", report.joins),
        *(_row(kind, times) for kind, times in report.relayed.items()),
        "",
        f"{report.sent:,} frames sent and {report.delivered:,} delivered in {report.seconds:.1f} s, "
        f"{report.delivered / max(report.seconds, 0.001):,.0f} a second; "
        f"{report.lost:,} lost, {report.unexpected:,} not expected",
        *_counted("not let in", report.refused),
        *_counted("closed", report.closed),
        *_counted("errors", report.errors),
    ]
    if report.lag.p99 > _LAGGING_MS:
        lines.append(f"This machine was {report.lag.p99:.0f} ms late (p99): the times above are partly its own.")
    if report.rooms_left:
        lines.append(f"Rooms that could not be deleted: {', '.join(report.rooms_left)}")
    return "\n".join(lines)


def counts(causes: Iterable[str]) -> dict[str, int]:
    """Count causes, the most frequent first."""
    return dict(Counter(causes).most_common())


def _row(name: str, times: Distribution) -> str:
    cells = (times.p50, times.p95, times.p99, times.max)
    return f"{name:<12}{times.count:>9,}" + "".join(f"{cell:>9,.1f}" for cell in cells)


def _counted(title: str, causes: dict[str, int]) -> list[str]:
    lines = [f"{title}: {', '.join(f'{count:,} × {cause}' for cause, count in causes.items())}"] if causes else []
    hints = (_HINTS.get(cause) or _HINTS.get(cause.split()[0]) for cause in causes)
    return lines + [f"  {hint}" for hint in hints if hint]
