"""Coming back over real sockets, by both doors."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Origin

from auth.service import SignedIn
from tests.contracts.site import ORIGIN, Door, Site, Visitor
from tests.signaling.chaos import Speaker, chaos_seed, check_logs

ROOM = "standup"
RESUMES = 1000


@pytest.fixture
async def owner(door: Door) -> SignedIn:
    owner = await door.site.sign_up("olivia")
    await door.site.open_room(ROOM, owner)
    return owner


async def hello(door: Door) -> tuple[Visitor, str]:
    visitor = await door.knock(ROOM, "v=2")
    await visitor.send("hello")
    welcome = await visitor.expect("welcome")
    visitor.id = welcome["clientId"]
    await visitor.expect("participants")
    return visitor, welcome["resumeToken"]


async def resume(door: Door, token: str, last_seq: int, member_id: str = "") -> Visitor:
    visitor = await door.knock(ROOM, "v=2")
    await visitor.send("resume", resumeToken=token, lastSeq=last_seq)
    visitor.goes_on(member_id, last_seq)
    return visitor


async def test_a_cut_connection_goes_on_where_it_broke(door: Door, owner: SignedIn) -> None:
    witness, _ = await hello(door)
    member, token = await hello(door)
    await witness.expect("presence", action="join")
    member.connection.transport.abort()
    await witness.expect("presence", action="lost", clientId=member.id)
    await witness.send("chat", text="missed", id=0)
    back = await resume(door, token, 2, member.id)
    assert (await back.expect("resumed"))["clientId"] == member.id
    await back.expect("chat", text="missed")
    await witness.expect("chat")
    await witness.expect("presence", action="back", clientId=member.id)
    await back.is_caught_up()


async def test_a_close_that_was_meant_is_a_leave(door: Door, owner: SignedIn) -> None:
    witness, _ = await hello(door)
    member, token = await hello(door)
    await witness.expect("presence", action="join")
    await member.connection.close(1001)
    await witness.expect("presence", action="leave", clientId=member.id)
    back = await resume(door, token, 0)
    assert (await back.expect("error"))["code"] == "state_lost"


async def test_a_second_connection_replaces_the_first(door: Door, owner: SignedIn) -> None:
    member, token = await hello(door)
    back = await resume(door, token, 2, member.id)
    await back.expect("resumed")
    with pytest.raises(ConnectionClosed):
        await member.next()
    assert member.connection.close_code == 4507
    await back.is_caught_up()


async def test_one_may_come_back_by_the_other_door(door: Door, owner: SignedIn) -> None:
    member, token = await hello(door)
    member.connection.transport.abort()
    other = Door(door.site, "asgi" if door.name == "gateway" else "gateway")
    try:
        back = await resume(other, token, 2, member.id)
        await back.expect("resumed")
        await back.is_caught_up()
    finally:
        await other.close()


async def test_a_forged_token_loses_nothing_but_the_attempt(door: Door, owner: SignedIn) -> None:
    member, _ = await hello(door)
    thief = await resume(door, "forged", 0)
    frame = json.loads(await thief.connection.recv())
    assert (frame["code"], frame["retryable"]) == ("state_lost", True)
    await member.is_caught_up()


# --- chaos ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("signaling_overrides", [{"limits_scale": 10_000.0}])
async def test_a_thousand_cuts_lose_and_double_nothing(running_app: Site) -> None:
    seed = chaos_seed()
    print(f"replay with CHAOS_SEED={seed}")
    await running_app.open_room(ROOM, await running_app.sign_up("olivia"))
    speakers = [Speaker(name) for name in ("Ann", "Ben", "Cleo")]
    url = f"ws://127.0.0.1:{running_app.ports['gateway']}/ws/{ROOM}?v=2"
    for speaker in speakers:  # all are in before anyone speaks, so that all hear the same
        await talk(url, speaker, cut_after=1)

    def resumes() -> float:
        return running_app.metric("chatter_ws_resumes_total", result="resumed")

    async def live(number: int) -> None:
        chance = random.Random(seed + number)
        while resumes() < RESUMES:
            others = [speaker.id for speaker in speakers if speaker is not speakers[number]]
            await talk(url, speakers[number], chance, others, cut_after=chance.randint(1, 12))

    async with asyncio.timeout(120), asyncio.TaskGroup() as group:
        for number in range(len(speakers)):
            group.create_task(live(number))
    said = sum(speaker.said for speaker in speakers)
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        for speaker in speakers:
            signalled = sum(other.signalled.get(speaker.id, 0) for other in speakers)
            group.create_task(talk(url, speaker, until=partial(has_all, speaker, said, signalled)))
    check_logs(speakers)
    assert running_app.metric("chatter_leaves_total") == 0
    assert running_app.metric("chatter_ws_resumes_total", result="unknown") == 0


def has_all(speaker: Speaker, said: int, signalled: int) -> bool:
    """Tell whether everything that was sent is where it belongs."""
    came = sum(len(candidates) for candidates in speaker.signals.values())
    return speaker.owes_nothing and len(speaker.heard) >= said and came >= signalled


async def talk(
    url: str,
    speaker: Speaker,
    chance: random.Random | None = None,
    others: Sequence[str] = (),
    *,
    cut_after: int | None = None,
    until: Callable[[], bool] | None = None,
) -> None:
    """Connect and listen until so many frames came, or all was heard, then cut the connection.

    With `chance` the speaker speaks, sends candidates to `others`, and acknowledges, at random.
    """
    try:
        connection = await connect(url, origin=Origin(ORIGIN), compression=None, ping_interval=None)
    except (OSError, InvalidHandshake):
        return
    try:
        await connection.send(json.dumps(speaker.first_frame()))
        received = 0
        while cut_after is None or received < cut_after:
            if until is not None and until():
                return
            # Whoever is owed an answer will hear something; all others speak, so that nobody waits in silence.
            if chance and speaker.ready and (speaker.owes_nothing or chance.random() < 0.05):
                await connection.send(json.dumps(speaker.say()))
                if chance.random() < 0.3:
                    await connection.send(json.dumps(speaker.signal(chance.choice(others))))
            frame: dict[str, Any] = json.loads(await connection.recv())
            received += 1
            for again in speaker.take(frame):
                await connection.send(json.dumps(again))
            if chance and chance.random() < 0.1:
                await connection.send(json.dumps(speaker.acknowledgement()))
    except ConnectionClosed:
        pass
    finally:
        connection.transport.abort()
        await connection.wait_closed()
