"""Rooms that go on at another node: whoever is in misses nothing, whatever comes on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec
import pytest

from signaling.calls.live import LiveCall
from signaling.cluster import departures
from signaling.cluster.nodes import SILENCE_S
from signaling.cluster.questions import AnyQuestion, GoOn
from signaling.core.calls.timeline import Timeline
from signaling.core.messages import MAX_FRAME_BYTES
from signaling.core.room import RoomRules
from signaling.link import LinkRequest
from signaling.moves import Held
from tests.signaling.cluster.movers import RESTART, Pair, come_back, come_in, pair, ready, texts
from tests.signaling.cluster.town import Node, Town, settled
from tests.signaling.fakes import ORIGIN, OWNER, ROOM, id_of, send

__all__ = ["pair"]


class Kept:
    """A keeper that notes what becomes of calls."""

    def __init__(self) -> None:
        self.running: dict[str, Timeline] = {}
        self.stamps: list[int] = []
        self.done: list[Timeline] = []

    def begin(self, timeline: Timeline, stamp: int = 0) -> None:
        self.running[timeline.record.room] = timeline
        self.stamps.append(stamp)

    def newest(self, timeline: Timeline) -> int:
        return 7

    def release(self, timeline: Timeline) -> None:
        del self.running[timeline.record.room]

    def ended(self, timeline: Timeline) -> None:
        del self.running[timeline.record.room]
        self.done.append(timeline)


async def test_a_room_goes_on_at_the_other_node(town: Town, pair: Pair) -> None:
    a, b = pair
    people = [await come_in(a, displayName=name) for name in ("Ann", "Ben")]
    people.append(await come_in(b, displayName="Cleo"))
    send(people[0], "chat", text="before")
    await settled()
    await a.drain()
    assert town.ledger.rooms == {ROOM: b.me}
    assert [person.closed for person in people] == [RESTART] * 3
    assert (a.hub.members(ROOM), b.hub.members(ROOM)) == (0, 3)
    back = [await come_back(b, person) for person in people]
    assert [person.kinds() for person in back] == [["resumed"]] * 3, "nobody was seen to go or come"
    send(back[1], "chat", text="after", id=0)
    await settled()
    assert [person.frames[-1]["text"] for person in back] == ["after"] * 3
    assert {person.frames[-1]["from"] for person in back} == {id_of(people[1])}
    assert a.metric("chatter_room_moves_total", result="ok") == b.metric("chatter_rooms_taken_total") == 1


async def leaving(town: Town, node: Node) -> asyncio.Task[None]:
    """Begin to hand over what lives at a node, up to where the room stands still: nobody can take it yet."""
    town.ledger.takes.clear()
    task = asyncio.create_task(node.drain())
    await settled()
    assert ROOM in node.hub.moves
    return task


async def arrive(town: Town, task: asyncio.Task[None]) -> None:
    """Let the room be taken."""
    town.ledger.takes.set()
    await task
    await settled()


# --- what moves with a room -------------------------------------------------------------------------------------------


async def test_all_that_a_room_knows_moves_with_it(town: Town, pair: Pair) -> None:
    a, b = pair
    a.board.authenticator.add("host", OWNER)
    host = await come_in(a, token="host", displayName="Olivia")
    guest = await come_in(a, displayName="Gina")
    send(guest, "hand", raised=True)
    send(guest, "media", audio=True, video=True)
    send(guest, "chat", text="before")
    send(host, "lock", locked=True)
    await settled()
    lists = [a.hub.live(ROOM).room.participants(id_of(host))]  # type: ignore[union-attr]
    await a.drain()
    live = b.hub.live(ROOM)
    assert live is not None
    assert [live.room.participants(id_of(host))] == lists
    assert live.room.state.locked
    late = b.connect("v=2")
    send(late, "hello")
    await settled()
    assert late.closed == (4512, "room_locked")
    back = await come_back(b, host)
    send(back, "lock", locked=False)
    newcomer = await come_in(b)
    assert newcomer.frames[2]["messages"][0]["text"] == "before"
    assert newcomer.frames[0]["callId"] == host.frames[0]["callId"], "it is the same call"
    assert back.frames[-1]["polite"] is False, "who comes later is the polite side"


async def test_what_was_not_taken_before_is_sent_after(pair: Pair) -> None:
    a, b = pair
    ann, ben = await ready(pair)
    ben.disconnect()
    send(ann, "chat", text="one")
    send(ann, "chat", text="two")
    await a.drain()
    assert b.metric("chatter_sessions_lost") == 2
    back = await come_back(b, ben)
    assert texts(back) == ["one", "two"]
    assert back.kinds()[0] == "resumed"


async def test_limits_go_on(pair: Pair) -> None:
    a, b = pair
    ann, _ = await ready(pair)
    for number in range(20):
        send(ann, "chat", text=str(number))
    await a.drain()
    back = await come_back(b, ann)
    send(back, "chat", text="too much")
    await settled()
    assert back.frames[-1]["code"] == "rate_limited"


async def test_frames_are_handled_once(pair: Pair) -> None:
    a, b = pair
    ann, _ = await ready(pair)
    send(ann, "chat", text="one", id=4)
    await a.drain()
    back = await come_back(b, ann)
    assert back.frames[0]["lastId"] == 4
    send(back, "chat", text="one", id=4)
    send(back, "chat", text="two", id=5)
    await settled()
    assert texts(back) == ["one", "two"] or texts(back) == ["two"]
    assert len([text for text in texts(ann) + texts(back) if text == "one"]) == 1


async def test_who_was_shown_out_stays_out(pair: Pair) -> None:
    a, b = pair
    a.board.authenticator.add("host", OWNER)
    host, guest = await come_in(a, token="host"), await come_in(a)
    guest.disconnect()
    send(host, "remove", clientId=id_of(guest))
    await a.drain()
    back = await come_back(b, guest)
    assert back.closed == (4502, "kicked")


async def test_who_cannot_resume_is_gone(pair: Pair) -> None:
    a, b = pair
    old, new = await a.join("v=1"), await come_in(a)
    await a.drain()
    assert old.closed == RESTART
    back = await come_back(b, new)
    assert back.frames[-1] | {"action": "leave", "clientId": id_of(old)} == back.frames[-1]
    assert b.hub.members(ROOM) == 1


async def test_who_waits_knocks_again(town: Town, pair: Pair) -> None:
    a, b = pair
    for node in pair:
        node.board.directory.rooms[ROOM] = RoomRules(OWNER, guests_allowed=True, max_members=8, lobby="guests")
        node.board.authenticator.add("host", OWNER)
    host = await come_in(a, token="host")
    waiting = a.connect("v=2")
    send(waiting, "hello", displayName="Gina")
    await settled()
    assert waiting.kinds() == ["waiting"]
    await a.drain()
    assert waiting.closed == RESTART
    back = await come_back(b, host)
    assert back.frames[-1] == {"type": "lobby", "waiting": [], "seq": back.frames[-1]["seq"]}
    again = b.connect("v=2")
    send(again, "hello", displayName="Gina")
    await settled()
    (knock,) = back.frames[-1]["waiting"]
    send(back, "admit", clientId=knock["id"])
    await settled()
    assert "welcome" in again.kinds()


async def test_who_does_not_come_back_is_gone_in_the_end(
    town: Town, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = pair
    timers: list[Callable[[], object]] = []
    ann, ben = await ready(pair)
    with monkeypatch.context() as patch:
        patch.setattr(b.hub, "later", lambda _, call: timers.append(call))
        await a.drain()
    back = await come_back(b, ann)
    (show_absent,) = timers
    show_absent()
    assert back.frames[-1] | {"action": "lost", "clientId": id_of(ben)} == back.frames[-1]
    b.board.clock.now += 31
    b.hub.tick()
    assert back.frames[-1] | {"action": "leave", "clientId": id_of(ben)} == back.frames[-1]


async def test_a_call_has_one_record(town: Town) -> None:
    kept = {name: Kept() for name in "ab"}
    a, b = [await town.start(name, keeper=kept[name]) for name in "ab"]
    for node in (a, b):
        node.take_rooms()
    ann, ben = await ready((a, b))
    send(ann, "webrtc", action="offer", to=id_of(ben), sdp="v=0\r\na=ice-ufrag:x\r\n", connection="c")
    await a.drain()
    assert kept["a"].running == {}
    again = [await come_back(b, person) for person in (ann, ben)]
    send(again[1], "webrtc", action="answer", to=id_of(ann), sdp="v=0\r\na=ice-ufrag:y\r\n", connection="c")
    for person in again:
        send(person, "leave")
    await settled()
    (timeline,), none = kept["b"].done, kept["a"].done
    assert none == []
    record = timeline.record
    assert record.id == ann.frames[0]["callId"]
    assert [(one.losses, one.resumes) for one in record.members] == [(1, 1)] * 2
    assert record.pairs[0].attempts[0].answered_at is not None
    assert kept["b"].stamps == [7], "it is newer than what the first node has written"


async def test_sockets_of_rooms_elsewhere_are_sent_away_one_by_one(pair: Pair) -> None:
    a, b = pair
    await come_in(a)
    far = [await come_in(b) for _ in range(3)]
    await b.drain(0.003)
    assert [person.closed for person in far] == [RESTART] * 3
    assert a.hub.members(ROOM) == 4
    assert a.metric("chatter_sessions_lost") == 3


async def test_what_comes_for_who_is_gone_is_let_fall(pair: Pair) -> None:
    a, b = pair
    b.hub.moves.go_on(ROOM, Held("nobody", ["{}"]))
    await come_in(a)
    a.hub.moves.go_on(ROOM, Held("nobody", ["{}"]))
    assert a.hub.members(ROOM) == 1


# --- while it is on the way -------------------------------------------------------------------------------------------


async def test_what_comes_on_the_way_is_handled_at_the_other_end(town: Town, pair: Pair) -> None:
    a, b = pair
    ann, ben = await ready(pair)
    task = await leaving(town, a)
    send(ann, "chat", text="numbered", id=0)
    send(ann, "chat", text="without a number")
    send(ben, "leave")
    assert texts(ann) == texts(ben) == []
    await arrive(town, task)
    back = await come_back(b, ann)
    assert texts(back) == ["numbered", "without a number"]
    send(back, "chat", text="numbered", id=0)  # what was not acknowledged comes again
    await settled()
    assert texts(back) == ["numbered", "without a number"]
    assert back.frames[-1] | {"action": "leave", "clientId": id_of(ben)} == back.frames[-1]


async def test_who_goes_on_the_way_is_gone_at_the_other_end(town: Town, pair: Pair) -> None:
    a, b = pair
    ann, ben = await ready(pair)
    task = await leaving(town, a)
    assert ben.link is not None
    ben.link.lost(1000)
    ann.disconnect()
    await arrive(town, task)
    assert b.hub.members(ROOM) == 1
    assert (await come_back(b, ann)).kinds() == ["resumed", "presence"]


async def test_who_comes_back_on_the_way_waits_or_tries_again(town: Town, pair: Pair) -> None:
    a, b = pair
    c = await town.start("c")
    a.cluster._takers.discard(c.me)
    ann, ben = await ready(pair)
    ann.disconnect()
    ben.disconnect()
    task = await leaving(town, a)
    early = await come_back(b, ann)
    assert early.frames == []
    astray = await come_back(c, ben)
    assert astray.closed == RESTART
    await arrive(town, task)
    assert early.kinds()[0] == "resumed"
    assert (await come_back(c, ben)).kinds()[0] == "resumed"


async def test_who_is_new_comes_in_at_the_other_end(town: Town, pair: Pair) -> None:
    a, b = pair
    await ready(pair)
    assert b.hub.refusal(LinkRequest(ROOM, ORIGIN)) is None
    a.hub.drain()
    assert a.hub.refusal(LinkRequest(ROOM, ORIGIN)) == (503, "draining")
    early = b.connect("v=2")
    send(early, "hello")
    await settled()
    assert early.closed == RESTART, "nobody new comes into a room that is about to move"
    await a.drain()
    await come_in(b)
    assert b.hub.members(ROOM) == 3


async def test_too_much_on_the_way_ends_a_connection_and_no_session(town: Town, pair: Pair) -> None:
    a, b = pair
    ann, ben = await ready(pair)
    task = await leaving(town, a)
    for number in range(40):
        send(ann, "chat", text=str(number), id=number)
    assert ann.closed == RESTART
    assert ben.link is not None
    ben.link.binary()
    assert ben.closed == RESTART
    await arrive(town, task)
    back = await come_back(b, ann)
    assert "lastId" not in back.frames[0], "nothing of it counts, so that all of it comes again"


async def test_what_was_said_before_a_connection_ended_counts(town: Town, pair: Pair) -> None:
    a, b = pair
    ann, ben = await ready(pair)
    task = await leaving(town, a)
    send(ann, "chat", text="bye", id=0)
    assert ann.link is not None
    ann.link.lost(1001)
    await arrive(town, task)
    back = await come_back(b, ben)
    assert texts(back) == ["bye"]
    assert back.frames[-1] | {"action": "leave", "clientId": id_of(ann)} == back.frames[-1]


async def test_what_was_said_before_a_connection_ended_counts_where_a_room_stays(pair: Pair) -> None:
    a, _ = pair
    ann, ben = await ready(pair)
    cleo, dora = await come_in(a), await come_in(a)
    a.hub.moves.freeze(ROOM)
    for person in (ann, cleo, dora):
        send(person, "chat", text="bye", id=0)
    send(cleo, "leave", id=1)
    send(cleo, "chat", text="not any more")
    for person, code in ((ann, 1001), (cleo, 1006), (dora, 1006)):
        assert person.link is not None
        person.link.lost(code)
    a.hub.moves.stay(ROOM)
    assert texts(ben) == ["bye"] * 3
    gone = [(frame["action"], frame["clientId"]) for frame in ben.frames if frame["type"] == "presence"][-3:]
    assert gone == [("leave", id_of(cleo)), ("leave", id_of(ann)), ("lost", id_of(dora))]
    assert (await come_back(a, dora)).frames[0]["lastId"] == 0


async def test_a_room_that_is_closed_on_the_way_is_empty_at_the_other_end(town: Town, pair: Pair) -> None:
    a, b = pair
    ann, ben = await ready(pair)
    task = await leaving(town, a)
    a.hub.close_room(ROOM)
    assert [person.closed for person in (ann, ben)] == [(4508, "room_closed")] * 2
    await arrive(town, task)
    assert b.hub.members(ROOM) == 0


async def test_why_someone_went_on_the_way_is_what_was_first(town: Town, pair: Pair) -> None:
    a, b = pair
    for node in pair:
        node.board.authenticator.add("ann", 7)
    ann, _ = await come_in(a, token="ann"), await come_in(a)
    task = await leaving(town, a)
    await a.hub.sessions_ended(["session-7"])
    assert ann.closed == (4509, "signed_out")
    ann.disconnect()
    await arrive(town, task)
    assert b.hub.members(ROOM) == 1


async def test_what_came_on_the_way_is_bounded_in_bytes_and_sent_one_by_one(
    town: Town, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, _ = pair
    people = [await come_in(a) for _ in range(3)]
    told: list[AnyQuestion] = []
    monkeypatch.setattr(a.cluster, "tell", lambda _, question: told.append(question))
    task = await leaving(town, a)
    for person in people:
        send(person, "chat", text="x" * (MAX_FRAME_BYTES - 100))
    assert people[0].link is not None
    people[0].link.text("\N{GRINNING FACE}" * 30)
    assert [person.closed for person in people] == [RESTART, None, None], "30 characters, 120 bytes"
    await arrive(town, task)
    assert [type(question) for question in told] == [GoOn, GoOn]
    assert all(len(msgspec.msgpack.encode(question)) < departures.PART_BYTES for question in told)


async def test_nobody_is_shown_as_lost_in_a_room_that_is_on_its_way_again(
    town: Town, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = pair
    timers: list[Callable[[], object]] = []
    ann, _ = await ready(pair)
    with monkeypatch.context() as patch:
        patch.setattr(b.hub, "later", lambda _, call: timers.append(call))
        await a.drain()
    back = await come_back(b, ann)
    c = await town.start("c")
    c.take_rooms()
    task = await leaving(town, b)
    heard = list(back.frames)
    (show_absent,) = timers
    show_absent()
    assert back.frames == heard
    await arrive(town, task)
    back.frames[:0] = ann.frames
    assert (await come_back(c, back)).kinds()[0] == "resumed", "nothing was numbered that did not go along"


async def test_a_room_that_leaves_between_two_chores_is_let_be(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    a, _ = pair
    await ready(pair)
    a.board.directory.rooms["other"] = a.board.directory.rooms[ROOM]
    await a.join(room="other")
    ticked: list[LiveCall] = []
    monkeypatch.setattr(LiveCall, "tick", lambda call, _: ticked.append(call))
    chores = a.hub._chores()
    while not ticked:
        next(chores)
    other = a.hub.live("other")
    a.hub.moves.freeze("other")
    assert list(chores) == [None]
    assert other is not None
    assert other.call not in ticked


async def test_a_room_brings_a_queue_of_its_own(town: Town, pair: Pair) -> None:
    a, b = pair
    for node in pair:
        node.board.directory.rooms[ROOM] = RoomRules(OWNER, guests_allowed=True, max_members=8, lobby="guests")
        node.board.authenticator.add("host", OWNER)
    host = await come_in(a, token="host")
    encoded = a.hub.moves.freeze(ROOM)
    town.ledger.rooms.clear()
    waiting = b.connect("v=2")
    send(waiting, "hello", displayName="Gina")
    await settled()
    assert waiting.kinds() == ["waiting"]
    vain, thawed = b.hub.moves.thaw(encoded), b.hub.moves.thaw(encoded)
    b.hub.moves.open(thawed)
    assert waiting.closed == RESTART
    assert vain.live.lobby is not thawed.live.lobby
    again = b.connect("v=2")
    send(again, "hello", displayName="Gina")
    await settled()
    back = await come_back(b, host)
    assert [knock["displayName"] for knock in back.frames[-1]["waiting"]] == ["Gina"]


async def test_nothing_is_kept_of_a_node_that_is_gone(town: Town, pair: Pair) -> None:
    a, b = pair
    former = await town.start("c", "1")
    await town.kill(former)
    town.ledger.nodes.clear()
    c, d, e = await town.start("c", "2"), await town.start("d"), await town.start("e")
    assert a.cluster._takers == {b.me, c.me, d.me, e.me}, "a former life is over"
    town.nodes.remove(d)
    await d.cluster.stop()
    await settled()
    assert a.cluster._takers == {b.me, c.me, e.me}
    await d.bus.stop()
    await town.kill(e)
    await town.wait(SILENCE_S)
    assert a.cluster._takers == {b.me, c.me}
