"""What happened in a call, a sentence for each event: as the page says it (web/src/features/calls/event-words.ts)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from signaling.core.calls.record import Event, EventKind
from signaling.core.calls.words import Names

_EVENTS: dict[EventKind, str] = {
    "join": "{member} came in",
    "leave": "{member} {detail}",
    "lost": "{member} lost the connection to the server",
    "back": "{member} was connected to the server again",
    "refused": "Someone was kept out: {detail}",
    "offer": "{member} offered {other} a connection",
    "answer": "{member} answered {other}",
    "connected": "{member} was connected to {other}",
    "disconnected": "{member} heard nothing more from {other}",
    "failed": "{member} found no path to {other}{detail}",
    "timeout": "{member} and {other} found no path in time",
    "abandoned": "{member} and {other} stopped looking for a path",
    "ice_restart": "{member} looked for another path to {other} (ICE restart)",
    "rebuild": "{member} set up the connection to {other} anew",
    "media_error": "{member} had no {detail}",
    "media": "{member} had {detail} after all",
    "role": "{member} became {detail}",
    "unreachable": "Somebody reported that they could not reach the call{detail}",
}
_LEAVES = {
    "left": "left",
    "lost": "lost the connection and did not come back in time",
    "removed": "was removed from the call",
    "banned": "was banned from the room",
    "ended": "left, as the call was ended for everyone",
    "signed_out": "was signed out",
    "expired": "was signed out, as the sign-in had expired",
    "slow": "was disconnected: the connection was too slow to keep up",
    "protocol": "was disconnected: the client broke the rules of the protocol",
    "server": "was disconnected, as the server stopped",
}
_REFUSALS = {
    "unauthenticated": "they were not signed in",
    "forbidden": "the room is not open to them",
    "banned": "they are banned",
    "room_full": "the room was full",
    "room_locked": "the room was locked",
    "room_not_found": "the room does not admit guests",
    "denied": "nobody let them in",
    "password_required": "they did not give the password",
    "wrong_password": "the password was wrong",
    "invitation_invalid": "their invitation no longer works",
    "rate_limited": "they sent too much",
    "slow_consumer": "their connection was too slow to keep up",
    "bad_protocol": "their client speaks another protocol",
    "credentials_expired": "their sign-in had expired",
    "internal_error": "something went wrong on the server",
    "restart": "the server was restarting",
    "state_lost": "the server had forgotten where they were",
}
_REASONS = {"no_answer": ", as no answer came"}
_ROLES = {
    "host": "the host",
    "moderator": "a moderator",
    "member": "a member like the others",
    "guest": "a guest",
}
_UNREACHABLE = {
    "socket_blocked": "the connection for calls could not be opened",
    "socket_lost": "the connection for calls broke and could not be opened again",
    "origin_refused": "their page came from another address than this server's",
    "draining": "the server was about to stop",
}
_DEVICES = {"audio": "microphone", "video": "camera", "screen": "screen to share"}
_FAULTS = {
    "permission": "the browser was not allowed to use it",
    "not_found": "none was found",
    "in_use": "another program used it",
    "overconstrained": "it cannot do what was asked of it",
    "other": "the browser could not open it",
}


def describe_event(event: Event, names: Names) -> str:
    """Return what happened as a sentence; what a newer server noted is named as it named it."""
    describe = _DETAILS.get(event.kind, _spell)
    return _EVENTS[event.kind].format(
        member=names.of(event.member), other=names.of(event.other), detail=describe(event.detail)
    )


def _spell(code: str) -> str:
    return code.replace("_", " ")


def _look_up(words: Mapping[str, str], otherwise: str = "") -> Callable[[str], str]:
    return lambda code: words.get(code) or _spell(code) or otherwise


def _leave(reason: str) -> str:
    return _LEAVES.get(reason, "left")


def _failure(reason: str) -> str:
    return _REASONS.get(reason, "")


def _unreachable(trouble: str) -> str:
    told = _look_up(_UNREACHABLE)(trouble)
    return f": {told}" if told else ""


def _device(detail: str) -> str:
    media, _, fault = detail.partition(":")
    device = _look_up(_DEVICES, "device")(media)
    return f"{device}: {_look_up(_FAULTS)(fault)}" if fault else device


def _article(detail: str) -> str:
    return f"a {_device(detail)}"


_DETAILS: dict[EventKind, Callable[[str], str]] = {
    "leave": _leave,
    "refused": _look_up(_REFUSALS, "it is not known why"),
    "failed": _failure,
    "media_error": _device,
    "media": _article,
    "role": _look_up(_ROLES, "someone else"),
    "unreachable": _unreachable,
}
