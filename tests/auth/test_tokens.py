"""Access tokens: what is accepted, and the many that are not."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from datetime import timedelta
from typing import Any

import jwt
import pytest

from auth.errors import TokenExpired, Unauthenticated
from auth.tokens import AccessClaims, AccessTokens, RefreshSuccessors
from tests.auth.fakes import NOW, SECRET, ManualClock

CLAIMS: dict[str, Any] = {
    "iss": "chatter",
    "aud": "chatter",
    "sub": "42",
    "sid": "s",
    "name": "alice",
    "token_use": "access",
    "iat": NOW // 1000,
    "exp": NOW // 1000 + 900,
    "jti": "j",
}
HEADER = {"alg": "HS256", "typ": "at+jwt"}


def new_tokens(clock: ManualClock | None = None, *, secret: str = SECRET, **pinned: str) -> AccessTokens:
    names = {"issuer": "chatter", "audience": "chatter"} | pinned
    return AccessTokens(
        secret,
        issuer=names["issuer"],
        audience=names["audience"],
        ttl=timedelta(minutes=15),
        clock=clock or ManualClock(),
        random_bytes=secrets.token_bytes,
    )


def encode(part: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def forge(header: object, claims: object, key: bytes = SECRET.encode()) -> str:
    signed = f"{encode(header)}.{encode(claims)}"
    signature = hmac.digest(key, signed.encode(), hashlib.sha256)
    return f"{signed}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def without(name: str) -> dict[str, Any]:
    return {claim: value for claim, value in CLAIMS.items() if claim != name}


def test_the_forger_of_these_tests_can_make_good_tokens() -> None:
    assert new_tokens().verify(forge(HEADER, CLAIMS)) == AccessClaims(42, "alice", "s", (NOW // 1000 + 900) * 1000)


@pytest.mark.seed("S1-44")
def test_a_token_is_hs256_and_says_who_and_until_when() -> None:
    tokens = new_tokens()
    token = tokens.issue(user_id=42, username="alice", session_id="session")
    assert jwt.get_unverified_header(token) == HEADER
    claims = jwt.decode(token, SECRET, algorithms=["HS256"], audience="chatter", options={"verify_exp": False})
    jti = claims.pop("jti")
    assert claims == without("jti") | {"sid": "session"}
    assert (
        jti
        != jwt.decode(
            tokens.issue(user_id=42, username="alice", session_id="session"), options={"verify_signature": False}
        )["jti"]
    )
    assert tokens.verify(token) == AccessClaims(42, "alice", "session", (NOW // 1000 + 900) * 1000)


@pytest.mark.seed("S1-08")
def test_a_token_expires_by_the_given_clock() -> None:
    clock = ManualClock()
    tokens = new_tokens(clock)
    token = tokens.issue(user_id=42, username="alice", session_id="s")
    clock.advance(minutes=15, milliseconds=-1)
    tokens.verify(token)
    clock.advance(milliseconds=1)
    with pytest.raises(TokenExpired) as refused:
        tokens.verify(token)
    assert (refused.value.code, refused.value.status) == ("token_expired", 401)


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(forge({"alg": "none", "typ": "at+jwt"}, CLAIMS), id="alg none, signed"),
        pytest.param(f"{encode({'alg': 'none', 'typ': 'at+jwt'})}.{encode(CLAIMS)}.", id="alg none"),
        pytest.param(f"{encode({'alg': 'NoNe', 'typ': 'at+jwt'})}.{encode(CLAIMS)}.", id="alg NoNe"),
        pytest.param(forge({"alg": "RS256", "typ": "at+jwt"}, CLAIMS), id="alg RS256"),
        pytest.param(jwt.encode(CLAIMS, SECRET * 2, algorithm="HS512", headers={"typ": "at+jwt"}), id="alg HS512"),
        pytest.param(forge(HEADER, CLAIMS, b"f" * 32), id="foreign key"),
        pytest.param(forge(HEADER, CLAIMS, b""), id="empty key"),
        pytest.param(forge({"alg": "HS256", "typ": "JWT"}, CLAIMS), id="another type"),
        pytest.param(forge({"alg": "HS256"}, CLAIMS), id="no type"),
        pytest.param(forge(HEADER | {"jwk": {"kty": "oct", "k": "AAAA"}}, CLAIMS, b"\0\0\0"), id="key in the header"),
        pytest.param(forge(HEADER, CLAIMS | {"iss": "other"}), id="wrong issuer"),
        pytest.param(forge(HEADER, CLAIMS | {"aud": "other"}), id="wrong audience"),
        pytest.param(forge(HEADER, CLAIMS | {"aud": ["chatter", "other"]}), id="list of audiences"),
        pytest.param(forge(HEADER, CLAIMS | {"token_use": "refresh"}), id="another use"),
        pytest.param(forge(HEADER, CLAIMS | {"sub": 42}), id="number as subject"),
        pytest.param(forge(HEADER, CLAIMS | {"sub": "alice"}), id="name as subject"),
        pytest.param(forge(HEADER, CLAIMS | {"sub": "-1"}), id="negative subject"),
        pytest.param(forge(HEADER, CLAIMS | {"sub": "4\u0662"}), id="another script's digits"),
        pytest.param(forge(HEADER, CLAIMS | {"sid": 5}), id="number as session"),
        pytest.param(forge(HEADER, CLAIMS | {"exp": "9999999999"}), id="text as expiry"),
        pytest.param(forge(HEADER, CLAIMS | {"exp": 1e18}), id="float as expiry"),
        pytest.param(forge(HEADER, CLAIMS | {"name": None}), id="no name"),
        *(pytest.param(forge(HEADER, without(name)), id=f"without {name}") for name in CLAIMS),
        pytest.param(forge(HEADER, []), id="list of claims"),
        pytest.param(forge(HEADER, CLAIMS)[:-2], id="cut off"),
        pytest.param(forge(HEADER, CLAIMS | {"name": "x" * 5000}), id="too long"),
        pytest.param("", id="empty"),
        pytest.param("a.b.c", id="no token"),
        pytest.param("\ud83d.\ud83d.\ud83d", id="no text"),
        pytest.param("é.é.é", id="not ASCII"),
    ],
)
def test_any_other_token_is_refused(token: str) -> None:
    with pytest.raises(Unauthenticated) as refused:
        new_tokens().verify(token)
    assert (refused.value.code, refused.value.status) == ("unauthenticated", 401)


def test_a_bad_token_is_not_called_expired() -> None:
    clock = ManualClock(NOW + 10**9)
    with pytest.raises(Unauthenticated):
        new_tokens(clock).verify(forge(HEADER, CLAIMS, b"f" * 32))
    with pytest.raises(Unauthenticated):
        new_tokens(clock).verify(forge(HEADER, CLAIMS | {"aud": "other"}))


def test_tokens_of_another_installation_are_foreign() -> None:
    token = new_tokens().issue(user_id=1, username="alice", session_id="s")
    others = [new_tokens(secret="f" * 32), new_tokens(issuer="other"), new_tokens(audience="other")]
    for other in others:
        with pytest.raises(Unauthenticated):
            other.verify(token)


@pytest.mark.seed("S1-49")
def test_a_short_secret_is_refused_by_its_bytes() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        new_tokens(secret="x" * 31)
    with pytest.raises(ValueError, match="32 bytes"):
        RefreshSuccessors("x" * 31)
    new_tokens(secret="é" * 16)


def test_a_refresh_token_has_one_successor_which_needs_the_secret() -> None:
    successor = RefreshSuccessors(SECRET).of("token")
    assert len(base64.urlsafe_b64decode(successor + "=")) == 32
    assert RefreshSuccessors(SECRET).of("token") == successor
    assert RefreshSuccessors(SECRET).of("tokem") != successor
    assert RefreshSuccessors("f" * 32).of("token") != successor
