"""Every page at phone and desktop size, light and dark: no accessibility violations, and a picture to look at."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Literal

import pytest
from playwright.async_api import Page, expect

from tests.e2e.conftest import ROOT, SCREENSHOTS, People
from tests.e2e.person import Person, until

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

_AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
_NARROW = 500
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
SHAPES = ("desktop", "phone")


async def inspect(person: Person, name: str) -> None:
    """Look at a page in the light and in the dark."""
    for scheme in SCHEMES:
        await inspect_in(scheme, person, name)


async def inspect_in(scheme: Literal["light", "dark"], person: Person, name: str) -> None:
    """Take a picture and ask axe."""
    page = person.page
    look = f"{name}-{shape_of(page)}-{scheme}"
    await page.emulate_media(color_scheme=scheme)
    await person.stir()
    await until(lambda: settled(person))
    SCREENSHOTS.mkdir(exist_ok=True)
    await page.screenshot(path=SCREENSHOTS / f"{look}.png")
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(_AXE.read_text("utf-8"))
    report: dict[str, Any] = await page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    found = [f"{rule['id']}: {node['target']}" for rule in report["violations"] for node in rule["nodes"]]
    assert found == [], look
    wide = await page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    assert not wide, f"{look} scrolls sideways"


async def settled(person: Person) -> bool:
    """Tell whether nothing on the page moves."""
    return bool(await person.page.evaluate("document.getAnimations().every((one) => one.playState !== 'running')"))


def shape_of(page: Page) -> str:
    """Tell whether a page is as narrow as on a phone."""
    assert page.viewport_size is not None
    return "phone" if page.viewport_size["width"] < _NARROW else "desktop"


@pytest.mark.parametrize("shape", SHAPES)
async def test_pages(people: People, shape: str) -> None:
    someone = await people.new(phone=shape == "phone")

    async def page(path: str, name: str, ready: Callable[[], Coroutine[Any, Any, None]]) -> None:
        await someone.goto(path)
        await ready()
        await inspect(someone, name)

    def heading(text: str) -> Callable[[], Coroutine[Any, Any, None]]:
        return lambda: expect(someone.page.get_by_role("heading", name=text).first).to_be_visible()

    await page("/", "home-signed-out", heading("Video calls that start with a link"))
    await page("/signin", "signin", heading("Welcome back"))
    await page("/signup", "signup", heading("Create"))
    await page("/r/no-such-room-here", "room-missing", heading("not open to you"))
    await page("/nowhere", "not-found", lambda: expect(someone.page.get_by_role("main")).to_be_visible())
    await someone.sign_up(f"looks-{shape}")
    await inspect(someone, "home-empty")
    link = await someone.create_room()
    await page(link, "prejoin", lambda: expect(someone.page.get_by_role("button", name="Join")).to_be_visible())
    await page("/", "home", lambda: expect(someone.page.get_by_role("link", name="Open").first).to_be_visible())
    await page(f"{link}/calls", "calls-empty", lambda: expect(someone.page.get_by_text("No calls yet")).to_be_visible())
    await page("/settings", "settings", heading("Settings"))
    await someone.page.get_by_role("tab", name="Signed-in devices").click()
    await expect(someone.page.get_by_text("This device")).to_be_visible()
    await inspect(someone, "settings-devices")


@pytest.mark.parametrize("shape", SHAPES)
async def test_call(people: People, shape: str) -> None:
    host = await people.new(phone=shape == "phone")
    await host.sign_up(f"call-{shape}")
    link = await host.create_room()
    await host.join(link)
    await inspect(host, "call-alone")
    guest = await people.new(phone=shape == "phone")
    await guest.join(link, "Mira")
    await host.watches(1)
    await inspect(host, "call-two")
    third = await people.new()
    await third.join(link, "Jonas with a rather long name")
    await host.watches(2)
    await inspect(host, "call-three")
    await guest.say("Shall we start?")
    await host.reads("Shall we start?")
    await inspect(host, "call-chat")
    await guest.click("Close panel")
    await asyncio.gather(guest.leave(), third.leave())
    await inspect(guest, "ended")
    await host.click("Close panel")
    await host.leave()
    await expect(host.page.get_by_role("link", name="How the call went")).to_be_visible()
    await inspect(host, "ended-host")
    await see_how_it_went(host)


async def see_how_it_went(host: Person) -> None:
    """From the end of a call to its record, to the calls of its room and to what is not there."""
    await host.page.get_by_role("link", name="How the call went").click()
    steps = host.page.get_by_role("list", name="Step by step")
    await expect(steps.get_by_text("Mira left")).to_be_visible()
    await inspect(host, "call-record")
    await host.click("Look closer")
    await host.page.get_by_text("Details").first.click()
    await inspect(host, "call-record-closer")
    record = host.page.url.removeprefix(host.url)
    await host.page.get_by_role("link", name="Calls", exact=True).click()
    await expect(host.page.get_by_role("heading", name="Today")).to_be_visible()
    await inspect(host, "calls")
    await host.goto(f"{record[:-32]}{'0' * 32}")
    await expect(host.page.get_by_role("heading", name="There is no such call here for you")).to_be_visible()
    await inspect(host, "call-missing")
