"""Every route of the application, found by walking its map: who may call, what is documented, how errors look."""

from __future__ import annotations

import asyncio
import logging
import re
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import URL
from werkzeug.routing.rules import Rule

from api.application import Application
from api.http.security import ACCESS
from auth.errors import AuthError, EmailTaken
from tests.api.site import JSON, PASSWORD, SECRET, Site, end_of_sqlite_threads, open_site, problem_of, settings_for

ROOT = Path(__file__).resolve().parents[2]
PREFIXES = ("", "/api")
UNDOCUMENTED = {"/metrics", "/doctor", "/api/openapi.json", "/api/docs", "/", "/<path:path>"}
WITHOUT_PREFIX = {"/api/openapi.json", "/api/docs", "/", "/<path:path>"}
EXAMPLES = {
    "room_id": "stand-up",
    "invitation_id": "0197b0f2-c1d0-7c3c-8000-000000000000",
    "ban_id": "0197b0f2-c1d0-7c3c-8000-000000000000",
    "recording_id": "0197b0f2-c1d0-7c3c-8000-000000000000",
    "call_id": "0123456789abcdef0123456789abcdef",
    "link": "signed",
    "user": "bob",
    "session_id": "0197b0f2-c1d0-7c3c-8000-000000000000",
    "path:path": "calls/stand-up",
}
GARBAGE: tuple[dict[str, str], ...] = (
    {},
    {"Authorization": ""},
    {"Authorization": "Bearer"},
    {"Authorization": "Bearer garbage"},
    {"Authorization": "Bearer a.b.c"},
    {"Authorization": "Basic YWxpY2U6cGFzc3dvcmQ="},
    {"Authorization": "Bearer " + "x" * 8000},
    {"Authorization": "Bearer eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJzdWIiOiIxIn0."},
    {"X-User-ID": "1"},
    {"Cookie": "refresh_token=garbage"},
)


def operations(application: Application) -> Iterator[tuple[Rule, str]]:
    """Yield each route with each method that a view of ours answers."""
    for rule in application.quart.url_map.iter_rules():
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield rule, method


def example(rule: Rule) -> str:
    return re.sub(r"<(.*?)>", lambda match: EXAMPLES[match[1]], rule.rule)


def access_of(application: Application, rule: Rule) -> str:
    return str(getattr(application.quart.view_functions[rule.endpoint], ACCESS, ""))


def documented_codes() -> dict[int, set[str]]:
    """Read the table of statuses and codes from docs/api.md."""
    rows = re.findall(r"^\| (\d{3}) \| (.*) \|$", (ROOT / "docs" / "api.md").read_text(), re.MULTILINE)
    return {int(status): set(re.findall(r"`([a-z_]+)`", codes)) for status, codes in rows}


async def test_the_walk_sees_every_kind_of_route(application: Application) -> None:
    seen = {(method, rule.rule) for rule, method in operations(application)}
    assert {("POST", "/auth/login"), ("DELETE", "/rooms/<room_id>"), ("GET", "/health"), ("GET", "/api/docs")} <= seen


async def test_every_view_says_who_may_call_it(application: Application) -> None:
    for rule, _ in operations(application):
        if rule.endpoint != "openapi":  # made by the framework; the document describes a public API
            access = access_of(application, rule)
            assert access == "authenticated" or re.fullmatch(r"public: .{10,}", access), rule


async def test_only_these_views_are_public(application: Application) -> None:
    public = {f"{m} {r.rule}" for r, m in operations(application) if access_of(application, r) != "authenticated"}
    assert public == {
        "POST /auth/register",
        "POST /auth/login",
        "POST /auth/refresh",
        "POST /auth/logout",
        "GET /rooms/<room_id>",
        "POST /rooms/<room_id>/troubles",
        "GET /ice-servers",
        "GET /rooms/<room_id>/recordings/<recording_id>/film/<link>",
        "GET /health",
        "GET /readyz",
        *(f"GET {path}" for path in UNDOCUMENTED),
    }


