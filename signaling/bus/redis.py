"""The bus over Redis or Valkey, for those who run one anyway: ten times the CPU of NATS per message."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from signaling.bus.backlog import Backlog
from signaling.bus.ports import BusUnavailable
from signaling.bus.urls import without_credentials

if TYPE_CHECKING:
    from signaling.bus.metrics import BusMetrics
    from signaling.bus.ports import Handler

logger = logging.getLogger(__name__)

_CONNECT_TIMEOUT_S = 3.0
_RETRY_S = 0.25
_PING_INTERVAL_S = 2.0
"""A server that does not answer within this time is left."""
_FLUSH_TIMEOUT_S = 0.5
_ERRORS = (RedisError, OSError, TimeoutError)


class RedisBus:
    """One node's connections to a Redis server: one to publish, one to listen."""

    system = "redis"

    def __init__(self, url: str, name: str, metrics: BusMetrics) -> None:
        self._url = url
        self._name = name
        self._metrics = metrics
        self._handlers: dict[str, list[Handler]] = {}
        self._client = Redis.from_url(
            url,
            client_name=name,
            socket_connect_timeout=_CONNECT_TIMEOUT_S,
            socket_timeout=_CONNECT_TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
        )
        self._pubsub = self._client.pubsub()
        self._backlog = Backlog(self._send)
        self._tasks: list[asyncio.Task[None]] = []
        self._up = False

    async def start(self) -> None:
        """Connect. Raises `BusUnavailable`."""
        try:
            await self._listen()
        except _ERRORS as error:
            await self._disconnect()
            reason = str(error) or type(error).__name__
            raise BusUnavailable(f"cannot reach the bus at {without_credentials(self._url)}: {reason}") from None
        self._up = True
        self._tasks = [
            asyncio.create_task(self._backlog.run(), name="bus-sender"),
            asyncio.create_task(self._receive(), name="bus-receiver"),
        ]

    async def stop(self) -> None:
        """Send what waits, for a moment, and disconnect. Idempotent."""
        tasks, self._tasks = self._tasks, []
        if tasks:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._backlog.emptied(), _FLUSH_TIMEOUT_S)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._disconnect()

    @property
    def up(self) -> bool:
        """Whether messages get through now, as far as is known."""
        return self._up

    def publish(self, subject: str, payload: bytes) -> bool:
        """Send a message soon; False when it was dropped."""
        return self._backlog.put(subject, payload)

    async def subscribe(self, subject: str, handler: Handler) -> None:
        """Call `handler` with every message to a subject from now on, through all reconnects."""
        self._handlers.setdefault(subject, []).append(handler)
        with contextlib.suppress(*_ERRORS):  # it is on the list for when the connection is back
            await self._pubsub.subscribe(subject)

    async def _listen(self) -> None:
        await self._pubsub.subscribe(self._name, *self._handlers)  # its own name: there is always one to listen to

    async def _receive(self) -> None:
        while True:
            try:
                await self._receive_until_lost()
            except _ERRORS as error:
                if self._up:
                    logger.warning("bus lost", extra={"event": "bus_lost", "error": type(error).__name__})
                self._up = False
            await self._come_back()

    async def _receive_until_lost(self) -> None:
        pubsub = self._pubsub
        while True:
            message = await pubsub.get_message(timeout=_PING_INTERVAL_S)
            if message is None:
                await pubsub.ping()  # its answer is a message too; without one the next read fails
                message = await pubsub.get_message(timeout=_PING_INTERVAL_S)
                if message is None:
                    raise TimeoutError
            if message["type"] == "message":
                for handler in self._handlers.get(message["channel"].decode(), ()):
                    handler(message["data"])

    async def _come_back(self) -> None:
        while True:
            await asyncio.sleep(_RETRY_S)
            with contextlib.suppress(*_ERRORS):
                await self._pubsub.aclose()  # type: ignore[no-untyped-call]
                self._pubsub = self._client.pubsub()
                await self._listen()
                self._up = True
                self._metrics.reconnected()
                logger.warning("bus is back", extra={"event": "bus_recovered"})
                return

    async def _send(self, subject: str, payload: bytes) -> None:
        while True:
            try:
                await self._client.publish(subject, payload)
            except _ERRORS:
                await asyncio.sleep(_RETRY_S)  # the rest waits behind it, up to the bound of the backlog
            else:
                return

    async def _disconnect(self) -> None:
        self._up = False
        with contextlib.suppress(*_ERRORS):
            await self._pubsub.aclose()  # type: ignore[no-untyped-call]
        with contextlib.suppress(*_ERRORS):
            await self._client.aclose()
