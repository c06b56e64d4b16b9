"""What befell a call as a whole, and who was kept out of it: each row whose sign is there."""

from __future__ import annotations

from collections.abc import Callable

from signaling.core.calls.finding import Cause, Match
from signaling.core.calls.record import CallRecord, EventKind
from signaling.core.calls.words import short, times


def _server_died(record: CallRecord) -> Match | None:
    still_in = tuple(member.id for member in record.members if member.left_at is None)
    return Match(still_in, at=record.ended_at) if record.interrupted else None


def _server_stopped(record: CallRecord) -> Match | None:
    cut_off = [member for member in record.members if member.leave_reason == "server"]
    return Match(tuple(member.id for member in cut_off), at=cut_off[0].left_at) if cut_off else None


def _ended(record: CallRecord) -> Match | None:
    present = [member for member in record.members if member.leave_reason == "ended"]
    return Match(tuple(member.id for member in present), at=present[0].left_at) if present else None


def _seen(kind: EventKind, *details: str) -> Callable[[CallRecord], Match | None]:
    def applies(record: CallRecord) -> Match | None:
        seen = [event.at for event in record.events if event.kind == kind and event.detail in details]
        return Match(value=times(len(seen)), at=seen[0]) if seen else None

    return applies


def _nobody_in(applies: Callable[[CallRecord], Match | None], *, holds: bool) -> Callable[[CallRecord], Match | None]:
    return lambda record: applies(record) if holds is not bool(record.members or record.more_members) else None


def _told(trouble: str) -> Callable[[CallRecord], Match | None]:
    seen = _seen("unreachable", trouble)

    def applies(record: CallRecord) -> Match | None:
        match = seen(record)
        if match is None or not record.beside:
            return match
        return match._replace(value=f"{match.value}, while call {short(record.beside)} ran at another server")

    return applies


