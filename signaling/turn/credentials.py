"""Time-limited TURN credentials by the TURN REST scheme (draft-uberti-behave-turn-rest-00 §2.2).

The server that issues them and the TURN server share a secret and otherwise know nothing of each other. The username
is `expiry:user`, so the TURN server's quotas count per user; it travels in clear text and must name nobody.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import TYPE_CHECKING

from msgspec import Struct

from signaling.core.messages import IceServer

if TYPE_CHECKING:
    from signaling.settings import SignalingSettings


class Credential(Struct, frozen=True):
    """A username and its password for a TURN server (RFC 8489 §9.2)."""

    username: str
    password: str

    def __repr__(self) -> str:
        """Leave the password out."""
        return f"{type(self).__name__}({self.username!r}, [redacted])"


def credential(secret: str, user: str, expiry: int) -> Credential:
    """Return a credential that holds until `expiry`, seconds since 1970 UTC. `user` holds no personal data."""
    username = f"{expiry}:{user}"
    digest = hmac.digest(secret.encode(), username.encode(), hashlib.sha1)
    return Credential(username, base64.b64encode(digest).decode())


def ice_servers(settings: SignalingSettings, user: str | None, now: float) -> tuple[tuple[IceServer, ...], int]:
    """Return the STUN and TURN servers for `user` and for how many milliseconds they hold, 0 for ever.

    `now`: seconds since 1970 UTC. Without a user there are no relays among them.
    """
    servers = (IceServer(urls=settings.stun_urls),) if settings.stun_urls else ()
    turn = settings.turn
    if user is None or not turn.urls:
        return servers, 0
    ttl = int(turn.ttl.total_seconds())
    made = credential(turn.secret, user, int(now) + ttl)
    relay = IceServer(urls=tuple(url.text for url in turn.urls), username=made.username, credential=made.password)
    return (*servers, relay), ttl * 1000
