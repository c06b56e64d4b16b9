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
from api.doctor.findings import Fault, sentence
from api.load.target import LoadError, Room, Target
from api.tasks import to_its_end
from auth.errors import AuthError, UserNotFound

if TYPE_CHECKING:
    from api.db import Database
    from api.doctor.deployment import Deployment
    from auth.service import AuthService

_STEP_S = 12.0
_RECORD_S = 8.0
"""The record of a call is written five seconds after its end at the latest."""
_ASK_AGAIN_S = 0.1
_ENDED = text("SELECT count(*) FROM calls WHERE room_id = :room AND ended_at IS NOT NULL")
_FORGET = text("DELETE FROM calls WHERE room_id = :room")


@asynccontextmanager
async def lodging(deployment: Deployment, members: int) -> AsyncIterator[tuple[Target, Room]]:
    """Have a room for the length of a block, made over HTTP by an account of its own. Raises `Fault`."""
    account = f"doctor-{secrets.token_hex(6)}"
    gateway_host = urlsplit(deployment.settings.tree.gateway.url).hostname
    target = Target(deployment.origin, str(deployment.ca_file) if deployment.ca_file else None, gateway_host)
    rooms: list[Room] = []
    end: BaseException | None = None
    try:
        rooms.append(await _move_in(deployment, target, account, members))
        yield target, rooms[0]
    except BaseException as error:  # also when the operator has enough of it
        end = error
        raise
    finally:
        left = await to_its_end(_clean_up(deployment, target, rooms, account))
        if left:
            raise _with_rest(end, left) from None


async def _move_in(deployment: Deployment, target: Target, account: str, members: int) -> Room:
    password = secrets.token_urlsafe(24)
    try:
        await deployment.application.auth.create_user(account, password)
    except (AuthError, DatabaseUnavailable) as error:
        raise Fault(f"No account for the call could be made: {error}", "See the check of the database.") from None
    try:
        await target.open(account, password)
        return await target.make_room(members, "Test call")
    except LoadError as error:
        raise Fault(
            sentence(error),
            "BASE_URL (and GATEWAY_URL, where it is set) must be what people open; the app's log says more.",
        ) from None


async def _clean_up(deployment: Deployment, target: Target, rooms: list[Room], account: str) -> dict[str, str]:
    """Delete everything, each whatever becomes of the others; return what is left, with what to do about it."""
    left: dict[str, str] = {}
    for room in rooms:
        await _done(target.delete_room(room))  # with the account at the latest
        if not await _done(_forget(deployment.application.database, room.id)):
            left[f"the record of the call in room {room.id}"] = "It goes by itself when its time is over."
    if not await _done(_delete(deployment.application.auth, account)):
        left[f"the account {account} with its rooms"] = f"Delete it: chatter user delete {account} --yes"
    return left


async def _done(step: Coroutine[Any, Any, None]) -> bool:
    try:
        async with asyncio.timeout(_STEP_S):
            await step
    except (LoadError, AuthError, DatabaseUnavailable, TimeoutError):
        return False
    return True


def _with_rest(end: BaseException | None, left: dict[str, str]) -> Fault:
    """Return how the call went wrong, and what is left of it."""
    cause = "" if end is None else f"{end.cause} " if isinstance(end, Fault) else "The call was broken off. "
    fixes = ([end.fix] if isinstance(end, Fault) else []) + list(left.values())
    return Fault(f"{cause}Left behind: {', '.join(left)}.", " ".join(fixes))


async def _delete(auth: AuthService, account: str) -> None:
    with contextlib.suppress(UserNotFound):  # where it never came to be
        await auth.delete_user(account)  # with all it owns


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
