"""Who is who: device sessions of the auth package in the words of the signaling package."""

from __future__ import annotations

from collections.abc import Awaitable, Collection
from typing import TYPE_CHECKING

import msgspec

from api.db import DatabaseUnavailable
from auth.errors import AuthError, TokenExpired
from signaling.elsewhere import ALONE, Elsewhere
from signaling.ports import Identity, NotIdentified, Unavailable
from signaling.recording.tickets import PREFIX as RECORDER_PREFIX
from signaling.recording.tickets import RecorderClaim, TicketInvalid, Tickets

if TYPE_CHECKING:
    from auth.principal import Principal
    from auth.service import AuthService
    from observability.origins import Origins
    from signaling.hub import Hub

_RECORDER_SESSION = "recording:"
_LONGEST_RECORDING_MS = 24 * 3600 * 1000


def is_device_session(session_id: str) -> bool:
    """Tell whether a session is a device's; a recorder's is none, so nobody can end it as one."""
    return not session_id.startswith(_RECORDER_SESSION)


class SessionListener:
    """Carries the end of device sessions from auth to the hub, which is made later, and to the other nodes."""

    _hub: Hub | None = None
    _elsewhere = ALONE

    def attach(self, hub: Hub, elsewhere: Elsewhere) -> None:
        """Say whom to tell."""
        self._hub = hub
        self._elsewhere = elsewhere

    async def sessions_ended(self, session_ids: Collection[str]) -> None:
        """Close the sockets of these device sessions, here and at the other nodes."""
        if self._hub is not None:
            await self._hub.sessions_ended(session_ids)
        self._elsewhere.sessions_ended(session_ids)


class Authenticator:
    """The auth service in the words of the signaling package, and the recorders' tickets beside it."""

    def __init__(self, auth: AuthService, tickets: Tickets, origins: Origins) -> None:
        self._auth = auth
        self._tickets = tickets
        self._origins = origins

    async def authenticate(self, token: str) -> Identity:
        """Return whom a token belongs to. Raises `NotIdentified`, `Unavailable`."""
        if token.startswith(RECORDER_PREFIX):
            try:
                return _recorder(self._tickets.recorder(token))
            except TicketInvalid:
                raise NotIdentified from None
        return await _identified(self._auth.authenticate(token))

    async def redeem_ticket(self, ticket: str) -> Identity:
        """Return whom a ticket belongs to, and use it up. Raises `NotIdentified`, `Unavailable`."""
        identity = await _identified(self._auth.redeem_ticket(ticket))
        return msgspec.structs.replace(identity, origin=self._origins.take(ticket))


def _recorder(claim: RecorderClaim) -> Identity:
    return Identity(
        user_id=claim.started_by,
        username="Recorder",
        session_id=f"{_RECORDER_SESSION}{claim.recording_id}",
        expires_at=claim.expires_at + _LONGEST_RECORDING_MS,  # the ticket lets in; staying is not its business
        recorder_of=claim.room_id,
    )


async def _identified(check: Awaitable[Principal]) -> Identity:
    try:
        principal = await check
    except AuthError as error:
        raise NotIdentified(expired=isinstance(error, TokenExpired)) from None
    except DatabaseUnavailable as error:
        raise Unavailable(str(error)) from None
    return Identity(principal.user_id, principal.username, principal.session_id, principal.expires_at)
