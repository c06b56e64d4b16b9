"""Rooms that leave a node that drains."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from typing import TYPE_CHECKING, Protocol, TypeVar

from signaling.cluster.questions import GoOn, TakePart, TakeRoom
from signaling.elsewhere import NodeUnreachable
from signaling.errors import Close

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from signaling.bus.courier import Sender
    from signaling.cluster.metrics import MoveMetrics, MoveResult
    from signaling.cluster.ownership import Ownership
    from signaling.cluster.questions import AnyQuestion
    from signaling.hub import Hub
    from signaling.ports import Clock

logger = logging.getLogger(__name__)

PART_BYTES = 256 * 1024
"""Half of what a bus must be able to carry in one message."""
MOST_BYTES = 16 * 1024 * 1024
"""A larger room stays, and ends with its node."""
_AT_ONCE = 8
_PATIENCE_S = 3.0
"""How long a node may take to take a room; nothing is handled in it meanwhile."""
_AGAIN_S = 1.0
_ASK_AGAIN_S = 0.25
_HASTE_S = 1.0
"""How long the drain's end waits for what became of a room that was on its way."""

T = TypeVar("T")


class Others(Protocol):
    """The other nodes."""

    def taker(self) -> Sender | None:
        """Return a node that takes rooms, None where there is none."""

    async def ask(self, node: Sender, question: AnyQuestion, kind: type[T], patience_s: float | None = None) -> T:
        """Return what a node answers. Raises `NodeUnreachable`."""

    def tell(self, node: Sender, question: AnyQuestion) -> None:
        """Ask a node something without waiting for what it answers."""


class Departures:
    """Hand the rooms of a node over, each frozen while it is on its way.

    Where a room lives is decided in one row of the database. Whoever takes a room changes that row, if it still holds
    the offer; whoever gave it closes the room's sockets only when the row says so, and goes on only after the offer is
    withdrawn. What was answered on the bus, or was lost there, decides nothing.
    """

    def __init__(
        self,
        hub: Hub,
        me: Sender,
        rooms: Ownership,
        others: Others,
        metrics: MoveMetrics,
        unavailable: type[Exception],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        timer: Clock = time.perf_counter,
    ) -> None:
        self._hub = hub
        self._me = me
        self._rooms = rooms
        self._others = others
        self._metrics = metrics
        self._unavailable = unavailable
        self._sleep = sleep
        self._timer = timer

    async def run(self, spread_s: float) -> None:
        """Hand over all rooms, the first time spread over so many seconds, until none is left or nobody is there."""
        self._hub.close_empty_rooms(Close.RESTART)
        await self._hand_over_all(spread_s)
        while self._others.taker() is not None and await self._has_rooms():
            await self._sleep(_AGAIN_S)
            await self._hand_over_all(0.0)

    async def hand_over(self, room_id: str) -> MoveResult:
        """Hand one room over. Raises what the database raises; then, or where it fails, the room stays."""
        node = self._others.taker()
        if node is None:
            return "no_node"
        offer = secrets.token_hex(8)
        if not await self._rooms.offer(room_id, offer):
            return "refused"  # another node has it: this one was taken for dead
        try:
            frozen = await self._freeze(room_id)
        except BaseException:
            self._rooms.concluded(room_id, kept=True)
            raise
        if frozen is None:
            self._rooms.concluded(room_id, kept=True)
            return "empty"
        return await self._move(node, room_id, offer, frozen)

    # --- inside

    async def _has_rooms(self) -> bool:
        """Tell whether rooms are left; those count too that this node was just taking when its drain began."""
        await self._rooms.settled()
        return bool(self._hub.rooms_with_members())

    async def _hand_over_all(self, spread_s: float) -> None:
        rooms = self._hub.rooms_with_members()
        places = asyncio.Semaphore(_AT_ONCE)
        async with asyncio.TaskGroup() as group:
            for number, room_id in enumerate(rooms):
                if number:
                    await self._sleep(spread_s / len(rooms))
                await places.acquire()
                group.create_task(self._try(room_id)).add_done_callback(lambda _: places.release())

    async def _try(self, room_id: str) -> None:
        result: MoveResult = "failed"
        try:
            result = await self.hand_over(room_id)
        except self._unavailable:
            result = "no_database"
        except Exception:
            logger.exception("a room could not be handed over", extra={"event": "room_move_failed", "room": room_id})
        self._metrics.tried(result)

    async def _freeze(self, room_id: str) -> bytes | None:
        """Let a room stand still once what was decided in it is carried out; None where nobody is in it any more."""
        async with asyncio.timeout(_PATIENCE_S):
            await self._hub.steward.conclude(room_id)
        return None if self._hub.live(room_id) is None else self._hub.moves.freeze(room_id)

    async def _move(self, node: Sender, room_id: str, offer: str, frozen: bytes) -> MoveResult:
        since = self._timer()
        try:
            result, owner = await self._give(node, room_id, offer, frozen)
        except asyncio.CancelledError:
            with contextlib.suppress(TimeoutError):  # then it rests until its sockets are closed: nobody knows more
                async with asyncio.timeout(_HASTE_S):
                    self._conclude(node, room_id, await self._owner_of(room_id))
            raise
        self._conclude(node, room_id, owner)
        self._metrics.stood_still(self._timer() - since)
        if result == "ok":
            extra = {"event": "room_moved", "room": room_id, "node": node.node}
            logger.info("a room goes on at another node", extra=extra)
        return result

    async def _give(self, node: Sender, room_id: str, offer: str, frozen: bytes) -> tuple[MoveResult, Sender | None]:
        """Let a node take a room; return what came of that, and who has the room now."""
        result: MoveResult = "unanswered"
        try:
            if await self._send(node, room_id, offer, frozen):
                return "ok", node
            result = "refused"
        except Exception as error:  # whatever it is, the room may have been taken
            fault = None if isinstance(error, NodeUnreachable) else error
            extra = {"event": "room_move_failed", "room": room_id}
            logger.warning("a node did not take a room", exc_info=fault, extra=extra)
        owner = await self._owner_of(room_id)
        if owner == node:
            return "ok", owner
        return result if owner == self._me else "refused", owner

    async def _send(self, node: Sender, room_id: str, offer: str, frozen: bytes) -> bool:
        """Let a node take a room; true when it has. Raises `NodeUnreachable`."""
        if len(frozen) > MOST_BYTES:
            return False
        *parts, last = [frozen[start : start + PART_BYTES] for start in range(0, len(frozen), PART_BYTES)]
        for part in parts:
            if not await self._others.ask(node, TakePart(offer, part), bool):
                return False
        question = TakeRoom(room_id, self._me, offer, len(frozen), last)
        return await self._others.ask(node, question, bool, _PATIENCE_S)

    async def _owner_of(self, room_id: str) -> Sender | None:
        """Return who has a room that was offered; where that is this node, none can take it any more."""
        asked = False
        while True:
            try:
                return await self._rooms.withdraw(room_id)
            except Exception:
                if not asked:
                    extra = {"event": "room_in_doubt", "room": room_id}
                    logger.warning("nobody can say where a room is", exc_info=True, extra=extra)
                asked = True
            await self._sleep(_ASK_AGAIN_S)

    def _conclude(self, node: Sender, room_id: str, owner: Sender | None) -> None:
        self._rooms.concluded(room_id, kept=owner == self._me)
        if owner == self._me:
            self._hub.moves.stay(room_id)
            return
        held = self._hub.moves.depart(room_id)
        if owner == node:
            for one in held:  # each is as large as a message may be
                self._others.tell(node, GoOn(room_id, one))