CALL_CAUSES: tuple[Cause[CallRecord], ...] = (
    Cause(
        "server_died",
        "failed",
        "The record ends without an end: the server did not write it",
        _server_died,
        "The server ended in the middle of the call, without a word.",
        "Look at its log and the machine at that time: memory, a crash, a kill.",
        "Call again. If it happens again, {operator}.",
    ),
    Cause(
        "signaling_blocked",
        "failed",
        "Nobody came in, and a browser told over HTTP that it could not open the WebSocket (`socket_blocked`)",
        _nobody_in(_told("socket_blocked"), holds=True),
        "Somebody reported that their browser could not open the connection for calls ({value}).",
        "Let the proxy pass `Upgrade`; if nginx logs 429, raise its limits. Else that network blocks WebSockets.",
        "Try another network there, such as a phone's, or without the VPN. If it fails for all, {operator}.",
    ),
    Cause(
        "someone_blocked",
        "degraded",
        "During a call, a browser told over HTTP that it could not open the WebSocket (`socket_blocked`)",
        _nobody_in(_told("socket_blocked"), holds=False),
        "Somebody reported during the call that they could not open the connection for calls ({value}).",
        "Ask whether someone is missing: a proxy or firewall of their network blocks WebSockets. Others came in.",
        "Ask whether someone is missing: they may try another network, or without the VPN. Else {operator}.",
    ),
    Cause(
        "origin_refused",
        "failed",
        "Nobody came in, and before a browser told of its WebSocket, one was refused with 403 `bad_origin`",
        _nobody_in(_told("origin_refused"), holds=True),
        "Browsers were refused because their page came from another address than this server's ({value}).",
        "Fix BASE_URL, or add the address to SERVER_CORS_ORIGINS. The log names it (event handshake_refused).",
        "Open the room at the address that the server is made for, or {operator}.",
    ),
    Cause(
        "someone_refused",
        "degraded",
        "The same during a call",
        _nobody_in(_told("origin_refused"), holds=False),
        "A browser was refused because its page came from another address than this server's ({value}).",
        "Add the address to SERVER_CORS_ORIGINS if people may use it. The log names it (event handshake_refused).",
        "Others came in: send who is missing the same link, or {operator}.",
    ),
    Cause(
        "server_draining",
        "degraded",
        "Before a browser told of its WebSocket, one was refused with 503 `draining`",
        _told("draining"),
        "Browsers were refused because the server was about to stop ({value}).",
        "Restart it when nobody is in a call. If it goes on, the server does not get to its end: look at its log.",
        "Try again in a minute. If it goes on, {operator}.",
    ),
    Cause(
        "signaling_not_back",
        "degraded",
        "A browser told over HTTP that it got no WebSocket again in time (`socket_lost`)",
        _told("socket_lost"),
        "Somebody reported that their browser lost the connection for calls and got no other in time ({value}).",
        "A network that changed or slept. If it happens to many at once, look at the server and its proxy.",
        "A network that changed, or a computer that slept: reload the page. If it happens to many, {operator}.",
    ),
    Cause(
        "server_stopped",
        "degraded",
        "Members left because the server stopped",
        _server_stopped,
        "The server was stopped during the call, and cut off {who}.",
        "Restart it when nobody is in a call: /metrics tells (chatter_participants).",
        "Nothing is wrong with your networks: join again. If it happens often, {operator}.",
    ),
    Cause(
        "kept_out_server",
        "degraded",
        "An entry was refused because the server restarted or failed",
        _seen("refused", "restart", "internal_error", "state_lost"),
        "Someone was kept out because the server restarted or failed ({value}).",
        "Browsers try again by themselves. Look at the log for errors at that time.",
        "They can try again now. If they are kept out still, {operator}.",
    ),
    Cause(
        "kept_out_full",
        "degraded",
        "An entry was refused: `room_full`",
        _seen("refused", "room_full"),
        "The room was full for someone who wanted to come in ({value}).",
        "Raise the number in the room's settings, if their browsers bear it: each sends its picture to every other.",
        "Raise the number in the room's settings, or ask someone to leave: each sends a picture to every other.",
    ),
    Cause(
        "kept_out_client",
        "degraded",
        "An entry was refused: `bad_protocol`, `rate_limited` or `slow_consumer`",
        _seen("refused", "bad_protocol", "rate_limited", "slow_consumer"),
        "A client was kept out because it did not keep to the protocol ({value}).",
        "An old page or a foreign client. Reload the page; see docs/protocol.md.",
        "Reload the page there. If it stays, update the browser or try another.",
    ),
    Cause(
        "kept_out_credentials",
        "note",
        "An entry was refused: `unauthenticated`, `credentials_expired`, `forbidden` or `room_not_found`",
        _seen("refused", "unauthenticated", "credentials_expired", "forbidden", "room_not_found"),
        "Someone without the right to enter was kept out ({value}).",
        "If they should have been let in: sign in again, or let guests in.",
        "If they should have been let in: let them sign in again, or let guests into the room.",
    ),
    Cause(
        "kept_out_password",
        "note",
        "An entry was refused: `wrong_password`",
        _seen("refused", "wrong_password"),
        "Someone gave a wrong password for the room ({value}).",
        "Send them the password or an invitation anew.",
        "Send them the password or an invitation anew.",
    ),
    Cause(
        "kept_out_invitation",
        "note",
        "An entry was refused: `invitation_invalid`",
        _seen("refused", "invitation_invalid"),
        "Someone came with an invitation that has ended or was revoked ({value}).",
        "Make a new invitation.",
        "Make a new invitation.",
    ),
    Cause(
        "kept_out_locked",
        "note",
        "An entry was refused: `room_locked`",
        _seen("refused", "room_locked"),
        "Someone came while the room was locked ({value}).",
        "Unlock the room to let them in.",
        "Unlock the room to let them in.",
    ),
    Cause(
        "kept_out_denied",
        "note",
        "An entry was refused: `denied` or `banned`",
        _seen("refused", "denied", "banned"),
        "Someone was turned away by a host or moderator, in the lobby or by a ban ({value}).",
        "Nothing is wrong. Bans can be lifted in the room's settings.",
        "Nothing is wrong. Bans can be lifted in the room's settings.",
    ),
    Cause(
        "ended_by_host",
        "note",
        "Members left because the call was ended for everyone",
        _ended,
        "The call was ended for everyone.",
        "Nothing is wrong.",
        "Nothing is wrong.",
    ),
)
