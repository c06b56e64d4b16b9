"""What people do in a call: share, switch devices, pin, talk by key, raise hands, react, read the numbers, be eight."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Playwright, expect
from playwright.async_api import TimeoutError as TookTooLong

from tests.e2e.conftest import CHROMIUM_FLAGS, People
from tests.e2e.person import Person, until
from tests.e2e.test_looks import SCHEMES, SHAPES, inspect, inspect_in, settled

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

# Nothing to encode: seven of these fit on one machine.
_NO_DEVICES = "navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('none', 'NotFoundError') }"
# Lets a test close the sockets of a page and keep it from opening new ones.
_WATCH_SOCKETS = """
window.__sockets = [];
window.__blocked = false;
window.WebSocket = class extends window.WebSocket {
  constructor(url, ...rest) {
    super(window.__blocked ? String(url).replace('/ws/', '/nowhere/') : url, ...rest);
    window.__sockets.push(this);
  }
};
"""
_CUT_SIGNAL = "() => { window.__blocked = true; window.__sockets.at(-1).close(4000) }"
_HIDE = """
(hidden) => {
  Object.defineProperty(document, 'hidden', {configurable: true, get: () => hidden});
  document.dispatchEvent(new Event('visibilitychange'));
}
"""
_SENT_DEVICE = """
(kind) => window.__connections.at(-1).getSenders().map((sender) => sender.track)
  .find((track) => track?.kind === kind)?.getSettings().deviceId
"""


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def rich_browser(playwright: Playwright, chromium: str) -> AsyncIterator[Browser]:
    """A browser with several made-up devices of each kind and a made-up screen, whose user grants everything."""
    flags = [flag for flag in CHROMIUM_FLAGS if not flag.startswith("--use-fake-device")]
    # The second camera speaks of depths (Y16), which nothing encodes; the third is a camera again.
    flags += ["--use-fake-device-for-media-stream=device-count=3,fps=10", "--use-fake-ui-for-media-stream"]
    launched = await playwright.chromium.launch(executable_path=chromium, args=flags)
    yield launched
    await launched.close()


async def bare(people: People, link: str, name: str) -> Person:
    """Bring someone into the call who has no devices."""
    person = await people.new()
    await person.context.add_init_script(_NO_DEVICES)
    await person.join(link, name)
    return person


async def host_with(people: People, name: str, *guests: str, browser: Browser | None = None) -> list[Person]:
    """Bring a host with a camera and guests without devices into a call."""
    host = await people.new(browser=browser)
    await host.sign_up(name)
    link = await host.create_room()
    await host.join(link)
    everyone = [host, *[await bare(people, link, guest) for guest in guests]]
    for guest in guests:
        await host.sees(guest)
    return everyone


def tile(person: Person, name: str) -> Locator:
    """Find someone's tile on someone's stage."""
    return person.page.get_by_role("article", name=name, exact=True)


async def focus_of(person: Person) -> str | None:
    """Tell which tile has the big place."""
    return await person.page.get_by_test_id("stage").get_attribute("data-focus")


async def areas(person: Person) -> dict[str, float]:
    """Measure the tiles on someone's stage by name."""
    found: dict[str, float] = await person.page.evaluate(
        """() => Object.fromEntries([...document.querySelectorAll('main article')].map((tile) => {
             const {width, height} = tile.getBoundingClientRect();
             return [tile.getAttribute('aria-label'), width * height];
           }))"""
    )
    return found


async def much_larger(person: Person, big: str, small: str) -> None:
    """Wait until one tile has far more room than another."""

    async def is_larger() -> bool:
        sizes = await areas(person)
        return sizes[big] > 3 * sizes[small]

    await until(is_larger, lambda: areas(person))


async def share(person: Person) -> None:
    """Share the screen with the key."""
    await person.page.keyboard.press("s")
    await expect(person.page.get_by_text("You are sharing your screen.")).to_be_visible()


