"""The sessions that can be resumed: found by their token, ended when nobody came back for them in time."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from signaling.errors import CloseReason
    from signaling.session import Session

_ENDINGS_KEPT = 1024
_TOKEN_BYTES = 24


def new_resume_token() -> str:
    """Make a secret that names one session."""
    return secrets.token_urlsafe(_TOKEN_BYTES)


class ResumableSessions:
    """Know each session by its token, and since when those without a connection are lost. Times are in seconds."""

    def __init__(self, window: float) -> None:
        self._window = window
        self._by_token: dict[str, Session] = {}
        self._endings: OrderedDict[str, tuple[str, CloseReason]] = OrderedDict()
        self._lost_at: dict[Session, float] = {}

    def add(self, session: Session) -> None:
        """Take in a new session; one without a token cannot be resumed and is not kept."""
        if session.token:
            self._by_token[session.token] = session

    def find(self, token: str) -> Session | None:
        """Return the session of a token, None when there is none any more."""
        return self._by_token.get(token)

    def lose(self, session: Session, now: float) -> None:
        """Note that a session's connection is gone."""
        self._lost_at[session] = now

    def lost_since(self, session: Session) -> float | None:
        """Return when a session was lost, None while it has a connection."""
        return self._lost_at.get(session)

    def take_in(self, session: Session, lost_at: float | None) -> None:
        """Take in a session that was elsewhere, or at rest; None where it has a connection."""
        self.add(session)
        if lost_at is not None:
            self._lost_at[session] = lost_at

    def regain(self, session: Session) -> bool:
        """Note that a session has a connection again; False when it was never seen without one."""
        return self._lost_at.pop(session, None) is not None

    def remove(self, session: Session) -> None:
        """Forget a session that ended. Idempotent."""
        self._by_token.pop(session.token, None)
        self._lost_at.pop(session, None)

    def expel(self, session: Session, reason: CloseReason) -> None:
        """Remember why a session was ended, for the client that missed it and tries to resume."""
        if session.token:
            self.remember(session.live.room.id, session.token, reason)

    def remember(self, room_id: str, token: str, reason: CloseReason) -> None:
        """Remember why the session of a token was ended in a room."""
        self._endings[token] = room_id, reason
        if len(self._endings) > _ENDINGS_KEPT:
            self._endings.popitem(last=False)

    def ending(self, token: str) -> CloseReason | None:
        """Return why the session of a token was ended by a moderator, None when that is not known."""
        found = self._endings.get(token)
        return None if found is None else found[1]

    def endings(self, room_id: str) -> dict[str, CloseReason]:
        """Return why sessions were ended in a room, by their tokens."""
        return {token: reason for token, (room, reason) in self._endings.items() if room == room_id}

    def lost(self) -> Iterator[Session]:
        """Go through the sessions without a connection."""
        return iter(list(self._lost_at))

    def count_lost(self) -> int:
        """Count the sessions without a connection."""
        return len(self._lost_at)

    def overdue(self, now: float) -> list[Session]:
        """Return the sessions whose time to come back is over, in the order in which they were lost."""
        overdue = [session for session, lost_at in self._lost_at.items() if now - lost_at >= self._window]
        return sorted(overdue, key=self._lost_at.__getitem__)
