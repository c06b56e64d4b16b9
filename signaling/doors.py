"""Who may come into a room: every check between a connection's first frame and its place in the call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec import UNSET, Struct

from observability.addresses import network_of
from signaling.attempts import PasswordAttempts
from signaling.core.messages import Hello, Role
from signaling.core.names import clean_display_name
from signaling.core.room import Room, RoomRules
from signaling.errors import Close, CloseReason
from signaling.ports import FoundInvitation, Identity, NotIdentified, Standing

if TYPE_CHECKING:
    from signaling.link import LinkRequest
    from signaling.live import LiveRoom
    from signaling.ports import Authenticator, Clock, Doorkeeper, RoomDirectory

GUEST_NAME = "Guest"


class Refused(Exception):
    """The connection may not come in."""

    def __init__(self, reason: CloseReason) -> None:
        super().__init__(reason.name)
        self.reason = reason


class Visit(Struct, gc=False):
    """Someone who may come into a room, or may wait before it (`knocks`)."""

    room_id: str
    address: str
    identity: Identity | None
    display_name: str
    rules: RoomRules
    standing: Standing
    invited: bool = False
    knocks: bool = False
    seen: int = 0
    """What `Doors` had been told of when rules and standing were read."""

    @property
    def user_id(self) -> int | None:
        """The account; None for guests."""
        return None if self.identity is None else self.identity.user_id

    @property
    def records(self) -> bool:
        """Whether this is the room's recorder, which no rule keeps out."""
        return self.identity is not None and self.identity.recorder_of is not None

    @property
    def person(self) -> str:
        """What all tabs of this person have in common; empty where nothing is known."""
        if self.records:
            return ""
        return account_person(self.identity.user_id) if self.identity else guest_person(self.standing.guest_key)

    def role_in(self, room: Room) -> Role:
        """Return the role that this person comes in with."""
        if self.records:
            return "member"
        return room.role_of(self.user_id, person=self.person, moderator=self.standing.moderator)


def account_person(user_id: int) -> str:
    """Return the name under which a room knows the tabs of an account."""
    return f"account:{user_id}"


def guest_person(guest_key: str | None) -> str:
    """Return the name under which a room knows the tabs of a guest's browser, empty where it did not say."""
    return "" if guest_key is None else f"guest:{guest_key}"


