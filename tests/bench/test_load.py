"""The members of benchmarks that take a shorter way do as the others do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from picows import WSMsgType

from api.load.client import ACKNOWLEDGE_AFTER
from bench.load import Member, ResumingMember

FRAME = b'{"seq":1,"type":"webrtc","action":"ice","from":"bob","candidate":null}'


class FakeTransport:
    """Keeps what is sent."""

    def __init__(self) -> None:
        self.sent: asyncio.Queue[bytes] = asyncio.Queue()

    def send(self, kind: WSMsgType, payload: bytes) -> None:
        assert kind == WSMsgType.TEXT
        self.sent.put_nowait(payload)


async def opened(on_relayed: Callable[[Member], None] | None) -> tuple[ResumingMember, FakeTransport]:
    """Return a member that is in and has said hello."""
    member, transport = ResumingMember(), FakeTransport()
    member.on_ws_connected(transport)  # type: ignore[arg-type]
    member.ready.set_result(None)
    member.on_relayed = on_relayed
    assert b"hello" in await transport.sent.get()
    return member, transport


@pytest.mark.parametrize("on_relayed", [None, lambda _: None], ids=["as clients do", "the shorter way"])
async def test_a_single_frame_is_acknowledged_after_a_while(
    on_relayed: Callable[[Member], None] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.load.client._ACKNOWLEDGE_S", 0)
    member, transport = await opened(on_relayed)
    member.received(FRAME)
    assert transport.sent.empty()
    async with asyncio.timeout(5):
        assert await transport.sent.get() == b'{"type":"ack","seq":1}'


@pytest.mark.parametrize("on_relayed", [None, lambda _: None], ids=["as clients do", "the shorter way"])
async def test_many_frames_are_acknowledged_at_once(on_relayed: Callable[[Member], None] | None) -> None:
    member, transport = await opened(on_relayed)
    for _ in range(ACKNOWLEDGE_AFTER):
        member.received(FRAME)
    assert transport.sent.get_nowait() == b'{"type":"ack","seq":%d}' % ACKNOWLEDGE_AFTER
    assert transport.sent.empty()
