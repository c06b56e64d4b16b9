"""Every state that a page can be in says what happened and what one can do."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Browser, expect

from tests.e2e.conftest import People

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


@pytest.mark.seed("S1-12")
async def test_reload_stays_signed_in(people: People) -> None:
    alice = await people.new()
    await alice.sign_up("reloader")
    await alice.page.reload()
    await expect(alice.page.get_by_role("button", name="New room")).to_be_visible()


async def test_sign_in_leads_back_to_the_room(people: People) -> None:
    owner, friend = await people.new(), await people.new()
    await owner.sign_up("owner")
    await friend.sign_up("friend")
    await friend.page.get_by_role("button", name="friend").click()
    await friend.page.get_by_role("menuitem", name="Sign out").click()
    await expect(friend.page.get_by_role("link", name="Create an account")).to_be_visible()

    await owner.click("Named")
    await owner.page.get_by_label("Name", exact=True).fill("Members only")
    await owner.page.get_by_role("switch").click()
    await owner.click("Create and open")
    await owner.page.wait_for_url(re.compile("/r/members-only$"))

    await friend.goto("/r/members-only")
    await expect(friend.page.get_by_role("heading", name="not open to you")).to_be_visible()
    await friend.page.get_by_role("main").get_by_role("link", name="Sign in").click()
    await friend.page.get_by_label("Username").fill("friend")
    await friend.page.get_by_label("Password", exact=True).fill("a long enough secret")
    await friend.click("Sign in")
    await expect(friend.page.get_by_role("heading", name="Members only")).to_be_visible()


async def test_room_not_found_offers_to_create_it(people: People) -> None:
    guest, member = await people.new(), await people.new()
    await guest.goto("/r/no-such-room")
    await expect(guest.page.get_by_text("There is no such room")).to_be_visible()
    await member.sign_up("creator")
    await member.goto("/r/brand-new-room")
    await member.click("Create this room")
    await expect(member.page.get_by_label("Your name")).to_be_visible()


async def test_room_full(people: People) -> None:
    host, second, third = [await people.new() for _ in range(3)]
    await host.sign_up("fullhouse")
    link = await host.create_room()
    await host.goto("/")
    await host.page.get_by_role("button", name=re.compile("^More for")).first.click()
    await host.page.get_by_role("menuitem", name="Settings").click()
    await host.page.get_by_label(re.compile("Most people|people", re.IGNORECASE)).first.fill("2")
    await host.click("Save")
    await expect(host.page.get_by_text("Saved.").first).to_be_visible()  # leaving the page earlier would cut it off
    await host.join(link)
    await second.join(link, "Second")
    await third.goto(link)
    await third.page.get_by_label("Your name").fill("Third")
    await third.click("Join")
    await expect(third.page.get_by_role("heading", name="The room is full")).to_be_visible()
    await second.leave()
    await third.click("Try again")
    await host.sees("Third")


async def test_permission_refused_explains_and_lets_one_listen(people: People, refusing_browser: Browser) -> None:
    host = await people.new()
    guest = await people.new(browser=refusing_browser)
    await host.sign_up("permitted")
    link = await host.create_room()
    await host.join(link)
    await guest.goto(link)
    await expect(guest.page.get_by_text("does not let us use")).to_be_visible()
    await guest.page.get_by_label("Your name").fill("Unseen")
    await guest.click("Join")
    await host.sees("Unseen")
    await guest.watches(1)


async def test_signed_out_elsewhere_ends_the_call(people: People) -> None:
    laptop, phone = await people.new(), await people.new(phone=True)
    await laptop.sign_up("two-devices")
    link = await laptop.create_room()
    await laptop.join(link)
    await phone.goto("/signin")
    await phone.page.get_by_label("Username").fill("two-devices")
    await phone.page.get_by_label("Password", exact=True).fill("a long enough secret")
    await phone.click("Sign in")
    await expect(phone.page.get_by_role("button", name="New room")).to_be_visible()
    await phone.goto("/settings")
    await phone.page.get_by_role("tab", name="Signed-in devices").click()
    other = phone.page.get_by_role("listitem").filter(has_not_text=re.compile("this device", re.IGNORECASE))
    await other.get_by_role("button", name=re.compile("Sign out", re.IGNORECASE)).click()
    await expect(laptop.page.get_by_role("heading", name="You were signed out")).to_be_visible()


async def test_deleted_room_ends_the_call(people: People) -> None:
    host, guest = await people.new(), await people.new()
    await host.sign_up("deleter")
    link = await host.create_room()
    await guest.join(link, "Inside")
    await host.goto("/")
    await host.page.get_by_role("button", name=re.compile("^More for")).first.click()
    await host.page.get_by_role("menuitem", name="Delete").click()
    await host.page.get_by_role("dialog").get_by_role("button", name=re.compile("Delete")).click()
    await expect(guest.page.get_by_role("heading", name="The call has ended")).to_be_visible()


async def test_unknown_page_helps(people: People) -> None:
    someone = await people.new()
    await someone.goto("/no/such/page")
    await expect(someone.page.get_by_role("link", name=re.compile("start|home", re.IGNORECASE)).first).to_be_visible()
    assert "404" in await someone.page.content() or "not" in (await someone.page.title()).lower()


async def test_whole_flow_by_keyboard(people: People) -> None:
    host, guest = await people.new(), await people.new()
    await host.sign_up("keys")
    link = await host.create_room()
    await guest.goto(link)
    name = guest.page.get_by_label("Your name")
    await expect(name).to_be_visible()
    for _ in range(20):
        if await name.evaluate("node => node === document.activeElement"):
            break
        await guest.page.keyboard.press("Tab")
    await guest.page.keyboard.type("Keyboarder")
    await guest.page.keyboard.press("Enter")
    await expect(guest.page.get_by_role("button", name="Leave")).to_be_visible()
    await guest.page.keyboard.press("c")
    await expect(guest.page.get_by_label("Message")).to_be_focused()
    await guest.page.keyboard.type("typed without a mouse")
    await guest.page.keyboard.press("Enter")
    await expect(guest.page.get_by_test_id("chat-log")).to_contain_text("typed without a mouse")
    await guest.page.keyboard.press("Escape")
    await expect(guest.page.get_by_label("Message")).to_have_count(0)
    leave = guest.page.get_by_role("button", name="Leave")
    for _ in range(30):
        if await leave.evaluate("node => node === document.activeElement"):
            break
        await guest.page.keyboard.press("Tab")
    await guest.page.keyboard.press("Enter")
    await expect(guest.page.get_by_role("heading", name="You left the call")).to_be_visible()


async def test_api_documentation_loads_nothing_from_elsewhere(people: People) -> None:
    reader = await people.new()
    asked: list[str] = []
    reader.page.on("request", lambda request: asked.append(request.url))
    await reader.goto("/api/docs")
    await expect(reader.page.get_by_text("Create a room").first).to_be_visible()
    assert [url for url in asked if not url.startswith((reader.url, "data:", "blob:"))] == []
