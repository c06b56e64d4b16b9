"""Messages of every kind, and ways to draw them."""

from __future__ import annotations

from typing import Any, get_args

from hypothesis import strategies as st
from msgspec import UNSET

from signaling.core.messages import (
    Ack,
    Admit,
    Ban,
    Candidate,
    CandidateCounts,
    CandidateType,
    Chat,
    ChatEntry,
    ChatHistory,
    ClientMessage,
    Deny,
    Emoji,
    End,
    Error,
    Hand,
    Hello,
    IceServer,
    IceServers,
    IceState,
    Knocker,
    Leave,
    Limits,
    Lobby,
    LowerHand,
    Media,
    MediaKind,
    MediaState,
    Mute,
    Muted,
    Participant,
    Participants,
    PathState,
    PeerStats,
    Presence,
    Profile,
    React,
    Reaction,
    Received,
    Remove,
    RenewIceServers,
    ReportPath,
    ReportTrouble,
    Resume,
    Resumed,
    RoleChanged,
    RoomChanged,
    RoomState,
    SelectedPair,
    SendChat,
    SendStats,
    SendWebRtc,
    ServerMessage,
    SetHand,
    SetLock,
    SetMedia,
    SetProfile,
    SetRole,
    Waiting,
    WebRtc,
    Welcome,
)

CANDIDATE = Candidate("candidate:1 1 udp 2122 192.0.2.1 5000 typ host", "0", 0, "ufrag")
END_OF_CANDIDATES = Candidate("")

SERVER_MESSAGES: tuple[ServerMessage, ...] = (
    Welcome(
        clientId="a",
        callId="0af7651916cd43dd8448eb211c80319c",
        role="guest",
        resumeToken="",
        resumeWindowMs=0,
        iceServers=(),
        iceTtlMs=0,
        limits=Limits(),
        room=RoomState(),
    ),
    Welcome(
        clientId="a",
        callId="0af7651916cd43dd8448eb211c80319c",
        role="host",
        resumeToken="secret",
        resumeWindowMs=30_000,
        iceServers=(IceServer(("stun:stun.example.org",)), IceServer(("turn:t",), "user", "word")),
        iceTtlMs=600_000,
        limits=Limits(members=2),
        room=RoomState(locked=True, lobby="guests"),
    ),
    Resumed(clientId="a"),
    Resumed(clientId="a", lastId=7),
    Waiting(hostPresent=False),
    Participants(participants=()),
    Participants(participants=(Participant("a", "Alice", "member", MediaState(audio=True), "lost", polite=True),)),
    Presence(action="join", clientId="a", ts=1, displayName="Alice", role="moderator", polite=False),
    Participants(
        participants=(
            Participant("a", "Alice", "host", MediaState(), "ok", polite=False, kind="recorder", handRaisedAt=5),
        )
    ),
    Presence(action="leave", clientId="a", ts=1),
    Presence(action="leave", clientId="a", ts=1, reason="banned", by="b"),
    Presence(action="join", clientId="a", ts=1, displayName="R", role="member", polite=True, kind="recorder"),
    Presence(action="lost", clientId="a", ts=1),
    Presence(action="back", clientId="a", ts=1),
    Profile(clientId="a", displayName="Alice"),
    Chat(from_="a", displayName="Alice", text="hello", id="x", ts=1),
    ChatHistory(messages=(ChatEntry(from_="a", displayName="Alice", text="hello", id="x", ts=1),)),
    WebRtc(action="offer", from_="a", to="b", sdp="v=0", connection="c1"),
    WebRtc(action="ice", from_="a", to="b", candidate=CANDIDATE),
    WebRtc(action="ice", from_="a", to="b", candidate=None),
    Media(clientId="a", audio=True, video=False, screen=True),
    Hand(clientId="a", raised=True, ts=1),
    Reaction(clientId="a", emoji="🎉"),
    IceServers(iceServers=(IceServer(("turn:t",), "user", "word"),), ttlMs=600_000),
    Lobby(waiting=(Knocker(id="k", displayName="Kim"),)),
    RoomChanged(room=RoomState(locked=True), by="a"),
    RoleChanged(clientId="a", role="moderator", by="b"),
    Muted(clientId="a", media="audio", by="b"),
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
    {"type": "hello", "guestId": "0123456789abcdef", "password": "p", "invitation": "i"},
    {"type": "resume", "resumeToken": "t", "lastSeq": 0},
    {"type": "resume", "resumeToken": "t", "lastSeq": 7, "token": "t"},
    {"type": "ack", "seq": 3},
    {"type": "hand", "raised": True},
    {"type": "reaction", "emoji": "❤️"},
    {"type": "ice_servers", "id": 4},
    {"type": "path", "clientId": "b", "connection": "c1", "state": "connecting"},
    {
        "type": "path",
        "clientId": "b",
        "connection": "c1",
        "state": "connected",
        "iceState": "completed",
        "reason": "state",
        "elapsedMs": 812.5,
        "gatheringMs": 300.5,
        "iceMs": 700.5,
        "local": {"host": 2, "srflx": 1},
        "remote": {"prflx": 1, "relay": 1},
        "serverErrors": [401, 701],
        "pair": {"local": "relay", "remote": "prflx", "protocol": "udp", "relayProtocol": "tls", "family": "v6"},
        "id": 5,
    },
    {"type": "stats", "peers": []},
    {
        "type": "stats",
        "peers": [{"clientId": "b", "rttMs": 12.5, "audioLossIn": 0.01, "limitedBy": "cpu", "pair": {"local": "host"}}],
    },
    {"type": "trouble", "media": "audio", "reason": "permission", "id": 6},
    {"type": "admit", "clientId": "b"},
    {"type": "deny", "clientId": "b"},
    {"type": "lock", "locked": True},
    {"type": "mute", "clientId": "b", "media": "screen"},
    {"type": "lower_hand", "clientId": "b"},
    {"type": "remove", "clientId": "b"},
    {"type": "ban", "clientId": "b"},
    {"type": "role", "clientId": "b", "role": "moderator"},
    {"type": "end"},
    {"type": "leave"},
)

