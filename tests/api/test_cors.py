"""Which other origins' pages may call the API."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from tests.api.site import Site, open_site, settings_for

FOREIGN = "http://localhost:5173"
STRANGERS = [
    "http://evil.example",
    "http://localhost:5174",
    "https://localhost:5173",
    "http://localhost",
    "http://localhost:5173.evil.example",
    "http://evil.example/http://localhost:5173",
    "http://localhost:5173/",
    "HTTP://LOCALHOST:5173",
    "null",
    "*",
    "",
]
PATHS = ["/health", "/rooms", "/api/rooms", "/auth/refresh", "/nope", "/"]


def grants(headers: object) -> set[str]:
    assert hasattr(headers, "keys")
    return {name for name in headers.keys() if name.startswith("access-control-")}  # noqa: SIM118  # not a dict


@pytest.mark.seed("S1-48")
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("origin", [FOREIGN, "http://localhost:8080", "http://127.0.0.1:8080", "http://[::1]:8080"])
async def test_listed_origins_may_use_credentials(site: Site, path: str, origin: str) -> None:
    answer = await site.ask("GET", path, headers={"Origin": origin})
    assert answer.headers["Access-Control-Allow-Origin"] == origin
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"
    assert answer.headers["Access-Control-Expose-Headers"] == "x-request-id, retry-after"
    assert answer.headers.get_list("Vary") == ["Origin"]


@pytest.mark.parametrize("origin", STRANGERS)
async def test_strangers_get_no_header_at_all(site: Site, origin: str) -> None:
    for path in PATHS:
        answer = await site.ask("GET", path, headers={"Origin": origin})
        assert grants(answer.headers) == set(), path
        assert answer.headers.get_list("Vary") == ["Origin"], path


async def test_no_origin_no_header(site: Site) -> None:
    answer = await site.ask("GET", "/health")
    assert grants(answer.headers) == set()
    assert answer.headers.get_list("Vary") == ["Origin"]


@pytest.mark.parametrize("path", PATHS)
async def test_preflights_of_listed_origins(site: Site, path: str) -> None:
    headers = {"Origin": FOREIGN, "Access-Control-Request-Method": "DELETE"}
    answer = await site.ask("OPTIONS", path, headers=headers)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["Access-Control-Allow-Origin"] == FOREIGN
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"
    assert answer.headers["Access-Control-Allow-Methods"] == "GET, POST, PUT, PATCH, DELETE, OPTIONS"
    assert answer.headers["Access-Control-Allow-Headers"] == "authorization, content-type, x-device-id, x-invitation"
    assert answer.headers["Access-Control-Max-Age"] == "600"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Request-ID"]


async def test_the_methods_that_are_granted_are_those_there_are(site: Site) -> None:
    answer = await site.ask("OPTIONS", "/rooms", headers={"Origin": FOREIGN, "Access-Control-Request-Method": "GET"})
    granted = set(answer.headers["Access-Control-Allow-Methods"].split(", "))
    for rule in site.application.quart.url_map.iter_rules():
        assert (rule.methods or set()) - {"HEAD"} <= granted, rule


@pytest.mark.parametrize("origin", STRANGERS)
async def test_preflights_of_strangers(site: Site, origin: str) -> None:
    headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    answer = await site.ask("OPTIONS", "/rooms", headers=headers)
    assert grants(answer.headers) == set()


async def test_an_options_request_that_is_no_preflight_is_answered_by_the_app(site: Site) -> None:
    answer = await site.ask("OPTIONS", "/rooms", headers={"Origin": FOREIGN})
    assert answer.status_code == 200
    assert "POST" in answer.headers["Allow"]
    assert answer.headers["Access-Control-Allow-Origin"] == FOREIGN


async def test_refusals_can_be_read_by_listed_origins(site: Site) -> None:
    answer = await site.ask("GET", "/rooms", headers={"Origin": FOREIGN})
    assert answer.status_code == 401
    assert answer.headers["Access-Control-Allow-Origin"] == FOREIGN


@pytest.mark.seed("S1-48")
async def test_the_list_comes_from_the_settings(sqlite_url: URL, tmp_path: Path) -> None:
    settings = settings_for(sqlite_url, tmp_path, SERVER_CORS_ORIGINS="https://a.example,https://b.example:8443")
    async with open_site(settings) as site:
        for origin, granted in (("https://a.example", True), ("https://b.example:8443", True), (FOREIGN, False)):
            answer = await site.ask("GET", "/health", headers={"Origin": origin})
            assert bool(grants(answer.headers)) is granted, origin
