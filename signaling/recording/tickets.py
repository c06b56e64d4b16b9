"""Tickets that let the recorder into a room, and links that open a recording: signed, short-lived, kept nowhere."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import TypeVar

import msgspec
from msgspec import Struct

from signaling.ports import Clock

PREFIX = "rec."
"""What the recorder's ticket begins with; access tokens never do."""
TICKET_TTL_S = 60
LINK_TTL_S = 3600
"""Long enough to watch and to pause; a download that was begun goes on whatever the link does."""

T = TypeVar("T")


class TicketInvalid(Exception):
    """The ticket or link was not made here, or its time is over."""


class RecorderClaim(Struct, frozen=True):
    """What a recorder's ticket allows: this recorder, into this room, until then (milliseconds since 1970 UTC)."""

    room_id: str
    recording_id: str
    started_by: int
    expires_at: int


class FileClaim(Struct, frozen=True):
    """What a link allows: to read the file of this recording, until then."""

    recording_id: str
    expires_at: int


class Signer:
    """Seal claims under a key of their own, derived from the server's secret (RFC 5869 §2.2 with the label as salt)."""

    def __init__(self, secret: str, label: str, clock: Clock) -> None:
        self._key = hmac.digest(label.encode(), secret.encode(), hashlib.sha256)
        self._clock = clock

    def seal(self, claim: Struct) -> str:
        """Return the claim with its signature, in characters that need no quoting in a URL."""
        body = _text(msgspec.json.encode(claim))
        return f"{body}.{self._signature(body)}"

    def open(self, sealed: str, kind: type[T]) -> T:
        """Return the claim of something that `seal` made. Raises `TicketInvalid`."""
        body, _, signature = sealed.partition(".")
        if not hmac.compare_digest(signature.encode(), self._signature(body).encode()):
            raise TicketInvalid
        claim = msgspec.json.decode(_bytes(body), type=kind)
        if getattr(claim, "expires_at") <= self._clock() * 1000:  # noqa: B009  # every claim has one
            raise TicketInvalid
        return claim

    def _signature(self, body: str) -> str:
        return _text(hmac.digest(self._key, body.encode(), hashlib.sha256))


class Tickets:
    """Make and check what lets the recorder in, and what opens a file."""

    def __init__(self, secret: str, clock: Clock) -> None:
        self._clock = clock
        self._recorders = Signer(secret, "chatter recorder ticket v1", clock)
        self._files = Signer(secret, "chatter recording link v1", clock)

    def for_recorder(self, room_id: str, recording_id: str, started_by: int) -> str:
        """Return a ticket with which the recorder enters the room once or, after a restart, again."""
        claim = RecorderClaim(room_id, recording_id, started_by, self._in(TICKET_TTL_S))
        return PREFIX + self._recorders.seal(claim)

    def recorder(self, ticket: str) -> RecorderClaim:
        """Return what a recorder's ticket allows. Raises `TicketInvalid`."""
        if not ticket.startswith(PREFIX):
            raise TicketInvalid
        return self._recorders.open(ticket.removeprefix(PREFIX), RecorderClaim)

    def for_file(self, recording_id: str) -> str:
        """Return the signed part of a link to a recording's file."""
        return self._files.seal(FileClaim(recording_id, self._in(LINK_TTL_S)))

    def file(self, link: str) -> str:
        """Return the id of the recording that a link opens. Raises `TicketInvalid`."""
        return self._files.open(link, FileClaim).recording_id

    def _in(self, seconds: int) -> int:
        return int((self._clock() + seconds) * 1000)


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        raise TicketInvalid from None
