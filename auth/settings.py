"""Settings of the auth package."""

from __future__ import annotations

from datetime import timedelta

from msgspec import Struct


class AuthSettings(Struct, frozen=True, kw_only=True):
    """How people sign in and how long it lasts.

    `secret` signs access tokens (HS256, at least 32 bytes). `pepper` keys the password pre-hash; changing it makes
    every stored password unusable, so it is separate from `secret`, which may be rotated.
    """

    secret: str
    pepper: str = ""
    issuer: str = "chatter"
    audience: str = "chatter"
    access_ttl: timedelta = timedelta(hours=24)
    refresh_ttl: timedelta = timedelta(hours=1440)
    refresh_grace: timedelta = timedelta(seconds=10)
    ticket_ttl: timedelta = timedelta(seconds=30)
    bcrypt_cost: int = 12
    hash_threads: int = 4
    hash_queue: int = 64
    limits_scale: float = 1.0
    """Multiplies every rate limit; for benchmarks and tests."""

    def __repr__(self) -> str:
        """Leave the secrets out."""
        shown = (f"{name}={getattr(self, name)!r}" for name in self.__struct_fields__ if name not in _SECRET_FIELDS)
        return f"AuthSettings(secret=[redacted], pepper=[redacted], {', '.join(shown)})"


_SECRET_FIELDS = frozenset({"secret", "pepper"})
