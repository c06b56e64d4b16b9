"""What happens to connections, frames and rooms is counted: once, under the right name, and nothing else with it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from observability.exposition import expose
from signaling.core.room import RoomRules
from signaling.errors import Close, CloseReason, FrameFault
from signaling.metrics import SignalingMetrics
from signaling.turn.settings import TurnSettings
from signaling.turn.urls import parse_turn_url
from tests.signaling.fakes import OWNER, ROOM, FakeTransport, Switchboard, id_of, send, settle

OPENMETRICS = "application/openmetrics-text; version=1.0.0"
TRACE = "0123456789abcdef" * 2


def closes(board: Switchboard) -> dict[str, float]:
    """Return how many connections ended, by reason, without those by which none did."""
    return {
        sample.labels["reason"]: sample.value
        for family in board.registry.collect()
        for sample in family.samples
        if sample.name == "chatter_ws_closes_total" and sample.value
    }


def candidate(to: FakeTransport) -> dict[str, Any]:
    return {"action": "ice", "to": id_of(to), "candidate": {"candidate": ""}}


# --- connections ------------------------------------------------------------------------------------------------------


async def test_those_who_are_connected_are_counted_by_who_they_are() -> None:
    board = Switchboard()
    board.authenticator.add("t", OWNER)
    board.authenticator.add("r", OWNER, recorder_of=ROOM)
    await board.join("token=t")
    await board.join()
    recorder = await board.join("token=r")
    entering = board.connect("v=2")
    for name, guests in (("chatter_ws_connections", 2), ("chatter_participants", 1)):
        assert [board.metric(name, kind=kind) for kind in ("user", "guest", "recorder")] == [1, guests, 1]
    recorder.disconnect()
    entering.disconnect()
    for name in ("chatter_ws_connections", "chatter_participants"):
        assert [board.metric(name, kind=kind) for kind in ("user", "guest", "recorder")] == [1, 1, 0]


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (1000, "client"),
        (1005, "client"),
        (1001, "going_away"),
        (4100, "abandoned"),
        (1002, "protocol"),
        (1006, "abnormal"),
        (0, "abnormal"),
        (4999, "abnormal"),
    ],
)
async def test_how_the_peer_ends_a_connection_is_counted(code: int, reason: str) -> None:
    board = Switchboard()
    transport = await board.join()
    assert transport.link is not None
    transport.link.lost(code)
    transport.link.lost(1006)
    assert closes(board) == {reason: 1}


@pytest.mark.parametrize(
    ("close", "reason"),
    [
        (Close.NORMAL, "client"),
        (Close.KICKED, "kicked"),
        (Close.BANNED, "kicked"),
        (Close.RESTART, "drain"),
        (Close.INTERNAL, "error"),
        (Close.BAD_FRAMING, "protocol"),
        (Close.PING_TIMEOUT, "ping_timeout"),
        (Close.SLOW_CONSUMER, "slow_consumer"),
        (Close.REPLACED, "replaced"),
        (Close.SIGNED_OUT, "signed_out"),
        (Close.ENDED, "ended"),
        (Close.ROOM_FULL, "refused"),
    ],
)
async def test_how_the_server_ends_a_connection_is_counted(close: CloseReason, reason: str) -> None:
    board = Switchboard()
    transport = await board.join()
    assert transport.link is not None
    transport.link.close(close)
    transport.disconnect()
    assert closes(board) == {reason: 1}, "and not its end again"


async def test_the_time_of_a_connection_counts_from_the_moment_it_is_in() -> None:
    board = Switchboard(hello_timeout=timedelta(seconds=60))
    transport, refused = board.connect("v=2"), board.connect("token=forged")
    board.clock.now += 50
    send(transport, "hello", displayName="Gina")
    await settle()
    board.clock.now += 600
    transport.disconnect()
    refused.disconnect()
    assert board.metric("chatter_ws_session_duration_seconds_count") == 1
    assert board.metric("chatter_ws_session_duration_seconds_sum") == 600


async def test_a_round_trip_is_that_of_the_first_ping_without_an_answer() -> None:
    board = Switchboard()
    transport = await board.join()
    link = transport.link
    assert link is not None
    link.pong()
    for _ in range(2):
        link.ping()
        board.clock.now += 2
    link.pong()
    link.pong()
    assert board.metric("chatter_ws_ping_rtt_seconds_count") == 1
    assert board.metric("chatter_ws_ping_rtt_seconds_sum") == 4


async def test_turn_credentials_are_counted() -> None:
    turn = TurnSettings(urls=(parse_turn_url("turn:turn.example.org"),), secret="north")
    board = Switchboard(turn=turn)
    transport = await board.join()
    send(transport, "ice_servers")
    board.hub.ice_servers(None)
    assert board.metric("chatter_turn_credentials_issued_total") == 2


async def test_too_many_connections_from_one_address_are_counted() -> None:
    board = Switchboard(max_connections_per_address=1, limits_scale=1.0)
    board.connect("v=2")
    board.connect("v=2")
    assert board.metric("chatter_rate_limited_total", scope="connections") == 1
    assert closes(board) == {"rate_limited": 1}


# --- frames -----------------------------------------------------------------------------------------------------------


async def test_frames_are_counted_both_ways_with_their_bytes() -> None:
    board = Switchboard()
    transport = board.connect("v=2")
    send(transport, "hello", displayName="Zoë")
    await settle()
    other = await board.join()
    send(transport, "webrtc", **candidate(other))
    assert transport.link is not None
    transport.link.text('{"type":"chat","text":"für alle"}')
    transport.link.text("{")

    def counted(direction: str) -> dict[str, float]:
        return {
            sample.labels["type"]: sample.value
            for family in board.registry.collect()
            for sample in family.samples
            if sample.name == "chatter_ws_messages_total" and sample.labels["direction"] == direction and sample.value
        }

    assert counted("in") == {"hello": 1, "ice": 1, "chat": 1, "other": 1}
    frames = transport.frames + other.frames
    assert sum(counted("out").values()) == len(frames)
    assert counted("out") == {"welcome": 2, "participants": 2, "presence": 1, "ice": 1, "chat": 2, "error": 1}
    chat = len('{"type":"chat","text":"für alle"}'.encode())
    before = board.metric("chatter_ws_message_bytes_total", direction="in")
    transport.link.text('{"type":"chat","text":"für alle"}')
    assert board.metric("chatter_ws_message_bytes_total", direction="in") - before == chat


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{", FrameFault.BAD_JSON),
        ('{"type":"gossip"}', FrameFault.UNKNOWN_TYPE),
        ('{"type":"welcome"}', FrameFault.SERVER_ONLY_TYPE),
        ('{"type":"end"}', FrameFault.FORBIDDEN),
        ('{"type":"webrtc","action":"offer","to":"nobody","sdp":"v=0"}', FrameFault.UNKNOWN_PEER),
    ],
)
async def test_refused_frames_are_counted_by_the_fault(text: str, fault: FrameFault) -> None:
    board = Switchboard()
    transport = await board.join()
    assert transport.link is not None
    transport.link.text(text)
    transport.link.text('{"type":"hand","raised":true}')
    assert board.metric("chatter_ws_message_rejects_total") == 1
    assert board.metric("chatter_ws_message_rejects_total", reason=fault.code) == 1
    lost = fault is FrameFault.UNKNOWN_PEER
    assert board.metric("chatter_relay_failures_total", reason="no_peer") == lost
    assert board.metric("chatter_relay_duration_seconds_count") == 0


async def test_a_command_about_nobody_is_no_failed_relay() -> None:
    board = Switchboard()
    board.authenticator.add("t", OWNER)
    host = await board.join("token=t")
    send(host, "remove", clientId="nobody")
    assert board.metric("chatter_ws_message_rejects_total", reason="unknown_peer") == 1
    assert board.metric("chatter_relay_failures_total") == 0


async def test_a_binary_frame_is_refused_and_counted() -> None:
    board = Switchboard()
    transport = await board.join()
    assert transport.link is not None
    transport.link.binary()
    assert board.metric("chatter_ws_message_rejects_total", reason="binary_frame") == 1


async def test_a_flood_is_counted() -> None:
    board = Switchboard(limits_scale=0.1)
    transport = await board.join()
    for _ in range(3):
        send(transport, "chat", text="x")
    assert board.metric("chatter_rate_limited_total", scope="frames") == 1
    assert board.metric("chatter_ws_message_rejects_total", reason="rate_limited") == 1


async def test_those_who_wait_at_the_door_are_counted_too() -> None:
    board = Switchboard()
    board.directory.rooms[ROOM] = RoomRules(OWNER, guests_allowed=True, max_members=3, lobby="guests")
    transport = board.connect("v=2")
    send(transport, "hello", displayName="Gina")
    await settle()
    send(transport, "chat", text="let me in")
    assert board.metric("chatter_ws_messages_total", direction="in", type="chat") == 1
    assert board.metric("chatter_ws_message_rejects_total", reason="not_in_room") == 1


async def test_frames_that_wait_are_seen_and_those_that_find_no_room_counted() -> None:
    board = Switchboard()
    talker, slow = await board.join(), await board.join()
    assert slow.link is not None
    slow.link.pause()
    sent = 0
    while slow.closed is None:
        send(talker, "webrtc", action="offer", to=id_of(slow), sdp="x" * 1000)
        sent += 1
    assert board.metric("chatter_ws_send_queue_depth_count") == sent - 1
    assert board.metric("chatter_ws_send_queue_depth_sum") == sum(range(sent))
    assert board.metric("chatter_ws_send_queue_drops_total", type="offer") == 1
    assert board.metric("chatter_relay_failures_total", reason="queue_full") == 1


async def test_frames_sent_again_are_counted_as_that() -> None:
    board = Switchboard()
    lost = board.connect("v=2")
    send(lost, "hello", displayName="Gina")
    await settle()
    talker = await board.join()
    lost.disconnect()
    send(talker, "chat", text="are you there?")
    back = board.connect("v=2")
    send(back, "resume", resumeToken=lost.frames[0]["resumeToken"], lastSeq=2)
    await settle()
    missed = [frame["type"] for frame in back.frames]
    assert missed[0] == "resumed"
    assert board.metric("chatter_ws_messages_total", direction="out", type="resent") == len(missed) - 1
    assert board.metric("chatter_ws_resumes_total", result="resumed") == 1


# --- relaying ---------------------------------------------------------------------------------------------------------


async def test_relaying_is_timed_and_names_the_trace_of_the_call_where_that_is_kept() -> None:
    board = Switchboard()
    first, second = await board.join(), await board.join()
    live = board.hub.live(ROOM)
    assert live is not None
    live.call.exemplar = TRACE
    send(first, "webrtc", **candidate(second))
    assert board.metric("chatter_relay_duration_seconds_count", type="ice", scope="local") == 1
    assert f'le="0.0001",scope="local",type="ice"}} 1.0 # {{trace_id="{TRACE}"}}' in text_of(board.registry)


async def test_a_call_whose_trace_is_not_kept_is_nobodys_exemplar() -> None:
    board = Switchboard()
    first, second = await board.join(), await board.join()
    send(first, "webrtc", **candidate(second))
    assert board.metric("chatter_relay_duration_seconds_count", type="ice") == 1
    assert "trace_id" not in text_of(board.registry)


async def test_a_frame_handled_before_is_not_relayed_again() -> None:
    board = Switchboard()
    first, second = await board.join(), await board.join()
    for _ in range(2):
        send(first, "webrtc", **candidate(second), id=1)
    assert board.metric("chatter_relay_duration_seconds_count", type="ice") == 1
    assert board.metric("chatter_ws_messages_total", direction="in", type="ice") == 2


def text_of(registry: CollectorRegistry) -> str:
    return expose(registry, OPENMETRICS)[0].decode()


# --- rooms ------------------------------------------------------------------------------------------------------------


async def test_rooms_open_with_the_first_and_close_with_the_last() -> None:
    board = Switchboard()
    first, second = await board.join(), await board.join()
    assert board.metric("chatter_rooms_created_total") == 1
    first.disconnect()
    assert board.metric("chatter_rooms_closed_total") == 0
    send(second, "leave")
    assert board.metric("chatter_rooms_closed_total", reason="empty") == 1
    assert board.metric("chatter_leaves_total", reason="left") == 1
    await board.join()
    assert board.metric("chatter_rooms_created_total") == 2


async def test_a_room_whose_last_member_stays_away_was_lost() -> None:
    board = Switchboard()
    transport = board.connect("v=2")
    send(transport, "hello", displayName="Gina")
    await settle()
    transport.disconnect()
    board.clock.now += 3600
    board.hub.tick()
    assert board.metric("chatter_rooms_closed_total", reason="lost") == 1
    assert board.metric("chatter_leaves_total", reason="lost") == 1


async def test_a_room_that_is_ended_or_left_behind_at_a_stop_says_so() -> None:
    board = Switchboard()
    await board.join()
    board.hub.close_room(ROOM)
    assert board.metric("chatter_rooms_closed_total", reason="ended") == 1
    board.connect("v=2")
    transport = await board.join()
    async with asyncio.timeout(5):
        await board.hub.stop()
    assert transport.closed == (1012, "restart")
    assert board.metric("chatter_rooms_closed_total", reason="drain") == 1


# --- labels -----------------------------------------------------------------------------------------------------------


def test_every_handshake_has_a_result_of_the_list() -> None:
    registry = CollectorRegistry()
    metrics = SignalingMetrics(registry)
    reasons = [reason.name for reason in vars(Close).values() if isinstance(reason, CloseReason)]
    for result in ("accepted", "waiting", "bad_origin", "draining", *reasons):
        metrics.handshake(result)
    assert registry.get_sample_value("chatter_ws_handshakes_total", {"result": "other"}) is None
    metrics.handshake("made up")
    assert registry.get_sample_value("chatter_ws_handshakes_total", {"result": "other"}) == 1
    assert registry.get_sample_value("chatter_rate_limited_total", {"scope": "entry"}) == 1
