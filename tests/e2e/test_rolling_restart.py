"""A call behind the shipped proxy while both nodes are replaced under load: it goes on with its pictures."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest

from tests.api.chaos import LONGEST_S, ROOMS, come_together, people_of_rooms
from tests.contracts.roamers import Roamer, check_sessions
from tests.e2e.conftest import Server
from tests.e2e.nodes import Nodes
from tests.e2e.person import Person, until
from tests.e2e.test_resume import announced, built, messages, tile_of
from tests.e2e.test_two_nodes import browser, call, meet, nginx_program, nodes, pictures_go_on, talk
from tests.signaling.chaos import chaos_seed

__all__ = ["browser", "call", "nginx_program", "nodes"]
pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session"), pytest.mark.seed("S1-13")]

LONGEST_FREEZE_MS = 1000
# Notes the longest time between two pictures that were shown (WICG HTMLVideoElement.requestVideoFrameCallback).
_WATCH_PICTURES = """
(tile) => {
  const video = document.querySelector(`[data-testid="${tile}"] video`);
  window.__longest = 0;
  let last = performance.now();
  const shown = (now) => {
    window.__longest = Math.max(window.__longest, now - last);
    last = now;
    video.requestVideoFrameCallback(shown);
  };
  video.requestVideoFrameCallback(shown);
  window.__freeze = () => Math.max(window.__longest, performance.now() - last);
}
"""


async def replace(nodes: Nodes, node: Server, alice: Person, bob: Person) -> list[str]:
    """Stop a node and start it again while both talk; return what was said."""
    stopping = asyncio.create_task(asyncio.to_thread(node.stop))
    said: list[str] = []
    while not stopping.done() or len(said) < 4:
        for person, name in ((alice, "Alice"), (bob, "Bob")):
            said.append(f"{name} {node.variables['NODE_ID']} {len(said)}.")
            await person.say(said[-1])
    assert await stopping == 0
    await asyncio.to_thread(node.start)
    await until(lambda: meet(nodes))
    return said


def open_rooms(nodes: Nodes, seed: int) -> list[Roamer]:
    """Open further rooms at the same nodes; return the people who are to talk there."""
    trust = ssl.create_default_context()
    trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
    url = nodes.first.url
    device = {"Origin": url, "X-Device-ID": "laptop"}
    with httpx2.Client(base_url=url, verify=trust, trust_env=False, headers=device) as client:
        account = client.post("/auth/register", json={"username": "crowd", "password": "a long enough phrase"}).json()
        for room in ROOMS:
            bearer = {"Authorization": f"Bearer {account['token']}"}
            client.post("/rooms", json={"roomId": room}, headers=bearer).raise_for_status()
    return people_of_rooms(lambda: [url.replace("https:", "wss:")], url, seed, ssl=trust)


@asynccontextmanager
async def load(nodes: Nodes) -> AsyncIterator[None]:
    """Have six people talk without a pause; afterwards all of them must have heard all, and nobody lost a session."""
    seed = chaos_seed()
    print(f"replay with CHAOS_SEED={seed}")
    people = await asyncio.to_thread(open_rooms, nodes, seed)
    over = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for person in people:
            group.create_task(person.live(cuts=False, talks=lambda: True, until=over.is_set))
        yield
        over.set()
    async with asyncio.timeout(LONGEST_S):
        await come_together(people)
    check_sessions(people)
    assert [person.losses for person in people] == [0] * len(people)
    assert all(person.resumes for person in people)


async def test_both_nodes_are_replaced_during_a_call(nodes: Nodes, call: tuple[Person, Person]) -> None:
    async with load(nodes):
        await both_are_replaced(nodes, *call)


async def both_are_replaced(nodes: Nodes, alice: Person, bob: Person) -> None:
    """Replace one node after the other while two talk; nobody notices."""
    tiles = [await tile_of(alice, "Bob"), await tile_of(bob, "alice")]
    for person, tile in zip((alice, bob), tiles, strict=True):
        await person.page.evaluate(_WATCH_PICTURES, tile)
    said: list[str] = []
    for node in nodes.both:
        said += await replace(nodes, node, alice, bob)
        await talk(alice, bob, f"after {node.variables['NODE_ID']}")
    for person in (alice, bob):
        heard = await messages(person, r"(?:Alice|Bob) (?:first|second) \d+\.")
        assert sorted(heard) == sorted(said)
        for name in ("Alice", "Bob"):
            assert [text for text in heard if text.startswith(name)] == [t for t in said if t.startswith(name)]
        assert await person.page.evaluate("window.__freeze()") <= LONGEST_FREEZE_MS
    assert [await tile_of(alice, "Bob"), await tile_of(bob, "alice")] == tiles, "both have the ids they had"
    assert [await announced(person) for person in (alice, bob)] == [[], []]
    assert [await built(person) for person in (alice, bob)] == [1, 1]
    await pictures_go_on(alice, bob)