async def plays(video: Locator) -> None:
    """Wait until a video shows something and goes on."""
    await expect(video).to_have_js_property("paused", False)

    async def has_picture() -> bool:
        return bool(await video.evaluate("video => video.videoWidth > 2 && video.currentTime > 0"))

    await until(has_picture)


async def test_two_screens_at_once_beside_the_cameras(people: People, rich_browser: Browser) -> None:
    ann, ben = await people.new(browser=rich_browser), await people.new(browser=rich_browser)
    await ann.sign_up("screen-ann")
    link = await ann.create_room()
    await ann.join(link)
    await ben.join(link, "Ben")
    viewer = await bare(people, link, "Viewer")
    await asyncio.gather(ann.sees("Viewer"), ben.sees("Viewer"))

    await share(ann)
    await plays(tile(viewer, "Screen of screen-ann").locator("video"))
    await expect(tile(ann, "Screen of screen-ann")).to_have_count(0)  # no hall of mirrors
    button = ann.page.get_by_role("button", name="Share screen")
    await expect(button).to_have_attribute("aria-pressed", "true")
    await much_larger(viewer, "Screen of screen-ann", "Ben")

    await share(ben)
    await plays(tile(viewer, "Screen of Ben").locator("video"))
    await plays(tile(ann, "Screen of Ben").locator("video"))
    await much_larger(viewer, "Screen of Ben", "Screen of screen-ann")  # the newest has the big place
    await plays(tile(viewer, "screen-ann").locator("video"))  # the cameras go on
    await plays(tile(viewer, "Ben").locator("video"))

    await tile(viewer, "Screen of screen-ann").hover()
    await viewer.click("Pin Screen of screen-ann")
    assert re.fullmatch("screen:.+", await focus_of(viewer) or "")
    await much_larger(viewer, "Screen of screen-ann", "Screen of Ben")

    await viewer.page.keyboard.press("l")
    assert await focus_of(viewer) is None
    await ann.click("Stop sharing")
    await expect(tile(viewer, "Screen of screen-ann")).to_have_count(0)
    await ben.page.keyboard.press("s")
    await expect(tile(viewer, "Screen of Ben")).to_have_count(0)
    await expect(tile(viewer, "Ben")).to_be_visible()


async def test_devices_are_switched_mid_call(people: People, rich_browser: Browser) -> None:
    host = await people.new(browser=rich_browser)
    await host.sign_up("switcher")
    link = await host.create_room()
    await host.join(link)
    guest = await bare(people, link, "Guest of honour")
    await guest.watches(1)
    for kind, button, label in (("video", "Video devices", "fake_device_2"), ("audio", "Sound devices", "Fake")):
        before = await host.page.evaluate(_SENT_DEVICE, kind)
        await host.page.get_by_role("button", name=re.compile(button)).click()
        choices = host.page.get_by_role("menuitemradio").filter(has_text=re.compile(label, re.IGNORECASE))
        await choices.and_(host.page.locator("[data-state=unchecked]")).first.click()

        async def switched(kind: str = kind, before: str = before) -> bool:
            now = await host.page.evaluate(_SENT_DEVICE, kind)
            return bool(now and now != before)

        await until(switched)
    await guest.still_watches(1)
    await expect(host.page.get_by_role("button", name="Microphone", exact=True)).to_have_attribute(
        "aria-pressed", "true"
    )


_UNPLUG = """
(kind) => {
  const track = window.__connections.at(-1).getSenders().map((sender) => sender.track)
    .find((track) => track?.kind === kind);
  const gone = track.getSettings().deviceId;
  const list = navigator.mediaDevices.enumerateDevices.bind(navigator.mediaDevices);
  navigator.mediaDevices.enumerateDevices = async () => (await list()).filter((device) => device.deviceId !== gone);
  track.stop();
  track.dispatchEvent(new Event('ended'));
}
"""


