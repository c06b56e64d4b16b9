"""`/health`, `/readyz`, `/metrics`."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct
from quart import Blueprint, Response, request
from quart_schema import document_response, hide, validate_response

from api.http.security import application, public
from observability.health import CheckResult


class Health(Struct):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Ready(Struct):
    """Whether traffic may come, and how each part is."""

    status: Literal["ready", "unready"]
    checks: dict[str, CheckResult]


def create_health_blueprint() -> Blueprint:
    """Return the routes for those who watch the server."""
    health = Blueprint("health", __name__)

    @health.get("/health")
    @validate_response(Health)
    @public("liveness is asked by supervisors without an account")
    async def get_health() -> Health:
        """Tell that the process answers; depends on nothing else."""
        return Health()

    @health.get("/readyz")
    @document_response(Ready, 503)
    @validate_response(Ready)
    @public("readiness is asked by load balancers without an account")
    async def get_readiness() -> Ready | tuple[Ready, int]:
        """Tell whether traffic may come."""
        checks = await application().readiness.check()
        if all(check.ok or not check.required for check in checks.values()):
            return Ready(status="ready", checks=checks)
        return Ready(status="unready", checks=checks), 503

    @health.get("/metrics")
    @hide
    @public("scraped from inside; the production proxy does not pass it on")
    async def get_metrics() -> Response:
        """Expose all metrics, as OpenMetrics where the scraper asks for it."""
        body, content_type = await application().exposition.expose(request.headers.get("Accept", ""))
        return Response(body, content_type=content_type)

    return health
