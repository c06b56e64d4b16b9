"""A whole application inside the test's event loop, and a client that goes through every layer of it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
from sqlalchemy.engine import URL

from api.app import create_app
from api.application import Application
from api.settings import Settings, load

PASSWORD = "a long enough phrase"
SECRET = "0123456789abcdef" * 3
JSON = {"Content-Type": "application/json"}


def settings_for(url: URL | None, folder: Path, **variables: str) -> Settings:
    """Return settings as `load` makes them from these variables and nothing else."""
    empty = folder / "empty.yaml"
    empty.touch()
    given = {
        "CONFIG_PATH": str(empty),
        "CHATTER_DATA_DIR": str(folder / "data"),
        "AUTH_SECRET": SECRET,
        "AUTH_BCRYPT_COST": "4",
        "LIMITS_SCALE": "1000",
    }
    if url is not None:
        given["DATABASE_URL"] = url.render_as_string(hide_password=False)
    return load(given | variables)


class Site:
    """An application with a client that has no cookies of its own."""

    def __init__(self, application: Application, client: httpx2.AsyncClient) -> None:
        self.application = application
        self.client = client

    async def ask(self, method: str, path: str, **options: Any) -> httpx2.Response:
        """Send a request through all layers."""
        answer = await self.client.request(method, path, **options)
        self.client.cookies.clear()
        return answer

    async def sign_up(self, username: str = "alice") -> dict[str, str]:
        """Make an account; return the headers that show its token."""
        body = {"username": username, "password": PASSWORD}
        answer = await self.ask("POST", "/auth/register", json=body, headers={"X-Device-ID": f"device-of-{username}"})
        assert answer.status_code == 200, answer.text
        return {"Authorization": f"Bearer {answer.json()['token']}"}


@asynccontextmanager
async def open_site(settings: Settings, dist: Path | None = None) -> AsyncIterator[Site]:
    """Put an application together, with a web client of one page where none is given, and close it at the end."""
    if dist is None:
        dist = settings.data_dir / "web"
        dist.mkdir(parents=True, exist_ok=True)
        (dist / "index.html").write_text("<!doctype html><title>Chatter</title>", "utf-8")
    application = create_app(settings, dist=dist)
    whole: Any = application.asgi
    transport = httpx2.ASGITransport(whole)
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost:8080") as client:
        try:
            yield Site(application, client)
        finally:
            await application.stop()


async def end_of_sqlite_threads() -> None:
    """Wait for the threads of SQLite connections that failed to open; they still call into this event loop."""
    for thread in threading.enumerate():
        if "_connection_worker_thread" in thread.name:
            await asyncio.to_thread(thread.join, 10)


def problem_of(answer: httpx2.Response) -> tuple[int, str]:
    """Return status and code of an error answer, after checking that it has the one shape of all errors."""
    assert answer.headers["Content-Type"] == "application/json"
    body = answer.json()
    assert list(body) == ["error", "code", "request_id"]
    assert body["request_id"] == answer.headers["X-Request-ID"]
    assert body["error"]
    assert "Traceback" not in answer.text
    assert "</" not in answer.text
    return answer.status_code, body["code"]
