"""Routes of identity: sign in, stay signed in, leave, see one's devices, get a ticket for a socket."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated
from urllib.parse import urlsplit

from msgspec import Meta, Struct
from quart import Blueprint, g, request
from quart_schema import (
    document_headers,
    document_response,
    tag_blueprint,
    validate_request,
    validate_response,
)
from werkzeug.datastructures import Headers
from werkzeug.http import dump_cookie

from api.http.bodies import Empty
from api.http.openapi import problems
from api.http.security import authenticated, bearer_token, client_address, public
from auth.errors import AuthError, RefreshInvalid
from auth.passwords import MAX_BYTES, MIN_CHARACTERS
from auth.principal import Device, Principal
from auth.rules import DEVICE_ID_PATTERN, USERNAME_PATTERN, check_device_id
from auth.service import AuthService, SignedIn
from auth.store import DeviceSession
from observability.origins import Origins

PLAIN_COOKIE = "refresh_token"
SECURE_COOKIE = "__Secure-refresh_token"

_NO_STORE = ("Cache-Control", "no-store")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class AuthRoutesSettings:
    """`allowed_origins` are those whose pages may use the refresh cookie, as browsers write them; with the own one.

    `secure_cookies` (in production) sets the cookie under its `__Secure-` name and over https only.
    """

    allowed_origins: frozenset[str]
    secure_cookies: bool


class CrossSiteRequest(AuthError):
    """A request that carries the cookie but does not come from a page of ours."""

    code = "csrf"
    status = 403
    text = "This request must come from a page of this site."


Password = Annotated[str, Meta(max_length=MAX_BYTES, extra_json_schema={"format": "password"})]
NewPassword = Annotated[str, Meta(max_length=MAX_BYTES, extra_json_schema={"minLength": MIN_CHARACTERS})]
DeviceId = Annotated[str, Meta(extra_json_schema={"pattern": f"^{DEVICE_ID_PATTERN}$", "required": True})]

Moment = Annotated[datetime, Meta(tz=True)]


class DeviceHeaders(Struct):
    """`X-Device-ID` names the device."""

    x_device_id: DeviceId


class Registration(Struct, forbid_unknown_fields=True):
    """A new account."""

    username: Annotated[str, Meta(max_length=32, extra_json_schema={"pattern": f"^{USERNAME_PATTERN}$"})]
    password: NewPassword


class Credentials(Struct, forbid_unknown_fields=True):
    """A username or an e-mail address, and the password."""

    username: Annotated[str, Meta(max_length=254)]
    password: Password


class PasswordChange(Struct, forbid_unknown_fields=True):
    """The current password and the new one."""

    current: Password
    new: NewPassword


class Account(Struct):
    """Who signed in, with an access token. The refresh token is in the cookie."""

    id: int
    token: str
    username: str


class Session(Struct, rename="camel"):
    """A device on which the user is signed in; `current` is the one that asks."""

    id: str
    device_id: str
    expires_at: Moment
    last_seen: Moment
    current: bool
    user_agent: str


class SocketTicket(Struct, rename="camel"):
    """A single-use ticket for a socket, good for `expiresIn` seconds."""

    ticket: str
    expires_in: int


@dataclass(frozen=True, slots=True)
class RefreshCookie:
    """How the refresh token travels in a cookie."""

    secure_only: bool

    def read(self) -> str | None:
        """Return the refresh token of the current request.

        In production the plain name counts for nothing: anyone on a sibling domain or on http could have set it.
        """
        return request.cookies.get(SECURE_COOKIE if self.secure_only else PLAIN_COOKIE)

    def keep(self, signed_in: SignedIn) -> Headers:
        """Return the headers that make the browser keep the refresh token as long as it is good."""
        name = SECURE_COOKIE if self.secure_only else PLAIN_COOKIE
        headers = Headers([_NO_STORE, self._cookie(name, signed_in.refresh_token, signed_in.refresh_lifetime)])
        if name != PLAIN_COOKIE and PLAIN_COOKIE in request.cookies:
            headers.add(*self._cookie(PLAIN_COOKIE, "", timedelta(0)))
        return headers

    def forget(self) -> Headers:
        """Return the headers that make the browser drop the refresh token."""
        names = {SECURE_COOKIE if self.secure_only else PLAIN_COOKIE, *request.cookies} & {SECURE_COOKIE, PLAIN_COOKIE}
        return Headers([_NO_STORE, *(self._cookie(name, "", timedelta(0)) for name in sorted(names))])

    def _cookie(self, name: str, value: str, lifetime: timedelta) -> tuple[str, str]:
        secure = self.secure_only or name == SECURE_COOKIE or request.is_secure
        return "Set-Cookie", dump_cookie(
            name, value, max_age=lifetime, sync_expires=False, path="/", httponly=True, secure=secure, samesite="Strict"
        )


def create_auth_blueprint(auth: AuthService, settings: AuthRoutesSettings, tickets: Origins) -> Blueprint:
    """Return the routes under `/auth`, and `/ws-tickets`; `tickets` is told of each that is given out."""
    routes = Blueprint("auth", __name__)
    cookie = RefreshCookie(secure_only=settings.secure_cookies)

    def signed_in(session: SignedIn) -> tuple[Account, int, Headers]:
        account = Account(id=session.user_id, token=session.access_token, username=session.username)
        return account, 200, cookie.keep(session)

    def refresh_token() -> str | None:
        token = cookie.read()
        if token is not None and not _is_ours(request.headers, settings.allowed_origins):
            raise CrossSiteRequest
        return token

    @routes.post("/auth/register")
    @public("it makes the account")
    @document_headers(DeviceHeaders)
    @problems(400, 409, 422)
    @validate_request(Registration)
    @validate_response(Account)
    async def register(data: Registration) -> tuple[Account, int, Headers]:
        """Create an account and sign in on this device."""
        return signed_in(await auth.register(data.username, data.password, _device()))

    @routes.post("/auth/login")
    @public("it checks the password")
    @document_headers(DeviceHeaders)
    @problems(400, 401, 422)
    @validate_request(Credentials)
    @validate_response(Account)
    async def login(data: Credentials) -> tuple[Account, int, Headers]:
        """Sign in on this device; a session it had before ends."""
        return signed_in(await auth.login(data.username, data.password, _device()))

    @routes.post("/auth/refresh")
    @public("it checks the refresh cookie")
    @problems(401, 403)
    @validate_response(Account)
    async def refresh() -> tuple[Account, int, Headers]:
        """Exchange the refresh cookie for a new one and an access token."""
        token = refresh_token()
        if token is None:
            raise RefreshInvalid
        session = await auth.refresh(
            token,
            address=client_address(),
            user_agent=request.headers.get("User-Agent", ""),
            device_id=request.headers.get("X-Device-ID"),
        )
        return signed_in(session)

    @routes.post("/auth/logout")
    @public("leaving needs no permission; it ends only the sessions whose credentials it brings")
    @document_response(Empty, 204)
    @problems(403)
    async def logout() -> tuple[str, int, Headers]:
        """End the device session of the refresh cookie, and that of the bearer token, at once."""
        await auth.logout(refresh_token=refresh_token(), access_token=bearer_token())
        return "", 204, cookie.forget()

    @routes.post("/auth/password")
    @authenticated
    @document_response(Empty, 204)
    @problems(422)
    @validate_request(PasswordChange)
    async def change_password(data: PasswordChange) -> tuple[str, int, Headers]:
        """Change the password; all other device sessions end."""
        await auth.change_password(_principal(), data.current, data.new)
        return "", 204, Headers([_NO_STORE])

    @routes.get("/auth/sessions")
    @authenticated
    @validate_response(list[Session])
    async def list_sessions() -> tuple[list[Session], int, Headers]:
        """List the devices on which the user is signed in, the one used last first."""
        principal = _principal()
        listed = [_session(session, principal) for session in await auth.sessions(principal)]
        return listed, 200, Headers([_NO_STORE])

    @routes.delete("/auth/sessions/<session_id>")
    @authenticated
    @document_response(Empty, 204)
    @problems(404)
    async def end_session(session_id: str) -> tuple[str, int, Headers]:
        """Sign out one device."""
        principal = _principal()
        await auth.revoke_session(principal, session_id)
        return "", 204, cookie.forget() if session_id == principal.session_id else Headers([_NO_STORE])

    @routes.post("/ws-tickets")
    @authenticated
    @validate_response(SocketTicket)
    async def create_ws_ticket() -> tuple[SocketTicket, int, Headers]:
        """Get a ticket that opens one socket, so that no lasting credential stands in its URL."""
        ticket = await auth.issue_ticket(_principal())
        tickets.note(ticket.ticket)
        body = SocketTicket(ticket=ticket.ticket, expires_in=int(ticket.lifetime.total_seconds()))
        return body, 200, Headers([_NO_STORE])

    tag_blueprint(routes, ["auth"])
    return routes


def _is_ours(headers: Headers, allowed_origins: frozenset[str]) -> bool:
    """Tell whether a request that brings a cookie was made by a page of ours, or by no page at all.

    Browsers say where a request comes from in Sec-Fetch-Site, which pages cannot set. They leave it out towards plain
    http other than localhost; there, Origin decides, which every browser sends with an unsafe method. A request with
    neither was made by a program, such as curl: a cookie it brings was put there by whoever runs it, not by a browser
    acting for somebody else's page. Referer, if there is one, must then fit too, for the sake of browsers from before
    2020. SameSite=Strict on the cookie is the second lock on this door.
    """
    if headers.get("Sec-Fetch-Site") in {"same-origin", "none"}:
        return True
    origin = headers.get("Origin")
    if origin is not None:
        return origin in allowed_origins
    if "Sec-Fetch-Site" in headers:
        return False
    referer = headers.get("Referer")
    return referer is None or _origin_of(referer) in allowed_origins


def _origin_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _device() -> Device:
    device_id = check_device_id(request.headers.get("X-Device-ID"))
    return Device(device_id, client_address(), request.headers.get("User-Agent", ""))


def _principal() -> Principal:
    principal: Principal = g.principal
    return principal


def _session(session: DeviceSession, principal: Principal) -> Session:
    return Session(
        id=session.id,
        device_id=session.device_id,
        expires_at=_time(session.expires_at),
        last_seen=_time(session.last_seen_at),
        current=session.id == principal.session_id,
        user_agent=session.user_agent,
    )


def _time(milliseconds: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=milliseconds)
