"""The routes of identity, in a small app of their own."""

from __future__ import annotations

import uuid
from datetime import datetime
from http.cookies import Morsel, SimpleCookie
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from quart import Quart, Response, request

from api.http.auth import AuthRoutesSettings, create_auth_blueprint
from api.http.bodies import JsonRequest
from api.http.errors import install_error_handlers
from api.http.openapi import openapi
from api.http.security import ACCESS
from observability.origins import Origins
from observability.request import request_info
from tests.auth.fakes import PASSWORD, Installation

ORIGIN = "http://localhost:5173"
DEVICE = {"X-Device-ID": "abc123def456"}
CREDENTIALS = {"username": "alice", "password": PASSWORD}
MONTHS = 1440 * 3600


class Browser:
    """Sends requests to the small app; keeps no cookies, so that tests show which they send."""

    def __init__(self, site: Installation, *, production: bool = False) -> None:
        self.site = site
        self.scheme = "https" if production else "http"
        app = Quart(__name__)
        app.request_class = JsonRequest
        openapi("1").init_app(app)
        install_error_handlers(app, lambda _: None)
        app.extensions["chatter"] = SimpleNamespace(auth=site.auth)
        settings = AuthRoutesSettings(allowed_origins=frozenset({ORIGIN}), secure_cookies=production)
        app.register_blueprint(create_auth_blueprint(site.auth, settings, Origins()))

        @app.before_request
        async def note_address() -> None:
            request_info(request.scope).address = request.headers.get("X-Test-Address", "192.0.2.1")  # type: ignore[arg-type]

        self.app = app

    async def send(self, method: str, path: str, *, headers: dict[str, str] | None = None, **body: Any) -> Response:
        client = self.app.test_client(use_cookies=False)
        return await client.open(path, method=method, headers=headers or {}, scheme=self.scheme, **body)

    async def post(self, path: str, json: Any = None, **headers: str) -> Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.send("POST", path, headers=named, **({} if json is None else {"json": json}))

    async def sign_up(self, username: str = "alice") -> tuple[str, str]:
        """Return the access token and the refresh token of a new account."""
        answer = await self.send(
            "POST", "/auth/register", headers=DEVICE, json={"username": username, "password": PASSWORD}
        )
        assert answer.status_code == 200
        (cookie,) = cookies(answer)
        return (await answer.get_json())["token"], cookie.value


def cookies(answer: Response) -> list[Morsel[str]]:
    return [morsel for line in answer.headers.getlist("Set-Cookie") for morsel in SimpleCookie(line).values()]


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def code_of(answer: Response) -> tuple[int, str]:
    body = await answer.get_json()
    assert set(body) == {"error", "code", "request_id"}
    return answer.status_code, body["code"]


@pytest.fixture
def browser(local_site: Installation) -> Browser:
    return Browser(local_site)


@pytest.fixture
def production(local_site: Installation) -> Browser:
    return Browser(local_site, production=True)


@pytest.mark.seed("S1-25")
@pytest.mark.seed("S1-26")
@pytest.mark.parametrize("path", ["/auth/register", "/auth/login"])
async def test_sign_up_and_sign_in(browser: Browser, path: str) -> None:
    if path == "/auth/login":
        await browser.sign_up()
    answer = await browser.send("POST", path, headers=DEVICE, json=CREDENTIALS)
    body = await answer.get_json()
    assert answer.status_code == 200
    assert set(body) == {"id", "token", "username"}
    assert body["username"] == "alice"
    assert type(body["id"]) is int
    assert (await browser.site.auth.authenticate(body["token"])).user_id == body["id"]
    assert answer.headers["Cache-Control"] == "no-store"
    (cookie,) = cookies(answer)
    assert cookie.key == "refresh_token"
    assert len(cookie.value) == 43


@pytest.mark.seed("S1-25")
async def test_the_cookie_in_development(browser: Browser) -> None:
    answer = await browser.send("POST", "/auth/register", headers=DEVICE, json=CREDENTIALS)
    (line,) = answer.headers.getlist("Set-Cookie")
    name_and_value, *attributes = line.split("; ")
    assert name_and_value.startswith("refresh_token=")
    assert sorted(attributes) == ["HttpOnly", f"Max-Age={MONTHS}", "Path=/", "SameSite=Strict"]


