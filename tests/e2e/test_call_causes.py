"""Calls that fail on purpose, each in another way: the record of each names the cause."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme
from playwright.async_api import Browser, Playwright, expect
from websockets.asyncio.client import connect

from tests.coturn import running_coturn
from tests.e2e.conftest import CHROMIUM_FLAGS, ROOT, People, Server
from tests.e2e.networks import PUBLIC_ADDRESS, Networks, networks
from tests.e2e.person import Person, until
from tests.e2e.test_turn import turn_variables

__all__ = ["networks"]
pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

_EXPLAINED_WITHIN_S = 90
"""Browsers take their time to give up, and so does the server before it says that someone does not come back."""
# What a proxy does that knows no WebSockets: each handshake is answered like any request.
_NO_SOCKETS = """
window.WebSocket = class extends window.WebSocket {
  constructor(url, ...rest) { super(url.replace('/ws/', '/nothing/'), ...rest); }
};
"""


async def calls(server: Server, *arguments: str) -> Any:
    """Run `chatter calls … --json` beside the server."""
    command = [sys.executable, "-m", "api.cli", "calls", *arguments, "--json"]
    environment = {**os.environ, "CHATTER_DATA_DIR": str(server.folder / "data"), **server.variables}
    done = await asyncio.to_thread(
        subprocess.run, command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


async def is_explained(server: Server, link: str, cause: str) -> dict[str, Any]:
    """Wait until the room's newest call is explained by this cause before all others; return what is shown of it."""
    room = link.rpartition("/")[2]
    shown: dict[str, Any] = {}

    async def told() -> bool:
        newest = await calls(server, "list", "--room", room, "--limit", "1")
        if newest:
            shown.update(await calls(server, "show", newest[0]["id"]))
        return any(finding["cause"] == cause for finding in shown.get("findings", [])[:1])

    async def describe() -> object:
        return shown

    await until(told, describe, timeout=_EXPLAINED_WITHIN_S)
    assert shown["summary"]["cause"] == cause
    return shown


def texts_of(shown: dict[str, Any]) -> list[str]:
    return [finding["text"] for finding in shown["findings"]]


@contextmanager
def running_outdoors(networks: Networks, variables: dict[str, str]) -> Iterator[Server]:
    """Run a server on the public net until the end of the block."""
    running = Server(variables, networks.inside("public"))
    running.url = f"http://{PUBLIC_ADDRESS}:{running.http_port}"
    running.variables["BASE_URL"] = running.url
    try:
        running.start()
        yield running
    finally:
        running.close()


@pytest.fixture
def outdoors(networks: Networks) -> Iterator[Server]:
    """A server on the public net that hands out neither STUN nor TURN."""
    with running_outdoors(networks, {}) as running:
        yield running


@asynccontextmanager
async def two_homes(
    networks: Networks, playwright: Playwright, chromium: str, server: Server, folder: Path
) -> AsyncIterator[tuple[Person, Person, str]]:
    """Bring Alice and Bob into a call, each with a browser at home; gives the room's link too."""
    async with AsyncExitStack() as stack:
        people = []
        for home in ("alice", "bob"):
            flags = [
                *CHROMIUM_FLAGS,
                "--use-fake-ui-for-media-stream",
                f"--unsafely-treat-insecure-origin-as-secure={server.url}",
            ]
            wrapped = networks.wrap(home, chromium, folder)
            browser = await playwright.chromium.launch(executable_path=wrapped, args=flags)
            stack.push_async_callback(browser.close)
            people.append(await Person.open(browser, server.url))
        alice, bob = people
        await alice.sign_up("alice")
        link = await alice.create_room()
        await alice.join(link, "Alice")
        await bob.join(link, "Bob")
        yield alice, bob, link
        assert alice.complaints + bob.complaints == []


async def host_of(people: People, username: str) -> tuple[Person, str]:
    """Bring Alice into a room of hers; return her and the link."""
    alice = await people.new()
    await alice.sign_up(username)
    link = await alice.create_room()
    await alice.join(link, "Alice")
    return alice, link


