"""Messages of every kind, and ways to draw them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from msgspec import UNSET

from signaling.core.messages import (
    Ack,
    Candidate,
    Chat,
    ClientMessage,
    Error,
    Hello,
    IceServer,
    Leave,
    Limits,
    Media,
    MediaState,
    Participant,
    Participants,
    Presence,
    Profile,
    SendChat,
    SendWebRtc,
    ServerMessage,
    SetMedia,
    SetProfile,
    WebRtc,
    Welcome,
)

CANDIDATE = Candidate("candidate:1 1 udp 2122 192.0.2.1 5000 typ host", "0", 0, "ufrag")
END_OF_CANDIDATES = Candidate("")

SERVER_MESSAGES: tuple[ServerMessage, ...] = (
    Welcome(clientId="a", role="guest", iceServers=(), limits=Limits()),
    Welcome(
        clientId="a",
        role="host",
        iceServers=(IceServer(("stun:stun.example.org",)), IceServer(("turn:t",), "user", "word")),
        limits=Limits(members=2),
    ),
    Participants(participants=()),
    Participants(participants=(Participant("a", "Alice", "member", MediaState(audio=True), "lost", polite=True),)),
    Presence(action="join", clientId="a", ts=1, displayName="Alice", role="moderator", polite=False),
    Presence(action="leave", clientId="a", ts=1),
    Profile(clientId="a", displayName="Alice"),
    Chat(from_="a", displayName="Alice", text="hello", id="x", ts=1),
    WebRtc(action="offer", from_="a", to="b", sdp="v=0"),
    WebRtc(action="ice", from_="a", to="b", candidate=CANDIDATE),
    WebRtc(action="ice", from_="a", to="b", candidate=None),
    Media(clientId="a", audio=True, video=False, screen=True),
    Ack(id=7),
    Error(code="bad_json", message="No.", retryable=False),
    Error(code="rate_limited", message="No.", retryable=True, ref=3),
)

CLIENT_FRAMES: tuple[dict[str, Any], ...] = (
    {"type": "hello"},
    {"type": "hello", "token": "t", "displayName": "Alice", "id": 0},
    {"type": "profile", "displayName": "Alice", "id": 1},
    {"type": "chat", "text": "hello", "id": 2**53 - 1},
    {"type": "webrtc", "action": "offer", "to": "b", "sdp": "v=0", "from": "b"},
    {"type": "webrtc", "action": "answer", "to": "b", "sdp": "v=0", "from": {"any": ["thing"]}},
    {"type": "webrtc", "action": "ice", "to": "b", "candidate": {"candidate": "", "sdpMid": None}},
    {
        "type": "webrtc",
        "action": "ice",
        "to": "b",
        "candidate": {"candidate": "c", "sdpMid": "0", "sdpMLineIndex": 65535, "usernameFragment": "u"},
    },
    {"type": "webrtc", "action": "ice", "to": "b", "candidate": None},
    {"type": "media", "audio": True, "video": False},
    {"type": "media", "audio": True, "video": False, "screen": True},
    {"type": "leave"},
)

_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)
_some_text = _text.filter(bool)
_ids = st.one_of(st.just(UNSET), st.integers(0, 2**53 - 1))
_names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=64)


def client_messages() -> st.SearchStrategy[ClientMessage]:
    """Draw messages that a client may send, as far as their shape goes."""
    candidates = st.builds(
        Candidate,
        _text,
        st.none() | _text,
        st.none() | st.integers(0, 65535),
        st.none() | _text,
    )
    sdp = st.just(UNSET) | _some_text
    kinds: tuple[st.SearchStrategy[ClientMessage], ...] = (
        st.builds(Hello, id=_ids, token=sdp, displayName=st.just(UNSET) | _names),
        st.builds(SetProfile, id=_ids, displayName=_names),
        st.builds(SendChat, id=_ids, text=_some_text),
        st.builds(
            SendWebRtc,
            id=_ids,
            action=st.sampled_from(["offer", "answer", "ice"]),
            to=_names,
            sdp=sdp,
            candidate=st.just(UNSET) | st.none() | candidates,
        ),
        st.builds(SetMedia, id=_ids, audio=st.booleans(), video=st.booleans(), screen=st.booleans()),
        st.builds(Leave, id=_ids),
    )
    return st.one_of(*kinds)


def json_values() -> st.SearchStrategy[Any]:
    """Draw any JSON value."""
    leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _text
    return st.recursive(leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_text, inner, max_size=4))
