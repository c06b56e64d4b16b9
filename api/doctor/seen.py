"""What the doctor asks a running server, and proves its right to: how a request arrived there, and how it is.

Only who holds the server's `AUTH_SECRET` can ask, so nobody else learns which addresses and proxies there are; and an
answer shows that the name leads to this installation and to no other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from observability.health import CheckResult
from signaling.recording.tickets import Signer, TicketInvalid

if TYPE_CHECKING:
    from signaling.ports import Clock

PATH = "/api/doctor"
HEADER = "X-Chatter-Doctor"
_LABEL = "chatter doctor v1"
_TTL_S = 86_400
"""Far more than a clock is wrong by: a wrong clock is to be found, not to pass for a wrong secret."""


class _Question(Struct, frozen=True):
    expires_at: int


class Seen(Struct, frozen=True):
    """How the server sees a request, and itself."""

    version: str
    node: str
    address: str
    """The client's, as limits and logs take it."""
    hops: int
    """How many addresses stood in `X-Forwarded-For`."""
    trusted_hops: int
    scheme: str
    """`X-Forwarded-Proto`; empty where it is missing."""
    time: int
    """By the server's clock, in milliseconds since 1970 UTC."""
    checks: dict[str, CheckResult]
    """Its readiness."""


class Questions:
    """Make and check the proof that a question comes from the operator."""

    def __init__(self, secret: str, clock: Clock) -> None:
        self._signer = Signer(secret, _LABEL, clock)
        self._clock = clock

    def sign(self) -> str:
        """Return what goes into the header."""
        return self._signer.seal(_Question(int((self._clock() + _TTL_S) * 1000)))

    def is_ours(self, header: str) -> bool:
        """Tell whether the header was made with the same secret."""
        try:
            self._signer.open(header, _Question)
        except (TicketInvalid, ValueError):
            return False
        return True