async def test_authenticated_views_refuse_every_stranger(site: Site) -> None:
    for rule, method in operations(site.application):
        if access_of(site.application, rule) == "authenticated":
            for prefix in PREFIXES:
                for headers in GARBAGE:
                    answer = await site.ask(method, prefix + example(rule), headers=headers)
                    assert problem_of(answer) == (401, "unauthenticated"), (method, prefix, rule, headers)


async def test_authenticated_views_look_at_the_token_before_the_body(site: Site) -> None:
    for rule, method in operations(site.application):
        if access_of(site.application, rule) == "authenticated":
            answer = await site.ask(method, example(rule), content=b"{", headers=JSON)
            assert problem_of(answer) == (401, "unauthenticated"), (method, rule)


@pytest.mark.parametrize("path", ["/rooms/stand-up", "/api/rooms/stand-up"])
async def test_a_bad_token_is_refused_where_none_is_needed(site: Site, path: str) -> None:
    answer = await site.ask("GET", path, headers={"Authorization": "Bearer garbage"})
    assert problem_of(answer) == (401, "unauthenticated")


async def test_every_route_is_documented_but_for_the_pages(site: Site) -> None:
    document = (await site.ask("GET", "/api/openapi.json")).json()
    described = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    routes = {
        (method, rule.rule.replace("<", "{").replace(">", "}"))
        for rule, method in operations(site.application)
        if rule.rule not in UNDOCUMENTED
    }
    assert described == routes


async def test_every_operation_documents_its_errors(site: Site) -> None:
    document = (await site.ask("GET", "/api/openapi.json")).json()
    for rule, method in operations(site.application):
        if rule.rule in UNDOCUMENTED:
            continue
        path = rule.rule.replace("<", "{").replace(">", "}")
        operation = document["paths"][path][method.lower()]
        answers = operation["responses"]
        signed_in = access_of(site.application, rule) == "authenticated"
        wanted = {"429", "500", "503"}
        wanted |= {"401"} if signed_in else set()
        wanted |= {"400", "413", "415", "422"} if "requestBody" in operation else set()
        wanted |= {"404"} if "{" in path else set()
        assert wanted <= set(answers), (method, path)
        assert operation["summary"], (method, path)
        assert operation.get("security") == ([{"bearer": []}] if signed_in else None), (method, path)
        for status, answer in answers.items():
            assert answer["description"], (method, path, status)
            if int(status) < 400 or (path == "/readyz" and status == "503"):
                continue
            schema = answer["content"]["application/json"]["schema"]
            if "$ref" in schema:
                schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
            assert schema["required"] == ["error", "code", "request_id"], (method, path, status)


async def test_operation_ids_are_unique(site: Site) -> None:
    document = (await site.ask("GET", "/api/openapi.json")).json()
    ids = [operation["operationId"] for item in document["paths"].values() for operation in item.values()]
    assert len(ids) == len(set(ids))


async def test_every_route_answers_with_the_security_headers(site: Site) -> None:
    for rule, method in operations(site.application):
        for prefix in ("",) if rule.rule in WITHOUT_PREFIX else PREFIXES:
            for headers in ({}, {"Accept": "text/html"}):
                answer = await site.ask(method, prefix + example(rule), headers=headers)
                where = (method, prefix, rule, answer.status_code)
                assert answer.headers["X-Content-Type-Options"] == "nosniff", where
                assert answer.headers["Referrer-Policy"] == "no-referrer", where
                assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"], where
                assert "default-src 'none'" in answer.headers["Content-Security-Policy"], where
                assert "Cache-Control" in answer.headers, where
                assert re.fullmatch(r"[0-9a-f]{16}", answer.headers["X-Request-ID"]), where
                assert answer.headers.get_list("Vary") == ["Origin"], where
                assert "Strict-Transport-Security" not in answer.headers, where
                assert "Server" not in answer.headers, where


async def test_answers_of_the_api_are_never_cached(site: Site, signed_in: dict[str, str]) -> None:
    for rule, method in operations(site.application):
        if rule.rule not in WITHOUT_PREFIX:
            answer = await site.ask(method, example(rule), headers=signed_in)
            assert answer.headers.get_list("Cache-Control") == ["no-store"], (method, rule)
            assert answer.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"


