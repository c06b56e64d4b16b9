"""Lost messages, silent nodes, two of one name, a database that is away: who notices, and what goes on."""

from __future__ import annotations

import asyncio
import json
import logging
import random

import pytest

from signaling.bus.courier import Sender
from signaling.cluster.ownership import NameTaken
from signaling.cluster.parcels import Abort, Close, Lost, Ping, Text, Write
from tests.signaling.chaos import Speaker, chaos_seed, check_logs
from tests.signaling.cluster.town import Node, Town, settled
from tests.signaling.fakes import ROOM, FakeTransport, id_of, people_of, send, settle

Pair = tuple[Node, Node]
RESTART = (1012, "restart")


async def hello(node: Node) -> tuple[FakeTransport, str]:
    """Let someone come in who can resume; return the token for that."""
    visitor = node.connect("v=2")
    send(visitor, "hello")
    await settled()
    return visitor, str(visitor.frames[0]["resumeToken"])


async def resume(node: Node, token: str, last_seq: int) -> FakeTransport:
    visitor = node.connect("v=2")
    send(visitor, "resume", resumeToken=token, lastSeq=last_seq)
    await settled()
    return visitor


async def lose(town: Town, cause: FakeTransport, text: str) -> None:
    """Let someone speak while the bus is away."""
    town.engine.running = False
    send(cause, "chat", text=text)
    await settled()
    town.engine.running = True


# --- the bus loses messages ------------------------------------------------------------------------------------------


async def test_what_was_lost_on_the_way_to_a_client_it_gets_when_it_resumes(town: Town, pair: Pair) -> None:
    first, _ = await hello(pair[0])
    second, token = await hello(pair[1])
    await lose(town, first, "lost?")
    send(first, "chat", text="after it")
    await settled()
    assert second.closed == RESTART
    assert "after it" not in str(second.frames), "what comes after a gap must wait"
    assert first.frames[-1]["action"] == "lost"
    back = await resume(pair[1], token, 2)
    assert [frame.get("text") for frame in back.frames] == [None, "lost?", "after it"]


async def test_what_was_lost_on_the_way_to_the_owner_shows(town: Town, pair: Pair) -> None:
    first, _ = await hello(pair[0])
    second, token = await hello(pair[1])
    await lose(town, second, "lost!")
    send(second, "chat", text="after it")
    await settled()
    assert second.closed == RESTART
    assert "lost!" not in str(first.frames)
    assert "after it" not in str(first.frames), "it was sent over a connection that is given up"
    back = await resume(pair[1], token, 2)
    assert back.frames[0] == {"type": "resumed", "clientId": second.frames[0]["clientId"]}
    assert people_of(first) == [id_of(first), id_of(second)]


async def test_a_loss_that_nothing_follows_is_noticed_with_the_next_beat(town: Town, pair: Pair) -> None:
    first, _ = await hello(pair[0])
    second, token = await hello(pair[1])
    await lose(town, first, "the last word")
    await town.wait(2)
    assert second.closed == RESTART
    back = await resume(pair[1], token, 2)
    assert back.frames[1]["text"] == "the last word"


async def test_an_opening_that_was_lost_is_noticed_with_the_next_beat(town: Town, pair: Pair) -> None:
    await pair[0].join()
    town.engine.running = False
    visitor = pair[1].connect()
    await settled()
    town.engine.running = True
    await town.wait(2)
    assert visitor.closed == RESTART


async def test_a_goodbye_of_a_socket_that_was_lost_is_noticed(town: Town, pair: Pair) -> None:
    first = await pair[0].join()
    second = await pair[1].join()
    town.engine.running = False
    second.disconnect()
    await settled()
    town.engine.running = True
    await town.wait(2)
    assert people_of(first) == [id_of(first)]
    assert pair[0].metric("chatter_bus_links") == pair[1].metric("chatter_bus_links") == 0


async def test_a_gap_parts_only_those_two_nodes(town: Town, pair: Pair) -> None:
    third = await town.start("c")
    first, second, other = await pair[0].join(), await pair[1].join(), await third.join()
    pair[0].cluster.missed(pair[1].me)
    await settled()
    assert second.closed == RESTART
    assert (first.closed, other.closed) == (None, None)
    assert people_of(other) == [id_of(first), id_of(other)]


async def test_members_at_the_owner_do_not_notice_the_loss_of_the_bus(town: Town, pair: Pair) -> None:
    first, second = await pair[0].join(), await pair[0].join()
    away = await pair[1].join()
    town.engine.running = False
    await town.wait(20)
    send(first, "chat", text="still here")
    await settled()
    assert second.frames[-1]["text"] == "still here"
    assert away.closed == RESTART
    assert people_of(first) == [id_of(first), id_of(second)]
    assert pair[0].metric("chatter_bus_messages_total", result="dropped") > 0


