"""The bus over NATS: it buffers through short outages and restores its subscriptions by itself."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

from nats.aio.client import Client
from nats.errors import Error, OutboundBufferLimitError

from signaling.bus.backlog import MAX_BYTES, Backlog
from signaling.bus.ports import MAX_MESSAGE_BYTES, BusUnavailable
from signaling.bus.urls import without_credentials

if TYPE_CHECKING:
    from nats.aio.msg import Msg

    from signaling.bus.metrics import BusMetrics
    from signaling.bus.ports import Handler

logger = logging.getLogger(__name__)

_CONNECT_TIMEOUT_S = 3
_RETRY_S = 0.25
_PING_INTERVAL_S = 2
_UNANSWERED_PINGS = 2
"""With the interval: a server that stands still is noticed after 6 s."""
_FLUSH_TIMEOUT_S = 0.5


class NatsBus:
    """One node's connection to a NATS server or cluster."""

    system = "nats"

    def __init__(self, url: str, name: str, metrics: BusMetrics) -> None:
        self._url = url
        self._name = name
        self._metrics = metrics
        self._client = Client()
        self._connecting = False
        self._started = False
        self._backlog = Backlog(self._send)
        self._pump: asyncio.Task[None] | None = None
        self._refused = False
        """Whether the last message was lost, which was said then."""

    async def start(self) -> None:
        """Connect. Raises `BusUnavailable`."""
        self._connecting = True
        try:
            async with asyncio.timeout(_CONNECT_TIMEOUT_S):
                await self._client.connect(
                    self._url.split(","),
                    name=self._name,
                    error_cb=self._on_error,
                    disconnected_cb=self._on_disconnected,
                    reconnected_cb=self._on_reconnected,
                    connect_timeout=_CONNECT_TIMEOUT_S,
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=_RETRY_S,  # type: ignore[arg-type]  # fractions work
                    ping_interval=_PING_INTERVAL_S,
                    max_outstanding_pings=_UNANSWERED_PINGS,
                    pending_size=MAX_BYTES,
                )
        except (OSError, Error, TimeoutError, ValueError) as error:
            with contextlib.suppress(OSError, Error):
                await self._client.close()  # it may have come as far as to be turned away
            reason = str(error) or type(error).__name__
            raise BusUnavailable(f"cannot reach the bus at {without_credentials(self._url)}: {reason}") from None
        finally:
            self._connecting = False
        if self._client.max_payload < MAX_MESSAGE_BYTES:
            await self._client.close()
            most = f"takes messages of up to {self._client.max_payload} bytes, nodes send up to {MAX_MESSAGE_BYTES}"
            raise BusUnavailable(f"the bus at {without_credentials(self._url)} {most}: raise its max_payload")
        self._started = True
        self._pump = asyncio.create_task(self._backlog.run(), name="bus-sender")

    async def stop(self) -> None:
        """Send what waits, for a moment, and disconnect. Idempotent."""
        pump, self._pump = self._pump, None
        if pump is None:
            return
        self._started = False
        with contextlib.suppress(TimeoutError, Error):
            async with asyncio.timeout(_FLUSH_TIMEOUT_S):
                await self._backlog.emptied()
                await self._client.flush()
        pump.cancel()
        await asyncio.gather(pump, return_exceptions=True)
        self._drop_pending()
        with contextlib.suppress(TimeoutError, OSError, RuntimeError, Error):  # uvloop raises the third
            async with asyncio.timeout(_FLUSH_TIMEOUT_S):
                await self._client.close()  # waits for a server that stands still
        self._cut()

    @property
    def up(self) -> bool:
        """Whether messages get through now, as far as is known."""
        return self._started and self._client.is_connected

    def publish(self, subject: str, payload: bytes) -> bool:
        """Send a message soon; False when it was dropped."""
        return len(payload) <= self._client.max_payload and self._backlog.put(subject, payload)

    async def subscribe(self, subject: str, handler: Handler) -> None:
        """Call `handler` with every message to a subject from now on, through all reconnects."""

        async def take(message: Msg) -> None:
            handler(message.data)

        await self._client.subscribe(subject, cb=take)
        # The server knows before anyone is told to write to us. Twice, because nats-py writes the ping of the first
        # before the subscription, which waits for its sending task; the second is behind it.
        for _ in range(2):
            await self._client.flush(_CONNECT_TIMEOUT_S)

    async def _send(self, subject: str, payload: bytes) -> None:
        while True:
            try:
                await self._client.publish(subject, payload)
            except OutboundBufferLimitError:
                await asyncio.sleep(_RETRY_S)  # the rest waits behind it, up to the bound of the backlog
            except Error as error:  # such as a server with a lower limit than when it was taken
                self._note_refused(error)
                return
            else:
                self._refused = False
                return

    def _note_refused(self, error: Error) -> None:
        self._metrics.sent("dropped")
        if not self._refused:
            logger.warning("bus error", extra={"event": "bus_error", "error": type(error).__name__})
        self._refused = True

    # nats-py has no call for the next two; without them a stop while the server is away ends half-way.

    def _drop_pending(self) -> None:
        """Forget what is held for a connection that is gone: closing would write it to nowhere."""
        if not self._client.is_connected:
            self._client._pending = []
            self._client._pending_data_size = 0

    def _cut(self) -> None:
        """Drop the connection with what still waits on it."""
        connection = getattr(self._client, "_transport", None)
        writer: asyncio.StreamWriter | None = getattr(connection, "_io_writer", None)
        if writer is not None:
            writer.transport.abort()

    async def _on_error(self, error: Exception) -> None:
        if self._connecting:
            raise error  # the first connection: it is not worth waiting for
        if self._client.is_connected:
            logger.warning("bus error", extra={"event": "bus_error", "error": type(error).__name__})
        else:
            self._cut()  # an attempt to connect that came half-way: nats-py would leave it open

    async def _on_disconnected(self) -> None:
        if self._started:
            logger.warning("bus lost", extra={"event": "bus_lost"})

    async def _on_reconnected(self) -> None:
        self._metrics.reconnected()
        logger.warning("bus is back", extra={"event": "bus_recovered"})
