"""Ids and the rules for names."""

from __future__ import annotations

import random
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth import rules
from auth.errors import BadDeviceId, InvalidInput, MissingDeviceId
from auth.ids import fingerprint, is_uuid, new_secret, new_user_id, new_uuid7
from tests.auth.fakes import NOW, steady_bytes

TIMES = st.integers(0, 3_900_000_000_000)  # until 2093


@given(TIMES, st.randoms(use_true_random=False))
def test_user_ids_are_exact_in_every_json_reader(now: int, source: random.Random) -> None:
    assert 0 <= new_user_id(now, source.randbytes) < 2**53


def test_user_ids_sort_by_time_and_differ_within_it() -> None:
    first, second, third = (new_user_id(now, steady_bytes) for now in (NOW, NOW + 1, NOW + 10**10))
    assert first < second < third
    assert len({new_user_id(NOW, steady_bytes) for _ in range(100)}) > 90


@given(TIMES, st.randoms(use_true_random=False))
def test_session_ids_are_uuid7(now: int, source: random.Random) -> None:
    made = uuid.UUID(new_uuid7(now, source.randbytes))
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert made.int >> 80 == now
    assert is_uuid(str(made))


def test_no_bit_of_randomness_is_lost() -> None:
    ones, zeros = uuid.UUID(new_uuid7(NOW, lambda size: b"\xff" * size)), uuid.UUID(new_uuid7(NOW, bytes))
    assert (ones.int ^ zeros.int).bit_count() == 74  # RFC 9562 §5.7: rand_a and rand_b


@pytest.mark.parametrize("text", ["", "x", str(uuid.UUID(int=5)).upper() + "A", "\x00" * 36, f"{uuid.UUID(int=5)}\n"])
def test_other_text_is_no_session_id(text: str) -> None:
    assert not is_uuid(text)


@pytest.mark.seed("S1-09")
def test_opaque_tokens_have_256_bits_and_are_stored_as_their_sha256() -> None:
    sizes: list[int] = []
    new_secret(lambda size: bytes(sizes.append(size) or size))  # type: ignore[func-returns-value]
    assert sizes == [32]
    assert fingerprint("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.mark.parametrize("username", ["bob", "A.b-c_9", "x" * 32, "..."])
def test_good_usernames(username: str) -> None:
    assert rules.check_username(username) == username
    assert rules.login_key(username) == username.lower()


@pytest.mark.parametrize(
    "username", ["", "al", "x" * 33, "a b c", "alice\n", "alicé", "\u212aelvin", "a@b.c", "a\x00b"]
)
def test_bad_usernames(username: str) -> None:
    with pytest.raises(InvalidInput, match="username"):
        rules.check_username(username)


@pytest.mark.parametrize("login", ["", "al", "a\x00bc", "\ud83dabc", "a" * 300, "a b@c.d", "\u212aelvin", "alice\n"])
def test_a_login_that_no_account_can_have_has_no_key(login: str) -> None:
    assert rules.login_key(login) is None


def test_e_mail_addresses_compare_without_case_and_are_no_usernames() -> None:
    assert rules.check_email("Alice@Example.org") == "alice@example.org" == rules.login_key("ALICE@example.ORG")
    for bad in ("alice", "@example.org", "alice@", "a b@c.d", "a@b@c.d", "é@c.d", "a@" + "x" * 300):
        with pytest.raises(InvalidInput, match="email"):
            rules.check_email(bad)


def test_device_ids() -> None:
    for good in ("a", "A-b.c_d:9", "x" * 128):
        assert rules.check_device_id(good) == good
    for bad in ("x" * 129, "a b", "a\n", "é", "a/b"):
        with pytest.raises(BadDeviceId):
            rules.check_device_id(bad)
    for missing in (None, ""):
        with pytest.raises(MissingDeviceId):
            rules.check_device_id(missing)


def test_user_agents_are_kept_printable_and_short() -> None:
    assert rules.tidy_user_agent("Fire\x00fox\n\ud83d" + "x" * 1000) == "Firefox" + "x" * 249
