"""Metrics of the signaling package; `docs/metrics.md` describes each."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Literal, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge

from observability.tally import Census, HotHistogram, Tally
from signaling.core.calls.record import LeaveReason
from signaling.core.kinds import CLIENT_KINDS, RELAYED, SERVER_KINDS
from signaling.core.messages import Role
from signaling.errors import Close, CloseReason, FrameFault

Visitor = Literal["user", "guest", "recorder"]
Resumption = Literal["resumed", "unknown", "state_lost"]
Scope = Literal["local", "bus"]
RoomEnd = Literal["empty", "lost", "ended", "drain"]
RateLimit = Literal["http", "auth", "connections", "entry", "frames"]
"""`http`: requests per address; `auth`: attempts to sign in, register, refresh or change a password; `connections`:
sockets per address; `entry`: passwords and knocks at a room's door; `frames`: what is said on one socket."""

_CLOSE_REASONS: dict[CloseReason, str] = {
    Close.NORMAL: "client",
    Close.RESTART: "drain",
    Close.INTERNAL: "error",
    Close.BAD_UTF8: "protocol",
    Close.TOO_BIG: "protocol",
    Close.BAD_FRAMING: "protocol",
    Close.BAD_PROTOCOL: "protocol",
    Close.PING_TIMEOUT: "ping_timeout",
    Close.SLOW_CONSUMER: "slow_consumer",
    Close.RATE_LIMITED: "rate_limited",
    Close.REPLACED: "replaced",
    Close.CREDENTIALS_EXPIRED: "signed_out",
    Close.SIGNED_OUT: "signed_out",
    Close.KICKED: "kicked",
    Close.BANNED: "kicked",
    Close.ENDED: "ended",
    Close.ROOM_CLOSED: "ended",
}
_REFUSED = "refused"
"""Every other reason keeps someone out; `chatter_ws_handshakes_total` says which."""
_ABNORMAL = "abnormal"
_PEER_CLOSES = {1000: "client", 1001: "going_away", 1005: "client", 4100: "abandoned"}
"""Codes of the peer (RFC 6455 §7.4.1); with 4100 our web client gives a connection up and resumes over another."""
_PEER_CLOSES |= dict.fromkeys((1002, 1003, 1007, 1008, 1009, 1010), "protocol")
_HANDSHAKE_RESULTS = frozenset({"accepted", "waiting", "bad_origin", "draining"}) | {
    reason.name for reason in vars(Close).values() if isinstance(reason, CloseReason)
}
_ROOM_ENDS: dict[LeaveReason, RoomEnd] = {"lost": "lost", "ended": "ended", "server": "drain"}

_RELAYS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1)
_ROUND_TRIPS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_SESSIONS = (1, 5, 15, 60, 300, 900, 1800, 3600, 7200, 14400, 28800)
_QUEUES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


