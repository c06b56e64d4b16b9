"""Parcels between nodes: several in one message, numbered, so that a node knows when it missed any.

A bus may lose messages. Each message to a node therefore carries a number that grows by one; a gap is told to whoever
listens, who then gives up what can no longer be whole (a session goes on with what its client and its owner kept).
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

import msgspec
from msgspec import Struct

from signaling.bus.ports import MAX_MESSAGE_BYTES

if TYPE_CHECKING:
    from collections.abc import Collection

    from signaling.bus.metrics import BusMetrics
    from signaling.bus.ports import Bus
    from signaling.ports import Clock

logger = logging.getLogger(__name__)

PROTOCOL = 1
"""What nodes must have in common; another number is refused by name."""
_MAGIC = "chatter"
_EVERYONE = "chatter.all"
_MAX_BATCH_BYTES = MAX_MESSAGE_BYTES // 2
"""From here on a batch is sent; the parcel that goes beyond it, and the envelope, take less than the other half."""
_MAX_STRANGERS = 64
_NOT_OURS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding raises for a message of somebody else; the last where it is nested deeply."""

Parcel = TypeVar("Parcel", bound=Struct)
_Taken = TypeVar("_Taken", bound=Struct, contravariant=True)


class Sender(Struct, frozen=True):
    """A node in one of its lives: a restart has the same name and another `incarnation`."""

    node: str
    incarnation: str


class _Header(Struct, frozen=True, array_like=True):
    """What an envelope begins with in every version of the protocol."""

    magic: str
    protocol: int
    node: str


class _Envelope(Struct, frozen=True, array_like=True):
    magic: str
    protocol: int
    node: str
    incarnation: str
    first: int
    """The number with which the sender began to write to this node."""
    number: int
    sent_at: float
    parcels: list[msgspec.Raw]


class _Stream:
    """What goes to one node, from number `first` on."""

    __slots__ = ("batch", "first", "last", "size", "subject")

    def __init__(self, to: Sender, first: int) -> None:
        self.subject = _subject_of(to)
        self.first = first
        self.last = first - 1
        self.batch: list[bytes] = []
        self.size = 0


class Listener(Protocol[_Taken]):
    """Takes what comes. No call may block; an exception is contained, and the sender's stream counts as broken."""

    def arrived(self, sender: Sender, parcel: _Taken) -> None:
        """Take one parcel."""

    def missed(self, sender: Sender) -> None:
        """Parcels of this node were lost, or not understood."""

    def clashed(self, sender: Sender) -> None:
        """Another process speaks under our own name."""


