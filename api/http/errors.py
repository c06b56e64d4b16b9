"""One shape for every HTTP error: `{"error", "code", "request_id"}`."""

from __future__ import annotations

import logging
import math
import time
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct, ValidationError
from quart import Response, request
from quart_schema import RequestSchemaValidationError, ResponseSchemaValidationError
from werkzeug.exceptions import HTTPException

from api.db import DatabaseFull, DatabaseUnavailable
from auth.errors import AuthError, RateLimited
from observability.request import request_info
from signaling.elsewhere import NodeUnreachable
from signaling.invitations import MAX_INVITATIONS, InvitationNotFound, TooManyInvitations
from signaling.moderation import MAX_MODERATORS, BanNotFound, TooManyModerators, UserNotFound
from signaling.rooms import MAX_OWNED, RoomIdTaken, RoomNotFound, TooManyRooms

if TYPE_CHECKING:
    from collections.abc import Callable

    from quart import Quart

    from signaling.metrics import RateLimit

logger = logging.getLogger(__name__)


class Problem(Struct, frozen=True):
    """The body of every error answer. `code` is stable, `error` is for people."""

    error: str
    code: str
    request_id: str


class BadJson(Exception):
    """The body is not JSON."""


class InvalidField(Exception):
    """A field breaks a rule that its type does not express."""

    def __init__(self, name: str, rule: str) -> None:
        super().__init__(f"{name}: {rule}")


class RateLimitExceeded(Exception):
    """Too many requests from one address; `retry_after` in seconds."""

    def __init__(self, retry_after: float) -> None:
        super().__init__("rate limited")
        self.retry_after = retry_after


class InvitationInvalid(Exception):
    """The invitation has ended, was revoked or never was."""


class NotBuilt(Exception):
    """The web client is missing from this installation."""


_NODE_RETRY_S = 5
"""Shorter than it takes to notice that a node is gone, so that the wait is not in vain if it only stumbled."""

_TELL_AGAIN_S = 60.0
"""How often the log tells of the same outage, however many requests it hits."""

_HTTP_CODES = {
    400: ("bad_request", "The request is malformed."),
    401: ("unauthenticated", "The request needs valid credentials."),
    403: ("forbidden", "This is not allowed."),
    404: ("not_found", "There is nothing here."),
    405: ("method_not_allowed", "The method is not allowed here."),
    408: ("timeout", "The request took too long to arrive."),
    413: ("body_too_large", "The body is too large."),
    415: ("unsupported_media_type", "The body must be JSON: Content-Type: application/json."),
}