class SignalingMetrics:
    """What happens to connections and rooms, counted. Labels are closed sets: never a room, member or address.

    `timer`: seconds that only grow, for durations.
    """

    def __init__(self, registry: CollectorRegistry, timer: Callable[[], float] = time.perf_counter) -> None:
        self.timer = timer
        self._of_connections(registry)
        self._of_frames(registry)
        self._of_rooms(registry)

    def _of_connections(self, registry: CollectorRegistry) -> None:
        self._connections = Census(
            "chatter_ws_connections", "Open signaling connections.", "kind", get_args(Visitor), registry=registry
        )
        self._handshakes = Counter(
            "chatter_ws_handshakes", "Connections by how their entry ended.", ["result"], registry=registry
        )
        for result in sorted(_HANDSHAKE_RESULTS):  # from 0 on: the first refusals after a start count too
            self._handshakes.labels(result)
        reasons = {*_CLOSE_REASONS.values(), *_PEER_CLOSES.values(), _REFUSED, _ABNORMAL}
        self._closes = _tally(registry, "chatter_ws_closes", "Connections that ended, by reason.", "reason", reasons)
        self._durations = HotHistogram(
            "chatter_ws_session_duration_seconds",
            "How long connections carried a member.",
            buckets=_SESSIONS,
            registry=registry,
        ).labels()
        self._round_trips = HotHistogram(
            "chatter_ws_ping_rtt_seconds",
            "From a ping to the next pong of its connection.",
            buckets=_ROUND_TRIPS,
            registry=registry,
        ).labels()
        self._lost = Gauge("chatter_sessions_lost", "Members whose connection broke, may resume.", registry=registry)
        self._resumes = _tally(
            registry, "chatter_ws_resumes", "Attempts to go on with a session.", "result", get_args(Resumption)
        )
        self._limited = _tally(
            registry, "chatter_rate_limited", "What was refused for being too much.", "scope", get_args(RateLimit)
        )
        self._turn_credentials = Tally(
            "chatter_turn_credentials_issued", "TURN credentials that were handed out.", registry=registry
        ).labels()

    def _of_frames(self, registry: CollectorRegistry) -> None:
        series = [*(("in", kind) for kind in sorted(CLIENT_KINDS)), *(("out", kind) for kind in sorted(SERVER_KINDS))]
        frames = Tally("chatter_ws_messages", "Frames by kind.", ["direction", "type"], series, registry=registry)
        self._received = {kind: frames.labels("in", kind) for kind in CLIENT_KINDS}
        self._sent = {kind: frames.labels("out", kind) for kind in SERVER_KINDS}
        size = Tally(
            "chatter_ws_message_bytes", "Bytes of frames.", ["direction"], [("in",), ("out",)], registry=registry
        )
        self._received_bytes, self._sent_bytes = size.labels("in"), size.labels("out")
        codes = [fault.code for fault in FrameFault]
        self._rejects = _tally(registry, "chatter_ws_message_rejects", "Frames that were refused.", "reason", codes)
        self._queues = HotHistogram(
            "chatter_ws_send_queue_depth",
            "Frames that wait for a connection when one more has to.",
            buckets=_QUEUES,
            registry=registry,
        ).labels()
        self._drops = _tally(
            registry, "chatter_ws_send_queue_drops", "Frames that found a send queue full.", "type", SERVER_KINDS
        )
        relays = HotHistogram(
            "chatter_relay_duration_seconds",
            "From reading a frame to handing it to the writer of its receiver's connection.",
            ["type", "scope"],
            [(kind, scope) for kind in sorted(RELAYED) for scope in get_args(Scope)],
            buckets=_RELAYS,
            registry=registry,
        )
        self._relays = {kind: relays.labels(kind, "local") for kind in RELAYED}
        self._bus_relays = {kind: relays.labels(kind, "bus") for kind in RELAYED}
        self._relay_failures = _tally(
            registry, "chatter_relay_failures", "Frames not relayed.", "reason", ("no_peer", "queue_full")
        )

    def _of_rooms(self, registry: CollectorRegistry) -> None:
        self._rooms = Gauge("chatter_rooms", "Rooms with someone in them.", registry=registry)
        self._participants = Census(
            "chatter_participants", "Members in all rooms.", "kind", get_args(Visitor), registry=registry
        )
        self._rooms_created = Tally("chatter_rooms_created", "Rooms that someone came into first.", registry=registry)
        self._rooms_closed = _tally(
            registry, "chatter_rooms_closed", "Rooms that the last one left.", "reason", get_args(RoomEnd)
        )
        self._joins = _tally(registry, "chatter_joins", "Members that came into a room.", "role", get_args(Role))
        self._leaves = _tally(
            registry, "chatter_leaves", "Members that left a room, by reason.", "reason", get_args(LeaveReason)
        )
        self._moderation = Counter(
            "chatter_moderation_actions", "What moderators and owners did.", ["action"], registry=registry
        )

    def watch(
        self,
        *,
        rooms: Callable[[], float],
        links: Callable[[], Mapping[str, int]],
        members: Callable[[], Mapping[str, int]],
        lost: Callable[[], float],
    ) -> None:
        """Read the gauges from these at each scrape; `links` and `members` count by `Visitor`."""
        self._rooms.set_function(rooms)
        self._connections.watch(links)
        self._participants.watch(members)
        self._lost.set_function(lost)

    # --- connections

    def handshake(self, result: str) -> None:
        """Count a connection attempt by its result, of which too many from one place are one."""
        self._handshakes.labels(result if result in _HANDSHAKE_RESULTS else "other").inc()
        if result == Close.RATE_LIMITED.name:
            self.rate_limited("entry")

    def closed(self, reason: CloseReason) -> None:
        """Count a connection that this server closed."""
        self._closes.labels(_CLOSE_REASONS.get(reason, _REFUSED)).value += 1

    def parted(self, code: int) -> None:
        """Count a connection that the peer closed with this code, or that broke."""
        self._closes.labels(_PEER_CLOSES.get(code, _ABNORMAL)).value += 1

    def carried(self, seconds: float) -> None:
        """Note how long a connection carried a member that is gone now."""
        self._durations.observe(seconds)

    def ponged(self, seconds: float) -> None:
        """Note how long a pong took."""
        self._round_trips.observe(seconds)

    def resumed(self, result: Resumption) -> None:
        """Count an attempt to go on with a session."""
        self._resumes.labels(result).value += 1

    def rate_limited(self, scope: RateLimit) -> None:
        """Count something that was refused for being too much."""
        self._limited.labels(scope).value += 1

    def turn_credential_issued(self) -> None:
        """Count a TURN credential."""
        self._turn_credentials.value += 1

    # --- frames: called for each, so what they change was looked up before

    def received(self, kind: str, text: str, fault: FrameFault | None = None) -> None:
        """Count a frame of a client, and that it was refused where it has a fault."""
        self._received[kind].value += 1
        self._received_bytes.value += len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
        if fault is not None:
            self.rejected(kind, fault)

    def relayed(self, kind: str, started: float, trace_id: str | None, now: float, *, over_bus: bool) -> None:
        """Note that a frame was relayed that was read at `started` (of `timer`), in a trace if that is kept.

        `over_bus`: the socket of its sender or of its receiver is at another node.
        """
        seconds = self.timer() - started
        relays = self._bus_relays if over_bus else self._relays
        if trace_id is None:
            relays[kind].observe(seconds)
        else:
            relays[kind].observe_traced(seconds, trace_id, now)

    def sent(self, kind: str, size: int) -> None:
        """Count a frame of this many bytes that goes to a client."""
        self._sent[kind].value += 1
        self._sent_bytes.value += size

    def queued(self, frames: int) -> None:
        """Note that a frame has to wait and how many do now."""
        self._queues.observe(frames)

    def overflowed(self, kind: str) -> None:
        """Count a frame that found the send queue of its receiver full."""
        self._drops.labels(kind).value += 1
        if kind in RELAYED:
            self._relay_failures.labels("queue_full").value += 1

    def rejected(self, kind: str, fault: FrameFault) -> None:
        """Count a frame of a client that was refused."""
        self._rejects.labels(fault.code).value += 1
        if fault is FrameFault.RATE_LIMITED:
            self.rate_limited("frames")
        elif fault is FrameFault.UNKNOWN_PEER and kind in RELAYED:
            self._relay_failures.labels("no_peer").value += 1

    # --- rooms

    def room_opened(self) -> None:
        """Count a room that someone came into first."""
        self._rooms_created.labels().value += 1

    def room_closed(self, reason: LeaveReason) -> None:
        """Count a room that is empty, by why the last one left."""
        self._rooms_closed.labels(_ROOM_ENDS.get(reason, "empty")).value += 1

    def joined(self, role: Role) -> None:
        """Count a join."""
        self._joins.labels(role).value += 1

    def left(self, reason: LeaveReason) -> None:
        """Count a leave."""
        self._leaves.labels(reason).value += 1

    def moderated(self, action: str) -> None:
        """Count what a moderator or owner did; `action` is one of `core.moderation.Action`."""
        self._moderation.labels(action).inc()


def _tally(registry: CollectorRegistry, name: str, documentation: str, label: str, values: Iterable[str]) -> Tally:
    return Tally(name, documentation, [label], [(value,) for value in sorted(values)], registry=registry)
