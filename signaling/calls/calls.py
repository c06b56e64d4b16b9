"""All calls of this node: where they begin, and to whom they are handed at their end."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol

from observability.calls import CallTrace, CallTracer
from signaling.calls.live import FrozenCall, LiveCall
from signaling.core.calls.record import CallRecord
from signaling.core.calls.timeline import Timeline

if TYPE_CHECKING:
    from signaling.calls.arrival import Arrival
    from signaling.calls.metrics import CallMetrics
    from signaling.errors import CloseReason

logger = logging.getLogger(__name__)


class Keeper(Protocol):
    """Writes the records of calls. Neither blocks."""

    def begin(self, timeline: Timeline, stamp: int = 0) -> None:
        """Take in a call that begins, or goes on here after it was written with this `updated_at`."""

    def newest(self, timeline: Timeline) -> int:
        """Return when a call that runs was written last, as its `updated_at` says."""

    def release(self, timeline: Timeline) -> None:
        """Let go of a call that goes on at another node."""

    def ended(self, timeline: Timeline) -> None:
        """Write the end of a call soon."""


class Calls:
    """Begin calls, and know which of them run.

    `node` names this server in records; `turn` and `stun` say whether it hands out such servers.
    """

    def __init__(
        self,
        metrics: CallMetrics,
        tracer: CallTracer | None = None,
        keeper: Keeper | None = None,
        *,
        node: str = "",
        turn: bool = False,
        stun: bool = False,
    ) -> None:
        self.metrics = metrics
        self._tracer = tracer or CallTracer()
        self._keeper = keeper
        self._node = node
        self._turn = turn
        self._stun = stun
        self._running: set[LiveCall] = set()
        metrics.watch(lambda: sum(call.has_company for call in self._running))

    def begin(self, room_id: str, now: float) -> LiveCall:
        """Begin a call: someone comes into an empty room."""
        started_at = int(now * 1000)
        trace = self._trace(room_id, started_at)
        record = CallRecord(
            id=trace.id,
            room=room_id,
            node=self._node,
            started_at=started_at,
            traced=trace.sampled,
            turn=self._turn,
            stun=self._stun,
        )
        call = LiveCall(self, Timeline(record), trace)
        call.started()
        return call

    def refused(self, room_id: str, arrival: Arrival, reason: CloseReason, now: float, call: LiveCall | None) -> None:
        """Note that someone was kept out of a room, where a call may be running."""
        try:
            links = arrival.links if call is None or call.trace.root is None else (*arrival.links, call.trace.root)
            attributes = {"chatter.room.id": room_id, "chatter.node": self._node, "chatter.join.via": arrival.via}
            name = "resume" if arrival.resumes else "join"
            self._tracer.alone(
                name,
                arrival.accepted_at * 1000,
                now * 1000,
                attributes,
                error=reason.name,
                links=links,
                work=arrival.work,
            )
        except Exception:
            logger.exception("a refusal could not be traced", extra={"event": "call_watch_failed"})
        if call is not None and not arrival.resumes:
            call.refused(reason.name, now)

    def thaw(self, frozen: FrozenCall) -> LiveCall:
        """Return a call of another node as it was there; it goes on when it is told that it is `here`."""
        record = frozen.timeline.record
        record.node = self._node
        trace = (self._tracer or CallTracer()).go_on(record.id, frozen.traceparent)
        return LiveCall.thaw(self, frozen, trace)

    # --- for the calls

    def took_in(self, call: LiveCall, timeline: Timeline, stamp: int = 0) -> None:
        """Know a call that began, or came from another node, where it was written with this `updated_at`."""
        self._running.add(call)
        if self._keeper is not None:
            self._keeper.begin(timeline, stamp)

    def written_at(self, timeline: Timeline) -> int:
        """Return the `updated_at` of the newest copy of a call, 0 where there is none."""
        return 0 if self._keeper is None else self._keeper.newest(timeline)

    def release(self, call: LiveCall, timeline: Timeline) -> None:
        """Forget a call that goes on at another node."""
        self._running.discard(call)
        if self._keeper is not None:
            self._keeper.release(timeline)

    def let_go(self, call: LiveCall, timeline: Timeline) -> None:
        """Hand over a call that ended."""
        self._running.discard(call)
        if self._keeper is not None:
            self._keeper.ended(timeline)

    # --- inside

    def _trace(self, room_id: str, started_at: int) -> CallTrace:
        try:
            return self._tracer.begin(started_at, {"chatter.room.id": room_id, "chatter.node": self._node})
        except Exception:
            logger.exception("a trace could not begin", extra={"event": "call_watch_failed"})
            return CallTrace.untraced()
