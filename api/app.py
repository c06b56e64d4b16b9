"""Wiring: the one place where the packages meet."""

from __future__ import annotations

import asyncio
import importlib.metadata
import logging
import time
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

import msgspec
from prometheus_client import CollectorRegistry, Gauge, Info
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from quart import Quart, request

from api.cluster import add_bus_report, create_cluster
from api.db import Database, DatabaseUnavailable
from api.db_watch import DatabaseMetrics
from api.disk import add_disk_report
from api.doorkeeper import Directory, Doorkeeper, RoomServices
from api.http.auth import AuthRoutesSettings, create_auth_blueprint
from api.http.bodies import JsonRequest
from api.http.call_records import create_call_records_blueprint
from api.http.calls import create_calls_blueprint
from api.http.doctor import create_doctor_blueprint
from api.http.edge import AddressLimiter, CorsMiddleware, EdgeMiddleware, header
from api.http.errors import RateLimitExceeded, install_error_handlers
from api.http.health import create_health_blueprint
from api.http.moderation import create_moderation_blueprint
from api.http.openapi import openapi
from api.http.pages import DIST, create_pages_blueprint
from api.http.recordings import create_recordings_blueprint
from api.http.rooms import create_rooms_blueprint
from api.http.security import client_address
from api.http.ws import SignalingEndpoint
from api.schema import schema_problem
from api.turn import TURN_CHECK_INTERVAL_S, add_turn_report, create_turn_watch
from auth.errors import AuthError, TokenExpired
from auth.metrics import AuthMetrics
from auth.passwords import PasswordHasher
from auth.service import AuthService
from auth.store import AuthStore
from observability.calls import CallTracer
from observability.exposition import Exposition
from observability.health import Readiness
from observability.http import HttpMetrics, ObservingMiddleware
from observability.lag import LoopLag
from observability.logs import DroppedRecords
from observability.origins import Origins
from observability.request import Asgi, Receive, Scope, Send, request_info
from observability.sockets import HandshakeMiddleware, Handshakes
from observability.tracing import Tracing
from signaling.calls.calls import Calls
from signaling.calls.history import CallHistory
from signaling.calls.keeper import CallKeeper
from signaling.calls.metrics import CallMetrics
from signaling.calls.store import CallStore
from signaling.cluster.host import Host
from signaling.cluster.nodes import BEAT_S
from signaling.cluster.others import OtherNodes
from signaling.elsewhere import ALONE, Elsewhere
from signaling.gateway import Gateway
from signaling.hub import Hub
from signaling.link import client_address as address_behind
from signaling.metrics import SignalingMetrics
from signaling.ports import Door, Identity, NotIdentified, Unavailable
from signaling.recording.metrics import RecordingMetrics
from signaling.recording.process import ProcessLauncher
from signaling.recording.service import RecordingService
from signaling.recording.store import RecordingStore
from signaling.recording.tickets import PREFIX as RECORDER_PREFIX
from signaling.recording.tickets import RecorderClaim, TicketInvalid, Tickets
from signaling.rooms import RoomService

if TYPE_CHECKING:
    from api.settings import Settings
    from auth.principal import Principal
    from signaling.bus.ports import Bus
    from signaling.cluster.cluster import Cluster
    from signaling.invitations import InvitationService
    from signaling.moderation import ModerationService
    from signaling.turn.watch import TurnWatch

logger = logging.getLogger(__name__)

VERSION = importlib.metadata.version("chatter")
_LIMITED = frozenset({"auth", "rooms", "moderation", "recordings", "calls", "call_records", "doctor"})
"""The blueprints whose requests are limited per address."""
_METRICS = "health.get_metrics"
"""Limited too, apart from the rest: there is a lot to read and to send."""
_MAX_BODY_BYTES = 64 * 1024
_BODY_TIMEOUT_S = 10
_JANITOR_INTERVAL_S = 600.0
_RECORDER_SESSION = "recording:"
"""What the session of a recorder is named after: it is no device session, so nobody can end it as one."""
_LONGEST_RECORDING_MS = 24 * 3600 * 1000
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
        if self.turn is not None:
            self._chores.append(asyncio.create_task(_repeat(TURN_CHECK_INTERVAL_S, self.turn.check), name="turn"))

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
        open_here = {known for known in self.hub.device_sessions() if not known.startswith(_RECORDER_SESSION)}
        if open_here:
            await self.hub.sessions_ended(await self.auth.ended_among(open_here))

    async def _delete_expired(self) -> None:
        await self.auth.delete_expired()
        await self.services.delete_expired()


