"""Run the application: start in order, stop in order."""

from __future__ import annotations

import asyncio
import logging
import signal
from typing import TYPE_CHECKING

from api.app import create_app
from api.db import DatabaseFull, DatabaseUnavailable
from api.heap import Heap
from api.migrate import migrate_up
from api.schema import schema_of
from api.server import HttpServer, bind
from api.tasks import to_its_end
from signaling.bus.ports import BusUnavailable
from signaling.cluster.ownership import NameTaken

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from api.application import Application
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
    stop = _heed_signals()
    http_socket = bind(settings.listen, "SERVER_ADDR")
    gateway_socket = bind(settings.gateway_listen, "GATEWAY_ADDR")
    application = create_app(settings)
    loop = asyncio.get_running_loop()
    heap = Heap(loop)
    deadline = loop.time()
    try:
        server = HttpServer(application.asgi)
        if not await _unless(stop.wanted, _start(settings, application)):
            logger.info("told to stop before the start was over", extra={"event": "start_stopped"})
            return
        await server.start([http_socket])
        await application.gateway.start([gateway_socket])
        heap.start()
        ready()
        await stop.wanted.wait()
        logger.info("stopping", extra={"event": "stopping"})
        await application.drain(stop.hurry)
        deadline = loop.time() + _STOP_S
        application.gateway.stop_listening()
        await application.close_sockets()
        await server.stop(_HTTP_GRACE_S)
    finally:
        heap.stop()
        await application.stop(max(_LEAST_FLUSH_S, deadline - loop.time()))
    logger.info("stopped", extra={"event": "stopped"})


class _Stop:
    """What signals ask for: to stop, and at the second one to stop at once."""

    def __init__(self) -> None:
        self.wanted = asyncio.Event()
        self.hurry = asyncio.Event()

    def heard(self) -> None:
        """Take one more signal."""
        (self.hurry if self.wanted.is_set() else self.wanted).set()


def _heed_signals() -> _Stop:
    stop = _Stop()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.heard)
    return stop


async def _unless(told: asyncio.Event, work: Coroutine[object, object, None]) -> bool:
    """Do something, or break it off when told; return whether it was done. Raises what it raises."""
    task, telling = asyncio.create_task(work), asyncio.create_task(told.wait())
    await asyncio.wait([task, telling], return_when=asyncio.FIRST_COMPLETED)
    for one in (telling, task):
        one.cancel()
    await asyncio.wait([task, telling])
    if task.cancelled():
        return False
    task.result()
    return True


async def _start(settings: Settings, application: Application) -> None:
    await _prepare_schema(settings, application.database)
    try:
        await application.start()
    except (BusUnavailable, NameTaken) as error:
        raise StartError(str(error)) from None


async def _prepare_schema(settings: Settings, database: Database) -> None:
    try:
        await database.prepare()
        schema = await schema_of(database)
    except DatabaseFull:
        raise StartError(f"the disk of the database {_named(settings)} is full; make room and start again") from None
    except DatabaseUnavailable as error:
        raise StartError(f"the database {_named(settings)} cannot be reached: {' '.join(str(error).split())}") from None
    if schema.ahead:  # each migration leaves room for the version before it, so going back is possible
        logger.warning(
            "the database schema is ahead by %d: %s; update this version soon",
            *(len(schema.ahead), ", ".join(schema.ahead)),
            extra={"event": "schema_ahead", "migrations": schema.ahead},
        )
    if schema.problem is None:
        return
    if settings.production and settings.database_url.get_backend_name() != "sqlite":
        raise StartError(f"the database schema is {schema.problem}; run: chatter migrate up")
    applied = await to_its_end(asyncio.to_thread(migrate_up, settings.database_url))
    logger.info("migrated", extra={"event": "migrated", "migrations": applied})


def _named(settings: Settings) -> str:
    return settings.database_url.render_as_string(hide_password=True)
