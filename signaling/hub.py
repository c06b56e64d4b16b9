"""The registry of what is live on this node: connections, rooms, members."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import Callable, Collection, Coroutine, Iterator
from typing import TYPE_CHECKING

from signaling.acks import Acks
from signaling.calls.arrival import leave_reason
from signaling.chores import spread
from signaling.core.codec import BadFrame, encode
from signaling.core.connection import Effect, Hangup, IceServersWanted, ReportDropped, Reported
from signaling.core.kinds import UNREADABLE
from signaling.core.messages import Hello, IceServer, IceServers, Resume, RoomChanged, WebRtc
from signaling.core.names import is_room_id
from signaling.core.room import Deliver, RoomRules
from signaling.doors import Doors
from signaling.entrance import Entrance, random_id
from signaling.errors import Close, CloseReason
from signaling.heartbeat import Heartbeat
from signaling.link import Link, LinkRequest
from signaling.links import Links
from signaling.live import LiveRoom
from signaling.lobby import Lobbies, Waiter
from signaling.moves import Moves
from signaling.ports import Clock, Identity
from signaling.refusals import STATUSES, Refusal, Refusals
from signaling.session import Session, visitor_of
from signaling.sessions import ResumableSessions
from signaling.steward import Steward
from signaling.turn.credentials import ice_servers

if TYPE_CHECKING:
    from signaling.calls.calls import Calls
    from signaling.core.calls.record import LeaveReason
    from signaling.metrics import SignalingMetrics
    from signaling.ports import Authenticator, Doorkeeper, RoomDirectory, Transport
    from signaling.settings import SignalingSettings

logger = logging.getLogger(__name__)

_ENDED_SESSIONS_KEPT_S = 60.0


class Hub:
    """Let connections into rooms, carry out what rooms decide, and end what must end.

    `clock` gives seconds since 1970 UTC, `monotonic` seconds that no change of the clock moves. `start` begins the
    timers, `stop` ends everything; both belong to `api.app`.
    """

    def __init__(
        self,
        settings: SignalingSettings,
        authenticator: Authenticator,
        directory: RoomDirectory,
        doorkeeper: Doorkeeper,
        metrics: SignalingMetrics,
        calls: Calls,
        *,
        clock: Clock = time.time,
        monotonic: Clock = time.monotonic,
    ) -> None:
        self._settings = settings
        self._metrics = metrics
        self._clock = clock
        self._monotonic = monotonic
        self._rooms: dict[str, LiveRoom] = {}
        self._links = Links(self._rooms)
        self._tasks: set[asyncio.Task[None]] = set()
        self._sessions = ResumableSessions(settings.resume_window.total_seconds())
        self._acks = Acks(self.later)
        self._ended_sessions: dict[str, float] = {}
        self._heartbeat = Heartbeat(
            int(settings.ping_interval.total_seconds()), int(settings.pong_timeout.total_seconds())
        )
        self._lobbies = Lobbies(self._rooms)
        self._doors = Doors(self._rooms, authenticator, directory, doorkeeper, clock, settings.limits_scale)
        self._entrance = Entrance(
            self, self._rooms, self._sessions, self._lobbies, self._doors, settings, metrics, calls, clock
        )
        self.refusals = Refusals(clock)
        self.steward = Steward(self, self._entrance, self._doors, self._lobbies, doorkeeper, clock)
        self.moves = Moves(
            self,
            self._rooms,
            self._sessions,
            self._lobbies,
            calls,
            random_id,
            clock,
            monotonic,
            settings.limits_scale,
        )
        self._draining = self._stopping = False
        self._deserted: asyncio.Event | None = None
        self._ticker: asyncio.Task[None] | None = None
        self.hello_timeout = settings.hello_timeout.total_seconds()
        self.close_timeout = settings.close_timeout.total_seconds()
        metrics.watch(
            rooms=lambda: len(self._rooms),
            links=lambda: Counter(visitor_of(link.identity) for link in self._links),
            members=lambda: Counter(
                visitor_of(session.identity) for live in self._rooms.values() for session in live.sessions.values()
            ),
            lost=self._sessions.count_lost,
        )

    # --- life

    def start(self) -> None:
        """Begin pinging connections."""
        self._ticker = asyncio.get_running_loop().create_task(self._tick_every_second())

    def drain(self) -> None:
        """Let nobody new in from now on; those who are in go on."""
        self._draining = True

    async def stop(self) -> None:
        """Close every connection with 1012, wait for the answers up to the close timeout, cut the rest."""
        self._draining = self._stopping = True
        for link in self._links:
            link.close(Close.RESTART)
        if self._links:
            self._deserted = asyncio.Event()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._deserted.wait(), self.close_timeout)
        for link in self._links:
            link.abort()
        for session in self._sessions.lost():
            self.end(session, "server")
        await self.steward.settle(self.close_timeout)
        tasks = [*self._tasks, *([self._ticker] if self._ticker else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # --- connections

    def refusal(self, request: LinkRequest) -> tuple[int, str] | None:
        """Say with which HTTP status and code a handshake is refused, or None when it is good."""
        code = self._fault_of(request)
        if code is None:
            return None
        if code != "room_not_found":  # there can be no such room: it is no entry that failed
            self._metrics.handshake(code)
        self.refusals.add(request, code)
        return STATUSES[code], code

    def is_crowded(self, address: str) -> bool:
        """Tell whether more connections are open from this address than one may have."""
        limit = self._settings.max_connections_per_address * self._settings.limits_scale
        return self._links.count_from(address) > limit

    def accept(self, request: LinkRequest, transport: Transport) -> Link:
        """Take a connection whose handshake was good."""
        link = Link(self, request, transport, self._settings.outbox_bytes, self._metrics, self._clock())
        self._links.add(link)
        self._heartbeat.add(link)
        return link

    async def enter(self, link: Link, first: Hello | Resume | None) -> None:
        """Let a connection into its room, or back into its session, or close it with the reason."""
        await self._entrance.enter(link, first)

    def received(self, session: Session, text: str) -> None:
        """Handle a text frame from a member."""
        started, now = self._metrics.timer(), self._clock()
        connection = session.connection
        outcome = connection.receive(text, now)
        self._metrics.received(connection.heard, text, connection.fault)
        if isinstance(outcome, WebRtc):
            self._relay(session, outcome, started, now)
        else:
            self._perform(session, outcome)
        if not session.ack_is_due and session.owes_ack:
            self._acks.owe(session)

    def refused(self, session: Session, refused: BadFrame) -> None:
        """Answer a frame that the transport could not accept."""
        self._perform(session, session.connection.refuse(refused, self._clock()))
        self._metrics.rejected(UNREADABLE, refused.fault)

    def heard(self, waiter: Waiter, text: str) -> None:
        """Handle a text frame from someone who waits in a lobby."""
        waiter.received(text, self._clock())
        self._metrics.received(waiter.heard, text, waiter.fault)

    def closed(self, link: Link, reason: CloseReason) -> None:
        """Part a member from a connection that the server closed, for good if the reason says so."""
        self._part(link, leave_reason(reason), left=not reason.retryable)

    def closed_for(self, link: Link, session: Session, reason: LeaveReason, *, left: bool) -> None:
        """Part a member from a connection that ended while its room was at rest, unless it has left since."""
        if session.live.sessions.get(session.member_id) is session:
            link.session = session
            self._part(link, reason, left=left)

    def owe_ack(self, session: Session) -> None:
        """Tell a client soon how far its frames were handled, unless it knows."""
        if session.owes_ack:
            self._acks.owe(session)

    def forget_session(self, session: Session) -> None:
        """Do nothing more for a session: its room is at rest."""
        self._acks.forget(session)
        self._sessions.remove(session)

    def forget(self, link: Link, *, left: bool) -> None:
        """Drop a connection whose transport is gone; `left` says that the peer meant to go. Idempotent."""
        if self._links.remove(link):
            self._heartbeat.remove(link)
            self._part(link, "left" if left else "lost", left=left)
            if not self._links and self._deserted is not None:
                self._deserted.set()

    # --- what others may ask

    @property
    def draining(self) -> bool:
        """Whether the hub is on its way out and takes nobody in who is not in yet."""
        return self._draining

    @property
    def stopping(self) -> bool:
        """Whether the hub closes its connections."""
        return self._stopping

    def members(self, room_id: str | None = None) -> int:
        """Count the people in a room, or in all rooms."""
        if room_id is None:
            return sum(live.room.people for live in self._rooms.values())
        live = self._rooms.get(room_id)
        return live.room.people if live else 0

    def moderates(self, room_id: str, user_id: int) -> bool:
        """Tell whether an account is host or moderator in the call that runs in a room."""
        live = self._rooms.get(room_id)
        members = live.room.members.values() if live else ()
        return any(member.user_id == user_id and member.role in {"host", "moderator"} for member in members)

    def live(self, room_id: str) -> LiveRoom | None:
        """Return a room that someone is in."""
        return self._rooms.get(room_id)

    def rooms_with_members(self) -> list[str]:
        """Return the rooms that someone is in."""
        return list(self._rooms)

    def change_rules(self, room_id: str, rules: RoomRules) -> None:
        """Apply an owner's change to a live room; those who are in stay in, those who need not wait come in."""
        self._doors.changed()
        live = self._rooms.get(room_id)
        if live is not None:
            former, live.room.rules = live.room.state, rules
            if live.room.state != former:
                live.deliver([Deliver(live.room.everyone, RoomChanged(room=live.room.state))])
        self.steward.reconsider(room_id, rules)

    def close_room(self, room_id: str, reason: CloseReason = Close.ROOM_CLOSED) -> None:
        """Close every connection to a room, those that are just coming in too; nobody can resume."""
        for link in self._links.of_room(room_id) + self.moves.links_of(room_id):
            link.close(reason)
        for session in self._sessions.lost():
            if session.live.room.id == room_id:
                self.end(session, leave_reason(reason))

    def close_empty_rooms(self, reason: CloseReason) -> None:
        """Close the connections of those who are at the door of rooms that nobody is in."""
        for link in self._links.outside():
            if link.request.room_id not in self._rooms:
                link.close(reason)

    def live_rooms(self) -> dict[str, RoomRules]:
        """Return the rooms that someone is in, or waits to get into, with the rules they run by."""
        return self._lobbies.rules() | {room_id: live.room.rules for room_id, live in self._rooms.items()}

    def rooms_in_use(self) -> set[str]:
        """Return the rooms that someone is in, was in a moment ago, or is at the door of."""
        return {link.request.room_id for link in self._links} | self._rooms.keys()

    def device_sessions(self) -> set[str]:
        """Return the device sessions that have connections here, or may come back for one."""
        identities = [link.identity for link in self._links] + [session.identity for session in self._sessions.lost()]
        return {identity.session_id for identity in identities if identity is not None}

    async def sessions_ended(self, session_ids: Collection[str]) -> None:
        """Close the connections of device sessions that were ended."""
        now = self._clock()
        self._ended_sessions.update(dict.fromkeys(session_ids, now))
        for link in self._links:
            if link.identity is not None and link.identity.session_id in session_ids:
                link.close(Close.SIGNED_OUT)
        for session in self._sessions.lost():
            if session.identity is not None and session.identity.session_id in session_ids:
                self.end(session, "signed_out")

    # --- for those who serve the hub

    def end(self, session: Session, reason: LeaveReason) -> None:
        """Take a member out of its room for good. Idempotent."""
        live, now = session.live, self._clock()
        self._acks.forget(session)
        self._sessions.remove(session)
        if live.sessions.pop(session.member_id, None) is None:
            return
        fields = {"event": "leave", "room": live.room.id, "member": session.member_id, "reason": reason}
        logger.info("left", extra=fields | live.call.log_fields)
        live.call.left(session.member_id, reason, now)
        news = live.room.leave(session.member_id, now)
        if not self._stopping:
            live.deliver(news)
        if not live.sessions and self._rooms.get(live.room.id) is live:
            del self._rooms[live.room.id]
            self._metrics.room_closed(reason)
            live.call.ended(now)
        self._lobbies.attend(live.room)
        self._lobbies.tidy(live.room.id)
        self._metrics.left(reason)

    def expel(self, live: LiveRoom, member_id: str, reason: CloseReason) -> None:
        """End the session of someone who is out of the room already, with its connection if it has one."""
        session = live.sessions.get(member_id)
        if session is None:
            return
        self._sessions.expel(session, reason)
        if session.link is not None:
            session.link.close(reason)
        else:
            self.end(session, leave_reason(reason))

    def seated(self, link: Link) -> None:
        """Take note that a connection carries a member."""
        self._links.seated(link)

    def has_ended(self, identity: Identity | None) -> bool:
        """Tell whether someone's device session was ended while they were coming in."""
        return identity is not None and identity.session_id in self._ended_sessions

    def ice_servers(self, user: str | None) -> tuple[tuple[IceServer, ...], int]:
        """Return STUN and, for a user, TURN servers, and how many milliseconds they hold (0: for ever)."""
        servers, ttl_ms = ice_servers(self._settings, user, self._clock())
        if ttl_ms:
            self._metrics.turn_credential_issued()
        return servers, ttl_ms

    # --- services for links

    def later(self, delay: float, call: Callable[[], object]) -> asyncio.TimerHandle:
        """Call something after `delay` seconds."""
        return asyncio.get_running_loop().call_later(delay, call)

    def spawn(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        """Run something as a child of the hub: it ends with it."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # --- inside

    def _fault_of(self, request: LinkRequest) -> Refusal | None:
        if not is_room_id(request.room_id):
            return "room_not_found"
        if self._draining:
            return "draining"
        return None if self._may_connect_from(request) else "bad_origin"

    def _may_connect_from(self, request: LinkRequest) -> bool:
        if request.origin is not None:
            return request.origin in self._settings.origins
        return request.has_credentials or request.speaks_first  # a hello may still bring a token

    def _part(self, link: Link, reason: LeaveReason, *, left: bool) -> None:
        """Part a member from its connection: it leaves, or is lost and may resume."""
        if link.waiter is not None:
            self._lobbies.gone(link.waiter)
        session, link.session = link.session, None
        if session is None:
            self.moves.parted(link, reason, left=left)
            return
        session.link = None
        if left or not session.token:
            self.end(session, reason)
            return
        session.parted_for = reason
        self._sessions.lose(session, self._monotonic())
        live, now = session.live, self._clock()
        fields = {"event": "lost", "room": live.room.id, "member": session.member_id, "reason": reason}
        logger.info("lost", extra=fields | live.call.log_fields)
        if not self._stopping:  # at a restart all come back: nobody should see the others break one by one
            live.call.lost(session.member_id, now)
            live.deliver(live.room.lose(session.member_id, now))

    def _relay(self, sender: Session, message: WebRtc, started: float, now: float) -> None:
        live = sender.live
        receiver = live.relay(message, now)
        over_bus = sender.is_remote or (receiver is not None and receiver.is_remote)
        self._metrics.relayed(message.action, started, live.call.exemplar, now, over_bus=over_bus)

    def _perform(self, session: Session, effects: list[Effect]) -> None:
        for number_of, effect in enumerate(effects):
            if type(effect) is Deliver:
                session.live.deliver((effect,))
            elif type(effect) is Reported:
                session.live.call.reported(session.member_id, effect.message, self._clock())
            elif type(effect) is ReportDropped:
                session.live.call.report_dropped()
            elif type(effect) is IceServersWanted:
                self._renew_ice_servers(session)
            elif type(effect) is Hangup:
                self._hang_up(session, effect.reason)
            else:
                self.steward.perform(session.live, session, effects[number_of:])
                return

    def _hang_up(self, session: Session, reason: CloseReason) -> None:
        if session.link is not None:
            session.link.close(reason)
        elif not reason.retryable:  # it came before its room did, and its connection was closed meanwhile
            self.end(session, leave_reason(reason))

    def _renew_ice_servers(self, session: Session) -> None:
        servers, ttl_ms = self.ice_servers(session.member_id)
        session.send(encode(IceServers(iceServers=servers, ttlMs=ttl_ms)), "ice_servers")

    async def _tick_every_second(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due = max(due + 1, loop.time())
            await asyncio.sleep(due - loop.time())
            await spread(self._chores(), len(self._links) // self._heartbeat.interval + len(self._rooms))

    def tick(self) -> None:
        """Do what is due once a second, all at once."""
        for _ in self._chores():
            pass

    def _chores(self) -> Iterator[None]:
        """Do what is due, one thing each step: pings, silent peers, old credentials, members that stayed away.

        With 15,000 connections it takes 35 ms each second: too long to keep everyone waiting.
        """
        now = self._clock()
        for link in self._heartbeat.tick():
            identity = link.identity
            if identity is not None and identity.expires_at <= now * 1000:
                link.close(Close.CREDENTIALS_EXPIRED)
            yield
        for session in self._sessions.overdue(self._monotonic()):
            self.end(session, session.parted_for)
        for room_id, live in list(self._rooms.items()):
            if self._rooms.get(room_id) is live:  # else it ended, or left, since the last break
                live.call.tick(now)
            yield
        for session_id in [key for key, at in self._ended_sessions.items() if now - at > _ENDED_SESSIONS_KEPT_S]:
            del self._ended_sessions[session_id]
