"""What the tests of moderation share: rooms with a door, people who knock, and hosts who do something about them."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing

from playwright.async_api import Locator, expect

from tests.e2e.conftest import People, Server
from tests.e2e.person import Person

# Most of these tests need no picture: two cores have enough to do without encoding one.
_DEVICES_OFF = "localStorage.setItem('chatter.start.video', 'off'); localStorage.setItem('chatter.start.audio', 'off');"


async def someone(people: People, *, phone: bool = False) -> Person:
    """Open a fresh profile whose camera and microphone start off."""
    person = await people.new(phone=phone)
    await person.context.add_init_script(f"if (!localStorage.getItem('chatter.start.video')) {{ {_DEVICES_OFF} }}")
    return person


async def host_with_room(people: People, username: str) -> tuple[Person, str]:
    """Sign someone up who has a room; return both, the room as the path of its link."""
    host = await someone(people)
    await host.sign_up(username)
    return host, await host.create_room()


async def open_settings(host: Person, tab: str = "Room") -> Locator:
    """Open the settings of the host's newest room, at a tab; return the dialog."""
    await host.goto("/")
    await host.page.get_by_role("button", name=re.compile("^More for")).first.click()
    await host.page.get_by_role("menuitem", name="Settings").click()
    dialog = host.page.get_by_role("dialog", name="Room settings")
    await dialog.get_by_role("tab", name=tab).click()
    return dialog


async def set_knocking(host: Person, who: str, *, guests: bool = True) -> None:
    """Say in the settings of the host's newest room who must knock, and whether guests may join at all."""
    dialog = await open_settings(host)
    await dialog.get_by_label("Who must knock").select_option(who)
    if not guests:
        await dialog.get_by_role("switch", name="Guests may join").click()
    await dialog.get_by_role("button", name="Save").click()
    await expect(host.page.get_by_text("Saved.").first).to_be_visible()


async def set_password(host: Person, password: str) -> None:
    """Give the host's newest room a password."""
    dialog = await open_settings(host, "Password")
    await dialog.get_by_role("textbox", name="Password").fill(password)
    await dialog.get_by_role("button", name="Set password").click()
    await expect(dialog.get_by_role("textbox", name="New password")).to_have_value("")


async def make_invitation(host: Person, *, uses: str = "") -> str:
    """Make an invitation into the host's newest room; return its path."""
    dialog = await open_settings(host, "Invites")
    await dialog.get_by_label("How many may use it").fill(uses)
    await dialog.get_by_role("button", name="Make an invitation").click()
    link = await dialog.get_by_label(re.compile("Copy it now")).input_value()
    assert link.startswith(host.url)
    return link.removeprefix(host.url)


async def knock(person: Person, link: str, name: str) -> None:
    """Try to join, without waiting for what comes of it."""
    await person.goto(link)
    await person.page.get_by_label("Your name").fill(name)
    await person.click("Join")


async def is_in(person: Person) -> None:
    """Wait until someone is in the call."""
    await expect(person.page.get_by_role("button", name="Leave")).to_be_visible()
    await expect(person.page.get_by_role("button", name="More", exact=True)).to_be_visible()


async def reads_page(person: Person, title: str) -> None:
    """Wait until a page with this title is there."""
    await expect(person.page.get_by_role("heading", level=1, name=title)).to_be_visible()


async def is_told(person: Person, words: str) -> None:
    """Wait until a notice is there."""
    await expect(person.page.get_by_role("status").get_by_text(words).first).to_be_visible()


async def show_people(person: Person) -> Locator:
    """Open the list of people; return it."""
    people = person.page.get_by_role("list", name="In the call")
    if not await people.is_visible():
        await person.press(person.page.get_by_role("button", name=re.compile("^People")))
    return people


async def choose(host: Person, name: str, action: str) -> None:
    """Choose something from the menu of a member."""
    await show_people(host)
    await host.page.get_by_role("button", name=f"Actions for {name}", exact=True).click()
    await host.page.get_by_role("menuitem", name=action).click()


async def choose_more(host: Person, action: str) -> None:
    """Choose something from the menu of the call."""
    await host.click("More")
    await host.page.get_by_role("menuitem", name=action).click()


def expire_invitations(server: Server, link: str) -> None:
    """Let a room's invitations have ended an hour ago: tests do not wait for the clock."""
    with closing(sqlite3.connect(server.folder / "data" / "chatter.db")) as db, db:
        room_id = link.removeprefix("/r/")
        changed = db.execute(
            "UPDATE room_invitations SET expires_at = created_at - 3600000 WHERE room_id = ?", [room_id]
        )
        assert changed.rowcount > 0
