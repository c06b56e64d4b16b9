"""`/doctor`: how a request arrived, for the operator alone."""

from __future__ import annotations

import time

from quart import Blueprint, request
from quart_schema import hide, validate_response
from werkzeug.exceptions import NotFound

from api.doctor.seen import HEADER, Questions, Seen
from api.http.security import application, client_address, public


def create_doctor_blueprint(secret: str, version: str) -> Blueprint:
    """Return the route that `chatter doctor` asks; to everyone else there is nothing."""
    doctor = Blueprint("doctor", __name__)
    questions = Questions(secret, time.time)

    @doctor.get("/doctor")
    @hide
    @validate_response(Seen)
    @public("it asks for a proof that only who holds AUTH_SECRET can make")
    async def get_seen() -> Seen:
        """Tell how this request arrived, and whether traffic may come."""
        if not questions.is_ours(request.headers.get(HEADER, "")):
            raise NotFound
        settings = application().settings
        forwarded_for = request.headers.get("X-Forwarded-For", "")
        return Seen(
            version=version,
            node=settings.cluster.node,
            address=client_address(),
            hops=len([hop for hop in forwarded_for.split(",") if hop.strip()]),
            trusted_hops=settings.signaling.trusted_hops,
            scheme=request.headers.get("X-Forwarded-Proto", ""),
            time=int(time.time() * 1000),
            checks=await application().readiness.check(),
        )

    return doctor
