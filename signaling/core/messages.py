"""The frames of a room, one frozen type per kind and two unions.

`ClientMessage` is what a member may send, `ServerMessage` what it receives; `docs/protocol.md` describes both.
Unknown fields coming in are errors. A client must ignore server types it does not know, so servers can deploy first.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

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
ClientId = Annotated[str, Meta(min_length=1, max_length=MAX_CLIENT_ID)]
DisplayName = Annotated[str, Meta(min_length=1, max_length=MAX_NAME_CODE_POINTS)]
ChatText = Annotated[str, Meta(min_length=1, max_length=MAX_CHAT_CODE_POINTS)]
Token = Annotated[str, Meta(min_length=1, max_length=4096)]

Role = Literal["host", "moderator", "member", "guest"]
Link = Literal["ok", "lost"]
WebRtcAction = Literal["offer", "answer", "ice"]


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


# --- client → server -------------------------------------------------------------------------------------------------


class ClientFrame(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="type"):
    """What every client frame may carry."""

    id: FrameId | UnsetType = UNSET


class Hello(ClientFrame, frozen=True, tag="hello"):
    """First frame of a `?v=2` connection: says who comes in, so that no credential stands in a URL."""

    token: Token | UnsetType = UNSET
    displayName: DisplayName | UnsetType = UNSET


class SetProfile(ClientFrame, frozen=True, tag="profile"):
    """Change the sender's display name."""

    displayName: DisplayName


class SendChat(ClientFrame, frozen=True, tag="chat"):
    """Say something to everyone in the room."""

    text: ChatText


class SendWebRtc(ClientFrame, frozen=True, tag="webrtc", rename={"from_": "from"}):
    """An offer, answer or candidate for one member. `from` is accepted and ignored: the server stamps it."""

    action: WebRtcAction
    to: ClientId
    sdp: Annotated[str, Meta(min_length=1, max_length=MAX_SDP_BYTES)] | UnsetType = UNSET
    candidate: Candidate | UnsetType | None = UNSET
    from_: msgspec.Raw | UnsetType = UNSET


class SetMedia(ClientFrame, frozen=True, tag="media"):
    """Tell the others which of the sender's tracks are on."""

    audio: bool
    video: bool
    screen: bool = False


class Leave(ClientFrame, frozen=True, tag="leave"):
    """Leave the room for good."""


ClientMessage = Hello | SetProfile | SendChat | SendWebRtc | SetMedia | Leave


# --- server → client -------------------------------------------------------------------------------------------------


class ServerFrame(Struct, frozen=True, kw_only=True, tag_field="type", gc=False):
    """Base of all server frames. On the wire each also carries `seq`, numbered per session from 1 without gaps."""


class IceServer(Struct, frozen=True, omit_defaults=True):
    """An `RTCIceServer` (W3C WebRTC §4.2.4)."""

    urls: tuple[str, ...]
    username: str | UnsetType = UNSET
    credential: str | UnsetType = UNSET


class Limits(Struct, frozen=True):
    """What this server accepts from a client."""

    frameBytes: int = MAX_FRAME_BYTES
    chatCodePoints: int = MAX_CHAT_CODE_POINTS
    displayNameCodePoints: int = MAX_NAME_CODE_POINTS
    members: int = 8


class Participant(Struct, frozen=True):
    """A member as the receiver of the list sees it. `polite`: the receiver is the polite side of this pair."""

    id: str
    displayName: str
    role: Role
    media: MediaState
    link: Link
    polite: bool


class Welcome(ServerFrame, frozen=True, tag="welcome"):
    """First frame to a new member. `clientId` is its name in this room until it leaves."""

    clientId: str
    role: Role
    iceServers: tuple[IceServer, ...]
    limits: Limits


class Participants(ServerFrame, frozen=True, tag="participants"):
    """Everyone in the room, the receiver included."""

    participants: tuple[Participant, ...]


class Presence(ServerFrame, frozen=True, tag="presence", omit_defaults=True):
    """Someone came or went. On join, `polite` says whether the receiver is the polite side towards the newcomer."""

    action: Literal["join", "leave"]
    clientId: str
    ts: int
    """Server time, milliseconds since 1970 UTC."""
    displayName: str | UnsetType = UNSET
    role: Role | UnsetType = UNSET
    polite: bool | UnsetType = UNSET


class Profile(ServerFrame, frozen=True, tag="profile"):
    """A member's display name changed."""

    clientId: str
    displayName: str


class Chat(ServerFrame, frozen=True, tag="chat", rename={"from_": "from"}):
    """Someone said something; the speaker receives it too, so all see one order."""

    from_: str
    displayName: str
    text: str
    id: str
    ts: int


class WebRtc(ServerFrame, frozen=True, tag="webrtc", rename={"from_": "from"}, omit_defaults=True):
    """A relayed offer, answer or candidate; `from` is stamped by the server."""

    action: WebRtcAction
    from_: str
    to: str
    sdp: str | UnsetType = UNSET
    candidate: Candidate | UnsetType | None = UNSET


class Media(ServerFrame, frozen=True, tag="media"):
    """Which of a member's tracks are on changed."""

    clientId: str
    audio: bool
    video: bool
    screen: bool


class Ack(ServerFrame, frozen=True, tag="ack"):
    """All client frames up to and including `id` were handled."""

    id: int


class Error(ServerFrame, frozen=True, tag="error", omit_defaults=True):
    """A frame was refused, or the connection is about to close. `ref` is the refused frame's `id`, if it had one."""

    code: str
    message: str
    retryable: bool
    ref: int | UnsetType = UNSET


ServerMessage = Welcome | Participants | Presence | Profile | Chat | WebRtc | Media | Ack | Error

SERVER_TYPES = frozenset({"welcome", "participants", "presence", "ack", "error"})
"""Types that only a server sends; a client that sends one gets `server_only_type`."""
