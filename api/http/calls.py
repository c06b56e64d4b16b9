"""`/ice-servers`: the STUN and TURN servers for a call."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct
from quart import Blueprint, request
from quart_schema import document_headers, document_querystring, validate_response

from api.http.errors import InvitationInvalid
from api.http.openapi import problems
from api.http.rooms import InvitationHeaders, known_form, shown_invitation
from api.http.security import application, client_address, optional_principal, public
from auth.errors import Unauthenticated
from signaling.core.messages import IceServer


class IceServersQuery(Struct):
    """For a guest: a room that admits guests, or into which the header `X-Invitation` holds an invitation."""

    room: Annotated[str, Meta(description="The id of a room that admits guests")] | None = None


class IceServerList(Struct):
    """What goes into an `RTCConfiguration`. `ttlMs`: how long the credentials hold, 0 when they never end."""

    iceServers: tuple[IceServer, ...]
    ttlMs: int


def create_calls_blueprint() -> Blueprint:
    """Return the routes that calls need besides the socket."""
    calls = Blueprint("calls", __name__)

    @calls.get("/ice-servers")
    @problems(401, 404)
    @document_querystring(IceServersQuery)
    @document_headers(InvitationHeaders)
    @validate_response(IceServerList)
    @public("guests test their connection before they join a room that admits them")
    async def get_ice_servers() -> IceServerList:
        """List STUN and TURN servers, with credentials that soon end. Without a bearer token: only with `room`."""
        servers, ttl_ms = application().hub.ice_servers(await _relay_user())
        return IceServerList(iceServers=servers, ttlMs=ttl_ms)

    return calls


async def _relay_user() -> str | None:
    """Return under which name the caller uses the TURN server; None for who has shown nothing that opens the room."""
    principal = await optional_principal()
    if principal is not None:
        return f"u{principal.user_id}"
    room_id = request.args.get("room")
    if room_id is None:
        raise Unauthenticated
    # One name per household: the TURN server's quota per user would mean nothing if each request made a new one.
    household = f"g{application().moderation.household(client_address())[:16]}"
    invitation = shown_invitation()
    if invitation is None:
        room = await application().rooms.show(known_form(room_id), None)
        return None if room.rules.has_password else household
    if await application().invitations.find(known_form(room_id), invitation) is None:
        raise InvitationInvalid
    return household
