"""Carries out what moderators decide: store it, note it, open the door, show people out."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Literal

from signaling.core.codec import BadFrame
from signaling.core.moderation import (
    BanOrder,
    Expel,
    Record,
    Store,
    Usher,
    carry_out,
    change_role,
    shut_out,
)
from signaling.core.room import Deliver
from signaling.doors import account_person, guest_person
from signaling.errors import Close, FrameFault
from signaling.ports import NewBan, RoomRefused, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from signaling.core.connection import Effect
    from signaling.core.moderation import Deed
    from signaling.core.room import RoomRules
    from signaling.doors import Doors
    from signaling.entrance import Entrance
    from signaling.hub import Hub
    from signaling.live import LiveRoom
    from signaling.lobby import Lobbies
    from signaling.ports import Clock, Doorkeeper
    from signaling.session import Session

logger = logging.getLogger(__name__)


class Steward:
    """Serve one hub: what its rooms decide about people is done here, what is decided elsewhere comes in here."""

    def __init__(
        self, hub: Hub, entrance: Entrance, doors: Doors, lobbies: Lobbies, doorkeeper: Doorkeeper, clock: Clock
    ) -> None:
        self._hub = hub
        self._entrance = entrance
        self._doors = doors
        self._lobbies = lobbies
        self._doorkeeper = doorkeeper
        self._clock = clock
        self._notes: set[asyncio.Task[None]] = set()
        self._storing: dict[asyncio.Task[None], str] = {}

    # --- decided in a call

    def perform(self, live: LiveRoom, sender: Session | None, outcome: Iterable[Effect]) -> None:
        """Carry out what follows from a member's command, in order."""
        for effect in outcome:
            match effect:
                case Expel(member_id=member_id, reason=reason):
                    self._hub.expel(live, member_id, reason)
                case Usher():
                    self._usher(effect)
                case Record(deed=deed):
                    self._note(live.room.id, deed)
                case Store() if sender is not None:
                    self._begin(live, sender, effect)
                case Deliver():
                    live.deliver((effect,))
                case _:
                    self._lobbies.tell(live.room.id, (effect,))  # type: ignore[arg-type]  # what is left
        if self._hub.live(live.room.id) is live:  # not when that was its end, nor when another call has begun since
            self._lobbies.attend(live.room)
        self._lobbies.tidy(live.room.id)

    async def settle(self, patience: float) -> None:
        """Wait until what happened is noted, for `patience` seconds at most."""
        if self._notes:
            await asyncio.wait(self._notes, timeout=patience)

    async def conclude(self, room_id: str) -> None:
        """Wait until what members of a room decided is stored and carried out."""
        while storing := [task for task, room in self._storing.items() if room == room_id]:
            await asyncio.wait(storing)

    # --- decided elsewhere

    def shut_out(self, room_id: str, user_id: int | None, guest_key: str | None) -> None:
        """Take a banned person out of a room and away from its door, wherever they came in."""
        self._doors.changed()
        person = account_person(user_id) if user_id is not None else guest_person(guest_key)
        self._shut_out(room_id, person, None, "")

    def appoint(self, room_id: str, user_id: int, role: Literal["moderator", "member"]) -> bool:
        """Give an account a role in the running call, unless it is the host; tell whether it had another."""
        self._doors.changed()
        live = self._hub.live(room_id)
        if live is None:
            return False
        members = live.room.members.values()
        tabs = [tab for tab in members if tab.user_id == user_id and tab.role not in {"host", role}]
        live.deliver(change_role(live.room, tabs, role, ""))
        self._lobbies.attend(live.room)
        return bool(tabs)

    def reconsider(self, room_id: str, rules: RoomRules) -> None:
        """Let those in who need not wait any longer by these rules."""
        for waiter in self._lobbies.before(room_id):
            waiter.visit.rules = rules
            refusal = self._doors.refusal(waiter.visit)
            if refusal is None and not self._doors.must_knock(waiter.visit):
                self._lobbies.tell(room_id, self._lobbies.of(room_id).gone(waiter.id))
                self._usher(Usher(waiter.id, None))

    # --- inside

    def _usher(self, effect: Usher) -> None:
        waiter = self._lobbies.take(effect.knocker_id)
        if waiter is None:
            return
        if effect.refusal is None:
            self._entrance.admit(waiter.link, waiter.visit)
        else:
            self._entrance.refuse(waiter.link, effect.refusal)
        self._lobbies.tidy(waiter.visit.room_id)

    def _note(self, room_id: str, deed: Deed) -> None:
        task = self._hub.spawn(self._record(room_id, deed))
        self._notes.add(task)
        task.add_done_callback(self._notes.discard)

    async def _record(self, room_id: str, deed: Deed) -> None:
        try:
            await self._doorkeeper.record(room_id, deed)
        except Exception:  # what was done stands, noted or not
            extra = {"event": "audit_lost", "room": room_id, "action": deed.action}
            logger.warning("a deed could not be noted", exc_info=True, extra=extra)

    def _begin(self, live: LiveRoom, sender: Session, store: Store) -> None:
        target = live.sessions[store.order.target_id]
        task = self._hub.spawn(self._store(live, sender, target, store))
        self._storing[task] = live.room.id
        task.add_done_callback(lambda done: self._storing.pop(done, None))

    async def _store(self, live: LiveRoom, sender: Session, target: Session, store: Store) -> None:
        order, room_id = store.order, live.room.id
        try:
            if isinstance(order, BanOrder):
                await self._doorkeeper.ban(room_id, _ban_of(sender, target, order), order.deed)
            else:
                moderator = order.role == "moderator"
                await self._doorkeeper.set_moderator(room_id, order.user_id, moderator, order.deed)
        except Exception as error:
            if not isinstance(error, Unavailable | RoomRefused):
                logger.exception("moderating failed", extra={"event": "moderation_failed"})
            self._hub.refused(sender, BadFrame(FrameFault.UNAVAILABLE, ref=store.ref))
            return
        self._doors.changed()
        person = target.visit.person
        if isinstance(order, BanOrder):
            self._shut_out(room_id, person, order.by, order.target_id)
        else:
            self.perform(live, None, carry_out(live.room, order, person, self._clock()))

    def _shut_out(self, room_id: str, person: str, by: str | None, member_id: str) -> None:
        live = self._hub.live(room_id)
        if live is not None:
            self.perform(live, None, shut_out(live.room, person, self._clock(), by=by, member_id=member_id))
        for waiter in self._lobbies.before(room_id):
            if person and waiter.visit.person == person:
                self._lobbies.tell(room_id, self._lobbies.of(room_id).gone(waiter.id))
                self._usher(Usher(waiter.id, Close.BANNED))


def _ban_of(sender: Session, target: Session, order: BanOrder) -> NewBan:
    visit = target.visit
    return NewBan(
        user_id=visit.user_id,
        guest_key=visit.standing.guest_key if visit.user_id is None else None,  # others may use this browser
        address_key=visit.standing.address_key,
        display_name=order.deed.target.name if order.deed.target else visit.display_name,
        by_user=sender.visit.user_id,
        by_name=order.deed.actor.name,
    )
