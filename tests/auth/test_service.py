"""Signing in, staying signed in, leaving: on every kind of database."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from auth.errors import (
    AuthError,
    BadCredentials,
    InvalidInput,
    RateLimited,
    RefreshInvalid,
    RefreshReused,
    SessionNotFound,
    TokenExpired,
    Unauthenticated,
    UsernameTaken,
)
from auth.ids import fingerprint
from auth.principal import Device
from auth.service import SignedIn
from auth.store import AuthStore
from tests.auth.fakes import LAPTOP, PASSWORD, PHONE, Installation


async def outcome(call: Awaitable[Any]) -> Any:
    """Return what comes out, an answer or a refusal."""
    try:
        return await call
    except AuthError as error:
        return error


def refusals(outcomes: list[Any]) -> list[type]:
    return [type(result) for result in outcomes if isinstance(result, AuthError)]


async def new_account(site: Installation, username: str = "alice", device: Device = LAPTOP) -> SignedIn:
    return await site.auth.register(username, PASSWORD, device)


# Register


@pytest.mark.seed("S1-07")
@pytest.mark.seed("S1-40")
async def test_register_makes_an_account_and_signs_it_in(site: Installation) -> None:
    signed_in = await site.auth.register("Alice", PASSWORD, LAPTOP)
    assert (signed_in.username, signed_in.refresh_lifetime) == ("Alice", timedelta(hours=1440))
    assert 0 < signed_in.user_id < 2**53
    principal = await site.auth.authenticate(signed_in.access_token)
    assert principal.user_id == signed_in.user_id
    assert principal.username == "Alice"
    assert principal.session_id == signed_in.session_id
    assert principal.expires_at == site.clock() + 24 * 3_600_000
    assert await site.query("SELECT id, username, username_key, email, created_at FROM users") == [
        (signed_in.user_id, "Alice", "alice", None, site.clock())
    ]
    assert site.attempts("register", "ok") == 1


@pytest.mark.seed("S1-09")
async def test_no_secret_is_stored_in_clear(site: Installation) -> None:
    signed_in = await new_account(site)
    again = await site.refresh(signed_in.refresh_token)
    ticket = await site.auth.issue_ticket(await site.auth.authenticate(again.access_token))
    rows: list[Any] = []
    for table in ("users", "device_sessions", "refresh_tokens", "ws_tickets"):
        rows += await site.query(f"SELECT * FROM {table}")
    stored = repr(rows)
    for secret in (PASSWORD, signed_in.refresh_token, again.refresh_token, again.access_token, ticket.ticket):
        assert secret not in stored
    for token in (signed_in.refresh_token, again.refresh_token, ticket.ticket):
        assert fingerprint(token) in stored


async def test_a_username_is_taken_in_any_case_and_no_password_is_hashed_for_it(site: Installation) -> None:
    await site.auth.register("Alice", PASSWORD, LAPTOP)
    hashed = site.hasher.hashed
    with pytest.raises(UsernameTaken) as refused:
        await site.auth.register("aLICE", PASSWORD, PHONE)
    assert (refused.value.code, refused.value.status) == ("username_taken", 409)
    assert site.hasher.hashed == hashed
    assert site.attempts("register", "conflict") == 1


async def test_of_two_registrations_of_one_name_at_once_one_wins(site: Installation) -> None:
    results = await asyncio.gather(
        *(outcome(site.auth.register(name, PASSWORD, LAPTOP)) for name in ("alice", "ALICE", "Alice"))
    )
    assert refusals(results) == [UsernameTaken, UsernameTaken]
    assert len(await site.query("SELECT id FROM users")) == 1
    assert len(await site.query("SELECT id FROM device_sessions")) == 1


async def test_a_taken_user_id_is_replaced_by_a_fresh_one(site: Installation) -> None:
    drawn = iter([b"\x00\x01"] * 3 + [b"\x00\x02", b"\x00\x02", b"\x00\x03"])
    random_bytes = site.auth._random_bytes
    site.auth._random_bytes = lambda size: next(drawn) if size == 2 else random_bytes(size)
    first, second = await new_account(site), await new_account(site, "bob")
    third = await site.auth.create_user("carol", PASSWORD)
    assert [second.user_id - first.user_id, third - first.user_id] == [1, 2]
    assert next(drawn, None) is None


@pytest.mark.parametrize("username", ["al", "a b c", "x" * 33, "a@b.c", "alice\x00"])
async def test_a_bad_username_is_refused(local_site: Installation, username: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await local_site.auth.register(username, PASSWORD, LAPTOP)
    assert refused.value.field == "username"


async def test_a_bad_password_is_refused_before_it_is_hashed(local_site: Installation) -> None:
    for password in ("short", "password123", "x" * 1025, "alicealicealice"):
        with pytest.raises(InvalidInput):
            await local_site.auth.register("alice", password, LAPTOP)
    assert local_site.hasher.hashed == 0
    assert local_site.attempts("register", "invalid") == 4


async def test_registrations_from_one_address_are_limited(sqlite_database: Any) -> None:
    site = Installation(sqlite_database, limits_scale=0.1)
    for number in range(3):
        await site.auth.register(f"user-{number}", PASSWORD, LAPTOP)
    with pytest.raises(RateLimited) as refused:
        await site.auth.register("user-3", PASSWORD, LAPTOP)
    assert refused.value.retry_after == 600
    await site.auth.register("user-3", PASSWORD, PHONE)
    assert site.attempts("register", "rate_limited") == 1
    site.close()


# Sign in


@pytest.mark.seed("S1-26")
async def test_login_with_the_username_in_any_case_or_the_e_mail_address(site: Installation) -> None:
    user_id = await site.auth.create_user("Alice", PASSWORD, "Alice@Example.org")
    for login in ("Alice", "ALICE", "alice@example.org", "ALICE@EXAMPLE.ORG"):
        signed_in = await site.auth.login(login, PASSWORD, LAPTOP)
        assert (signed_in.user_id, signed_in.username) == (user_id, "Alice")
    assert site.attempts("login", "ok") == 4


@pytest.mark.parametrize("login", ["alice", "nobody", "nobody@example.org", "", "a\x00b", "\ud83dabc", "x" * 254])
async def test_a_wrong_password_and_an_unknown_name_answer_and_cost_the_same(site: Installation, login: str) -> None:
    await new_account(site)
    before = (site.hasher.hashed, site.hasher.verified)
    with pytest.raises(BadCredentials) as refused:
        await site.auth.login(login, "not the password", LAPTOP)
    assert str(refused.value) == "The username or the password is wrong."
    assert (site.hasher.hashed, site.hasher.verified) == (before[0], before[1] + 1)
    assert site.attempts("login", "bad_credentials") == 1


async def test_a_password_too_long_to_be_one_is_refused_and_a_short_one_is_merely_wrong(
    local_site: Installation,
) -> None:
    await new_account(local_site)
    with pytest.raises(InvalidInput):
        await local_site.auth.login("alice", "x" * 1025, LAPTOP)
    with pytest.raises(BadCredentials):
        await local_site.auth.login("alice", "x", LAPTOP)


@pytest.mark.parametrize("login", ["alice", "nobody"])
async def test_guesses_are_slowed_down_alike_for_names_that_exist_and_names_that_do_not(
    local_site: Installation, login: str
) -> None:
    await local_site.auth.create_user("alice", PASSWORD)
    for _ in range(5):
        with pytest.raises(BadCredentials):
            await local_site.auth.login(login, "not the password", LAPTOP)
    verified = local_site.hasher.verified
    with pytest.raises(RateLimited) as refused:
        await local_site.auth.login(login, PASSWORD, LAPTOP)
    assert refused.value.retry_after == 1
    assert local_site.hasher.verified == verified
    assert local_site.attempts("login", "rate_limited") == 1


async def test_the_right_password_after_the_wait_resets_the_count(local_site: Installation) -> None:
    await local_site.auth.create_user("alice", PASSWORD)
    for _ in range(3):
        for _ in range(4):
            with pytest.raises(BadCredentials):
                await local_site.auth.login("alice", "not the password", LAPTOP)
        await local_site.auth.login("alice", PASSWORD, LAPTOP)


@pytest.mark.parametrize("way_in", ["register", "refresh"])
async def test_a_device_that_was_signed_in_gets_in_while_the_account_is_attacked(
    local_site: Installation, way_in: str, request: pytest.FixtureRequest
) -> None:
    signed_in = await new_account(local_site)
    if way_in == "refresh":  # all that a restarted server has seen of the device
        local_site = Installation(local_site.database)
        request.addfinalizer(local_site.close)
        await local_site.refresh(signed_in.refresh_token)
    for number in range(6):
        await outcome(local_site.auth.login("alice", "guess", Device("stranger", f"203.0.113.{number}")))
    assert isinstance(await outcome(local_site.auth.login("alice", PASSWORD, PHONE)), RateLimited)
    await local_site.auth.login("alice", PASSWORD, LAPTOP)


async def test_signing_in_hashes_a_password_anew_when_the_cost_has_changed(site: Installation) -> None:
    await new_account(site)
    dearer = Installation(site.database)
    dearer.hasher._cost = 5
    await dearer.auth.login("alice", PASSWORD, LAPTOP)
    assert (await site.query("SELECT password_hash FROM users"))[0][0].startswith("v2$$2b$05$")
    await dearer.auth.login("alice", PASSWORD, LAPTOP)
    assert dearer.hasher.hashed == 1
    dearer.close()


async def test_two_sign_ins_at_once_that_both_hash_anew_both_succeed(site: Installation) -> None:
    await new_account(site)
    site.hasher._cost = 5
    results = await asyncio.gather(*(outcome(site.auth.login("alice", PASSWORD, device)) for device in (LAPTOP, PHONE)))
    assert refusals(results) == []


# Device sessions


@pytest.mark.seed("S1-10")
@pytest.mark.seed("S1-11")
async def test_each_device_has_a_session_of_its_own(site: Installation) -> None:
    laptop = await new_account(site)
    site.clock.advance(minutes=1)
    phone = await site.auth.login("alice", PASSWORD, PHONE)
    await new_account(site, "bob")
    principal = await site.auth.authenticate(laptop.access_token)
    listed = await site.auth.sessions(principal)
    assert [(s.id, s.device_id, s.address, s.user_agent) for s in listed] == [
        (phone.session_id, "phone-1", "192.0.2.2", "Safari"),
        (laptop.session_id, "laptop-1", "192.0.2.1", "Firefox"),
    ]
    assert listed[0].last_seen_at == site.clock()
    assert listed[0].expires_at == site.clock() + 1440 * 3_600_000


async def test_signing_in_again_on_a_device_replaces_its_session(site: Installation) -> None:
    first = await new_account(site)
    second = await site.auth.login("alice", PASSWORD, LAPTOP)
    principal = await site.auth.authenticate(second.access_token)
    assert [session.id for session in await site.auth.sessions(principal)] == [second.session_id]
    with pytest.raises(Unauthenticated):
        await site.auth.authenticate(first.access_token)
    with pytest.raises(RefreshInvalid):
        await site.refresh(first.refresh_token)
    assert site.listener.ended == [first.session_id]


async def test_many_sign_ins_on_one_device_at_once_leave_one_session(site: Installation) -> None:
    await site.auth.create_user("alice", PASSWORD)
    results = await asyncio.gather(*(outcome(site.auth.login("alice", PASSWORD, LAPTOP)) for _ in range(5)))
    assert refusals(results) == []
    live = await site.query("SELECT id FROM device_sessions WHERE revoked_at IS NULL")
    assert len(live) == 1
    assert {result.session_id for result in results} - {live[0][0]} == set(site.listener.ended)


async def test_an_expired_session_does_not_keep_its_device_from_signing_in(site: Installation) -> None:
    await new_account(site)
    site.clock.advance(hours=1441)
    await site.auth.login("alice", PASSWORD, LAPTOP)


async def test_one_ends_ones_own_sessions_only(site: Installation) -> None:
    alice, bob = await new_account(site), await new_account(site, "bob")
    phone = await site.auth.login("alice", PASSWORD, PHONE)
    principal = await site.auth.authenticate(alice.access_token)
    for unknown in (bob.session_id, "0197b0f2-c1d0-7c3c-8000-000000000000", "x", "\x00", ""):
        with pytest.raises(SessionNotFound):
            await site.auth.revoke_session(principal, unknown)
    await site.auth.revoke_session(principal, phone.session_id)
    assert site.listener.ended == [phone.session_id]
    with pytest.raises(Unauthenticated):
        await site.auth.authenticate(phone.access_token)
    with pytest.raises(SessionNotFound):
        await site.auth.revoke_session(principal, phone.session_id)
    await site.auth.authenticate(bob.access_token)
    await site.auth.authenticate(alice.access_token)


async def test_a_sweep_finds_the_sessions_that_ended_anywhere(site: Installation) -> None:
    alice, bob = await new_account(site), await new_account(site, "bob")
    await site.auth.logout(refresh_token=bob.refresh_token, access_token=None)
    crowd = {f"unknown-{number}" for number in range(1200)}
    assert await site.auth.ended_among([]) == set()
    assert await site.auth.ended_among({alice.session_id, bob.session_id, *crowd}) == {bob.session_id, *crowd}


# Access tokens


async def test_an_access_token_ends_with_its_time_and_with_its_session(site: Installation) -> None:
    signed_in = await new_account(site)
    site.clock.advance(hours=24)
    with pytest.raises(TokenExpired):
        await site.auth.authenticate(signed_in.access_token)
    fresh = await site.refresh(signed_in.refresh_token)
    await site.auth.authenticate(fresh.access_token)


@pytest.mark.seed("S1-28")
@pytest.mark.parametrize("credential", ["refresh token", "access token", "spent refresh token", "both"])
async def test_logout_ends_the_session_at_once(site: Installation, credential: str) -> None:
    signed_in, other = await new_account(site), await new_account(site, "bob")
    phone = await site.auth.login("alice", PASSWORD, PHONE)
    refresh_token = signed_in.refresh_token
    if credential == "spent refresh token":
        signed_in = await site.refresh(refresh_token)
    await site.auth.logout(
        refresh_token=None if credential == "access token" else refresh_token,
        access_token=signed_in.access_token if credential in {"access token", "both"} else None,
    )
    with pytest.raises(Unauthenticated):
        await site.auth.authenticate(signed_in.access_token)
    with pytest.raises(RefreshInvalid):
        await site.refresh(signed_in.refresh_token)
    assert site.listener.ended == [signed_in.session_id]
    assert site.attempts("logout", "ok") == 1
    await site.auth.authenticate(phone.access_token)
    await site.auth.authenticate(other.access_token)


async def test_logout_ignores_credentials_that_are_no_good(site: Installation) -> None:
    signed_in = await new_account(site)
    for refresh_token, access_token in [(None, None), ("x", None), (None, "x"), ("\ud83d", "\ud83d")]:
        await site.auth.logout(refresh_token=refresh_token, access_token=access_token)
    await site.auth.authenticate(signed_in.access_token)
    assert site.listener.ended == []
    assert site.attempts("logout", "invalid") == 4


# Refresh


@pytest.mark.seed("S1-12")
@pytest.mark.seed("S1-27")
@pytest.mark.seed("S1-51")
async def test_refresh_rotates_the_token_keeps_the_device_and_slides_the_session(site: Installation) -> None:
    first = await new_account(site)
    site.clock.advance(hours=1439)
    second = await site.refresh(first.refresh_token, address="198.51.100.9", user_agent="Firefox 200")
    assert second.refresh_token != first.refresh_token
    assert second.session_id == first.session_id
    assert second.refresh_lifetime == timedelta(hours=1440)
    (session,) = await site.auth.sessions(await site.auth.authenticate(second.access_token))
    assert (session.device_id, session.address, session.user_agent) == ("laptop-1", "198.51.100.9", "Firefox 200")
    assert session.last_seen_at == site.clock()
    site.clock.advance(hours=1439)
    await site.refresh(second.refresh_token)
    site.clock.advance(hours=1440)
    assert site.attempts("refresh", "ok") == 2


async def test_a_refresh_token_expires(site: Installation) -> None:
    signed_in = await new_account(site)
    site.clock.advance(hours=1440)
    with pytest.raises(RefreshInvalid) as refused:
        await site.refresh(signed_in.refresh_token)
    assert (refused.value.code, refused.value.status) == ("refresh_invalid", 401)
    assert site.attempts("refresh", "invalid") == 1


@pytest.mark.parametrize("token", ["", "x", "\x00", "\ud83d", "x" * 10_000])
async def test_an_unknown_refresh_token_is_refused(site: Installation, token: str) -> None:
    with pytest.raises(RefreshInvalid):
        await site.refresh(token)


async def test_of_many_refreshes_at_once_one_rotates_and_the_others_get_the_same_successor(site: Installation) -> None:
    signed_in = await new_account(site)
    results = await asyncio.gather(*(outcome(site.refresh(signed_in.refresh_token)) for _ in range(5)))
    assert refusals(results) == []
    assert len({result.refresh_token for result in results}) == 1
    tokens = await site.query("SELECT token_hash, used_at IS NULL FROM refresh_tokens ORDER BY 2")
    assert [(row[0], bool(row[1])) for row in tokens] == [
        (fingerprint(signed_in.refresh_token), False),
        (fingerprint(results[0].refresh_token), True),
    ]
    for result in results:
        await site.auth.authenticate(result.access_token)
    await site.refresh(results[0].refresh_token)


async def test_of_two_refreshes_at_once_from_different_addresses_exactly_one_wins(site: Installation) -> None:
    signed_in = await new_account(site)
    results = await asyncio.gather(
        *(outcome(site.refresh(signed_in.refresh_token, address=address)) for address in ("192.0.2.1", "203.0.113.5"))
    )
    assert refusals(results) == [RefreshInvalid]
    (winner,) = [result for result in results if isinstance(result, SignedIn)]
    await site.refresh(winner.refresh_token)
    assert site.listener.ended == []


@pytest.mark.parametrize("device_id", [None, "laptop-1"])
async def test_a_lost_answer_can_be_asked_for_again_within_the_grace(site: Installation, device_id: str | None) -> None:
    first = await new_account(site)
    second = await site.refresh(first.refresh_token)
    site.clock.advance(seconds=10)
    again = await site.refresh(first.refresh_token, device_id=device_id)
    assert again.refresh_token == second.refresh_token
    assert again.refresh_lifetime == timedelta(hours=1440) - timedelta(seconds=10)
    await site.refresh(again.refresh_token)


@pytest.mark.parametrize(
    "stranger", [{"address": "203.0.113.5"}, {"device_id": "phone-1"}, {"device_id": "x", "address": "203.0.113.5"}]
)
async def test_within_the_grace_a_stranger_gets_nothing_and_ends_nothing(
    site: Installation, stranger: dict[str, str]
) -> None:
    first = await new_account(site)
    second = await site.refresh(first.refresh_token)
    with pytest.raises(RefreshInvalid) as refused:
        await site.refresh(first.refresh_token, **stranger)
    assert not isinstance(refused.value, RefreshReused)
    await site.refresh(second.refresh_token)


async def test_within_the_grace_a_successor_already_spent_is_not_given_again(site: Installation) -> None:
    first = await new_account(site)
    second = await site.refresh(first.refresh_token)
    await site.refresh(second.refresh_token)
    with pytest.raises(RefreshInvalid):
        await site.refresh(first.refresh_token)
    assert site.listener.ended == []


async def test_a_spent_token_after_the_grace_ends_the_session(
    site: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="auth")
    first = await new_account(site)
    phone = await site.auth.login("alice", PASSWORD, PHONE)
    second = await site.refresh(first.refresh_token)
    site.clock.advance(seconds=11)
    with pytest.raises(RefreshReused) as refused:
        await site.refresh(first.refresh_token)
    assert (refused.value.code, refused.value.status, refused.value.text) == (
        RefreshInvalid.code,
        RefreshInvalid.status,
        RefreshInvalid.text,
    )
    with pytest.raises(Unauthenticated):
        await site.auth.authenticate(second.access_token)
    with pytest.raises(RefreshInvalid):
        await site.refresh(second.refresh_token)
    await site.auth.authenticate(phone.access_token)
    assert site.listener.ended == [first.session_id]
    assert site.attempts("refresh", "reuse_detected") == 1
    assert "refresh token reused" in caplog.text


async def test_a_successor_can_be_found_only_with_the_secret(site: Installation) -> None:
    first = await new_account(site)
    second = await site.refresh(first.refresh_token)
    rotated = Installation(site.database)
    rotated.auth._successors = type(rotated.auth._successors)("another secret of 32 bytes at least")
    with pytest.raises(RefreshInvalid):  # the secret was changed in between: refused, not taken for theft
        await rotated.refresh(first.refresh_token)
    await rotated.refresh(second.refresh_token)
    rotated.close()


async def test_refreshes_from_one_address_are_limited(local_site: Installation) -> None:
    for _ in range(120):
        await outcome(local_site.refresh("x"))
    with pytest.raises(RateLimited):
        await local_site.refresh("x")


# Password


async def test_changing_the_password_ends_all_other_sessions(site: Installation) -> None:
    laptop = await new_account(site)
    phone = await site.auth.login("alice", PASSWORD, PHONE)
    bob = await new_account(site, "bob")
    principal = await site.auth.authenticate(laptop.access_token)
    await site.auth.change_password(principal, PASSWORD, "another long phrase")
    assert site.listener.ended == [phone.session_id]
    with pytest.raises(Unauthenticated):
        await site.auth.authenticate(phone.access_token)
    await site.auth.authenticate(laptop.access_token)
    await site.auth.authenticate(bob.access_token)
    await site.refresh(laptop.refresh_token)
    with pytest.raises(BadCredentials):
        await site.auth.login("alice", PASSWORD, PHONE)
    await site.auth.login("alice", "another long phrase", PHONE)


async def test_changing_the_password_needs_the_current_one_and_a_good_new_one(site: Installation) -> None:
    laptop = await new_account(site)
    principal = await site.auth.authenticate(laptop.access_token)
    with pytest.raises(InvalidInput) as refused:
        await site.auth.change_password(principal, PASSWORD, "alicealicealice")
    assert refused.value.field == "new"
    with pytest.raises(InvalidInput) as refused:
        await site.auth.change_password(principal, "x" * 1025, "another long phrase")
    assert refused.value.field == "current"
    for _ in range(5):
        with pytest.raises(BadCredentials):
            await site.auth.change_password(principal, "not the password", "another long phrase")
    with pytest.raises(RateLimited):
        await site.auth.change_password(principal, PASSWORD, "another long phrase")
    await site.auth.login("alice", PASSWORD, PHONE)
    assert site.attempts("password", "bad_credentials") == 5


async def test_a_sign_in_that_verified_the_old_password_does_not_outlive_its_change(site: Installation) -> None:
    laptop = await new_account(site)
    principal = await site.auth.authenticate(laptop.access_token)
    starting = site.store.start_session

    async def change_first(*arguments: Any, **keywords: Any) -> Any:
        site.store.start_session = starting  # type: ignore[method-assign]
        await site.auth.change_password(principal, PASSWORD, "another long phrase")
        return await starting(*arguments, **keywords)

    site.store.start_session = change_first  # type: ignore[method-assign]
    with pytest.raises(BadCredentials):
        await site.auth.login("alice", PASSWORD, PHONE)
    assert len(await site.auth.sessions(principal)) == 1


# Socket tickets


@pytest.fixture
def ticket_of(site: Installation) -> Callable[[SignedIn], Awaitable[str]]:
    async def issue(signed_in: SignedIn) -> str:
        return (await site.auth.issue_ticket(await site.auth.authenticate(signed_in.access_token))).ticket

    return issue


async def test_a_ticket_opens_one_socket(site: Installation, ticket_of: Callable[[SignedIn], Awaitable[str]]) -> None:
    signed_in = await new_account(site)
    site.clock.advance(minutes=5)
    ticket = await ticket_of(signed_in)
    principal = await site.auth.redeem_ticket(ticket)
    assert (principal.user_id, principal.username) == (signed_in.user_id, "alice")
    assert principal.session_id == signed_in.session_id
    (session,) = await site.auth.sessions(principal)
    assert session.last_seen_at == site.clock()
    assert principal.expires_at == session.expires_at
    with pytest.raises(Unauthenticated):
        await site.auth.redeem_ticket(ticket)
    assert (site.attempts("ws", "ok"), site.attempts("ws", "invalid")) == (1, 1)


async def test_of_many_redeeming_one_ticket_at_once_one_wins(
    site: Installation, ticket_of: Callable[[SignedIn], Awaitable[str]]
) -> None:
    ticket = await ticket_of(await new_account(site))
    results = await asyncio.gather(*(outcome(site.auth.redeem_ticket(ticket)) for _ in range(6)))
    assert refusals(results) == [Unauthenticated] * 5


async def test_a_ticket_is_good_for_thirty_seconds(
    site: Installation, ticket_of: Callable[[SignedIn], Awaitable[str]]
) -> None:
    signed_in = await new_account(site)
    in_time, too_late = await ticket_of(signed_in), await ticket_of(signed_in)
    site.clock.advance(seconds=30, milliseconds=-1)
    await site.auth.redeem_ticket(in_time)
    site.clock.advance(milliseconds=1)
    with pytest.raises(Unauthenticated):
        await site.auth.redeem_ticket(too_late)


async def test_a_ticket_dies_with_its_session_and_a_dead_session_gets_none(
    site: Installation, ticket_of: Callable[[SignedIn], Awaitable[str]]
) -> None:
    signed_in = await new_account(site)
    principal = await site.auth.authenticate(signed_in.access_token)
    ticket = await ticket_of(signed_in)
    await site.auth.logout(refresh_token=signed_in.refresh_token, access_token=None)
    with pytest.raises(Unauthenticated):
        await site.auth.redeem_ticket(ticket)
    with pytest.raises(Unauthenticated):
        await site.auth.issue_ticket(principal)


@pytest.mark.parametrize("ticket", ["", "x", "\x00", "\ud83d"])
async def test_an_unknown_ticket_is_refused(site: Installation, ticket: str) -> None:
    with pytest.raises(Unauthenticated):
        await site.auth.redeem_ticket(ticket)


# Logs


async def test_logs_hold_no_credentials(local_site: Installation, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", logger="auth")
    site = local_site
    first = await new_account(site)
    await outcome(site.auth.login("my password typed in the wrong box", "not the password", PHONE))
    second = await site.refresh(first.refresh_token)
    principal = await site.auth.authenticate(second.access_token)
    ticket = await site.auth.issue_ticket(principal)
    await site.auth.redeem_ticket(ticket.ticket)
    await site.auth.change_password(principal, PASSWORD, "another long phrase")
    site.clock.advance(seconds=11)
    await outcome(site.refresh(first.refresh_token))
    logged = repr([record.__dict__ for record in caplog.records])
    assert "refresh_token_reused" in logged
    for secret in (
        PASSWORD,
        "another long phrase",
        "not the password",
        "wrong box",
        first.refresh_token,
        second.refresh_token,
        second.access_token,
        ticket.ticket,
    ):
        assert secret not in logged
    assert repr(site.settings).count("[redacted]") == 2
    assert site.settings.secret not in repr(site.settings)


# An outage


async def test_an_error_of_the_database_is_not_called_a_taken_name(local_site: Installation) -> None:
    class Broken(AuthStore):
        async def insert_account(self, *_: Any) -> None:
            raise OSError("disk on fire")

    local_site.auth._store = Broken(local_site.database)
    with pytest.raises(OSError, match="on fire"):
        await local_site.auth.register("alice", PASSWORD, LAPTOP)
