"""Who comes in and who goes: lobby, lock, password, invitations, roles, with real browsers."""

from __future__ import annotations

import asyncio
import re

import pytest
from playwright.async_api import expect

from tests.e2e.conftest import People, Server
from tests.e2e.moderation import (
    choose,
    choose_more,
    expire_invitations,
    host_with_room,
    is_in,
    is_told,
    knock,
    make_invitation,
    open_settings,
    reads_page,
    set_knocking,
    set_password,
    show_people,
    someone,
)

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


async def test_knock_admit_and_deny_by_keyboard(people: People) -> None:
    host, link = await host_with_room(people, "doorkeeper")
    await set_knocking(host, "Guests")
    guest, rude = await someone(people), await someone(people)
    await knock(guest, link, "Greta")
    await reads_page(guest, "The host is not here yet")
    await expect(guest.page.get_by_role("region", name="Lobby")).to_be_focused()
    await host.join(link)
    await reads_page(guest, "Waiting for someone to let you in")

    card = host.page.get_by_role("region", name="Waiting to come in")
    await expect(card).to_contain_text("Greta would like to come in")
    admit = card.get_by_role("button", name="Admit")
    for _ in range(30):
        if await admit.evaluate("node => node === document.activeElement"):
            break
        await host.page.keyboard.press("Tab")
    await host.page.keyboard.press("Enter")
    await is_in(guest)
    await host.sees("Greta")
    await expect(card).to_have_count(0)

    await knock(rude, link, "Rudi")
    await expect(card).to_contain_text("Rudi would like to come in")
    await card.get_by_role("button", name="Deny").focus()
    await host.page.keyboard.press("Enter")
    await reads_page(rude, "You were not let in")
    await expect(rude.page.get_by_text("denied · 4511")).to_be_visible()
    await host.sees_nobody_called("Rudi")


async def test_lobby_list_admits_all(people: People) -> None:
    host, link = await host_with_room(people, "porter")
    await set_knocking(host, "Everyone")
    await host.join(link)
    guests = [await someone(people), await someone(people)]
    for name, guest in zip(("Ada", "Bob"), guests, strict=True):
        await knock(guest, link, name)
        await reads_page(guest, "Waiting for someone to let you in")
    await show_people(host)
    await expect(host.page.get_by_role("heading", name="Waiting to come in (2)")).to_be_visible()
    await host.click("Admit all")
    await asyncio.gather(*(is_in(guest) for guest in guests))
    await expect(host.page.get_by_role("heading", name="Waiting to come in")).to_have_count(0)


async def test_leaving_the_lobby(people: People) -> None:
    host, link = await host_with_room(people, "absent")
    await set_knocking(host, "Guests")
    guest = await someone(people)
    await knock(guest, link, "Impatient")
    await reads_page(guest, "The host is not here yet")
    await guest.click("Leave")
    await reads_page(guest, "You stopped waiting")
    await guest.click("Knock again")
    await reads_page(guest, "The host is not here yet")


async def test_remove_then_ban_also_in_a_new_tab(people: People) -> None:
    host, link = await host_with_room(people, "strict")
    guest = await someone(people)
    await host.join(link)
    await guest.join(link, "Rudi")
    await choose(host, "Rudi", "Remove from the call…")
    await host.page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    await reads_page(guest, "You were removed from the call")
    await is_told(host, "You removed Rudi")
    await guest.click("Join again")
    await is_in(guest)

    await choose(host, "Rudi", "Ban from the room…")
    await host.page.get_by_role("dialog").get_by_role("button", name="Ban").click()
    await reads_page(guest, "You may not enter this room")
    await expect(guest.page.get_by_text("banned · 4503")).to_be_visible()
    await guest.page.close()
    guest.page = await guest.context.new_page()
    await knock(guest, link, "Somebody else")
    await reads_page(guest, "You may not enter this room")

    await host.leave()
    dialog = await open_settings(host, "People")
    await dialog.get_by_role("button", name="Lift ban of Rudi").click()
    await expect(dialog.get_by_text("Nobody is kept out.")).to_be_visible()
    await dialog.get_by_role("tab", name="Log").click()
    log = dialog.get_by_role("list", name="Log")
    for deed in ("lifted the ban of Rudi", "banned Rudi", "removed Rudi from the call"):
        await expect(log.get_by_text(deed)).to_be_visible()
    await guest.join(link, "Rudi")


async def test_lock_keeps_newcomers_out(people: People) -> None:
    host, link = await host_with_room(people, "locksmith")
    inside, outside = await someone(people), await someone(people)
    await host.join(link)
    await inside.join(link, "Inside")
    await choose_more(host, "Lock the room")
    await is_told(inside, "locksmith locked the room. Nobody new can come in.")
    await expect(inside.page.get_by_role("button", name="Locked")).to_be_visible()
    await knock(outside, link, "Outside")
    await reads_page(outside, "The room is locked")
    await choose_more(host, "Unlock the room")
    await is_told(inside, "locksmith unlocked the room")
    await outside.click("Try again")
    await is_in(outside)