async def test_production_demands_https_of_browsers(sqlite_url: URL, tmp_path: Path) -> None:
    settings = settings_for(
        sqlite_url, tmp_path, ENV="production", BASE_URL="https://call.example.org", AUTH_BCRYPT_COST="10"
    )
    async with open_site(settings) as site:
        for path in ("/health", "/nope", "/", "/rooms"):
            answer = await site.ask("GET", path)
            assert re.match(r"max-age=\d{8}", answer.headers["Strict-Transport-Security"]), path


async def test_every_answer_has_a_request_id_of_its_own(site: Site) -> None:
    ids = {(await site.ask("GET", "/nope")).json()["request_id"] for _ in range(20)}
    assert len(ids) == 20


async def test_a_request_id_is_not_taken_from_the_client(site: Site) -> None:
    answer = await site.ask("GET", "/nope", headers={"X-Request-ID": "0000000000000000"})
    assert answer.headers.get_list("X-Request-ID") == [answer.json()["request_id"]]
    assert answer.json()["request_id"] != "0000000000000000"


# --- one shape of error ---------------------------------------------------------------------------------------------

DEVICE = {"X-Device-ID": "device"}
CREDENTIALS = {"username": "alice", "password": PASSWORD}
ERRORS: dict[str, tuple[str, str, dict[str, Any], int, str]] = {
    "no such path": ("GET", "/nope", {}, 404, "not_found"),
    "no such path of the API": ("GET", "/api/nope", {"headers": {"Accept": "text/html"}}, 404, "not_found"),
    "no such asset": ("GET", "/assets/nope.js", {"headers": {"Accept": "text/html"}}, 404, "not_found"),
    "no such room": ("GET", "/rooms/nope", {}, 404, "room_not_found"),
    "wrong method": ("PUT", "/rooms", {"json": {}}, 405, "method_not_allowed"),
    "wrong method on a page": ("POST", "/", {"json": {}}, 405, "method_not_allowed"),
    "odd method": ("BREW", "/rooms", {}, 405, "method_not_allowed"),
    "no device": ("POST", "/auth/login", {"json": CREDENTIALS}, 400, "missing_device_id"),
    "bad device": (
        "POST",
        "/auth/login",
        {"json": CREDENTIALS, "headers": {"X-Device-ID": "a b"}},
        400,
        "bad_device_id",
    ),
    "half a body": ("POST", "/auth/login", {"content": b'{"username": ', "headers": JSON | DEVICE}, 400, "bad_json"),
    "no body": ("POST", "/auth/login", {"headers": JSON | DEVICE}, 400, "bad_json"),
    "not UTF-8": (
        "POST",
        "/auth/login",
        {"content": b'{"username": "\xff"}', "headers": JSON | DEVICE},
        400,
        "bad_json",
    ),
    "nested": ("POST", "/auth/login", {"content": b"[" * 60_000, "headers": JSON | DEVICE}, 400, "bad_json"),
    "wrong password": ("POST", "/auth/login", {"json": CREDENTIALS, "headers": DEVICE}, 401, "bad_credentials"),
    "no session": ("POST", "/auth/refresh", {}, 401, "refresh_invalid"),
    "another site": (
        "POST",
        "/auth/refresh",
        {"headers": {"Cookie": "refresh_token=x", "Origin": "http://evil.example"}},
        403,
        "csrf",
    ),
    "large body": ("POST", "/auth/login", {"content": b" " * 70_000, "headers": JSON | DEVICE}, 413, "body_too_large"),
    "a form": ("POST", "/auth/login", {"data": CREDENTIALS, "headers": DEVICE}, 415, "unsupported_media_type"),
    "no type": ("POST", "/auth/login", {"content": b"{}", "headers": DEVICE}, 415, "unsupported_media_type"),
    "a list": ("POST", "/auth/login", {"json": [], "headers": DEVICE}, 422, "validation_failed"),
    "null": ("POST", "/auth/login", {"content": b"null", "headers": JSON | DEVICE}, 422, "validation_failed"),
    "wrong type": ("POST", "/auth/login", {"json": {"username": 1}, "headers": DEVICE}, 422, "validation_failed"),
    "unknown field": (
        "POST",
        "/auth/login",
        {"json": {**CREDENTIALS, "admin": True}, "headers": DEVICE},
        422,
        "validation_failed",
    ),
    "weak password": (
        "POST",
        "/auth/register",
        {"json": {"username": "bob", "password": "short"}, "headers": DEVICE},
        422,
        "validation_failed",
    ),
}