async def test_a_device_that_vanishes_is_told_and_what_is_used_now(people: People, rich_browser: Browser) -> None:
    host = await people.new(browser=rich_browser)
    await host.sign_up("unplugger")
    link = await host.create_room()
    await host.join(link)
    guest = await bare(people, link, "Guest of honour")
    await guest.watches(1)
    await host.page.evaluate(_UNPLUG, "audio")
    await expect(host.page.get_by_text(re.compile("We now use .+ as your microphone"))).to_be_visible()
    await expect(tile(guest, "unplugger").get_by_text("Muted:")).to_have_count(0)

    await host.page.evaluate(_UNPLUG, "video")  # another camera may show what nobody meant to show: we ask
    await expect(host.page.get_by_role("alert")).to_contain_text("We lost your camera")
    await host.click("Devices")
    await host.page.get_by_label("Camera", exact=True).select_option(label="fake_device_2")
    await host.page.keyboard.press("Escape")
    await host.page.keyboard.press("v")
    await guest.still_watches(1)


async def test_pin_and_layouts(people: People) -> None:
    host, *_ = await host_with(people, "pinner", "Ana", "Bo")
    layout = host.page.get_by_role("button", name="Speaker layout")
    await expect(layout).to_have_attribute("aria-pressed", "false")
    sizes = await areas(host)
    assert max(sizes.values()) == min(sizes.values())

    await tile(host, "Bo").hover()
    await tile(host, "Bo").get_by_role("button", name="Pin Bo").click()
    await much_larger(host, "Bo", "Ana")
    await expect(layout).to_have_attribute("aria-pressed", "true")

    await host.page.keyboard.press("p")  # and by keyboard, from the list
    pin = host.page.get_by_role("listitem").get_by_role("button", name="Pin Ana")
    await pin.focus()
    await pin.press("Enter")
    await expect(pin).to_have_attribute("aria-pressed", "true")
    await much_larger(host, "Ana", "Bo")
    await pin.press("Enter")
    assert await focus_of(host) is None

    await host.page.keyboard.press("l")
    await expect(layout).to_have_attribute("aria-pressed", "true")
    assert await focus_of(host) is not None
    await host.page.reload()
    await host.click("Join")
    await host.sees("Ana")
    await expect(layout).to_have_attribute("aria-pressed", "true")  # remembered


async def test_push_to_talk(people: People) -> None:
    host, guest = await host_with(people, "talker", "Listener")
    muted = tile(guest, "talker").get_by_text("Muted:")
    await expect(muted).to_have_count(0)
    await host.page.keyboard.press("m")
    await expect(muted).to_have_count(1)

    await host.page.keyboard.down(" ")
    await expect(host.page.get_by_text("You are on while you hold the space bar")).to_be_visible()
    await expect(muted).to_have_count(0)
    await host.page.keyboard.up(" ")
    await expect(muted).to_have_count(1)

    await host.click("Microphone")  # a click leaves the focus there, which must not press the button again
    await host.click("Microphone")
    await host.page.keyboard.down(" ")
    await expect(muted).to_have_count(0)
    await host.page.keyboard.up(" ")
    await expect(muted).to_have_count(1)

    await host.page.keyboard.press("c")
    await expect(host.page.get_by_label("Message")).to_be_focused()
    await host.page.keyboard.type("m v s h")
    await expect(host.page.get_by_label("Message")).to_have_value("m v s h")
    await expect(host.page.get_by_role("button", name="Microphone", exact=True)).to_have_attribute(
        "aria-pressed", "false"
    )
    await expect(host.page.get_by_role("button", name="Raise hand")).to_have_attribute("aria-pressed", "false")


async def test_hands_in_order(people: People) -> None:
    host, ana, bo = await host_with(people, "moderating", "Ana", "Bo")
    await bo.page.keyboard.press("h")
    await expect(tile(host, "Bo")).to_contain_text("number 1")
    await ana.click("Raise hand")
    await expect(tile(host, "Ana")).to_contain_text("number 2")
    await expect(ana.page.get_by_test_id("tile-self")).to_contain_text("number 2")
    await expect(host.page.get_by_text("Ana raised a hand")).to_be_visible()
    await host.page.keyboard.press("p")
    queue = host.page.get_by_role("region", name="Raised hands").get_by_role("listitem")
    await expect(queue).to_have_text([re.compile("Bo"), re.compile("Ana")])
    await bo.page.keyboard.press("h")
    await expect(queue).to_have_text([re.compile("Ana")])
    await expect(tile(host, "Ana")).to_contain_text("number 1")


