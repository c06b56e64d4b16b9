"""The record of one call: who was there, how each pair found its path, how media flowed, what went wrong.

It is stored, exported and answered over HTTP as JSON in this shape. Times are milliseconds since 1970 UTC, durations
milliseconds. It holds no contents (SDP, chat) and no address: of a network only its /24 or /48.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from signaling.core.messages import CandidateCounts, IceState, Kind, MediaKind, PathState, Role, SelectedPair

RECORD_VERSION = 1

LeaveReason = Literal[
    "left", "lost", "removed", "banned", "ended", "signed_out", "expired", "slow", "protocol", "server"
]
"""`left` by themselves; `lost` their connection and did not come back in time; `removed`, `banned` by a moderator;
`ended` with the room or for everyone; `signed_out`; `expired` credentials; `slow`: took no data; `protocol`: broke the
rules; `server`: this server stopped."""
Outcome = Literal["connecting", "connected", "failed", "timeout", "abandoned", "unreported"]
"""Of an attempt: not settled yet; a path was found; both or one browser gave up; nothing was heard in time; one side
left, or the call ended, before it settled; no side tells such things (a foreign client)."""
AttemptKind = Literal["initial", "ice_restart", "rebuild"]
EventKind = Literal[
    "join",
    "leave",
    "lost",
    "back",
    "refused",
    "offer",
    "answer",
    "connected",
    "disconnected",
    "failed",
    "timeout",
    "abandoned",
    "ice_restart",
    "rebuild",
    "media_error",
    "media",
    "role",
    "unreachable",
]


class Entry(Struct, frozen=True):
    """How someone came in: what the timeline is told beside the member itself."""

    network: str = ""
    """Of their address: IPv4 /24, IPv6 /48, empty where unknown."""
    browser: str = ""
    """Family and major version, such as `Chrome 156`; empty where unknown."""
    account: bool = False
    reports: bool = False
    """The client tells what becomes of its media paths (`?v=2`)."""


class MemberRecord(Struct, rename="camel", omit_defaults=True, kw_only=True, gc=False):
    """One member from join to leave; who comes back after leaving is another member."""

    id: str
    name: str
    role: Role
    joined_at: int
    kind: Kind = "person"
    account: bool = False
    network: str = ""
    browser: str = ""
    left_at: int | None = None
    leave_reason: LeaveReason | None = None
    losses: int = 0
    """How often the signaling connection broke; `resumes`: how often it came back in time."""
    resumes: int = 0
    media_errors: dict[MediaKind, str] = {}
    """The last `trouble` of each device that was not on afterwards."""


class SideReport(Struct, rename="camel", omit_defaults=True, kw_only=True):
    """What one browser said last of one attempt."""

    state: PathState = "new"
    ice_state: IceState | None = None
    at: int = 0
    elapsed_ms: float | None = None
    gathering_ms: float | None = None
    ice_ms: float | None = None
    local: CandidateCounts | None = None
    remote: CandidateCounts | None = None
    server_errors: list[int] = []
    pair: SelectedPair | None = None


class Attempt(Struct, rename="camel", omit_defaults=True, kw_only=True):
    """One try to find a path between two members: the first, an ICE restart, or another peer connection."""

    kind: AttemptKind
    started_at: int
    """When the offer came, or a browser said that it begins."""
    connection: str = ""
    offered_by: str = ""
    answered_at: int | None = None
    settled_at: int | None = None
    outcome: Outcome = "connecting"
    glare: bool = False
    relayed: dict[str, CandidateCounts] = {}
    """Candidates that this server relayed, by the member who sent them."""
    reports: dict[str, SideReport] = {}
    """By the member who reported."""


class Quality(Struct, rename="camel", omit_defaults=True, kw_only=True):
    """A summary of the digests of one browser about one pair."""

    digests: int = 0
    rtt_ms: tuple[float, float] | None = None
    """Mean and worst."""
    jitter_ms: tuple[float, float] | None = None
    loss_in: tuple[float, float] | None = None
    loss_out: tuple[float, float] | None = None
    bitrate_in: float | None = None
    """Mean."""
    bitrate_out: float | None = None
    freezes: int = 0
    frozen_ms: float = 0.0
    limited_by_cpu: int = 0
    """In how many digests."""
    limited_by_bandwidth: int = 0
    pair: SelectedPair | None = None
    """The newest."""


class PairRecord(Struct, rename="camel", omit_defaults=True, kw_only=True):
    """Two members and every attempt to connect them; `a` joined before `b`."""

    a: str
    b: str
    attempts: list[Attempt] = []
    more_attempts: int = 0
    """Attempts beyond those kept."""
    connected_at: int | None = None
    """First."""
    outcome: Outcome = "connecting"
    """Of the last settled attempt; what it is now while the call runs."""
    quality: dict[str, Quality] = {}
    """By the member who reported."""


class Event(Struct, rename="camel", omit_defaults=True, kw_only=True, gc=False):
    """One moment of the timeline."""

    at: int
    kind: EventKind
    member: str = ""
    other: str = ""
    detail: str = ""
    """From a closed set that belongs to the kind: a leave reason, a close name, `audio:permission`."""


class CallRecord(Struct, rename="camel", omit_defaults=True, kw_only=True, gc=False):
    """A call from its first join until the room was empty."""

    version: int = RECORD_VERSION
    id: str
    """32 hexadecimal digits; the id of its trace as well."""
    room: str
    node: str
    started_at: int
    ended_at: int | None = None
    traced: bool = False
    """Whether its trace was sent anywhere."""
    turn: bool = False
    """Whether this server hands out TURN servers."""
    stun: bool = False
    members: list[MemberRecord] = []
    pairs: list[PairRecord] = []
    events: list[Event] = []
    more_members: int = 0
    more_pairs: int = 0
    more_events: int = 0
    """What came beyond the bounds of a record."""
    more_failed: int = 0
    """How many of `more_pairs` found no path, or lost it."""
    beside: str = ""
    """Where nobody joined, but browsers told over HTTP why they could not: the call that ran at another server then."""
    interrupted: bool = False
    """The server ended without writing the end; what is here is what it wrote last."""
