"""What the doctor's call needs for its time and leaves nothing of: an account, a room, the record of the call."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sqlalchemy import text

from api.db import DatabaseUnavailable
from api.doctor.findings import Fault
from api.load.target import LoadError, Room, Target
from auth.errors import AuthError, UserNotFound

if TYPE_CHECKING:
    from api.db import Database
    from api.doctor.deployment import Deployment

_CLEAN_UP_S = 15.0
_RECORD_S = 8.0
"""The record of a call is written five seconds after its end at the latest."""
_ASK_AGAIN_S = 0.1
_ENDED = text("SELECT count(*) FROM calls WHERE room_id = :room AND ended_at IS NOT NULL")
_FORGET = text("DELETE FROM calls WHERE room_id = :room")


@asynccontextmanager
async def lodging(deployment: Deployment, members: int) -> AsyncIterator[tuple[Target, Room]]:
    """Have a room for the length of a block, made over HTTP by an account of its own. Raises `Fault`."""
    name, password = f"doctor-{secrets.token_hex(6)}", secrets.token_urlsafe(24)
    gateway_host = urlsplit(deployment.settings.tree.gateway.url).hostname
    target = Target(deployment.origin, str(deployment.ca_file) if deployment.ca_file else None, gateway_host)
    rooms: list[Room] = []
    try:
        try:
            await deployment.application.auth.create_user(name, password)
            await target.open(name, password)
            rooms.append(await target.make_room(members, "Test call"))
            yield target, rooms[0]
        finally:  # also when the operator has enough of it
            await _to_its_end(_clean_up(deployment, target, rooms, name))
    except LoadError as error:
        raise Fault(
            f"{str(error)[:1].upper()}{str(error)[1:]}.",
            "BASE_URL (and GATEWAY_URL, where it is set) must be what people open; the app's log says more.",
        ) from None
    except (AuthError, DatabaseUnavailable) as error:
        raise Fault(f"No account for the call could be made: {error}", "See the check of the database.") from None


async def _to_its_end(work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.create_task(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


async def _clean_up(deployment: Deployment, target: Target, rooms: list[Room], account: str) -> None:
    try:
        async with asyncio.timeout(_CLEAN_UP_S):
            for room in rooms:
                await target.delete_room(room)
                await _forget(deployment.application.database, room.id)
            await target.close()
    except (LoadError, DatabaseUnavailable, TimeoutError) as error:
        raise Fault(f"The room of the call could not be deleted: {error}", f"chatter user delete {account}") from None
    finally:
        with contextlib.suppress(UserNotFound):  # where it never came to be
            await deployment.application.auth.delete_user(account)  # with all it owns


async def _forget(database: Database, room: str) -> None:
    """Delete the record of a call when it is there; one that never began has none."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _RECORD_S
    while loop.time() < deadline and not await _is_written(database, room):  # noqa: ASYNC110  # another process writes it
        await asyncio.sleep(_ASK_AGAIN_S)
    async with database.write() as db:
        await db.execute(_FORGET, {"room": room})


async def _is_written(database: Database, room: str) -> bool:
    async with database.read() as db:
        return bool((await db.execute(_ENDED, {"room": room})).scalar_one())
