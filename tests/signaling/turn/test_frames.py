"""TURN credentials in the frames of a room: at the welcome, and renewed before they end."""

from __future__ import annotations

from signaling.turn.credentials import credential
from signaling.turn.settings import TurnSettings
from signaling.turn.urls import parse_turn_url
from tests.signaling.fakes import Switchboard, send
from tests.signaling.test_resume import come_in

URL = "turns:turn.example.org"
TURN = TurnSettings(urls=(parse_turn_url(URL),), secret="north")


def expected(user: str, expiry: float) -> list[dict[str, object]]:
    made = credential("north", user, int(expiry))
    return [{"urls": [URL], "username": made.username, "credential": made.password}]


async def test_the_welcome_brings_credentials_of_the_member_s_own() -> None:
    board = Switchboard(turn=TURN)
    for _ in range(2):
        welcome = (await come_in(board)).frames[0]
        assert welcome["iceTtlMs"] == 600_000
        assert welcome["iceServers"] == expected(welcome["clientId"], board.clock.now + 600)


async def test_they_are_renewed_for_the_same_user() -> None:
    board = Switchboard(turn=TURN)
    member = await come_in(board)
    client_id = member.frames[0]["clientId"]
    board.clock.now += 540
    send(member, "ice_servers")
    renewed = member.frames[-1]
    assert (renewed["type"], renewed["ttlMs"]) == ("ice_servers", 600_000)
    assert renewed["iceServers"] == expected(client_id, board.clock.now + 600)


async def test_without_relays_nothing_ends() -> None:
    assert (await come_in(Switchboard())).frames[0]["iceTtlMs"] == 0
