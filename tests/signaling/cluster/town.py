"""Several nodes in one event loop: real hubs, couriers and clusters; time, bus and database as the test wishes."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from signaling.bus.courier import Sender
from signaling.bus.memory import MemoryBus, MemoryEngine
from signaling.bus.metrics import BusMetrics
from signaling.cluster.cluster import Cluster
from signaling.cluster.inquiries import PATIENCE_S
from signaling.cluster.metrics import MoveMetrics
from signaling.cluster.nodes import BEAT_S
from signaling.cluster.store import ClusterStore
from signaling.core.room import RoomRules
from signaling.link import Link, LinkRequest
from tests.signaling.fakes import ORIGIN, OWNER, ROOM, FakeTransport, Switchboard, settle

if TYPE_CHECKING:
    from signaling.cluster.host import Host


class NoDatabase(Exception):
    """The database cannot be reached."""


class Ledger:
    """The tables `nodes` and `room_nodes` as dictionaries; while `gate` is not set, questions wait."""

    def __init__(self) -> None:
        self.nodes: dict[str, tuple[str, int]] = {}
        self.rooms: dict[str, Sender] = {}
        self.down = False
        self.broken = False
        self.gate = asyncio.Event()
        self.gate.set()
        self.deletes = asyncio.Event()
        """While it is not set, rooms that are given up stay where they are."""
        self.deletes.set()
        self.claims = 0
        self.offers: dict[str, str] = {}
        self.takes = asyncio.Event()
        """While it is not set, rooms that are taken stay where they are."""
        self.takes.set()
        self.withdrawals = asyncio.Event()
        """While it is not set, offers hold."""
        self.withdrawals.set()
        self.cuts: dict[str, int] = {}
        """How often what is done and committed is not confirmed, by what it is."""

    async def seen(self, me: Sender, *, now: int, stale: int) -> bool:
        await self._answer()
        incarnation, seen_at = self.nodes.get(me.node, (me.incarnation, 0))
        if incarnation != me.incarnation and seen_at > stale:
            return False
        self.nodes[me.node] = me.incarnation, now
        return True

    async def seen_at(self, node: str) -> int | None:
        await self._answer()
        return self.nodes[node][1] if node in self.nodes else None

    async def find(self, room_id: str) -> Sender | None:
        await self._answer()
        return self.rooms.get(room_id)

    async def homes(self, room_ids: list[str]) -> dict[str, tuple[Sender, int]]:
        await self._answer()
        found = {room_id: self.rooms[room_id] for room_id in room_ids if room_id in self.rooms}
        return {
            room_id: (owner, self.nodes[owner.node][1])
            for room_id, owner in found.items()
            if self.nodes.get(owner.node, ("", 0))[0] == owner.incarnation
        }

    async def claim(self, room_id: str, me: Sender, *, stale: int) -> Sender:
        self.claims += 1
        await self._answer()
        owner = self.rooms.get(room_id, me)
        incarnation, seen_at = self.nodes.get(owner.node, ("", 0))
        if incarnation != owner.incarnation or seen_at <= stale:
            owner = me
        self.rooms[room_id] = owner
        return owner

    async def release(self, room_ids: set[str], me: Sender) -> None:
        await self.deletes.wait()
        await self._answer()
        for room_id in room_ids:
            if self.rooms.get(room_id) == me:
                del self.rooms[room_id]

    async def offer(self, room_id: str, me: Sender, offer: str) -> bool:
        await self._answer()
        if self.rooms.get(room_id) != me:
            return False
        self.offers[room_id] = offer
        await self._confirm("offer")
        return True

    async def take(self, room_id: str, giver: Sender, me: Sender, offer: str) -> bool:
        await self.takes.wait()
        await self._answer()
        held = (self.rooms.get(room_id), self.offers.get(room_id)) == (giver, offer)
        if held:
            del self.offers[room_id]
            self.rooms[room_id] = me
        await self._confirm("take")
        return held

    async def withdraw(self, room_id: str, me: Sender) -> bool:
        await self.withdrawals.wait()
        await self._answer()
        held = self.rooms.get(room_id) == me
        if held:
            self.offers.pop(room_id, None)
        await self._confirm("withdraw")
        return held

    async def owned(self, me: Sender) -> set[str]:
        await self._answer()
        return {room_id for room_id, owner in self.rooms.items() if owner == me}

    async def leave(self, me: Sender) -> None:
        await self._answer()
        self.rooms = {room_id: owner for room_id, owner in self.rooms.items() if owner != me}
        if self.nodes.get(me.node, ("", 0))[0] == me.incarnation:
            del self.nodes[me.node]

    async def _confirm(self, what: str) -> None:
        if self.cuts.get(what, 0):
            self.cuts[what] -= 1
            raise NoDatabase

    async def _answer(self) -> None:
        await self.gate.wait()
        if self.down:
            raise NoDatabase
        if self.broken:
            raise RuntimeError("bug")


class Node:
    """One node, which starts when told."""

    def __init__(self, town: Town, name: str, incarnation: str, **settings: Any) -> None:
        self.me = Sender(name, incarnation)
        self.board = Switchboard(**settings)
        self.board.clock.now = town.now
        self.board.directory.rooms |= town.rooms
        self.hub = self.board.hub
        self.bus = MemoryBus(town.engine)
        self.cluster = Cluster(
            self.hub,
            self.bus,
            cast("ClusterStore", town.ledger),
            self.me,
            BusMetrics(self.board.registry),
            outbox_bytes=self.board.settings.outbox_bytes,
            queued=lambda _: None,
            unavailable=NoDatabase,
            clock=self.board.clock,
            monotonic=self.board.clock,
            patience_s=town.patience_s,
            move_metrics=MoveMetrics(self.board.registry),
        )

    def connect(
        self, query: str = "", *, room: str = ROOM, origin: str | None = ORIGIN, size: int = 10**9
    ) -> FakeTransport:
        """Accept a connection here; it is not in the room yet."""
        request = LinkRequest.parse(room, query, {} if origin is None else {"origin": origin})
        transport = FakeTransport(size)
        transport.link = cast("Link", self.cluster.accept(request.seen_from("192.0.2.1", 0), transport))
        transport.link.opened()
        return transport

    async def join(self, query: str = "", *, room: str = ROOM) -> FakeTransport:
        """Accept a connection here and wait until it is in the room, wherever that is."""
        transport = self.connect(query, room=room)
        await settled()
        assert transport.closed is None
        assert transport.kinds()[:1] == ["welcome"]
        return transport

    def take_rooms(self) -> None:
        """Answer those who hand rooms over."""
        self.cluster.serve(cast("Host", SimpleNamespace(hub=self.hub, arrivals=self.cluster.arrivals)))

    async def drain(self, spread_s: float = 0.0) -> None:
        """Hand over what lives here."""
        self.hub.drain()
        await self.cluster.hand_over(spread_s)
        await settled()

    def metric(self, name: str, **labels: str) -> float:
        """Return a metric of this node."""
        return self.board.metric(name, **labels)


class Town:
    """What the nodes of a test have in common."""

    def __init__(self) -> None:
        self.engine = MemoryEngine()
        self.ledger = Ledger()
        self.nodes: list[Node] = []
        self.now = 1_790_000_000.0
        self.patience_s = PATIENCE_S
        """Of nodes that are started from now on."""
        self.rooms = {ROOM: RoomRules(OWNER, guests_allowed=True, max_members=8)}

    async def start(self, name: str, incarnation: str = "1", **settings: Any) -> Node:
        """Start one more node; the others hear of it."""
        node = Node(self, name, incarnation, **settings)
        self.nodes.append(node)
        await node.bus.start()
        await node.cluster.start()
        await self.beat()
        return node

    async def beat(self) -> None:
        """Let every node show itself."""
        for node in self.nodes:
            await node.cluster.beat()
            if not self.ledger.down:
                await node.cluster.hold()
        await settled()

    async def wait(self, seconds: float) -> None:
        """Let time pass, with all that is due meanwhile."""
        for _ in range(round(seconds / BEAT_S)):
            self.now += BEAT_S
            for node in self.nodes:
                node.board.clock.now = self.now
            await self.beat()

    async def kill(self, node: Node) -> None:
        """End a node without a word: nothing of it gets out any more."""
        self.nodes.remove(node)
        await node.bus.stop()

    async def close(self) -> None:
        """End all nodes."""
        self.ledger.down = self.ledger.broken = False
        self.ledger.gate.set()
        for node in self.nodes:
            await node.hub.stop()
            await node.cluster.stop()
            await node.bus.stop()


async def settled() -> None:
    """Let everything happen that needs no more time, at all nodes."""
    for _ in range(4):
        await settle()