class Courier(Generic[Parcel]):
    """Send parcels to nodes and hand over what they send. `kind` is the union of the parcel types."""

    def __init__(
        self, bus: Bus, me: Sender, kind: type[Parcel], listener: Listener[Parcel], metrics: BusMetrics, clock: Clock
    ) -> None:
        self.me = me
        self._bus = bus
        self._encoder = msgspec.msgpack.Encoder()
        self._envelopes = msgspec.msgpack.Decoder(_Envelope)
        self._headers = msgspec.msgpack.Decoder(_Header)
        self._parcels = msgspec.msgpack.Decoder(kind)
        self._listener = listener
        self._metrics = metrics
        self._clock = clock
        self._streams: dict[Sender, _Stream] = {}
        self._waiting: list[_Stream] = []
        self._highest = 0
        self._received: dict[Sender, int] = {}
        self._echoed = clock()
        self._echo_lag = 0.0
        self._strangers: set[str] = set()
        self._flush: asyncio.Handle | None = None

    async def start(self) -> None:
        """Begin to listen. The bus is started before."""
        await self._bus.subscribe(_subject_of(self.me), self._take_numbered)
        await self._bus.subscribe(_EVERYONE, self._take_announcement)
        self._echoed = self._clock()

    def send(self, to: Sender, parcel: Parcel) -> None:
        """Send a parcel to a node, together with others of this turn of the event loop."""
        stream = self._streams.get(to) or self._begin(to)
        encoded = self._encoder.encode(parcel)
        if not stream.batch:
            self._waiting.append(stream)
        stream.batch.append(encoded)
        stream.size += len(encoded)
        if stream.size >= _MAX_BATCH_BYTES:
            self._send_batch(stream)
        elif self._flush is None:
            self._flush = asyncio.get_running_loop().call_soon(self.flush)

    def announce(self, parcel: Parcel) -> None:
        """Send a parcel to all nodes; a lost one is not noticed."""
        self._publish(_EVERYONE, 0, 0, [self._encoder.encode(parcel)])

    @property
    def echo_age_s(self) -> float:
        """How long ago the newest announcement was sent that has come back to this node."""
        return self._clock() - self._echoed

    @property
    def echo_lag_s(self) -> float:
        """How long the newest announcement that has come back to this node was on its way."""
        return self._echo_lag

    def flush(self) -> None:
        """Send what was collected."""
        if self._flush is not None:
            self._flush.cancel()
            self._flush = None
        waiting, self._waiting = self._waiting, []
        for stream in waiting:
            if stream.batch:
                self._send_batch(stream)

    @property
    def correspondents(self) -> Collection[Sender]:
        """The nodes that something was sent to, up to where each was forgotten."""
        return tuple(self._streams)

    def forget(self, sender: Sender) -> None:
        """Drop what is known of a node that is gone. If it is not, both sides will see a gap."""
        self._received.pop(sender, None)
        stream = self._streams.pop(sender, None)
        if stream is not None:
            self._highest = max(self._highest, stream.last)

    # --- inside

    def _begin(self, to: Sender) -> _Stream:
        # Never below a number that this node may have seen: it would pass for one that came twice.
        stream = self._streams[to] = _Stream(to, self._highest + 1)
        return stream

    def _send_batch(self, stream: _Stream) -> None:
        parcels, stream.batch, stream.size = stream.batch, [], 0
        stream.last += 1
        self._publish(stream.subject, stream.first, stream.last, parcels)

    def _publish(self, subject: str, first: int, number: int, parcels: list[bytes]) -> None:
        raw = [msgspec.Raw(parcel) for parcel in parcels]
        me = self.me
        envelope = _Envelope(_MAGIC, PROTOCOL, me.node, me.incarnation, first, number, self._clock(), raw)
        self._metrics.sent("ok" if self._bus.publish(subject, self._encoder.encode(envelope)) else "dropped")

    def _take_numbered(self, message: bytes) -> None:
        envelope = self._open(message)
        if envelope is None:
            return
        sender = Sender(envelope.node, envelope.incarnation)
        expected = self._received.get(sender, envelope.first - 1) + 1
        if envelope.number < expected:  # sent twice by an engine that reconnected
            return
        self._received[sender] = envelope.number
        if envelope.number > expected:
            self._metrics.missed()
            logger.warning("parcels of a node are missing", extra={"event": "bus_gap", "node": sender.node})
            self._listener.missed(sender)
        self._hand_over(sender, envelope)

    def _take_announcement(self, message: bytes) -> None:
        envelope = self._open(message)
        if envelope is None:
            return
        sender = Sender(envelope.node, envelope.incarnation)
        if sender == self.me:
            self._echoed = envelope.sent_at
            self._echo_lag = self._clock() - envelope.sent_at
        else:
            self._hand_over(sender, envelope)

    def _open(self, message: bytes) -> _Envelope | None:
        try:
            envelope = self._envelopes.decode(message)
        except _NOT_OURS:
            self._refuse(message)
            return None
        if envelope.magic != _MAGIC or envelope.protocol != PROTOCOL:
            self._refuse(message)
            return None
        self._metrics.lagged(self._clock() - envelope.sent_at)
        if envelope.node == self.me.node and envelope.incarnation != self.me.incarnation:
            self._listener.clashed(Sender(envelope.node, envelope.incarnation))
        return envelope

    def _refuse(self, message: bytes) -> None:
        try:
            header = self._headers.decode(message)
        except _NOT_OURS:
            header = None
        if header is None or header.magic != _MAGIC or header.protocol == PROTOCOL:
            self._metrics.received("foreign")
        else:
            self._metrics.received("version")
            self._say_once(header.node, header.protocol)

    def _hand_over(self, sender: Sender, envelope: _Envelope) -> None:
        try:
            for raw in envelope.parcels:
                self._listener.arrived(sender, self._parcels.decode(raw))
        except Exception:
            self._metrics.received("failed")
            logger.exception("a parcel could not be taken", extra={"event": "bus_failed", "node": sender.node})
            self._listener.missed(sender)
        else:
            self._metrics.received("ok")

    def _say_once(self, node: str, protocol: int) -> None:
        if node in self._strangers or len(self._strangers) >= _MAX_STRANGERS:
            return
        self._strangers.add(node)
        logger.error(
            "node %s speaks version %d of the bus protocol, this one %d: it is ignored until both run the same",
            *(node, protocol, PROTOCOL),
            extra={"event": "bus_version", "node": node},
        )


def _subject_of(node: Sender) -> str:
    return f"chatter.node.{node.node}.{node.incarnation}"
