"""Who goes leaves nothing that refers to itself: `api.heap` keeps the collector from looking for it.

Not so on the HTTP port, where Hypercorn's own objects hold each other; those wait for a sweep.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.contracts.site import ORIGIN, Door, Visitor, until


@pytest.fixture
def quiet_collector() -> Iterator[None]:
    gc.disable()
    yield
    gc.set_debug(0)
    gc.garbage.clear()
    gc.unfreeze()
    gc.enable()


@pytest.mark.parametrize("door", ["gateway", "edge"], indirect=True)
async def test_members_rooms_and_connections_are_freed_without_the_collector(door: Door, quiet_collector: None) -> None:
    await door.site.open_room("standup", await door.site.sign_up("olivia"))
    gc.freeze()  # what earlier tests left is none of this one's business
    for round_of in range(3):
        await _talk(door, round_of)
    await until(lambda: door.site.is_empty)
    gc.set_debug(gc.DEBUG_SAVEALL)
    gc.collect()
    left = Counter(f"{type(one).__module__}.{type(one).__qualname__}" for one in gc.garbage)
    assert {
        name: count for name, count in left.items() if name.startswith(("signaling.", "api.", "observability."))
    } == {}


async def _talk(door: Door, round_of: int) -> None:
    members: list[Visitor] = []
    for _ in range(2):
        member = await door.knock("standup", "v=2", origin=ORIGIN)
        await member.send("hello", displayName=f"Guest {round_of}")
        members.append(await member.come_in())
    first, second = members
    await first.expect("presence", action="join", clientId=second.id)
    await second.send("webrtc", action="offer", to=first.id, sdp="v=0")
    await first.expect("webrtc", action="offer")
    await first.send("chat", text="hello")
    await second.expect("chat")
    for member in members:
        await member.go()
