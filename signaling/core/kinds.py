"""What frames are called where they are counted: by their type, and an offer, answer or candidate by what it is."""

from __future__ import annotations

from typing import get_args

from signaling.core.messages import ClientMessage, SendWebRtc, ServerMessage, WebRtc, WebRtcAction

RELAYED = frozenset(get_args(WebRtcAction))
"""The kinds that go from one member to another unread."""
UNREADABLE = "other"
"""The kind of a frame that is no message."""
RESENT = "resent"
"""The kind of a frame that goes out again after a resume, whatever it was the first time."""

_WEBRTC = (SendWebRtc, WebRtc)
_TYPES: dict[type, str] = {
    message: str(message.__struct_config__.tag)
    for message in (*get_args(ClientMessage), *get_args(ServerMessage))
    if message not in _WEBRTC
}


def kind_of(message: ClientMessage | ServerMessage) -> str:
    """Return the kind of a message."""
    if type(message) is SendWebRtc or type(message) is WebRtc:
        return message.action
    return _TYPES[type(message)]


def _kinds(union: object) -> frozenset[str]:
    return RELAYED | {_TYPES[message] for message in get_args(union) if message not in _WEBRTC}


CLIENT_KINDS = _kinds(ClientMessage) | {UNREADABLE}
SERVER_KINDS = _kinds(ServerMessage) | {RESENT}
