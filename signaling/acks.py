"""When clients are told which of their frames were handled: late enough to tell of many, a few clients at a time."""

from __future__ import annotations

import asyncio
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from signaling.session import Session

DELAY_S = 0.5
"""How long acknowledgements are gathered: what is not acknowledged is only sent again after a lost connection."""
_STEP_S = 0.05
_AT_ONCE = 16
"""Each takes a write. All that came due together would hold up what is relayed meanwhile."""


class Acks:
    """The sessions that owe their client an acknowledgement, in the order in which they are due."""

    __slots__ = ("_due", "_later", "_waiting")

    def __init__(self, later: Callable[[float, Callable[[], object]], object]) -> None:
        """`later` calls something after so many seconds."""
        self._later = later
        self._due: dict[Session, float] = {}
        self._waiting = False

    def owe(self, session: Session) -> None:
        """Acknowledge to a client soon. Once for all its frames until then."""
        if not self._waiting:
            self._waiting = True
            self._later(DELAY_S, self._pay)
        self._due[session] = _now() + DELAY_S
        session.ack_is_due = True

    def forget(self, session: Session) -> None:
        """Owe nothing any more. Idempotent."""
        if self._due.pop(session, None) is not None:
            session.ack_is_due = False

    def _pay(self) -> None:
        now = _now() + _STEP_S / 2  # timers may be a little early
        most = max(_AT_ONCE, len(self._due) // 4)  # so that nobody waits much longer than the delay
        for session in [session for session, due in islice(self._due.items(), most) if due <= now]:
            self.forget(session)
            session.acknowledge()
        self._waiting = bool(self._due)
        if self._waiting:
            self._later(_STEP_S, self._pay)


def _now() -> float:
    return asyncio.get_running_loop().time()
