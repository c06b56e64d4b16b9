"""Users, device sessions, refresh tokens and socket tickets in the database.

Times are epoch milliseconds; secrets come in as their SHA-256. A session is live while it is neither revoked nor
expired; revoking one also sets its `expires_at`, so the janitor finds both by one index.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.errors import EmailTaken, UsernameTaken
from auth.ports import Database

_IDS_AT_ONCE = 500


class UserIdTaken(Exception):
    """Another account has this id; try with a fresh one."""


@dataclass(frozen=True, slots=True)
class User:
    """A row of `users`. `email` is in lower case."""

    id: int
    username: str
    email: str | None
    password_hash: str


@dataclass(frozen=True, slots=True)
class DeviceSession:
    """A row of `device_sessions`: one device on which a user is signed in."""

    id: str
    user_id: int
    device_id: str
    user_agent: str
    address: str
    created_at: int
    last_seen_at: int
    expires_at: int


@dataclass(frozen=True, slots=True)
class Owner:
    """A live session and whose it is."""

    session_id: str
    user_id: int
    username: str
    device_id: str
    address: str
    expires_at: int


@dataclass(frozen=True, slots=True)
class SpentToken:
    """A refresh token that was exchanged before, of a session that is still live.

    `successor_expires_at` is None unless the token it was exchanged for is still unspent.
    """

    owner: Owner
    used_at: int
    successor_expires_at: int | None


_INSERT_USER = text("""
    INSERT INTO users (id, username, username_key, email, password_hash, created_at, updated_at)
    VALUES (:id, :username, :username_key, :email, :password_hash, :now, :now)
    ON CONFLICT DO NOTHING
    RETURNING id
""")

_SELECT_USER_CONFLICT = text("""
    SELECT username_key = :username_key FROM users WHERE username_key = :username_key OR email = :email
    ORDER BY 1 DESC LIMIT 1
""")

_SELECT_USER_BY_LOGIN = text("""
    SELECT id, username, email, password_hash FROM users WHERE username_key = :key OR email = :key
""")

_SELECT_USER_BY_ID = text("SELECT id, username, email, password_hash FROM users WHERE id = :id")

# Also the lock of the user's row: what signs in or changes a password goes one after the other.
_REPLACE_PASSWORD = text("""
    UPDATE users SET password_hash = :new_hash, updated_at = :now
    WHERE id = :user_id AND password_hash = :verified_hash
    RETURNING id
""")

_SET_PASSWORD = text("""
    UPDATE users SET password_hash = :new_hash, updated_at = :now WHERE id = :user_id RETURNING id
""")

_DELETE_USER = text("DELETE FROM users WHERE id = :user_id RETURNING id")

_INSERT_SESSION = text("""
    INSERT INTO device_sessions
        (id, user_id, device_id, user_agent, address, created_at, last_seen_at, expires_at, revoked_at)
    VALUES (:id, :user_id, :device_id, :user_agent, :address, :created_at, :last_seen_at, :expires_at, NULL)
""")

_SELECT_SESSIONS = text("""
    SELECT id, user_id, device_id, user_agent, address, created_at, last_seen_at, expires_at FROM device_sessions
    WHERE user_id = :user_id AND revoked_at IS NULL AND expires_at > :now
    ORDER BY last_seen_at DESC, id DESC
""")

_SELECT_OWNER = text("""
    SELECT s.id, s.user_id, u.username, s.device_id, s.address, s.expires_at
    FROM device_sessions s JOIN users u ON u.id = s.user_id
    WHERE s.id = :session_id AND s.revoked_at IS NULL AND s.expires_at > :now
""")

_SELECT_LIVE = text("""
    SELECT id FROM device_sessions WHERE id IN :ids AND revoked_at IS NULL AND expires_at > :now
""").bindparams(bindparam("ids", expanding=True))

_TOUCH_SESSION = text("""
    UPDATE device_sessions SET last_seen_at = :now
    WHERE id = :session_id AND revoked_at IS NULL AND expires_at > :now
    RETURNING id
""")

_SLIDE_SESSION = text("""
    UPDATE device_sessions
    SET last_seen_at = :now, expires_at = :expires_at, address = :address, user_agent = :user_agent
    WHERE id = :session_id AND revoked_at IS NULL AND expires_at > :now
    RETURNING id
""")

_REVOKE_SESSION = text("""
    UPDATE device_sessions SET revoked_at = :now, expires_at = :now
    WHERE id = :session_id AND user_id = :user_id AND revoked_at IS NULL AND expires_at > :now
    RETURNING id
