"""What befell single members: each row whose sign is there."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from signaling.core.calls.finding import Cause, Match
from signaling.core.calls.record import LeaveReason
from signaling.core.calls.signs import MemberSigns
from signaling.core.calls.words import DEVICES, listed, times
from signaling.core.messages import MediaKind

MANY_LOSSES = 3
"""A connection that broke once or twice and came back is what resuming is for."""

_OWN: tuple[MediaKind, ...] = ("audio", "video")
_WITHOUT: dict[MediaKind, str] = {"audio": "heard (microphone)", "video": "seen (camera)"}
"""What one cannot be without a device."""


def _left(reason: LeaveReason) -> Callable[[MemberSigns], Match | None]:
    def applies(signs: MemberSigns) -> Match | None:
        member = signs.member
        return Match((member.id,), at=member.left_at) if member.leave_reason == reason else None

    return applies


def _trouble(
    reasons: tuple[str, ...],
    devices: tuple[MediaKind, ...],
    words: Mapping[MediaKind, str] = DEVICES,
    last: str = "and",
) -> Callable[[MemberSigns], Match | None]:
    def applies(signs: MemberSigns) -> Match | None:
        member = signs.member
        failed = [device for device in devices if member.media_errors.get(device) in reasons]
        if not failed:
            return None
        at = signs.call.device_failed_at(member.id)
        return Match(
            (member.id,), listed([words[device] for device in failed], last), member.joined_at if at is None else at
        )

    return applies


def _signaling_lost(signs: MemberSigns) -> Match | None:
    """Match where someone was left behind: the last one to vanish troubles nobody."""
    member = signs.member
    if member.leave_reason != "lost" or member.left_at is None or not signs.call.someone_stays(member.left_at):
        return None
    lost_at = signs.call.lost_at(member.id)
    return Match((member.id,), at=member.left_at if lost_at is None else lost_at)


def _signaling_unstable(signs: MemberSigns) -> Match | None:
    member = signs.member
    unstable = member.losses >= MANY_LOSSES and member.leave_reason != "lost"
    return Match((member.id,), times(member.losses)) if unstable else None


MEMBER_CAUSES: tuple[Cause[MemberSigns], ...] = (
    Cause(
        "permission_denied",
        "degraded",
        "The browser told `permission` for microphone or camera",
        _trouble(("permission",), _OWN, _WITHOUT, "or"),
        "{who} could not be {value}: the browser has no permission.",
        "Allow it beside the address bar and in the system's privacy settings, then reload the page.",
        "Allow it beside the browser's address bar and in the system's privacy settings, then reload the page.",
    ),
    Cause(
        "device_not_found",
        "degraded",
        "The browser told `not_found` for microphone or camera",
        _trouble(("not_found",), _OWN),
        "The browser of {who} found no device to use as {value}.",
        "Plug it in, or choose another in the device menu.",
        "Plug it in, or choose another in the device menu.",
    ),
    Cause(
        "device_in_use",
        "degraded",
        "The browser told `in_use` for microphone or camera",
        _trouble(("in_use",), _OWN),
        "The {value} of {who} could not be opened: another program has it.",
        "Close the other program or tab that uses it.",
        "Close the other program or tab that uses it.",
    ),
    Cause(
        "device_failed",
        "degraded",
        "The browser told `overconstrained` or `other` for a device",
        _trouble(("overconstrained", "other"), (*_OWN, "screen")),
        "The {value} of {who} did not work.",
        "Choose another device, unplug it and plug it in again, or restart the browser.",
        "Choose another device, unplug it and plug it in again, or restart the browser.",
    ),
    Cause(
        "signaling_lost",
        "degraded",
        "The signaling connection broke and did not come back in time, while others were in the call",
        _signaling_lost,
        "{who} lost the connection to the server and did not come back.",
        "Their network ended or their computer slept. If many do at once, look at the server or its proxy.",
        "Ask whether their network ended or their computer slept. If it happens to many at once, {operator}.",
    ),
    Cause(
        "signaling_unstable",
        "degraded",
        "The signaling connection broke three times or more",
        _signaling_unstable,
        "The connection of {who} to the server broke {value} and came back.",
        "Wi-Fi, or a proxy that cuts idle connections: give it a timeout of more than a minute.",
        "Try a cable or another network there. If it happens to many, {operator}.",
    ),
    Cause(
        "slow_client",
        "degraded",
        "Left as `slow`",
        _left("slow"),
        "{who} took no data from the server any more and was cut off.",
        "The computer or its line was overloaded. Reload the page.",
        "The computer or its line was overloaded: close other programs there, then reload the page.",
    ),
    Cause(
        "broke_protocol",
        "degraded",
        "Left as `protocol`",
        _left("protocol"),
        "The client of {who} broke the rules of the protocol and was cut off.",
        "An old page or a foreign client. Reload the page; see docs/protocol.md.",
        "Reload the page there. If it happens again, update the browser or try another.",
    ),
    Cause(
        "credentials_expired",
        "degraded",
        "Left as `expired`",
        _left("expired"),
        "The credentials of {who} ran out during the call and were not renewed.",
        "Sign in again. If it happens to many, the clocks of servers and computers differ.",
        "Sign in again. If it happens to many, {operator}.",
    ),
    Cause(
        "signed_out",
        "note",
        "Left as `signed_out`",
        _left("signed_out"),
        "{who} signed this device out and left with that.",
        "Nothing is wrong.",
        "Nothing is wrong.",
    ),
    Cause(
        "removed",
        "note",
        "Left as `removed`",
        _left("removed"),
        "{who} was taken out of the call by a host or moderator.",
        "Nothing is wrong. They may come back.",
        "Nothing is wrong. They may come back.",
    ),
    Cause(
        "banned",
        "note",
        "Left as `banned`",
        _left("banned"),
        "{who} was banned by a host or moderator.",
        "Nothing is wrong. Bans can be lifted in the room's settings.",
        "Nothing is wrong. Bans can be lifted in the room's settings.",
    ),
    Cause(
        "screen_refused",
        "note",
        "The browser told `permission`, `not_found` or `in_use` for the screen",
        _trouble(("permission", "not_found", "in_use"), ("screen",)),
        "{who} could not share the {value}: the choice was closed, or the system does not allow it.",
        "On macOS, allow the browser to record the screen in the privacy settings.",
        "On macOS, allow the browser to record the screen in the privacy settings.",
    ),
)
