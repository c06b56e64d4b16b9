"""Every way the auth package refuses, named once.

`code` is stable and part of the HTTP contract (docs/api.md), `text` is for people, `status` is the HTTP answer and
`retry_after` the seconds after which the same request may succeed.
"""

from __future__ import annotations

from typing import ClassVar


class AuthError(Exception):
    """A request that the auth package refuses."""

    code: ClassVar[str] = "unauthenticated"
    status: ClassVar[int] = 401
    text: str = "Sign in first."
    retry_after: float | None = None

    def __init__(self, text: str | None = None) -> None:
        if text is not None:
            self.text = text
        super().__init__(self.text)


class Unauthenticated(AuthError):
    """No credentials, or credentials that are not ours, or those of a session that ended."""

    text = "The request needs valid credentials."


class TokenExpired(AuthError):
    """A genuine access token past its time; refreshing helps."""

    code = "token_expired"
    text = "The access token has expired."


class BadCredentials(AuthError):
    """Wrong name or wrong password; which of them is not said."""

    code = "bad_credentials"
    text = "The username or the password is wrong."


class RefreshInvalid(AuthError):
    """The refresh token is unknown, expired, spent, or its session ended."""

    code = "refresh_invalid"
    text = "The session has ended; sign in again."


class RefreshReused(RefreshInvalid):
    """A spent refresh token came back: its session is revoked. The answer is that of any invalid token."""


class MissingDeviceId(AuthError):
    """No `X-Device-ID`."""

    code = "missing_device_id"
    status = 400
    text = "The header X-Device-ID is required."


class BadDeviceId(AuthError):
    """An `X-Device-ID` of the wrong shape."""

    code = "bad_device_id"
    status = 400
    text = "X-Device-ID has 1 to 128 characters of A-Z a-z 0-9 . _ : and -."


class InvalidInput(AuthError):
    """A value that breaks a rule; `field` names it."""

    code = "validation_failed"
    status = 422

    def __init__(self, field: str, text: str) -> None:
        super().__init__(text)
        self.field = field


class UsernameTaken(AuthError):
    """Another account has this username."""

    code = "username_taken"
    status = 409
    text = "The username is taken."


class EmailTaken(AuthError):
    """Another account has this e-mail address. Never told over HTTP: only operators set addresses."""

    code = "email_taken"
    status = 409
    text = "The e-mail address belongs to another account."


class SessionNotFound(AuthError):
    """The caller has no live device session of this id."""

    code = "session_not_found"
    status = 404
    text = "There is no such session."


class UserNotFound(AuthError):
    """No account has this name."""

    code = "not_found"
    status = 404
    text = "There is no such user."


class RateLimited(AuthError):
    """Too many attempts; the same one may be made after `retry_after` seconds."""

    code = "rate_limited"
    status = 429
    text = "Too many attempts; wait a moment."

    def __init__(self, retry_after: float) -> None:
        super().__init__()
        self.retry_after = retry_after


class Busy(AuthError):
    """More passwords wait to be hashed than the queue holds."""

    code = "busy"
    status = 503
    text = "Too many people are signing in at once; try again in a moment."
    retry_after = 1.0
