"""Ids and secrets, made from a given time and given randomness."""

from __future__ import annotations

import base64
import hashlib
import re
import uuid

from auth.ports import RandomBytes

_USER_EPOCH_MS = 1_735_689_600_000  # 2025-01-01; 41 bits of milliseconds last until 2094
_SECRET_BYTES = 32
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def new_user_id(now: int, random_bytes: RandomBytes) -> int:
    """Return an id below 2^53, exact in every JSON reader: milliseconds since 2025, then 12 random bits.

    Two ids of one millisecond collide once in 4,096 times; the caller retries.
    """
    milliseconds = max(0, now - _USER_EPOCH_MS) & (2**41 - 1)
    return milliseconds << 12 | int.from_bytes(random_bytes(2)) & 0xFFF


def new_uuid7(now: int, random_bytes: RandomBytes) -> str:
    """Return a UUIDv7 (RFC 9562 §5.7) as text: it sorts by time."""
    value = (now & (2**48 - 1)) << 80 | int.from_bytes(random_bytes(10))
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return str(uuid.UUID(int=value))


def is_uuid(text: str) -> bool:
    """Tell whether `text` is a UUID as this package writes them."""
    return _UUID.fullmatch(text) is not None


def new_secret(random_bytes: RandomBytes) -> str:
    """Return an opaque token of 256 random bits."""
    return encode_secret(random_bytes(_SECRET_BYTES))


def encode_secret(raw: bytes) -> str:
    """Return `raw` in the URL-safe alphabet without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def fingerprint(secret: str) -> str:
    """Return what is stored of an opaque token: its SHA-256 in hex.

    A plain hash is enough: 256 random bits cannot be guessed (ASVS 6.5.2 asks for more only below 112 bits).
    """
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()