@pytest.mark.parametrize(
    ("case", "prefix"),
    [(case, "") for case in ERRORS] + [(case, "/api") for case in ERRORS if ERRORS[case][1][:5] in {"/auth", "/room"}],
)
async def test_errors_have_one_shape_and_a_documented_code(site: Site, case: str, prefix: str) -> None:
    method, path, options, status, code = ERRORS[case]
    answer = await site.ask(method, prefix + path, **options)
    assert problem_of(answer) == (status, code)
    assert code in documented_codes()[status]
    assert PASSWORD not in answer.text


async def test_large_bodies_of_unknown_length_are_cut_off(site: Site) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(70):
            yield b" " * 1000

    answer = await site.ask("POST", "/auth/login", content=endless(), headers=JSON | DEVICE)
    assert problem_of(answer) == (413, "body_too_large")


async def test_wrong_methods_name_the_right_ones(site: Site) -> None:
    answer = await site.ask("PUT", "/rooms")
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS", "POST"}


async def test_a_taken_name_and_a_taken_room(site: Site, signed_in: dict[str, str]) -> None:
    answer = await site.ask("POST", "/auth/register", json=CREDENTIALS, headers={"X-Device-ID": "other"})
    assert problem_of(answer) == (409, "username_taken")
    for expected in (200, 409):
        answer = await site.ask("POST", "/rooms", json={"roomId": "stand-up"}, headers=signed_in)
        assert answer.status_code == expected
    assert problem_of(answer) == (409, "room_exists")


async def test_too_many_requests(sqlite_url: URL, tmp_path: Path) -> None:
    async with open_site(settings_for(sqlite_url, tmp_path, LIMITS_SCALE="0.01")) as site:
        assert (await site.ask("GET", "/rooms/nope")).status_code == 404
        answer = await site.ask("GET", "/rooms/nope")
        assert problem_of(answer) == (429, "rate_limited")
        assert 1 <= int(answer.headers["Retry-After"]) <= 60
        assert "rate_limited" in documented_codes()[429]


async def test_every_route_of_the_api_counts_towards_the_limit(sqlite_url: URL, tmp_path: Path) -> None:
    for method, path in (
        ("GET", "/rooms"),
        ("GET", "/auth/sessions"),
        ("POST", "/auth/refresh"),
        ("POST", "/ws-tickets"),
    ):
        async with open_site(settings_for(sqlite_url, tmp_path, LIMITS_SCALE="0.01")) as site:
            await site.ask(method, path)
            assert problem_of(await site.ask(method, path)) == (429, "rate_limited"), path


@pytest.mark.parametrize("path", ["/", "/r/stand-up", "/health", "/readyz"])
async def test_pages_and_health_do_not(sqlite_url: URL, tmp_path: Path, path: str) -> None:
    async with open_site(settings_for(sqlite_url, tmp_path, LIMITS_SCALE="0.01")) as site:
        answers = [await site.ask("GET", path) for _ in range(5)]
        assert 429 not in {answer.status_code for answer in answers}


