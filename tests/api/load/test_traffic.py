"""What members send, what arrives, and what does not."""

from __future__ import annotations

import itertools
from typing import Any

import msgspec
import pytest

from api.load.traffic import Member, Rota, Traffic


class Wire(Member):
    """A member whose frames are kept instead of sent."""

    def __init__(self, traffic: Traffic, name: str) -> None:
        super().__init__(traffic)
        self.id = name
        self.out: list[dict[str, Any]] = []
        self._numbers = itertools.count(1)

    def transmit(self, frame: bytes) -> None:
        self.out.append(msgspec.json.decode(frame))

    def hear(self, frame: dict[str, Any]) -> None:
        """Take a frame as the server sends it."""
        self.received(msgspec.json.encode({"seq": next(self._numbers), **frame}))


class Call:
    def __init__(self) -> None:
        self.now = 100.0
        self.traffic = Traffic(lambda: self.now)
        self.ann, self.bob, self.eve = (Wire(self.traffic, name) for name in ("ann", "bob", "eve"))
        for member in (self.ann, self.bob, self.eve):
            member.ready.set_result(None)
            member.room = [self.ann, self.bob, self.eve]
        self.ann.peer, self.bob.peer = self.bob, self.ann


@pytest.fixture
async def call() -> Call:
    return Call()


async def test_an_offer_is_answered_and_both_are_timed(call: Call) -> None:
    call.traffic.offer(call.ann)
    [offer] = call.ann.out
    assert (offer["action"], offer["to"]) == ("offer", "bob")
    assert len(offer["sdp"]) > 2000
    call.now += 0.25
    call.bob.hear(offer)
    [answer] = call.bob.out
    assert (answer["action"], answer["to"]) == ("answer", "ann")
    call.now += 0.5
    call.ann.hear(answer)
    assert (call.traffic.delays["offer"], call.traffic.delays["answer"]) == ([0.25], [0.5])
    assert (call.traffic.sent, call.traffic.delivered, call.traffic.missing) == (2, 2, 0)


async def test_chat_is_expected_by_all_who_are_in(call: Call) -> None:
    call.eve.closed = "1006"
    call.traffic.chat(call.ann)
    assert (call.traffic.sent, call.traffic.missing) == (1, 2)
    for member in (call.ann, call.bob):
        member.hear(call.ann.out[0])
    assert (call.traffic.delivered, call.traffic.missing) == (2, 0)


async def test_what_arrives_twice_is_not_expected(call: Call) -> None:
    call.traffic.candidate(call.ann)
    for _ in range(2):
        call.bob.hear(call.ann.out[0])
    assert (call.traffic.delivered, call.traffic.unexpected, call.traffic.missing) == (1, 1, 0)


async def test_what_does_not_arrive_is_missing_and_errors_are_counted(call: Call) -> None:
    call.traffic.candidate(call.ann)
    call.ann.hear({"type": "error", "code": "rate_limited", "message": "", "retryable": True, "ref": 1})
    assert (call.traffic.missing, dict(call.traffic.errors)) == (1, {"rate_limited": 1})


async def test_frames_of_others_are_nothing_to_it(call: Call) -> None:
    call.traffic.chat(call.ann)
    call.bob.hear({"type": "chat_history", "messages": [call.ann.out[0]]})
    call.bob.hear({"type": "chat", "text": "hello"})
    call.bob.hear({"type": "presence", "action": "leave", "clientId": "ann"})
    assert (call.traffic.delivered, call.traffic.unexpected) == (0, 0)


async def test_nothing_is_sent_by_who_is_gone_or_to_who_is(call: Call) -> None:
    call.bob.closed = "4000 slow_consumer"
    call.traffic.candidate(call.ann)
    call.traffic.chat(call.bob)
    call.traffic.offer(call.eve)
    assert (call.traffic.sent, call.ann.out, call.bob.out, call.eve.out) == (0, [], [], [])


async def test_the_rota_sends_what_is_due_evenly(call: Call) -> None:
    rota = Rota(call.traffic, [call.ann, call.bob], candidates=10, chat=1)
    rota.catch_up(0.0)
    assert call.traffic.sent == 0
    rota.catch_up(0.5)
    assert (len(call.ann.out), len(call.bob.out)) == (6, 5)
    assert [frame["type"] for frame in call.ann.out].count("chat") == 1
    rota.catch_up(0.5)
    assert call.traffic.sent == 11
    rota.catch_up(10.0)
    kinds = [frame.get("action", "chat") for frame in call.ann.out + call.bob.out]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {"ice": 200, "chat": 20, "offer": 1}
