"""Which node is there, and which room lives where. Times are milliseconds since 1970 UTC."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, text

from signaling.bus.courier import Sender

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import TextClause

    from signaling.ports import Database

_SEEN = text(
    """
    INSERT INTO nodes (node, incarnation, seen_at) VALUES (:node, :incarnation, :now)
    ON CONFLICT (node) DO UPDATE SET incarnation = excluded.incarnation, seen_at = excluded.seen_at
    WHERE nodes.incarnation = excluded.incarnation OR nodes.seen_at <= :stale
    RETURNING node
    """
)
_SEEN_AT = text("SELECT seen_at FROM nodes WHERE node = :node")
_CLAIM = text(
    """
    INSERT INTO room_nodes (room_id, node, incarnation) VALUES (:room_id, :node, :incarnation)
    ON CONFLICT (room_id) DO UPDATE SET node = excluded.node, incarnation = excluded.incarnation
    WHERE NOT EXISTS (
        SELECT 1 FROM nodes n
        WHERE n.node = room_nodes.node AND n.incarnation = room_nodes.incarnation AND n.seen_at > :stale
    )
    """
)
_OWNER = text("SELECT node, incarnation FROM room_nodes WHERE room_id = :room_id")
_HOMES = text(
    """
    SELECT r.room_id, r.node, r.incarnation, n.seen_at FROM room_nodes r
    JOIN nodes n ON n.node = r.node AND n.incarnation = r.incarnation
    WHERE r.room_id IN :ids
    """
).bindparams(bindparam("ids", expanding=True))
_OWNED = text("SELECT room_id FROM room_nodes WHERE node = :node AND incarnation = :incarnation")
_RELEASE = text("DELETE FROM room_nodes WHERE room_id = :room_id AND node = :node AND incarnation = :incarnation")
_OFFER = text(
    "UPDATE room_nodes SET offer = :offer WHERE room_id = :room_id AND node = :node AND incarnation = :incarnation"
)
_TAKE = text(
    """
    UPDATE room_nodes SET node = :taker, incarnation = :taker_incarnation, offer = NULL
    WHERE room_id = :room_id AND node = :node AND incarnation = :incarnation AND offer = :offer
    """
)
_WITHDRAW = text(  # whatever is offered: said again, it finds the same
    "UPDATE room_nodes SET offer = NULL WHERE room_id = :room_id AND node = :node AND incarnation = :incarnation"
)
_LEAVE = (
    text("DELETE FROM room_nodes WHERE node = :node AND incarnation = :incarnation"),
    text("DELETE FROM nodes WHERE node = :node AND incarnation = :incarnation"),
)


class ClusterStore:
    """The tables `nodes` and `room_nodes`. All methods raise what the database raises."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def seen(self, me: Sender, *, now: int, stale: int) -> bool:
        """Note that a node is there; false when another process of this name was seen after `stale`."""
        async with self._database.write() as db:
            row = (await db.execute(_SEEN, _names(me) | {"now": now, "stale": stale})).first()
            return row is not None

    async def seen_at(self, node: str) -> int | None:
        """Return when a process of this name was last seen; None when that is not known."""
        async with self._database.read() as db:
            row = (await db.execute(_SEEN_AT, {"node": node})).first()
            return None if row is None else int(row.seen_at)

    async def find(self, room_id: str) -> Sender | None:
        """Return where a room was last, None when nobody has it."""
        async with self._database.read() as db:
            row = (await db.execute(_OWNER, {"room_id": room_id})).first()
            return None if row is None else Sender(row.node, row.incarnation)

    async def homes(self, room_ids: Collection[str]) -> dict[str, tuple[Sender, int]]:
        """Return where some rooms live, and when that node was last seen.

        Rooms of a former life of a node live nowhere.
        """
        async with self._database.read() as db:
            rows = await db.execute(_HOMES, {"ids": list(room_ids)})
            return {row.room_id: (Sender(row.node, row.incarnation), int(row.seen_at)) for row in rows}

    async def claim(self, room_id: str, me: Sender, *, stale: int) -> Sender:
        """Return where a room lives: with `me`, unless a node that was seen after `stale` has it."""
        while True:
            async with self._database.write() as db:
                await db.execute(_CLAIM, _names(me) | {"room_id": room_id, "stale": stale})
                row = (await db.execute(_OWNER, {"room_id": room_id})).first()
            if row is not None:  # else it was given up between the two statements
                return Sender(row.node, row.incarnation)

    async def release(self, room_ids: Collection[str], me: Sender) -> None:
        """Give up rooms; those that are not this node's stay where they are."""
        async with self._database.write() as db:
            for room_id in sorted(room_ids):  # in one order everywhere: no two transactions wait for each other
                await db.execute(_RELEASE, _names(me) | {"room_id": room_id})

    async def offer(self, room_id: str, me: Sender, offer: str) -> bool:
        """Let whoever names this offer take a room; false when it is not this node's."""
        return await self._change(_OFFER, _names(me) | {"room_id": room_id, "offer": offer})

    async def take(self, room_id: str, giver: Sender, me: Sender, offer: str) -> bool:
        """Take a room that was offered; false when the offer does not hold any more."""
        taker = {"taker": me.node, "taker_incarnation": me.incarnation}
        return await self._change(_TAKE, _names(giver) | taker | {"room_id": room_id, "offer": offer})

    async def withdraw(self, room_id: str, me: Sender) -> bool:
        """Let nobody take a room; false when it is not this node's any more. Asked again, it answers the same."""
        return await self._change(_WITHDRAW, _names(me) | {"room_id": room_id})

    async def owned(self, me: Sender) -> set[str]:
        """Return the rooms that live with a node."""
        async with self._database.read() as db:
            return {row.room_id for row in await db.execute(_OWNED, _names(me))}

    async def leave(self, me: Sender) -> None:
        """Forget a node with all its rooms."""
        async with self._database.write() as db:
            for statement in _LEAVE:
                await db.execute(statement, _names(me))

    async def _change(self, statement: TextClause, values: dict[str, str]) -> bool:
        async with self._database.write() as db:
            return bool((await db.execute(statement, values)).rowcount)


def _names(sender: Sender) -> dict[str, str]:
    return {"node": sender.node, "incarnation": sender.incarnation}
