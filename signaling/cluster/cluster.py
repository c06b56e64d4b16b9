"""One node among several: bring each connection to the room's owner, and notice when another node is gone."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import secrets
import time
from typing import TYPE_CHECKING, TypeVar

from signaling import moves
from signaling.bus.courier import Courier, Sender
from signaling.cluster.arrivals import Arrivals
from signaling.cluster.departures import Departures
from signaling.cluster.edge import EdgeLink
from signaling.cluster.inquiries import PATIENCE_S, Inquiries
from signaling.cluster.nodes import BEAT_S, SILENCE_S, Nodes
from signaling.cluster.ownership import Ownership
from signaling.cluster.parcels import Abort, Alive, Gone, Lost, Open, Parcel, Parted, Ping, ToEdge, ToOwner
from signaling.cluster.questions import Answer, AnyNews, Ask, News
from signaling.cluster.remote import RemoteTransport
from signaling.elsewhere import NodeUnreachable
from signaling.errors import Close
from signaling.link import Link

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from signaling.bus.metrics import BusMetrics
    from signaling.bus.ports import Bus
    from signaling.cluster.host import Host
    from signaling.cluster.metrics import MoveMetrics
    from signaling.cluster.questions import AnyQuestion
    from signaling.cluster.store import ClusterStore
    from signaling.hub import Hub
    from signaling.link import LinkRequest
    from signaling.ports import Clock, Transport

T = TypeVar("T")

logger = logging.getLogger(__name__)

_ECHO_PATIENCE_S = 1.0
"""How long what is told all may take to come back until the bus counts as slow."""
_NO_ANSWER = 0
"""The number of a question whose answer nobody waits for."""
_ABNORMAL = 1006
"""It ended without a close (RFC 6455 §7.4.1)."""


class Cluster:
    """The door for connections where there are several nodes; what begins and ends it belongs to `api.app`.

    `unavailable` is what the database raises when it cannot be reached.
    """

    def __init__(
        self,
        hub: Hub,
        bus: Bus,
        store: ClusterStore,
        me: Sender,
        metrics: BusMetrics,
        *,
        outbox_bytes: int,
        queued: Callable[[int], None],
        unavailable: type[Exception],
        clock: Clock = time.time,
        monotonic: Clock = time.monotonic,
        patience_s: float = PATIENCE_S,
        move_metrics: MoveMetrics,
    ) -> None:
        self._hub = hub
        self._bus = bus
        self.me = me
        self._outbox_bytes = outbox_bytes
        self._queued = queued
        self._unavailable = unavailable
        self._clock = clock
        self._monotonic = monotonic
        self._courier: Courier[Parcel] = Courier(bus, me, Parcel, self, metrics, clock)  # type: ignore[arg-type]
        self._nodes = Nodes()
        self._rooms = Ownership(store, me, self._nodes.__contains__, clock)
        self._inquiries = Inquiries(self.send, self._nodes.__contains__, hub.spawn, metrics, patience_s)
        self._takers: set[Sender] = set()
        self.departures = Departures(hub, me, self._rooms, self, move_metrics, unavailable)
        self.arrivals = Arrivals(hub, self._rooms, move_metrics)
        self._numbers = itertools.count(1)
        self._edges: dict[int, EdgeLink] = {}
        self._remotes: dict[Sender, dict[int, Link | EdgeLink]] = {}
        self._named = self._started = False
        self._disputed = False
        self._clashed_at = -SILENCE_S
        self._deserted: asyncio.Event | None = None
        metrics.watch_cluster(
            nodes=lambda: len(self._nodes),
            edges=lambda: len(self._edges),
            remotes=lambda: sum(map(len, self._remotes.values())),
        )

    # --- life

    async def start(self) -> None:
        """Take the name and begin to listen. Raises `NameTaken`, and what the database raises."""
        self._named = True  # from here on there may be a name to give back
        await self._rooms.take_name()
        self._started = True
        await self._courier.start()
        self._courier.announce(self._sign_of_life)

    async def hand_over(self, spread_s: float) -> None:
        """Hand over the rooms that live here, and close the sockets whose rooms do not, spread over so many seconds.

        It may take longer, where others do not take rooms at once. The hub drains already.
        """
        self._courier.announce(self._sign_of_life)
        async with asyncio.TaskGroup() as group:
            group.create_task(self.departures.run(spread_s))
            group.create_task(self._close_edges(spread_s))

    async def close_sockets(self) -> None:
        """Close the sockets whose rooms live elsewhere with 1012; wait for the answers up to the close timeout.

        From here on others are answered that this node cannot do what they ask.
        """
        self._inquiries.host = None
        for edge in list(self._edges.values()):
            edge.close(Close.RESTART)
        if self._edges:
            self._deserted = asyncio.Event()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._deserted.wait(), self._hub.close_timeout)
        for edge in list(self._edges.values()):
            edge.abort()

    async def stop(self) -> None:
        """Say goodbye. Raises what the database raises."""
        if self._started:  # else it may be another that is known by this name
            self._started = False
            self._courier.flush()
            self._courier.announce(Gone())
        if self._named:
            self._named = False
            await self._rooms.leave()

    async def beat(self) -> None:
        """Show the others that this node is there, and see who is not; every `BEAT_S` seconds."""
        alive = self._sign_of_life
        self._courier.announce(alive)
        for sender in self._courier.correspondents:
            self._courier.send(sender, alive)
        for sender in self._nodes.silent(self._monotonic()):
            logger.warning("a node is silent", extra={"event": "node_lost", "node": sender.node})
            self._give_up(sender)
            self._courier.flush()
            self._forget(sender)

    async def hold(self) -> None:
        """Keep name and rooms in the database; every `BEAT_S` seconds. Raises what the database raises."""
        self._disputed = not await self._rooms.hold()
        for room_id in await self._rooms.review(self._rooms_in_use):
            logger.warning("another node has taken a room", extra={"event": "room_taken", "room": room_id})
            self._hub.close_room(room_id, Close.RESTART)

    @property
    def clash(self) -> bool:
        """Whether another process uses this node's name, as far as bus and database tell."""
        return self._disputed or self._monotonic() - self._clashed_at < SILENCE_S

    @property
    def slow(self) -> bool:
        """Whether what this node tells all comes back to it late, or not at all."""
        # The age grows between two beats and falls with each echo, however late that is; the lag stays.
        return max(self._courier.echo_lag_s, self._courier.echo_age_s - BEAT_S) > _ECHO_PATIENCE_S

    # --- connections at this node

    def refusal(self, request: LinkRequest) -> tuple[int, str] | None:
        """Say with which HTTP status and code a handshake is refused, or None when it is good."""
        return self._hub.refusal(request)

    def accept(self, request: LinkRequest, transport: Transport) -> Link | EdgeLink:
        """Take a connection whose handshake was good."""
        if request.room_id in self._rooms or self._hub.draining:
            return self._hub.accept(request, transport)
        edge = EdgeLink(self, next(self._numbers), request, transport, self._outbox_bytes, self._queued, self._clock())
        self._edges[edge.number] = edge
        return edge

    def find_owner(self, edge: EdgeLink) -> None:
        """Find out where the room of a connection lives, and bring it there."""
        self._hub.spawn(self._bring(edge))

    def forget(self, edge: EdgeLink) -> None:
        """Drop a connection that is over, or that goes on without the bus. Idempotent."""
        self._edges.pop(edge.number, None)
        if not self._edges and self._deserted is not None:
            self._deserted.set()

    def send(self, to: Sender, parcel: Parcel) -> None:
        """Send a parcel to a node."""
        self._courier.send(to, parcel)

    def now(self) -> float:
        """Return the time in seconds since 1970 UTC."""
        return self._clock()

    def later_abort(self, transport: Transport) -> asyncio.TimerHandle:
        """Cut a connection if it does not answer its close."""
        return self._hub.later(self._hub.close_timeout, transport.abort)

    def let_go(self, edge: Sender, number: int) -> None:
        """Drop a link whose socket is at another node. Idempotent."""
        link = self._remotes.get(edge, {}).pop(number, None)
        if link is not None:
            link.lost()

    # --- what is asked and told beside the connections

    def serve(self, host: Host) -> None:
        """Answer what other nodes ask, from now on."""
        self._inquiries.host = host

    @property
    def heard(self) -> Collection[Sender]:
        """The other nodes that speak on the bus."""
        return tuple(self._nodes)

    async def homes(self, room_ids: Collection[str]) -> dict[str, Sender]:
        """Return where those of the rooms live that live elsewhere. Raises what the database raises."""
        return await self._rooms.homes(room_ids)

    async def ask(self, node: Sender, question: AnyQuestion, kind: type[T], patience_s: float | None = None) -> T:
        """Return what a node answers. Raises `NodeUnreachable` where that does not come in time, or it could not."""
        if not self._bus.up:
            raise NodeUnreachable(node.node)
        self._nodes.expect(node, self._monotonic())
        return await self._inquiries.ask(node, question, kind, patience_s)

    def tell(self, node: Sender, question: AnyQuestion) -> None:
        """Ask a node something without waiting for what it answers."""
        self.send(node, Ask(_NO_ANSWER, question))

    def taker(self) -> Sender | None:
        """Return a node that takes rooms, any of them; None where there is none."""
        takers = [node for node in self._takers if node in self._nodes]
        return secrets.choice(takers) if takers else None

    def announce(self, news: AnyNews) -> None:
        """Tell all other nodes; a loss is not noticed."""
        self._courier.announce(news)

    # --- called by the courier

    def arrived(self, sender: Sender, parcel: Parcel) -> None:
        """Take a parcel."""
        if sender not in self._nodes:
            self._meet(sender)
        if isinstance(parcel, ToOwner):
            self._tell_link(sender, parcel)
        elif isinstance(parcel, ToEdge):
            self._do_at_edge(sender, parcel)
        elif isinstance(parcel, Open):
            self._open(sender, parcel)
        elif isinstance(parcel, Ask):
            self._inquiries.asked(sender, parcel)
        elif isinstance(parcel, Answer):
            self._inquiries.answered(sender, parcel)
        elif isinstance(parcel, News):
            self._inquiries.heard(parcel)
        elif isinstance(parcel, Alive):
            self._nodes.heard(sender, self._monotonic())
            (self._takers.add if parcel.takes == moves.VERSION else self._takers.discard)(sender)
        elif isinstance(parcel, Parted):
            self._part(sender)
        else:
            self._nodes.gone(sender)
            self._part(sender)
            self._forget(sender)

    def missed(self, sender: Sender) -> None:
        """Some of what a node sent is lost: what hangs between the two begins anew."""
        self._give_up(sender)

    def clashed(self, sender: Sender) -> None:
        """Another process speaks under this node's name."""
        if not self.clash:
            logger.error("another node has the name %s", sender.node, extra={"event": "node_clash"})
        self._clashed_at = self._monotonic()

    # --- inside

    def _meet(self, sender: Sender) -> None:
        for former in self._nodes.heard(sender, self._monotonic()):
            self._part(former)
            self._forget(former)

    def _forget(self, sender: Sender) -> None:
        self._takers.discard(sender)
        self._courier.forget(sender)

    def _tell_link(self, sender: Sender, parcel: ToOwner) -> None:
        links = self._remotes.get(sender, {})
        link = links.get(parcel.link)
        if link is not None:
            if isinstance(parcel, Lost):
                del links[parcel.link]
            parcel.tell(link)
        elif not isinstance(parcel, Lost):
            self.send(sender, Abort(parcel.link))  # it was given up, so there is no way on but a new connection

    def _do_at_edge(self, sender: Sender, parcel: ToEdge) -> None:
        edge = self._edges.get(parcel.link)
        if edge is not None and edge.owner == sender:
            parcel.do(edge)
        elif isinstance(parcel, Ping):  # the owner still believes in it
            self.send(sender, Lost(parcel.link, _ABNORMAL))

    async def _bring(self, edge: EdgeLink) -> None:
        try:
            owner = await self._rooms.owner_of(edge.request.room_id)
        except self._unavailable:
            logger.warning("no database to ask where a room lives", extra={"event": "claim_failed"})
            edge.close(Close.INTERNAL)
            return
        except Exception:
            logger.exception("where a room lives could not be found out", extra={"event": "claim_failed"})
            edge.close(Close.INTERNAL)
            return
        if edge.ended:
            return
        if owner == self.me:
            edge.stay(self._hub.accept(edge.request, edge.transport))
        else:
            self._nodes.expect(owner, self._monotonic())
            edge.go(owner)

    def _open(self, sender: Sender, opening: Open) -> None:
        # If the room has moved on since it was looked up, the connection follows it from here.
        link = self.accept(opening.request(sender.node), RemoteTransport(self, sender, opening.link))
        if isinstance(link, Link):
            link.arrival.accepted_at = min(opening.accepted_at, link.arrival.accepted_at)
            link.arrival.work = (opening.trip(self._bus.system, self._clock()),)
        self._remotes.setdefault(sender, {})[opening.link] = link
        link.opened()

    def _give_up(self, sender: Sender) -> None:
        self._part(sender)
        self.send(sender, Parted())

    @property
    def _sign_of_life(self) -> Alive:
        return Alive(0 if self._hub.draining else moves.VERSION)

    async def _close_edges(self, spread_s: float) -> None:
        edges = list(self._edges.values())
        for number, edge in enumerate(edges):
            if number:
                await asyncio.sleep(spread_s / len(edges))
            edge.close(Close.RESTART)

    def _part(self, sender: Sender) -> None:
        """Give up every connection that hangs between this node and another; clients resume over new ones."""
        for edge in [edge for edge in self._edges.values() if edge.owner == sender]:
            edge.part()
        for link in self._remotes.pop(sender, {}).values():
            link.lost()

    def _rooms_in_use(self) -> set[str]:
        undecided = {edge.request.room_id for edge in self._edges.values() if edge.undecided}
        return self._hub.rooms_in_use() | undecided
