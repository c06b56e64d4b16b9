"""Stand-ins with behaviour: a connection, who is who, which rooms there are."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

from prometheus_client import CollectorRegistry

from observability.calls import CallTracer, SpanRef
from signaling.calls.calls import Calls, Keeper
from signaling.calls.metrics import CallMetrics
from signaling.core.moderation import Deed
from signaling.core.room import RoomRules
from signaling.hub import Hub
from signaling.link import Link, LinkRequest
from signaling.metrics import SignalingMetrics
from signaling.ports import FoundInvitation, Identity, NewBan, NotIdentified, Standing, Unavailable
from signaling.settings import SignalingSettings

ORIGIN = "https://call.example.org"
NOW = 1_790_000_000.0
OWNER = 1
ROOM = "standup"


class ManualClock:
    """Seconds since 1970 that pass when told."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


class FakeTransport:
    """A connection whose peer reads when told; whoever writes after the close fails the test."""

    def __init__(self, room: int = 10**9) -> None:
        self.link: Link | None = None
        self.frames: list[dict[str, Any]] = []
        self.pings = 0
        self.closed: tuple[int, str] | None = None
        self.gone = False
        self.answers_pings = False
        self._room = room
        self._full = False

    def write(self, frame: bytes) -> None:
        assert self.closed is None, "nothing is sent after close"
        assert not self._full, "nothing is written while paused"
        self.frames.append(json.loads(frame))
        self._room -= len(frame)
        if self._room <= 0 and self.link is not None:
            self._full = True
            self.link.pause()

    def ping(self) -> None:
        assert self.closed is None, "nothing is sent after close"
        self.pings += 1
        if self.answers_pings and self.link is not None:
            self.link.pong()

    def close(self, code: int, reason: str) -> None:
        assert self.closed is None, "a connection is closed once"
        self.closed = (code, reason)

    def abort(self) -> None:
        self.disconnect()

    # --- what the peer does

    def read(self, room: int = 10**9) -> None:
        """Take what was written and make room for more."""
        assert self.link is not None
        self._room = room
        self._full = False
        self.link.resume()

    def disconnect(self) -> None:
        """Be gone, once."""
        if not self.gone and self.link is not None:
            self.gone = True
            self.link.lost()

    def kinds(self) -> list[str]:
        """Return the types of the frames that arrived."""
        return [frame["type"] for frame in self.frames]


class FakeAuthenticator:
    """Knows some tokens and tickets; while `gate` is not set, answers wait."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.gate.set()
        self.people: dict[str, Identity] = {}
        self.expired: set[str] = set()
        self.down = False
        self.broken = False

    def add(
        self,
        token: str,
        user_id: int,
        *,
        session_id: str = "",
        lasts: float = 3600,
        recorder_of: str | None = None,
    ) -> None:
        """Let someone be known by a token."""
        session = session_id or f"session-{user_id}"
        expires_at = int((NOW + lasts) * 1000)
        self.people[token] = Identity(user_id, f"user{user_id}", session, expires_at, recorder_of)

    async def authenticate(self, token: str) -> Identity:
        if self.down:
            raise Unavailable("no database")
        if self.broken:
            raise RuntimeError("bug")
        found = self.people.get(token)
        await self.gate.wait()
        if found is None:
            raise NotIdentified(expired=token in self.expired)
        return found

    async def redeem_ticket(self, ticket: str) -> Identity:
        found = await self.authenticate(ticket)
        del self.people[ticket]
        return found


class FakeDirectory:
    """Knows some rooms; while `gate` is not set, answers wait after they were read."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.gate.set()
        self.rooms = {ROOM: RoomRules(OWNER, guests_allowed=True, max_members=3)}
        self.asked = 0

    async def find(self, room_id: str) -> RoomRules | None:
        self.asked += 1
        found = self.rooms.get(room_id)
        await self.gate.wait()
        return found

    async def open(self, room_id: str, owner_id: int) -> RoomRules:
        found = self.rooms.setdefault(room_id, RoomRules(owner_id, guests_allowed=True, max_members=3))
        self.asked += 1
        await self.gate.wait()
        return found


