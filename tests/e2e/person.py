"""Someone at a browser: does what a person does, sees what a person sees, and can read the browser's own statistics."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, expect
from playwright.async_api import TimeoutError as PlaywrightTimeout

_TRIES = 5
_TRY_MS = 5_000
# Keeps every peer connection of the page within reach, to read its statistics and to disturb it.
_WATCH_CONNECTIONS = """
window.__connections = [];
window.RTCPeerConnection = class extends window.RTCPeerConnection {
  constructor(...args) { super(...args); window.__connections.push(this); }
};
"""
# Camera and screen as on old machines, whatever the page asks for: far less to encode for each of those who watch.
_SMALL_CAMERA = """
for (const [name, width, height] of [['getUserMedia', 320, 240], ['getDisplayMedia', 640, 360]]) {
  const open = navigator.mediaDevices?.[name].bind(navigator.mediaDevices);
  if (open) navigator.mediaDevices[name] = ({video, ...rest}) =>
    open(video ? {...rest, video: {...video, width, height}} : rest);
}
"""
_RECEIVED = """
async () => {
  const all = [];
  for (const [number, connection] of window.__connections.entries()) {
    if (connection.connectionState !== 'connected') continue;
    const one = {number, frames: 0, videos: 0, energy: 0, state: connection.signalingState};
    for (const report of (await connection.getStats()).values()) {
      if (report.type !== 'inbound-rtp') continue;
      if (report.kind === 'video') { one.frames += report.framesDecoded ?? 0; one.videos += report.framesDecoded > 0; }
      if (report.kind === 'audio') one.energy += report.totalAudioEnergy ?? 0;
    }
    all.push(one);
  }
  return all;
}
"""
_UFRAGS = """
() => window.__connections.map(({localDescription}) => /a=ice-ufrag:(\\S+)/.exec(localDescription.sdp)[1])
"""
# Chromium says these on its own account when a request is answered with an error, which tests provoke on purpose.
_EXPECTED = re.compile(r"Failed to load resource|WebSocket connection to .* failed|net::ERR_")


class Person:
    """One browser profile with one page."""

    def __init__(self, context: BrowserContext, page: Page, url: str) -> None:
        self.context = context
        self.page = page
        self.url = url
        self.complaints: list[str] = []
        self.failed_requests: list[str] = []
        page.on("requestfailed", lambda request: self.failed_requests.append(f"{request.url}: {request.failure}"))
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    @classmethod
    async def open(
        cls, browser: Browser, url: str, *, phone: bool = False, dark: bool = False, small_camera: bool = True
    ) -> Person:
        """Open a fresh profile."""
        size = {"width": 390, "height": 844} if phone else {"width": 1440, "height": 900}
        context = await browser.new_context(
            viewport=size,  # type: ignore[arg-type]
            has_touch=phone,
            is_mobile=phone,
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
        )
        await context.add_init_script(_WATCH_CONNECTIONS + (_SMALL_CAMERA if small_camera else ""))
        return cls(context, await context.new_page(), url)

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not _EXPECTED.search(message.text):
            self.complaints.append(message.text)

    # --- doing

    async def goto(self, path: str) -> None:
        """Open a page of the site."""
        await self.page.goto(self.url + path)

    async def click(self, name: str, *, exact: bool = True) -> None:
        """Press a button."""
        await self.press(self.page.get_by_role("button", name=name, exact=exact))

    async def press(self, button: Locator) -> None:
        """Press a button that may have stepped back: on a phone a first touch only brings it back."""
        before = await _state_of(button)
        for _ in range(_TRIES):  # it steps back again while a busy machine is on its way to the button
            await self.stir()
            with contextlib.suppress(PlaywrightTimeout):
                await button.click(timeout=_TRY_MS)
                return
            if before and await _state_of(button) != before:  # it was pressed; only the word of that came late
                return
        await button.click()

    async def stir(self) -> None:
        """Move the mouse, so that what stepped back comes forward."""
        for place in (2, 3):
            await self.page.mouse.move(place, place)

    async def sign_up(self, username: str, password: str = "a long enough secret") -> None:
        """Create an account."""
        await self.goto("/signup")
        await self.page.get_by_label("Username").fill(username)
        await self.page.get_by_label("Password", exact=True).fill(password)
        await self.click("Create account")
        await expect(self.page.get_by_role("button", name="New room")).to_be_visible()

    async def create_room(self) -> str:
        """Create a room from the home page; return the path of its link."""
        await self.goto("/")
        await self.click("New room")
        await self.page.wait_for_url(re.compile(r"/r/[a-z0-9-]+$"))
        return self.page.url.removeprefix(self.url)

    async def join(self, link: str, name: str | None = None) -> None:
        """Open a room's link, and enter the call under a name."""
        await self.goto(link)
        if name is not None:
            await self.page.get_by_label("Your name").fill(name)
        await self.click("Join")
        await expect(self.page.get_by_role("button", name="Leave")).to_be_visible()

    async def say(self, text: str) -> None:
        """Send a chat message."""
        box = self.page.get_by_label("Message")
        if not await box.is_visible():
            await self.press(self.page.get_by_role("button", name=re.compile("^Chat")))
        await box.fill(text)
        await box.press("Enter")

    async def leave(self) -> None:
        """Leave the call."""
        await self.click("Leave")
        await expect(self.page.get_by_role("heading", name="You left the call")).to_be_visible()

    async def changes_network(self) -> None:
        """Make the page believe so, and wait until all of its connections have agreed to seek another path."""
        before: list[str] = await self.page.evaluate(_UFRAGS)
        await self.page.evaluate("window.dispatchEvent(new Event('online'))")

        async def restarted() -> bool:
            now: list[str] = await self.page.evaluate(_UFRAGS)
            states = {peer["state"] for peer in await self.received()}
            return set(now).isdisjoint(before) and states == {"stable"}

        await until(restarted, lambda: self.page.evaluate(_UFRAGS))

    # --- seeing

    async def sees(self, name: str) -> None:
        """Wait until someone's tile is there."""
        await expect(self.page.get_by_role("article", name=name, exact=True)).to_be_visible(timeout=15_000)

    async def sees_nobody_called(self, name: str, within: timedelta = timedelta(seconds=15)) -> None:
        """Wait until someone's tile is gone."""
        tile = self.page.get_by_role("article", name=name, exact=True)
        await expect(tile).to_have_count(0, timeout=within / timedelta(milliseconds=1))

    async def reads(self, text: str) -> None:
        """Wait until a chat message is there."""
        if not await self.page.get_by_test_id("chat-log").is_visible():
            await self.press(self.page.get_by_role("button", name=re.compile("^Chat")))
        await expect(self.page.get_by_test_id("chat-log").get_by_text(text)).to_be_visible()

    async def received(self) -> list[dict[str, Any]]:
        """Return what each connected peer connection has received."""
        found: list[dict[str, Any]] = await self.page.evaluate(_RECEIVED)
        return found

    async def watches(self, others: int, *, more_than: int = 10, videos: int = 1) -> None:
        """Wait until picture and sound of so many others have come in: frames decoded, energy in the audio."""

        async def all_flow() -> bool:
            peers = await self.received()
            flowing = [
                peer for peer in peers if peer["frames"] > more_than and peer["videos"] >= videos and peer["energy"] > 0
            ]
            return len(flowing) >= others and len(peers) == others

        await until(all_flow, lambda: self.received())

    async def still_watches(self, others: int) -> None:
        """Wait until more frames have come in from everyone than there are now, over this connection or another."""
        before = {peer["number"]: peer["frames"] for peer in await self.received()}

        async def all_go_on() -> bool:
            peers = await self.received()
            return len(peers) == others and all(peer["frames"] > before.get(peer["number"], 0) for peer in peers)

        await until(all_go_on, self.received)

    async def looks(self) -> str:
        """Tell what the page shows, for whoever reads of a failed test."""
        text = await self.page.locator("body").inner_text(timeout=_TRY_MS)
        return f"{self.page.url.removeprefix(self.url)}: {' | '.join(text.split(chr(10)))[:600]}"


async def until(
    condition: Callable[[], Awaitable[bool]],
    describe: Callable[[], Awaitable[object]] | None = None,
    timeout: float = 30,  # noqa: ASYNC109  # how long to ask, not how long to wait for one answer
) -> None:
    """Ask again and again until the condition holds."""
    deadline = time.monotonic() + timeout
    while not await condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"did not come true: {await describe() if describe else condition}")
        await asyncio.sleep(0.1)


async def _state_of(button: Locator) -> list[list[str | None]]:
    """Return what a press changes in a button that opens or toggles something; nothing where there is none."""
    found: list[list[str | None]] = await button.evaluate_all(
        "all => all.map(one => [one.ariaExpanded, one.ariaPressed])"
    )
    return found
