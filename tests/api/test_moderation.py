"""Passwords, lobbies, invitations, bans, moderators and the audit trail over HTTP, and who may."""

from __future__ import annotations

import logging
import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from sqlalchemy import text

from signaling.core.moderation import Deed, Party
from signaling.ports import NewBan
from tests.api.site import Site, problem_of

Headers = dict[str, str]
ROOM = "/rooms/stand-up"
NOT_FOUND = (404, "room_not_found")
INVALID = (422, "validation_failed")
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
DEED = Deed("ban", Party("m1", "Mo"), Party("m2", "Gus"))


async def ask(site: Site, method: str, path: str, headers: Headers | None = None, **body: Any) -> httpx2.Response:
    options: dict[str, Any] = {"json": body} if body else {}
    return await site.ask(method, path, headers=headers or {}, **options)


async def answer(site: Site, method: str, path: str, headers: Headers | None = None, **body: Any) -> dict[str, Any]:
    response = await ask(site, method, path, headers, **body)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


async def open_room(site: Site, **wishes: Any) -> Headers:
    alice = await site.sign_up()
    await answer(site, "POST", "/rooms", alice, roomId="stand-up", name="Stand-up", **wishes)
    return alice


async def ban_gus(site: Site) -> str:
    await site.application.moderation.ban("stand-up", NewBan(None, "key", "home", "Gus", None, "Mo"), DEED)
    async with site.application.database.read() as db:
        return str((await db.execute(text("SELECT id FROM room_bans"))).scalar_one())


async def actions(site: Site, headers: Headers) -> list[str]:
    page = await answer(site, "GET", f"{ROOM}/audit", headers)
    return [entry["action"] for entry in reversed(page["entries"])]


# --- password and lobby ----------------------------------------------------------------------------------------------


async def test_a_password_is_set_and_cleared_and_never_shown(either_site: Site) -> None:
    alice = await open_room(either_site, password="open sesame")
    assert (await answer(either_site, "GET", ROOM))["passwordRequired"] is True
    changed = await answer(either_site, "PATCH", ROOM, alice, password="simsim")
    assert "simsim" not in str(changed)
    assert await either_site.application.rooms.check_password("stand-up", "simsim")
    await answer(either_site, "PATCH", ROOM, alice, name="other")
    assert (await answer(either_site, "GET", ROOM))["passwordRequired"] is True
    response = await either_site.ask("PATCH", ROOM, headers=alice, json={"password": None})
    assert response.json()["passwordRequired"] is False
    assert await actions(either_site, alice) == ["password_set", "password_cleared"]


async def test_the_lobby_is_shown_and_its_changes_are_noted(either_site: Site) -> None:
    alice = await open_room(either_site)
    assert (await answer(either_site, "PATCH", ROOM, alice, lobby="guests"))["lobby"] == "guests"
    await answer(either_site, "PATCH", ROOM, alice, lobby="guests")
    [entry] = (await answer(either_site, "GET", f"{ROOM}/audit", alice))["entries"]
    assert (entry["action"], entry["detail"], entry["actor"]["name"], entry["target"]) == (
        "lobby",
        "guests",
        "alice",
        None,
    )
    assert re.fullmatch(UUID, entry["id"])


# --- invitations -----------------------------------------------------------------------------------------------------


async def invite(site: Site, headers: Headers, **wishes: Any) -> tuple[str, str]:
    """Make an invitation; return its id and its token."""
    made = await answer(site, "POST", f"{ROOM}/invitations", headers, **wishes)
    url = urlsplit(made["url"])
    assert f"{url.scheme}://{url.netloc}{url.path}" == "http://localhost:8080/r/stand-up"
    [token] = parse_qs(url.fragment)["invite"]
    return made["invitation"]["id"], token


async def test_an_invitation_is_shown_once_and_listed_without_its_token(either_site: Site) -> None:
    alice = await open_room(either_site)
    first, token = await invite(either_site, alice)
    second, _ = await invite(either_site, alice, expiresIn=3600, maxUses=2)
    assert re.fullmatch(r"[A-Za-z0-9_-]{32}", token)
    listed = await answer(either_site, "GET", f"{ROOM}/invitations", alice)
    assert [found["id"] for found in listed["invitations"]] == [second, first]
    assert token not in str(listed)
    lifetimes = [
        datetime.fromisoformat(found["expiresAt"]) - datetime.fromisoformat(found["createdAt"])
        for found in listed["invitations"]
    ]
    assert [lifetime.total_seconds() for lifetime in lifetimes] == [3600, 7 * 24 * 3600]
    assert [(found["uses"], found["maxUses"]) for found in listed["invitations"]] == [(0, 2), (0, None)]
    assert datetime.fromisoformat(listed["invitations"][0]["createdAt"]) <= datetime.now(UTC)


