"""Rooms that go on at another node: frozen here, thawed there, with all who are in. `signaling.cluster` moves them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from msgspec import Struct

from signaling.calls.live import FrozenCall
from signaling.core.calls.record import LeaveReason
from signaling.core.connection import Connection
from signaling.core.frozen import FrozenConnection, FrozenRoom, freeze_room
from signaling.core.limits import FloodGuard
from signaling.core.lobby import Lobby
from signaling.core.messages import Lobby as WaitingList
from signaling.core.room import Deliver, Room
from signaling.doors import Visit
from signaling.errors import Close, CloseReason
from signaling.live import LiveRoom
from signaling.ports import Identity, Standing
from signaling.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from signaling.calls.calls import Calls
    from signaling.hub import Hub
    from signaling.link import Link
    from signaling.lobby import Lobbies
    from signaling.ports import Clock
    from signaling.sessions import ResumableSessions

VERSION = 1
"""Of what is frozen. A node takes rooms of its own version only; a field that is added needs no other number."""
ABSENT_S = 5.0
"""Who is not back so long after a move is shown to the others as lost."""


class FrozenIdentity(Struct, frozen=True):
    """Someone who is signed in."""

    user_id: int
    username: str
    session_id: str
    expires_at: int
    recorder_of: str | None


class FrozenSession(Struct, frozen=True, kw_only=True):
    """A member's session. `lost_for`: seconds since its connection broke, None where it has one."""

    token: str
    connection: FrozenConnection
    identity: FrozenIdentity | None
    address: str
    display_name: str
    standing: Standing
    invited: bool
    parted_for: LeaveReason
    lost_for: float | None


class FrozenLive(Struct, frozen=True, kw_only=True):
    """A room with its sessions and its call."""

    room: FrozenRoom
    sessions: list[FrozenSession]
    call: FrozenCall
    endings: dict[str, CloseReason]
    """Why sessions were ended that may not know it yet, by their tokens."""
    had_waiters: bool


class Held(Struct, frozen=True):
    """What came of a member while its room was on the way: frames, and why it went if it did, for good or not."""

    member_id: str
    texts: list[str]
    parted_for: LeaveReason | None = None
    left: bool = False


class Thawed(NamedTuple):
    """A room of another node, ready to go on here."""

    frozen: FrozenLive
    live: LiveRoom


class _Resting(NamedTuple):
    """A room on its way: the links of its members, and since when those are lost who have none."""

    live: LiveRoom
    links: dict[Link, Session]
    lost_at: dict[Session, float | None]
    parted: dict[Link, tuple[LeaveReason, bool]]
    written_at: int


