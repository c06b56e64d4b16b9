"""Which rooms live on this node, as agreed with the others through the database."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection

    from signaling.bus.courier import Sender
    from signaling.cluster.store import ClusterStore
    from signaling.ports import Clock

logger = logging.getLogger(__name__)

_STALE_MS = 10_000
"""A node that did not write to the database for so long, and is not heard, loses its rooms to whoever wants them."""
_ASK_AGAIN_S = 0.5


class NameTaken(Exception):
    """Another running node has this name."""


class Ownership:
    """Claim rooms, give them up, and notice when one was taken. All methods but `take` raise what the database raises.

    `is_heard` tells whether a node speaks on the bus: one that does keeps its rooms whatever the database says.
    """

    def __init__(
        self,
        store: ClusterStore,
        me: Sender,
        is_heard: Callable[[Sender], bool],
        clock: Clock = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._me = me
        self._is_heard = is_heard
        self._clock = clock
        self._sleep = sleep
        self._rooms: set[str] = set()
        self._leaving: set[str] = set()
        self._offered: set[str] = set()
        self._claims: dict[str, asyncio.Task[Sender]] = {}
        self._released = asyncio.Event()
        self._released.set()

    async def take_name(self) -> None:
        """Become known under this node's name. Raises `NameTaken`.

        A process of this name that crashed a moment ago looks alive for some seconds; one that runs shows itself.
        """
        last_seen: int | None = None
        while not await self.hold():
            seen = await self._store.seen_at(self._me.node)
            if last_seen is not None and seen is not None and seen != last_seen:
                raise NameTaken(f"another node named {self._me.node} is running; give each its own NODE_ID")
            last_seen = seen
            await self._sleep(_ASK_AGAIN_S)

    async def hold(self) -> bool:
        """Show that this node is there; false when another process has its name."""
        now = int(self._clock() * 1000)
        return await self._store.seen(self._me, now=now, stale=now - _STALE_MS)

    def __contains__(self, room_id: str) -> bool:
        return room_id in self._rooms and room_id not in self._leaving

    async def owner_of(self, room_id: str) -> Sender:
        """Return where a room lives, claiming it for this node if it lives nowhere."""
        claim = self._claims.get(room_id)
        if claim is None:
            claim = self._claims[room_id] = asyncio.create_task(self._claim(room_id), name="claim")
            claim.add_done_callback(lambda _: self._claims.pop(room_id, None))
        return await asyncio.shield(claim)

    async def homes(self, room_ids: Collection[str]) -> dict[str, Sender]:
        """Return where those of the rooms live that live at another node which is there."""
        wanted = [room_id for room_id in room_ids if room_id not in self]
        found = await self._store.homes(wanted) if wanted else {}
        stale = int(self._clock() * 1000) - _STALE_MS
        return {
            room_id: node
            for room_id, (node, seen_at) in found.items()
            if node != self._me and (seen_at > stale or self._is_heard(node))
        }

    async def review(self, in_use: Callable[[], Collection[str]]) -> set[str]:
        """Give up the rooms that nobody uses; return those that another node took while this one seemed to be gone."""
        held = frozenset(self._rooms - self._offered)
        taken = held - await self._store.owned(self._me)
        self._rooms -= taken
        deserted = held - taken - self._offered - self._claims.keys() - set(in_use())
        if deserted:
            await self._release(deserted)
        return set(taken)

    async def offer(self, room_id: str, offer: str) -> bool:
        """Let whoever names this offer take a room of this node; false when it is not this node's any more."""
        offered = False
        self._offered.add(room_id)
        try:
            offered = await self._store.offer(room_id, self._me, offer)
        finally:
            if not offered:
                self._offered.discard(room_id)
        return offered

    async def withdraw(self, room_id: str) -> Sender | None:
        """Let nobody take a room that was offered; return who has it: this node, unless another has taken it before."""
        if await self._store.withdraw(room_id, self._me):
            return self._me
        return await self._store.find(room_id)

    def concluded(self, room_id: str, *, kept: bool) -> None:
        """Note what has become of an offer."""
        self._offered.discard(room_id)
        if not kept:
            self._rooms.discard(room_id)

    async def take(self, room_id: str, giver: Sender, offer: str, opened: Callable[[], None]) -> bool:
        """Take a room that was offered, and call `opened` before anyone is told that it lives here.

        While the database cannot say whose it is, nobody is told.
        """
        while room_id in self._claims:
            await asyncio.wait([self._claims[room_id]])
        if room_id in self._rooms:  # whoever gives it was taken for dead
            return False
        taking = self._claims[room_id] = asyncio.create_task(self._take(room_id, giver, offer, opened), name="take")
        taking.add_done_callback(lambda _: self._claims.pop(room_id, None))
        return await asyncio.shield(taking) == self._me

    async def settled(self) -> None:
        """Wait until the rooms that are on their way here have come, or do not come."""
        while self._claims:
            await asyncio.wait(list(self._claims.values()))

    async def leave(self) -> None:
        """Give up all rooms, and the name."""
        claims = list(self._claims.values())
        for claim in claims:
            claim.cancel()
        await asyncio.gather(*claims, return_exceptions=True)
        await self._store.leave(self._me)

    # --- inside

    async def _claim(self, room_id: str) -> Sender:
        owner = await self._store.find(room_id)
        if owner is not None and owner != self._me and self._is_heard(owner):
            return owner
        await self._released.wait()  # else the room could be given up right after it was claimed
        owner = await self._store.claim(room_id, self._me, stale=int(self._clock() * 1000) - _STALE_MS)
        if owner == self._me:
            self._rooms.add(room_id)
        return owner

    async def _take(self, room_id: str, giver: Sender, offer: str, opened: Callable[[], None]) -> Sender:
        if not await self._is_taken(room_id, giver, offer):
            return giver
        self._rooms.add(room_id)
        opened()
        return self._me

    async def _is_taken(self, room_id: str, giver: Sender, offer: str) -> bool:
        """Take a room in the database. Where the answer is lost, it may have been done: ask until there is one."""
        in_doubt = False
        while True:
            try:
                if await self._store.take(room_id, giver, self._me, offer):
                    return True
                return in_doubt and await self._store.find(room_id) == self._me
            except Exception:
                if not in_doubt:
                    extra = {"event": "room_in_doubt", "room": room_id}
                    logger.warning("nobody can say whether a room was taken", exc_info=True, extra=extra)
                in_doubt = True
            await self._sleep(_ASK_AGAIN_S)

    async def _release(self, rooms: Collection[str]) -> None:
        self._released.clear()
        self._leaving = set(rooms)
        try:
            await self._store.release(rooms, self._me)
            self._rooms -= self._leaving
        finally:
            self._leaving = set()
            self._released.set()
