"""Relays seen from outside: the list for clients, readiness, metrics, the command and what the server checks itself."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import URL

from api.turn import TURN_CHECK_INTERVAL_S, TURN_RETRY_S, until_next_turn_check
from tests.api.process import run, serving
from tests.api.site import Site, open_site, problem_of, settings_for
from tests.coturn import SECRET, Coturn

TURN = {
    "TURN_URLS": "turn:turn.example.org?transport=udp,turns:turn.example.org",
    "TURN_SECRET": SECRET,
    "STUN_URLS": "stun:stun.example.org",
}
TRANSPORTS = ("udp", "tcp", "tls")


def variables(server: Coturn, *transports: str, **changes: str) -> dict[str, str]:
    """Return the settings for a real server."""
    urls = ",".join(server.url(transport) for transport in transports)
    return {"TURN_URLS": urls, "TURN_SECRET": SECRET, "TURN_CA_FILE": str(server.ca_file)} | changes


def assert_proven(server: dict[str, Any]) -> str:
    """Check that a credential was made with the secret; return the user it names."""
    digest = hmac.new(SECRET.encode(), server["username"].encode(), hashlib.sha1).digest()
    assert base64.b64decode(server["credential"]) == digest
    return str(server["username"].partition(":")[2])


# --- GET /ice-servers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/ice-servers", "/api/ice-servers"])
async def test_who_is_signed_in_gets_servers(sqlite_url: URL, tmp_path: Path, path: str) -> None:
    async with open_site(settings_for(sqlite_url, tmp_path, **TURN)) as site:
        headers = await site.sign_up("alice")
        answer = await site.ask("GET", path, headers=headers)
        assert answer.status_code == 200
        assert answer.headers.get_list("Cache-Control") == ["no-store"]
        body = answer.json()
        assert body["ttlMs"] == 600_000
        stun, turn = body["iceServers"]
        assert stun == {"urls": ["stun:stun.example.org"]}
        assert turn["urls"] == TURN["TURN_URLS"].split(",")
        assert "alice" not in assert_proven(turn)
        assert SECRET not in answer.text


async def test_a_guest_gets_them_for_a_room_that_admits_guests(sqlite_url: URL, tmp_path: Path) -> None:
    async with open_site(settings_for(sqlite_url, tmp_path, **TURN)) as site:
        headers = await site.sign_up()
        for room, admits in (("open-room", True), ("closed-room", False)):
            body = {"roomId": room, "guestsAllowed": admits}
            assert (await site.ask("POST", "/rooms", json=body, headers=headers)).status_code == 200
        users = set()
        for _ in range(2):
            answer = await site.ask("GET", "/ice-servers?room=open-room")
            users.add(assert_proven(answer.json()["iceServers"][1]))
        assert len(users) == 1  # asking again gives nobody another quota
        body = {"roomId": "secret-room", "guestsAllowed": True, "password": "open sesame"}
        assert (await site.ask("POST", "/rooms", json=body, headers=headers)).status_code == 200
        answer = await site.ask("GET", "/ice-servers?room=secret-room")
        assert [url for server in answer.json()["iceServers"] for url in server["urls"] if "turn" in url] == []
        for room in ("closed-room", "no-such-room", "NO ROOM", ""):
            answer = await site.ask("GET", "/ice-servers", params={"room": room})
            assert problem_of(answer) == (404, "room_not_found"), room
        assert problem_of(await site.ask("GET", "/ice-servers")) == (401, "unauthenticated")


async def test_an_invitation_opens_the_list_too(sqlite_url: URL, tmp_path: Path) -> None:
    async with open_site(settings_for(sqlite_url, tmp_path, **TURN)) as site:
        headers = await site.sign_up()
        body = {"roomId": "closed-room", "guestsAllowed": False}
        assert (await site.ask("POST", "/rooms", json=body, headers=headers)).status_code == 200
        made = await site.ask("POST", "/rooms/closed-room/invitations", json={}, headers=headers)
        token = made.json()["url"].partition("invite=")[2]
        answer = await site.ask("GET", "/ice-servers", params={"room": "closed-room"}, headers={"X-Invitation": token})
        assert_proven(answer.json()["iceServers"][1])
        for room, invite in (("closed-room", "x" * 20), ("other-room", token), ("closed-room", "")):
            answer = await site.ask("GET", "/ice-servers", params={"room": room}, headers={"X-Invitation": invite})
            assert problem_of(answer) == (404, "invitation_invalid"), (room, invite)


async def test_a_bad_token_is_not_taken_for_a_guest(site: Site, signed_in: dict[str, str]) -> None:
    await site.ask("POST", "/rooms", json={"roomId": "open-room", "guestsAllowed": True}, headers=signed_in)
    bad = {"Authorization": "Bearer garbage"}
    answer = await site.ask("GET", "/ice-servers?room=open-room", headers=bad)
    assert problem_of(answer) == (401, "unauthenticated")


async def test_without_relays_the_list_is_empty_and_never_ends(site: Site, signed_in: dict[str, str]) -> None:
    answer = await site.ask("GET", "/ice-servers", headers=signed_in)
    assert answer.json() == {"iceServers": [], "ttlMs": 0}


async def test_the_list_counts_towards_the_limit(sqlite_url: URL, tmp_path: Path) -> None:
    async with open_site(settings_for(sqlite_url, tmp_path, LIMITS_SCALE="0.01")) as site:
        await site.ask("GET", "/ice-servers")
        assert problem_of(await site.ask("GET", "/ice-servers")) == (429, "rate_limited")


# --- readiness and metrics ------------------------------------------------------------------------------------------


async def test_readiness_shows_the_relays_but_does_not_depend_on_them(sqlite_url: URL, tmp_path: Path) -> None:
    unreachable = {"TURN_URLS": "turn:127.0.0.1:1?transport=tcp", "TURN_SECRET": SECRET}
    async with open_site(settings_for(sqlite_url, tmp_path, **unreachable)) as site:
        answer = await site.ask("GET", "/readyz")
        assert answer.status_code == 200
        assert answer.json()["checks"]["turn"] == {"ok": False, "problem": "not checked yet", "required": False}
        assert site.application.turn is not None
        await site.application.turn.check()
        answer = await site.ask("GET", "/readyz")
        assert (answer.status_code, answer.json()["status"]) == (200, "ready")
        assert answer.json()["checks"]["turn"] == {"ok": False, "problem": "tcp: unreachable", "required": False}
        assert until_next_turn_check(site.application.turn) == TURN_RETRY_S
        assert 'chatter_turn_check_success{transport="tcp"} 0.0' in (await site.ask("GET", "/metrics")).text


async def test_without_relays_nothing_is_said_of_them(site: Site) -> None:
    assert site.application.turn is None
    assert "turn" not in (await site.ask("GET", "/readyz")).json()["checks"]
    assert "chatter_turn_check" not in (await site.ask("GET", "/metrics")).text


async def test_readiness_shows_the_times(sqlite_url: URL, tmp_path: Path, coturn: Coturn) -> None:
    async with open_site(settings_for(sqlite_url, tmp_path, **variables(coturn, *TRANSPORTS))) as site:
        assert site.application.turn is not None
        await site.application.turn.check()
        shown = (await site.ask("GET", "/readyz")).json()["checks"]["turn"]
        assert (shown["ok"], shown["required"]) == (True, False)
        assert [part.split()[0] for part in shown["detail"].split(", ")] == list(TRANSPORTS)
        assert until_next_turn_check(site.application.turn) == TURN_CHECK_INTERVAL_S
        metrics = (await site.ask("GET", "/metrics")).text
        for transport in TRANSPORTS:
            assert f'chatter_turn_check_success{{transport="{transport}"}} 1.0' in metrics
            assert f'chatter_turn_check_duration_seconds{{transport="{transport}"}} 0.' in metrics


async def test_the_check_is_repeated_after_a_failure_too(
    sqlite_url: URL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.turn.TURN_RETRY_S", 0.001)
    again = asyncio.Event()
    checks = 0

    async def check() -> None:
        nonlocal checks
        checks += 1
        if checks == 3:
            again.set()
        raise RuntimeError("a fault of ours")

    async with open_site(settings_for(sqlite_url, tmp_path, **TURN)) as site:
        assert site.application.turn is not None
        monkeypatch.setattr(site.application.turn, "check", check)
        await site.application.start()
        async with asyncio.timeout(10):
            await again.wait()
        await site.application.hub.stop()


def test_the_server_checks_by_itself(tmp_path: Path, coturn: Coturn) -> None:
    with serving(tmp_path, **variables(coturn, "udp")) as server:
        deadline = time.monotonic() + 20
        while "TURN check succeeded" not in server.log.read_text():
            assert time.monotonic() < deadline, server.log.read_text()
            time.sleep(0.05)


# --- chatter turn check ---------------------------------------------------------------------------------------------


def test_the_command_reports_the_times(tmp_path: Path, coturn: Coturn) -> None:
    done = run(tmp_path, "turn", "check", **variables(coturn, *TRANSPORTS))
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == len(TRANSPORTS)
    for line, transport in zip(lines, TRANSPORTS, strict=True):
        assert line.startswith(f"ok      {coturn.url(transport)}  ")
        assert line.count(" ms") == 3
    assert done.stderr.splitlines() == [
        f"[{number}/3] {coturn.url(transport)} …" for number, transport in enumerate(TRANSPORTS, 1)
    ]


def test_the_command_names_the_cause(tmp_path: Path, coturn: Coturn) -> None:
    done = run(tmp_path, "turn", "check", **variables(coturn, "udp", "tls", TURN_CA_FILE=""))
    assert done.returncode == 1
    good, bad, hint = done.stdout.splitlines()
    assert good.startswith("ok ")
    assert bad.startswith(f"failed  {coturn.url('tls')}  tls_not_trusted after ")
    assert "TURN_CA_FILE" in hint


def test_the_command_speaks_json(tmp_path: Path, coturn: Coturn) -> None:
    done = run(tmp_path, "turn", "check", "--json", **variables(coturn, "udp", TURN_SECRET="another"))
    assert done.returncode == 1
    (report,) = json.loads(done.stdout)
    assert (report["ok"], report["cause"], report["transport"]) == (False, "bad_secret", "udp")
    assert report["url"] == coturn.url("udp")
    assert report["total_ms"] > 0
    assert "another" not in done.stdout + done.stderr


def test_the_command_needs_an_address(tmp_path: Path) -> None:
    done = run(tmp_path, "turn", "check")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "chatter: no TURN server is configured; set TURN_URLS and TURN_SECRET (see docs/turn.md)\n"
