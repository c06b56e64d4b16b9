"""What only the store and the operators see: the janitor, deletion, the guards of the schema."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from auth.errors import (
    BadCredentials,
    EmailTaken,
    InvalidInput,
    RefreshInvalid,
    Unauthenticated,
    UsernameTaken,
    UserNotFound,
)
from auth.store import DeviceSession, User
from tests.auth.fakes import LAPTOP, NOW, PASSWORD, PHONE, Installation

TABLES = ("users", "device_sessions", "refresh_tokens", "ws_tickets")


async def counts(site: Installation) -> dict[str, int]:
    return {table: (await site.query(f"SELECT count(*) FROM {table}"))[0][0] for table in TABLES}


async def test_the_janitor_deletes_what_is_over_and_nothing_else(site: Installation) -> None:
    alice = await site.auth.register("alice", PASSWORD, LAPTOP)
    phone = await site.auth.login("alice", PASSWORD, PHONE)
    await site.auth.issue_ticket(await site.auth.authenticate(alice.access_token))
    assert await site.auth.delete_expired() == 0
    assert await counts(site) == {"users": 1, "device_sessions": 2, "refresh_tokens": 2, "ws_tickets": 1}

    site.clock.advance(seconds=30)
    assert await site.auth.delete_expired() == 1
    assert (await counts(site))["ws_tickets"] == 0

    site.clock.advance(hours=1)
    alice = await site.refresh(alice.refresh_token)
    site.clock.advance(hours=1439)  # the phone's session and token are over, and the laptop's first token
    assert await site.auth.delete_expired() == 3
    assert await counts(site) == {"users": 1, "device_sessions": 1, "refresh_tokens": 1, "ws_tickets": 0}
    await site.refresh(alice.refresh_token)
    with pytest.raises(RefreshInvalid):
        await site.refresh(phone.refresh_token)


async def test_the_janitor_deletes_ended_sessions_with_all_their_tokens(site: Installation) -> None:
    alice = await site.auth.register("alice", PASSWORD, LAPTOP)
    alice = await site.refresh(alice.refresh_token)
    await site.auth.issue_ticket(await site.auth.authenticate(alice.access_token))
    await site.auth.logout(refresh_token=alice.refresh_token, access_token=None)
    await site.auth.delete_expired()
    assert await counts(site) == {"users": 1, "device_sessions": 0, "refresh_tokens": 0, "ws_tickets": 0}
    with pytest.raises(Unauthenticated):
        await site.auth.authenticate(alice.access_token)


async def test_the_janitor_works_in_batches(site: Installation) -> None:
    user_id = await site.auth.create_user("alice", PASSWORD)
    async with site.database.write() as connection:
        for number in range(7):
            row = {"id": f"s{number}", "user": user_id, "device": f"d{number}", "end": NOW - number}
            await connection.execute(
                text("INSERT INTO device_sessions VALUES (:id, :user, :device, '', '', 0, 0, :end, NULL)"), row
            )
    assert await site.store.delete_expired(NOW, 3) == 3
    left = await site.query("SELECT id FROM device_sessions ORDER BY id")
    assert left == [("s0",), ("s1",), ("s2",), ("s3",)]  # the oldest went first
    assert await site.auth.delete_expired(batch=3) == 4
    assert await site.query("SELECT id FROM device_sessions") == []


async def test_operators_create_accounts(site: Installation) -> None:
    user_id = await site.auth.create_user("Alice", PASSWORD, "Alice@Example.org")
    assert await site.query("SELECT id, username, email FROM users") == [(user_id, "Alice", "alice@example.org")]
    with pytest.raises(UsernameTaken):
        await site.auth.create_user("aLICE", PASSWORD)
    with pytest.raises(UsernameTaken):  # the name is what one is told of first
        await site.auth.create_user("alice", PASSWORD, "alice@example.org")
    with pytest.raises(EmailTaken):
        await site.auth.create_user("bob", PASSWORD, "ALICE@example.org")
    await site.auth.create_user("bob", PASSWORD)
    await site.auth.create_user("carol", PASSWORD)  # no address is not an address that two share
    for username, password, email in [("x", PASSWORD, None), ("dave", "short", None), ("dave", PASSWORD, "dave")]:
        with pytest.raises(InvalidInput):
            await site.auth.create_user(username, password, email)
    assert (await counts(site))["users"] == 3


async def test_operators_set_passwords_which_ends_all_sessions(site: Installation) -> None:
    alice = await site.auth.register("alice", PASSWORD, LAPTOP)
    phone = await site.auth.login("alice", PASSWORD, PHONE)
    bob = await site.auth.register("bob", PASSWORD, LAPTOP)
    await site.auth.set_password("ALICE", "another long phrase")
    assert set(site.listener.ended) == {alice.session_id, phone.session_id}
    for ended in (alice, phone):
        with pytest.raises(Unauthenticated):
            await site.auth.authenticate(ended.access_token)
    await site.auth.authenticate(bob.access_token)
    with pytest.raises(BadCredentials):
        await site.auth.login("alice", PASSWORD, LAPTOP)
    await site.auth.login("alice", "another long phrase", LAPTOP)
    for login in ("nobody", "not a name"):
        with pytest.raises(UserNotFound):
            await site.auth.set_password(login, PASSWORD)
    with pytest.raises(InvalidInput):
        await site.auth.set_password("alice", "short")


async def test_operators_delete_accounts_with_all_they_own(site: Installation) -> None:
    alice = await site.auth.register("alice", PASSWORD, LAPTOP)
    await site.auth.register("bob", PASSWORD, PHONE)
    principal = await site.auth.authenticate(alice.access_token)
    await site.auth.issue_ticket(principal)
    async with site.database.write() as connection:
        columns = "id, owner_id, name, guests_allowed, max_members, created_at, updated_at"
        room = f"INSERT INTO rooms ({columns}) VALUES ('standup', :owner, '', TRUE, 8, 0, 0)"
        await connection.execute(text(room), {"owner": alice.user_id})
    await site.auth.delete_user("alice")
    assert await counts(site) == {"users": 1, "device_sessions": 1, "refresh_tokens": 1, "ws_tickets": 0}
    assert await site.query("SELECT id FROM rooms") == []
    assert site.listener.ended == [alice.session_id]
    with pytest.raises(Unauthenticated):
        await site.auth.authenticate(alice.access_token)
    with pytest.raises(BadCredentials):
        await site.auth.change_password(principal, PASSWORD, "another long phrase")
    with pytest.raises(UserNotFound):
        await site.auth.delete_user("alice")
    await site.auth.register("alice", PASSWORD, LAPTOP)


@pytest.mark.seed("S1-41")
async def test_the_schema_itself_allows_one_active_session_per_device(site: Installation) -> None:
    await site.store.insert_user(User(1, "alice", None, "x"), NOW)
    for number, device in enumerate(["laptop", "phone"]):
        session = DeviceSession(f"s{number}", 1, device, "", "", NOW, NOW, NOW + 1)
        await site.store.start_session(session, f"t{number}", verified_hash="x", new_hash="x")
    with pytest.raises(IntegrityError):
        async with site.database.write() as connection:
            await connection.execute(
                text("INSERT INTO device_sessions VALUES ('s2', 1, 'laptop', '', '', 0, 0, 1, NULL)")
            )


async def test_a_session_starts_only_with_the_password_that_was_verified(site: Installation) -> None:
    await site.store.insert_user(User(1, "alice", None, "x"), NOW)
    session = DeviceSession("s", 1, "laptop", "", "", NOW, NOW, NOW + 1)
    assert await site.store.start_session(session, "t", verified_hash="y", new_hash="z") is None
    assert await counts(site) == {"users": 1, "device_sessions": 0, "refresh_tokens": 0, "ws_tickets": 0}
    assert await site.store.start_session(session, "t", verified_hash="x", new_hash="z") == []
    assert await site.query("SELECT password_hash FROM users") == [("z",)]
