"""Metrics of the bus; `docs/metrics.md` describes each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

SendResult = Literal["ok", "dropped"]
ReceiveResult = Literal["ok", "foreign", "version", "failed"]
AskResult = Literal["ok", "failed", "unanswered"]
_ASK_RESULTS: tuple[AskResult, ...] = ("ok", "failed", "unanswered")
_SEND_RESULTS: tuple[SendResult, ...] = ("ok", "dropped")
_RECEIVE_RESULTS: tuple[ReceiveResult, ...] = ("ok", "foreign", "version", "failed")
_LAG_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class BusMetrics:
    """What goes over the bus. Labels are closed sets: never a subject or a node."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._up = Gauge("chatter_bus_up", "Whether the bus works: 1 or 0.", registry=registry)
        messages = Counter(
            "chatter_bus_messages", "Messages by direction and result.", ["direction", "result"], registry=registry
        )
        self._sent = {result: messages.labels("out", result) for result in _SEND_RESULTS}
        self._received = {result: messages.labels("in", result) for result in _RECEIVE_RESULTS}
        self._lag = Histogram(
            "chatter_bus_lag_seconds",
            "From sending a message to receiving it, by the clocks of the two nodes.",
            buckets=_LAG_BUCKETS,
            registry=registry,
        )
        self._reconnects = Counter("chatter_bus_reconnects", "Connections to the bus made again.", registry=registry)
        self._gaps = Counter("chatter_bus_gaps", "Times that messages of a node were missing.", registry=registry)
        questions = Counter(
            "chatter_bus_questions", "Questions to other nodes by what came of them.", ["result"], registry=registry
        )
        self._asked = {result: questions.labels(result) for result in _ASK_RESULTS}
        self._nodes = Gauge("chatter_bus_nodes", "Other nodes that are heard.", registry=registry)
        carried = Gauge("chatter_bus_links", "Connections carried over the bus.", ["side"], registry=registry)
        self._edges, self._remotes = carried.labels("socket"), carried.labels("room")

    def watch(self, up: Callable[[], bool]) -> None:
        """Read the state of the bus from this at each scrape."""
        self._up.set_function(lambda: float(up()))

    def watch_cluster(self, *, nodes: Callable[[], int], edges: Callable[[], int], remotes: Callable[[], int]) -> None:
        """Read at each scrape: other nodes, connections whose socket is here, connections whose room is here."""
        self._nodes.set_function(nodes)
        self._edges.set_function(edges)
        self._remotes.set_function(remotes)

    def sent(self, result: SendResult) -> None:
        """Count a message of ours."""
        self._sent[result].inc()

    def received(self, result: ReceiveResult) -> None:
        """Count a message to us."""
        self._received[result].inc()

    def lagged(self, seconds: float) -> None:
        """Note how long a message was on its way; clocks that differ may make it negative, which counts as none."""
        self._lag.observe(max(0.0, seconds))

    def asked(self, result: AskResult) -> None:
        """Count a question of ours."""
        self._asked[result].inc()

    def reconnected(self) -> None:
        """Count a connection that was made again."""
        self._reconnects.inc()

    def missed(self) -> None:
        """Count a gap in what a node sent."""
        self._gaps.inc()
