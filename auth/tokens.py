"""Access tokens (JWT, RFC 7519) and the successors of refresh tokens."""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import jwt

from auth.errors import TokenExpired, Unauthenticated
from auth.ids import encode_secret, new_uuid7
from auth.ports import Clock, RandomBytes

_ALGORITHM = "HS256"
_HEADER_TYPE = "at+jwt"  # RFC 9068 §2.1
_TOKEN_USE = "access"  # noqa: S105
_MIN_SECRET_BYTES = 32
_MAX_TOKEN_LENGTH = 4096
_USER_ID = re.compile(r"[0-9]{1,16}")
_REQUIRED_CLAIMS = ("iss", "aud", "sub", "sid", "name", "iat", "exp", "jti", "token_use")
_OPTIONS: Any = {  # time is checked against the injected clock, below
    "require": list(_REQUIRED_CLAIMS),
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
    "strict_aud": True,
}


@dataclass(frozen=True, slots=True)
class AccessClaims:
    """What a genuine access token says. `expires_at` is in epoch milliseconds."""

    user_id: int
    username: str
    session_id: str
    expires_at: int


class AccessTokens:
    """Signs and verifies access tokens of one issuer, audience and algorithm; a token cannot choose any of them."""

    def __init__(
        self, secret: str, *, issuer: str, audience: str, ttl: timedelta, clock: Clock, random_bytes: RandomBytes
    ) -> None:
        self._key = signing_key(secret)
        self._issuer = issuer
        self._audience = audience
        self._ttl_s = int(ttl.total_seconds())
        self._clock = clock
        self._random_bytes = random_bytes

    def issue(self, *, user_id: int, username: str, session_id: str) -> str:
        """Return a token for this user on this device session."""
        now = self._clock()
        claims = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": str(user_id),
            "sid": session_id,
            "name": username,
            "token_use": _TOKEN_USE,
            "iat": now // 1000,
            "exp": now // 1000 + self._ttl_s,
            "jti": new_uuid7(now, self._random_bytes),
        }
        return jwt.encode(claims, self._key, algorithm=_ALGORITHM, headers={"typ": _HEADER_TYPE})

    def verify(self, token: str) -> AccessClaims:
        """Return what `token` says. Raises `TokenExpired` if only its time is over, else `Unauthenticated`."""
        claims = self._decode(token)
        match claims:
            case {"sub": str(subject), "sid": str(session_id), "name": str(name), "exp": int(expires)} if (
                _USER_ID.fullmatch(subject) and claims["token_use"] == _TOKEN_USE
            ):
                if expires * 1000 <= self._clock():
                    raise TokenExpired
                return AccessClaims(int(subject), name, session_id, expires * 1000)
        raise Unauthenticated

    def _decode(self, token: str) -> dict[str, Any]:
        if len(token) > _MAX_TOKEN_LENGTH:
            raise Unauthenticated
        try:
            whole = jwt.decode_complete(
                token,
                self._key,
                algorithms=[_ALGORITHM],
                issuer=self._issuer,
                audience=self._audience,
                options=_OPTIONS,
            )
        except (jwt.PyJWTError, ValueError, RecursionError) as error:
            raise Unauthenticated from error
        if whole["header"].get("typ") != _HEADER_TYPE:
            raise Unauthenticated
        claims: dict[str, Any] = whole["payload"]
        return claims


class RefreshSuccessors:
    """Derives the token that replaces a refresh token.

    Deriving it, rather than drawing it, lets a lost answer be repeated without keeping any token in clear.
    """

    def __init__(self, secret: str) -> None:
        self._key = hmac.digest(signing_key(secret), b"chatter refresh successor v1", hashlib.sha256)

    def of(self, refresh_token: str) -> str:
        """Return the one successor of `refresh_token`; without the key it cannot be told from a random one."""
        return encode_secret(hmac.digest(self._key, refresh_token.encode(errors="replace"), hashlib.sha256))


def signing_key(secret: str) -> bytes:
    """Return the bytes of `secret`. Raises `ValueError` below 32 bytes (RFC 7518 §3.2)."""
    key = secret.encode()
    if len(key) < _MIN_SECRET_BYTES:
        raise ValueError(f"the auth secret needs at least {_MIN_SECRET_BYTES} bytes")
    return key
