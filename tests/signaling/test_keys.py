"""Ids that sort, tokens that cannot be guessed, names that tell nothing."""

from __future__ import annotations

import re
import uuid

import pytest

from observability.addresses import network_of
from signaling.keys import KeyedNames, SortedIds, fingerprint, new_token


def test_ids_sort_as_they_were_made_also_when_the_clock_stands_or_goes_back() -> None:
    ids = SortedIds()
    made = [ids.next(1_790_000_000_000 + step) for step in (0, 0, 0, 1, -5, -5, 2)] + [
        ids.next(1_790_000_000_002) for _ in range(5000)
    ]
    assert made == sorted(made)
    assert len(set(made)) == len(made)
    first = uuid.UUID(made[0])
    assert (first.version, first.variant) == (7, uuid.RFC_4122)
    assert first.int >> 80 == 1_790_000_000_000


def test_tokens_have_192_bits_and_differ() -> None:
    tokens = {new_token() for _ in range(50)}
    assert len(tokens) == 50
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{32}", token) for token in tokens)


def test_a_fingerprint_is_a_sha256_whatever_the_text() -> None:
    assert fingerprint("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert len(fingerprint("\ud800")) == 64


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("unix", "unix"),
    ],
)
def test_a_household_is_an_address_or_a_64(address: str, network: str) -> None:
    assert network_of(address) == network


def test_names_depend_on_key_and_kind() -> None:
    names, others = KeyedNames("one secret of many"), KeyedNames("another secret")
    given = [names.guest("x"), names.address("x"), others.guest("x"), names.guest("y")]
    assert len(set(given)) == 4
    assert all(re.fullmatch("[0-9a-f]{64}", name) for name in given)
    assert names.guest("x") == KeyedNames("one secret of many").guest("x")
    assert names.address("2001:db8::1") == names.address("2001:db8::2")
