"""Wiring of the TURN checks that the server makes by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from observability.health import CheckResult, Readiness

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from signaling.turn.settings import TurnSettings
    from signaling.turn.watch import TurnWatch

TURN_CHECK_INTERVAL_S = 600.0
TURN_RETRY_S = 60.0
"""How soon it is checked again while something is wrong, so that what was mended is soon seen to be."""


def create_turn_watch(settings: TurnSettings, registry: CollectorRegistry) -> TurnWatch | None:
    """Put together what watches the TURN servers; None where there are none."""
    if not settings.urls:
        return None
    from signaling.turn.metrics import TurnMetrics
    from signaling.turn.probe import TurnProbe  # brings aioice, which takes a while to import
    from signaling.turn.watch import TurnWatch

    return TurnWatch(settings.urls, TurnProbe(settings), TurnMetrics(registry))


def until_next_turn_check(watch: TurnWatch) -> float:
    """Return after how many seconds the servers are to be checked again."""
    return TURN_CHECK_INTERVAL_S if watch.problem() is None else TURN_RETRY_S


def add_turn_report(readiness: Readiness, watch: TurnWatch | None) -> None:
    """Show the last check beside the parts that must work; without TURN most calls still work."""
    if watch is None:
        return

    def report() -> CheckResult:
        problem = watch.problem()
        return CheckResult(ok=problem is None, problem=problem, detail=watch.detail(), required=False)

    readiness.add_report("turn", report)