async def test_an_invitation_shows_a_room_that_is_hidden_otherwise(
    either_site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    alice = await open_room(either_site, guestsAllowed=False, password="open sesame")
    invitation, token = await invite(either_site, alice)
    assert problem_of(await ask(either_site, "GET", ROOM)) == NOT_FOUND
    with caplog.at_level(logging.DEBUG):
        assert (await answer(either_site, "GET", ROOM, {"X-Invitation": token}))["name"] == "Stand-up"
    ours = [record for record in caplog.records if record.name != "httpx2"]  # the client, which logs what it asks for
    assert ours
    assert not any(token in str(record.__dict__) for record in ours)
    bad = await ask(either_site, "GET", ROOM, {"X-Invitation": token[:-1]})
    absent = await ask(either_site, "GET", "/rooms/absent", {"X-Invitation": token})
    assert problem_of(bad) == problem_of(absent) == (404, "invitation_invalid")
    assert bad.json()["error"] == absent.json()["error"]
    assert problem_of(await ask(either_site, "GET", "/rooms/A", {"X-Invitation": token})) == (404, "invitation_invalid")
    revoked = await ask(either_site, "DELETE", f"{ROOM}/invitations/{invitation}", alice)
    assert (revoked.status_code, revoked.content) == (204, b"")
    assert problem_of(await ask(either_site, "GET", ROOM, {"X-Invitation": token})) == (404, "invitation_invalid")
    assert (await answer(either_site, "GET", f"{ROOM}/invitations", alice))["invitations"] == []
    again = await ask(either_site, "DELETE", f"{ROOM}/invitations/{invitation}", alice)
    assert problem_of(again) == (404, "invitation_not_found")
    assert await actions(either_site, alice) == ["invitation_created", "invitation_revoked"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("expiresIn", 59),
        ("expiresIn", 90 * 24 * 3600 + 1),
        ("expiresIn", "7d"),
        ("expiresIn", None),
        ("maxUses", 0),
        ("maxUses", 10_001),
        ("maxUses", None),
        ("token", "mine"),
    ],
)
async def test_wishes_for_invitations_that_break_a_rule(site: Site, field: str, value: Any) -> None:
    alice = await open_room(site)
    response = await site.ask("POST", f"{ROOM}/invitations", headers=alice, json={field: value})
    assert problem_of(response) == INVALID
    assert (await answer(site, "GET", f"{ROOM}/invitations", alice))["invitations"] == []


