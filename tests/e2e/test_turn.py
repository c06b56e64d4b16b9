"""Calls through a real coturn: relayed over UDP, TCP and TLS, between two NATs, across a change of network."""

from __future__ import annotations

import base64
import hashlib
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.async_api import Browser, Playwright, expect

from tests.coturn import SECRET, Coturn, running_coturn
from tests.e2e.conftest import CHROMIUM_FLAGS, Server
from tests.e2e.networks import PUBLIC_ADDRESS, Networks, networks
from tests.e2e.person import Person, until

__all__ = ["networks"]
pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

TRANSPORTS = ("udp", "tcp", "tls")
# Lets a page reach others only through relays of one transport.
_RELAY_ONLY = """
const only = (config = {}) => ({
  ...config,
  iceTransportPolicy: 'relay',
  iceServers: (config.iceServers ?? [])
    .map((server) => ({...server, urls: [server.urls].flat().filter((url) => %s)}))
    .filter((server) => server.urls.length > 0),
});
window.RTCPeerConnection = class extends window.RTCPeerConnection {
  constructor(config) { super(only(config)); }
  setConfiguration(config) { super.setConfiguration(only(config)); }
};
"""
_OF_TRANSPORT = {
    "udp": "url.startsWith('turn:') && url.endsWith('=udp')",
    "tcp": "url.startsWith('turn:') && url.endsWith('=tcp')",
    "tls": "url.startsWith('turns:')",
}
# What the chosen candidate pairs of the connected peer connections are, own side first.
_PATHS = """
async () => {
  const paths = [];
  for (const connection of window.__connections) {
    if (connection.connectionState !== 'connected') continue;
    const reports = await connection.getStats();
    for (const transport of reports.values()) {
      if (transport.type !== 'transport') continue;
      const pair = reports.get(transport.selectedCandidatePairId);
      const local = pair && reports.get(pair.localCandidateId);
      const remote = pair && reports.get(pair.remoteCandidateId);
      if (local && remote) paths.push([local.candidateType, local.relayProtocol ?? '', remote.candidateType]);
    }
  }
  return paths;
}
"""


_STATES = "window.__connections.map((one) => [one.connectionState, one.iceConnectionState, one.signalingState])"
# Pictures decoded over all peer connections, those of the past included: their statistics outlive them.
_FRAMES = """
async () => {
  let frames = 0;
  for (const connection of window.__connections) {
    for (const report of (await connection.getStats()).values()) {
      if (report.type === 'inbound-rtp' && report.kind === 'video') frames += report.framesDecoded ?? 0;
    }
  }
  return frames;
}
"""


async def paths_of(person: Person) -> list[list[str]]:
    found: list[list[str]] = await person.page.evaluate(_PATHS)
    return found


def own_address() -> str:
    """Return the address of this machine in its network; browsers relay through loopback addresses unwillingly."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((PUBLIC_ADDRESS, 9))  # sends nothing
        except OSError:
            return "127.0.0.1"
        address: tuple[Any, int] = probe.getsockname()
        return str(address[0])


def trusting(ca: trustme.CA) -> str:
    """Return the flag with which Chromium trusts the authority of the tests."""
    certificate = x509.load_pem_x509_certificate(ca.cert_pem.bytes())
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return f"--ignore-certificate-errors-spki-list={base64.b64encode(hashlib.sha256(key).digest()).decode()}"


def turn_variables(coturn: Coturn) -> dict[str, str]:
    return {
        "TURN_URLS": ",".join(coturn.url(transport) for transport in TRANSPORTS),
        "TURN_SECRET": SECRET,
        "TURN_CA_FILE": str(coturn.ca_file),
        "STUN_URLS": f"stun:{coturn.host}:{coturn.port}",
    }


@pytest.fixture(scope="module")
def relay(turnserver: str, turn_ca: trustme.CA) -> Iterator[Coturn]:
    """coturn at an address that browsers use."""
    with running_coturn(turnserver, turn_ca, "allow-loopback-peers", host=own_address()) as running:
        yield running


@pytest.fixture(scope="module")
def relaying_server(relay: Coturn) -> Iterator[Server]:
    """A server that hands out the relay."""
    running = Server(turn_variables(relay))
    try:
        running.start()
        yield running
    finally:
        running.close()


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def trusting_browser(playwright: Playwright, chromium: str, turn_ca: trustme.CA) -> AsyncIterator[Browser]:
    """A browser that trusts the relay's certificate."""
    flags = [*CHROMIUM_FLAGS, "--use-fake-ui-for-media-stream", trusting(turn_ca)]
    launched = await playwright.chromium.launch(executable_path=chromium, args=flags)
    yield launched
    await launched.close()


@asynccontextmanager
async def call_of_two(one: Browser, other: Browser, url: str, script: str = "") -> AsyncIterator[tuple[Person, Person]]:
    """Bring two people into a room, each in a browser, and close both at the end; their consoles must be clean."""
    async with AsyncExitStack() as stack:
        people = []
        for browser in (one, other):
            person = await Person.open(browser, url)
            stack.push_async_callback(person.context.close)
            if script:
                await person.context.add_init_script(script)
            people.append(person)
        alice, bob = people
        await alice.sign_up(f"alice{os.urandom(4).hex()}")
        link = await alice.create_room()
        await alice.join(link, "Alice")
        await bob.join(link, "Bob")
        yield alice, bob
        assert alice.complaints + bob.complaints == []


