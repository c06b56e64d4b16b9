"""Every state of moderation at phone and desktop size, dark and light: axe finds nothing, and there are pictures."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.e2e.conftest import People
from tests.e2e.moderation import (
    choose,
    choose_more,
    is_in,
    make_invitation,
    open_settings,
    reads_page,
    set_knocking,
    set_password,
    show_people,
    someone,
)
from tests.e2e.person import Person
from tests.e2e.test_looks import SHAPES, inspect

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


async def close_panel(person: Person) -> None:
    """Close the list of people, which covers everything on a phone."""
    await person.click("Close panel")


@pytest.mark.parametrize("shape", SHAPES)
async def test_door_and_deeds(people: People, shape: str) -> None:
    host = await someone(people, phone=shape == "phone")
    guest = await someone(people, phone=shape == "phone")
    await host.sign_up(f"door-{shape}")
    link = await host.create_room()
    await set_knocking(host, "Guests")
    await set_password(host, "open sesame")

    await guest.goto(link)
    await guest.page.get_by_label("Your name").fill("Greta Grün")
    await guest.page.get_by_label("Room password").fill("open barley")
    await guest.click("Join")
    await expect(guest.page.get_by_text("Check it and try again")).to_be_visible()
    await inspect(guest, "door-password-wrong")
    await guest.page.get_by_label("Room password").fill("open sesame")
    await guest.click("Join")
    await reads_page(guest, "The host is not here yet")
    await inspect(guest, "door-waiting-no-host")
    await host.join(link)
    await reads_page(guest, "Waiting for someone to let you in")
    await inspect(guest, "door-waiting")
    card = host.page.get_by_role("region", name="Waiting to come in")
    await expect(card).to_be_visible()
    await inspect(host, "door-knock")
    await card.get_by_role("button", name="Deny").click()
    await reads_page(guest, "You were not let in")
    await inspect(guest, "door-denied")
    await guest.click("Knock again")
    await reads_page(guest, "Waiting for someone to let you in")
    await show_people(host)
    await expect(host.page.get_by_role("heading", name="Waiting to come in (1)")).to_be_visible()
    await inspect(host, "deed-lobby")
    await host.click("Admit Greta Grün")
    await is_in(guest)

    menu = host.page.get_by_role("button", name="Actions for Greta Grün", exact=True)
    await menu.click()
    await expect(host.page.get_by_role("menuitem", name="Ban from the room…")).to_be_visible()
    await inspect(host, "deed-menu")
    await host.page.keyboard.press("Escape")
    await close_panel(host)
    await choose_more(host, "Lock the room")
    await expect(guest.page.get_by_role("button", name="Locked")).to_be_visible()
    await host.click("More")
    await expect(host.page.get_by_role("menuitem", name="End call for everyone…")).to_be_visible()
    await inspect(host, "deed-more")
    await host.page.keyboard.press("Escape")
    await inspect(guest, "deed-locked-inside")
    await choose(host, "Greta Grün", "Remove from the call…")
    await inspect(host, "deed-confirm")
    await host.page.get_by_role("dialog").get_by_role("button", name="Remove", exact=True).click()
    await reads_page(guest, "You were removed from the call")
    await inspect(guest, "door-removed")
    await guest.click("Join again")
    await reads_page(guest, "The room is locked")
    await inspect(guest, "door-locked")
    await close_panel(host)
    await choose_more(host, "Room settings")
    await expect(host.page.get_by_label("Who must knock")).to_be_visible()
    await inspect(host, "deed-settings-in-call")


@pytest.mark.parametrize("shape", SHAPES)
async def test_settings_and_ends(people: People, shape: str) -> None:
    host = await someone(people, phone=shape == "phone")
    guest = await someone(people, phone=shape == "phone")
    await host.sign_up(f"keys-{shape}")
    link = await host.create_room()
    await set_knocking(host, "Everyone")
    invitation = await make_invitation(host, uses="5")
    await inspect(host, "settings-room-invitations")
    await host.page.get_by_role("tab", name="Password").click()
    await host.page.get_by_role("textbox", name="Password").fill("abc")
    await host.click("Set password")
    await expect(host.page.get_by_text("At least 4 characters.")).to_be_visible()
    await inspect(host, "settings-room-password")
    await guest.goto(invitation)
    await expect(guest.page.get_by_text("You are invited")).to_be_visible()
    await inspect(guest, "door-invited")

    await host.join(link)
    await guest.page.get_by_label("Your name").fill("Rudi Rüpel")
    await guest.click("Join")
    await is_in(guest)
    await choose(host, "Rudi Rüpel", "Ban from the room…")
    await host.page.get_by_role("dialog").get_by_role("button", name="Ban", exact=True).click()
    await reads_page(guest, "You may not enter this room")
    await inspect(guest, "door-banned")
    await close_panel(host)
    await choose_more(host, "End call for everyone…")
    await inspect(host, "deed-end")
    await host.page.get_by_role("dialog").get_by_role("button", name="End call").click()
    await reads_page(host, "The call has ended")
    await inspect(host, "door-ended")

    dialog = await open_settings(host, "People")
    await expect(dialog.get_by_text("Rudi Rüpel")).to_be_visible()
    await inspect(host, "settings-room-people")
    await dialog.get_by_role("tab", name="Log").click()
    await expect(dialog.get_by_text("banned Rudi Rüpel")).to_be_visible()
    await inspect(host, "settings-room-log")
    await dialog.get_by_role("tab", name="Invites").click()
    await dialog.get_by_role("button", name="Revoke").click()
    await expect(dialog.get_by_text("None. Those")).to_be_visible()
    late = await someone(people, phone=shape == "phone")
    await late.goto(invitation)
    await reads_page(late, "This invitation no longer works")
    await inspect(late, "door-invitation-ended")
    await host.goto("/")
    await expect(host.page.get_by_text("Everyone knocks")).to_be_visible()
    await inspect(host, "home-marks")
