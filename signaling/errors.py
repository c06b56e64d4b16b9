"""Every way a frame or a connection can be refused, named once.

A close code below 4500 means "come back", one from 4500 up means "stay away" (the client shows why).
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class FrameFault(Enum):
    """Why one frame was refused: the `code` of an `error` frame and its words. The connection stays open."""

    BAD_JSON = ("bad_json", "The frame is not valid JSON.")
    BAD_FRAME = ("bad_frame", "The frame does not have the shape its type needs.")
    UNKNOWN_FIELD = ("unknown_field", "The frame holds a field its type does not have.")
    UNKNOWN_TYPE = ("unknown_type", "No such frame type.")
    SERVER_ONLY_TYPE = ("server_only_type", "Only the server sends frames of this type.")
    TOO_DEEP = ("too_deep", "The frame is nested too deeply.")
    BINARY_FRAME = ("binary_frame", "Frames must be text.")
    BAD_NAME = ("bad_name", "A display name has 1 to 64 characters and no control characters.")
    BAD_TEXT = ("bad_text", "A chat text has 1 to 4,096 characters and no control characters but tab and newline.")
    UNEXPECTED_HELLO = ("unexpected_hello", "hello comes first and once, on a connection opened with ?v=2.")
    UNEXPECTED_RESUME = ("unexpected_resume", "resume comes first and once, on a connection opened with ?v=2.")
    BAD_ACK = ("bad_ack", "No such frame was sent yet.")
    UNKNOWN_PEER = ("unknown_peer", "No such member in this room.")
    FORBIDDEN = ("forbidden", "Your role does not allow that.")
    NOT_IN_ROOM = ("not_in_room", "You are still waiting to be let in.")
    ROOM_FULL = ("room_full", "The room is full.")
    UNAVAILABLE = ("unavailable", "That could not be stored; try again in a moment.")
    RATE_LIMITED = ("rate_limited", "Too many frames; slow down.")

    def __init__(self, code: str, text: str) -> None:
        self.code = code
        self.text = text

    @property
    def malformed(self) -> bool:
        """Whether it counts towards the three malformed frames that end a connection."""
        return self not in _WELL_FORMED

    @property
    def retryable(self) -> bool:
        """Whether the same frame may succeed later."""
        return self in _RETRYABLE


_RETRYABLE = frozenset({FrameFault.ROOM_FULL, FrameFault.UNAVAILABLE, FrameFault.RATE_LIMITED})
_WELL_FORMED = _RETRYABLE | {FrameFault.UNKNOWN_PEER, FrameFault.FORBIDDEN, FrameFault.NOT_IN_ROOM}


class CloseReason(NamedTuple):
    """A close code (RFC 6455 §7.4) with its stable name, sent as the close reason."""

    code: int
    name: str
    text: str

    @property
    def retryable(self) -> bool:
        """Whether the client should come back by itself."""
        return self.code == 1012 or 4000 <= self.code < 4500


class Close:
    """All close reasons. 1002, 1007 and 1009 may also come from the WebSocket layer itself."""

    NORMAL = CloseReason(1000, "normal", "The call was left.")
    BAD_FRAMING = CloseReason(1002, "bad_framing", "Frames out of order or with reserved bits.")
    BAD_UTF8 = CloseReason(1007, "bad_utf8", "A text frame was not valid UTF-8.")
    TOO_BIG = CloseReason(1009, "frame_too_large", "A message was larger than 64 KiB.")
    RESTART = CloseReason(1012, "restart", "The server restarts; come back in a moment.")

    SLOW_CONSUMER = CloseReason(4000, "slow_consumer", "The connection could not keep up.")
    PING_TIMEOUT = CloseReason(4001, "ping_timeout", "The connection went silent.")
    STATE_LOST = CloseReason(4002, "state_lost", "The session is gone; join again.")
    RATE_LIMITED = CloseReason(4003, "rate_limited", "Too many frames, again and again.")
    CREDENTIALS_EXPIRED = CloseReason(4004, "credentials_expired", "The credentials expired; sign in again.")
    INTERNAL = CloseReason(4005, "internal_error", "Something went wrong on the server.")

    UNAUTHENTICATED = CloseReason(4500, "unauthenticated", "The credentials are not valid.")
    FORBIDDEN = CloseReason(4501, "forbidden", "This room is not open to you.")
    KICKED = CloseReason(4502, "kicked", "You were removed from the room.")
    BANNED = CloseReason(4503, "banned", "You may not enter this room.")
    ROOM_FULL = CloseReason(4504, "room_full", "The room is full.")
    ROOM_NOT_FOUND = CloseReason(4505, "room_not_found", "There is no such room, or it does not admit guests.")
    BAD_PROTOCOL = CloseReason(4506, "bad_protocol", "The client does not speak this protocol.")
    REPLACED = CloseReason(4507, "replaced", "The session goes on in another connection.")
    ROOM_CLOSED = CloseReason(4508, "room_closed", "The room was closed.")
    SIGNED_OUT = CloseReason(4509, "signed_out", "This device was signed out.")
    ENDED = CloseReason(4510, "ended", "The call was ended for everyone.")
    DENIED = CloseReason(4511, "denied", "Nobody let you in.")
    ROOM_LOCKED = CloseReason(4512, "room_locked", "The room is locked.")
    PASSWORD_REQUIRED = CloseReason(4513, "password_required", "The room asks for its password.")
    WRONG_PASSWORD = CloseReason(4514, "wrong_password", "That is not the password of the room.")
    INVITATION_INVALID = CloseReason(4515, "invitation_invalid", "The invitation has ended or is not valid.")