async def test_no_turn_behind_two_routers(
    networks: Networks, playwright: Playwright, chromium: str, outdoors: Server, tmp_path: Path
) -> None:
    for home in ("alice", "bob"):
        networks.build_home(home)
        networks.connect(home, "link0")
    async with two_homes(networks, playwright, chromium, outdoors, tmp_path) as (_, _, link):
        shown = await is_explained(outdoors, link, "no_turn_host_only")
    assert texts_of(shown) == [
        "Alice and Bob have not found a path: both only offered host candidates and no TURN server is configured."
    ]


async def test_an_ice_restart_that_never_completes(
    networks: Networks, playwright: Playwright, chromium: str, outdoors: Server, tmp_path: Path
) -> None:
    for home in ("alice", "bob"):
        networks.build_home(home)
        networks.attach(home, "link0")
    async with two_homes(networks, playwright, chromium, outdoors, tmp_path) as (alice, bob, link):
        await asyncio.gather(alice.watches(1), bob.watches(1))
        networks.deafen("alice")
        networks.deafen("bob")
        shown = await is_explained(outdoors, link, "restart_unfinished")
    (pair,) = shown["call"]["pairs"]
    assert [attempt["kind"] for attempt in pair["attempts"]][:2] == ["initial", "ice_restart"]
    assert "connectedAt" in pair


async def test_a_wrong_turn_secret(
    networks: Networks, playwright: Playwright, chromium: str, turnserver: str, turn_ca: trustme.CA, tmp_path: Path
) -> None:
    for home in ("alice", "bob"):
        networks.build_home(home)
        networks.connect(home, "link0")
    outside = networks.inside("public")
    with (
        running_coturn(turnserver, turn_ca, host=PUBLIC_ADDRESS, command=outside) as relay,
        running_outdoors(networks, turn_variables(relay) | {"TURN_SECRET": "another"}) as server,
    ):
        async with two_homes(networks, playwright, chromium, server, tmp_path) as (_, _, link):
            shown = await is_explained(server, link, "turn_refused")
    assert "the TURN server refused the credentials of Alice and Bob" in texts_of(shown)[0]


async def test_permission_denied(people: People, server: Server, refusing_browser: Browser) -> None:
    _, link = await host_of(people, "cause-permission")
    bob = await people.new(browser=refusing_browser)
    await bob.goto(link)
    await expect(bob.page.get_by_text("does not let us use")).to_be_visible()
    await bob.page.get_by_label("Your name").fill("Bob")
    await bob.click("Join")
    shown = await is_explained(server, link, "permission_denied")
    assert re.fullmatch(
        r"Bob could not be (heard \(microphone\)|seen \(camera\)| or )+: the browser has no permission\.",
        texts_of(shown)[0],
    )


async def test_a_peer_gone_before_the_answer(people: People, impatient_server: Server) -> None:
    people.server = server = impatient_server
    _, link = await host_of(people, "cause-gone")
    address = f"ws://localhost:{server.gateway_port}/ws/{link.rpartition('/')[2]}?v=2"
    async with connect(address, origin=server.url) as socket:  # type: ignore[arg-type]
        await socket.send(json.dumps({"type": "hello", "displayName": "Bob"}))
        async for text in socket:
            frame = json.loads(text)
            if frame["type"] == "webrtc" and frame["action"] == "offer":
                break
        socket.transport.abort()
    shown = await is_explained(server, link, "gone_before_answer")
    assert texts_of(shown) == [
        "Bob was gone before answering Alice: the connection to the server broke, or the browser ended."
    ]


async def test_signaling_blocked(people: People, server: Server) -> None:
    _, link = await host_of(people, "cause-blocked")
    bob = await people.new()
    await bob.context.add_init_script(_NO_SOCKETS)
    await bob.goto(link)
    await bob.page.get_by_label("Your name").fill("Bob")
    await bob.click("Join")
    shown = await is_explained(server, link, "someone_blocked")
    assert "could not open the connection for calls" in texts_of(shown)[0]