def create_app(settings: Settings, *, dist: Path = DIST, clock: Callable[[], float] = time.time) -> Application:
    """Put the application together from its settings. Opens no connection and starts nothing."""
    registry = _registry()
    tracing = Tracing(settings.observability, registry)
    postgres = settings.tree.postgres
    database = Database(
        settings.database_url,
        min_connections=postgres.min_conns if postgres else 1,
        max_connections=postgres.max_conns if postgres else 100,
        metrics=DatabaseMetrics(registry),
    )
    auth_metrics = AuthMetrics(registry)
    hasher = PasswordHasher(
        auth_metrics,
        pepper=settings.auth.pepper,
        cost=settings.auth.bcrypt_cost,
        threads=settings.auth.hash_threads,
        queue=settings.auth.hash_queue,
    )
    accounts = AuthStore(database)
    listener = _SessionListener()
    auth = AuthService(
        settings.auth,
        store=accounts,
        hasher=hasher,
        metrics=auth_metrics,
        listener=listener,
        clock=lambda: int(clock() * 1000),
    )
    metrics = SignalingMetrics(registry)
    secret = settings.auth.pepper or settings.auth.secret
    services = RoomServices(database, accounts, hasher, metrics, secret, clock)
    call_store, call_metrics = CallStore(database), CallMetrics(registry)
    keeper = CallKeeper(call_store, call_metrics, clock, DatabaseUnavailable)
    tickets = Origins()
    authenticator = _Authenticator(auth, Tickets(settings.recording.secret, clock), tickets)
    calls = _calls(settings, call_metrics, tracing, keeper)
    hub = Hub(settings.signaling, authenticator, Directory(services), Doorkeeper(services), metrics, calls, clock=clock)
    quart = _create_quart(settings, auth, tickets, dist, metrics)
    http_metrics = HttpMetrics(registry)
    handshakes = Handshakes(http_metrics, tracing.tracer)
    draining = Gauge("chatter_draining", "Whether new connections are refused before a stop.", registry=registry)
    draining.set_function(lambda: hub.draining)
    bus, cluster = create_cluster(settings, registry, hub, database, metrics, clock)
    elsewhere = ALONE if cluster is None else OtherNodes(cluster)
    services.attach(hub, elsewhere)
    listener.attach(hub, elsewhere)
    door = cluster or hub
    application = Application(
        settings=settings,
        registry=registry,
        exposition=Exposition(registry),
        database=database,
        auth=auth,
        services=services,
        recordings=RecordingService(
            settings.recording,
            RecordingStore(database),
            ProcessLauncher(),
            RecordingMetrics(registry),
            kept_since=services.rooms.kept_since,
            people=hub.members,
            moderates=hub.moderates,
            clock=clock,
            elsewhere=elsewhere,
        ),
        calls=CallHistory(
            settings.calls,
            call_store,
            keeper,
            call_metrics,
            kept_since=services.rooms.kept_since,
            refused=hub.refusals.newest,
            node=settings.observability.instance,
            clock=clock,
            elsewhere=elsewhere,
        ),
        keeper=keeper,
        hub=hub,
        bus=bus,
        cluster=cluster,
        gateway=Gateway(door, settings.signaling, handshakes),
        readiness=_readiness(database, hub),
        turn=create_turn_watch(settings.signaling.turn, registry),
        quart=quart,
        asgi=_wrap(quart, settings, http_metrics, handshakes, tracing, door),
        hasher=hasher,
        tracing=tracing,
        lag=LoopLag(registry),
    )
    add_turn_report(application.readiness, application.turn)
    add_bus_report(application.readiness, bus, cluster)
    add_disk_report(application.readiness, settings.data_dir)
    if cluster is not None:
        parts = application.calls, keeper, application.recordings, cluster.arrivals
        cluster.serve(Host(hub, services.rooms, services.moderation, *parts))
    quart.extensions["chatter"] = application
    return application


def _calls(settings: Settings, metrics: CallMetrics, tracing: Tracing, keeper: CallKeeper) -> Calls:
    return Calls(
        metrics,
        CallTracer(tracing.tracer),
        keeper,
        node=settings.observability.instance,
        turn=bool(settings.signaling.turn.urls),
        stun=bool(settings.signaling.stun_urls),
    )


def _registry() -> CollectorRegistry:
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    DroppedRecords(registry)
    Info("chatter_build", "The running version.", registry=registry).info({"version": VERSION})
    return registry


def _create_quart(
    settings: Settings, auth: AuthService, tickets: Origins, dist: Path, metrics: SignalingMetrics
) -> Quart:
    quart = Quart("api", static_folder=None)
    quart.request_class = JsonRequest
    quart.config["MAX_CONTENT_LENGTH"] = _MAX_BODY_BYTES
    quart.config["BODY_TIMEOUT"] = _BODY_TIMEOUT_S
    quart.url_map.strict_slashes = False
    openapi(VERSION).init_app(quart)
    install_error_handlers(quart, metrics.rate_limited)
    for blueprint in (
        create_auth_blueprint(auth, AuthRoutesSettings(settings.origins, secure_cookies=settings.production), tickets),
        create_rooms_blueprint(),
        create_moderation_blueprint(),
        create_recordings_blueprint(),
        create_calls_blueprint(),
        create_call_records_blueprint(settings.auth.limits_scale),
        create_health_blueprint(),
        create_doctor_blueprint(settings.auth.secret, VERSION),
        create_pages_blueprint(dist),
    ):
        quart.register_blueprint(blueprint)
    scale = settings.auth.limits_scale
    limiters = dict.fromkeys(_LIMITED, AddressLimiter(scale)) | {_METRICS: AddressLimiter(scale)}

    @quart.before_request
    async def before() -> None:
        rule = request.url_rule
        if rule is not None:
            request_info(request.scope).route = _template(rule.rule)  # type: ignore[arg-type]
            # Not health, which a proxy asks for everybody, nor files, of which one page takes a dozen.
            limiter = limiters.get(rule.endpoint) or limiters.get(rule.endpoint.partition(".")[0])
            if limiter is not None:
                wait = limiter.wait(client_address())
                if wait:
                    raise RateLimitExceeded(wait)

    return quart


