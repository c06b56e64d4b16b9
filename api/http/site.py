"""The HTTP side of the application: its routes, and the chain of middleware around them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

from quart import Quart, request

from api.http.auth import AuthRoutesSettings, create_auth_blueprint
from api.http.bodies import JsonRequest
from api.http.call_records import create_call_records_blueprint
from api.http.calls import create_calls_blueprint
from api.http.doctor import create_doctor_blueprint
from api.http.edge import AddressLimiter, CorsMiddleware, EdgeMiddleware, header
from api.http.errors import RateLimitExceeded, install_error_handlers
from api.http.health import create_health_blueprint
from api.http.moderation import create_moderation_blueprint
from api.http.openapi import openapi
from api.http.pages import create_pages_blueprint
from api.http.recordings import create_recordings_blueprint
from api.http.rooms import create_rooms_blueprint
from api.http.security import client_address
from api.http.ws import SignalingEndpoint
from api.version import VERSION
from observability.http import HttpMetrics, ObservingMiddleware
from observability.request import Asgi, Receive, Scope, Send, request_info
from observability.sockets import HandshakeMiddleware, Handshakes
from signaling.link import client_address as address_behind

if TYPE_CHECKING:
    from api.settings import Settings
    from auth.service import AuthService
    from observability.origins import Origins
    from observability.tracing import Tracing
    from signaling.metrics import SignalingMetrics
    from signaling.ports import Door

_LIMITED = frozenset({"auth", "rooms", "moderation", "recordings", "calls", "call_records", "doctor"})
"""The blueprints whose requests are limited per address."""
_METRICS = "health.get_metrics"
"""Limited too, apart from the rest: there is a lot to read and to send."""
_MAX_BODY_BYTES = 64 * 1024
_BODY_TIMEOUT_S = 10


def create_quart(
    settings: Settings, auth: AuthService, tickets: Origins, dist: Path, metrics: SignalingMetrics
) -> Quart:
    """Put the routes together, with their errors and their limits."""
    quart = Quart("api", static_folder=None)
    quart.request_class = JsonRequest
    quart.config["MAX_CONTENT_LENGTH"] = _MAX_BODY_BYTES
    quart.config["BODY_TIMEOUT"] = _BODY_TIMEOUT_S
    quart.url_map.strict_slashes = False
    openapi(VERSION).init_app(quart)
    install_error_handlers(quart, metrics.rate_limited)
    for blueprint in (
        create_auth_blueprint(auth, AuthRoutesSettings(settings.origins, secure_cookies=settings.production), tickets),
        create_rooms_blueprint(),
        create_moderation_blueprint(),
        create_recordings_blueprint(),
        create_calls_blueprint(),
        create_call_records_blueprint(settings.auth.limits_scale),
        create_health_blueprint(),
        create_doctor_blueprint(settings.auth.secret, VERSION),
        create_pages_blueprint(dist),
    ):
        quart.register_blueprint(blueprint)
    scale = settings.auth.limits_scale
    limiters = dict.fromkeys(_LIMITED, AddressLimiter(scale)) | {_METRICS: AddressLimiter(scale)}

    @quart.before_request
    async def before() -> None:
        rule = request.url_rule
        if rule is not None:
            request_info(request.scope).route = _template(rule.rule)  # type: ignore[arg-type]
            # Not health, which a proxy asks for everybody, nor files, of which one page takes a dozen.
            limiter = limiters.get(rule.endpoint) or limiters.get(rule.endpoint.partition(".")[0])
            if limiter is not None:
                wait = limiter.wait(client_address())
                if wait:
                    raise RateLimitExceeded(wait)

    return quart


def _template(rule: str) -> str:
    return rule.replace("<path:", "{").replace("<", "{").replace(">", "}")


def wrap(
    quart: Quart, settings: Settings, metrics: HttpMetrics, handshakes: Handshakes, tracing: Tracing, door: Door
) -> Asgi:
    """Put the chain around them: edge → CORS → tracing, logging, metrics → the app, whose views check who calls."""
    observed = ObservingMiddleware(cast("Asgi", quart), tracing.tracer, metrics)
    http = EdgeMiddleware(
        CorsMiddleware(observed, settings.origins),
        hsts=settings.production,
        trusted_hops=settings.tree.server.trusted_hops,
    )
    hops = settings.signaling.trusted_hops
    endpoint = SignalingEndpoint(door, enabled=settings.http_websockets, trusted_hops=hops)
    sockets = HandshakeMiddleware(endpoint, handshakes, "/ws/", "/ws/{room_id}")

    async def asgi(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            if scope["path"].startswith("/api/"):
                scope["path"] = scope["path"][4:]
            peer = scope["client"][0] if scope.get("client") else ""
            request_info(scope).address = address_behind(peer, header(scope, b"x-forwarded-for"), hops)
            await sockets(scope, receive, send)
        else:
            await http(scope, receive, send)

    return asgi
