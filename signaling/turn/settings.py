"""Settings of the TURN servers."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from msgspec import Struct

from signaling.turn.urls import TurnUrl


class TurnSettings(Struct, frozen=True, kw_only=True):
    """Which TURN servers there are and the secret shared with them."""

    urls: tuple[TurnUrl, ...] = ()
    secret: str = ""
    """coturn's `static-auth-secret`; credentials are made from it."""
    ttl: timedelta = timedelta(minutes=10)
    """How long credentials hold; clients renew them before."""
    ca_file: Path | None = None
    """Certificates to trust besides the system's when `turns:` addresses are checked."""

    def __repr__(self) -> str:
        """Leave the secret out."""
        return f"{type(self).__name__}(urls={[url.text for url in self.urls]}, secret=[redacted])"