class _Seldom:
    """Lets one through in a while. `clock` gives seconds that only grow."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._next = -math.inf

    def __call__(self) -> bool:
        now = self._clock()
        if now < self._next:
            return False
        self._next = now + _TELL_AGAIN_S
        return True


def problem(status: int, code: str, text: str, retry_after: float | None = None) -> Response:
    """Make an error answer."""
    body = Problem(error=text, code=code, request_id=request_info(request.scope).id)  # type: ignore[arg-type]
    response = Response(msgspec.json.encode(body), status=status, content_type="application/json")
    if retry_after is not None:
        response.headers["Retry-After"] = str(max(1, math.ceil(retry_after)))
    return response


def install_error_handlers(
    app: Quart, rate_limited: Callable[[RateLimit], None], clock: Callable[[], float] = time.monotonic
) -> None:
    """Make every error of this app a problem answer; `rate_limited` is told of those for being too much."""
    tells_away, tells_full = _Seldom(clock), _Seldom(clock)

    @app.errorhandler(AuthError)
    async def refused(error: AuthError) -> Response:
        if isinstance(error, RateLimited):
            rate_limited("auth")
        return problem(error.status, error.code, error.text, error.retry_after)

    @app.errorhandler(RoomNotFound)
    async def no_room(_: RoomNotFound) -> Response:
        return problem(404, "room_not_found", "There is no such room, or it is not open to you.")

    @app.errorhandler(RoomIdTaken)
    async def room_exists(_: RoomIdTaken) -> Response:
        return problem(409, "room_exists", "A room with this id exists.")

    @app.errorhandler(TooManyRooms)
    async def too_many_rooms(_: TooManyRooms) -> Response:
        return problem(409, "too_many_rooms", f"You have {MAX_OWNED} rooms, which is the most; delete one first.")

    @app.errorhandler(InvitationInvalid)
    async def invitation_invalid(_: InvitationInvalid) -> Response:
        return problem(404, "invitation_invalid", "The invitation has ended or is not valid.")

    @app.errorhandler(InvitationNotFound)
    async def no_invitation(_: InvitationNotFound) -> Response:
        return problem(404, "invitation_not_found", "There is no such invitation.")

    @app.errorhandler(BanNotFound)
    async def no_ban(_: BanNotFound) -> Response:
        return problem(404, "ban_not_found", "There is no such ban.")

    @app.errorhandler(UserNotFound)
    async def no_user(_: UserNotFound) -> Response:
        return problem(404, "user_not_found", "There is no such person.")

    @app.errorhandler(TooManyInvitations)
    async def too_many_invitations(_: TooManyInvitations) -> Response:
        text = f"The room has {MAX_INVITATIONS} invitations, which is the most; revoke one first."
        return problem(409, "too_many_invitations", text)

    @app.errorhandler(TooManyModerators)
    async def too_many_moderators(_: TooManyModerators) -> Response:
        text = f"The room has {MAX_MODERATORS} moderators, which is the most; dismiss one first."
        return problem(409, "too_many_moderators", text)

    @app.errorhandler(RateLimitExceeded)
    async def too_many(error: RateLimitExceeded) -> Response:
        rate_limited("http")
        return problem(429, "rate_limited", "Too many requests; wait a moment.", error.retry_after)

    @app.errorhandler(DatabaseUnavailable)
    async def no_database(error: DatabaseUnavailable) -> Response:
        if tells_away():
            logger.warning("database unavailable", extra={"event": "database_unavailable", "detail": str(error)[:200]})
        return problem(503, "unavailable", "The database cannot be reached; try again in a moment.", 5)

    @app.errorhandler(DatabaseFull)
    async def full_database(_: DatabaseFull) -> Response:
        if tells_full():
            logger.error("the disk of the database is full: make room", extra={"event": "database_full"})
        return problem(507, "storage_full", "The disk of this server is full; tell the person who runs it.")

    @app.errorhandler(NodeUnreachable)
    async def no_node(_: NodeUnreachable) -> Response:
        text = "The server that runs this call cannot be reached; try again in a moment."
        return problem(503, "node_unreachable", text, _NODE_RETRY_S)

    @app.errorhandler(BadJson)
    @app.errorhandler(RecursionError)  # from parsing a body that is nested too deeply
    async def bad_json(_: Exception) -> Response:
        return problem(400, "bad_json", "The body is not valid JSON.")

    @app.errorhandler(InvalidField)
    async def invalid_field(error: InvalidField) -> Response:
        return problem(422, "validation_failed", str(error))

    @app.errorhandler(RequestSchemaValidationError)
    async def invalid(error: RequestSchemaValidationError) -> Response:
        return _invalid_input(error.validation_error)

    @app.errorhandler(NotBuilt)
    async def not_built(_: NotBuilt) -> Response:
        text = "The web client is not built; run scripts/serve, or: npm --prefix web run build"
        return problem(404, "not_found", text)

    @app.errorhandler(HTTPException)
    async def http_error(error: HTTPException) -> Response:
        status = error.code or 500
        if status >= 500:
            return problem(500, "internal_error", "Something went wrong on our side.")
        code, text = _HTTP_CODES.get(status, ("bad_request", "The request cannot be answered."))
        answer = problem(status, code, text)
        if status == 405 and getattr(error, "valid_methods", None):
            answer.headers["Allow"] = ", ".join(sorted(error.valid_methods))  # type: ignore[attr-defined]
        return answer

    @app.errorhandler(ResponseSchemaValidationError)
    @app.errorhandler(Exception)
    async def unexpected(error: Exception) -> Response:
        info = request_info(request.scope)  # type: ignore[arg-type]
        info.error = type(error).__qualname__
        logger.error("unexpected error", exc_info=error, extra={"event": "error", "request_id": info.id})
        return problem(500, "internal_error", "Something went wrong on our side.")


def _invalid_input(cause: Exception | None) -> Response:
    known = isinstance(cause, ValidationError)
    return problem(422, "validation_failed", _field_first(str(cause)) if known else "The body has the wrong shape.")


def _field_first(message: str) -> str:
    what, _, where = message.partition(" - at `$.")
    return f"{where.rstrip('`')}: {what}" if where else what
