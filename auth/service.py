"""What one can do about one's identity: register, sign in, stay signed in, leave."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from auth import rules
from auth.attempts import AttemptLimiter, admit
from auth.errors import (
    AuthError,
    BadCredentials,
    Busy,
    RefreshInvalid,
    RefreshReused,
    SessionNotFound,
    Unauthenticated,
    UsernameTaken,
    UserNotFound,
)
from auth.ids import fingerprint, is_uuid, new_secret, new_user_id, new_uuid7
from auth.metrics import AuthMetrics
from auth.passwords import PasswordHasher, check_policy, check_size
from auth.ports import Clock, RandomBytes, SessionListener
from auth.principal import Device, Principal
from auth.settings import AuthSettings
from auth.store import AuthStore, DeviceSession, Owner, User, UserIdTaken
from auth.tokens import AccessTokens, RefreshSuccessors

_log = logging.getLogger(__name__)

_ID_TRIES = 5
_JANITOR_BATCH = 500


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A device session just begun or continued, with its two tokens and how long the refresh token is good."""

    user_id: int
    username: str
    session_id: str
    access_token: str
    refresh_token: str
    refresh_lifetime: timedelta


@dataclass(frozen=True, slots=True)
class Ticket:
    """A single-use ticket for a socket and how long it is good for."""

    ticket: str
    lifetime: timedelta