async def test_the_cookie_in_development_over_https(browser: Browser) -> None:
    browser.scheme = "https"
    answer = await browser.send("POST", "/auth/register", headers=DEVICE, json=CREDENTIALS)
    (line,) = answer.headers.getlist("Set-Cookie")
    assert line.startswith("refresh_token=")
    assert "; Secure;" in line


@pytest.mark.parametrize("scheme", ["http", "https"])  # behind a proxy that ends TLS, too
async def test_the_cookie_in_production(production: Browser, scheme: str) -> None:
    production.scheme = scheme
    answer = await production.send("POST", "/auth/register", headers=DEVICE, json=CREDENTIALS)
    (line,) = answer.headers.getlist("Set-Cookie")
    name_and_value, *attributes = line.split("; ")
    assert name_and_value.startswith("__Secure-refresh_token=")
    assert sorted(attributes) == ["HttpOnly", f"Max-Age={MONTHS}", "Path=/", "SameSite=Strict", "Secure"]


async def test_production_ignores_the_plain_name_and_drops_it(production: Browser) -> None:
    _, first = await production.sign_up()
    assert (await production.post("/auth/refresh", Cookie=f"refresh_token={first}")).status_code == 401
    answer = await production.post("/auth/refresh", Cookie=f"refresh_token=planted; __Secure-refresh_token={first}")
    assert answer.status_code == 200
    kept, dropped = cookies(answer)
    assert (kept.key, kept["max-age"]) == ("__Secure-refresh_token", str(MONTHS))
    assert (dropped.key, dropped.value, dropped["max-age"]) == ("refresh_token", "", "0")


@pytest.mark.parametrize("path", ["/auth/register", "/auth/login"])
@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "missing_device_id"),
        ({"X-Device-ID": ""}, "missing_device_id"),
        ({"X-Device-ID": "a b"}, "bad_device_id"),
        ({"X-Device-ID": "x" * 129}, "bad_device_id"),
    ],
)
async def test_the_device_must_be_named(browser: Browser, path: str, headers: dict[str, str], code: str) -> None:
    assert await code_of(await browser.send("POST", path, headers=headers, json=CREDENTIALS)) == (400, code)


@pytest.mark.parametrize("path", ["/auth/register", "/auth/login", "/auth/password"])
@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        "alice",
        {"username": "alice"},
        {"username": "alice", "password": 5},
        {"username": None, "password": PASSWORD},
        CREDENTIALS | {"admin": True},
        {"username": "x" * 300, "password": PASSWORD},
        {"username": "alice", "password": "x" * 1025},
        {"current": PASSWORD, "new": "x" * 1025},
        {"current": PASSWORD, "new": PASSWORD, "admin": True},
    ],
)
async def test_bodies_of_another_shape_are_refused(browser: Browser, path: str, body: Any) -> None:
    token, _ = await browser.sign_up("bob")
    answer = await browser.send("POST", path, headers=DEVICE | bearer(token), json=body)
    assert await code_of(answer) == (422, "validation_failed")


async def test_the_error_names_the_field(browser: Browser) -> None:
    for body, field in [
        (CREDENTIALS | {"username": "al"}, "username"),
        (CREDENTIALS | {"password": "short"}, "password"),
        (CREDENTIALS | {"password": "\U0001f600" * 257}, "password"),
        (CREDENTIALS | {"password": 5}, "password"),
    ]:
        answer = await browser.send("POST", "/auth/register", headers=DEVICE, json=body)
        assert answer.status_code == 422
        assert (await answer.get_json())["error"].startswith(f"{field}: ")