""")

_REVOKE_SESSION_OF_TOKEN = text("""
    UPDATE device_sessions SET revoked_at = :now, expires_at = :now
    WHERE id = (SELECT session_id FROM refresh_tokens WHERE token_hash = :token_hash)
        AND revoked_at IS NULL AND expires_at > :now
    RETURNING id
""")

# Expired ones too: the unique index on active sessions does not know the time.
_REVOKE_SESSION_OF_DEVICE = text("""
    UPDATE device_sessions SET revoked_at = :now, expires_at = :now
    WHERE user_id = :user_id AND device_id = :device_id AND revoked_at IS NULL
    RETURNING id
""")

_REVOKE_SESSIONS_OF_USER = text("""
    UPDATE device_sessions SET revoked_at = :now, expires_at = :now
    WHERE user_id = :user_id AND id <> :kept_id AND revoked_at IS NULL
    RETURNING id
""")

_INSERT_REFRESH_TOKEN = text("""
    INSERT INTO refresh_tokens (token_hash, session_id, issued_at, expires_at, used_at)
    VALUES (:token_hash, :session_id, :now, :expires_at, NULL)
""")

_SPEND_REFRESH_TOKEN = text("""
    UPDATE refresh_tokens SET used_at = :now
    WHERE token_hash = :token_hash AND used_at IS NULL AND expires_at > :now
    RETURNING session_id
""")

_SELECT_SPENT_TOKEN = text("""
    SELECT s.id, s.user_id, u.username, s.device_id, s.address, s.expires_at, t.used_at, successor.expires_at
    FROM refresh_tokens t
    JOIN device_sessions s ON s.id = t.session_id AND s.revoked_at IS NULL AND s.expires_at > :now
    JOIN users u ON u.id = s.user_id
    LEFT JOIN refresh_tokens successor
        ON successor.token_hash = :successor_hash AND successor.used_at IS NULL AND successor.expires_at > :now
    WHERE t.token_hash = :token_hash AND t.used_at IS NOT NULL
""")

_INSERT_TICKET = text("""
    INSERT INTO ws_tickets (ticket_hash, session_id, expires_at) VALUES (:ticket_hash, :session_id, :expires_at)
""")

_REDEEM_TICKET = text("""
    DELETE FROM ws_tickets
    WHERE ticket_hash = :ticket_hash AND expires_at > :now AND EXISTS (
        SELECT 1 FROM device_sessions s
        WHERE s.id = ws_tickets.session_id AND s.revoked_at IS NULL AND s.expires_at > :now
    )
    RETURNING session_id