class FakeDoorkeeper:
    """Remembers bans, moderators, passwords, invitations and deeds; while `gate` is not set, answers wait."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.gate.set()
        self.down = False
        self.broken = False
        self.bans: list[tuple[str, NewBan]] = []
        self.moderators: set[tuple[str, int]] = set()
        self.passwords: dict[str, str] = {}
        self.invitations: dict[str, int] = {}
        """Uses left by token; the token is the id too."""
        self.used: set[tuple[str, str]] = set()
        """Who came in by which invitation."""
        self.deeds: list[tuple[str, Deed]] = []
        self.checked_passwords = 0

    async def standing(self, room_id: str, user_id: int | None, guest_id: str | None, address: str) -> Standing:
        bans = [ban for room, ban in self.bans if room == room_id]
        found = Standing(
            account_banned=any(user_id is not None and ban.user_id == user_id for ban in bans),
            guest_banned=any(guest_id is not None and ban.guest_key == f"key of {guest_id}" for ban in bans),
            address_banned=any(ban.address_key == f"key of {address}" for ban in bans),
            moderator=(room_id, user_id) in self.moderators,
            guest_key=None if guest_id is None else f"key of {guest_id}",
            address_key=f"key of {address}",
        )
        await self._answer()
        return found

    async def check_password(self, room_id: str, password: str) -> bool:
        self.checked_passwords += 1
        await self._answer()
        return self.passwords.get(room_id) == password

    async def find_invitation(self, room_id: str, token: str, person: str) -> FoundInvitation | None:
        await self._answer()
        if token not in self.invitations:
            return None
        return FoundInvitation(token, self.invitations[token] <= 0 and (token, person) not in self.used)

    async def use_invitation(self, invitation_id: str, person: str) -> bool:
        await self._answer()
        if (invitation_id, person) in self.used:
            return True
        if self.invitations[invitation_id] <= 0:
            return False
        self.invitations[invitation_id] -= 1
        if person:
            self.used.add((invitation_id, person))
        return True

    async def ban(self, room_id: str, ban: NewBan, deed: Deed) -> None:
        await self._answer()
        self.bans.append((room_id, ban))
        self.deeds.append((room_id, deed))

    async def set_moderator(self, room_id: str, user_id: int, moderator: bool, deed: Deed) -> None:
        await self._answer()
        (self.moderators.add if moderator else self.moderators.discard)((room_id, user_id))
        self.deeds.append((room_id, deed))

    async def record(self, room_id: str, deed: Deed) -> None:
        await self._answer()
        self.deeds.append((room_id, deed))

    def actions(self) -> list[str]:
        """Return what was noted, in order."""
        return [deed.action for _, deed in self.deeds]

    async def _answer(self) -> None:
        await self.gate.wait()
        if self.down:
            raise Unavailable("no database")
        if self.broken:
            raise RuntimeError("bug")


class FakePasswords:
    """Hashes by writing backwards, and counts."""

    def __init__(self) -> None:
        self.hashed = 0

    async def hash(self, password: str) -> str:
        self.hashed += 1
        return password[::-1]

    async def verify(self, password: str, stored: str | None) -> bool:
        return stored == password[::-1]


class Switchboard:
    """A hub made of known parts; its calls are traced and kept where something is given that does so."""

    def __init__(self, *, tracer: CallTracer | None = None, keeper: Keeper | None = None, **settings: Any) -> None:
        defaults: dict[str, Any] = {
            "origins": frozenset({ORIGIN}),
            "close_timeout": timedelta(milliseconds=20),
            "hello_timeout": timedelta(milliseconds=20),
            "outbox_bytes": 4096,
        }
        self.settings = SignalingSettings(**(defaults | settings))
        self.clock = ManualClock()
        self.registry = CollectorRegistry()
        self.authenticator = FakeAuthenticator()
        self.directory = FakeDirectory()
        self.doorkeeper = FakeDoorkeeper()
        self.hub = Hub(
            self.settings,
            self.authenticator,
            self.directory,
            self.doorkeeper,
            SignalingMetrics(self.registry, self.clock),
            Calls(CallMetrics(self.registry), tracer, keeper, node="here"),
            clock=self.clock,
            monotonic=self.clock,
        )

    def metric(self, name: str, **labels: str) -> float:
        """Return a metric, 0 where it was never counted; the sum over the labels that are not given."""
        return sum(
            sample.value
            for family in self.registry.restricted_registry([name]).collect()
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    def connect(
        self,
        query: str = "",
        *,
        room: str = ROOM,
        address: str = "192.0.2.1",
        origin: str | None = ORIGIN,
        size: int = 10**9,
        browser: str = "",
        span: SpanRef | None = None,
    ) -> FakeTransport:
        """Accept a connection; it is not in the room yet."""
        headers = {"user-agent": browser} | ({} if origin is None else {"origin": origin})
        request = LinkRequest.parse(room, query, headers).seen_from(address, 0).within(span)
        transport = FakeTransport(size)
        transport.link = self.hub.accept(request, transport)
        transport.link.opened()
        return transport

    async def join(self, query: str = "", **how: Any) -> FakeTransport:
        """Accept a connection and wait until it is in the room."""
        transport = self.connect(query, **how)
        await settle()
        assert transport.closed is None
        assert transport.kinds()[:1] == ["welcome"]
        return transport


async def settle() -> None:
    """Let everything happen that needs no more time."""
    for _ in range(12):
        await asyncio.sleep(0)


def send(transport: FakeTransport, kind: str, **fields: Any) -> None:
    """Let the peer send a frame."""
    assert transport.link is not None
    transport.link.text(json.dumps({"type": kind} | fields))


def people_of(transport: FakeTransport) -> list[str]:
    """Return who is in the room, as the frames to this member tell."""
    people: list[str] = []
    for frame in transport.frames:
        match frame:
            case {"type": "participants", "participants": listed}:
                people = [person["id"] for person in listed]
            case {"type": "presence", "action": "join", "clientId": who}:
                people.append(who)
            case {"type": "presence", "action": "leave", "clientId": who}:
                if who in people:
                    people.remove(who)
    return people


def id_of(transport: FakeTransport) -> str:
    """Return the member's id."""
    return str(transport.frames[0]["clientId"])
