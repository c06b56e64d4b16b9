"""A room whose members sit at several nodes: what each of them sees."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from observability.calls import CallTracer, span_of
from signaling.bus.courier import Sender
from signaling.cluster.parcels import Open
from signaling.link import LinkRequest
from tests.observability.traces import Traces, values_of
from tests.signaling.cluster.town import Node, Town, settled
from tests.signaling.fakes import ORIGIN, ROOM, FakeTransport, id_of, people_of, send

Pair = tuple[Node, Node]


async def meet(pair: Pair) -> tuple[FakeTransport, FakeTransport]:
    """Let one come in at the owner and one at the other node; both are caught up."""
    first = await pair[0].join("v=1")
    return first, await pair[1].join("v=1")


async def test_the_first_connection_decides_where_a_room_lives(town: Town, pair: Pair) -> None:
    owner, other = pair
    first, second = await meet(pair)
    assert town.ledger.rooms == {ROOM: owner.me}
    assert (owner.hub.members(ROOM), other.hub.members(ROOM)) == (2, 0)
    assert people_of(first) == people_of(second) == [id_of(first), id_of(second)]
    assert other.metric("chatter_bus_links", side="socket") == 1
    assert owner.metric("chatter_bus_links", side="room") == 1
    assert owner.metric("chatter_bus_nodes") == 1


async def test_a_node_that_is_alone_has_all_rooms(town: Town) -> None:
    node = await town.start("a")
    await node.join()
    await node.join()
    assert node.hub.members(ROOM) == 2
    assert node.metric("chatter_bus_messages_total", direction="out") == node.metric("chatter_bus_messages_total") > 0
    assert node.metric("chatter_bus_links") == 0


async def test_frames_go_both_ways(pair: Pair) -> None:
    first, second = await meet(pair)
    send(second, "webrtc", action="offer", sdp="v=0", to=id_of(first))
    await settled()
    assert first.frames[-1] | {"sdp": "v=0", "from": id_of(second)} == first.frames[-1]
    send(first, "webrtc", action="answer", sdp="v=1", to=id_of(second))
    await settled()
    assert second.frames[-1] | {"sdp": "v=1", "from": id_of(first)} == second.frames[-1]
    send(second, "chat", text="héllo 😀")
    await settled()
    assert first.frames[-1]["text"] == second.frames[-1]["text"] == "héllo 😀"


async def test_what_is_relayed_counts_as_over_the_bus_where_a_socket_is_at_another_node(pair: Pair) -> None:
    owner, other = pair
    first, second = await meet(pair)
    third, fourth = await owner.join("v=1"), await other.join("v=1")

    def relayed(scope: str) -> float:
        return owner.metric("chatter_relay_duration_seconds_count", type="ice", scope=scope)

    assert (relayed("local"), relayed("bus")) == (0, 0)
    over_bus = 0
    for sender, receiver, crosses in (
        (first, third, False),
        (first, second, True),
        (second, first, True),
        (second, fourth, True),
    ):
        send(sender, "webrtc", action="ice", to=id_of(receiver), candidate=None)
        await settled()
        over_bus += crosses
        assert relayed("bus") == over_bus
    assert relayed("local") == 1
    assert other.metric("chatter_relay_duration_seconds_count") == 0


async def test_the_trace_of_a_call_names_the_node_with_the_socket(town: Town) -> None:
    traces = Traces()
    await town.start("a", tracer=CallTracer(traces.tracer))
    await town.start("b", incarnation="2")
    await town.nodes[0].join("v=1")
    far = town.nodes[1].connect("v=2")
    send(far, "hello")
    await settled()
    far.disconnect()
    await settled()
    back = town.nodes[1].connect("v=2")
    send(back, "resume", resumeToken=far.frames[0]["resumeToken"], lastSeq=int(far.frames[-1]["seq"]))
    await settled()
    assert back.kinds()[0] == "resumed"
    edges = [values_of(span).get("chatter.node.edge") for span in traces.named("join")]
    assert edges == [None, "b"]
    assert values_of(traces.one("resume"))["chatter.node.edge"] == "b"


async def test_the_order_is_kept(pair: Pair) -> None:
    first, second = await meet(pair)
    for number in range(20):
        send(second, "chat", text=str(number))
    await settled()
    assert [frame["text"] for frame in first.frames if frame["type"] == "chat"] == [str(n) for n in range(20)]


async def test_what_comes_before_the_owner_is_known_waits(town: Town, pair: Pair) -> None:
    await pair[0].join()
    town.ledger.gate.clear()
    late = pair[1].connect("v=2")
    send(late, "hello", displayName="Late")
    send(late, "chat", text="in a hurry")
    await settled()
    assert late.frames == []
    town.ledger.gate.set()
    await settled()
    assert late.kinds() == ["welcome", "participants", "chat"]


@pytest.mark.parametrize("frames", [[" " * 10] * 33, ["x" * 65_537], ["x" * 40_000] * 2])
async def test_too_much_before_the_owner_is_known_ends_it(town: Town, pair: Pair, frames: list[str]) -> None:
    town.ledger.gate.clear()
    hasty = pair[1].connect("v=2")
    assert hasty.link is not None
    for frame in frames:
        hasty.link.text(frame)
    assert hasty.closed == (4003, "rate_limited")
    town.ledger.gate.set()
    await settled()
    assert pair[0].hub.rooms_in_use() | pair[1].hub.rooms_in_use() == set()


async def test_early_frames_at_the_first_node_too(town: Town, pair: Pair) -> None:
    town.ledger.gate.clear()
    first = pair[0].connect("v=2")
    send(first, "hello")
    send(first, "chat", text="anyone?")
    town.ledger.gate.set()
    await settled()
    assert first.kinds() == ["welcome", "participants", "chat"]
    send(first, "chat", text="no?")
    await settled()
    assert first.frames[-1]["text"] == "no?"


async def test_a_binary_frame_before_the_owner_is_known_ends_it(town: Town, pair: Pair) -> None:
    town.ledger.gate.clear()
    early = pair[1].connect("v=2")
    assert early.link is not None
    early.link.binary()
    assert early.closed == (4506, "bad_protocol")
    early.link.binary()
    early.link.text("{}")
    early.link.pong()


async def test_a_binary_frame_is_answered_by_the_owner(pair: Pair) -> None:
    first, second = await meet(pair)
    for visitor in (first, second):
        assert visitor.link is not None
        visitor.link.binary()
    await settled()
    assert second.frames[-1]["code"] == first.frames[-1]["code"] == "binary_frame"


async def test_leaving_closes_at_the_other_node(pair: Pair) -> None:
    first, second = await meet(pair)
    send(second, "leave")
    await settled()
    assert second.closed == (1000, "normal")
    second.disconnect()
    await settled()
    assert people_of(first) == [id_of(first)]
    assert pair[0].metric("chatter_bus_links") == pair[1].metric("chatter_bus_links") == 0
    assert pair[0].metric("chatter_ws_connections") == 1


@pytest.mark.parametrize(("code", "action"), [(1000, "leave"), (1001, "leave"), (1006, "lost"), (3000, "lost")])
async def test_how_a_socket_ended_decides_whether_its_member_is_lost(pair: Pair, code: int, action: str) -> None:
    first = await pair[0].join()
    second = pair[1].connect("v=2")
    send(second, "hello")
    await settled()
    assert second.link is not None
    second.link.lost(code)
    await settled()
    assert first.frames[-1]["action"] == action
    assert pair[1].metric("chatter_bus_links") == 0


async def test_a_peer_that_does_not_answer_a_close_is_cut(pair: Pair) -> None:
    _, second = await meet(pair)
    send(second, "leave")
    await settled()
    assert not second.gone
    while not second.gone:  # the close timeout of the fakes is 20 ms
        await settled()
    await settled()
    assert pair[0].metric("chatter_ws_connections") == 1
    assert pair[0].metric("chatter_bus_links") == pair[1].metric("chatter_bus_links") == 0


async def test_pings_and_pongs_travel(pair: Pair) -> None:
    _, second = await meet(pair)
    second.answers_pings = True
    for _ in range(30):
        pair[0].hub.tick()
        await settled()
    assert second.pings == 3
    assert second.closed is None
    assert pair[0].metric("chatter_ws_ping_rtt_seconds_count") == 3


async def test_a_silent_peer_at_the_other_node_is_cut(pair: Pair) -> None:
    _, second = await meet(pair)
    for _ in range(24):
        pair[0].hub.tick()
        await settled()
    assert second.closed == (4001, "ping_timeout")
    assert second.gone
    await settled()
    assert pair[0].metric("chatter_bus_links") == pair[1].metric("chatter_bus_links") == 0


async def test_a_slow_reader_at_the_other_node_is_cut_and_costs_nothing(pair: Pair) -> None:
    first = await pair[0].join()
    slow = pair[1].connect(size=600)
    await settled()
    for _ in range(3):
        send(first, "webrtc", action="offer", sdp="x" * 1500, to=people_of(first)[1])
        await settled()
    assert slow.closed == (4000, "slow_consumer")
    assert pair[0].metric("chatter_ws_closes_total", reason="slow_consumer") == 1
    assert people_of(first) == [id_of(first)]


async def test_a_pause_at_the_other_node_loses_nothing(pair: Pair) -> None:
    first = await pair[0].join()
    slow = pair[1].connect(size=600)
    await settled()
    for number in range(3):
        send(first, "chat", text=str(number))
    await settled()
    slow.read()
    await settled()
    assert [frame["text"] for frame in slow.frames if frame["type"] == "chat"] == ["0", "1", "2"]


async def test_one_who_goes_while_the_owner_is_looked_up_leaves_nothing(town: Town, pair: Pair) -> None:
    await pair[0].join()
    town.ledger.gate.clear()
    fickle = pair[1].connect()
    fickle.disconnect()
    town.ledger.gate.set()
    await settled()
    assert pair[0].hub.members(ROOM) == 1
    assert pair[1].metric("chatter_bus_links") == 0


async def test_what_the_handshake_showed_is_seen_by_the_owner() -> None:
    span = span_of("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    request = LinkRequest(
        room_id=ROOM,
        origin=ORIGIN,
        address="192.0.2.7",
        forwarded_for="192.0.2.7",
        token="t",
        ticket="k",
        speaks_first=True,
        browser="Chrome 156",
        span=span,
    )
    again = Open.of(5, request, 1.0, 2.0).request("edge")
    assert again == LinkRequest(
        room_id=ROOM,
        origin=ORIGIN,
        address="192.0.2.7",
        token="t",
        ticket="k",
        speaks_first=True,
        browser="Chrome 156",
        span=again.span,
        edge="edge",
    )
    assert again.span == span is not None


async def test_a_refused_handshake_is_refused_where_it_comes(pair: Pair) -> None:
    for room, origin, refusal in (("A/B", ORIGIN, (404, "room_not_found")), (ROOM, "x", (403, "bad_origin"))):
        assert pair[1].cluster.refusal(LinkRequest.parse(room, "", {"origin": origin})) == refusal


# --- rooms come and go -----------------------------------------------------------------------------------------------


async def test_a_deserted_room_may_live_elsewhere_next_time(town: Town, pair: Pair) -> None:
    first, second = await meet(pair)
    first.disconnect()
    second.disconnect()
    await settled()
    await town.wait(2)
    assert town.ledger.rooms == {}
    await pair[1].join()
    assert town.ledger.rooms == {ROOM: pair[1].me}
    again = await pair[0].join()
    assert len(people_of(again)) == 2


async def test_a_room_stays_while_someone_may_come_back(town: Town, pair: Pair) -> None:
    only = pair[0].connect("v=2")
    send(only, "hello")
    await settled()
    only.disconnect()
    await town.wait(4)
    assert town.ledger.rooms == {ROOM: pair[0].me}


async def test_a_review_does_not_disturb_one_who_is_on_the_way(town: Town, pair: Pair) -> None:
    (await pair[0].join()).disconnect()
    town.ledger.gate.clear()
    waiting = pair[0].connect(), pair[1].connect()
    reviewing = asyncio.create_task(pair[0].cluster.hold())
    await settled()
    town.ledger.gate.set()
    await reviewing
    await settled()
    (owner,) = (node for node in pair if town.ledger.rooms[ROOM] == node.me)
    assert owner.hub.members(ROOM) == 2
    assert [visitor.kinds()[0] for visitor in waiting] == ["welcome", "welcome"]


async def test_a_connection_follows_a_room_that_moved(town: Town, pair: Pair) -> None:
    third = await town.start("c")
    there = await third.join()
    answers = iter([pair[0].me, third.me])  # it moved between the two questions

    async def find(_room_id: str) -> Sender:
        return next(answers)

    town.ledger.find = find  # type: ignore[assignment,method-assign]
    visitor = await pair[1].join()
    assert people_of(there) == people_of(visitor) == [id_of(there), id_of(visitor)]
    send(visitor, "chat", text="by way of another")
    await settled()
    assert there.frames[-1]["text"] == visitor.frames[-1]["text"] == "by way of another"
    visitor.answers_pings = True
    for _ in range(10):
        third.hub.tick()
        await settled()
    assert visitor.pings == 1
    await town.kill(pair[0])
    await town.wait(10)
    assert visitor.closed == (1012, "restart")
    assert people_of(there) == [id_of(there)]


async def test_draining_at_the_owner_sends_all_away(pair: Pair) -> None:
    first, second = await meet(pair)
    await pair[0].hub.stop()
    await settled()
    assert first.closed == second.closed == (1012, "restart")
    late = pair[1].connect()
    await settled()
    assert late.closed == (1012, "restart")


async def test_draining_at_the_socket_sends_away_who_is_there(pair: Pair) -> None:
    first = await pair[0].join()
    second = pair[1].connect("v=2")
    send(second, "hello")
    await settled()
    await pair[1].hub.stop()
    await pair[1].cluster.close_sockets()
    await settled()
    assert second.closed == (1012, "restart")
    assert second.gone, "it did not answer the close"
    assert first.closed is None
    assert first.frames[-1]["action"] == "lost", "it may come back by another node"
    assert pair[1].metric("chatter_bus_links") == 0
    await pair[1].cluster.close_sockets()


async def test_draining_waits_for_those_who_answer(town: Town) -> None:
    owner = await town.start("a")
    other = await town.start("b", close_timeout=timedelta(hours=1))
    await owner.join()
    visitor = await other.join()
    visitor.close = lambda code, reason: visitor.disconnect()  # type: ignore[method-assign]
    await other.cluster.close_sockets()
    assert visitor.gone


async def test_nothing_is_begun_while_draining(town: Town, pair: Pair) -> None:
    await pair[1].hub.stop()
    late = pair[1].connect()
    await settled()
    assert late.closed == (1012, "restart")
    assert town.ledger.rooms == {}


async def test_a_goodbye_parts_at_once(town: Town, pair: Pair) -> None:
    owner, other = pair
    first = await owner.join()
    second = await other.join()
    await other.cluster.stop()
    await settled()
    assert people_of(first) == [id_of(first)]
    assert not second.gone
    assert owner.metric("chatter_bus_nodes") == 0
    assert set(town.ledger.nodes) == {"a"}
    await other.cluster.stop()