async def test_errors_of_signing_in(browser: Browser) -> None:
    await browser.sign_up()
    taken = await browser.send("POST", "/auth/register", headers=DEVICE, json=CREDENTIALS | {"username": "ALICE"})
    assert await code_of(taken) == (409, "username_taken")
    answers = []
    for username in ("alice", "nobody"):
        wrong = {"username": username, "password": "not the password"}
        answer = await browser.send("POST", "/auth/login", headers=DEVICE, json=wrong)
        assert await code_of(answer) == (401, "bad_credentials")
        answers.append((await answer.get_json())["error"])
        assert answer.headers.getlist("Set-Cookie") == []
    assert answers[0] == answers[1]
    for _ in range(4):
        await browser.send("POST", "/auth/login", headers=DEVICE, json=wrong)
    limited = await browser.send("POST", "/auth/login", headers=DEVICE, json=wrong)
    assert await code_of(limited) == (429, "rate_limited")
    assert limited.headers["Retry-After"] == "1"


async def test_a_full_queue_of_passwords(browser: Browser) -> None:
    browser.site.hasher._places = 0
    answer = await browser.send("POST", "/auth/login", headers=DEVICE, json=CREDENTIALS)
    assert await code_of(answer) == (503, "busy")
    assert answer.headers["Retry-After"] == "1"


@pytest.mark.seed("S1-27")
async def test_refresh(browser: Browser) -> None:
    _, first = await browser.sign_up()
    answer = await browser.post("/auth/refresh", Cookie=f"refresh_token={first}")
    body = await answer.get_json()
    assert answer.status_code == 200
    assert set(body) == {"id", "token", "username"}
    assert answer.headers["Cache-Control"] == "no-store"
    (cookie,) = cookies(answer)
    assert cookie.key == "refresh_token"
    assert cookie.value != first
    listed = await browser.send("GET", "/auth/sessions", headers=bearer(body["token"]))
    assert [session["deviceId"] for session in await listed.get_json()] == [DEVICE["X-Device-ID"]]


async def test_refresh_without_a_good_cookie(browser: Browser) -> None:
    assert await code_of(await browser.post("/auth/refresh")) == (401, "refresh_invalid")
    for value in ("x", "%00", ""):
        answer = await browser.post("/auth/refresh", Cookie=f"refresh_token={value}")
        assert await code_of(answer) == (401, "refresh_invalid")


async def test_the_grace_of_a_refresh_is_for_the_same_device_and_address(browser: Browser) -> None:
    _, first = await browser.sign_up()
    cookie = {"Cookie": f"refresh_token={first}"}
    (second,) = cookies(await browser.post("/auth/refresh", **cookie))
    (again,) = cookies(await browser.post("/auth/refresh", **cookie, **DEVICE))
    assert again.value == second.value
    for other in ({"X-Device-ID": "other"}, {"X-Test-Address": "203.0.113.5"}):
        assert await code_of(await browser.post("/auth/refresh", **cookie, **other)) == (401, "refresh_invalid")


FROM_ANYWHERE = [
    pytest.param({}, True, id="a program"),
    pytest.param({"Sec-Fetch-Site": "same-origin"}, True, id="same origin"),
    pytest.param({"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"}, True, id="same origin, not listed"),
    pytest.param({"Sec-Fetch-Site": "none"}, True, id="no page"),
    pytest.param({"Sec-Fetch-Site": "same-site"}, False, id="same site"),
    pytest.param({"Sec-Fetch-Site": "same-site", "Origin": ORIGIN}, True, id="same site, listed"),
    pytest.param({"Sec-Fetch-Site": "same-site", "Origin": "http://evil.localhost"}, False, id="same site, not listed"),
    pytest.param({"Sec-Fetch-Site": "cross-site"}, False, id="cross site"),
    pytest.param({"Sec-Fetch-Site": "cross-site", "Origin": ORIGIN}, True, id="cross site, listed"),
    pytest.param(
        {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}, False, id="cross site, not listed"
    ),
    pytest.param({"Sec-Fetch-Site": "cross-site", "Referer": f"{ORIGIN}/"}, False, id="cross site, referer listed"),
    pytest.param({"Sec-Fetch-Site": "anything"}, False, id="unknown value"),
    pytest.param({"Origin": ORIGIN}, True, id="listed"),
    pytest.param({"Origin": "https://evil.example"}, False, id="not listed"),
    pytest.param({"Origin": "null"}, False, id="null"),
    pytest.param({"Origin": ""}, False, id="empty"),
    pytest.param({"Origin": f"{ORIGIN}.evil.example"}, False, id="listed with a suffix"),
    pytest.param({"Origin": "http://evil.example/http://localhost:5173"}, False, id="listed within"),
    pytest.param({"Origin": "http://localhost"}, False, id="another port"),
    pytest.param({"Origin": "https://localhost:5173"}, False, id="another scheme"),
    pytest.param({"Referer": f"{ORIGIN}/r/standup?x=1"}, True, id="referer listed"),
    pytest.param({"Referer": "https://evil.example/"}, False, id="referer not listed"),
    pytest.param({"Referer": f"{ORIGIN}@evil.example/"}, False, id="referer with user"),
    pytest.param({"Referer": "nonsense"}, False, id="referer nonsense"),
]


