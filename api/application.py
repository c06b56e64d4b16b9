"""The application once it is put together: its start, its drain and its stop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from api.clock import CLOCK_CHECK_INTERVAL_S
from api.db import DatabaseUnavailable
from api.identities import is_device_session
from api.turn import until_next_turn_check
from signaling.cluster.nodes import BEAT_S

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from quart import Quart

    from api.clock import ClockWatch
    from api.db import Database
    from api.doorkeeper import RoomServices
    from api.settings import Settings
    from auth.passwords import PasswordHasher
    from auth.service import AuthService
    from observability.exposition import Exposition
    from observability.health import Readiness
    from observability.lag import LoopLag
    from observability.request import Asgi
    from observability.tracing import Tracing
    from signaling.bus.ports import Bus
    from signaling.calls.history import CallHistory
    from signaling.calls.keeper import CallKeeper
    from signaling.cluster.cluster import Cluster
    from signaling.gateway import Gateway
    from signaling.hub import Hub
    from signaling.invitations import InvitationService
    from signaling.moderation import ModerationService
    from signaling.recording.service import RecordingService
    from signaling.rooms import RoomService
    from signaling.turn.watch import TurnWatch

logger = logging.getLogger(__name__)

_JANITOR_INTERVAL_S = 600.0
_INTERRUPTED_INTERVAL_S = 60.0
"""How often calls are looked for whose server is gone."""
_RECORDS_STOP_S = 1.0
"""What writing the last records of calls may take at a stop."""
_LEAVE_CLUSTER_S = 1.0
_DRAIN_SHARE = 0.6
"""Of the time for the drain, over which rooms are spread; the rest is for those that nobody took the first time."""
_FOLLOW_INTERVAL_S = 4.0
"""How soon running calls follow what other processes change."""


@dataclass
class Application:
    """Everything that runs, put together. `start` and `stop` belong to whoever serves it."""

    settings: Settings
    registry: CollectorRegistry
    exposition: Exposition
    database: Database
    auth: AuthService
    services: RoomServices
    recordings: RecordingService
    calls: CallHistory
    keeper: CallKeeper
    hub: Hub
    bus: Bus
    gateway: Gateway
    readiness: Readiness
    quart: Quart
    asgi: Asgi
    hasher: PasswordHasher
    tracing: Tracing
    lag: LoopLag
    turn: TurnWatch | None = None
    clock_watch: ClockWatch | None = None
    cluster: Cluster | None = None
    """The other nodes; None for one that is alone."""
    _chores: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def rooms(self) -> RoomService:
        """The rooms there are."""
        return self.services.rooms

    @property
    def moderation(self) -> ModerationService:
        """Bans, moderators and the audit trail of rooms."""
        return self.services.moderation

    @property
    def invitations(self) -> InvitationService:
        """Invitations into rooms."""
        return self.services.invitations

    async def start(self) -> None:
        """Begin what runs beside requests. Raises `BusUnavailable`, `NameTaken`."""
        await self.bus.start()
        if self.cluster is not None:
            await self.cluster.start()
        self.tracing.start()
        self.hub.start()
        self._chores = [
            asyncio.create_task(self.lag.run(), name="loop-lag"),
            asyncio.create_task(_repeat(_JANITOR_INTERVAL_S, self._delete_expired), name="janitor"),
            asyncio.create_task(_repeat(_FOLLOW_INTERVAL_S, self.close_revoked), name="revocation"),
            asyncio.create_task(_repeat(_FOLLOW_INTERVAL_S, self.services.follow), name="rooms"),
            asyncio.create_task(self.keeper.run(), name="call-records"),
            # Apart from the janitor: what others cannot delete must not keep these beyond their time.
            asyncio.create_task(_repeat(_JANITOR_INTERVAL_S, self.calls.delete_expired), name="call-janitor"),
            asyncio.create_task(_repeat(_INTERRUPTED_INTERVAL_S, self.calls.end_interrupted), name="calls"),
            asyncio.create_task(_repeat(_JANITOR_INTERVAL_S, self.recordings.tidy), name="recordings"),
        ]
        if self.cluster is not None:
            self._chores.append(asyncio.create_task(_repeat(BEAT_S, self.cluster.beat), name="cluster-beat"))
            self._chores.append(asyncio.create_task(_repeat(BEAT_S, self.cluster.hold), name="cluster-hold"))
        if self.clock_watch is not None:
            chore = _repeat(CLOCK_CHECK_INTERVAL_S, self.clock_watch.check)
            self._chores.append(asyncio.create_task(chore, name="clock"))
        if self.turn is not None:
            turn = _repeat(partial(until_next_turn_check, self.turn), self.turn.check)
            self._chores.append(asyncio.create_task(turn, name="turn"))

    async def drain(self, hurry: asyncio.Event) -> None:
        """Let nobody new in and hand over what lives here, until that is done, its time is over, or `hurry` is set.

        A node that is alone has nobody to hand anything to.
        """
        if self.cluster is None:
            return
        self.hub.drain()
        work = [asyncio.create_task(self._hand_over(self.cluster), name="drain"), asyncio.create_task(hurry.wait())]
        timeout = self.settings.cluster.drain_timeout.total_seconds()
        await asyncio.wait(work, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)

    async def close_sockets(self) -> None:
        """Close every WebSocket with 1012, wait for the answers up to the close timeout, cut the rest."""
        if self.cluster is None:
            await self.hub.stop()
        else:
            await asyncio.gather(self.hub.stop(), self.cluster.close_sockets())

    async def stop(self, flush_timeout_s: float = 0.5) -> None:
        """End what `start` began and close the database. The sockets are closed by `close_sockets` before.

        Whoever takes the spans that are left has `flush_timeout_s` for it.
        """
        for chore in self._chores:
            chore.cancel()
        await asyncio.gather(*self._chores, return_exceptions=True)
        await asyncio.gather(self.recordings.stop(), self.keeper.stop(_RECORDS_STOP_S))
        if self.cluster is not None:
            await self._leave_cluster(self.cluster)
        await self.bus.stop()
        self.hasher.close()
        await self.database.close()
        await asyncio.to_thread(self.tracing.stop, flush_timeout_s)

    async def _hand_over(self, cluster: Cluster) -> None:
        await self.recordings.end_all()  # recorders belong to this server: they cannot come back elsewhere
        spread = _DRAIN_SHARE * self.settings.cluster.drain_timeout.total_seconds()
        try:
            await cluster.hand_over(spread)
        except Exception:
            logger.exception("handing over failed", extra={"event": "drain_failed"})

    async def _leave_cluster(self, cluster: Cluster) -> None:
        try:
            async with asyncio.timeout(_LEAVE_CLUSTER_S):
                await cluster.stop()
        except (DatabaseUnavailable, TimeoutError):
            logger.warning("left without a word: no database", extra={"event": "cluster_left"})

    async def close_revoked(self) -> None:
        """Close the sockets of device sessions that another process ended."""
        open_here = {known for known in self.hub.device_sessions() if is_device_session(known)}
        if open_here:
            await self.hub.sessions_ended(await self.auth.ended_among(open_here))

    async def _delete_expired(self) -> None:
        await self.auth.delete_expired()
        await self.services.delete_expired()


async def _repeat(interval: float | Callable[[], float], chore: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await chore()
        except DatabaseUnavailable:
            logger.warning("chore skipped: no database", extra={"event": "chore_skipped", "chore": chore.__name__})
        except Exception:
            logger.exception("chore failed", extra={"event": "chore_failed", "chore": chore.__name__})
        await asyncio.sleep(interval() if callable(interval) else interval)
