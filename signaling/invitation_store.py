"""Invitations into rooms: the SQL."""

from __future__ import annotations

from msgspec import Struct
from sqlalchemy import text

from signaling.ports import Database


class InvitationRecord(Struct, frozen=True):
    """A stored invitation; of its token only the hash. Times are milliseconds since 1970 UTC."""

    id: str
    room_id: str
    token_hash: str
    created_by: int
    created_at: int
    expires_at: int
    max_uses: int | None
    uses: int
    revoked_at: int | None = None

    def holds(self, now: int) -> bool:
        """Tell whether it has neither ended nor been revoked; it may be used up all the same."""
        return self.revoked_at is None and now < self.expires_at

    @property
    def used_up(self) -> bool:
        """Whether it has let in as many as it may."""
        return self.max_uses is not None and self.uses >= self.max_uses


class _NoUseLeft(Exception):
    """Roll back."""


_COLUMNS = ", ".join(InvitationRecord.__struct_fields__)


class InvitationStore:
    """Every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def insert(self, invitation: InvitationRecord) -> None:
        """Store a new invitation."""
        row = {name: getattr(invitation, name) for name in invitation.__struct_fields__}
        async with self._database.write() as db:
            await db.execute(_INSERT, row)

    async def select(self, room_id: str, token_hash: str) -> InvitationRecord | None:
        """Return the invitation into a room that has this token."""
        async with self._database.read() as db:
            row = (await db.execute(_SELECT, {"room_id": room_id, "token_hash": token_hash})).one_or_none()
            return None if row is None else InvitationRecord(*row)

    async def select_all(self, room_id: str, now: int) -> list[InvitationRecord]:
        """Return a room's invitations that have neither ended nor been revoked, newest first."""
        async with self._database.read() as db:
            rows = await db.execute(_SELECT_ALL, {"room_id": room_id, "now": now})
            return [InvitationRecord(*row) for row in rows]

    async def is_known(self, invitation_id: str, person: str) -> bool:
        """Tell whether someone came in by an invitation before."""
        async with self._database.read() as db:
            known = await db.execute(_SELECT_USE, {"id": invitation_id, "person": person})
            return known.one_or_none() is not None

    async def use(self, invitation_id: str, person: str, now: int) -> bool:
        """Count a use, once per person, an unknown one (empty) each time.

        False, and nothing is counted, when it is used up, revoked or has ended. Of two at once who want the last use,
        one gets it.
        """
        use = {"id": invitation_id, "person": person, "now": now}
        try:
            async with self._database.write() as db:
                if person and (await db.execute(_INSERT_USE, use)).one_or_none() is None:
                    return True
                if (await db.execute(_USE, {"id": invitation_id, "now": now})).one_or_none() is None:
                    raise _NoUseLeft
        except _NoUseLeft:  # it took the note about the person back
            return False
        return True

    async def revoke(self, room_id: str, invitation_id: str, now: int) -> bool:
        """End an invitation before its time; False where there is none to end."""
        async with self._database.write() as db:
            found = await db.execute(_REVOKE, {"room_id": room_id, "id": invitation_id, "now": now})
            return found.one_or_none() is not None

    async def delete_ended(self, before: int, batch: int) -> int:
        """Delete up to `batch` invitations that ended before `before`; return how many."""
        async with self._database.write() as db:
            return int((await db.execute(_DELETE_ENDED, {"before": before, "batch": batch})).rowcount)


_INSERT = text(f"""
    INSERT INTO room_invitations ({_COLUMNS})
    VALUES (:id, :room_id, :token_hash, :created_by, :created_at, :expires_at, :max_uses, :uses, :revoked_at)
""")  # noqa: S608
_SELECT = text(f"""
    SELECT {_COLUMNS} FROM room_invitations WHERE room_id = :room_id AND token_hash = :token_hash
""")  # noqa: S608
_SELECT_ALL = text(f"""
    SELECT {_COLUMNS} FROM room_invitations
    WHERE room_id = :room_id AND revoked_at IS NULL AND expires_at > :now ORDER BY created_at DESC, id DESC
""")  # noqa: S608
_USE = text("""
    UPDATE room_invitations SET uses = uses + 1
    WHERE id = :id AND revoked_at IS NULL AND expires_at > :now AND (max_uses IS NULL OR uses < max_uses)
    RETURNING id
""")
_SELECT_USE = text("SELECT person FROM room_invitation_uses WHERE invitation_id = :id AND person = :person")
_INSERT_USE = text("""
    INSERT INTO room_invitation_uses (invitation_id, person, used_at)
    VALUES (:id, :person, :now)
    ON CONFLICT (invitation_id, person) DO NOTHING RETURNING person
""")
_REVOKE = text("""
    UPDATE room_invitations SET revoked_at = :now
    WHERE id = :id AND room_id = :room_id AND revoked_at IS NULL AND expires_at > :now
    RETURNING id
""")
_DELETE_ENDED = text("""
    DELETE FROM room_invitations WHERE id IN (
        SELECT id FROM room_invitations WHERE expires_at < :before ORDER BY expires_at LIMIT :batch)
""")
