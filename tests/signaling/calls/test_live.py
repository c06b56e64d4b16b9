"""A call leaves one trace, one record, counts, and lines in the log, all under one id."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import NoOpTracer
from prometheus_client import CollectorRegistry

from observability.calls import CallTracer
from observability.http import HttpMetrics
from observability.request import RequestInfo
from observability.settings import ObservabilitySettings
from observability.sockets import Handshake, Handshakes
from observability.tracing import Tracing
from observability.work import work_done
from signaling.calls import calls
from signaling.core.calls.record import CallRecord, LeaveReason
from signaling.core.calls.timeline import Timeline
from signaling.errors import Close
from signaling.ports import Identity
from tests.observability.otlp import WATCHDOG_S, attributes, receiving, refusing_url
from tests.observability.traces import Traces, context_of, values_of
from tests.signaling.fakes import NOW, OWNER, ROOM, FakeTransport, Switchboard, id_of, send, settle

FORGED = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
SDP = "v=0\r\na=ice-ufrag:{}\r\na=ice-pwd:hush-hush-hush-hush-hush\r\n"
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"


class Kept:
    """A keeper that keeps everything, or fails at all it does."""

    def __init__(self, *, broken: bool = False) -> None:
        self.broken = broken
        self.begun: list[Timeline] = []
        self.done: list[Timeline] = []

    def begin(self, timeline: Timeline, stamp: int = 0) -> None:
        if self.broken:
            raise RuntimeError("bug")
        self.begun.append(timeline)

    def newest(self, timeline: Timeline) -> int:
        return 0

    def release(self, timeline: Timeline) -> None:
        self.begun.remove(timeline)

    def ended(self, timeline: Timeline) -> None:
        if self.broken:
            raise RuntimeError("bug")
        self.done.append(timeline)

    @property
    def record(self) -> CallRecord:
        """The record of the only call that ended."""
        (timeline,) = self.done
        return timeline.record


async def come_in(board: Switchboard, **how: Any) -> FakeTransport:
    hello = how.pop("hello", {})
    transport = board.connect("v=2", **how)
    send(transport, "hello", **hello)
    await settle()
    assert transport.kinds()[:1] == ["welcome"]
    return transport


async def come_back(board: Switchboard, former: FakeTransport, **how: Any) -> FakeTransport:
    transport = board.connect("v=2", **how)
    seq = max(int(frame.get("seq", 0)) for frame in former.frames)
    send(transport, "resume", resumeToken=former.frames[0]["resumeToken"], lastSeq=seq)
    await settle()
    return transport


def call_id_of(transport: FakeTransport) -> str:
    return str(transport.frames[0]["callId"])


def offer(sender: FakeTransport, to: FakeTransport, connection: str = "first") -> None:
    send(sender, "webrtc", action="offer", to=id_of(to), sdp=SDP.format(connection), connection=connection)


def answer(sender: FakeTransport, to: FakeTransport, connection: str = "first") -> None:
    send(sender, "webrtc", action="answer", to=id_of(to), sdp=SDP.format(connection + "b"), connection=connection)


def tell(sender: FakeTransport, to: FakeTransport, state: str, connection: str = "first", **fields: Any) -> None:
    send(sender, "path", clientId=id_of(to), connection=connection, state=state, **fields)


async def connect(board: Switchboard, ann: FakeTransport, bob: FakeTransport) -> None:
    """Let two members find a path, within half a second."""
    offer(ann, bob)
    board.clock.now += 0.125
    answer(bob, ann)
    candidate = {"candidate": "candidate:1 1 udp 1 192.0.2.1 9 typ host", "sdpMid": "0"}
    send(ann, "webrtc", action="ice", to=id_of(bob), candidate=candidate, connection="first")
    board.clock.now += 0.375
    pair = {"local": "host", "remote": "host", "protocol": "udp", "family": "v4"}
    timings: dict[str, Any] = {"elapsedMs": 450, "gatheringMs": 50, "iceMs": 300, "iceState": "connected"}
    tell(ann, bob, "connected", pair=pair, **timings)
    tell(bob, ann, "connected", pair=pair, **timings)


def knock(handshakes: Handshakes) -> Handshake:
    """Accept a handshake whose client claims to belong to somebody's trace."""
    handshake = handshakes.begin("/ws/standup", {"traceparent": FORGED}, route="/ws/{room_id}", info=RequestInfo())
    handshake.end(101)
    return handshake