async def test_reactions_float_and_are_read_out(people: People) -> None:
    host, guest = await host_with(people, "reacting", "Guest of honour")
    await host.page.keyboard.press("e")
    await host.page.get_by_role("button", name="applause").click()
    await expect(tile(guest, "reacting").get_by_text("👏")).to_have_count(1)
    await expect(host.page.get_by_test_id("tile-self").get_by_text("👏")).to_have_count(1)
    await expect(guest.page.get_by_test_id("reactions-heard")).to_have_text("reacting: applause")
    await expect(tile(guest, "reacting").get_by_text("👏")).to_have_count(0)  # and it goes by itself
    for _ in range(12):
        await host.page.get_by_role("button", name="heart").click()
    await expect(host.page.get_by_text("That was a lot at once").first).to_be_visible()
    await host.page.keyboard.press("Escape")
    await expect(host.page.get_by_role("button", name="heart")).to_have_count(0)


async def test_quality_numbers_on_demand(people: People) -> None:
    _, guest = await host_with(people, "measured", "Reader")
    await guest.watches(1)
    await guest.page.get_by_role("button", name=re.compile("connection.* to measured")).click()
    numbers = guest.page.get_by_role("dialog", name="Connection to measured")
    await expect(numbers).to_contain_text(re.compile(r"Round trip\d+ ms"))
    await expect(numbers).to_contain_text(re.compile(r"Receiving[\d.]+ [kM]bit/s"))
    await expect(numbers).to_contain_text(re.compile(r"Picture\d+ × \d+"))
    await expect(numbers).to_contain_text("Direct, UDP")
    await guest.page.keyboard.press("Escape")
    await expect(numbers).to_have_count(0)


async def test_lost_signal_is_a_hint_and_lost_media_is_said(people: People) -> None:
    host = await people.new()
    await host.sign_up("signals")
    link = await host.create_room()
    await host.join(link)
    guest = await people.new()
    await guest.context.add_init_script(_WATCH_SOCKETS)
    await guest.join(link, "Wobbly")
    await host.watches(1)
    await guest.page.evaluate(_CUT_SIGNAL)
    await expect(tile(host, "Wobbly")).to_have_attribute("data-signal", "lost")
    await expect(tile(host, "Wobbly").get_by_text("Reconnecting…")).to_be_visible()
    await expect(tile(host, "Wobbly").get_by_text("Muted:")).to_have_count(0)
    await expect(guest.page.get_by_text("Connection to the server lost")).to_be_visible()
    await host.still_watches(1)  # picture and sound go on
    await guest.page.get_by_role("button", name=re.compile("^Chat")).click()
    await guest.page.get_by_label("Message").fill("typed in the dark")
    await guest.page.get_by_label("Message").press("Enter")
    await expect(guest.page.get_by_text("Waits for the connection")).to_be_visible()

    await guest.page.evaluate("() => { window.__blocked = false }")
    with contextlib.suppress(TookTooLong):  # it may come back by itself first
        await guest.page.get_by_role("button", name="Try now").click(timeout=2_000)
    await expect(tile(host, "Wobbly")).to_have_attribute("data-signal", "ok")
    await host.reads("typed in the dark")
    await expect(host.page.get_by_test_id("chat-log").get_by_text("typed in the dark")).to_have_count(1)


