"""The registry of what is live on this node: connections, rooms, members."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections import Counter
from collections.abc import Callable, Collection, Coroutine
from typing import TYPE_CHECKING

from signaling.core.codec import BadFrame, encode, number
from signaling.core.connection import Connection, Effect
from signaling.core.limits import FloodGuard
from signaling.core.messages import Error, Hello, IceServer, Limits, Welcome
from signaling.core.names import clean_display_name, is_room_id
from signaling.core.room import Deliver, Member, Room, RoomRules
from signaling.errors import Close, CloseReason
from signaling.heartbeat import Heartbeat
from signaling.link import Link, LinkRequest, Phase
from signaling.live import LiveRoom
from signaling.ports import Clock, Identity, NotIdentified, RoomRefused, Unavailable
from signaling.session import Session

if TYPE_CHECKING:
    from signaling.metrics import SignalingMetrics
    from signaling.ports import Authenticator, RoomDirectory, Transport
    from signaling.settings import SignalingSettings

logger = logging.getLogger(__name__)

_ACK_DELAY_S = 0.1
_ENDED_SESSIONS_KEPT_S = 60.0
GUEST_NAME = "Guest"


class Refused(Exception):
    """The connection may not come in."""

    def __init__(self, reason: CloseReason) -> None:
        super().__init__(reason.name)
        self.reason = reason


class Hub:
    """Let connections into rooms, carry out what rooms decide, and end what must end.

    `clock` gives seconds since 1970 UTC. `start` begins the timers, `stop` ends everything; both belong to `api.app`.
    """

    def __init__(
        self,
        settings: SignalingSettings,
        authenticator: Authenticator,
        directory: RoomDirectory,
        metrics: SignalingMetrics,
        *,
        clock: Clock = time.time,
    ) -> None:
        self._settings = settings
        self._authenticator = authenticator
        self._directory = directory
        self._metrics = metrics
        self._clock = clock
        self._rooms: dict[str, LiveRoom] = {}
        self._links: set[Link] = set()
        self._links_by_address: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._owing_acks: set[Session] = set()
        self._ended_sessions: dict[str, float] = {}
        self._heartbeat = Heartbeat(
            int(settings.ping_interval.total_seconds()), int(settings.pong_timeout.total_seconds())
        )
        self._rule_changes = 0
        self._draining = False
        self._deserted: asyncio.Event | None = None
        self._ticker: asyncio.Task[None] | None = None
        self.hello_timeout = settings.hello_timeout.total_seconds()
        self.close_timeout = settings.close_timeout.total_seconds()
        metrics.watch(rooms=lambda: len(self._rooms), links=lambda: len(self._links), members=self.members)

    # --- life

    def start(self) -> None:
        """Begin pinging connections."""
        self._ticker = asyncio.get_running_loop().create_task(self._tick_every_second())

    async def stop(self) -> None:
        """Close every connection with 1012, wait for the answers up to the close timeout, cut the rest."""
        self._draining = True
        for link in list(self._links):
            link.close(Close.RESTART)
        if self._links:
            self._deserted = asyncio.Event()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._deserted.wait(), self.close_timeout)
        for link in list(self._links):
            link.abort()
        tasks = [*self._tasks, *([self._ticker] if self._ticker else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # --- connections

    def refusal(self, request: LinkRequest) -> tuple[int, str] | None:
        """Say with which HTTP status and code a handshake is refused, or None when it is good."""
        if self._draining:
            return 503, "draining"
        if not is_room_id(request.room_id):
            return 404, "room_not_found"
        if not self._may_connect_from(request):
            self._metrics.handshake("bad_origin")
            return 403, "bad_origin"
        return None

    def is_crowded(self, address: str) -> bool:
        """Tell whether more connections are open from this address than one may have."""
        limit = self._settings.max_connections_per_address * self._settings.limits_scale
        return self._links_by_address[address] > limit

    def accept(self, request: LinkRequest, transport: Transport) -> Link:
        """Take a connection whose handshake was good."""
        link = Link(self, request, transport, self._settings.outbox_bytes)
        self._links.add(link)
        self._links_by_address[request.address] += 1
        self._heartbeat.add(link)
        return link

    async def enter(self, link: Link, hello: Hello | None) -> None:
        """Let a connection into its room, or close it with the reason."""
        try:
            identity = await self._identify(link.request, hello)
            link.identity = identity
            rules = await self._rules(link.request.room_id, identity)
            if link.phase is Phase.ENTERING:  # it may have been closed meanwhile
                self._join(link, identity, rules, hello)
        except Refused as refused:
            self._refuse(link, refused.reason)
        except RoomRefused:
            self._refuse(link, Close.FORBIDDEN)
        except Unavailable:
            self._refuse(link, Close.INTERNAL)
        except Exception:
            logger.exception("entering a room failed", extra={"event": "enter_failed"})
            self._refuse(link, Close.INTERNAL)

    def received(self, session: Session, text: str) -> None:
        """Handle a text frame from a member."""
        self._perform(session, session.connection.receive(text, self._clock()))
        if session.owes_ack:
            if not self._owing_acks:
                self.later(_ACK_DELAY_S, self._acknowledge)
            self._owing_acks.add(session)

    def refused(self, session: Session, refused: BadFrame) -> None:
        """Answer a frame that the transport could not accept."""
        self._perform(session, session.connection.refuse(refused, self._clock()))

    def closed(self, link: Link, reason: CloseReason) -> None:
        """Take the member behind a closed connection out of its room."""
        self._metrics.closed(reason.name)
        self._leave(link)

    def forget(self, link: Link) -> None:
        """Drop a connection whose transport is gone. Idempotent."""
        if link in self._links:
            self._links.discard(link)
            self._links_by_address[link.request.address] -= 1
            if not self._links_by_address[link.request.address]:
                del self._links_by_address[link.request.address]
            self._heartbeat.remove(link)
            self._leave(link)
            if not self._links and self._deserted is not None:
                self._deserted.set()

    # --- what others may ask

    @property
    def draining(self) -> bool:
        """Whether the hub is on its way out and takes nobody in."""
        return self._draining

    def members(self, room_id: str | None = None) -> int:
        """Count who is in a room, or in all rooms."""
        if room_id is None:
            return sum(len(live.sessions) for live in self._rooms.values())
        live = self._rooms.get(room_id)
        return len(live.sessions) if live else 0

    def change_rules(self, room_id: str, rules: RoomRules) -> None:
        """Apply an owner's change to a live room; those who are in stay in."""
        self._rule_changes += 1
        live = self._rooms.get(room_id)
        if live is not None:
            live.room.rules = rules

    def close_room(self, room_id: str, reason: CloseReason = Close.ROOM_CLOSED) -> None:
        """Close every connection to a room, those that are just coming in too."""
        for link in [link for link in self._links if link.request.room_id == room_id]:
            link.close(reason)

    def live_rooms(self) -> dict[str, RoomRules]:
        """Return the rooms that someone is in, with the rules they run by."""
        return {room_id: live.room.rules for room_id, live in self._rooms.items()}

    def device_sessions(self) -> set[str]:
        """Return the device sessions that have connections here."""
        return {link.identity.session_id for link in self._links if link.identity is not None}

    async def sessions_ended(self, session_ids: Collection[str]) -> None:
        """Close the connections of device sessions that were ended."""
        now = self._clock()
        self._ended_sessions.update(dict.fromkeys(session_ids, now))
        for link in list(self._links):
            if link.identity is not None and link.identity.session_id in session_ids:
                link.close(Close.SIGNED_OUT)

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

    def _may_connect_from(self, request: LinkRequest) -> bool:
        if request.origin is not None:
            return request.origin in self._settings.origins
        return request.has_credentials or request.speaks_first  # a hello may still bring a token

    async def _identify(self, request: LinkRequest, hello: Hello | None) -> Identity | None:
        token = hello.token if hello is not None and isinstance(hello.token, str) else request.token
        try:
            if token is not None:
                return await self._authenticator.authenticate(token)
            if request.ticket is not None:
                return await self._authenticator.redeem_ticket(request.ticket)
        except NotIdentified as error:
            raise Refused(Close.CREDENTIALS_EXPIRED if error.expired else Close.UNAUTHENTICATED) from None
        if request.origin is None:
            raise Refused(Close.FORBIDDEN)
        return None

    async def _rules(self, room_id: str, identity: Identity | None) -> RoomRules:
        live = self._rooms.get(room_id)
        if live is not None:
            return live.room.rules
        while True:
            changes = self._rule_changes
            rules = await self._stored_rules(room_id, identity)
            if changes == self._rule_changes:  # else they may have changed after they were read
                return rules

    async def _stored_rules(self, room_id: str, identity: Identity | None) -> RoomRules:
        if identity is not None:
            return await self._directory.open(room_id, identity.user_id)
        rules = await self._directory.find(room_id)
        if rules is None:
            raise Refused(Close.ROOM_NOT_FOUND)
        return rules

    def _join(self, link: Link, identity: Identity | None, rules: RoomRules, hello: Hello | None) -> None:
        if identity is not None and identity.session_id in self._ended_sessions:
            raise Refused(Close.SIGNED_OUT)
        now = self._clock()
        room_id = link.request.room_id
        live = self._rooms.get(room_id) or LiveRoom(Room(room_id, rules, _random_id))
        room = live.room
        role = room.role_of(identity.user_id if identity else None)
        reason = room.refusal(role)
        if reason is not None:
            raise Refused(reason)
        member = Member(id=_random_id(), display_name=_first_name(identity, hello), role=role)
        connection = Connection(room, member.id, FloodGuard(self._settings.limits_scale))
        session = Session(live, connection, identity, link)
        self._rooms[room_id] = live
        live.sessions[member.id] = session
        welcome = Welcome(
            clientId=member.id,
            role=role,
            iceServers=self._ice_servers(),
            limits=Limits(members=room.rules.max_members),
        )
        link.session = session
        self._metrics.handshake("accepted")
        self._metrics.joined(role)
        logger.info("joined", extra={"event": "join", "room": room_id, "member": member.id, "role": role})
        live.deliver([Deliver((member.id,), welcome), *room.join(member, now)])
        if link.phase is Phase.ENTERING:  # not when it was cut off for taking none of this
            link.joined(session)

    def _leave(self, link: Link) -> None:
        session, link.session = link.session, None
        if session is None:
            return
        live = session.live
        self._owing_acks.discard(session)
        live.sessions.pop(session.member_id, None)
        news = live.room.leave(session.member_id, self._clock())
        if not self._draining:  # at a restart all come back: nobody should see the others vanish one by one
            live.deliver(news)
        if not live.sessions and self._rooms.get(live.room.id) is live:
            del self._rooms[live.room.id]
        self._metrics.left()
        logger.info("left", extra={"event": "leave", "room": live.room.id, "member": session.member_id})

    def _refuse(self, link: Link, reason: CloseReason) -> None:
        if link.phase is Phase.CLOSED:
            return
        self._metrics.handshake(reason.name)
        error = Error(code=reason.name, message=reason.text, retryable=reason.retryable)
        link.send(number(encode(error), 1))  # the first and only frame of this connection
        link.close(reason)

    def _perform(self, session: Session, effects: list[Effect]) -> None:
        for effect in effects:
            if type(effect) is Deliver:
                session.live.deliver((effect,))
            else:
                session.link.close(effect.reason)  # type: ignore[union-attr]  # narrowed by the line above

    def _acknowledge(self) -> None:
        owing, self._owing_acks = self._owing_acks, set()
        for session in owing:
            session.acknowledge()

    def _ice_servers(self) -> tuple[IceServer, ...]:
        return (IceServer(urls=self._settings.stun_urls),) if self._settings.stun_urls else ()

    async def _tick_every_second(self) -> None:
        while True:
            await asyncio.sleep(1)
            self.tick()

    def tick(self) -> None:
        """Do what is due once a second: pings, silent peers, credentials that ran out."""
        now = self._clock()
        for link in self._heartbeat.tick():
            identity = link.identity
            if identity is not None and identity.expires_at <= now * 1000:
                link.close(Close.CREDENTIALS_EXPIRED)
        for session_id in [key for key, at in self._ended_sessions.items() if now - at > _ENDED_SESSIONS_KEPT_S]:
            del self._ended_sessions[session_id]


def _random_id() -> str:
    return secrets.token_urlsafe(12)


def _first_name(identity: Identity | None, hello: Hello | None) -> str:
    wanted = hello.displayName if hello is not None and isinstance(hello.displayName, str) else None
    if wanted is not None:
        name = clean_display_name(wanted)
        if name is None:
            raise Refused(Close.BAD_PROTOCOL)
        return name
    return identity.username if identity is not None else GUEST_NAME
