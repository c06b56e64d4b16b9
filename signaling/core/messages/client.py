"""Frames that a client sends, one frozen type per kind. Unknown fields are errors."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from signaling.core.messages.shared import (
    MAX_PEERS,
    MAX_SDP_BYTES,
    Candidate,
    CandidateCounts,
    ChatText,
    ClientId,
    ConnectionId,
    DisplayName,
    Emoji,
    FrameId,
    IceState,
    MediaKind,
    Milliseconds,
    PathState,
    SelectedPair,
    Seq,
    Token,
    WebRtcAction,
)


class ClientFrame(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="type", gc=False):
    """What every client frame may carry."""

    id: FrameId | UnsetType = UNSET


# --- coming in and coming back ---------------------------------------------------------------------------------------


class Hello(ClientFrame, frozen=True, tag="hello"):
    """First frame of a `?v=2` connection: says who comes in, so that no credential stands in a URL."""

    token: Token | UnsetType = UNSET
    displayName: DisplayName | UnsetType = UNSET
    guestId: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{16,64}$")] | UnsetType = UNSET
    """Random, kept by the browser: the same guest in a new tab has the same one."""
    password: Annotated[str, Meta(min_length=1, max_length=256)] | UnsetType = UNSET
    invitation: Annotated[str, Meta(min_length=1, max_length=128)] | UnsetType = UNSET


class Resume(ClientFrame, frozen=True, tag="resume"):
    """First frame of a `?v=2` connection that goes on with a session; `lastSeq` is the last frame that arrived.

    `token` renews the session's credentials; it is needed when those it came in with have expired meanwhile.
    """

    resumeToken: Token
    lastSeq: Seq
    token: Token | UnsetType = UNSET


class Received(ClientFrame, frozen=True, tag="ack"):
    """All server frames up to and including `seq` arrived; the server need not keep them any longer."""

    seq: Seq


class Leave(ClientFrame, frozen=True, tag="leave"):
    """Leave the room for good."""


# --- in the call -----------------------------------------------------------------------------------------------------


class SetProfile(ClientFrame, frozen=True, tag="profile"):
    """Change the sender's display name."""

    displayName: DisplayName


class SendChat(ClientFrame, frozen=True, tag="chat"):
    """Say something to everyone in the room."""

    text: ChatText


class SendWebRtc(ClientFrame, frozen=True, tag="webrtc", rename={"from_": "from"}):
    """An offer, answer or candidate for one member. `from` is accepted and ignored: the server stamps it.

    `connection` names the peer connection that the offer began; its answer and candidates repeat it, so that those
    of an earlier connection can be told apart and dropped.
    """

    action: WebRtcAction
    to: ClientId
    sdp: Annotated[str, Meta(min_length=1, max_length=MAX_SDP_BYTES)] | UnsetType = UNSET
    candidate: Candidate | UnsetType | None = UNSET
    connection: ConnectionId | UnsetType = UNSET
    from_: msgspec.Raw | UnsetType = UNSET


class SetMedia(ClientFrame, frozen=True, tag="media"):
    """Tell the others which of the sender's tracks are on."""

    audio: bool
    video: bool
    screen: bool = False


class SetHand(ClientFrame, frozen=True, tag="hand"):
    """Raise or lower the sender's hand."""

    raised: bool


class React(ClientFrame, frozen=True, tag="reaction"):
    """Show everyone an emoji for a moment."""

    emoji: Emoji


class RenewIceServers(ClientFrame, frozen=True, tag="ice_servers"):
    """Ask for fresh TURN credentials: those of `welcome` end after a while."""


# --- what a browser tells of its media: believed within bounds, shown to nobody in the call --------------------------


class ReportPath(ClientFrame, frozen=True, tag="path"):
    """The state of the sender's peer connection to another member changed, or it looks for another path.

    With an `id`, so that what happened while the signaling connection was lost is told after the resume.
    """

    clientId: ClientId
    connection: ConnectionId
    state: PathState
    iceState: IceState | UnsetType = UNSET
    reason: Literal["state", "ice_restart", "rebuild", "no_answer"] = "state"
    """Why this is told: the state changed, or the sender begins an ICE restart or another peer connection, or it gave
    up waiting for an answer."""
    elapsedMs: Milliseconds | UnsetType = UNSET
    """Since this attempt began: the first offer of this peer connection, or the ICE restart."""
    gatheringMs: Milliseconds | UnsetType = UNSET
    """How much of `elapsedMs` had passed when gathering was complete."""
    iceMs: Milliseconds | UnsetType = UNSET
    """How much of `elapsedMs` had passed when ICE was connected; the rest to `connected` is DTLS."""
    local: CandidateCounts | UnsetType = UNSET
    remote: CandidateCounts | UnsetType = UNSET
    serverErrors: Annotated[tuple[int, ...], Meta(max_length=8)] = ()
    """Codes of `icecandidateerror` (W3C WebRTC §4.8.1.3): STUN error codes such as 401, 701 where no answer came."""
    pair: SelectedPair | UnsetType = UNSET


