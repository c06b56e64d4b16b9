"""Silent peers are found, answering ones left alone."""

from __future__ import annotations

import pytest

from signaling.heartbeat import Heartbeat
from signaling.link import Link
from tests.signaling.fakes import FakeTransport, Switchboard


async def watched(hub: Switchboard, heartbeat: Heartbeat) -> FakeTransport:
    transport = await hub.join()
    assert transport.link is not None
    heartbeat.add(transport.link)
    return transport


def tick(heartbeat: Heartbeat) -> list[Link]:
    return list(heartbeat.tick())


@pytest.mark.parametrize("ticks_before", range(10))
async def test_a_silent_peer_is_gone_within_24_ticks(ticks_before: int) -> None:
    heartbeat = Heartbeat(interval=10, patience=4)
    for _ in range(ticks_before):
        tick(heartbeat)
    silent = await watched(Switchboard(), heartbeat)
    taken = 0
    while silent.closed is None:
        tick(heartbeat)
        taken += 1
        assert taken <= 24
    assert silent.closed == (4001, "ping_timeout")
    assert silent.gone, "who does not answer pings would not answer the close"
    assert taken >= 14
    assert silent.pings == 2


async def test_a_peer_that_answers_is_never_cut() -> None:
    heartbeat = Heartbeat(interval=10, patience=4)
    board = Switchboard()
    peers = [await watched(board, heartbeat) for _ in range(3)]
    for peer in peers:
        peer.answers_pings = True
    for _ in range(500):
        tick(heartbeat)
    assert [peer.pings for peer in peers] == [50, 50, 50]
    assert all(peer.closed is None for peer in peers)


@pytest.mark.parametrize("sign", ["text", "binary", "pong"])
async def test_every_frame_is_a_sign_of_life(sign: str) -> None:
    heartbeat = Heartbeat(interval=10, patience=4)
    peer = await watched(Switchboard(), heartbeat)
    link = peer.link
    assert link is not None
    while link.unanswered_pings < 2:
        tick(heartbeat)
    match sign:
        case "text":
            link.text('{"type":"media","audio":true,"video":true}')
        case "binary":
            link.binary()
        case _:
            link.pong()
    for _ in range(19):
        tick(heartbeat)
        assert peer.closed is None
    for _ in range(5):
        tick(heartbeat)
    assert peer.closed == (4001, "ping_timeout")


async def test_one_answer_in_time_is_enough() -> None:
    heartbeat = Heartbeat(interval=10, patience=4)
    peer = await watched(Switchboard(), heartbeat)
    assert peer.link is not None
    for _ in range(200):
        tick(heartbeat)
        if peer.pings and peer.link.unanswered_pings == 2:
            peer.link.pong()
    assert peer.closed is None


async def test_pings_are_spread_over_the_interval() -> None:
    heartbeat = Heartbeat(interval=10, patience=4)
    board = Switchboard(limits_scale=1000)
    board.directory.rooms = {f"room-{number}": board.directory.rooms["standup"] for number in range(30)}
    for number in range(30):
        peer = await board.join(room=f"room-{number}")
        assert peer.link is not None
        heartbeat.add(peer.link)
        peer.answers_pings = True
    assert [len(tick(heartbeat)) for _ in range(20)] == [3] * 20


async def test_a_removed_peer_is_let_alone() -> None:
    heartbeat = Heartbeat(interval=10, patience=4)
    peer = await watched(Switchboard(), heartbeat)
    assert peer.link is not None
    heartbeat.remove(peer.link)
    heartbeat.remove(peer.link)
    for _ in range(50):
        assert tick(heartbeat) == []
    assert (peer.pings, peer.closed) == (0, None)


@pytest.mark.parametrize(("interval", "patience"), [(10, 10), (10, 11), (10, 0), (0, 0), (1, 1)])
def test_patience_is_shorter_than_the_interval(interval: int, patience: int) -> None:
    with pytest.raises(ValueError, match="patience"):
        Heartbeat(interval, patience)
