"""Ids and keyed names, made from given randomness and secrets."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import uuid

from observability.addresses import network_of

_TOKEN_BYTES = 24
"""192 bits: nobody guesses an invitation (ASVS 7.2.3 asks for 128)."""
_MAX_COUNT = 2**12 - 1


class SortedIds:
    """Makes UUIDv7 (RFC 9562 §5.7) that sort in the order they were made, also within one millisecond (§6.2)."""

    def __init__(self) -> None:
        self._ms = 0
        self._count = 0

    def next(self, now_ms: int) -> str:
        """Return a new id, as text. A clock that was set back goes on where it was."""
        if now_ms > self._ms:
            self._ms, self._count = now_ms, 0
        elif self._count < _MAX_COUNT:
            self._count += 1
        else:
            self._ms, self._count = self._ms + 1, 0
        value = (self._ms & (2**48 - 1)) << 80 | 0x7 << 76 | self._count << 64 | 0x2 << 62 | secrets.randbits(62)
        return str(uuid.UUID(int=value))


def new_token() -> str:
    """Return an opaque token that can stand in a URL."""
    return secrets.token_urlsafe(_TOKEN_BYTES)


def fingerprint(token: str) -> str:
    """Return what is stored of an opaque token: its SHA-256 in hex. A token of 192 bits needs no slow hash."""
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


class KeyedNames:
    """Turn what tells who someone is into names that mean nothing without the key (HMAC-SHA256, RFC 2104).

    `secret` is the installation's; the key is derived from it, so that it serves this one purpose.
    """

    def __init__(self, secret: str) -> None:
        self._key = hmac.digest(secret.encode(), b"chatter room bans", hashlib.sha256)

    def guest(self, guest_id: str) -> str:
        """Return the name of the browser that calls itself `guest_id`."""
        return self._name("guest", guest_id)

    def address(self, address: str) -> str:
        """Return the name of the household at a network address."""
        return self._name("address", network_of(address))

    def _name(self, kind: str, value: str) -> str:
        return hmac.digest(self._key, f"{kind}:{value}".encode(errors="replace"), hashlib.sha256).hex()
