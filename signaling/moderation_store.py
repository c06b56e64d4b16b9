"""Who may not enter a room, who looks after it, and what was done there: the SQL."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from msgspec import Struct
from sqlalchemy import bindparam, text

from signaling.ports import Database, Standing


class BanRecord(Struct, frozen=True):
    """A stored ban. `guest_key` and `address_key` are keyed hashes; times are milliseconds since 1970 UTC."""

    id: str
    room_id: str
    user_id: int | None
    guest_key: str | None
    address_key: str | None
    display_name: str
    by_user: int | None
    by_name: str
    created_at: int


class AuditRecord(Struct, frozen=True):
    """What someone did in a room. The ids are those of accounts, as text, or of members without one."""

    id: str
    room_id: str
    at: int
    actor_id: str
    actor_name: str
    action: str
    target_id: str | None = None
    target_name: str | None = None
    detail: str = ""


_BAN_COLUMNS = ", ".join(BanRecord.__struct_fields__)
_AUDIT_COLUMNS = ", ".join(AuditRecord.__struct_fields__)


class ModerationStore:
    """Bans, moderators and the audit trail. Every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # --- at the door

    async def standing(self, room_id: str, user_id: int | None, guest_key: str | None, address_key: str) -> Standing:
        """Return what is known in a room of an account, a guest's browser and the address they come from."""
        about = {"room_id": room_id, "user_id": user_id, "guest_key": guest_key, "address_key": address_key}
        async with self._database.read() as db:
            row = (await db.execute(_STANDING, about)).one()
            banned, guest_banned, address_banned, moderator = (bool(value) for value in row)
        return Standing(banned, guest_banned, address_banned, moderator, guest_key, address_key)

    # --- bans

    async def insert_ban(self, ban: BanRecord, audit: AuditRecord) -> None:
        """Store a ban and the note about it, both or neither."""
        async with self._database.write() as db:
            await db.execute(_INSERT_BAN, _row(ban))
            await db.execute(_INSERT_AUDIT, _row(audit))

    async def select_bans(self, room_id: str, limit: int) -> list[BanRecord]:
        """Return the bans of a room, newest first."""
        async with self._database.read() as db:
            rows = await db.execute(_SELECT_BANS, {"room_id": room_id, "limit": limit})
            return [BanRecord(*row) for row in rows]

    async def select_bans_since(self, room_ids: Collection[str], since: int) -> list[BanRecord]:
        """Return the bans of these rooms that were made at `since` or later."""
        async with self._database.read() as db:
            rows = await db.execute(_SELECT_BANS_SINCE, {"room_ids": list(room_ids), "since": since})
            return [BanRecord(*row) for row in rows]

    async def delete_ban(self, room_id: str, ban_id: str) -> BanRecord | None:
        """Lift a ban; return it, or None where there is none."""
        async with self._database.write() as db:
            row = (await db.execute(_DELETE_BAN, {"room_id": room_id, "id": ban_id})).one_or_none()
            return None if row is None else BanRecord(*row)

    # --- moderators

    async def insert_moderator(self, room_id: str, user_id: int, now: int) -> None:
        """Let an account moderate a room. Idempotent."""
        async with self._database.write() as db:
            await db.execute(_INSERT_MODERATOR, {"room_id": room_id, "user_id": user_id, "now": now})

    async def delete_moderator(self, room_id: str, user_id: int) -> bool:
        """Take the moderation of a room from an account; False when it had none."""
        async with self._database.write() as db:
            found = await db.execute(_DELETE_MODERATOR, {"room_id": room_id, "user_id": user_id})
            return found.one_or_none() is not None

    async def select_moderators(self, room_id: str) -> list[int]:
        """Return the accounts that moderate a room, the one named first first."""
        async with self._database.read() as db:
            return list((await db.execute(_SELECT_MODERATORS, {"room_id": room_id})).scalars())

    # --- audit

    async def insert_audit(self, audit: AuditRecord) -> None:
        """Note what someone did. A room that is gone by now takes its notes along."""
        async with self._database.write() as db:
            await db.execute(_INSERT_AUDIT, _row(audit))

    async def select_audit(self, room_id: str, before: str | None, limit: int) -> list[AuditRecord]:
        """Return what was done in a room, newest first, from just before the entry `before` on."""
        page = {"room_id": room_id, "before": before or "~", "limit": limit}  # ~ sorts after every hexadecimal digit
        async with self._database.read() as db:
            return [AuditRecord(*row) for row in await db.execute(_SELECT_AUDIT, page)]

    async def delete_audit(self, before: int, batch: int) -> int:
        """Delete up to `batch` notes older than `before`; return how many."""
        async with self._database.write() as db:
            return int((await db.execute(_DELETE_AUDIT, {"before": before, "batch": batch})).rowcount)


