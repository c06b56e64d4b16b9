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
MAX_PEERS = 49
"""How many others there are in the largest room, of 50."""
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


PathState = Literal["new", "connecting", "connected", "disconnected", "failed", "closed"]
"""An `RTCPeerConnectionState` (W3C WebRTC §4.3.3)."""
IceState = Literal["new", "checking", "connected", "completed", "disconnected", "failed", "closed"]
"""An `RTCIceConnectionState` (W3C WebRTC §4.3.4)."""
CandidateType = Literal["host", "srflx", "prflx", "relay"]
"""An `RTCIceCandidateType` (RFC 8445 §4)."""
RelayProtocol = Literal["udp", "tcp", "tls"]
Milliseconds = Annotated[float, Meta(description="Milliseconds. The server bounds what it is told")]


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


class CandidateCounts(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How many candidates of each type a browser knows."""

    host: int = 0
    srflx: int = 0
    prflx: int = 0
    relay: int = 0


class SelectedPair(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The pair of candidates that media takes, as the reporting browser sees it; no addresses."""

    local: CandidateType | None = None
    remote: CandidateType | None = None
    protocol: Literal["udp", "tcp"] | None = None
    relayProtocol: RelayProtocol | None = None
    """How the browser speaks to its TURN server; None where the path has none on its side."""
    family: Literal["v4", "v6"] | None = None
