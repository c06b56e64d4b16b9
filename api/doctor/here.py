"""Checks of what lies behind the proxy: settings, database, schema, bus, disk."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING

from api.clock import now_there
from api.db import DatabaseUnavailable
from api.disk import Level, Room, existing, folders
from api.doctor.findings import IN_PRODUCTION, Fault, Verdict, failed, ok, reason, sentence, skipped, warning

if TYPE_CHECKING:
    from api.doctor.deployment import Deployment

_LEAST_DISTINCT = 6
"""Characters in a secret: of 16 random hexadecimal ones fewer than one in 20,000 has less, of 32 none ever."""
_BUS_S = 3.0
_GIVE = "Give the folder to the user that Chatter runs as (10001), or run this as that user."
_MAKE_ONE = "Make one with scripts/secrets, or: openssl rand -base64 48"


async def settings(deployment: Deployment) -> Verdict:
    """Look at the settings: whether they can be used."""
    known = deployment.settings
    if deployment.secure and not known.production:
        return warning(
            "ENV is development behind an https address: cookies are not bound to https.", "Set ENV=production."
        )
    return ok(f"ENV={known.tree.server.env}")


async def secrets(deployment: Deployment) -> Verdict:
    """Look at the secrets: whether they are worth the name."""
    given = _secrets(deployment)
    if not given:
        return skipped("none is set")
    for name, secret in given.items():
        if len(set(secret)) < _LEAST_DISTINCT:
            return failed(f"{name} is easy to guess: it has only {len(set(secret))} different characters.", _MAKE_ONE)
    same = _shared(given)
    if same is not None:
        return warning(f"{same} are the same secret: who learns one knows the other.", _MAKE_ONE)
    return ok(f"not guessable, no two the same: {', '.join(given)}")


def _secrets(deployment: Deployment) -> dict[str, str]:
    known = deployment.settings
    given = {
        "AUTH_SECRET": deployment.secret,
        "AUTH_PEPPER": known.auth.pepper,
        "TURN_SECRET": known.signaling.turn.secret,
        "the password of the database": known.database_url.password or "",
    }
    if not known.production:  # where a database of the machine's own has "postgres" for a password
        del given["the password of the database"]
    return {name: secret for name, secret in given.items() if secret}


def _shared(given: dict[str, str]) -> str | None:
    first: dict[str, str] = {}
    for name, secret in given.items():
        if secret in first:
            return f"{first[secret]} and {name}"
        first[secret] = name
    return None


async def database(deployment: Deployment) -> Verdict:
    """Ask the database for a sign of life, and for the time."""
    url = deployment.settings.database_url
    where = url.set(drivername=url.get_backend_name()).render_as_string(hide_password=True)
    if url.get_backend_name() == "sqlite":
        _need_file(str(url.database))
    try:
        async with deployment.application.database.read() as connection:
            if url.get_backend_name() != "sqlite":  # which has no clock of its own
                deployment.offsets["the database"] = await now_there(connection) - deployment.clock()
    except DatabaseUnavailable as error:
        raise Fault(
            f"The database {where} cannot be reached: {error}",
            "Start PostgreSQL (docker compose up -d --no-deps postgres) and check DATABASE_URL, or "
            "POSTGRES_HOST and its like, with the password.",
        ) from None
    return ok(where)


def _need_file(name: str) -> None:
    path = Path(name).absolute()
    try:
        path.stat()  # opening one that is not there would make it
    except OSError as error:
        raise Fault(
            f"The database {path} cannot be opened: {reason(error)}.",
            f"Run this where the server runs and as its user ({IN_PRODUCTION}; in development docker compose exec app "
            "chatter doctor), or start the server once.",
        ) from None


async def schema(deployment: Deployment) -> Verdict:
    """Compare the schema with what this version needs, both ways."""
    from api.schema import schema_of

    found = await schema_of(deployment.application.database)
    if found.problem is not None:
        return failed(
            f"The schema is {found.problem}.",
            "Apply them: chatter migrate up (docker compose run --rm migrate).",
        )
    if found.ahead:
        return warning(
            f"The schema is ahead by {len(found.ahead)}: {', '.join(found.ahead)}. A newer version made it.",
            "Update Chatter soon (scripts/deploy), or roll back with the newer version: chatter migrate down.",
        )
    return ok("neither behind nor ahead")


async def bus(deployment: Deployment) -> Verdict:
    """Send a message over the bus and wait until it comes back."""
    from prometheus_client import CollectorRegistry

    from signaling.bus.create import create_bus
    from signaling.bus.metrics import BusMetrics
    from signaling.bus.ports import BusUnavailable

    url = deployment.settings.cluster.bus_url
    if not url:
        return skipped("BUS_URL is not set: this node is alone")
    fix = "Start the bus (docker compose up -d --no-deps nats) and check BUS_URL with its password."
    line = create_bus(url, "chatter-doctor", BusMetrics(CollectorRegistry()))
    subject, came = f"chatter.doctor.{token_hex(8)}", asyncio.Event()
    try:
        await line.start()
        await line.subscribe(subject, lambda _: came.set())
        line.publish(subject, b"doctor")
        await asyncio.wait_for(came.wait(), _BUS_S)
    except BusUnavailable as error:
        raise Fault(sentence(error), fix) from None
    except TimeoutError:
        raise Fault(f"The bus took a message and did not bring it back within {_BUS_S:g} s.", fix) from None
    finally:
        await line.stop()
    return ok(f"a message came back over {line.system}")


async def disk(deployment: Deployment) -> Verdict:
    """Look at the room that is left for data and recordings, and whether one may write there."""
    watched = folders(deployment.settings).values()
    return _worst([_room_in(folder.absolute(), floor) for folder, floor in watched])


def _room_in(folder: Path, floor: int) -> Verdict:
    try:
        room, present = Room.of(folder, floor), existing(folder)
    except OSError as error:
        return failed(f"{folder} cannot be looked at: {reason(error)}.", _GIVE)
    fix = "Make room: delete old recordings and backups, docker image prune, or take a larger disk."
    if room.level is Level.NEARLY_FULL:
        return failed(f"The disk is nearly full: {room} in {folder}.", fix)
    if not os.access(present, os.W_OK | os.X_OK):
        return failed(f"{present} cannot be written by this user.", _GIVE)
    if room.level is Level.FILLING_UP:
        return warning(f"The disk fills up: {room} in {folder}.", fix)
    return ok(f"{room} in {folder}")


def _worst(verdicts: list[Verdict]) -> Verdict:
    return max(verdicts, key=lambda verdict: ("ok", "warning", "failed").index(verdict.status))
