"""What the doctor asks a running server, and proves its right to: how a request arrived there, and how it is.

Only who holds the server's `AUTH_SECRET` can ask, so nobody else learns which addresses and proxies there are; and the
answer is signed with it too, so it shows that the name leads to this installation and to no other. A question that was
overheard can be asked again for two days; its answer says how the one who asks arrives.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING

from msgspec import Struct

from observability.health import CheckResult
from signaling.recording.tickets import Signer, TicketInvalid

if TYPE_CHECKING:
    from signaling.ports import Clock

PATH = "/api/doctor"
HEADER = "X-Chatter-Doctor"
"""Of the question: the proof that the operator asks. Of the answer: that it is to this question, and true."""
TTL_S = 86_400
"""Far more than a clock is wrong by: a wrong clock is to be found, not to pass for a wrong secret."""
_LABEL = "chatter doctor v1"
_ANSWER_LABEL = b"chatter doctor answer v1"


class _Question(Struct, frozen=True):
    nonce: str
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
    others: tuple[str, ...] = ()
    """The nodes that it hears on the bus."""


class Questions:
    """Make and check the proofs of both sides."""

    def __init__(self, secret: str, clock: Clock) -> None:
        self._signer = Signer(secret, _LABEL, clock)
        self._key = hmac.digest(_ANSWER_LABEL, secret.encode(), hashlib.sha256)
        self._clock = clock

    def sign(self) -> str:
        """Return what goes into the header of a question; no two are alike."""
        return self._signer.seal(_Question(secrets.token_hex(8), self._in(TTL_S)))

    def is_ours(self, header: str) -> bool:
        """Tell whether a question was made with the same secret, by a clock that is less than a day off."""
        try:
            return self._signer.open(header, _Question).expires_at < self._in(2 * TTL_S)
        except (TicketInvalid, ValueError):
            return False

    def answer(self, question: str, body: bytes) -> str:
        """Return what goes into the header of an answer."""
        return hmac.digest(self._key, question.encode() + b"\n" + body, hashlib.sha256).hex()

    def is_answered(self, question: str, header: str, body: bytes) -> bool:
        """Tell whether a body is the answer to a question, from a server with the same secret."""
        return hmac.compare_digest(header.encode(), self.answer(question, body).encode())

    def _in(self, seconds: int) -> int:
        return int((self._clock() + seconds) * 1000)