class PeerStats(Struct, frozen=True, forbid_unknown_fields=True):
    """How media flows between the sender and one member, since the last digest. What is not known is left out."""

    clientId: ClientId
    pair: SelectedPair | UnsetType = UNSET
    rttMs: Milliseconds | UnsetType = UNSET
    audioJitterMs: Milliseconds | UnsetType = UNSET
    videoJitterMs: Milliseconds | UnsetType = UNSET
    audioLossIn: float | UnsetType = UNSET
    """Share of packets lost, 0 to 1; `In`: of what the sender receives, `Out`: of what it sends."""
    audioLossOut: float | UnsetType = UNSET
    videoLossIn: float | UnsetType = UNSET
    videoLossOut: float | UnsetType = UNSET
    bitrateIn: float | UnsetType = UNSET
    """Bits per second."""
    bitrateOut: float | UnsetType = UNSET
    freezes: float | UnsetType = UNSET
    frozenMs: Milliseconds | UnsetType = UNSET
    limitedBy: Literal["none", "cpu", "bandwidth", "other"] | UnsetType = UNSET
    """What keeps the sender's own picture from being better (`qualityLimitationReason`)."""
    widthIn: float | UnsetType = UNSET
    heightIn: float | UnsetType = UNSET
    fpsIn: float | UnsetType = UNSET
    widthOut: float | UnsetType = UNSET
    heightOut: float | UnsetType = UNSET
    fpsOut: float | UnsetType = UNSET


class SendStats(ClientFrame, frozen=True, tag="stats"):
    """A digest of the media of all pairs, every 10 seconds. Without an `id`: an old one is of no use."""

    peers: Annotated[tuple[PeerStats, ...], Meta(max_length=MAX_PEERS)]


class ReportTrouble(ClientFrame, frozen=True, tag="trouble"):
    """A device of the sender cannot be used (`getUserMedia`, W3C Media Capture §10.2)."""

    media: MediaKind
    reason: Literal["permission", "not_found", "in_use", "overconstrained", "other"]


# --- moderation: hosts and moderators only ---------------------------------------------------------------------------


class Admit(ClientFrame, frozen=True, tag="admit"):
    """Let someone in who waits in the lobby."""

    clientId: ClientId


class Deny(ClientFrame, frozen=True, tag="deny"):
    """Turn someone away who waits in the lobby."""

    clientId: ClientId


class SetLock(ClientFrame, frozen=True, tag="lock"):
    """Close the room to newcomers, or open it again."""

    locked: bool


class Mute(ClientFrame, frozen=True, tag="mute"):
    """Turn a member's microphone, camera or shared screen off; only the member can turn it on again."""

    clientId: ClientId
    media: MediaKind


class LowerHand(ClientFrame, frozen=True, tag="lower_hand"):
    """Lower someone's hand."""

    clientId: ClientId


class Remove(ClientFrame, frozen=True, tag="remove"):
    """Take a member out of the call; coming back is possible."""

    clientId: ClientId


class Ban(ClientFrame, frozen=True, tag="ban"):
    """Take a member out of the call and keep them out of this room."""

    clientId: ClientId


class SetRole(ClientFrame, frozen=True, tag="role"):
    """Give a member another role. `host` hands the call over: the sender becomes a moderator."""

    clientId: ClientId
    role: Literal["host", "moderator", "member"]


class End(ClientFrame, frozen=True, tag="end"):
    """End the call for everyone."""


ClientMessage = (
    Hello
    | Resume
    | Received
    | Leave
    | SetProfile
    | SendChat
    | SendWebRtc
    | SetMedia
    | SetHand
    | React
    | RenewIceServers
    | ReportPath
    | SendStats
    | ReportTrouble
    | Admit
    | Deny
    | SetLock
    | Mute
    | LowerHand
    | Remove
    | Ban
    | SetRole
    | End
)