@pytest.mark.parametrize("path", ["/auth/refresh", "/auth/logout"])
@pytest.mark.parametrize(("headers", "admitted"), FROM_ANYWHERE)
async def test_the_cookie_is_for_pages_of_ours_only(
    browser: Browser, path: str, headers: dict[str, str], admitted: bool
) -> None:
    token, cookie = await browser.sign_up()
    answer = await browser.post(path, Cookie=f"refresh_token={cookie}", **headers)
    if admitted:
        assert answer.status_code in {200, 204}
        return
    assert await code_of(answer) == (403, "csrf")
    assert answer.headers.getlist("Set-Cookie") == []
    await browser.site.auth.authenticate(token)
    await browser.site.refresh(cookie)


@pytest.mark.seed("S1-28")
@pytest.mark.parametrize("credential", ["cookie", "bearer"])
async def test_logout(browser: Browser, credential: str) -> None:
    token, cookie = await browser.sign_up()
    headers = {"Cookie": f"refresh_token={cookie}"} if credential == "cookie" else bearer(token)
    answer = await browser.post("/auth/logout", **headers)
    assert (answer.status_code, await answer.get_data()) == (204, b"")
    (dropped,) = cookies(answer)
    assert (dropped.key, dropped.value, dropped["max-age"], dropped["path"]) == ("refresh_token", "", "0", "/")
    sessions = await browser.send("GET", "/auth/sessions", headers=bearer(token))
    assert await code_of(sessions) == (401, "unauthenticated")
    assert await code_of(await browser.post("/auth/refresh", Cookie=f"refresh_token={cookie}")) == (
        401,
        "refresh_invalid",
    )


async def test_a_bearer_alone_may_log_out_from_any_origin(browser: Browser) -> None:
    token, _ = await browser.sign_up()
    answer = await browser.post("/auth/logout", Origin="https://evil.example", **bearer(token))
    assert answer.status_code == 204
    assert len(browser.site.listener.ended) == 1


async def test_logout_without_credentials_clears_the_cookie_all_the_same(production: Browser) -> None:
    answer = await production.post("/auth/logout", Cookie="refresh_token=x; __Secure-refresh_token=y")
    assert answer.status_code == 204
    assert [(cookie.key, cookie.value) for cookie in cookies(answer)] == [
        ("__Secure-refresh_token", ""),
        ("refresh_token", ""),
    ]
    assert (await production.post("/auth/logout")).status_code == 204


@pytest.mark.seed("S1-29")
@pytest.mark.seed("S1-11")
async def test_the_list_of_sessions_marks_the_current_one(browser: Browser) -> None:
    await browser.sign_up("bob")
    await browser.sign_up()
    browser.site.clock.advance(milliseconds=1250)
    phone = await browser.send(
        "POST", "/auth/login", headers={"X-Device-ID": "phone", "User-Agent": "Safari"}, json=CREDENTIALS
    )
    token = (await phone.get_json())["token"]
    answer = await browser.send("GET", "/auth/sessions", headers=bearer(token))
    body = await answer.get_json()
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert [set(session) for session in body] == [
        {"id", "deviceId", "expiresAt", "lastSeen", "current", "userAgent"}
    ] * 2
    assert [(session["deviceId"], session["current"]) for session in body] == [("phone", True), ("abc123def456", False)]
    assert body[0]["userAgent"] == "Safari"
    assert all(str(uuid.UUID(session["id"])) == session["id"] for session in body)
    seen = datetime.fromisoformat(body[0]["lastSeen"])
    assert body[0]["lastSeen"].endswith("Z")
    assert seen.timestamp() == browser.site.clock() / 1000
    assert (datetime.fromisoformat(body[0]["expiresAt"]) - seen).total_seconds() == MONTHS


