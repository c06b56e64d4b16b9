"""`/rooms`."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType
from quart import Blueprint, g, request
from quart_schema import document_headers, document_request, document_response, validate_response

from api.http.bodies import Empty, json_body, optional_body
from api.http.errors import InvalidField, InvitationInvalid
from api.http.openapi import problems
from api.http.security import application, authenticated, optional_principal, public
from signaling.core.messages import LobbyMode
from signaling.core.names import ROOM_ID_PATTERN, is_one_line, is_room_id
from signaling.ports import Account
from signaling.rooms import RoomNotFound
from signaling.store import RoomChange, RoomRecord

RoomName = Annotated[str, Meta(max_length=80)]
MaxMembers = Annotated[int, Meta(ge=2, le=50)]
Password = Annotated[str, Meta(min_length=4, max_length=256)]


class NewRoom(Struct, forbid_unknown_fields=True):
    """What a new room should be like; everything has a default."""

    roomId: Annotated[str, Meta(pattern=ROOM_ID_PATTERN, description="3-64 of a-z, 0-9 and hyphen")] | UnsetType = UNSET
    name: RoomName | UnsetType = UNSET
    guestsAllowed: bool | UnsetType = UNSET
    maxMembers: MaxMembers | UnsetType = UNSET
    lobby: LobbyMode | UnsetType = UNSET
    password: Password | UnsetType | None = UNSET


class RoomPatch(Struct, forbid_unknown_fields=True):
    """What should change; the rest stays. A password of null takes it away."""

    name: RoomName | UnsetType = UNSET
    guestsAllowed: bool | UnsetType = UNSET
    maxMembers: MaxMembers | UnsetType = UNSET
    lobby: LobbyMode | UnsetType = UNSET
    password: Password | UnsetType | None = UNSET


class InvitationHeaders(Struct):
    """What opens a room to someone whom it would not admit otherwise: the token of an invitation."""

    x_invitation: str | None = None


def shown_invitation() -> str | None:
    """Return the invitation that the caller shows. A header, because addresses end up in logs."""
    return request.headers.get("X-Invitation")


class CreatedRoom(Struct):
    """A new room and where its calls take place."""

    roomId: str
    wsUrl: str


class Room(Struct):
    """A room as one who may enter it sees it. `lobby`: who must knock.

    `members`: how many are in it now; null while the server that runs its call cannot be asked.
    """

    roomId: str
    name: str
    guestsAllowed: bool
    maxMembers: int
    lobby: LobbyMode
    passwordRequired: bool
    members: int | None
    owner: bool
    wsUrl: str
    createdAt: str


class RoomList(Struct):
    """Rooms, newest first."""

    rooms: list[Room]


def create_rooms_blueprint() -> Blueprint:
    """Return the routes under `/rooms`."""
    rooms = Blueprint("rooms", __name__)

    @rooms.post("/rooms")
    @authenticated
    @problems(409, 422)
    @document_request(NewRoom)
    @validate_response(CreatedRoom)
    async def create_room() -> CreatedRoom:
        """Create a room. Everything has a default, so the body may be left out."""
        wanted = await optional_body(NewRoom)
        room_id = None if wanted.roomId is UNSET else wanted.roomId
        if room_id is not None and not is_room_id(room_id):  # the pattern's $ lets a newline at the end pass
            raise InvalidField("roomId", "3 to 64 of a-z, 0-9 and hyphen, no hyphen at an end")
        change, password = _change(wanted), _password(wanted)
        room = await application().rooms.create(g.principal.user_id, change, room_id, password)
        return CreatedRoom(roomId=room.id, wsUrl=_ws_url(room.id))

    @rooms.get("/rooms")
    @authenticated
    @validate_response(RoomList)
    async def list_rooms() -> RoomList:
        """List the rooms you own, newest first."""
        owned = await application().rooms.owned(g.principal.user_id)
        people = await application().rooms.people([room.id for room in owned])
        return RoomList(rooms=[_view(room, g.principal.user_id, people[room.id]) for room in owned])

    @rooms.get("/rooms/<room_id>")
    @problems(401, 404)
    @document_headers(InvitationHeaders)
    @validate_response(Room)
    @public("guests see a room that admits them before they join")
    async def get_room(room_id: str) -> Room:
        """Show a room. Without a bearer token: only one that admits guests, or one that `X-Invitation` opens."""
        principal = await optional_principal()
        user_id = principal.user_id if principal else None
        invitation = shown_invitation()
        if invitation is not None:
            return await _shown(await _invited_room(room_id, invitation), user_id)
        return await _shown(await application().rooms.show(known_form(room_id), user_id), user_id)

    @rooms.patch("/rooms/<room_id>")
    @authenticated
    @problems(404, 422)
    @document_request(RoomPatch)
    @validate_response(Room)
    async def change_room(room_id: str) -> Room:
        """Change a room of yours; a running call follows at once."""
        wanted = await json_body(RoomPatch)
        change, password = _change(wanted), _password(wanted)
        room = await application().rooms.change(known_form(room_id), caller(), change, password)
        return await _shown(room, g.principal.user_id)

    @rooms.delete("/rooms/<room_id>")
    @authenticated
    @problems(404)
    @document_response(Empty, 204)
    async def delete_room(room_id: str) -> tuple[str, int]:
        """Delete a room of yours; a running call ends for everyone."""
        await application().rooms.delete(known_form(room_id), g.principal.user_id)
        return "", 204

    return rooms


def known_form(room_id: str) -> str:
    """Return a room id that can exist. Raises `RoomNotFound`."""
    if not is_room_id(room_id):
        raise RoomNotFound(room_id)
    return room_id


def caller() -> Account:
    """Return who makes the current request, on a route for people who are signed in."""
    return Account(g.principal.user_id, g.principal.username)


def rfc3339(epoch_ms: int) -> str:
    """Return a time as the API writes it."""
    return datetime.fromtimestamp(epoch_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def _invited_room(room_id: str, token: str) -> RoomRecord:
    try:
        if await application().invitations.find(known_form(room_id), token) is not None:
            return await application().rooms.show_invited(room_id)
    except RoomNotFound:
        pass  # a room that is not there and a token that is not good look alike
    raise InvitationInvalid


def _password(wanted: NewRoom | RoomPatch) -> str | UnsetType | None:
    if isinstance(wanted.password, str) and not wanted.password.isprintable():
        raise InvalidField("password", "a password has no control characters")
    return wanted.password


def _change(wanted: NewRoom | RoomPatch) -> RoomChange:
    name = wanted.name
    if name is not UNSET:
        name = unicodedata.normalize("NFC", name).strip()
        if not is_one_line(name):
            raise InvalidField("name", "a name has no control characters")
    return RoomChange(name=name, guests_allowed=wanted.guestsAllowed, max_members=wanted.maxMembers, lobby=wanted.lobby)


def _ws_url(room_id: str) -> str:
    return application().settings.ws_url(room_id, request.host)


async def _shown(room: RoomRecord, user_id: int | None) -> Room:
    return _view(room, user_id, (await application().rooms.people([room.id]))[room.id])


def _view(room: RoomRecord, user_id: int | None, people: int | None) -> Room:
    return Room(
        roomId=room.id,
        name=room.name,
        guestsAllowed=room.guests_allowed,
        maxMembers=room.max_members,
        lobby=room.lobby,
        passwordRequired=room.password_hash is not None,
        members=people,
        owner=user_id == room.owner_id,
        wsUrl=_ws_url(room.id),
        createdAt=rfc3339(room.created_at),
    )