async def test_help_lists_the_keys_and_can_switch_them_off(people: People) -> None:
    host, _ = await host_with(people, "helped", "Guest of honour")
    microphone = host.page.get_by_role("button", name="Microphone", exact=True)
    await expect(microphone).to_have_attribute("aria-pressed", "true")
    await host.page.keyboard.press("?")
    dialog = host.page.get_by_role("dialog", name="Keyboard shortcuts")
    for words in ("Hold to talk while muted", "Share your screen", "Raise or lower your hand"):
        await expect(dialog).to_contain_text(words)
    await host.page.keyboard.press("m")  # a dialog keeps the keys to itself
    await dialog.get_by_role("switch").click()
    await host.page.keyboard.press("Escape")
    await host.page.keyboard.press("m")
    await expect(microphone).to_have_attribute("aria-pressed", "true")
    await microphone.hover()
    await expect(host.page.get_by_role("tooltip", name=re.compile("Mute microphone"))).to_be_visible()


async def test_background_tab_counts_and_draws_nothing(people: People) -> None:
    host, guest = await host_with(people, "reader", "Writer")
    await guest.watches(1)
    picture = tile(guest, "reader").locator("video")
    await plays(picture)
    await guest.page.evaluate(_HIDE, True)
    await expect(picture).to_have_js_property("paused", True)
    await expect(tile(guest, "reader").locator("audio")).to_have_js_property("paused", False)
    await host.say("are you there?")
    await host.page.keyboard.press("Escape")
    await host.page.keyboard.press("h")
    await expect(guest.page).to_have_title(re.compile(r"^\(1\) ✋ "))
    await guest.page.evaluate(_HIDE, False)
    await plays(picture)
    await guest.reads("are you there?")
    await expect(guest.page.get_by_text("New messages")).to_be_visible()
    await host.page.keyboard.press("h")
    await expect(guest.page).not_to_have_title(re.compile(r"✋|\("))


async def test_chat_for_late_comers_and_a_draft_that_stays(people: People) -> None:
    host, _ = await host_with(people, "chatty", "Early")
    await host.say("see https://example.org/a?b=1 or mail ana@example.org, not javascript:alert(1)")
    late = await bare(people, host.page.url.removeprefix(host.url), "Late")
    await late.reads("see https://example.org")
    links = late.page.get_by_test_id("chat-log").get_by_role("link")
    await expect(links).to_have_count(2)
    await expect(links.first).to_have_attribute("rel", "noopener noreferrer nofollow")
    await expect(links.last).to_have_attribute("href", "mailto:ana@example.org")
    await late.page.get_by_label("Message").fill("half a thou")
    await late.page.keyboard.press("Escape")
    await expect(late.page.get_by_label("Message")).to_have_count(0)
    await late.page.keyboard.press("c")
    await expect(late.page.get_by_label("Message")).to_have_value("half a thou")


_TILES = """
() => [...document.querySelectorAll('main article')].map((tile) => {
  const {left, top, right, bottom} = tile.getBoundingClientRect();
  return {name: tile.getAttribute('aria-label'), left, top, right, bottom};
})
"""


def assert_apart(tiles: list[dict[str, Any]], width: int, height: int) -> None:
    """Check that all tiles lie inside the page and none over another."""
    for index, one in enumerate(tiles):
        assert min(one["left"], one["top"], width - one["right"], height - one["bottom"]) >= 0, one
        assert min(one["right"] - one["left"], one["bottom"] - one["top"]) >= 50, one
        for other in tiles[index + 1 :]:
            apart = (
                one["right"] <= other["left"] + 1
                or other["right"] <= one["left"] + 1
                or one["bottom"] <= other["top"] + 1
                or other["bottom"] <= one["top"] + 1
            )
            assert apart, (one, other)


