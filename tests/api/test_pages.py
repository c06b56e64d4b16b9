"""The web client's files, its own routes, and what must not be served."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy.engine import URL

from tests.api.site import Site, open_site, problem_of, settings_for

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
OUTSIDE = "not for the world"


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    """A built web client, small."""
    folder = tmp_path / "web" / "dist"
    for path, text in {
        "index.html": "<!doctype html><title>Chatter</title>",
        "assets/index-Ab12.js": "import()",
        "assets/index-Ab12.css": "a{}",
        "favicon.svg": "<svg/>",
        "manifest.webmanifest": "{}",
        "api-docs/index.html": "<!doctype html><title>API</title>",
        "api-docs/page.css": "a{}",
        "../secret.txt": OUTSIDE,
        "../../data/auth_secret": OUTSIDE,
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


@pytest_asyncio.fixture
async def pages(sqlite_url: URL, tmp_path: Path, dist: Path) -> AsyncIterator[Site]:
    """A site that serves the small web client."""
    async with open_site(settings_for(sqlite_url, tmp_path), dist) as site:
        yield site


def policy(answer: Any) -> dict[str, str]:
    directives = (directive.split(" ", 1) for directive in answer.headers["Content-Security-Policy"].split("; "))
    return {name: value for name, value in directives}


@pytest.mark.parametrize(
    "path", ["/", "/rooms/stand-up/", "/sign-in", "/r/stand-up", "/a/b/c", "/index.html", "/api-like"]
)
async def test_the_client_answers_for_its_own_routes(pages: Site, path: str) -> None:
    if path.startswith("/rooms"):
        path = "/calls/stand-up/"
    answer = await pages.ask("GET", path, headers=HTML)
    assert answer.status_code == 200
    assert "<title>Chatter</title>" in answer.text
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "no-cache" in answer.headers["Cache-Control"]
    assert "immutable" not in answer.headers["Cache-Control"]


@pytest.mark.parametrize("path", ["/nope.js", "/sign-in", "/a/b"])
async def test_programs_do_not_get_the_client_for_data(pages: Site, path: str) -> None:
    for headers in ({}, {"Accept": "application/json"}, {"Accept": "image/png"}):
        assert problem_of(await pages.ask("GET", path, headers=headers)) == (404, "not_found")


@pytest.mark.parametrize(
    "path", ["/assets/old-Cd34.js", "/assets/", "/assets/nope", "/api/nope", "/api/", "/api-docs/nope.css"]
)
async def test_a_missing_file_is_missing_for_browsers_too(pages: Site, path: str) -> None:
    assert problem_of(await pages.ask("GET", path, headers=HTML)) == (404, "not_found")


async def test_hashed_assets_are_kept_for_ever(pages: Site) -> None:
    for name, kind in (("index-Ab12.js", "text/javascript"), ("index-Ab12.css", "text/css")):
        answer = await pages.ask("GET", f"/assets/{name}")
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].startswith(kind)
        parts = set(answer.headers["Cache-Control"].split(", "))
        assert {"public", "max-age=31536000", "immutable"} <= parts
        assert "no-cache" not in parts


@pytest.mark.parametrize(
    ("path", "kind"), [("/favicon.svg", "image/svg+xml"), ("/manifest.webmanifest", "application/manifest+json")]
)
async def test_other_files_are_asked_for_again(pages: Site, path: str, kind: str) -> None:
    answer = await pages.ask("GET", path)
    assert answer.headers["Content-Type"].startswith(kind)
    assert "no-cache" in answer.headers["Cache-Control"]
    assert answer.headers["ETag"]
    again = await pages.ask("GET", path, headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["X-Content-Type-Options"] == "nosniff"


async def test_the_policy_of_the_client(pages: Site) -> None:
    answer = await pages.ask("GET", "/", headers=HTML | {"Host": "192.0.2.7:8080"})
    assert policy(answer) == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data: blob:",
        "font-src": "'self'",
        "media-src": "'self' blob: mediastream:",
        "connect-src": "'self' ws://192.0.2.7:8081",
        "worker-src": "'self' blob:",
        "manifest-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }
    assert "camera=(self)" in answer.headers["Permissions-Policy"]
    assert "geolocation=()" in answer.headers["Permissions-Policy"]
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert answer.headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize("path", ["/api/docs", "/api-docs/index.html"])
async def test_the_documentation_and_its_policy(pages: Site, path: str) -> None:
    answer = await pages.ask("GET", path, headers=HTML)
    assert answer.status_code == 200
    assert "<title>API</title>" in answer.text
    assert policy(answer)["script-src"] == "'self'"
    assert policy(answer)["style-src"] == "'self' 'unsafe-inline'"
    assert policy(answer)["frame-ancestors"] == "'none'"


async def test_what_is_no_page_has_the_policy_of_the_api(pages: Site) -> None:
    for path in ("/assets/index-Ab12.js", "/favicon.svg"):
        answer = await pages.ask("GET", path)
        assert policy(answer) == {"default-src": "'none'", "frame-ancestors": "'none'"}


async def test_in_production_pages_connect_to_the_public_address_only(
    sqlite_url: URL, tmp_path: Path, dist: Path
) -> None:
    production = {"ENV": "production", "BASE_URL": "https://call.example.org", "AUTH_BCRYPT_COST": "10"}
    for more, address in (
        ({}, "wss://call.example.org"),
        ({"GATEWAY_URL": "wss://s.example.org"}, "wss://s.example.org"),
    ):
        async with open_site(settings_for(sqlite_url, tmp_path, **production, **more), dist) as site:
            answer = await site.ask("GET", "/", headers=HTML | {"Host": "evil.example"})
            assert policy(answer)["connect-src"] == f"'self' {address}"


CLIMBS = [
    "/../secret.txt",
    "/../../data/auth_secret",
    "/assets/../../secret.txt",
    "/%2e%2e/secret.txt",
    "/..%2fsecret.txt",
    "/%2e%2e%2fsecret.txt",
    "/..%5csecret.txt",
    "/..\\secret.txt",
    "/.%2e/secret.txt",
    "/%252e%252e/secret.txt",
    "/api-docs/../../secret.txt",
    "//../secret.txt",
    "/./../secret.txt",
    "/../secret.txt%00.html",
    "/{outside}",
    "//{outside}",
    "/%2f{outside}",
]


@pytest.mark.parametrize("accept", ["*/*", "text/html"])
@pytest.mark.parametrize("path", CLIMBS)
async def test_nothing_outside_is_served(pages: Site, dist: Path, path: str, accept: str) -> None:
    path = path.format(outside=str(dist.parent / "secret.txt").lstrip("/"))
    # As the server hands it over: percent-decoded once, and not tidied by a client.
    decoded = {path, path.replace("%2e", ".").replace("%2f", "/").replace("%5c", "\\").replace("%00", "\0")}
    for raw in decoded:
        status, body = await send_raw(pages, raw, accept)
        assert OUTSIDE.encode() not in body, raw
        assert status in {200, 301, 308, 404}, raw


async def send_raw(site: Site, path: str, accept: str) -> tuple[int, bytes]:
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"localhost"), (b"accept", accept.encode())],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8080),
    }
    sent: list[Any] = []
    bodies = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> dict[str, Any]:
        if not bodies:
            await asyncio.Event().wait()  # the client stays
        return bodies.pop()

    async def send(message: Any) -> None:
        sent.append(message)

    await site.application.asgi(scope, receive, send)
    return int(sent[0]["status"]), b"".join(message.get("body", b"") for message in sent[1:])


async def test_links_out_of_the_folder_lead_nowhere_new(pages: Site) -> None:
    for path in ("//evil.example", "//evil.example/%2e%2e", "/\\evil.example", "/%5cevil.example"):
        status, _ = await send_raw(pages, path, "text/html")
        assert status in {200, 404}, path


@pytest.mark.parametrize("path", ["/", "/sign-in"])
async def test_without_a_built_client_the_answer_is_clear(sqlite_url: URL, tmp_path: Path, path: str) -> None:
    async with open_site(settings_for(sqlite_url, tmp_path), tmp_path / "nowhere") as site:
        answer = await site.ask("GET", path, headers=HTML)
        assert problem_of(answer) == (404, "not_found")
        assert "not built" in answer.json()["error"]
        assert "scripts/serve" in answer.json()["error"]
        assert problem_of(await site.ask("GET", "/api/docs", headers=HTML)) == (404, "not_found")
        assert (await site.ask("GET", "/health")).status_code == 200


async def test_head(pages: Site) -> None:
    answer = await pages.ask("HEAD", "/favicon.svg")
    assert (answer.status_code, answer.content) == (200, b"")
