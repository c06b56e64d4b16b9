"""Fixtures of the recordings' tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from msgspec.structs import replace
from prometheus_client import CollectorRegistry
from sqlalchemy import text

from api.db import Database
from signaling.recording.metrics import RecordingMetrics
from signaling.recording.service import RecordingService
from signaling.recording.settings import RecordingSettings
from signaling.recording.store import RecordingStore
from signaling.store import RoomStore
from tests.signaling.recording.fakes import FakeLauncher
from tests.signaling.recording.waiting import until

NOW = 1_790_000_000.0
OWNER, MODERATOR, STRANGER = 1, 2, 3
ROOM = "stand-up"


class Studio:
    """A recording service among fakes, on a real database."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.settings = RecordingSettings(
            folder=folder / "recordings", secret="s" * 48, gateway_url="ws://127.0.0.1:8081", free_floor_bytes=0
        )
        self.database = database
        self.store = RecordingStore(database)
        self.now = NOW
        self.people = 2
        self.leads: set[int] = set()
        """Who is host or moderator of the running call, beside owner and lasting moderators."""
        self.open()

    def open(self, **settings: object) -> None:
        """Start the service, or start it anew."""
        self.settings = replace(self.settings, **settings)
        self.launcher = FakeLauncher()
        self.registry = CollectorRegistry()
        self.service = RecordingService(
            self.settings,
            self.store,
            self.launcher,
            RecordingMetrics(self.registry),
            kept_since=RoomStore(self.database).select_kept_since,
            people=lambda _: self.people,
            moderates=lambda _, user_id: user_id in self.leads,
            clock=lambda: self.now,
        )

    async def begin(self, user: int = OWNER, room: str = ROOM) -> str:
        """Start to record; return the id."""
        return (await self.service.begin(room, user, "alice")).recording.id

    async def until(self, recording_id: str, status: str) -> None:
        """Wait until the database says so."""

        async def so() -> bool:
            found = await self.store.select(recording_id)
            return found is not None and found.status == status

        await until(so)

    async def recorded(self, content: bytes = b"film") -> str:
        """Record to the end; return the id."""
        recording_id = await self.begin()
        started = len(self.launcher.started)
        (await self.launcher.worker(started + 1)).end("stopped")
        (await self.launcher.worker(started + 2)).make(content)
        await self.until(recording_id, "ready")
        await until(lambda: asyncio.sleep(0, self.service.active == 0))
        return recording_id


@pytest_asyncio.fixture
async def studio(database: Database, tmp_path: Path) -> AsyncIterator[Studio]:
    """A studio on each kind of database, with a room that has an owner and a moderator."""
    await add_room(database)
    made = Studio(database, tmp_path)
    yield made
    await made.service.stop()


async def add_room(database: Database) -> None:
    """Make three accounts, and a room of the first that the second moderates."""
    async with database.write() as db:
        for user, name in ((OWNER, "alice"), (MODERATOR, "bob"), (STRANGER, "eve")):
            await db.execute(
                text(
                    "INSERT INTO users (id, username, username_key, password_hash, created_at, updated_at)"
                    " VALUES (:id, :name, :name, 'x', 0, 0)"
                ),
                {"id": user, "name": name},
            )
        await db.execute(
            text(
                "INSERT INTO rooms (id, owner_id, name, guests_allowed, max_members, created_at, updated_at)"
                " VALUES (:id, 1, '', TRUE, 8, 0, 0)"
            ),
            {"id": ROOM},
        )
        await db.execute(
            text("INSERT INTO room_moderators (room_id, user_id, created_at) VALUES (:id, 2, 0)"), {"id": ROOM}
        )
