"""The outermost ASGI layers: request id, `/api` prefix, CORS, security headers, rate limit."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection

from auth.attempts import RateLimiter
from observability.addresses import network_of
from observability.request import Asgi, Message, Receive, Scope, Send, request_info
from signaling.link import client_address

_UNPREFIXED = frozenset({"/api/openapi.json", "/api/docs"})
_API_ROOTS = ("/auth/", "/rooms", "/ice-servers", "/ws-tickets", "/ws/", "/health", "/readyz", "/metrics", "/doctor")
_SECURITY_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
]
_API_POLICY = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
_HSTS = (b"strict-transport-security", b"max-age=63072000")
_ALLOWED_METHODS = b"GET, POST, PUT, PATCH, DELETE, OPTIONS"
_ALLOWED_HEADERS = b"authorization, content-type, x-device-id, x-invitation"
_PREFLIGHT_MAX_AGE = b"600"


def header(scope: Scope, name: bytes) -> str | None:
    """Return a request header, None where it is absent."""
    return next((value.decode("latin-1") for key, value in scope["headers"] if key.lower() == name), None)


class EdgeMiddleware:
    """Prepare every request and finish every response, whatever answers in between.

    The API answers bare and under `/api`; the prefix goes here, so all that follows sees one path.
    """

    def __init__(self, app: Asgi, *, hsts: bool, trusted_hops: int) -> None:
        self._app = app
        self._trusted_hops = trusted_hops
        self._headers = [*_SECURITY_HEADERS, *([_HSTS] if hsts else [])]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on under its plain path."""
        path: str = scope["path"]
        if path.startswith("/api/") and path not in _UNPREFIXED and path[4:].startswith(_API_ROOTS):
            scope["path"] = path[4:]
            scope["raw_path"] = scope["path"].encode("latin-1", "replace")
        info = request_info(scope)
        peer = scope["client"][0] if scope.get("client") else ""
        info.address = client_address(peer, header(scope, b"x-forwarded-for"), self._trusted_hops)

        async def finish(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [*message.get("headers", ()), *self._headers, (b"x-request-id", info.id.encode())]
                names = {name.lower() for name, _ in headers}
                if b"content-security-policy" not in names:
                    headers.append(_API_POLICY)
                if b"cache-control" not in names:
                    headers.append((b"cache-control", b"no-store"))
                message["headers"] = headers
            await send(message)

        await self._app(scope, receive, finish)


class CorsMiddleware:
    """Cross-origin access for the listed origins and nobody else (Fetch standard, CORS protocol)."""

    def __init__(self, app: Asgi, origins: Collection[str]) -> None:
        self._app = app
        self._origins = frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer preflights, add the headers to the rest."""
        origin = header(scope, b"origin")
        allowed = origin is not None and origin in self._origins
        grants: list[tuple[bytes, bytes]] = [(b"vary", b"Origin")]
        if allowed and origin is not None:
            grants += [
                (b"access-control-allow-origin", origin.encode("latin-1")),
                (b"access-control-allow-credentials", b"true"),
                (b"access-control-expose-headers", b"x-request-id, retry-after"),
            ]
        if scope["method"] == "OPTIONS" and header(scope, b"access-control-request-method") is not None:
            if allowed:
                grants += [
                    (b"access-control-allow-methods", _ALLOWED_METHODS),
                    (b"access-control-allow-headers", _ALLOWED_HEADERS),
                    (b"access-control-max-age", _PREFLIGHT_MAX_AGE),
                ]
            await send({"type": "http.response.start", "status": 204, "headers": grants})
            await send({"type": "http.response.body", "body": b""})
            return

        async def grant(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *grants]
            await send(message)

        await self._app(scope, receive, grant)


class AddressLimiter:
    """How many requests one address may make; the stricter limits of sign-in stand in the auth package."""

    PER_MINUTE = 600.0
    BURST = 120.0

    def __init__(self, scale: float, clock: Callable[[], float] = time.time) -> None:
        self._limiter = RateLimiter(self.PER_MINUTE * scale, 60_000, burst=self.BURST * scale)
        self._clock = clock

    def wait(self, address: str) -> float:
        """Count a request; return 0, or the seconds after which one may be made again."""
        return self._limiter.take(network_of(address), int(self._clock() * 1000))