async def test_one_ends_ones_own_sessions(browser: Browser) -> None:
    bob, _ = await browser.sign_up("bob")
    token, cookie = await browser.sign_up()
    listed = await browser.send("GET", "/auth/sessions", headers=bearer(token))
    (session,) = await listed.get_json()
    for session_id, who in [(session["id"], bob), (str(uuid.UUID(int=1)), token), ("x", token), ("%00", token)]:
        answer = await browser.send("DELETE", f"/auth/sessions/{session_id}", headers=bearer(who))
        assert await code_of(answer) == (404, "session_not_found")
    answer = await browser.send("DELETE", f"/auth/sessions/{session['id']}", headers=bearer(token))
    assert (answer.status_code, await answer.get_data()) == (204, b"")
    assert [dropped.value for dropped in cookies(answer)] == [""]  # it was the current one
    assert browser.site.listener.ended == [session["id"]]
    assert await code_of(await browser.post("/auth/refresh", Cookie=f"refresh_token={cookie}")) == (
        401,
        "refresh_invalid",
    )


async def test_ending_another_session_leaves_the_cookie(browser: Browser) -> None:
    await browser.sign_up()
    phone = await browser.send("POST", "/auth/login", headers={"X-Device-ID": "phone"}, json=CREDENTIALS)
    token = (await phone.get_json())["token"]
    listed = await (await browser.send("GET", "/auth/sessions", headers=bearer(token))).get_json()
    (other,) = [session["id"] for session in listed if not session["current"]]
    answer = await browser.send("DELETE", f"/auth/sessions/{other}", headers=bearer(token))
    assert answer.status_code == 204
    assert cookies(answer) == []


async def test_changing_the_password(browser: Browser) -> None:
    token, _ = await browser.sign_up()
    wrong = {"current": "not the password", "new": "another long phrase"}
    answer = await browser.send("POST", "/auth/password", headers=bearer(token), json=wrong)
    assert await code_of(answer) == (401, "bad_credentials")
    weak = {"current": PASSWORD, "new": "qwertyuiop"}
    answer = await browser.send("POST", "/auth/password", headers=bearer(token), json=weak)
    assert await code_of(answer) == (422, "validation_failed")
    right = {"current": PASSWORD, "new": "another long phrase"}
    answer = await browser.send("POST", "/auth/password", headers=bearer(token), json=right)
    assert (answer.status_code, await answer.get_data()) == (204, b"")
    answer = await browser.send("POST", "/auth/login", headers=DEVICE, json=CREDENTIALS)
    assert await code_of(answer) == (401, "bad_credentials")


async def test_a_ticket_for_a_socket(browser: Browser) -> None:
    token, _ = await browser.sign_up()
    answer = await browser.send("POST", "/ws-tickets", headers=bearer(token))
    body = await answer.get_json()
    assert answer.status_code == 200
    assert set(body) == {"ticket", "expiresIn"}
    assert body["expiresIn"] == 30
    assert answer.headers["Cache-Control"] == "no-store"
    assert (await browser.site.auth.redeem_ticket(body["ticket"])).username == "alice"


BEARER_ROUTES = [
    ("POST", "/auth/password"),
    ("GET", "/auth/sessions"),
    ("DELETE", "/auth/sessions/0197b0f2-c1d0-7c3c-8000-000000000000"),
    ("POST", "/ws-tickets"),
]


@pytest.mark.parametrize(("method", "path"), BEARER_ROUTES)
async def test_routes_that_need_a_bearer_token_say_so_before_anything_else(
    browser: Browser, method: str, path: str
) -> None:
    token, cookie = await browser.sign_up()
    for headers in (
        {},
        bearer("x"),
        {"Authorization": f"Basic {token}"},
        {"Authorization": token},
        {"Cookie": f"refresh_token={cookie}"},
        {"X-User-ID": "1"},
    ):
        answer = await browser.send(method, path, headers=headers, **({"json": {}} if method == "POST" else {}))
        assert await code_of(answer) == (401, "unauthenticated")
    browser.site.clock.advance(hours=24)
    assert await code_of(await browser.send(method, path, headers=bearer(token))) == (401, "token_expired")