async def test_muted_by_someone_and_only_oneself_turns_it_on_again(people: People) -> None:
    host, link = await host_with_room(people, "quiet-please")
    guest = await someone(people)
    await host.join(link)
    await guest.join(link, "Loud")
    microphone = guest.page.get_by_role("button", name="Microphone", exact=True)
    await microphone.click()
    await expect(microphone).to_have_attribute("aria-pressed", "true")
    row = (await show_people(host)).get_by_role("listitem").filter(has_text="Loud")
    await expect(row.get_by_text("Microphone on")).to_be_attached()
    await choose(host, "Loud", "Mute microphone")
    await is_told(guest, "quiet-please muted you. Only you can turn it on again.")
    await expect(microphone).to_have_attribute("aria-pressed", "false")
    await expect(row.get_by_text("Microphone off")).to_be_attached()
    await host.page.get_by_role("button", name="Actions for Loud").click()
    await expect(host.page.get_by_role("menuitem", name="Remove from the call…")).to_be_visible()
    await expect(host.page.get_by_role("menuitem", name=re.compile("microphone", re.IGNORECASE))).to_have_count(0)
    await host.page.keyboard.press("Escape")
    await microphone.click()
    await expect(microphone).to_have_attribute("aria-pressed", "true")
    await expect(row.get_by_text("Microphone on")).to_be_attached()


async def test_hand_over_and_end_for_all(people: People) -> None:
    host, link = await host_with_room(people, "first-host")
    member, guest = await someone(people), await someone(people)
    await member.sign_up("second-host")
    await host.join(link)
    await member.join(link)
    await guest.join(link, "Greta")
    await show_people(member)
    await expect(member.page.get_by_role("button", name="Actions for Greta")).to_have_count(0)
    await choose(host, "second-host", "Make moderator")
    await is_told(member, "first-host made you a moderator.")
    await expect(member.page.get_by_role("button", name="Actions for Greta")).to_be_visible()
    await expect(member.page.get_by_role("button", name="Actions for first-host")).to_have_count(0)
    await choose(host, "second-host", "Make host…")
    await host.page.get_by_role("dialog").get_by_role("button", name="Make host").click()
    await is_told(member, "first-host made you the host.")
    await is_told(guest, "first-host made second-host the host")
    await host.click("More")
    await expect(host.page.get_by_role("menuitem", name="Lock the room")).to_be_visible()
    await expect(host.page.get_by_role("menuitem", name="End call for everyone…")).to_have_count(0)
    await host.page.keyboard.press("Escape")
    await choose_more(member, "End call for everyone…")
    await member.page.get_by_role("dialog").get_by_role("button", name="End call").click()
    await asyncio.gather(*(reads_page(person, "The call has ended") for person in (host, member, guest)))


async def test_password(people: People) -> None:
    host, link = await host_with_room(people, "secretive")
    early, guest = await someone(people), await someone(people)
    await early.goto(link)
    await expect(early.page.get_by_label("Your name")).to_be_visible()
    await expect(early.page.get_by_label("Room password")).to_have_count(0)
    await set_password(host, "open sesame")
    await host.goto("/")
    await expect(host.page.get_by_role("listitem").get_by_text("Password")).to_be_visible()

    # The page was opened before there was a password: the server says that it needs one.
    await early.page.get_by_label("Your name").fill("Early")
    await early.click("Join")
    field = early.page.get_by_label("Room password")
    await expect(field).to_be_focused()
    await early.page.keyboard.type("open sesame")
    await early.page.keyboard.press("Enter")
    await is_in(early)

    await guest.goto(link)
    await guest.page.get_by_label("Your name").fill("Guest")
    field = guest.page.get_by_label("Room password")
    await field.fill("open barley")
    await guest.click("Join")
    await expect(guest.page.get_by_text("That is not the room’s password. Check it")).to_be_visible()
    await expect(field).to_be_focused()
    await guest.page.keyboard.type("open sesame")  # what was wrong is selected
    await guest.page.keyboard.press("Enter")
    await is_in(guest)
    await host.join(link)  # the owner is not asked


async def test_invitation_opens_what_is_closed(people: People, server: Server) -> None:
    host, link = await host_with_room(people, "inviting")
    await set_knocking(host, "Everyone", guests=False)
    await set_password(host, "open sesame")
    invitation = await make_invitation(host, uses="1")
    stranger, guest, late = [await someone(people) for _ in range(3)]
    await stranger.goto(link)
    await reads_page(stranger, "This room is not open to you")

    await guest.goto(invitation)
    await expect(guest.page.get_by_text("You are invited")).to_be_visible()
    assert "invite" not in guest.page.url
    await guest.page.reload()
    await guest.page.get_by_label("Your name").fill("Invited")
    await guest.click("Join")
    await is_in(guest)

    await knock(late, invitation, "Late")
    await reads_page(late, "This invitation no longer works")

    fresh = await make_invitation(host)
    expire_invitations(server, link)
    await late.goto(fresh)
    await reads_page(late, "This invitation no longer works")
    await late.click("Try without it")
    await reads_page(late, "This room is not open to you")


async def test_revoked_invitation(people: People) -> None:
    host, _ = await host_with_room(people, "regretting")
    invitation = await make_invitation(host)
    await host.page.get_by_role("button", name=re.compile("^Revoke")).click()
    await expect(host.page.get_by_text("Its link no longer works").first).to_be_visible()
    guest = await someone(people)
    await guest.goto(invitation)
    await reads_page(guest, "This invitation no longer works")
    await guest.click("Try without it")
    await guest.page.get_by_label("Your name").fill("Anyway")
    await guest.click("Join")
    await is_in(guest)