class Doors:
    """Check in this order: identity, ban, rules, invitation or password, lock, room left, lobby.

    Whatever is changed while someone is being checked is told with `changed`, and looked up again before they are in.
    """

    def __init__(
        self,
        rooms: Mapping[str, LiveRoom],
        authenticator: Authenticator,
        directory: RoomDirectory,
        doorkeeper: Doorkeeper,
        clock: Clock,
        scale: float,
    ) -> None:
        self._rooms = rooms
        self._authenticator = authenticator
        self._directory = directory
        self._doorkeeper = doorkeeper
        self._clock = clock
        self._attempts = PasswordAttempts(scale)
        self._changes = 0

    def changed(self) -> None:
        """Take note that rules or bans are not what they were."""
        self._changes += 1

    async def identify(self, request: LinkRequest, token: str | None) -> Identity | None:
        """Return who stands behind a token or ticket, None for a guest. Raises `Refused`, `Unavailable`."""
        token = token or request.token
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

    async def open(self, request: LinkRequest, identity: Identity | None, hello: Hello | None) -> Visit:
        """Check someone who wants to come in. Raises `Refused`, `RoomRefused`, `Unavailable`.

        Nothing has changed since the checks when this returns; what the caller does next must not wait.
        """
        hello = hello or Hello()
        if identity is not None and identity.recorder_of not in (None, request.room_id):
            raise Refused(Close.FORBIDDEN)
        visit, invitation = await self._proven(request, identity, hello)
        self._decide(visit)
        if invitation is not None:
            if not await self._doorkeeper.use_invitation(invitation.id, visit.person):
                raise Refused(Close.INVITATION_INVALID)
            if visit.seen != self._changes:
                visit = await self._look_up(request, identity, hello)
                visit.invited = True
            self._decide(visit)
        return visit

    def refusal(self, visit: Visit) -> CloseReason | None:
        """Say why a person who is known may not come in at this moment, or None."""
        room = self._room(visit)
        return None if visit.records else room.refusal(visit.role_in(room), invited=visit.invited)

    def must_knock(self, visit: Visit) -> bool:
        """Tell whether someone has to wait until a keeper lets them in."""
        if visit.records:
            return False
        room = self._room(visit)
        role = visit.role_in(room)
        suspicious = role == "guest" and visit.standing.address_banned
        return suspicious or room.must_knock(role, invited=visit.invited)

    # --- inside

    async def _look_up(self, request: LinkRequest, identity: Identity | None, hello: Hello) -> Visit:
        room_id, seen = request.room_id, -1
        while seen != self._changes:
            seen = self._changes
            standing = await self._standing(request, identity, hello)
            rules = await self._rules(room_id, identity, invited=hello.invitation is not UNSET)
        visit = Visit(
            room_id=room_id,
            address=request.address,
            identity=identity,
            display_name=_display_name(identity, hello),
            rules=rules,
            standing=standing,
            seen=seen,
        )
        if _is_banned(visit):
            raise Refused(Close.BANNED)
        return visit

    async def _proven(
        self, request: LinkRequest, identity: Identity | None, hello: Hello
    ) -> tuple[Visit, FoundInvitation | None]:
        while True:
            visit = await self._look_up(request, identity, hello)
            invitation = await self._prove(visit, hello)
            visit.invited = invitation is not None
            if visit.seen == self._changes:  # else someone was banned, or the password changed, while it was checked
                return visit, invitation

    def _decide(self, visit: Visit) -> None:
        reason = self.refusal(visit)
        if reason is not None:
            raise Refused(reason)
        visit.knocks = self.must_knock(visit)

    async def _standing(self, request: LinkRequest, identity: Identity | None, hello: Hello) -> Standing:
        if identity is not None and identity.recorder_of is not None:
            return Standing()
        user_id = None if identity is None else identity.user_id
        guest_id = hello.guestId if isinstance(hello.guestId, str) else None
        return await self._doorkeeper.standing(request.room_id, user_id, guest_id, request.address)

    async def _rules(self, room_id: str, identity: Identity | None, *, invited: bool) -> RoomRules:
        live = self._rooms.get(room_id)
        if live is not None:
            return live.room.rules
        if identity is not None and identity.recorder_of is None and not invited:
            return await self._directory.open(room_id, identity.user_id)
        rules = await self._directory.find(room_id)
        if rules is None:  # to the holder of an invitation an absent room is no different from a closed one
            raise Refused(Close.INVITATION_INVALID if invited else Close.ROOM_NOT_FOUND)
        return rules

    async def _prove(self, visit: Visit, hello: Hello) -> FoundInvitation | None:
        """Check the invitation or the password; return the invitation, if that is what opens the door."""
        role = visit.role_in(self._room(visit))
        if visit.records or role in {"host", "moderator"}:
            return None
        if isinstance(hello.invitation, str):
            found = await self._doorkeeper.find_invitation(visit.room_id, hello.invitation, visit.person)
            if found is None or found.used_up:
                raise Refused(Close.INVITATION_INVALID)
            return found
        if role == "guest" and not visit.rules.guests_allowed:
            raise Refused(Close.ROOM_NOT_FOUND)
        if visit.rules.has_password:
            await self._check_password(visit, hello.password if isinstance(hello.password, str) else None)
        return None

    async def _check_password(self, visit: Visit, password: str | None) -> None:
        if password is None:
            raise Refused(Close.PASSWORD_REQUIRED)
        key = (visit.room_id, network_of(visit.address))
        if not self._attempts.take(key, self._clock()):
            raise Refused(Close.RATE_LIMITED)
        try:
            right = await self._doorkeeper.check_password(visit.room_id, password)
        except Exception:  # nothing was decided, so nothing is held against anyone
            self._attempts.give_back(key)
            raise
        if not right:
            raise Refused(Close.WRONG_PASSWORD)
        self._attempts.give_back(key)

    def _room(self, visit: Visit) -> Room:
        live = self._rooms.get(visit.room_id)
        return live.room if live is not None else Room(visit.room_id, visit.rules, str)


def _is_banned(visit: Visit) -> bool:
    if visit.user_id == visit.rules.owner_id or visit.records:
        return False
    return visit.standing.account_banned or visit.standing.guest_banned


def _display_name(identity: Identity | None, hello: Hello) -> str:
    if isinstance(hello.displayName, str):
        name = clean_display_name(hello.displayName)
        if name is None:
            raise Refused(Close.BAD_PROTOCOL)
        return name
    return identity.username if identity is not None else GUEST_NAME
