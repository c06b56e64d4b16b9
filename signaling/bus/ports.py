"""What nodes need from a bus, whichever engine carries it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

Handler = Callable[[bytes], None]
"""Takes a message. Called in the order in which one sender published; must not block."""


MAX_MESSAGE_BYTES = 512 * 1024
"""What a bus must be able to carry in one message; NATS takes 1 MiB unless told otherwise."""


class BusUnavailable(Exception):
    """The bus cannot be reached, or does not let us in; `str` says why in one line, without credentials."""


class Bus(Protocol):
    """Publish and subscribe, at most once. Messages of one sender to one subject keep their order; some may be lost.

    Whoever must not lose any numbers them and acts on gaps (`signaling.bus.courier`).
    """

    system: str
    """What it is, as OpenTelemetry calls it (`messaging.system`)."""

    async def start(self) -> None:
        """Connect. Raises `BusUnavailable`."""

    async def stop(self) -> None:
        """Send what waits, for a moment, and disconnect. Idempotent."""

    def publish(self, subject: str, payload: bytes) -> bool:
        """Send a message soon; False when it was dropped: too much waits already, or it is too large. Never blocks.

        It has at least one byte: nats-py loses an empty one when it arrives in two pieces.
        """

    async def subscribe(self, subject: str, handler: Handler) -> None:
        """Call `handler` with every message to a subject from now on, through all reconnects."""

    @property
    def up(self) -> bool:
        """Whether messages get through now, as far as is known."""