_STANDING = text("""
    SELECT
        EXISTS (SELECT 1 FROM room_bans WHERE room_id = :room_id AND user_id = CAST(:user_id AS BIGINT)),
        EXISTS (SELECT 1 FROM room_bans WHERE room_id = :room_id AND guest_key = CAST(:guest_key AS TEXT)),
        EXISTS (SELECT 1 FROM room_bans WHERE room_id = :room_id AND address_key = CAST(:address_key AS TEXT)),
        EXISTS (SELECT 1 FROM room_moderators WHERE room_id = :room_id AND user_id = CAST(:user_id AS BIGINT))
""")
_INSERT_BAN = text(f"""
    INSERT INTO room_bans ({_BAN_COLUMNS})
    VALUES (:id, :room_id, :user_id, :guest_key, :address_key, :display_name, :by_user, :by_name, :created_at)
    ON CONFLICT DO NOTHING
""")  # noqa: S608
_SELECT_BANS = text(f"""
    SELECT {_BAN_COLUMNS} FROM room_bans WHERE room_id = :room_id ORDER BY created_at DESC, id DESC LIMIT :limit
""")  # noqa: S608
_SELECT_BANS_SINCE = text(f"""
    SELECT {_BAN_COLUMNS} FROM room_bans WHERE room_id IN :room_ids AND created_at >= :since ORDER BY id
""").bindparams(bindparam("room_ids", expanding=True))  # noqa: S608
_DELETE_BAN = text(f"DELETE FROM room_bans WHERE room_id = :room_id AND id = :id RETURNING {_BAN_COLUMNS}")  # noqa: S608
_INSERT_MODERATOR = text("""
    INSERT INTO room_moderators (room_id, user_id, created_at) VALUES (:room_id, :user_id, :now)
    ON CONFLICT (room_id, user_id) DO NOTHING
""")
_DELETE_MODERATOR = text("""
    DELETE FROM room_moderators WHERE room_id = :room_id AND user_id = :user_id RETURNING user_id
""")
_SELECT_MODERATORS = text("""
    SELECT user_id FROM room_moderators WHERE room_id = :room_id ORDER BY created_at, user_id
""")
_INSERT_AUDIT = text(f"""
    INSERT INTO room_audit ({_AUDIT_COLUMNS})
    SELECT :id, :room_id, CAST(:at AS BIGINT), :actor_id, :actor_name, :action, :target_id, :target_name, :detail
    WHERE EXISTS (SELECT 1 FROM rooms WHERE id = :room_id)
""")  # noqa: S608
_SELECT_AUDIT = text(f"""
    SELECT {_AUDIT_COLUMNS} FROM room_audit WHERE room_id = :room_id AND id < :before ORDER BY id DESC LIMIT :limit
""")  # noqa: S608
_DELETE_AUDIT = text("""
    DELETE FROM room_audit WHERE id IN (SELECT id FROM room_audit WHERE at < :before ORDER BY at LIMIT :batch)
""")


def _row(record: BanRecord | AuditRecord) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__struct_fields__}
