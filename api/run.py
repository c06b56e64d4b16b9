"""Run the application: start in order, stop in order."""

from __future__ import annotations

import asyncio
import logging
import signal
from typing import TYPE_CHECKING

from api.app import create_app, schema_problem
from api.db import DatabaseUnavailable
from api.heap import Heap
from api.migrate import migrate_up
from api.server import HttpServer, bind
from signaling.bus.ports import BusUnavailable
from signaling.cluster.ownership import NameTaken

if TYPE_CHECKING:
    from collections.abc import Callable

    from api.app import Application
    from api.db import Database
    from api.settings import Settings

logger = logging.getLogger(__name__)

_HTTP_GRACE_S = 0.5
_STOP_S = 2.6
"""What a stop may take before spans that nobody took are given up; the log has a moment after it."""
_LEAST_FLUSH_S = 0.1


class StartError(Exception):
    """The application cannot start; the message is one line for the operator."""


async def serve(settings: Settings, ready: Callable[[], None]) -> None:
    """Serve until SIGINT or SIGTERM. Raises `StartError`, `PortInUse`, `MigrationError`.

    `ready` is called when both ports answer.
    """
    http_socket = bind(settings.listen, "SERVER_ADDR")
    gateway_socket = bind(settings.gateway_listen, "GATEWAY_ADDR")
    application = create_app(settings)
    loop = asyncio.get_running_loop()
    heap = Heap(loop)
    deadline = loop.time()
    try:
        stopping = _stop_signal()  # heard from here on: a migration is not torn apart
        await _prepare_schema(settings, application.database)
        server = HttpServer(application.asgi)
        await _start(application)
        await server.start([http_socket])
        await application.gateway.start([gateway_socket])
        heap.start()
        ready()
        await stopping.wait()
        deadline = loop.time() + _STOP_S
        logger.info("stopping", extra={"event": "stopping"})
        application.gateway.stop_listening()
        await application.close_sockets()
        await server.stop(_HTTP_GRACE_S)
    finally:
        heap.stop()
        await application.stop(max(_LEAST_FLUSH_S, deadline - loop.time()))
    logger.info("stopped", extra={"event": "stopped"})


async def _start(application: Application) -> None:
    try:
        await application.start()
    except (BusUnavailable, NameTaken) as error:
        raise StartError(str(error)) from None


def _stop_signal() -> asyncio.Event:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    return stopping


async def _prepare_schema(settings: Settings, database: Database) -> None:
    try:
        await database.prepare()
        problem = await schema_problem(database)
    except DatabaseUnavailable as error:
        where = settings.database_url.render_as_string(hide_password=True)
        raise StartError(f"the database {where} cannot be reached: {' '.join(str(error).split())}") from None
    if problem is None:
        return
    if settings.production and settings.database_url.get_backend_name() != "sqlite":
        raise StartError(f"the database schema is {problem}; run: chatter migrate up")
    applied = await asyncio.to_thread(migrate_up, settings.database_url)
    logger.info("migrated", extra={"event": "migrated", "migrations": applied})
