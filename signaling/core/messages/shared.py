"""What frames of both directions are made of: limits, names, small shapes."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

MAX_FRAME_BYTES = 64 * 1024
"""Largest message a client may send, all fragments together."""
MAX_SDP_BYTES = 60 * 1024
MAX_CANDIDATE_BYTES = 4 * 1024
MAX_CHAT_CODE_POINTS = 4096
MAX_NAME_CODE_POINTS = 64
MAX_CLIENT_ID = 64
MAX_SAFE_INTEGER = 2**53 - 1
"""Largest whole number that a JavaScript client reads back unchanged."""

FrameId = Annotated[int, Meta(ge=0, le=MAX_SAFE_INTEGER, description="Chosen by the sender, growing by one or more")]
Seq = Annotated[int, Meta(ge=0, le=MAX_SAFE_INTEGER, description="The `seq` of a server frame; 0 before the first")]
ClientId = Annotated[str, Meta(min_length=1, max_length=MAX_CLIENT_ID)]
DisplayName = Annotated[str, Meta(min_length=1, max_length=MAX_NAME_CODE_POINTS)]
ChatText = Annotated[str, Meta(min_length=1, max_length=MAX_CHAT_CODE_POINTS)]
Token = Annotated[str, Meta(min_length=1, max_length=4096)]
ConnectionId = Annotated[
    str, Meta(min_length=1, max_length=MAX_CLIENT_ID, description="Names one RTCPeerConnection of the offering side")
]

Role = Literal["host", "moderator", "member", "guest"]
Kind = Literal["person", "recorder"]
"""What sits behind a member: a browser, or the recorder, whose presence everyone must see."""
Link = Literal["ok", "lost"]
WebRtcAction = Literal["offer", "answer", "ice"]
MediaKind = Literal["audio", "video", "screen"]
LobbyMode = Literal["off", "guests", "everyone"]
"""Who must knock; hosts and moderators never do."""
Emoji = Literal["👍", "👎", "👏", "❤️", "😂", "😮", "🎉", "👋"]


class Candidate(Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """An `RTCIceCandidateInit` (W3C WebRTC §4.8.1); an empty `candidate` means end-of-candidates (RFC 8838 §9)."""

    candidate: Annotated[str, Meta(max_length=MAX_CANDIDATE_BYTES)]
    sdpMid: Annotated[str, Meta(max_length=256)] | None = None
    sdpMLineIndex: Annotated[int, Meta(ge=0, le=65535)] | None = None
    usernameFragment: Annotated[str, Meta(max_length=256)] | None = None


class MediaState(Struct, frozen=True, forbid_unknown_fields=True):
    """Which of a member's tracks are on, as the member says."""

    audio: bool = False
    video: bool = False
    screen: bool = False
