"""The OpenAPI document against the running application: made-up requests, and answers that must be as described."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import schemathesis
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.app import create_app
from api.server import HttpServer
from tests.api.site import PASSWORD, settings_for
from tests.databases import SqliteFactory

EXAMPLES = 25
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


class RunningSite:
    """The application on a loopback port, in a thread with an event loop of its own."""

    def __init__(self, folder: Path, database: SqliteFactory) -> None:
        self._settings = settings_for(database.create(), folder)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._ready, self._loop = threading.Event(), asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),))
        self._thread.start()
        assert self._ready.wait(20)

    async def _serve(self) -> None:
        application = create_app(self._settings)
        server = HttpServer(application.asgi)
        await server.start([self._listener])
        self._ready.set()
        await self._stopping.wait()
        await server.stop(1)
        await application.stop()

    def ask(self, method: str, path: str, body: Any = None, token: str | None = None) -> Any:
        headers = {"Content-Type": "application/json", "X-Device-ID": "device"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(20)
        self._loop.close()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, sqlite_factory: SqliteFactory) -> Iterator[RunningSite]:
    """One site for all made-up requests."""
    site = RunningSite(tmp_path_factory.mktemp("openapi"), sqlite_factory)
    yield site
    site.close()


@pytest.fixture(scope="module")
def token(running: RunningSite) -> str:
    """The token of a user whom the made-up requests cannot sign out: they do not know the password."""
    made = str(running.ask("POST", "/auth/register", {"username": "alice", "password": PASSWORD})["token"])
    running.ask("POST", "/rooms", {"roomId": "stand-up"}, made)
    return made


@pytest.fixture(scope="module")
def operations(running: RunningSite) -> dict[str, Any]:
    """The operations of the document, by method and path."""
    document = schemathesis.openapi.from_url(f"{running.url}/api/openapi.json")
    found: list[Any] = [result.ok() for result in document.get_all_operations()]  # type: ignore[union-attr]
    return {f"{operation.method.upper()} {operation.path}": operation for operation in found}


OPERATIONS = [
    "POST /auth/register",
    "POST /auth/login",
    "POST /auth/refresh",
    "POST /auth/logout",
    "POST /auth/password",
    "GET /auth/sessions",
    "DELETE /auth/sessions/{session_id}",
    "POST /ws-tickets",
    "POST /rooms",
    "GET /rooms",
    "GET /rooms/{room_id}",
    "PATCH /rooms/{room_id}",
    "DELETE /rooms/{room_id}",
    "POST /rooms/{room_id}/invitations",
    "GET /rooms/{room_id}/invitations",
    "DELETE /rooms/{room_id}/invitations/{invitation_id}",
    "GET /rooms/{room_id}/bans",
    "DELETE /rooms/{room_id}/bans/{ban_id}",
    "GET /rooms/{room_id}/audit",
    "GET /rooms/{room_id}/moderators",
    "PUT /rooms/{room_id}/moderators/{user}",
    "DELETE /rooms/{room_id}/moderators/{user}",
    "POST /rooms/{room_id}/recordings",
    "GET /rooms/{room_id}/recordings",
    "GET /rooms/{room_id}/recordings/{recording_id}",
    "DELETE /rooms/{room_id}/recordings/{recording_id}",
    "POST /rooms/{room_id}/recordings/{recording_id}/stop",
    "POST /rooms/{room_id}/recordings/{recording_id}/link",
    "GET /rooms/{room_id}/recordings/{recording_id}/file",
    "GET /rooms/{room_id}/recordings/{recording_id}/film/{link}",
    "GET /rooms/{room_id}/calls",
    "GET /rooms/{room_id}/calls/{call_id}",
    "POST /rooms/{room_id}/troubles",
    "GET /ice-servers",
    "GET /health",
    "GET /readyz",
]
WITH_BODY = [
    "POST /auth/register",
    "POST /auth/login",
    "POST /auth/password",
    "POST /rooms",
    "PATCH /rooms/{room_id}",
    "POST /rooms/{room_id}/invitations",
    "POST /rooms/{room_id}/troubles",
]


def test_the_list_is_that_of_the_document(operations: dict[str, Any]) -> None:
    assert set(OPERATIONS) == set(operations)


def examine(
    operation: Any, mode: GenerationMode, url: str, headers: dict[str, str], room_id: str | None = None
) -> set[int]:
    """Send made-up requests, check each answer; return the statuses seen."""
    seen = set()

    @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
    @hypothesis.settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    def check(case: Any) -> None:
        if room_id is not None:
            case.path_parameters = {"room_id": room_id}
        answer = case.call(base_url=url, headers=headers)
        seen.add(answer.status_code)
        case.validate_response(answer, checks=CHECKS)

    check()
    return seen


@pytest.mark.parametrize("name", OPERATIONS)
def test_answers_to_good_requests_are_as_described(
    running: RunningSite, operations: dict[str, Any], token: str, name: str
) -> None:
    # Logging out with the token would make every later request a stranger's.
    headers = {} if name == "POST /auth/logout" else {"Authorization": f"Bearer {token}"}
    seen = examine(operations[name], GenerationMode.POSITIVE, running.url, headers)
    assert seen
    assert max(seen) < 500
    if name not in {"POST /auth/login", "POST /auth/refresh", "POST /auth/password"} and "{" not in name:
        assert min(seen) < 300  # otherwise nothing but refusals was looked at


@pytest.mark.parametrize(
    "name",
    [
        "GET /rooms/{room_id}",
        "PATCH /rooms/{room_id}",
        "POST /rooms/{room_id}/invitations",
        "GET /rooms/{room_id}/invitations",
        "GET /rooms/{room_id}/bans",
        "GET /rooms/{room_id}/audit",
        "GET /rooms/{room_id}/moderators",
        "GET /rooms/{room_id}/recordings",
        "GET /rooms/{room_id}/calls",
    ],
)
def test_answers_about_a_room_that_is_there_are_as_described(
    running: RunningSite, operations: dict[str, Any], token: str, name: str
) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    assert 200 in examine(operations[name], GenerationMode.POSITIVE, running.url, headers, "stand-up")


@pytest.mark.parametrize("name", WITH_BODY)
def test_answers_to_bad_requests_are_as_described(
    running: RunningSite, operations: dict[str, Any], token: str, name: str
) -> None:
    seen = examine(operations[name], GenerationMode.NEGATIVE, running.url, {"Authorization": f"Bearer {token}"})
    assert seen
    assert max(seen) < 500


@pytest.mark.parametrize("name", OPERATIONS)
def test_answers_to_strangers_are_as_described(running: RunningSite, operations: dict[str, Any], name: str) -> None:
    assert max(examine(operations[name], GenerationMode.POSITIVE, running.url, {})) < 500


def test_the_document_is_a_good_one(running: RunningSite) -> None:
    document = running.ask("GET", "/api/openapi.json")
    assert document["openapi"].startswith("3.1")
    assert document["info"]["title"] == "Chatter"
    schemathesis.openapi.from_dict(document).validate()
    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert set(re.findall(r'"\$ref": "(.*?)"', json.dumps(document))) <= known


def test_lists_are_described_as_lists(running: RunningSite) -> None:
    document = running.ask("GET", "/api/openapi.json")
    answer = document["paths"]["/auth/sessions"]["get"]["responses"]["200"]
    assert answer["content"]["application/json"]["schema"]["type"] == "array"
    assert answer["description"].startswith("A list.")