_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)
_some_text = _text.filter(bool)
_ids = st.one_of(st.just(UNSET), st.integers(0, 2**53 - 1))
_names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=64)


_numbers = st.floats(allow_nan=False, allow_infinity=False)


def numbers() -> st.SearchStrategy[float]:
    """Draw numbers as a browser, or something that poses as one, may tell them."""
    return st.floats(0, 2000) | st.sampled_from([-1.0, 0.0, 1.0, 1e12]) | _numbers


def selected_pairs() -> st.SearchStrategy[SelectedPair]:
    """Draw pairs of candidates."""
    types = st.none() | st.sampled_from(get_args(CandidateType))
    protocols = st.sampled_from([None, "udp", "tcp"])
    return st.builds(SelectedPair, types, types, protocols, protocols, st.sampled_from([None, "v4", "v6"]))


def path_reports(
    ids: st.SearchStrategy[str], connections: st.SearchStrategy[str], **parts: st.SearchStrategy[Any]
) -> st.SearchStrategy[ReportPath]:
    """Draw reports about peer connections."""
    counts = st.builds(CandidateCounts, *[st.integers(-1, 2000)] * 4)
    durations = st.just(UNSET) | numbers()
    drawn: dict[str, st.SearchStrategy[Any]] = {
        "state": st.sampled_from(get_args(PathState)),
        "iceState": st.just(UNSET) | st.sampled_from(get_args(IceState)),
        "reason": st.sampled_from(["state", "ice_restart", "rebuild", "no_answer"]),
        "elapsedMs": durations,
        "gatheringMs": durations,
        "iceMs": durations,
        "local": st.just(UNSET) | counts,
        "remote": st.just(UNSET) | counts,
        "serverErrors": st.lists(st.integers(-1, 1000), max_size=8).map(tuple),
        "pair": st.just(UNSET) | selected_pairs(),
    }
    return st.builds(ReportPath, clientId=ids, connection=connections, **(drawn | parts))


def digests(ids: st.SearchStrategy[str]) -> st.SearchStrategy[SendStats]:
    """Draw digests of the media of some pairs."""
    known: dict[str, st.SearchStrategy[Any]] = {
        name: st.just(UNSET) | numbers() for name in PeerStats.__struct_fields__
    }
    known["pair"] = st.just(UNSET) | selected_pairs()
    known["limitedBy"] = st.sampled_from([UNSET, "none", "cpu", "bandwidth", "other"])
    known["clientId"] = ids
    return st.builds(SendStats, peers=st.lists(st.builds(PeerStats, **known), max_size=3).map(tuple))


def troubles() -> st.SearchStrategy[ReportTrouble]:
    """Draw reports about devices."""
    reasons = st.sampled_from(["permission", "not_found", "in_use", "overconstrained", "other"])
    return st.builds(ReportTrouble, media=st.sampled_from(get_args(MediaKind)), reason=reasons)


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
        st.builds(Resume, id=_ids, resumeToken=_names, lastSeq=st.integers(0, 2**53 - 1), token=sdp),
        st.builds(Received, id=_ids, seq=st.integers(0, 2**53 - 1)),
        st.builds(SetHand, id=_ids, raised=st.booleans()),
        st.builds(React, id=_ids, emoji=st.sampled_from(get_args(Emoji))),
        st.builds(RenewIceServers, id=_ids),
        path_reports(_names, _names, id=_ids),
        digests(_names),
        troubles(),
        st.builds(Admit, id=_ids, clientId=_names),
        st.builds(Deny, id=_ids, clientId=_names),
        st.builds(LowerHand, id=_ids, clientId=_names),
        st.builds(Remove, id=_ids, clientId=_names),
        st.builds(Ban, id=_ids, clientId=_names),
        st.builds(SetLock, id=_ids, locked=st.booleans()),
        st.builds(Mute, id=_ids, clientId=_names, media=st.sampled_from(get_args(MediaKind))),
        st.builds(SetRole, id=_ids, clientId=_names, role=st.sampled_from(["host", "moderator", "member"])),
        st.builds(End, id=_ids),
        st.builds(Leave, id=_ids),
    )
    return st.one_of(*kinds)


def json_values() -> st.SearchStrategy[Any]:
    """Draw any JSON value."""
    leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _text
    return st.recursive(leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_text, inner, max_size=4))