""")

_DELETE_EXPIRED = (  # children first, so that deleting a session seldom cascades far
    text("""
        DELETE FROM ws_tickets WHERE ticket_hash IN (
            SELECT ticket_hash FROM ws_tickets WHERE expires_at <= :now ORDER BY expires_at LIMIT :batch)
    """),
    text("""
        DELETE FROM refresh_tokens WHERE token_hash IN (
            SELECT token_hash FROM refresh_tokens WHERE expires_at <= :now ORDER BY expires_at LIMIT :batch)
    """),
    text("""
        DELETE FROM device_sessions WHERE id IN (
            SELECT id FROM device_sessions WHERE expires_at <= :now ORDER BY expires_at LIMIT :batch)
    """),
)


class AuthStore:
    """The SQL of the auth package. Every method is one transaction, or one per batch."""

    def __init__(self, database: Database[AsyncConnection]) -> None:
        self._database = database

    async def insert_user(self, user: User, now: int) -> None:
        """Store a new account. Raises `UsernameTaken`, `EmailTaken`, `UserIdTaken`."""
        async with self._database.write() as connection:
            await _insert_user(connection, user, now)

    async def insert_account(self, user: User, session: DeviceSession, token_hash: str) -> None:
        """Store a new account with its first session and refresh token.

        Raises `UsernameTaken`, `EmailTaken`, `UserIdTaken`.
        """
        async with self._database.write() as connection:
            await _insert_user(connection, user, session.created_at)
            await _insert_session(connection, session, token_hash)

    async def select_user_by_login(self, key: str) -> User | None:
        """Return the account with this username or e-mail address, both given as `rules.login_key` makes them."""
        async with self._database.read() as connection:
            row = (await connection.execute(_SELECT_USER_BY_LOGIN, {"key": key})).one_or_none()
        return None if row is None else User(*row)

    async def select_user(self, user_id: int) -> User | None:
        """Return the account with this id."""
        async with self._database.read() as connection:
            row = (await connection.execute(_SELECT_USER_BY_ID, {"id": user_id})).one_or_none()
        return None if row is None else User(*row)

    async def start_session(
        self, session: DeviceSession, token_hash: str, *, verified_hash: str, new_hash: str
    ) -> list[str] | None:
        """Start a session in place of the one on the same device; return the ids of the sessions that this ended.

        None, and nothing is changed, if the password is no longer the one that was verified. `new_hash` replaces it
        (the same value, or the password hashed anew).
        """
        changed = {"user_id": session.user_id, "verified_hash": verified_hash, "new_hash": new_hash}
        async with self._database.write() as connection:
            if (await connection.execute(_REPLACE_PASSWORD, changed | {"now": session.created_at})).first() is None:
                return None
            device = {"user_id": session.user_id, "device_id": session.device_id, "now": session.created_at}
            ended = (await connection.execute(_REVOKE_SESSION_OF_DEVICE, device)).scalars().all()
            await _insert_session(connection, session, token_hash)
        return list(ended)

    async def rotate(
        self, token_hash: str, successor_hash: str, *, address: str, user_agent: str, now: int, expires_at: int
    ) -> Owner | None:
        """Spend a refresh token, store its successor and slide the session to `expires_at`.

        None if the token is not there to be spent, or its session is not live (then it is spent for nothing). Of two at
        once one wins.
        """
        async with self._database.write() as connection:
            spend = {"token_hash": token_hash, "now": now}
            session_id = (await connection.execute(_SPEND_REFRESH_TOKEN, spend)).scalar_one_or_none()
            if session_id is None:
                return None
            at = {"session_id": session_id, "now": now}
            slide = at | {"expires_at": expires_at, "address": address, "user_agent": user_agent}
            if (await connection.execute(_SLIDE_SESSION, slide)).first() is None:
                return None
            successor = {"token_hash": successor_hash, "session_id": session_id, "expires_at": expires_at, "now": now}
            await connection.execute(_INSERT_REFRESH_TOKEN, successor)
            return Owner(*(await connection.execute(_SELECT_OWNER, at)).one())

    async def select_spent_token(self, token_hash: str, successor_hash: str, now: int) -> SpentToken | None:
        """Return what is known of a spent refresh token of a live session."""
        parameters = {"token_hash": token_hash, "successor_hash": successor_hash, "now": now}
        async with self._database.read() as connection:
            row = (await connection.execute(_SELECT_SPENT_TOKEN, parameters)).one_or_none()
        return None if row is None else SpentToken(Owner(*row[:6]), used_at=row[6], successor_expires_at=row[7])

    async def select_sessions(self, user_id: int, now: int) -> list[DeviceSession]:
        """Return the live sessions of a user, the one used last first."""
        async with self._database.read() as connection:
            rows = (await connection.execute(_SELECT_SESSIONS, {"user_id": user_id, "now": now})).all()
        return [DeviceSession(*row) for row in rows]

    async def select_owner(self, session_id: str, now: int) -> Owner | None:
        """Return whose live session this is."""
        async with self._database.read() as connection:
            row = (await connection.execute(_SELECT_OWNER, {"session_id": session_id, "now": now})).one_or_none()
        return None if row is None else Owner(*row)

    async def select_live(self, session_ids: Collection[str], now: int) -> set[str]:
        """Return which of these sessions are live."""
        ids = list(session_ids)
        live: set[str] = set()
        async with self._database.read() as connection:
            for start in range(0, len(ids), _IDS_AT_ONCE):
                batch = {"ids": ids[start : start + _IDS_AT_ONCE], "now": now}
                live.update((await connection.execute(_SELECT_LIVE, batch)).scalars())
        return live

    async def revoke_session(self, session_id: str, user_id: int, now: int) -> bool:
        """End a live session of this user; false if there is none."""
        parameters = {"session_id": session_id, "user_id": user_id, "now": now}
        async with self._database.write() as connection:
            return (await connection.execute(_REVOKE_SESSION, parameters)).first() is not None

    async def revoke_session_of_token(self, token_hash: str, now: int) -> str | None:
        """End the live session to which a refresh token, spent or not, belongs; return its id."""
        parameters = {"token_hash": token_hash, "now": now}
        async with self._database.write() as connection:
            ended: str | None = (await connection.execute(_REVOKE_SESSION_OF_TOKEN, parameters)).scalar_one_or_none()
        return ended

    async def revoke_sessions_of_user(self, user_id: int, now: int) -> list[str]:
        """End every session of a user; return their ids."""
        async with self._database.write() as connection:
            return await _revoke_sessions_of_user(connection, user_id, now)

    async def change_password(
        self, user_id: int, *, verified_hash: str, new_hash: str, kept_session_id: str, now: int
    ) -> list[str] | None:
        """Change the password and end every session but one; return the ids of the ended ones.

        None, and nothing is changed, if the password is no longer the one that was verified.
        """
        parameters = {"user_id": user_id, "verified_hash": verified_hash, "new_hash": new_hash, "now": now}
        async with self._database.write() as connection:
            if (await connection.execute(_REPLACE_PASSWORD, parameters)).first() is None:
                return None
            return await _revoke_sessions_of_user(connection, user_id, now, kept_session_id)

    async def set_password(self, user_id: int, new_hash: str, now: int) -> list[str] | None:
        """Set the password and end every session; return their ids, or None if there is no such user."""
        parameters = {"user_id": user_id, "new_hash": new_hash, "now": now}
        async with self._database.write() as connection:
            if (await connection.execute(_SET_PASSWORD, parameters)).first() is None:
                return None
            return await _revoke_sessions_of_user(connection, user_id, now)

    async def delete_user(self, user_id: int) -> bool:
        """Delete an account with all it owns; false if there is none.

        End its sessions first: a refresh in flight locks its token and then its session, this the other way round.
        """
        async with self._database.write() as connection:
            return (await connection.execute(_DELETE_USER, {"user_id": user_id})).first() is not None

    async def insert_ticket(self, ticket_hash: str, session_id: str, *, now: int, expires_at: int) -> bool:
        """Store a socket ticket and note that its session was seen; false if the session is not live."""
        async with self._database.write() as connection:
            seen = await connection.execute(_TOUCH_SESSION, {"session_id": session_id, "now": now})
            if seen.first() is None:
                return False
            ticket = {"ticket_hash": ticket_hash, "session_id": session_id, "expires_at": expires_at}
            await connection.execute(_INSERT_TICKET, ticket)
        return True

    async def redeem_ticket(self, ticket_hash: str, now: int) -> Owner | None:
        """Use up a ticket and return whose it was; None if it is unknown, used, expired or its session is not live."""
        async with self._database.write() as connection:
            redeem = {"ticket_hash": ticket_hash, "now": now}
            session_id = (await connection.execute(_REDEEM_TICKET, redeem)).scalar_one_or_none()
            if session_id is None:
                return None
            owner = await connection.execute(_SELECT_OWNER, {"session_id": session_id, "now": now})
            row = owner.one_or_none()
        return None if row is None else Owner(*row)

    async def delete_expired(self, now: int, batch: int) -> int:
        """Delete up to `batch` expired rows of each table, one short transaction per table; return how many."""
        deleted = 0
        for statement in _DELETE_EXPIRED:
            async with self._database.write() as connection:
                deleted += (await connection.execute(statement, {"now": now, "batch": batch})).rowcount
        return deleted


async def _insert_user(connection: AsyncConnection, user: User, now: int) -> None:
    key = {"username_key": user.username.casefold(), "email": user.email}
    row = {"id": user.id, "username": user.username, "password_hash": user.password_hash, "now": now} | key
    if (await connection.execute(_INSERT_USER, row)).first() is not None:
        return
    same_name = (await connection.execute(_SELECT_USER_CONFLICT, key)).scalar_one_or_none()
    if same_name is None:
        raise UserIdTaken
    raise UsernameTaken if same_name else EmailTaken


async def _insert_session(connection: AsyncConnection, session: DeviceSession, token_hash: str) -> None:
    row = {name: getattr(session, name) for name in DeviceSession.__slots__}
    await connection.execute(_INSERT_SESSION, row)
    token = {"token_hash": token_hash, "session_id": session.id, "expires_at": session.expires_at}
    await connection.execute(_INSERT_REFRESH_TOKEN, token | {"now": session.created_at})


async def _revoke_sessions_of_user(
    connection: AsyncConnection, user_id: int, now: int, kept_session_id: str = ""
) -> list[str]:
    parameters = {"user_id": user_id, "kept_id": kept_session_id, "now": now}
    return list((await connection.execute(_REVOKE_SESSIONS_OF_USER, parameters)).scalars().all())
