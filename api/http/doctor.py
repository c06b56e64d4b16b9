"""`/doctor`: how a request arrived, for the operator alone."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec
from quart import Blueprint, Response, request
from quart_schema import hide
from werkzeug.exceptions import NotFound

from api.doctor.seen import HEADER, Questions, Seen
from api.http.security import application, client_address, public

if TYPE_CHECKING:
    from observability.health import CheckResult


def create_doctor_blueprint(secret: str, version: str) -> Blueprint:
    """Return the route that `chatter doctor` asks; to everyone else there is nothing."""
    doctor = Blueprint("doctor", __name__)
    questions = Questions(secret, time.time)

    @doctor.get("/doctor")
    @hide
    @public("it asks for a proof that only who holds AUTH_SECRET can make")
    async def get_seen() -> Response:
        """Tell how this request arrived, and whether traffic may come."""
        question = request.headers.get(HEADER, "")
        if not questions.is_ours(question):
            raise NotFound
        body = msgspec.json.encode(_seen(version, await application().readiness.check()))
        return Response(body, content_type="application/json", headers={HEADER: questions.answer(question, body)})

    return doctor


def _seen(version: str, checks: dict[str, CheckResult]) -> Seen:
    settings, cluster = application().settings, application().cluster
    forwarded_for = request.headers.get("X-Forwarded-For", "")
    return Seen(
        version=version,
        node=settings.cluster.node,
        address=client_address(),
        hops=len([hop for hop in forwarded_for.split(",") if hop.strip()]),
        trusted_hops=settings.signaling.trusted_hops,
        scheme=request.headers.get("X-Forwarded-Proto", ""),
        time=int(time.time() * 1000),
        checks=checks,
        others=() if cluster is None else tuple(sorted({sender.node for sender in cluster.heard})),
    )