def _template(rule: str) -> str:
    return rule.replace("<path:", "{").replace("<", "{").replace(">", "}")


def _wrap(
    quart: Quart, settings: Settings, metrics: HttpMetrics, handshakes: Handshakes, tracing: Tracing, door: Door
) -> Asgi:
    """Build the chain: edge → CORS → tracing, logging, metrics → the app, whose views check who calls."""
    observed = ObservingMiddleware(cast("Asgi", quart), tracing.tracer, metrics)
    http = EdgeMiddleware(
        CorsMiddleware(observed, settings.origins),
        hsts=settings.production,
        trusted_hops=settings.tree.server.trusted_hops,
    )
    hops = settings.signaling.trusted_hops
    endpoint = SignalingEndpoint(door, enabled=settings.http_websockets, trusted_hops=hops)
    sockets = HandshakeMiddleware(endpoint, handshakes, "/ws/", "/ws/{room_id}")

    async def asgi(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            if scope["path"].startswith("/api/"):
                scope["path"] = scope["path"][4:]
            peer = scope["client"][0] if scope.get("client") else ""
            request_info(scope).address = address_behind(peer, header(scope, b"x-forwarded-for"), hops)
            await sockets(scope, receive, send)
        else:
            await http(scope, receive, send)

    return asgi


def _readiness(database: Database, hub: Hub) -> Readiness:
    readiness = Readiness()

    async def check_database() -> str | None:
        await database.ping()
        return None

    async def check_schema() -> str | None:
        return await schema_problem(database)

    async def check_draining() -> str | None:
        return "shutting down" if hub.draining else None

    readiness.add("database", check_database)
    readiness.add("schema", check_schema)
    readiness.add("draining", check_draining)
    return readiness


async def _repeat(interval: float, chore: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await chore()
        except DatabaseUnavailable:
            logger.warning("chore skipped: no database", extra={"event": "chore_skipped", "chore": chore.__name__})
        except Exception:
            logger.exception("chore failed", extra={"event": "chore_failed", "chore": chore.__name__})
        await asyncio.sleep(interval)


class _SessionListener:
    """Carries the end of device sessions from auth to the hub, which is made later, and to the other nodes."""

    _hub: Hub | None = None
    _elsewhere = ALONE

    def attach(self, hub: Hub, elsewhere: Elsewhere) -> None:
        self._hub = hub
        self._elsewhere = elsewhere

    async def sessions_ended(self, session_ids: Collection[str]) -> None:
        if self._hub is not None:
            await self._hub.sessions_ended(session_ids)
        self._elsewhere.sessions_ended(session_ids)


class _Authenticator:
    """The auth service in the words of the signaling package, and the recorders' tickets beside it."""

    def __init__(self, auth: AuthService, tickets: Tickets, origins: Origins) -> None:
        self._auth = auth
        self._tickets = tickets
        self._origins = origins

    async def authenticate(self, token: str) -> Identity:
        if token.startswith(RECORDER_PREFIX):
            try:
                return _recorder(self._tickets.recorder(token))
            except TicketInvalid:
                raise NotIdentified from None
        return await _identified(self._auth.authenticate(token))

    async def redeem_ticket(self, ticket: str) -> Identity:
        identity = await _identified(self._auth.redeem_ticket(ticket))
        return msgspec.structs.replace(identity, origin=self._origins.take(ticket))


def _recorder(claim: RecorderClaim) -> Identity:
    return Identity(
        user_id=claim.started_by,
        username="Recorder",
        session_id=f"{_RECORDER_SESSION}{claim.recording_id}",
        expires_at=claim.expires_at + _LONGEST_RECORDING_MS,  # the ticket lets in; staying is not its business
        recorder_of=claim.room_id,
    )


async def _identified(check: Awaitable[Principal]) -> Identity:
    try:
        principal = await check
    except AuthError as error:
        raise NotIdentified(expired=isinstance(error, TokenExpired)) from None
    except DatabaseUnavailable as error:
        raise Unavailable(str(error)) from None
    return Identity(principal.user_id, principal.username, principal.session_id, principal.expires_at)
