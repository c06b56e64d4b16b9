"""`/rooms/{id}/calls`: what calls were like; `/rooms/{id}/troubles`: what browsers cannot say over the socket."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable

from msgspec import Struct
from quart import Blueprint, Response, g, request
from quart_schema import (
    document_headers,
    document_querystring,
    document_request,
    document_response,
    validate_response,
)

from api.http.bodies import Empty, json_body, page_limit
from api.http.errors import InvalidField, RateLimitExceeded, problem
from api.http.openapi import problems
from api.http.rooms import InvitationHeaders, known_form, shown_invitation
from api.http.security import application, authenticated, client_address, optional_principal, public
from auth.attempts import RateLimiter
from observability.addresses import network_of
from signaling.calls.history import CallHistory, CallNotFound
from signaling.calls.overview import CallLine, CallOverview
from signaling.calls.settings import CallSettings
from signaling.calls.store import Place
from signaling.core.calls.causes import findings, summary
from signaling.core.calls.finding import Finding, Summary
from signaling.core.calls.record import CallRecord
from signaling.core.names import is_room_id
from signaling.elsewhere import Trouble
from signaling.rooms import RoomNotFound

logger = logging.getLogger(__name__)

_PAGE = 50
_MAX_PAGE = 100
_CALL_ID = re.compile(r"[0-9a-f]{32}")
_PLACE = re.compile(r"([0-9]{1,15})-([0-9a-f]{32})")
_MINUTE_MS = 60_000
_MOST_ATTEMPTS = 1000
_CLOSE_CODES = range(1000, 5000)
"""RFC 6455 §7.4.2."""


class Call(CallLine, frozen=True, kw_only=True):
    """A call in a list. Times are milliseconds since 1970 UTC; `people`: how many took part."""

    running: bool


class CallPage(Struct):
    """Calls, newest first. `next`: what to pass as `before` for the calls that follow, if any do."""

    calls: list[Call]
    next: str | None


class CallQuery(Struct):
    """Which part of the list."""

    before: str | None = None
    limit: int | None = None


class ExplainedCall(Struct, rename="camel"):
    """A call with what its signs mean. `traceUrl`: where its trace can be looked at, if anywhere."""

    call: CallRecord
    findings: list[Finding]
    summary: Summary
    trace_url: str | None


class NewTrouble(Struct, rename="camel", forbid_unknown_fields=True):
    """Why a browser cannot join. `closeCode`: of the last attempt, as the browser was told (RFC 6455 §7.4)."""

    reason: Trouble
    attempts: int = 1
    close_code: int = 1006


class TroubleLimiter:
    """How many troubles are noted, by address and by room. Times are seconds."""

    PER_ADDRESS = 6.0
    """A minute; and `PER_ROOM`."""
    PER_ROOM = 60.0

    def __init__(self, scale: float, clock: Callable[[], float] = time.time) -> None:
        self._addresses = RateLimiter(self.PER_ADDRESS * scale, _MINUTE_MS)
        self._rooms = RateLimiter(self.PER_ROOM * scale, _MINUTE_MS)
        self._clock = clock

    def wait_of_address(self, address: str) -> float:
        """Count a request; return 0, or the seconds after which its sender may come again."""
        return self._addresses.take(network_of(address), self._now_ms())

    def wait_of_room(self, room_id: str) -> float:
        """Count a trouble of someone who may see the room: nobody else takes the place of those who suffer it."""
        return self._rooms.take(room_id, self._now_ms())

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)


def create_call_records_blueprint(limits_scale: float) -> Blueprint:
    """Return the routes under `/rooms/{id}` that are about what calls were like."""
    routes = Blueprint("call_records", __name__)
    _add_calls(routes)
    _add_troubles(routes, TroubleLimiter(limits_scale))
    return routes


def _add_calls(routes: Blueprint) -> None:
    @routes.errorhandler(CallNotFound)
    async def not_found(_: CallNotFound) -> Response:
        return problem(404, "call_not_found", "There is no such call, or it is not open to you.")

    @routes.get("/rooms/<room_id>/calls")
    @authenticated
    @problems(404, 422)
    @document_querystring(CallQuery)
    @validate_response(CallPage)
    async def list_calls(room_id: str) -> CallPage:
        """List the calls of a room that you own or moderate, newest first, with how each went."""
        limit, before = page_limit(_PAGE, _MAX_PAGE), _before()
        found = await _history().list(known_form(room_id), g.principal.user_id, before, limit + 1)
        shown = found[:limit]
        more = len(found) > limit
        return CallPage(calls=[_view(call) for call in shown], next=_after(shown[-1]) if more else None)

    @routes.get("/rooms/<room_id>/calls/<call_id>")
    @authenticated
    @problems(404)
    @validate_response(ExplainedCall)
    async def get_call(room_id: str, call_id: str) -> ExplainedCall:
        """Show what happened in a call of a room that you own or moderate, and what likely caused it."""
        record = await _history().show(known_form(room_id), _call_id(call_id), g.principal.user_id)
        return await asyncio.to_thread(_explain, record, application().settings.calls)


def _add_troubles(routes: Blueprint, limiter: TroubleLimiter) -> None:
    @routes.post("/rooms/<room_id>/troubles")
    @problems(401, 404, 422)
    @document_headers(InvitationHeaders)
    @document_request(NewTrouble)
    @document_response(Empty, 204)
    @public("who cannot open a socket may have no account")
    async def report_trouble(room_id: str) -> tuple[str, int]:
        """Say that your browser cannot open its socket to a room. The answer does not tell whether there is one."""
        _check(limiter.wait_of_address(client_address()))
        trouble = await json_body(NewTrouble)
        if await _may_see(room_id):
            _check(limiter.wait_of_room(room_id))
            _log(room_id, trouble)
            await _history().note(room_id, trouble.reason, page_allowed=_page_allowed())
        return "", 204


def _check(wait: float) -> None:
    if wait:
        raise RateLimitExceeded(wait)


async def _may_see(room_id: str) -> bool:
    """Tell whether there is a room that would be shown to the caller: only then a trouble of theirs says anything."""
    principal, invitation = await optional_principal(), shown_invitation()
    if not is_room_id(room_id):
        return False
    if invitation is not None and await application().invitations.find(room_id, invitation) is not None:
        return True
    try:
        await application().rooms.show(room_id, principal.user_id if principal else None)
    except RoomNotFound:
        return False
    return True


def _page_allowed() -> bool | None:
    """Tell whether sockets may be opened from the page that asks; browsers name it in every POST (Fetch standard)."""
    origin = request.headers.get("Origin")
    return None if origin is None else origin in application().settings.signaling.origins


def _log(room_id: str, trouble: NewTrouble) -> None:
    fields = {
        "event": "socket_trouble",
        "room": room_id,
        "reason": trouble.reason,
        "attempts": max(0, min(trouble.attempts, _MOST_ATTEMPTS)),
        "close_code": trouble.close_code if trouble.close_code in _CLOSE_CODES else 0,
    }
    logger.info("a browser cannot open its socket", extra=fields)


def _history() -> CallHistory:
    return application().calls


def _explain(record: CallRecord, settings: CallSettings) -> ExplainedCall:
    """Say what a call was like. Takes milliseconds for a large one: belongs into a thread."""
    trace_url = settings.trace_link(record.id, traced=record.traced)
    return ExplainedCall(record, findings(record), summary(record), trace_url)


def _call_id(text: str) -> str:
    if _CALL_ID.fullmatch(text) is None:
        raise CallNotFound(text)
    return text


def _before() -> Place | None:
    text = request.args.get("before")
    if text is None:
        return None
    parts = _PLACE.fullmatch(text)
    if parts is None:
        raise InvalidField("before", "what an earlier page named as `next`")
    return Place(int(parts[1]), parts[2])


def _after(call: CallOverview) -> str:
    return f"{call.started_at}-{call.id}"


def _view(call: CallOverview) -> Call:
    line = {name: getattr(call, name) for name in CallLine.__struct_fields__}
    return Call(**line, running=call.ended_at is None)
