"""`/ice-servers`: the STUN and TURN servers for a call."""

from __future__ import annotations

import time
from typing import Annotated

import msgspec
from msgspec import Meta, Struct
from quart import Blueprint, request
from quart_schema import document_headers, document_querystring, validate_response

from api.http.errors import InvitationInvalid
from api.http.openapi import problems
from api.http.rooms import InvitationHeaders, known_form, shown_invitation
from api.http.security import application, client_address, optional_principal, public
from auth.errors import Unauthenticated
from signaling.core.messages import IceServer
from signaling.turn.credentials import ice_servers
from signaling.turn.settings import TurnSettings


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
        settings, caller = application().settings.signaling, await _caller()
        if not caller.may_relay:
            settings = msgspec.structs.replace(settings, turn=TurnSettings())
        servers, ttl_ms = ice_servers(settings, caller.user, time.time())
        return IceServerList(iceServers=servers, ttlMs=ttl_ms)

    return calls


class _Caller(Struct, frozen=True):
    """Under which name someone uses the TURN server; who has shown nothing that opens the room may not."""

    user: str
    may_relay: bool = True


async def _caller() -> _Caller:
    principal = await optional_principal()
    if principal is not None:
        return _Caller(f"u{principal.user_id}")
    room_id = request.args.get("room")
    if room_id is None:
        raise Unauthenticated
    # One name per household: the TURN server's quota per user would mean nothing if each request made a new one.
    household = f"g{application().moderation.household(client_address())[:16]}"
    invitation = shown_invitation()
    if invitation is None:
        room = await application().rooms.show(known_form(room_id), None)
        return _Caller(household, may_relay=not room.rules.has_password)
    if await application().invitations.find(known_form(room_id), invitation) is None:
        raise InvitationInvalid
    return _Caller(household)