class AuthService:
    """Identity of the people who use one installation.

    `listener` hears of every session that ends before its time, after the end is committed.
    """

    def __init__(
        self,
        settings: AuthSettings,
        *,
        store: AuthStore,
        hasher: PasswordHasher,
        metrics: AuthMetrics,
        listener: SessionListener,
        clock: Clock,
        random_bytes: RandomBytes = secrets.token_bytes,
    ) -> None:
        self._store = store
        self._hasher = hasher
        self._metrics = metrics
        self._listener = listener
        self._clock = clock
        self._random_bytes = random_bytes
        self._attempts = AttemptLimiter(scale=settings.limits_scale)
        self._tokens = AccessTokens(
            settings.secret,
            issuer=settings.issuer,
            audience=settings.audience,
            ttl=settings.access_ttl,
            clock=clock,
            random_bytes=random_bytes,
        )
        self._successors = RefreshSuccessors(settings.secret)
        self._refresh_ttl_ms = _milliseconds(settings.refresh_ttl)
        self._grace_ms = _milliseconds(settings.refresh_grace)
        self._ticket_ttl = settings.ticket_ttl

    # Signing in and out

    async def register(self, username: str, password: str, device: Device) -> SignedIn:
        """Create an account and sign it in on `device`.

        Raises `InvalidInput`, `UsernameTaken`, `RateLimited`, `Busy`.
        """
        with self._metrics.counting("register"):
            rules.check_username(username)
            check_policy(password, username=username)
            admit(self._attempts.register(device.address, self._clock()))
            if await self._store.select_user_by_login(rules.username_key(username)):
                raise UsernameTaken  # before a quarter of a second of hashing; the insert below decides
            user, session, token = await self._insert_account(username, await self._hasher.hash(password), device)
        self._attempts.remember(rules.username_key(username), device.device_id)
        _audit("user_registered", userID=user.id, username=username, session_id=session.id)
        return self._signed_in(user, session.id, token, session.expires_at)

    async def login(self, login: str, password: str, device: Device) -> SignedIn:
        """Sign in with a username or an e-mail address; on the same device this ends the session before.

        An unknown name costs what a wrong password costs. Raises `InvalidInput` (a password no account can have),
        `BadCredentials`, `RateLimited`, `Busy`.
        """
        with self._metrics.counting("login"):
            check_size(password)
            key = rules.login_key(login)
            account = login.casefold() if key is None else key
            attempt = self._attempts.login(account, device.device_id, device.address, self._clock())
            with self._attempts.deciding(attempt):
                user, session, token = await self._login(key, password, device)
        self._attempts.remember(account, device.device_id)
        _audit("session_started", userID=user.id, username=user.username, session_id=session.id)
        return self._signed_in(user, session.id, token, session.expires_at)

    async def refresh(self, refresh_token: str, *, address: str, user_agent: str, device_id: str | None) -> SignedIn:
        """Exchange a refresh token for its successor; the session keeps its device and slides on.

        Within the grace after the exchange, the device that made it may ask again (its answer may have been lost) and
        gets the same successor: from the same address, with the same `device_id` if it sends one, while the successor
        is unspent. After the grace a spent token means that two parties hold it: the session ends.

        Raises `RefreshInvalid`, `RefreshReused`, `RateLimited`.
        """
        with self._metrics.counting("refresh"):
            now = self._clock()
            admit(self._attempts.refresh(address, now))
            successor = self._successors.of(refresh_token)
            hashes = fingerprint(refresh_token), fingerprint(successor)
            expires_at = now + self._refresh_ttl_ms
            agent = rules.tidy_user_agent(user_agent)
            owner = await self._store.rotate(*hashes, address=address, user_agent=agent, now=now, expires_at=expires_at)
            if owner is None:
                owner, expires_at = await self._repeat_refresh(*hashes, address=address, device_id=device_id, now=now)
        self._attempts.remember(rules.username_key(owner.username), owner.device_id)
        return self._signed_in(owner, owner.session_id, successor, expires_at)

    async def logout(self, *, refresh_token: str | None, access_token: str | None) -> None:
        """End the sessions that the credentials belong to, at once. Credentials that are no good are ignored."""
        ended: set[str] = set()
        now = self._clock()
        if refresh_token is not None:
            session_id = await self._store.revoke_session_of_token(fingerprint(refresh_token), now)
            ended.update([session_id] if session_id else [])
        if access_token is not None:
            try:
                claims = self._tokens.verify(access_token)
            except AuthError:
                pass
            else:
                if await self._store.revoke_session(claims.session_id, claims.user_id, now):
                    ended.add(claims.session_id)
        self._metrics.attempt("logout", "ok" if ended else "invalid")
        await self._tell_ended(ended, reason="logout")

    # Being signed in

    async def authenticate(self, access_token: str) -> Principal:
        """Return who holds this access token. Raises `TokenExpired`, `Unauthenticated` (also if the session ended)."""
        claims = self._tokens.verify(access_token)
        owner = await self._store.select_owner(claims.session_id, self._clock())
        if owner is None or owner.user_id != claims.user_id:
            raise Unauthenticated
        return Principal(owner.user_id, owner.username, owner.session_id, claims.expires_at)

    async def issue_ticket(self, principal: Principal) -> Ticket:
        """Return a ticket with which a socket opens as `principal`. Raises `Unauthenticated` if the session ended."""
        ticket = new_secret(self._random_bytes)
        now = self._clock()
        live = await self._store.insert_ticket(
            fingerprint(ticket), principal.session_id, now=now, expires_at=now + _milliseconds(self._ticket_ttl)
        )
        if not live:
            raise Unauthenticated
        return Ticket(ticket, self._ticket_ttl)

    async def redeem_ticket(self, ticket: str) -> Principal:
        """Use up a ticket and return who opened it; good as long as the device session. Raises `Unauthenticated`."""
        with self._metrics.counting("ws"):
            owner = await self._store.redeem_ticket(fingerprint(ticket), self._clock())
            if owner is None:
                raise Unauthenticated
        return Principal(owner.user_id, owner.username, owner.session_id, owner.expires_at)

    async def ended_among(self, session_ids: Collection[str]) -> set[str]:
        """Return which of these sessions are not live, wherever they were ended: for a sweep over open sockets."""
        return set(session_ids) - await self._store.select_live(session_ids, self._clock())

    async def sessions(self, principal: Principal) -> list[DeviceSession]:
        """Return the live sessions of the user, the one used last first."""
        return await self._store.select_sessions(principal.user_id, self._clock())

    async def revoke_session(self, principal: Principal, session_id: str) -> None:
        """End one of the user's sessions. Raises `SessionNotFound`, also for a session of somebody else."""
        if not is_uuid(session_id):
            raise SessionNotFound
        if not await self._store.revoke_session(session_id, principal.user_id, self._clock()):
            raise SessionNotFound
        await self._tell_ended([session_id], reason="revoked")

    async def change_password(self, principal: Principal, current: str, new: str) -> None:
        """Change the password and end all other sessions of the user.

        Raises `BadCredentials` (the current one is wrong), `InvalidInput`, `RateLimited`, `Busy`.
        """
        with self._metrics.counting("password"):
            check_size(current, field="current")
            check_policy(new, username=principal.username, field="new")
            with self._attempts.deciding(self._attempts.password(principal.user_id, self._clock())):
                ended = await self._change_password(principal, current, new)
        _audit("password_changed", userID=principal.user_id, username=principal.username)
        await self._tell_ended(ended, reason="password_changed")

    # For operators

    async def create_user(self, username: str, password: str, email: str | None = None) -> int:
        """Create an account and return its id. Raises `InvalidInput`, `UsernameTaken`, `EmailTaken`."""
        rules.check_username(username)
        check_policy(password, username=username)
        address = None if email is None else rules.check_email(email)
        password_hash = await self._hasher.hash(password)
        for _ in range(_ID_TRIES):
            now = self._clock()
            user = User(new_user_id(now, self._random_bytes), username, address, password_hash)
            try:
                await self._store.insert_user(user, now)
            except UserIdTaken:
                continue
            _audit("user_created", userID=user.id, username=username)
            return user.id
        raise UserIdTaken

    async def set_password(self, login: str, password: str) -> None:
        """Set somebody's password and end all of their sessions. Raises `UserNotFound`, `InvalidInput`."""
        user = await self._user(login)
        check_policy(password, username=user.username)
        ended = await self._store.set_password(user.id, await self._hasher.hash(password), self._clock())
        if ended is None:
            raise UserNotFound
        _audit("password_set", userID=user.id, username=user.username)
        await self._tell_ended(ended, reason="password_set")

    async def delete_user(self, login: str) -> None:
        """Delete an account with all it owns. Raises `UserNotFound`."""
        user = await self._user(login)
        ended = set(await self._store.revoke_sessions_of_user(user.id, self._clock()))
        if not await self._store.delete_user(user.id):
            raise UserNotFound
        _audit("user_deleted", userID=user.id, username=user.username)
        await self._tell_ended(ended, reason="user_deleted")

    async def delete_expired(self, batch: int = _JANITOR_BATCH) -> int:
        """Delete expired sessions, tokens and tickets, `batch` rows of a table at a time; return how many."""
        total = 0
        while deleted := await self._store.delete_expired(self._clock(), batch):
            total += deleted
        return total

    # Steps

    async def _insert_account(
        self, username: str, password_hash: str, device: Device
    ) -> tuple[User, DeviceSession, str]:
        for _ in range(_ID_TRIES):
            user = User(new_user_id(self._clock(), self._random_bytes), username, None, password_hash)
            session, token = self._new_session(user.id, device)
            try:
                await self._store.insert_account(user, session, fingerprint(token))
            except UserIdTaken:
                continue
            return user, session, token
        raise UserIdTaken

    async def _login(self, key: str | None, password: str, device: Device) -> tuple[User, DeviceSession, str]:
        for _ in range(2):  # again if another sign-in has just stored the same password with today's cost
            user = None if key is None else await self._store.select_user_by_login(key)
            matches = await self._hasher.verify(password, user.password_hash if user else None)
            if user is None or not matches:
                _audit("login_failed", userID=None if user is None else user.id)
                break
            session, token = self._new_session(user.id, device)
            ended = await self._store.start_session(
                session,
                fingerprint(token),
                verified_hash=user.password_hash,
                new_hash=await self._rehashed(password, user.password_hash),
            )
            if ended is not None:
                await self._tell_ended(ended, reason="replaced")
                return user, session, token
        raise BadCredentials

    async def _rehashed(self, password: str, stored: str) -> str:
        if not self._hasher.needs_rehash(stored):
            return stored
        try:
            return await self._hasher.hash(password)
        except Busy:
            return stored

    async def _repeat_refresh(
        self, token_hash: str, successor_hash: str, *, address: str, device_id: str | None, now: int
    ) -> tuple[Owner, int]:
        spent = await self._store.select_spent_token(token_hash, successor_hash, now)
        if spent is None:
            raise RefreshInvalid
        owner = spent.owner
        if now - spent.used_at > self._grace_ms:
            _audit("refresh_token_reused", userID=owner.user_id, username=owner.username, session_id=owner.session_id)
            if await self._store.revoke_session(owner.session_id, owner.user_id, now):
                await self._tell_ended([owner.session_id], reason="refresh_token_reused")
            raise RefreshReused
        same_device = device_id is None or device_id == owner.device_id
        if not same_device or address != owner.address or spent.successor_expires_at is None:
            raise RefreshInvalid
        return owner, spent.successor_expires_at

    async def _change_password(self, principal: Principal, current: str, new: str) -> list[str]:
        user = await self._store.select_user(principal.user_id)
        matches = await self._hasher.verify(current, user.password_hash if user else None)
        if user is None or not matches:
            raise BadCredentials
        ended = await self._store.change_password(
            user.id,
            verified_hash=user.password_hash,
            new_hash=await self._hasher.hash(new),
            kept_session_id=principal.session_id,
            now=self._clock(),
        )
        if ended is None:
            raise BadCredentials
        return ended

    async def _user(self, login: str) -> User:
        key = rules.login_key(login)
        user = None if key is None else await self._store.select_user_by_login(key)
        if user is None:
            raise UserNotFound
        return user

    def _new_session(self, user_id: int, device: Device) -> tuple[DeviceSession, str]:
        now = self._clock()
        session = DeviceSession(
            id=new_uuid7(now, self._random_bytes),
            user_id=user_id,
            device_id=device.device_id,
            user_agent=rules.tidy_user_agent(device.user_agent),
            address=device.address,
            created_at=now,
            last_seen_at=now,
            expires_at=now + self._refresh_ttl_ms,
        )
        return session, new_secret(self._random_bytes)

    def _signed_in(self, user: User | Owner, session_id: str, refresh_token: str, expires_at: int) -> SignedIn:
        user_id = user.id if isinstance(user, User) else user.user_id
        access_token = self._tokens.issue(user_id=user_id, username=user.username, session_id=session_id)
        lifetime = timedelta(milliseconds=expires_at - self._clock())
        return SignedIn(user_id, user.username, session_id, access_token, refresh_token, lifetime)

    async def _tell_ended(self, session_ids: Collection[str], *, reason: str) -> None:
        if not session_ids:
            return
        for session_id in session_ids:
            _audit("session_ended", session_id=session_id, reason=reason)
        await self._listener.sessions_ended(session_ids)


def _milliseconds(duration: timedelta) -> int:
    return duration // timedelta(milliseconds=1)


def _audit(event: str, **details: object) -> None:
    _log.info(event.replace("_", " "), extra={"event": event, **details})
