"""People whose room moves, and the nodes it moves between."""

from __future__ import annotations

import pytest_asyncio

from tests.signaling.cluster.town import Node, Town, settled
from tests.signaling.fakes import FakeTransport, send

Pair = tuple[Node, Node]
RESTART = (1012, "restart")


@pytest_asyncio.fixture
async def pair(town: Town) -> Pair:
    """Two nodes that know of each other and take rooms; the room will live at the first."""
    nodes = await town.start("a"), await town.start("b")
    for node in nodes:
        node.take_rooms()
    return nodes


async def come_in(node: Node, **hello: object) -> FakeTransport:
    """Come in so that one can come back."""
    transport = node.connect("v=2")
    send(transport, "hello", **hello)
    await settled()
    assert transport.kinds()[:1] == ["welcome"]
    return transport


async def come_back(node: Node, former: FakeTransport) -> FakeTransport:
    """Come back to a session, and take what was missed."""
    transport = node.connect("v=2")
    last = max(int(frame.get("seq", 0)) for frame in former.frames)
    send(transport, "resume", resumeToken=former.frames[0]["resumeToken"], lastSeq=last)
    await settled()
    return transport


async def ready(pair: Pair) -> tuple[FakeTransport, FakeTransport]:
    """Let two come in at the first node; both have read all there is."""
    ann, ben = await come_in(pair[0], displayName="Ann"), await come_in(pair[0], displayName="Ben")
    return ann, ben


def texts(person: FakeTransport) -> list[str]:
    """Return what someone heard."""
    return [frame["text"] for frame in person.frames if frame["type"] == "chat"]