async def test_eight_people(people: People) -> None:
    guests = ["Ana", "Bo", "Chidi", "Dörte", "Eun-ji", "Farid with a very long name indeed", "Gwen"]
    host, *others = await host_with(people, "crowd", *guests)
    await others[1].page.keyboard.press("h")
    await expect(tile(host, "Bo")).to_contain_text("number 1")
    for width, height in ((1440, 900), (390, 844)):
        await host.page.set_viewport_size({"width": width, "height": height})
        for layout in ("grid", "speaker"):
            button = host.page.get_by_role("button", name="Speaker layout")
            if await button.get_attribute("aria-pressed") != str(layout == "speaker").lower():
                await button.click()
            await until(lambda: settled(host))
            tiles = await host.page.evaluate(_TILES)
            assert len(tiles) == 8
            assert_apart(tiles, width, height)
            await inspect(host, f"call-eight-{layout}")

    before = {one["name"]: (one["left"], one["top"]) for one in await host.page.evaluate(_TILES)}
    await others[2].leave()  # nobody moves but the one who fills the gap
    await host.sees_nobody_called("Chidi")
    await host.page.set_viewport_size({"width": 390, "height": 844})
    after = {one["name"] for one in await host.page.evaluate(_TILES)}
    assert after == set(before) - {"Chidi"}


@pytest.mark.parametrize("shape", SHAPES)
async def test_looks_in_call(people: People, rich_browser: Browser, shape: str) -> None:
    host = await people.new(phone=shape == "phone", browser=rich_browser)
    await host.sign_up(f"in-{shape}")
    link = await host.create_room()
    await host.join(link)
    mira = await people.new(browser=rich_browser)
    await mira.join(link, "Mira")
    jonas = await bare(people, link, "Jonas with a rather long name")
    await plays(tile(host, "Mira").locator("video"))
    await share(mira)
    await plays(tile(host, "Screen of Mira").locator("video"))
    await mira.page.keyboard.press("h")
    await expect(tile(host, "Mira")).to_contain_text("number 1")
    await jonas.page.keyboard.press("h")
    await expect(tile(host, "Jonas with a rather long name")).to_contain_text("number 2")
    await inspect(host, "in-call-screen")
    await mira.page.keyboard.press("e")
    for scheme in SCHEMES:
        party = mira.page.get_by_role("button", name="party")
        floating = tile(host, "Mira").get_by_text("🎉").first
        await asyncio.gather(expect(floating).to_be_visible(), party.click())  # it is gone after a moment
        await inspect_in(scheme, host, "in-call-reaction")
    await host.page.get_by_role("button", name=re.compile("connection.* to Mira")).click()
    await expect(host.page.get_by_role("dialog", name="Connection to Mira")).to_contain_text("Direct")
    await inspect(host, "in-call-quality")
    await host.page.keyboard.press("Escape")
    await host.click("More")
    await expect(host.page.get_by_role("menuitem", name="Camera and sound")).to_be_visible()
    await inspect(host, "in-call-more")
    await host.page.keyboard.press("Escape")
    await expect(host.page.get_by_role("menu")).to_have_count(0)  # until then the keys are the menu's
    if shape == "phone":
        await host.click("More")
        await host.page.get_by_role("menuitem", name="React").click()
    else:
        await host.page.keyboard.press("e")
    await expect(host.page.get_by_role("button", name="applause")).to_be_visible()
    await inspect(host, "in-call-reactions")
    await host.page.keyboard.press("Escape")
    if shape == "desktop":
        await host.page.get_by_role("button", name="Sound devices").click()
        await expect(host.page.get_by_role("menuitem", name="Play a test sound")).to_be_visible()
        await inspect(host, "in-call-devices")
        await host.page.keyboard.press("Escape")
        await host.page.keyboard.press("m")
        await host.page.keyboard.down(" ")
        await expect(host.page.get_by_text("You are on while you hold the space bar")).to_be_visible()
        await inspect(host, "in-call-talking")
        await host.page.keyboard.up(" ")
        await share(host)
        await inspect(host, "in-call-sharing")
    await host.page.keyboard.press("?")
    await expect(host.page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    await inspect(host, "in-call-help")
    await host.page.keyboard.press("Escape")
    await host.page.get_by_role("button", name=re.compile("^People")).click()
    await expect(host.page.get_by_role("region", name="Raised hands")).to_be_visible()
    await inspect(host, "in-call-people")