async def test_without_the_bus_one_is_sent_away_not_left_waiting(town: Town, pair: Pair) -> None:
    await pair[0].join()
    town.engine.running = False
    await town.wait(10)
    visitor = pair[1].connect()
    await settled()
    assert visitor.closed is None
    await town.wait(4)
    assert visitor.closed == RESTART
    assert town.ledger.rooms == {ROOM: pair[0].me}, "its owner shows itself in the database"


async def test_when_the_bus_is_back_all_is_as_before(town: Town, pair: Pair) -> None:
    first, _ = await hello(pair[0])
    _, token = await hello(pair[1])
    town.engine.running = False
    send(first, "chat", text="meanwhile")
    await town.wait(12)
    town.engine.running = True
    await town.wait(2)
    back = await resume(pair[1], token, 2)
    assert (back.frames[0]["type"], back.frames[1]["text"]) == ("resumed", "meanwhile")
    assert pair[1].metric("chatter_bus_nodes") == 1


async def test_a_bus_that_brings_nothing_back_counts_as_slow(town: Town, pair: Pair) -> None:
    await town.wait(20)
    assert not pair[0].cluster.slow
    town.engine.running = False
    await town.wait(4)
    assert pair[0].cluster.slow
    town.engine.running = True
    await town.wait(2)
    assert not pair[0].cluster.slow


async def test_a_bus_that_brings_all_back_late_counts_as_slow_all_the_time(town: Town, pair: Pair) -> None:
    cluster, clock = pair[0].cluster, pair[0].board.clock

    async def beat(lag: float) -> None:
        clock.now = town.now
        await cluster.beat()
        clock.now += lag
        await settled()

    await beat(1.5)
    for elapsed in (0.0, 1.0, 2.9):
        clock.now = town.now + 1.5 + elapsed
        assert cluster.slow, elapsed
    town.now += 4
    await beat(0.5)
    assert not cluster.slow


# --- a node is gone --------------------------------------------------------------------------------------------------


async def test_the_death_of_a_node_with_sockets_is_noticed_within_ten_seconds(town: Town, pair: Pair) -> None:
    first = await pair[0].join()
    await pair[1].join()
    await town.kill(pair[1])
    await town.wait(10)
    assert people_of(first) == [id_of(first)]
    assert pair[0].metric("chatter_bus_links") == pair[0].metric("chatter_bus_nodes") == 0


async def test_after_the_death_of_the_owner_a_room_begins_anew_elsewhere(town: Town, pair: Pair) -> None:
    await pair[0].join()
    second, token = await hello(pair[1])
    await town.kill(pair[0])
    await town.wait(8)
    assert second.closed == RESTART
    await town.wait(4)
    back = await resume(pair[1], token, 2)
    assert (back.frames[0]["code"], back.frames[0]["retryable"]) == ("state_lost", True)
    again, _ = await hello(pair[1])
    assert again.kinds() == ["welcome", "participants"]
    assert town.ledger.rooms == {ROOM: pair[1].me}


async def test_one_who_comes_before_the_death_is_noticed_waits_a_moment(town: Town, pair: Pair) -> None:
    await pair[0].join()
    await town.kill(pair[0])
    early = pair[1].connect()
    await town.wait(8)
    assert early.closed == RESTART
    next_one = pair[1].connect()
    await town.wait(4)
    assert next_one.closed == RESTART or next_one.kinds()[:1] == ["welcome"]
    await pair[1].join()


async def test_a_node_that_comes_back_under_its_name_is_a_new_one(town: Town, pair: Pair) -> None:
    owner, other = pair
    await owner.join()
    second = await other.join()
    await town.kill(owner)
    town.ledger.nodes["a"] = "1", 0  # it took its time to start
    again = await town.start("a", "2")
    assert second.closed == RESTART
    assert other.metric("chatter_bus_nodes") == 1
    assert (await again.join()).kinds() == ["welcome", "participants"]
    assert town.ledger.rooms == {ROOM: again.me}


async def test_a_node_that_stood_still_is_parted_and_met_again(town: Town, pair: Pair) -> None:
    owner, still = pair
    first, _ = await hello(owner)
    second, token = await hello(still)
    town.nodes.remove(still)
    await town.wait(10)
    assert first.frames[-1]["action"] == "lost"
    town.nodes.append(still)
    await town.wait(2)
    assert second.closed == RESTART
    back = await resume(still, token, 2)
    assert back.frames[0]["type"] == "resumed"


