"""Wiring: the one place where the packages meet."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Gauge, Info
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from api.application import Application
from api.clock import watch_clock
from api.cluster import add_bus_report, create_cluster
from api.db import Database, DatabaseUnavailable
from api.db_watch import DatabaseMetrics
from api.disk import watch_disk
from api.doorkeeper import Directory, Doorkeeper, RoomServices
from api.http.pages import DIST
from api.http.site import create_quart, wrap
from api.identities import Authenticator, SessionListener
from api.schema import schema_problem
from api.turn import add_turn_report, create_turn_watch
from api.version import VERSION
from auth.metrics import AuthMetrics
from auth.passwords import PasswordHasher
from auth.service import AuthService
from auth.store import AuthStore
from observability.calls import CallTracer
from observability.exposition import Exposition
from observability.health import Readiness
from observability.http import HttpMetrics
from observability.lag import LoopLag
from observability.logs import DroppedRecords
from observability.origins import Origins
from observability.sockets import Handshakes
from observability.tracing import Tracing
from signaling.calls.calls import Calls
from signaling.calls.history import CallHistory
from signaling.calls.keeper import CallKeeper
from signaling.calls.metrics import CallMetrics
from signaling.calls.store import CallStore
from signaling.cluster.host import Host
from signaling.cluster.others import OtherNodes
from signaling.elsewhere import ALONE
from signaling.gateway import Gateway
from signaling.hub import Hub
from signaling.metrics import SignalingMetrics
from signaling.recording.metrics import RecordingMetrics
from signaling.recording.process import ProcessLauncher
from signaling.recording.service import RecordingService
from signaling.recording.store import RecordingStore
from signaling.recording.tickets import Tickets

if TYPE_CHECKING:
    from api.settings import Settings


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
    listener = SessionListener()
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
    authenticator = Authenticator(auth, Tickets(settings.recording.secret, clock), tickets)
    calls = _calls(settings, call_metrics, tracing, keeper)
    hub = Hub(settings.signaling, authenticator, Directory(services), Doorkeeper(services), metrics, calls, clock=clock)
    quart = create_quart(settings, auth, tickets, dist, metrics)
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
        asgi=wrap(quart, settings, http_metrics, handshakes, tracing, door),
        hasher=hasher,
        tracing=tracing,
        lag=LoopLag(registry),
    )
    add_turn_report(application.readiness, application.turn)
    add_bus_report(application.readiness, bus, cluster)
    watch_disk(settings, application.readiness, registry)
    application.clock_watch = watch_clock(database, application.readiness, clock)
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
