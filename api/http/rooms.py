"""`/rooms`."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType
from quart import Blueprint, g, request
from quart_schema import document_request, document_response, validate_response

from api.http.bodies import Empty, json_body, optional_body
from api.http.errors import InvalidField
from api.http.openapi import problems
from api.http.security import application, authenticated, optional_principal, public
from signaling.core.names import ROOM_ID_PATTERN, is_one_line, is_room_id
from signaling.rooms import RoomNotFound
from signaling.store import RoomChange, RoomRecord

RoomName = Annotated[str, Meta(max_length=80)]
MaxMembers = Annotated[int, Meta(ge=2, le=50)]


class NewRoom(Struct, forbid_unknown_fields=True):
    """What a new room should be like; everything has a default."""

    roomId: Annotated[str, Meta(pattern=ROOM_ID_PATTERN, description="3-64 of a-z, 0-9 and hyphen")] | UnsetType = UNSET
    name: RoomName | UnsetType = UNSET
    guestsAllowed: bool | UnsetType = UNSET
    maxMembers: MaxMembers | UnsetType = UNSET


class RoomPatch(Struct, forbid_unknown_fields=True):
    """What should change; the rest stays."""

    name: RoomName | UnsetType = UNSET
    guestsAllowed: bool | UnsetType = UNSET
    maxMembers: MaxMembers | UnsetType = UNSET


class CreatedRoom(Struct):
    """A new room and where its calls take place."""

    roomId: str
    wsUrl: str


class Room(Struct):
    """A room as one who may enter it sees it. `members`: how many are in it now."""

    roomId: str
    name: str
    guestsAllowed: bool
    maxMembers: int
    members: int
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
        room = await application().rooms.create(g.principal.user_id, _change(wanted), room_id)
        return CreatedRoom(roomId=room.id, wsUrl=_ws_url(room.id))

    @rooms.get("/rooms")
    @authenticated
    @validate_response(RoomList)
    async def list_rooms() -> RoomList:
        """List the rooms you own, newest first."""
        owned = await application().rooms.owned(g.principal.user_id)
        return RoomList(rooms=[_view(room, g.principal.user_id) for room in owned])

    @rooms.get("/rooms/<room_id>")
    @problems(401, 404)
    @validate_response(Room)
    @public("guests see a room that admits them before they join")
    async def get_room(room_id: str) -> Room:
        """Show a room. Without a bearer token: only one that admits guests."""
        principal = await optional_principal()
        user_id = principal.user_id if principal else None
        return _view(await application().rooms.show(_known_form(room_id), user_id), user_id)

    @rooms.patch("/rooms/<room_id>")
    @authenticated
    @problems(404, 422)
    @document_request(RoomPatch)
    @validate_response(Room)
    async def change_room(room_id: str) -> Room:
        """Change a room of yours; a running call follows at once."""
        wanted = await json_body(RoomPatch)
        user_id = g.principal.user_id
        return _view(await application().rooms.change(_known_form(room_id), user_id, _change(wanted)), user_id)

    @rooms.delete("/rooms/<room_id>")
    @authenticated
    @problems(404)
    @document_response(Empty, 204)
    async def delete_room(room_id: str) -> tuple[str, int]:
        """Delete a room of yours; a running call ends for everyone."""
        await application().rooms.delete(_known_form(room_id), g.principal.user_id)
        return "", 204

    return rooms


def _known_form(room_id: str) -> str:
    if not is_room_id(room_id):
        raise RoomNotFound(room_id)
    return room_id


def _change(wanted: NewRoom | RoomPatch) -> RoomChange:
    name = wanted.name
    if name is not UNSET:
        name = unicodedata.normalize("NFC", name).strip()
        if not is_one_line(name):
            raise InvalidField("name", "a name has no control characters")
    return RoomChange(name=name, guests_allowed=wanted.guestsAllowed, max_members=wanted.maxMembers)


def _ws_url(room_id: str) -> str:
    return application().settings.ws_url(room_id, request.host)


def _view(room: RoomRecord, user_id: int | None) -> Room:
    return Room(
        roomId=room.id,
        name=room.name,
        guestsAllowed=room.guests_allowed,
        maxMembers=room.max_members,
        members=application().rooms.members(room.id),
        owner=user_id == room.owner_id,
        wsUrl=_ws_url(room.id),
        createdAt=datetime.fromtimestamp(room.created_at / 1000, UTC)
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z"),
    )
