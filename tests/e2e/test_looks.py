"""Every page at phone and desktop size, dark and light: no accessibility violations, and a picture to look at."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from playwright.async_api import expect

from tests.e2e.conftest import ROOT, SCREENSHOTS, People
from tests.e2e.person import Person

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

_AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
LOOKS = [
    pytest.param(phone, dark, id=f"{'phone' if phone else 'desktop'}-{'dark' if dark else 'light'}")
    for phone in (False, True)
    for dark in (False, True)
]


async def inspect(person: Person, name: str, look: str) -> None:
    """Take a picture and ask axe."""
    SCREENSHOTS.mkdir(exist_ok=True)
    await person.page.screenshot(path=SCREENSHOTS / f"{name}-{look}.png")
    await person.page.evaluate(_AXE.read_text("utf-8"))
    report: dict[str, Any] = await person.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    found = [f"{rule['id']}: {node['target']}" for rule in report["violations"] for node in rule["nodes"]]
    assert found == [], f"{name}-{look}"
    wide = await person.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    assert not wide, f"{name}-{look} scrolls sideways"


@pytest.mark.parametrize(("phone", "dark"), LOOKS)
async def test_pages(people: People, phone: bool, dark: bool) -> None:
    look = f"{'phone' if phone else 'desktop'}-{'dark' if dark else 'light'}"
    someone = await people.new(phone=phone, dark=dark)

    async def page(path: str, name: str, ready: Callable[[], Coroutine[Any, Any, None]]) -> None:
        await someone.goto(path)
        await ready()
        await inspect(someone, name, look)

    def heading(text: str) -> Callable[[], Coroutine[Any, Any, None]]:
        return lambda: expect(someone.page.get_by_role("heading", name=text).first).to_be_visible()

    await page("/", "home-signed-out", heading("Video calls that start with a link"))
    await page("/signin", "signin", heading("Welcome back"))
    await page("/signup", "signup", heading("Create"))
    await page("/r/no-such-room-here", "room-missing", heading("not open to you"))
    await page("/nowhere", "not-found", lambda: expect(someone.page.get_by_role("main")).to_be_visible())
    await someone.sign_up(f"looks-{look}")
    await inspect(someone, "home-empty", look)
    link = await someone.create_room()
    await page(link, "prejoin", lambda: expect(someone.page.get_by_role("button", name="Join")).to_be_visible())
    await page("/", "home", lambda: expect(someone.page.get_by_role("link", name="Open").first).to_be_visible())
    await page(f"{link}/calls", "calls-empty", lambda: expect(someone.page.get_by_text("No calls yet")).to_be_visible())
    await page("/settings", "settings", heading("Settings"))
    await someone.page.get_by_role("tab", name="Signed-in devices").click()
    await expect(someone.page.get_by_text("This device")).to_be_visible()
    await inspect(someone, "settings-devices", look)


@pytest.mark.parametrize(("phone", "dark"), LOOKS)
async def test_call(people: People, phone: bool, dark: bool) -> None:
    look = f"{'phone' if phone else 'desktop'}-{'dark' if dark else 'light'}"
    host = await people.new(phone=phone, dark=dark)
    await host.sign_up(f"call-{look}")
    link = await host.create_room()
    await host.join(link)
    await inspect(host, "call-alone", look)
    guest = await people.new()
    await guest.join(link, "Mira")
    await host.watches(1)
    await inspect(host, "call-two", look)
    third = await people.new()
    await third.join(link, "Jonas with a rather long name")
    await host.watches(2)
    await inspect(host, "call-three", look)
    await guest.say("Shall we start?")
    await host.reads("Shall we start?")
    await inspect(host, "call-chat", look)
    await asyncio.gather(guest.leave(), third.leave())
    await inspect(guest, "ended", look)
    await host.click("Close panel")
    await host.leave()
    await expect(host.page.get_by_role("link", name="How the call went")).to_be_visible()
    await inspect(host, "ended-host", look)
    await see_how_it_went(host, look)


async def see_how_it_went(host: Person, look: str) -> None:
    """From the end of a call to its record, to the calls of its room and to what is not there."""
    await host.page.get_by_role("link", name="How the call went").click()
    steps = host.page.get_by_role("list", name="Step by step")
    await expect(steps.get_by_text("Mira left")).to_be_visible()
    await inspect(host, "call-record", look)
    await host.click("Look closer")
    await host.page.get_by_text("Details").first.click()
    await inspect(host, "call-record-closer", look)
    record = host.page.url.removeprefix(host.url)
    await host.page.get_by_role("link", name="Calls", exact=True).click()
    await expect(host.page.get_by_role("heading", name="Today")).to_be_visible()
    await inspect(host, "calls", look)
    await host.goto(f"{record[:-32]}{'0' * 32}")
    await expect(host.page.get_by_role("heading", name="There is no such call here for you")).to_be_visible()
    await inspect(host, "call-missing", look)
