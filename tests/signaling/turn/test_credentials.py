"""TURN credentials: made by the REST scheme, ending when they should, telling nobody's name or secret."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from signaling.core.messages import IceServer
from signaling.settings import SignalingSettings
from signaling.turn.credentials import credential, ice_servers
from signaling.turn.settings import TurnSettings
from signaling.turn.urls import parse_turn_url

NOW = 1_700_000_000.9
URLS = ("turn:turn.example.org?transport=udp", "turn:turn.example.org?transport=tcp", "turns:turn.example.org")


def settings(**changes: object) -> SignalingSettings:
    turn = TurnSettings(urls=tuple(parse_turn_url(url) for url in URLS), secret="north")
    return SignalingSettings(stun_urls=("stun:stun.example.org",), turn=msgspec.structs.replace(turn, **changes))


def test_a_known_credential() -> None:
    # openssl: printf 1433895918:user | openssl dgst -sha1 -hmac north -binary | base64
    made = credential("north", "user", 1433895918)
    assert made.username == "1433895918:user"
    assert made.password == "/gk4t5tUc08OpM3NjrVjHSFVNmY="


@given(st.text(min_size=1), st.text(), st.integers(0, 2**32))
def test_the_password_proves_the_username(secret: str, user: str, expiry: int) -> None:
    made = credential(secret, user, expiry)
    digest = hmac.new(secret.encode(), made.username.encode(), hashlib.sha1).digest()
    assert base64.b64decode(made.password, validate=True) == digest
    assert made.username.split(":", 1) == [str(expiry), user]


def test_the_list_holds_stun_and_turn() -> None:
    servers, ttl_ms = ice_servers(settings(), "abc", NOW)
    assert ttl_ms == 600_000
    expected = credential("north", "abc", 1_700_000_600)
    assert servers == (
        IceServer(urls=("stun:stun.example.org",)),
        IceServer(urls=URLS, username=expected.username, credential=expected.password),
    )


def test_the_life_of_credentials_can_be_chosen() -> None:
    (_, relay), ttl_ms = ice_servers(settings(ttl=timedelta(minutes=2)), "abc", NOW)
    assert ttl_ms == 120_000
    assert relay.username == "1700000120:abc"


def test_without_relays_nothing_ends() -> None:
    assert ice_servers(settings(urls=()), "abc", NOW) == ((IceServer(urls=("stun:stun.example.org",)),), 0)
    assert ice_servers(SignalingSettings(), "abc", NOW) == ((), 0)


def test_what_is_shown_holds_no_secret() -> None:
    made = credential("north", "user", 1)
    assert made.password not in repr(made)
    assert "north" not in repr(settings())
    assert "north" not in repr(settings().turn)