async def test_a_fault_of_ours_says_nothing_about_itself(
    site: Site, signed_in: dict[str, str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(_: int) -> None:
        raise RuntimeError("the inside of the machine")

    monkeypatch.setattr(site.application.rooms, "owned", fail)
    answer = await site.ask("GET", "/rooms", headers=signed_in)
    assert problem_of(answer) == (500, "internal_error")
    assert "inside" not in answer.text
    assert "internal_error" in documented_codes()[500]
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert getattr(record, "request_id", None) == answer.json()["request_id"]
    assert record.exc_info is not None
    assert "the inside of the machine" in str(record.exc_info[1])


async def test_an_answer_of_the_wrong_shape_is_a_fault_of_ours(
    site: Site, signed_in: dict[str, str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("api.http.rooms.RoomList", lambda rooms: {"rooms": "none"})
    answer = await site.ask("GET", "/rooms", headers=signed_in)
    assert problem_of(answer) == (500, "internal_error")
    caplog.clear()


async def test_a_body_that_never_comes(site: Site) -> None:
    site.application.quart.config["BODY_TIMEOUT"] = 0.01

    async def half() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    answer = await site.ask("POST", "/auth/login", content=half(), headers=JSON | DEVICE)
    assert problem_of(answer) == (408, "timeout")


def broken_databases(folder: Path) -> list[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (folder / "directory").mkdir()
    return [f"postgresql://user:{SECRET}@127.0.0.1:{port}/chatter", f"sqlite:///{folder / 'directory'}"]


@pytest.mark.parametrize("kind", [0, 1], ids=["postgresql", "sqlite"])
async def test_a_database_that_cannot_be_reached(tmp_path: Path, kind: int, caplog: pytest.LogCaptureFixture) -> None:
    url = broken_databases(tmp_path)[kind]
    async with open_site(settings_for(None, tmp_path, DATABASE_URL=url)) as site:
        for answer in (
            await site.ask("GET", "/rooms/stand-up"),
            await site.ask("POST", "/auth/login", json=CREDENTIALS, headers=DEVICE),
            await site.ask("POST", "/auth/register", json=CREDENTIALS, headers=DEVICE),
            await site.ask("POST", "/auth/refresh", headers={"Cookie": "refresh_token=x"}),
        ):
            assert problem_of(answer) == (503, "unavailable")
            assert int(answer.headers["Retry-After"]) > 0
            assert SECRET not in answer.text
        assert "unavailable" in documented_codes()[503]
        assert (await site.ask("GET", "/health")).status_code == 200
    assert SECRET not in caplog.text
    await end_of_sqlite_threads()


def test_every_code_of_the_auth_package_is_documented() -> None:
    def descendants(kind: type[AuthError]) -> Iterator[type[AuthError]]:
        for child in kind.__subclasses__():
            yield child
            yield from descendants(child)

    codes = documented_codes()
    told = [kind for kind in descendants(AuthError) if kind is not EmailTaken]  # operators only
    assert len(told) > 10
    for kind in told:
        assert kind.code in codes[kind.status], kind


@pytest.mark.parametrize("path", ["/" + "a" * 300, "/" + "a/" * 3000, "/%00", "/%ff", "/a%0d%0ab", "/\u0430"])
@pytest.mark.parametrize("accept", ["*/*", "text/html"])
async def test_odd_paths_are_no_fault_of_ours(site: Site, path: str, accept: str) -> None:
    answer = await site.ask("GET", path, headers={"Accept": accept})
    assert answer.status_code in {200, 404}
    if answer.status_code == 404:
        assert problem_of(answer) == (404, "not_found")


@pytest.mark.parametrize("host", ["[::1", "a b", "x;y", "\u00e9", "", "localhost:99999999", "[::1]:8080", "a,b"])
@pytest.mark.parametrize("path", ["/", "/rooms/stand-up", "/nope", "/rooms"])
async def test_odd_hosts_are_no_fault_of_ours(
    site: Site, signed_in: dict[str, str], host: str, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    await site.ask("POST", "/rooms", json={"roomId": "stand-up"}, headers=signed_in)
    for headers in (signed_in, {"Accept": "text/html"}):
        answer = await site.ask("GET", path, headers=[*headers.items(), ("Host", host.encode())])
        assert answer.status_code < 500, answer.text
        policy = answer.headers["Content-Security-Policy"]
        assert "x;y" not in policy
        assert " b:" not in policy
