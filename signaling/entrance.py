"""How a connection becomes a member, a waiter or the new carrier of a session."""

from __future__ import annotations

import logging
import secrets
from typing import TYPE_CHECKING

from observability.addresses import network_of, subnet_of
from observability.work import collecting
from signaling.core.calls.record import Entry
from signaling.core.codec import encode, number
from signaling.core.connection import Connection
from signaling.core.limits import FloodGuard
from signaling.core.lobby import MAX_WAITING_FROM_ONE
from signaling.core.messages import Error, Hello, Limits, Resume, Welcome
from signaling.core.replay import Replay
from signaling.core.room import Deliver, Member, Room
from signaling.doors import Doors, Refused, Visit
from signaling.errors import Close, CloseReason
from signaling.link import Link, Phase
from signaling.live import LiveRoom
from signaling.lobby import Lobbies, Waiter
from signaling.ports import Clock, Identity, RoomRefused, Unavailable
from signaling.session import Session
from signaling.sessions import ResumableSessions, new_resume_token

if TYPE_CHECKING:
    from signaling.calls.calls import Calls
    from signaling.hub import Hub
    from signaling.metrics import SignalingMetrics
    from signaling.settings import SignalingSettings

logger = logging.getLogger(__name__)


class Entrance:
    """Serve one hub: take connections from their first frame to a place in a room, or refuse them."""

    def __init__(
        self,
        hub: Hub,
        rooms: dict[str, LiveRoom],
        sessions: ResumableSessions,
        lobbies: Lobbies,
        doors: Doors,
        settings: SignalingSettings,
        metrics: SignalingMetrics,
        calls: Calls,
        clock: Clock,
    ) -> None:
        self._hub = hub
        self._rooms = rooms
        self._sessions = sessions
        self._lobbies = lobbies
        self._doors = doors
        self._settings = settings
        self._metrics = metrics
        self._calls = calls
        self._clock = clock

    async def enter(self, link: Link, first: Hello | Resume | None) -> None:
        """Let a connection into its room, or back into its session, or close it with the reason."""
        try:
            if isinstance(first, Resume):
                await self._come_back(link, first)
            else:
                await self._come_in(link, first)
        except Refused as refused:
            self.refuse(link, refused.reason)
        except RoomRefused:
            self.refuse(link, Close.FORBIDDEN)
        except Unavailable:
            self.refuse(link, Close.INTERNAL)
        except Exception:
            logger.exception("entering a room failed", extra={"event": "enter_failed"})
            self.refuse(link, Close.INTERNAL)

    def admit(self, link: Link, visit: Visit) -> None:
        """Make someone a member whom the doors, or a moderator, let in."""
        if self._hub.draining and visit.room_id not in self._rooms:  # it may be on its way to another node
            self.refuse(link, Close.RESTART)
            return
        now = self._clock()
        live = self._rooms.get(visit.room_id) or self._open(visit, now)
        room = live.room
        member = Member(
            id=random_id(),
            display_name=visit.display_name,
            role=visit.role_in(room),
            kind="recorder" if visit.records else "person",
            user_id=None if visit.records else visit.user_id,
            person=visit.person,
        )
        replay = Replay(link.seq) if link.request.speaks_first else None
        guard = FloodGuard(self._settings.limits_scale, peers=room.rules.max_members)
        connection = Connection(room, member.id, guard, replay, live.lobby)
        session = Session(live, connection, visit, link, "" if replay is None else new_resume_token())
        live.sessions[member.id] = session
        self._sessions.add(session)
        link.session = session
        self._hub.seated(link)
        self._metrics.handshake("accepted")
        self._metrics.joined(member.role)
        fields = {"event": "join", "room": room.id, "member": member.id, "role": member.role}
        logger.info("joined", extra=fields | live.call.log_fields)
        news = room.join(member, now)
        live.call.joined(member, _entry(link, visit), link.arrival, now)
        link.arrival.work = ()
        live.deliver([Deliver((member.id,), self._welcome(session, member)), *news])
        self._lobbies.attend(room)
        if link.phase is not Phase.CLOSED:  # cut off for taking none of this
            link.joined(session)

    def refuse(self, link: Link, reason: CloseReason) -> None:
        """Tell someone why they may not come in, and close."""
        if link.phase is Phase.CLOSED:
            return
        self._metrics.handshake(reason.name)
        if reason is Close.RESTART:  # they will be let in elsewhere, in a moment: nothing to note in the call
            link.close(reason)
            return
        live = self._rooms.get(link.request.room_id)
        call = None if live is None else live.call
        self._calls.refused(link.request.room_id, link.arrival, reason, self._clock(), call)
        error = Error(code=reason.name, message=reason.text, retryable=reason.retryable)
        link.seq += 1
        link.send(number(encode(error), link.seq), "error")
        link.close(reason)

    # --- inside

    async def _come_in(self, link: Link, hello: Hello | None) -> None:
        if self._hub.draining:
            raise Refused(Close.RESTART)
        token = hello.token if hello is not None and isinstance(hello.token, str) else None
        link.arrival.via = "hello" if token else link.request.via
        with collecting(link.arrival.work) as link.arrival.work:
            link.identity = await self._doors.identify(link.request, token)
            if link.identity is not None and link.identity.origin is not None:
                link.arrival.links += (link.identity.origin,)
            visit = await self._doors.open(link.request, link.identity, hello)
        if link.phase is not Phase.ENTERING:  # it was closed meanwhile
            return
        if self._hub.has_ended(link.identity):
            raise Refused(Close.SIGNED_OUT)
        if visit.knocks:
            self._knock(link, visit)
        else:
            self.admit(link, visit)

    def _open(self, visit: Visit, now: float) -> LiveRoom:
        room = Room(visit.room_id, visit.rules, random_id)
        call = self._calls.begin(room.id, now)
        live = self._rooms[room.id] = LiveRoom(room, self._lobbies.of(room.id), call, self._clock)
        self._metrics.room_opened()
        return live

    def _knock(self, link: Link, visit: Visit) -> None:
        if self._lobbies.of(visit.room_id).is_full:
            raise Refused(Close.ROOM_FULL)
        crowd = MAX_WAITING_FROM_ONE * self._settings.limits_scale
        if self._lobbies.count_from(visit.room_id, network_of(visit.address)) >= crowd:
            raise Refused(Close.RATE_LIMITED)
        self._metrics.handshake("waiting")
        logger.info("waiting", extra={"event": "wait", "room": visit.room_id})
        link.arrival.knocked_at = self._clock()
        self._lobbies.knock(Waiter(random_id(), link, visit, self._settings.limits_scale))

    def _welcome(self, session: Session, member: Member) -> Welcome:
        window = self._settings.resume_window.total_seconds() if session.token else 0
        ice_servers, ice_ttl_ms = self._hub.ice_servers(member.id)
        return Welcome(
            clientId=member.id,
            callId=session.live.call.id,
            role=member.role,
            resumeToken=session.token,
            resumeWindowMs=round(window * 1000),
            iceServers=ice_servers,
            iceTtlMs=ice_ttl_ms,
            limits=Limits(members=session.live.room.rules.max_members),
            room=session.live.room.state,
        )

    async def _come_back(self, link: Link, resume: Resume) -> None:
        fresh: Identity | None = None
        link.arrival.resumes = True
        if isinstance(resume.token, str) or link.request.has_credentials:
            token = resume.token if isinstance(resume.token, str) else None
            link.arrival.via = "hello" if token else link.request.via
            with collecting(link.arrival.work) as link.arrival.work:
                fresh = await self._doors.identify(link.request, token)
            if fresh is not None and fresh.origin is not None:
                link.arrival.links += (fresh.origin,)
        if link.phase is Phase.ENTERING:
            self._resume(link, resume, fresh)

    def _resume(self, link: Link, resume: Resume, fresh: Identity | None) -> None:
        if self._hub.draining and link.request.room_id not in self._rooms:
            raise Refused(Close.RESTART)
        session = self._sessions.find(resume.resumeToken)
        if session is None or session.live.room.id != link.request.room_id:
            self._metrics.resumed("unknown")
            raise Refused(self._sessions.ending(resume.resumeToken) or Close.STATE_LOST)
        identity = self._renewed(session.identity, fresh)
        missed = session.missed_since(resume.lastSeq)
        if missed is None:
            self._metrics.resumed("state_lost")
            if session.link is None:  # the way back is gone, so nobody should wait for it
                self._hub.end(session, "lost")
            raise Refused(Close.STATE_LOST)
        former, session.link = session.link, None
        if former is not None:
            former.session = None
            former.close(Close.REPLACED)
        session.identity = link.identity = identity
        link.session = session
        self._hub.seated(link)
        self._metrics.handshake("accepted")
        self._metrics.resumed("resumed")
        live = session.live
        fields = {"event": "resume", "room": live.room.id, "member": session.member_id}
        logger.info("resumed", extra=fields | live.call.log_fields)
        live.call.back(session.member_id, link.arrival, self._clock())
        link.arrival.work = ()
        self._sessions.regain(session)
        session.resume(link, missed)
        if link.phase is Phase.ENTERING:  # not when it was cut off for taking none of this
            live.deliver(live.room.regain(session.member_id, self._clock()))
        if link.phase is Phase.ENTERING:
            link.joined(session)

    def _renewed(self, held: Identity | None, fresh: Identity | None) -> Identity | None:
        """Return the identity to go on with. A session never changes hands."""
        if fresh is None:
            if held is not None and held.expires_at <= self._clock() * 1000:
                raise Refused(Close.CREDENTIALS_EXPIRED)
            return held
        if held is None or fresh.user_id != held.user_id:
            self._metrics.resumed("unknown")
            raise Refused(Close.STATE_LOST)
        if self._hub.has_ended(fresh):
            raise Refused(Close.SIGNED_OUT)
        return fresh


def _entry(link: Link, visit: Visit) -> Entry:
    return Entry(
        network=subnet_of(visit.address),
        browser=link.request.browser,
        account=visit.identity is not None and not visit.records,
        reports=link.request.speaks_first,
    )


def random_id() -> str:
    """Make an id for a member, a message or someone who waits."""
    return secrets.token_urlsafe(12)