# --- the trace ------------------------------------------------------------------------------------------------------


async def test_a_call_of_two_is_one_trace_at_the_receiver() -> None:
    with receiving() as receiver:
        tracing = Tracing(ObservabilitySettings(otlp_endpoint=receiver.url), CollectorRegistry())
        tracing.start()
        board = Switchboard(tracer=CallTracer(tracing.tracer))
        handshakes = Handshakes(HttpMetrics(CollectorRegistry()), tracing.tracer)
        sockets = [knock(handshakes).span for _ in range(3)]
        ann = await come_in(board, span=sockets[0])
        bob = await come_in(board, span=sockets[1])
        await connect(board, ann, bob)
        bob.disconnect()
        board.clock.now += 2
        back = await come_back(board, bob, span=sockets[2])
        send(back, "leave")
        send(ann, "leave")
        tracing.stop(WATCHDOG_S)
    call = [span for span in receiver.spans if span.trace_id.hex() == call_id_of(ann)]
    others = [span for span in receiver.spans if span not in call]
    assert {span.name for span in others} == {"GET /ws/{room_id}"}
    assert not any(FORGED[3:35] in span.trace_id.hex() for span in receiver.spans)

    def named(name: str) -> list[Span]:
        return [span for span in call if span.name == name]

    (root,), (setup,), (resume,) = named("call"), named("setup"), named("resume")
    assert root.parent_span_id == b""
    assert attributes(root.attributes) == {"chatter.room.id": ROOM, "chatter.node": "here"}
    top = [span for span in call if span.parent_span_id == root.span_id]
    order = ["join", "join", "negotiate", "setup", "resume", "leave", "leave", "call ended"]
    assert sorted(span.name for span in top) == sorted(order)
    assert [span.name for span in call if span.parent_span_id == setup.span_id] == ["browser connected"] * 2
    linked = [[link.span_id for link in span.links] for span in [*named("join"), resume]]
    assert linked == [[socket.span_id.to_bytes(8)] for socket in sockets]

    def lasted(span: Span) -> tuple[float, float]:
        return tuple((at // 1000 / 1e6) - NOW for at in (span.start_time_unix_nano, span.end_time_unix_nano))  # type: ignore[return-value]

    assert [lasted(span) for span in named("join")] == [(0, 0), (0, 0)]
    assert [lasted(span) for span in named("negotiate")] == [(0, 0.125)]
    assert list(lasted(setup)) == pytest.approx([0, 0.45])  # as the browser says: the report was on its way since
    assert lasted(resume) == (0.5, 2.5)
    ended = attributes(named("call ended")[0].attributes)
    assert (ended["chatter.call.people"], ended["chatter.call.pairs"]) == (2, 1)
    assert (ended["chatter.call.failed_pairs"], ended["chatter.call.duration_ms"]) == (0, 2500)
    assert all(span.status.code == Status.STATUS_CODE_UNSET for span in call)
    assert not any(b"hush" in span.SerializeToString() for span in receiver.spans)
    assert not any(b"192.0.2" in span.SerializeToString() for span in call)


async def test_what_letting_in_took_is_told_below_the_join() -> None:
    traces = Traces()
    board = Switchboard(tracer=CallTracer(traces.tracer))
    find = board.directory.find

    async def find_slowly(room_id: str) -> Any:
        found = await find(room_id)
        work_done("SELECT rooms", 1, {})
        return found

    board.directory.find = find_slowly  # type: ignore[method-assign]
    await come_in(board)
    found, join = traces.one("SELECT rooms"), traces.one("join")
    assert found.parent == join.context


async def test_a_ticket_links_to_the_request_that_gave_it_out() -> None:
    traces = Traces()
    board = Switchboard(tracer=CallTracer(traces.tracer))
    with traces.tracer.start_as_current_span("POST /ws-tickets") as request:
        origin = request.get_span_context()
    board.authenticator.people["ticket"] = Identity(4, "user4", "phone", int(NOW * 1000) + 1000, origin=origin)
    await come_in(board, hello={})
    await board.join("v=1&ticket=ticket")
    guest, signed_in = traces.named("join")
    assert [values_of(span)["chatter.join.via"] for span in (guest, signed_in)] == ["guest", "ticket"]
    assert [link.context for link in signed_in.links] == [origin]


@pytest.mark.parametrize(
    ("query", "hello", "via"), [("v=2&token=t", {}, "token"), ("v=2", {"token": "t"}, "hello"), ("v=2", {}, "guest")]
)
async def test_how_someone_showed_who_they_are(query: str, hello: dict[str, str], via: str) -> None:
    traces = Traces()
    board = Switchboard(tracer=CallTracer(traces.tracer))
    board.authenticator.add("t", OWNER)
    transport = board.connect(query)
    send(transport, "hello", **hello)
    await settle()
    assert values_of(traces.one("join"))["chatter.join.via"] == via


async def test_who_is_kept_out_has_a_trace_of_their_own_that_leads_to_the_call() -> None:
    traces, kept = Traces(), Kept()
    board = Switchboard(tracer=CallTracer(traces.tracer), keeper=kept)
    with traces.tracer.start_as_current_span("GET /ws/{room_id}") as handshake:
        socket = handshake.get_span_context()
    outside = board.connect("token=wrong", span=socket)
    await settle()
    ann = await come_in(board)
    refused = board.connect("token=wrong", span=socket)
    await settle()
    assert outside.closed == refused.closed == (4500, "unauthenticated")
    before, during = [span for span in traces.named("join") if "error.type" in values_of(span)]
    for span in (before, during):
        assert span.parent is None
        assert values_of(span) == {
            "chatter.room.id": ROOM,
            "chatter.node": "here",
            "chatter.join.via": "token",
            "error.type": "unauthenticated",
        }
        assert trace.format_trace_id(context_of(span).trace_id) != call_id_of(ann)
    assert [link.context for link in before.links] == [socket]
    assert [link.context for link in during.links] == [socket, traces.one("call").context]
    assert [event.kind for event in kept.begun[0].record.events] == ["join", "refused"]


async def test_a_resume_that_is_refused_is_no_join() -> None:
    traces, kept = Traces(), Kept()
    board = Switchboard(tracer=CallTracer(traces.tracer), keeper=kept)
    await come_in(board)
    stranger = board.connect("v=2")
    send(stranger, "resume", resumeToken="x" * 32, lastSeq=1)
    await settle()
    assert values_of(traces.one("resume"))["error.type"] == "state_lost"
    assert [event.kind for event in kept.begun[0].record.events] == ["join"]


async def test_who_never_comes_back_ends_the_resume_with_an_error() -> None:
    traces = Traces()
    board = Switchboard(tracer=CallTracer(traces.tracer))
    await come_in(board)
    member = await come_in(board)
    member.disconnect()
    board.clock.now += 31
    board.hub.tick()
    resume = traces.one("resume")
    assert values_of(resume) == {"chatter.member.id": id_of(member), "error.type": "lost"}


async def test_the_lobby_is_a_part_of_the_join() -> None:
    traces = Traces()
    board = Switchboard(tracer=CallTracer(traces.tracer))
    board.authenticator.add("t", OWNER)
    board.directory.rooms[ROOM] = type(board.directory.rooms[ROOM])(OWNER, True, 3, "guests")
    host = await come_in(board, hello={"token": "t"})
    guest = board.connect("v=2")
    send(guest, "hello")
    await settle()
    board.clock.now += 40
    send(host, "admit", clientId=host.frames[-1]["waiting"][0]["id"])
    assert "welcome" in guest.kinds()
    waited = traces.one("lobby")
    assert waited.parent == traces.named("join")[1].context
    assert waited.end_time is not None
    assert waited.start_time is not None
    assert round((waited.end_time - waited.start_time) / 1e9) == 40


@pytest.mark.parametrize("tracer", [NoOpTracer(), Traces(ALWAYS_OFF).tracer])
async def test_a_call_that_is_not_traced_has_an_id_all_the_same(tracer: Any) -> None:
    kept = Kept()
    board = Switchboard(tracer=CallTracer(tracer), keeper=kept)
    ann, bob = await come_in(board), await come_in(board)
    await connect(board, ann, bob)
    send(bob, "leave")
    send(ann, "leave")
    assert kept.record.id == call_id_of(ann) == call_id_of(bob)
    assert not kept.record.traced


async def test_a_dead_receiver_changes_nothing() -> None:
    tracing = Tracing(ObservabilitySettings(otlp_endpoint=refusing_url()), CollectorRegistry())
    tracing.start()
    kept = Kept()
    board = Switchboard(tracer=CallTracer(tracing.tracer), keeper=kept)
    ann, bob = await come_in(board), await come_in(board)
    await connect(board, ann, bob)
    await board.hub.stop()
    tracing.stop(WATCHDOG_S)
    assert [pair.outcome for pair in kept.record.pairs] == ["connected"]


# --- the log --------------------------------------------------------------------------------------------------------


async def test_a_line_per_edge_all_with_the_id_of_the_welcome(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="signaling")
    board = Switchboard()
    ann, bob = await come_in(board), await come_in(board)
    await connect(board, ann, bob)
    bob.disconnect()
    back = await come_back(board, bob)
    offer(ann, back, "second")
    tell(ann, back, "failed", "second")
    tell(back, ann, "failed", "second")
    send(back, "leave")
    send(ann, "leave")
    lines = [record.__dict__ for record in caplog.records]
    assert [line["event"] for line in lines] == [
        *("call_started", "join", "join", "pair_connected", "lost", "resume", "pair_failed", "leave", "leave"),
        "call_ended",
    ]
    assert {line["call_id"] for line in lines} == {line["trace_id"] for line in lines} == {call_id_of(ann)}
    assert {line["room"] for line in lines} == {ROOM}
    connected, failed, ended = lines[3], lines[6], lines[9]
    assert (connected["a"], connected["b"], connected["duration"]) == (id_of(ann), id_of(bob), 0.45)
    assert (failed["outcome"], failed["attempt"]) == ("failed", "rebuild")
    assert (ended["duration"], ended["members"]) == (0.5, 2)
    assert [line["reason"] for line in lines if line["event"] == "leave"] == ["left", "left"]


async def test_the_next_call_in_a_room_has_another_id() -> None:
    board = Switchboard()
    first = await come_in(board)
    send(first, "leave")
    second = await come_in(board)
    assert call_id_of(first) != call_id_of(second)


# --- metrics --------------------------------------------------------------------------------------------------------


async def test_what_is_counted() -> None:
    board = Switchboard()
    ann = await come_in(board)
    assert board.metric("chatter_calls_active") == 0
    board.clock.now += 10
    bob = await come_in(board)
    assert board.metric("chatter_calls_active") == 1
    await connect(board, ann, bob)
    offer(ann, bob, "second")  # a second try is no second call
    tell(ann, bob, "connected", "second")
    board.clock.now += 59.5
    send(bob, "leave")
    assert board.metric("chatter_calls_active") == 0
    board.clock.now += 30
    send(ann, "leave")
    assert board.metric("chatter_calls_total") == board.metric("chatter_calls_total", result="connected") == 1
    assert board.metric("chatter_call_setup_duration_seconds_sum", result="connected") == 0.45
    assert board.metric("chatter_negotiations_total", kind="initial", glare="no") == 1
    assert board.metric("chatter_offer_answer_duration_seconds_sum") == 0.125
    assert board.metric("chatter_call_duration_seconds_sum") == 60
    assert board.metric("chatter_room_duration_seconds_sum") == 100
    assert board.metric("chatter_room_participants_sum") == 1 + 2
    assert board.metric("chatter_client_selected_pair_total", local="host", protocol="udp", family="v4") == 2
    assert board.metric("chatter_client_ice_state_total", state="connected") == 2


async def test_a_recorder_is_no_company() -> None:
    board = Switchboard()
    board.authenticator.people["recorder"] = Identity(OWNER, "Recorder", "r", int(NOW * 1000) + 10**6, recorder_of=ROOM)
    ann = await come_in(board)
    await come_in(board, hello={"token": "recorder"})
    assert board.metric("chatter_room_participants_sum") == 1 + 2
    assert board.metric("chatter_calls_active") == 0
    bob = await come_in(board)
    board.clock.now += 60
    assert board.metric("chatter_calls_active") == 1
    send(bob, "leave")
    board.clock.now += 30
    send(ann, "leave")
    assert board.metric("chatter_calls_active") == 0
    assert board.metric("chatter_call_duration_seconds_count") == 1
    assert board.metric("chatter_call_duration_seconds_sum") == 60


async def test_short_disconnects_are_no_new_paths() -> None:
    board = Switchboard()
    ann, bob = await come_in(board), await come_in(board)
    await connect(board, ann, bob)
    for _ in range(5):
        for state in ("disconnected", "connected"):
            tell(ann, bob, state, iceState=state)
    assert board.metric("chatter_client_selected_pair_total") == 2
    assert board.metric("chatter_client_ice_state_total", state="disconnected") == 5
    assert board.metric("chatter_client_ice_state_total", state="connected") == 2 + 5


async def test_reports_are_counted_by_what_became_of_them() -> None:
    board = Switchboard()
    ann, bob = await come_in(board), await come_in(board)
    await connect(board, ann, bob)
    send(ann, "stats", peers=[{"clientId": id_of(bob), "rttMs": 80, "freezes": 10**12}])
    send(ann, "trouble", media="audio", reason="permission")
    tell(ann, ann, "connected")
    for _ in range(3):
        send(bob, "stats", peers=[])
    assert {result: board.metric("chatter_client_reports_total", result=result) for result in ("ok", "invalid")} == {
        "ok": 2 + 1 + 2,
        "invalid": 2,
    }
    assert board.metric("chatter_client_reports_total", result="rate_limited") == 1
    assert board.metric("chatter_client_rtt_seconds_sum") == 0.08
    assert board.metric("chatter_client_freezes_total") == 0
    assert board.metric("chatter_client_media_errors_total", reason="permission") == 1


async def test_who_does_not_answer_in_time() -> None:
    kept = Kept()
    board = Switchboard(keeper=kept)
    ann, bob = await come_in(board), await come_in(board)
    offer(ann, bob)
    board.clock.now += 31
    board.hub.tick()
    assert board.metric("chatter_calls_total", result="timeout") == 1


# --- the record -----------------------------------------------------------------------------------------------------


async def test_what_the_record_says_of_a_member() -> None:
    kept = Kept()
    board = Switchboard(keeper=kept)
    board.authenticator.add("t", OWNER)
    ann = await come_in(board, hello={"token": "t"}, browser=CHROME, address="2001:db8:1:2::3")
    bob = await board.join()
    send(ann, "profile", displayName="Annette")
    send(ann, "role", clientId=id_of(bob), role="moderator")
    await settle()
    send(ann, "leave")
    bob.disconnect()
    owner, guest = kept.record.members
    assert (owner.name, owner.role, owner.account) == ("Annette", "host", True)
    assert (owner.network, owner.browser) == ("2001:db8:1::/48", "Chrome 156")
    assert (guest.role, guest.account, guest.network, guest.browser) == ("moderator", False, "192.0.2.0/24", "")
    assert kept.record.node == "here"


async def leave(board: Switchboard, transport: FakeTransport) -> None:
    send(transport, "leave")


async def close_the_page(board: Switchboard, transport: FakeTransport) -> None:
    assert transport.link is not None
    transport.link.lost(1001)


async def stay_away(board: Switchboard, transport: FakeTransport) -> None:
    transport.disconnect()
    board.clock.now += 31
    board.hub.tick()


async def be(board: Switchboard, transport: FakeTransport, what: str) -> None:
    host = await come_in(board, hello={"token": "host"})
    send(host, what, clientId=id_of(transport))
    await settle()
    send(host, "leave")


async def be_removed(board: Switchboard, transport: FakeTransport) -> None:
    await be(board, transport, "remove")


async def be_banned(board: Switchboard, transport: FakeTransport) -> None:
    await be(board, transport, "ban")


async def be_removed_while_lost(board: Switchboard, transport: FakeTransport) -> None:
    host = await come_in(board, hello={"token": "host"})
    transport.disconnect()
    send(host, "remove", clientId=id_of(transport))
    send(host, "leave")


async def see_the_room_close(board: Switchboard, transport: FakeTransport) -> None:
    board.hub.close_room(ROOM)


async def see_the_room_close_while_lost(board: Switchboard, transport: FakeTransport) -> None:
    transport.disconnect()
    board.hub.close_room(ROOM, Close.ENDED)


async def be_signed_out(board: Switchboard, transport: FakeTransport) -> None:
    await board.hub.sessions_ended(["session-4"])


async def be_signed_out_while_lost(board: Switchboard, transport: FakeTransport) -> None:
    transport.disconnect()
    await board.hub.sessions_ended(["session-4"])


async def outlive_the_credentials(board: Switchboard, transport: FakeTransport) -> None:
    transport.answers_pings = True
    board.clock.now += 3601
    board.hub.tick()
    assert transport.closed == (4004, "credentials_expired")
    board.clock.now += 31
    board.hub.tick()


async def take_nothing(board: Switchboard, transport: FakeTransport) -> None:
    assert transport.link is not None
    transport.link.pause()
    for _ in range(4):
        send(transport, "chat", text="x" * 2000)
    assert transport.closed == (4000, "slow_consumer")
    board.clock.now += 31
    board.hub.tick()


async def break_the_rules(board: Switchboard, transport: FakeTransport) -> None:
    for _ in range(3):
        send(transport, "nonsense")


async def see_the_server_stop(board: Switchboard, transport: FakeTransport) -> None:
    await board.hub.stop()


@pytest.mark.parametrize(
    ("go", "reason"),
    [
        (leave, "left"),
        (close_the_page, "left"),
        (stay_away, "lost"),
        (be_removed, "removed"),
        (be_removed_while_lost, "removed"),
        (be_banned, "banned"),
        (see_the_room_close, "ended"),
        (see_the_room_close_while_lost, "ended"),
        (be_signed_out, "signed_out"),
        (be_signed_out_while_lost, "signed_out"),
        (outlive_the_credentials, "expired"),
        (take_nothing, "slow"),
        (break_the_rules, "protocol"),
        (see_the_server_stop, "server"),
    ],
)
async def test_why_someone_left(go: Callable[[Switchboard, FakeTransport], Any], reason: LeaveReason) -> None:
    kept = Kept()
    board = Switchboard(keeper=kept)
    board.authenticator.add("host", OWNER)
    board.authenticator.add("member", 4)
    await go(board, await come_in(board, hello={"token": "member"}))
    assert kept.record.members[0].leave_reason == reason
    assert kept.record.ended_at is not None


async def test_a_connection_that_is_replaced_counts_as_lost_and_back() -> None:
    kept = Kept()
    board = Switchboard(keeper=kept)
    member = await come_in(board)
    await come_back(board, member)
    assert member.closed == (4507, "replaced")
    (record,) = kept.begun[0].record.members
    assert (record.losses, record.resumes, record.left_at) == (1, 1, None)


async def test_a_stop_ends_the_calls_and_hands_them_over() -> None:
    kept = Kept()
    board = Switchboard(keeper=kept)
    await come_in(board)
    await board.join()
    await board.hub.stop()
    assert [member.leave_reason for member in kept.record.members] == ["server", "server"]
    assert [event.kind for event in kept.record.events] == ["join", "join", "leave", "leave"]
    assert kept.begun == kept.done


# --- what goes wrong here stays here --------------------------------------------------------------------------------


async def test_a_broken_keeper_harms_nobody_and_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    board = Switchboard(keeper=Kept(broken=True))
    ann, bob = await come_in(board), await come_in(board)
    await connect(board, ann, bob)
    send(bob, "leave")
    send(ann, "leave")
    assert bob.closed == ann.closed == (1000, "normal")
    (said,) = [record.__dict__ for record in caplog.records if record.levelno >= logging.ERROR]
    assert said["event"] == "call_watch_failed"
    assert said["call_id"] == call_id_of(ann)
    assert board.metric("chatter_calls_active") == 0


async def test_a_broken_timeline_harms_nobody_and_is_said_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("bug")

    for name in ("join", "leave", "lose", "regain", "rename", "signal", "path", "tick", "end", "refused"):
        monkeypatch.setattr(Timeline, name, fail)
    kept = Kept()
    board = Switchboard(keeper=kept)
    ann, bob = await come_in(board), await come_in(board)
    await connect(board, ann, bob)
    send(ann, "profile", displayName="Annette")
    board.hub.tick()
    bob.disconnect()
    back = await come_back(board, bob)
    assert back.kinds()[0] == "resumed"
    assert "webrtc" in ann.kinds()
    await board.hub.stop()
    assert kept.done == kept.begun
    (said,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert said.__dict__["where"] == "joined"


async def test_a_broken_tracer_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(CallTracer):
        def begin(self, *_: Any) -> Any:
            raise RuntimeError("bug")

        def alone(self, *_: Any, **__: Any) -> None:
            raise RuntimeError("bug")

    board = Switchboard(tracer=Broken())
    ann = await come_in(board)
    assert len(call_id_of(ann)) == 32
    refused = board.connect("token=wrong")
    await settle()
    assert refused.closed == (4500, "unauthenticated")
    said = [record for record in caplog.records if record.name == calls.__name__ and record.levelno >= logging.ERROR]
    assert [record.__dict__["event"] for record in said] == ["call_watch_failed"] * 2