@pytest.mark.seed("S1-01")
@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_call_through_the_relay(relaying_server: Server, trusting_browser: Browser, transport: str) -> None:
    script = _RELAY_ONLY % _OF_TRANSPORT[transport]
    async with call_of_two(trusting_browser, trusting_browser, relaying_server.url, script) as people:
        for person in people:
            await person.watches(1)
            assert await paths_of(person) == [["relay", transport, "relay"]]


@pytest.mark.parametrize("phone", [False, True])
async def test_the_network_test_passes(relaying_server: Server, trusting_browser: Browser, phone: bool) -> None:
    person = await Person.open(trusting_browser, relaying_server.url, phone=phone, dark=phone)
    try:
        await person.sign_up(f"carol{os.urandom(4).hex()}")
        await person.create_room()
        opener = person.page.get_by_role("button", name="Test your connection")
        await opener.focus()
        await person.page.keyboard.press("Enter")
        dialog = person.page.get_by_role("dialog", name="Test your connection")
        await expect(dialog.get_by_role("status")).to_contain_text("Your connection is ready for calls", timeout=60_000)
        states = await dialog.get_by_role("listitem").all_inner_texts()
        assert len(states) == 7
        assert all("Works" in state for state in states), states
        await person.page.keyboard.press("Escape")
        await expect(dialog).to_have_count(0)
        await expect(opener).to_be_focused()
        assert person.complaints == []
    finally:
        await person.context.close()


async def test_the_network_test_names_what_fails(relay: Coturn, trusting_browser: Browser) -> None:
    server = Server(turn_variables(relay) | {"TURN_SECRET": "another"})
    try:
        server.start()
        person = await Person.open(trusting_browser, server.url)
        await person.sign_up("dave")
        await person.create_room()
        await person.click("Test your connection")
        dialog = person.page.get_by_role("dialog", name="Test your connection")
        await expect(dialog.get_by_role("status")).to_contain_text("The relay does not let us in", timeout=90_000)
        for name in ("Relay over UDP", "Relay over TCP", "Relay over TLS"):
            await expect(dialog.get_by_role("listitem").filter(has_text=name)).to_contain_text("Refused")
        await person.context.close()
    finally:
        server.close()


# --- behind routers -------------------------------------------------------------------------------------------------


@asynccontextmanager
async def call_between_homes(
    networks: Networks, playwright: Playwright, chromium: str, turnserver: str, ca: trustme.CA, folder: Path
) -> AsyncIterator[tuple[Person, Person]]:
    """Bring two people into a call, each at home, with server and relay on the public net."""
    for home in ("alice", "bob"):
        networks.build_home(home)
        networks.connect(home, "link0")
    outside = networks.inside("public")
    async with AsyncExitStack() as stack:
        relay = stack.enter_context(running_coturn(turnserver, ca, host=PUBLIC_ADDRESS, command=outside))
        variables = turn_variables(relay)
        server = Server(variables, outside)
        server.url = f"http://{PUBLIC_ADDRESS}:{server.http_port}"
        server.variables["BASE_URL"] = server.url
        stack.callback(server.close)
        server.start()
        browsers = []
        for home in ("alice", "bob"):
            flags = [
                *CHROMIUM_FLAGS,
                "--use-fake-ui-for-media-stream",
                f"--unsafely-treat-insecure-origin-as-secure={server.url}",
                trusting(ca),
            ]
            wrapped = networks.wrap(home, chromium, folder)
            browser = await playwright.chromium.launch(executable_path=wrapped, args=flags)
            stack.push_async_callback(browser.close)
            browsers.append(browser)
        yield await stack.enter_async_context(call_of_two(browsers[0], browsers[1], server.url))


async def test_two_homes_that_only_the_relay_connects(
    networks: Networks, playwright: Playwright, chromium: str, turnserver: str, turn_ca: trustme.CA, tmp_path: Path
) -> None:
    async with call_between_homes(networks, playwright, chromium, turnserver, turn_ca, tmp_path) as people:
        for person in people:
            await sees_more(person, 0)
            ((own, _, other),) = await paths_of(person)
            assert "relay" in (own, other)


async def test_a_call_survives_a_change_of_network(
    networks: Networks, playwright: Playwright, chromium: str, turnserver: str, turn_ca: trustme.CA, tmp_path: Path
) -> None:
    async with call_between_homes(networks, playwright, chromium, turnserver, turn_ca, tmp_path) as (alice, bob):
        for person in (alice, bob):
            await sees_more(person, 0)
        seen = [await frames_of(person) for person in (alice, bob)]
        networks.disconnect("alice", "link0")
        networks.connect("alice", "link1")
        for person, before in zip((alice, bob), seen, strict=True):
            await sees_more(person, before)


async def sees_more(person: Person, before: int) -> None:
    """Wait until more pictures have come than there were before, over a connection that may be a new one."""

    async def flows() -> bool:
        return (await frames_of(person)) > before + 20

    async def describe() -> object:
        return await person.page.evaluate(_STATES), await person.page.locator("body").inner_text()

    await until(flows, describe, timeout=90)


async def frames_of(person: Person) -> int:
    """Count the pictures decoded since the page was opened."""
    return int(await person.page.evaluate(_FRAMES))
