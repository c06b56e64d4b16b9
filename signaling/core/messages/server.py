"""Frames that the server sends, one frozen type per kind.

A client must ignore types and fields it does not know, so servers can deploy first.
"""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from signaling.core.messages.shared import (
    MAX_CHAT_CODE_POINTS,
    MAX_FRAME_BYTES,
    MAX_NAME_CODE_POINTS,
    Candidate,
    Kind,
    Link,
    LobbyMode,
    MediaKind,
    MediaState,
    Role,
    WebRtcAction,
)


class ServerFrame(Struct, frozen=True, kw_only=True, tag_field="type", gc=False):
    """Base of all server frames. On the wire each also carries `seq`, numbered per session from 1 without gaps.

    `ack` and `resumed` are not numbered: they belong to a connection, not to the session.
    """


# --- coming in and coming back ---------------------------------------------------------------------------------------


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


class RoomState(Struct, frozen=True):
    """What holds for the room as a whole."""

    locked: bool = False
    lobby: LobbyMode = "off"


class Participant(Struct, frozen=True):
    """A member as the receiver of the list sees it. `polite`: the receiver is the polite side of this pair."""

    id: str
    displayName: str
    role: Role
    media: MediaState
    link: Link
    polite: bool
    kind: Kind = "person"
    handRaisedAt: int | None = None
    """When the hand went up, milliseconds since 1970 UTC; None while it is down."""


class Welcome(ServerFrame, frozen=True, tag="welcome"):
    """First frame to a new member. `clientId` is its name in this room until it leaves."""

    clientId: str
    callId: str
    """Names this call in logs, traces and its record: 32 hexadecimal digits, also the id of its trace."""
    role: Role
    resumeToken: str
    """With it a new connection goes on with this session. A secret; empty without `?v=2`."""
    resumeWindowMs: int
    """How long the session outlives its connection; 0 without `?v=2`: such a session ends with it."""
    iceServers: tuple[IceServer, ...]
    iceTtlMs: int
    """How long the credentials in `iceServers` hold; 0 when they never end."""
    limits: Limits
    room: RoomState


class Resumed(ServerFrame, frozen=True, tag="resumed", omit_defaults=True):
    """First frame after `resume`; what was missed follows. `lastId`: the highest client frame that was handled."""

    clientId: str
    lastId: int | UnsetType = UNSET


class Waiting(ServerFrame, frozen=True, tag="waiting"):
    """The receiver stands in the lobby. Sent again when someone who can open the door comes or goes."""

    hostPresent: bool


class Participants(ServerFrame, frozen=True, tag="participants"):
    """Everyone in the room, the receiver included."""

    participants: tuple[Participant, ...]


class Presence(ServerFrame, frozen=True, tag="presence", omit_defaults=True):
    """Someone came or went, or lost the connection to the server and got it back.

    On join, `polite` says whether the receiver is the polite side towards the newcomer. On a leave that someone else
    caused, `by` is that member and `reason` says what it was.
    """

    action: Literal["join", "leave", "lost", "back"]
    clientId: str
    ts: int
    """Server time, milliseconds since 1970 UTC."""
    displayName: str | UnsetType = UNSET
    role: Role | UnsetType = UNSET
    polite: bool | UnsetType = UNSET
    kind: Kind | UnsetType = UNSET
    reason: Literal["removed", "banned"] | UnsetType = UNSET
    by: str | UnsetType = UNSET


# --- in the call -----------------------------------------------------------------------------------------------------


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


class ChatEntry(Struct, frozen=True, rename={"from_": "from"}):
    """What someone said before the receiver came."""

    from_: str
    displayName: str
    text: str
    id: str
    ts: int


class ChatHistory(ServerFrame, frozen=True, tag="chat_history"):
    """What was said in this call so far, oldest first; sent to a newcomer when there is something."""

    messages: tuple[ChatEntry, ...]


class WebRtc(ServerFrame, frozen=True, tag="webrtc", rename={"from_": "from"}, omit_defaults=True):
    """A relayed offer, answer or candidate; `from` is stamped by the server."""

    action: WebRtcAction
    from_: str
    to: str
    sdp: str | UnsetType = UNSET
    candidate: Candidate | UnsetType | None = UNSET
    connection: str | UnsetType = UNSET
    seq: int | UnsetType = UNSET  # it has one receiver, and to add this afterwards would copy it twice


class Media(ServerFrame, frozen=True, tag="media"):
    """Which of a member's tracks are on changed."""

    clientId: str
    audio: bool
    video: bool
    screen: bool


class Hand(ServerFrame, frozen=True, tag="hand"):
    """A hand went up or down."""

    clientId: str
    raised: bool
    ts: int


class Reaction(ServerFrame, frozen=True, tag="reaction"):
    """Someone shows an emoji."""

    clientId: str
    emoji: str


class IceServers(ServerFrame, frozen=True, tag="ice_servers"):
    """Fresh STUN and TURN servers, for the next peer connection or ICE restart."""

    iceServers: tuple[IceServer, ...]
    ttlMs: int


# --- moderation ------------------------------------------------------------------------------------------------------


class Knocker(Struct, frozen=True):
    """Someone who waits in the lobby."""

    id: str
    displayName: str


class Lobby(ServerFrame, frozen=True, tag="lobby"):
    """Everyone who waits, in the order they came; to hosts and moderators, at each change."""

    waiting: tuple[Knocker, ...]


class RoomChanged(ServerFrame, frozen=True, tag="room"):
    """What holds for the room changed; `by` is the member who did it, if one did."""

    room: RoomState
    by: str | UnsetType = UNSET


class RoleChanged(ServerFrame, frozen=True, tag="role"):
    """A member has another role now."""

    clientId: str
    role: Role
    by: str


class Muted(ServerFrame, frozen=True, tag="muted"):
    """`by` turned a member's microphone, camera or screen off. That member's client stops sending it."""

    clientId: str
    media: MediaKind
    by: str


# --- about the connection --------------------------------------------------------------------------------------------


class Ack(ServerFrame, frozen=True, tag="ack"):
    """All client frames up to and including `id` were handled."""

    id: int


class Error(ServerFrame, frozen=True, tag="error", omit_defaults=True):
    """A frame was refused, or the connection is about to close. `ref` is the refused frame's `id`, if it had one."""

    code: str
    message: str
    retryable: bool
    ref: int | UnsetType = UNSET


ServerMessage = (
    Welcome
    | Resumed
    | Waiting
    | Participants
    | Presence
    | Profile
    | Chat
    | ChatHistory
    | WebRtc
    | Media
    | Hand
    | Reaction
    | IceServers
    | Lobby
    | RoomChanged
    | RoleChanged
    | Muted
    | Ack
    | Error
)

UNNUMBERED = (Ack, Resumed)
"""Frames without `seq`."""
