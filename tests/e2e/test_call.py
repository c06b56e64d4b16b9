"""People in calls: real browsers, real media, a real server."""

from __future__ import annotations

import asyncio
import re

import pytest
from playwright.async_api import expect

from tests.e2e.conftest import People, Server
from tests.e2e.person import Person

_NAMED_STREAMS = """
() => [...window.__connections.at(-1).localDescription.sdp.matchAll(/^a=msid:(\\S+)/gm)].map(([, name]) => name)
"""

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


@pytest.mark.seed("S1-01")
@pytest.mark.seed("S1-02")
@pytest.mark.seed("S1-03")
@pytest.mark.seed("S1-06")
async def test_host_and_guest_see_and_hear_each_other(people: People) -> None:
    alice, bob = [await people.new(small_camera=False) for _ in range(2)]
    await alice.sign_up("alice")
    link = await alice.create_room()
    await alice.join(link)
    await bob.join(link, "Bob the guest")

    await alice.sees("Bob the guest")
    await bob.sees("alice")
    await asyncio.gather(alice.watches(1), bob.watches(1))
    for person in (alice, bob):
        # Browsers keep sound and picture in step only within one named stream.
        microphone, camera, screen, screen_sound = await person.page.evaluate(_NAMED_STREAMS)
        assert microphone == camera != "-"
        assert screen == screen_sound not in ("-", camera)

    await alice.say("can you hear me?")
    await bob.reads("can you hear me?")
    await bob.say("yes: https://example.org/x")
    await alice.reads("yes:")
    url = alice.page.get_by_test_id("chat-log").get_by_role("link")
    await expect(url).to_have_attribute("href", "https://example.org/x")
    await expect(url).to_have_attribute("rel", re.compile("noopener"))

    await bob.leave()
    await alice.sees_nobody_called("Bob the guest")
    await expect(alice.page.get_by_role("button", name="Copy link")).to_be_visible()


async def test_three_people_form_a_mesh(people: People) -> None:
    ann, ben, cem = [await people.new() for _ in range(3)]
    await ann.sign_up("mesh-ann")
    link = await ann.create_room()
    await ann.join(link)
    await ben.join(link, "Ben")
    await cem.join(link, "Cem")
    await asyncio.gather(*(person.watches(2) for person in (ann, ben, cem)))
    await ben.leave()
    await asyncio.gather(ann.sees_nobody_called("Ben"), cem.sees_nobody_called("Ben"))
    await asyncio.gather(ann.watches(1), cem.watches(1))


async def in_a_call(people: People, name: str) -> tuple[Person, Person]:
    """Bring two people into a call; return host and guest."""
    host, guest = await people.new(), await people.new()
    await host.sign_up(name)
    link = await host.create_room()
    await host.join(link)
    await guest.join(link, "Guest of honour")
    await asyncio.gather(host.watches(1), guest.watches(1))
    return host, guest


_ADD_PICTURE = """
() => {
  const canvas = Object.assign(document.createElement('canvas'), {width: 64, height: 64});
  const pen = canvas.getContext('2d');
  setInterval(() => { pen.fillStyle = `hsl(${Math.random() * 360} 80% 50%)`; pen.fillRect(0, 0, 64, 64); }, 50);
  const [track] = canvas.captureStream(20).getVideoTracks();
  window.__connections.at(-1).addTrack(track, new MediaStream([track]));
}
"""


async def test_glare_both_add_a_track_at_once(people: People) -> None:
    host, guest = await in_a_call(people, "glare")
    for expected in (2, 3, 4):  # again and again, so that the offers really cross
        await asyncio.gather(host.page.evaluate(_ADD_PICTURE), guest.page.evaluate(_ADD_PICTURE))
        await asyncio.gather(host.watches(1, videos=expected), guest.watches(1, videos=expected))
    for person in (host, guest):
        assert [peer["state"] for peer in await person.received()] == ["stable"]


async def test_mute_and_camera_are_seen_by_the_other(people: People) -> None:
    host, guest = await in_a_call(people, "mutes")
    tile = guest.page.get_by_role("article", name="mutes", exact=True)
    await host.page.keyboard.press("m")
    await expect(host.page.get_by_role("button", name="Microphone")).to_have_attribute("aria-pressed", "false")
    await expect(tile.get_by_text("Muted:")).to_have_count(1)
    await host.click("Camera")
    await expect(tile.locator("video")).to_have_css("opacity", "0")
    assert await host.page.evaluate("window.__connections.at(-1).getSenders().every(s => s.track?.kind !== 'video')")
    await host.click("Camera")
    await expect(tile.locator("video")).to_have_css("opacity", "1")
    await guest.still_watches(1)


async def test_names_and_member_list(people: People) -> None:
    host, guest = await in_a_call(people, "naming")
    await guest.page.get_by_role("button", name=re.compile("^People")).click()
    await guest.click("Change your name")
    await guest.page.get_by_role("textbox", name="Your name").fill("Zoë 👩‍👩‍👧")
    await guest.click("Save")
    await host.sees("Zoë 👩‍👩‍👧")
    await host.page.get_by_role("button", name=re.compile("^People")).click()
    await expect(host.page.get_by_role("listitem").filter(has_text="Zoë")).to_contain_text("Guest")


async def test_listen_only_without_any_device(people: People, server: Server) -> None:
    host, guest = await people.new(), await people.new()
    await host.sign_up("with-camera")
    link = await host.create_room()
    await host.join(link)
    await guest.context.add_init_script(
        "navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('none', 'NotFoundError') }"
    )
    await guest.join(link, "Listener")
    await guest.watches(1)
    await host.sees("Listener")


async def test_call_survives_a_restart_of_the_server(people: People, own_server: Server) -> None:
    people.server = own_server
    host, guest = await in_a_call(people, "restart")
    assert own_server.stop() == 0
    for person in (host, guest):
        await expect(person.page.get_by_role("button", name="Try now")).to_be_visible()
    frames = (await guest.received())[0]["frames"]
    await guest.watches(1, more_than=frames + 20)  # the picture goes on without the server
    own_server.start()

    for person in (host, guest):
        # The words of the bar change with the attempts; its button is there as long as there is no connection.
        await expect(person.page.get_by_role("button", name="Try now")).to_be_hidden(timeout=30_000)
        await expect(person.page.get_by_role("button", name="People, 2 in the call")).to_be_visible(timeout=30_000)
    await asyncio.gather(host.watches(1), guest.watches(1))
    await host.say("back again")
    await guest.reads("back again")