async def test_a_room_that_was_taken_over_is_closed_where_it_was(town: Town, pair: Pair) -> None:
    former, other = pair
    first, token = await hello(former)
    town.engine.running = False
    town.nodes.remove(former)
    await town.wait(12)
    taken = await other.join()
    assert town.ledger.rooms == {ROOM: other.me}
    town.engine.running = True
    town.nodes.append(former)
    await town.wait(2)
    assert first.closed == RESTART
    back = await resume(former, token, 2)
    assert back.frames[-1]["code"] == "state_lost"
    again = await former.join()
    assert people_of(again) == people_of(taken)


# --- two of one name -------------------------------------------------------------------------------------------------


async def test_a_second_node_of_one_name_does_not_start(
    town: Town, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def sleep(_: float) -> None:
        await town.wait(2)

    twin = Node(town, "a", "2")
    monkeypatch.setattr(twin.cluster._rooms, "_sleep", sleep)  # time passes when told
    await twin.bus.start()
    with pytest.raises(NameTaken):
        await twin.cluster.start()
    await twin.cluster.stop()
    await twin.bus.stop()
    await settled()
    assert not pair[0].cluster.clash, "who was refused disturbs nobody"
    assert town.ledger.nodes["a"][0] == "1"


async def test_a_start_that_is_broken_off_leaves_no_name(town: Town) -> None:
    node = Node(town, "a", "1")
    await node.bus.start()
    seen, noted, never = town.ledger.seen, asyncio.Event(), asyncio.Event()

    async def note_and_say_nothing(me: Sender, *, now: int, stale: int) -> bool:
        await seen(me, now=now, stale=stale)
        noted.set()
        await never.wait()
        return True

    town.ledger.seen = note_and_say_nothing  # type: ignore[method-assign]
    starting = asyncio.create_task(node.cluster.start())
    await noted.wait()
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    await node.cluster.stop()
    await node.bus.stop()
    assert town.ledger.nodes == {}


async def test_two_of_one_name_on_two_databases_notice(
    town: Town, pair: Pair, caplog: pytest.LogCaptureFixture
) -> None:
    town.ledger.nodes.clear()
    with caplog.at_level(logging.ERROR):
        twin = await town.start("a", "2")
        town.ledger.nodes.clear()
        await twin.cluster.beat()
        await settled()
    assert pair[0].cluster.clash
    assert {record.getMessage() for record in caplog.records} == {"another node has the name a"}
    town.ledger.nodes.clear()
    await twin.cluster.stop()
    await town.kill(twin)
    await town.wait(12)
    assert not pair[0].cluster.clash


async def test_a_name_that_was_taken_shows_until_it_is_free(town: Town, pair: Pair) -> None:
    town.ledger.nodes["a"] = "2", round(town.now * 1000)
    await pair[0].cluster.hold()
    assert pair[0].cluster.clash
    await town.wait(12)
    assert not pair[0].cluster.clash


# --- the database is away --------------------------------------------------------------------------------------------


async def test_without_a_database_new_rooms_wait_and_known_ones_go_on(town: Town, pair: Pair) -> None:
    await pair[0].join()
    town.ledger.down = True
    lost = pair[1].connect()
    await settled()
    assert lost.closed == (4005, "internal_error")
    assert (await pair[0].join()).kinds()[0] == "welcome"
    await town.wait(30)
    town.ledger.down = False
    assert len(people_of(await pair[1].join())) == 3, "nobody took the room meanwhile"
    assert town.ledger.rooms == {ROOM: pair[0].me}


async def test_a_bug_in_a_claim_is_logged_and_the_client_comes_back(
    town: Town, pair: Pair, caplog: pytest.LogCaptureFixture
) -> None:
    town.ledger.broken = True
    lost = pair[1].connect()
    await settled()
    assert lost.closed == (4005, "internal_error")
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


# --- numbers that mean nothing ---------------------------------------------------------------------------------------


async def test_unknown_connections_are_told_so_or_ignored(town: Town, pair: Pair) -> None:
    owner, other = pair
    first, second = await owner.join(), await other.join()
    for parcel in (Text(99, "{}"), Lost(99, 1006)):
        other.cluster.send(owner.me, parcel)
    for back in (Write(99, b"{}"), Ping(99), Close(99, 1000, ""), Abort(99)):
        owner.cluster.send(other.me, back)
    await settled()
    assert (first.closed, second.closed, second.pings) == (None, None, 0)
    send(second, "chat", text="all is well")
    await settled()
    assert first.frames[-1]["text"] == "all is well"


async def test_a_connection_obeys_its_owner_only(town: Town, pair: Pair) -> None:
    third = await town.start("c")
    await pair[0].join()
    visitor = await pair[1].join()
    for number in range(1, 9):
        third.cluster.send(pair[1].me, Close(number, 4502, "kicked"))
        third.cluster.send(pair[1].me, Write(number, b'{"type":"chat"}'))
    await settled()
    assert visitor.closed is None
    assert visitor.kinds() == ["welcome", "participants"]


async def test_a_link_whose_socket_is_unknown_ends(town: Town, pair: Pair) -> None:
    first = await pair[0].join()
    await pair[1].join()
    for edge in list(pair[1].cluster._edges.values()):  # as if its end had been forgotten
        pair[1].cluster.forget(edge)
    for _ in range(10):
        pair[0].hub.tick()
    await settled()
    assert people_of(first) == [id_of(first)]


async def test_nothing_is_kept_of_nodes_that_come_and_go(town: Town) -> None:
    owner = await town.start("a")
    await owner.join()
    for life in range(20):
        node = await town.start("b", str(life))
        visitor = await node.join()
        visitor.disconnect()
        await settled()
        await node.hub.stop()
        await node.cluster.stop()
        await town.kill(node)
        await settled()
    courier = owner.cluster._courier
    assert list(courier.correspondents) == []
    assert courier._received == {}
    assert owner.cluster._remotes == {}
    assert owner.metric("chatter_bus_nodes") == 0


# --- chaos -----------------------------------------------------------------------------------------------------------


class Player:
    """A speaker whose socket is at any of the nodes."""

    def __init__(self, name: str) -> None:
        self.speaker = Speaker(name)
        self.wire = FakeTransport()
        self.read = 0

    def dial(self, node: Node) -> None:
        self.wire.disconnect()
        self.wire, self.read = node.connect("v=2"), 0
        self.transmit(self.speaker.first_frame())

    @property
    def is_cut(self) -> bool:
        return self.wire.gone or self.wire.closed is not None

    def transmit(self, frame: dict[str, object]) -> None:
        if not self.is_cut and self.wire.link is not None:
            self.wire.link.text(json.dumps(frame))

    def say(self, frame: dict[str, object]) -> None:
        if self.speaker.ready:
            self.transmit(frame)

    def take(self) -> bool:
        """Read what came; false when nothing did."""
        news = self.wire.frames[self.read :]
        self.read += len(news)
        for frame in news:
            for again in self.speaker.take(frame):
                self.transmit(again)
        return bool(news)


async def test_a_bus_that_loses_a_lot_loses_nothing_of_what_is_said(town: Town) -> None:
    seed = chaos_seed()
    print(f"replay with CHAOS_SEED={seed}")
    chance = random.Random(seed)
    nodes = [await town.start(name, limits_scale=10_000) for name in "abc"]
    players = [Player(name) for name in ("Ann", "Ben", "Cleo")]
    for player, node in zip(players, nodes, strict=True):
        player.dial(node)
        await settled()
        player.take()

    def resumes() -> float:
        return sum(node.metric("chatter_ws_resumes_total", result="resumed") for node in nodes)

    while resumes() < 300:
        player = chance.choice(players)
        match chance.randrange(10):
            case 0:
                town.engine.running = not town.engine.running
            case 1:
                player.dial(chance.choice(nodes))
            case 2 | 3 | 4:
                player.say(player.speaker.say())
            case 5:
                other = chance.choice([other for other in players if other is not player])
                player.say(player.speaker.signal(other.speaker.id))
            case 6:
                for node in nodes:
                    await node.cluster.beat()
            case _:
                player.take()
                if player.is_cut:
                    player.dial(chance.choice(nodes))
        await settle()
    town.engine.running = True
    async with asyncio.timeout(60):
        await quiesce(town, players, nodes)
    check_logs([player.speaker for player in players])
    assert sum(node.metric("chatter_ws_resumes_total", result="unknown") for node in nodes) == 0


async def quiesce(town: Town, players: list[Player], nodes: list[Node]) -> None:
    calm = 0
    while calm < 3 or not all(player.speaker.owes_nothing for player in players):
        await town.wait(2)
        news = [player.take() for player in players]
        for player in players:
            if player.is_cut:
                news.append(True)
                player.dial(nodes[0])
        calm = 0 if any(news) else calm + 1
        await asyncio.sleep(0.02)  # acknowledgements are gathered for a moment
