"""Frames that a client sends, one frozen type per kind. Unknown fields are errors."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from signaling.core.messages.shared import (
    MAX_SDP_BYTES,
    Candidate,
    ChatText,
    ClientId,
    ConnectionId,
    DisplayName,
    Emoji,
    FrameId,
    MediaKind,
    Seq,
    Token,
    WebRtcAction,
)


class ClientFrame(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="type"):
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