async def test_a_room_has_so_many_invitations(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("signaling.invitations.MAX_INVITATIONS", 1)
    alice = await open_room(site)
    await invite(site, alice)
    assert problem_of(await ask(site, "POST", f"{ROOM}/invitations", alice)) == (409, "too_many_invitations")


# --- bans, moderators, audit -----------------------------------------------------------------------------------------


async def test_bans_are_listed_and_lifted(either_site: Site) -> None:
    alice = await open_room(either_site)
    ban_id = await ban_gus(either_site)
    [ban] = (await answer(either_site, "GET", f"{ROOM}/bans", alice))["bans"]
    assert ban | {"createdAt": ""} == {
        "id": ban_id,
        "displayName": "Gus",
        "kind": "guest",
        "by": "Mo",
        "createdAt": "",
    }
    assert (await ask(either_site, "DELETE", f"{ROOM}/bans/{ban_id}", alice)).status_code == 204
    for unknown in (ban_id, "nothing", "%00", "%ff"):
        response = await ask(either_site, "DELETE", f"{ROOM}/bans/{unknown}", alice)
        assert problem_of(response) == (404, "ban_not_found")
    assert await actions(either_site, alice) == ["ban", "unban"]


async def test_moderators_are_appointed_and_dismissed(either_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    alice, bob = await open_room(either_site), await either_site.sign_up("bob")
    made = await answer(either_site, "PUT", f"{ROOM}/moderators/BOB", alice)
    assert made["username"] == "bob"
    assert await answer(either_site, "PUT", f"{ROOM}/moderators/{made['userId']}", alice) == made
    monkeypatch.setattr("signaling.moderation.MAX_MODERATORS", 1)
    await either_site.sign_up("carol")
    response = await ask(either_site, "PUT", f"{ROOM}/moderators/carol", alice)
    assert problem_of(response) == (409, "too_many_moderators")
    assert await answer(either_site, "GET", f"{ROOM}/moderators", bob) == {"moderators": [made]}
    for unknown in ("nobody", "alice", "9" * 16, "9" * 17, "%00", "%ff", "bob@example.org"):
        for method in ("PUT", "DELETE"):
            response = await ask(either_site, method, f"{ROOM}/moderators/{unknown}", alice)
            assert problem_of(response) == (404, "user_not_found"), unknown
    assert (await ask(either_site, "DELETE", f"{ROOM}/moderators/bob", alice)).status_code == 204
    assert problem_of(await ask(either_site, "DELETE", f"{ROOM}/moderators/bob", alice)) == (404, "user_not_found")
    assert problem_of(await ask(either_site, "GET", f"{ROOM}/moderators", bob)) == NOT_FOUND


async def test_the_audit_trail_comes_in_pages(either_site: Site) -> None:
    alice = await open_room(either_site)
    for lobby in ("guests", "everyone", "off"):
        await answer(either_site, "PATCH", ROOM, alice, lobby=lobby)
    first = await answer(either_site, "GET", f"{ROOM}/audit?limit=2", alice)
    assert [entry["detail"] for entry in first["entries"]] == ["off", "everyone"]
    rest = await answer(either_site, "GET", f"{ROOM}/audit?limit=2&before={first['next']}", alice)
    assert [entry["detail"] for entry in rest["entries"]] == ["guests"]
    assert rest["next"] is None
    for limit in ("0", "201", "x", "-1", "1e2", "", "\u0661"):
        response = await either_site.ask("GET", f"{ROOM}/audit", headers=alice, params={"limit": limit})
        assert problem_of(response) == INVALID
    odd = await either_site.ask("GET", f"{ROOM}/audit?before=%00%ff", headers=alice)
    assert odd.json()["entries"] == []


OWNERS = [
    ("POST", "/invitations"),
    ("GET", "/invitations"),
    ("DELETE", "/invitations/x"),
    ("DELETE", "/bans/x"),
    ("PUT", "/moderators/mallory"),
    ("DELETE", "/moderators/mallory"),
]
MODERATORS = [("GET", "/bans"), ("GET", "/audit"), ("GET", "/moderators")]


@pytest.mark.parametrize(("method", "path"), OWNERS + MODERATORS)
async def test_strangers_cannot_tell_a_room_from_none(either_site: Site, method: str, path: str) -> None:
    await open_room(either_site)
    mallory = await either_site.sign_up("mallory")
    answers = [await ask(either_site, method, f"/rooms/{room}{path}", mallory) for room in ("stand-up", "absent", "A")]
    assert [problem_of(response) for response in answers] == [NOT_FOUND] * 3
    assert len({response.json()["error"] for response in answers}) == 1


@pytest.mark.parametrize(("method", "path"), OWNERS + MODERATORS)
async def test_moderators_read_and_change_nothing(site: Site, method: str, path: str) -> None:
    alice, mallory = await open_room(site), await site.sign_up("mallory")
    await answer(site, "PUT", f"{ROOM}/moderators/mallory", alice)
    response = await ask(site, method, f"{ROOM}{path}", mallory)
    if (method, path) in MODERATORS:
        assert response.status_code == 200
    else:
        assert problem_of(response) == NOT_FOUND


async def test_the_janitor_forgets(site: Site) -> None:
    alice = await open_room(site, lobby="guests")
    await answer(site, "PATCH", ROOM, alice, lobby="off")
    site.application.services.audit._clock = lambda: 4e9
    site.application.services.invitations._clock = lambda: 4e9
    await invite(site, alice, expiresIn=60)
    site.application.services.invitations._clock = lambda: 5e9
    await site.application._delete_expired()
    assert await answer(site, "GET", f"{ROOM}/invitations", alice) == {"invitations": []}
    assert await actions(site, alice) == ["invitation_created"]