class Moves:
    """Serve one hub: let rooms leave it, stay after all, and come to it. No call waits."""

    def __init__(
        self,
        hub: Hub,
        rooms: dict[str, LiveRoom],
        sessions: ResumableSessions,
        lobbies: Lobbies,
        calls: Calls,
        new_id: Callable[[], str],
        clock: Clock,
        monotonic: Clock,
        limits_scale: float,
    ) -> None:
        self._hub = hub
        self._rooms = rooms
        self._sessions = sessions
        self._lobbies = lobbies
        self._calls = calls
        self._new_id = new_id
        self._clock = clock
        self._monotonic = monotonic
        self._limits_scale = limits_scale
        self._resting: dict[str, _Resting] = {}

    # --- at the node that the room leaves

    def __contains__(self, room_id: str) -> bool:
        return room_id in self._resting

    def freeze(self, room_id: str) -> bytes:
        """Let a live room stand still; return what `thaw` needs. What its members send from now on is held."""
        live = self._rooms[room_id]
        frozen = self._frozen(live)
        encoded = _encode(frozen)  # before anything stops: what cannot be sent stays as it was
        lost_at = {session: self._sessions.lost_since(session) for session in live.sessions.values()}
        links = {session.link: session for session in live.sessions.values() if session.link is not None}
        self._resting[room_id] = _Resting(live, links, lost_at, {}, frozen.call.written_at)
        del self._rooms[room_id]
        for session in live.sessions.values():
            self._hub.forget_session(session)
        for link, session in links.items():
            session.link = None
            link.freeze()
        live.call.rest()
        return encoded

    def links_of(self, room_id: str) -> list[Link]:
        """Return the connections of those who are in a room at rest."""
        resting = self._resting.get(room_id)
        return [] if resting is None else list(resting.links)

    def parted(self, link: Link, reason: LeaveReason, *, left: bool) -> None:
        """Note why a connection without a session was over first; of a member on its way that is held."""
        resting = self._resting.get(link.request.room_id)
        if resting is not None and link in resting.links:
            resting.parted.setdefault(link, (reason, left))

    def stay(self, room_id: str) -> None:
        """Go on with a frozen room here, and handle what was held."""
        resting = self._resting.pop(room_id)
        live = self._rooms[room_id] = resting.live
        live.call.here(resting.written_at)
        for session, lost_at in resting.lost_at.items():
            self._sessions.take_in(session, lost_at)
        held = {link: link.held() for link in resting.links}
        present = {link: session for link, session in resting.links.items() if link not in resting.parted}
        for link, session in present.items():
            session.link = link
            link.thaw(session)
            self._hub.owe_ack(session)
        self._lobbies.tell(room_id, live.lobby.recall())
        for link, texts in held.items():
            self._handle(live, resting.links[link], texts)
        for link, (reason, left) in resting.parted.items():
            self._hub.closed_for(link, resting.links[link], reason, left=left)

    def depart(self, room_id: str) -> list[Held]:
        """Forget a room that lives elsewhere now, and close its connections with 1012; return what was held."""
        resting = self._resting[room_id]
        held = [
            Held(session.member_id, link.held(), *resting.parted.get(link, (None, False)))
            for link, session in resting.links.items()
        ]
        self._hub.close_room(room_id, Close.RESTART)
        del self._resting[room_id]
        self._lobbies.tidy(room_id)
        return [one for one in held if one.texts or one.left]

    # --- at the node that takes it

    def thaw(self, encoded: bytes) -> Thawed:
        """Make a room of what `freeze` returned; nobody sees it until it is opened. Raises `msgspec.DecodeError`."""
        frozen = _decode(encoded)
        room = Room.thaw(frozen.room, self._new_id)
        live = LiveRoom(room, Lobby(), self._calls.thaw(frozen.call), self._clock)
        for one in frozen.sessions:
            live.sessions[one.connection.member_id] = self._thawed(live, one)
        return Thawed(frozen, live)

    def open(self, thawed: Thawed) -> None:
        """Let a room go on here; its members come back by themselves, those who cannot are gone."""
        frozen, live = thawed
        room, now = live.room, self._monotonic()
        self._lobbies.adopt(room.id, live.lobby)
        self._rooms[room.id] = live
        live.call.here(frozen.call.written_at)
        for token, reason in frozen.endings.items():
            self._sessions.remember(room.id, token, reason)
        for one, session in zip(frozen.sessions, list(live.sessions.values()), strict=True):
            self._sessions.take_in(session, now - (one.lost_for or 0.0))
        self._lobbies.attend(room)
        if frozen.had_waiters and room.keepers:  # they knock again
            live.deliver([Deliver(room.keepers, WaitingList(waiting=()))])
        for session in [session for session in live.sessions.values() if not session.token]:
            self._hub.end(session, "server")
        self._hub.later(ABSENT_S, partial(self._show_absent, live))

    def go_on(self, room_id: str, held: Held) -> None:
        """Handle what a member did while its room was on the way here."""
        live = self._rooms.get(room_id)
        session = None if live is None else live.sessions.get(held.member_id)
        if live is None or session is None:
            return
        self._handle(live, session, held.texts)
        if held.left and held.parted_for is not None and session.link is None:
            self._hub.end(session, held.parted_for)

    # --- inside

    def _frozen(self, live: LiveRoom) -> FrozenLive:
        return FrozenLive(
            room=freeze_room(live.room),
            sessions=[self._frozen_session(session) for session in live.sessions.values()],
            call=live.call.freeze(),
            endings=self._sessions.endings(live.room.id),
            had_waiters=bool(live.lobby.waiting),
        )

    def _frozen_session(self, session: Session) -> FrozenSession:
        lost_at = self._sessions.lost_since(session)
        visit = session.visit
        return FrozenSession(
            token=session.token,
            connection=session.connection.freeze(),
            identity=_frozen_identity(session.identity),
            address=visit.address,
            display_name=visit.display_name,
            standing=visit.standing,
            invited=visit.invited,
            parted_for=session.parted_for,
            lost_for=None if lost_at is None else self._monotonic() - lost_at,
        )

    def _thawed(self, live: LiveRoom, frozen: FrozenSession) -> Session:
        room = live.room
        visit = Visit(
            room_id=room.id,
            address=frozen.address,
            identity=_identity(frozen.identity),
            display_name=frozen.display_name,
            rules=room.rules,
            standing=frozen.standing,
            invited=frozen.invited,
        )
        guard = FloodGuard(self._limits_scale, peers=room.rules.max_members)
        connection = Connection.thaw(room, frozen.connection, guard, live.lobby)
        session = Session(live, connection, visit, None, frozen.token)
        session.parted_for = frozen.parted_for
        return session

    def _handle(self, live: LiveRoom, session: Session, texts: Iterable[str]) -> None:
        for text in texts:
            if live.sessions.get(session.member_id) is session:  # else it left by one of them
                self._hub.received(session, text)

    def _show_absent(self, live: LiveRoom) -> None:
        if self._rooms.get(live.room.id) is not live:  # it is over, or on its way again
            return
        now = self._clock()
        for session in list(live.sessions.values()):
            member = live.room.members.get(session.member_id)
            if session.link is None and member is not None and member.link == "ok":
                live.call.lost(session.member_id, now)
                live.deliver(live.room.lose(session.member_id, now))


def _frozen_identity(identity: Identity | None) -> FrozenIdentity | None:
    if identity is None:
        return None
    known = identity.user_id, identity.username, identity.session_id, identity.expires_at
    return FrozenIdentity(*known, identity.recorder_of)


def _identity(frozen: FrozenIdentity | None) -> Identity | None:
    if frozen is None:
        return None
    return Identity(frozen.user_id, frozen.username, frozen.session_id, frozen.expires_at, frozen.recorder_of)


_encode: Callable[[FrozenLive], bytes] = msgspec.msgpack.Encoder().encode
_decode: Callable[[bytes], FrozenLive] = msgspec.msgpack.Decoder(FrozenLive).decode