async def test_every_view_is_authenticated_or_public_for_a_reason(browser: Browser) -> None:
    views = {name: view for name, view in browser.app.view_functions.items() if name.startswith("auth.")}
    access = {name.removeprefix("auth."): getattr(view, ACCESS) for name, view in views.items()}
    closed = {name for name, reason in access.items() if reason == "authenticated"}
    assert closed == {"change_password", "list_sessions", "end_session", "create_ws_ticket"}
    assert {name for name, reason in access.items() if reason.startswith("public: ")} == {
        "register",
        "login",
        "refresh",
        "logout",
    }


async def test_the_routes_are_documented(browser: Browser) -> None:
    schema = msgspec.json.decode(await (await browser.send("GET", "/api/openapi.json")).get_data())
    operations = {
        (method.upper(), path): operation
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    }
    assert {operation["operationId"] for operation in operations.values()} == {
        "register",
        "login",
        "refresh",
        "logout",
        "change_password",
        "list_sessions",
        "end_session",
        "create_ws_ticket",
    }
    assert all(operation["tags"] == ["auth"] and operation["summary"] for operation in operations.values())
    register = operations["POST", "/auth/register"]
    assert {"200", "400", "409", "415", "422", "429", "503"} <= set(register["responses"])
    (device,) = register["parameters"]
    assert (device["name"].lower(), device["in"], device["required"]) == ("x-device-id", "header", True)
    body = register["requestBody"]["content"]["application/json"]["schema"]
    assert body["additionalProperties"] is False
    assert set(body["required"]) == {"username", "password"}
    assert {"401", "429", "503"} <= set(operations["POST", "/auth/login"]["responses"])
    assert {"204", "401", "404"} <= set(operations["DELETE", "/auth/sessions/{session_id}"]["responses"])
    for method, path in BEARER_ROUTES[:2]:
        assert operations[method, path]["security"]


BODY_ROUTES = ["/auth/register", "/auth/login", "/auth/password"]


async def send_raw(browser: Browser, path: str, kind: str, data: bytes) -> tuple[int, str]:
    token, _ = await browser.sign_up("bob")
    headers = DEVICE | bearer(token) | {"Content-Type": kind}
    return await code_of(await browser.send("POST", path, headers=headers, data=data))


@pytest.mark.parametrize("path", BODY_ROUTES)
@pytest.mark.parametrize("data", [b"", b"{", b'{"username": }', pytest.param(b"[" * 15_000, id="deep")])
async def test_bodies_must_be_json(browser: Browser, path: str, data: bytes) -> None:
    assert await send_raw(browser, path, "application/json", data) == (400, "bad_json")


@pytest.mark.parametrize("path", BODY_ROUTES)
async def test_bodies_must_be_utf8(browser: Browser, path: str) -> None:
    assert await send_raw(browser, path, "application/json", b"\xff") == (400, "bad_json")


@pytest.mark.parametrize("path", BODY_ROUTES)
@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded"])
async def test_bodies_must_be_declared_as_json(browser: Browser, path: str, kind: str) -> None:
    assert await send_raw(browser, path, kind, b"{}") == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    ("path", "field"),
    [
        *((path, field) for path in BODY_ROUTES[:2] for field in CREDENTIALS),
        *(("/auth/password", field) for field in ("current", "new")),
    ],
)
async def test_half_a_surrogate_pair_is_an_error_of_the_client(browser: Browser, path: str, field: str) -> None:
    token, _ = await browser.sign_up("bob")
    good = {"current": PASSWORD, "new": PASSWORD} if path == "/auth/password" else CREDENTIALS
    body = good | {field: "half a pair \ud83d"}
    answer = await browser.send("POST", path, headers=DEVICE | bearer(token), json=body)
    assert answer.status_code in {401, 422}
