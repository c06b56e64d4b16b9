"""Over a thousand broken connections, cut at any moment: every log is exactly what was sent."""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any

from signaling.core.room import RoomRules
from signaling.link import LinkRequest
from tests.signaling.chaos import Speaker, chaos_seed, check_logs
from tests.signaling.fakes import ORIGIN, OWNER, ROOM, FakeTransport, Switchboard, settle

RESUMES = 1000


class Wire(FakeTransport):
    """A connection on which frames are on their way for a while; a cut loses what is on its way, in both directions."""

    def __init__(self) -> None:
        super().__init__()
        self.to_client: list[dict[str, Any]] = []
        self.to_server: list[dict[str, Any]] = []

    def write(self, frame: bytes) -> None:
        super().write(frame)
        self.to_client.append(self.frames.pop())


class Player:
    """A speaker on a wire."""

    def __init__(self, board: Switchboard, name: str) -> None:
        self.board = board
        self.speaker = Speaker(name)
        self.wire = self.dial()

    def dial(self) -> Wire:
        request = LinkRequest.parse(ROOM, "v=2", {"origin": ORIGIN}).seen_from("192.0.2.1", 0)
        wire = Wire()
        wire.link = self.board.hub.accept(request, wire)
        wire.link.opened()
        wire.to_server.append(self.speaker.first_frame())
        return wire

    def cut(self, *, noticed: bool) -> None:
        """Break the wire; unnoticed, the server still believes in it when the next one comes."""
        former, self.wire = self.wire, self.dial()
        if noticed:
            former.disconnect()

    def say(self) -> None:
        self.transmit(self.speaker.say())

    def signal(self, other: Player) -> None:
        self.transmit(self.speaker.signal(other.speaker.id))

    def transmit(self, frame: dict[str, Any]) -> None:
        if self.speaker.ready:
            self.wire.to_server.append(frame)

    async def step(self, random_number: random.Random, *, all_of_it: bool = False) -> bool:
        """Let some of what is on its way arrive; False when nothing was."""
        wire = self.wire
        inbound = len(wire.to_server) if all_of_it else random_number.randint(0, len(wire.to_server))
        outbound = len(wire.to_client) if all_of_it else random_number.randint(0, len(wire.to_client))
        assert wire.link is not None
        for _ in range(inbound):
            wire.link.text(json.dumps(wire.to_server.pop(0)))
            await settle()
        for _ in range(outbound):
            again = self.speaker.take(wire.to_client.pop(0))
            wire.to_server.extend(again)
        if outbound and random_number.random() < 0.3:
            wire.to_server.append(self.speaker.acknowledgement())
        return bool(inbound or outbound)


async def test_every_log_is_whole() -> None:
    seed = chaos_seed()
    print(f"replay with CHAOS_SEED={seed}")
    chance = random.Random(seed)
    board = Switchboard(limits_scale=10_000)
    board.directory.rooms[ROOM] = RoomRules(OWNER, guests_allowed=True, max_members=4)
    players = []
    for name in ("Ann", "Ben", "Cleo"):
        players.append(Player(board, name))
        await players[-1].step(chance, all_of_it=True)
        await players[-1].step(chance, all_of_it=True)
    while board.metric("chatter_ws_resumes_total", result="resumed") < RESUMES:
        player = chance.choice(players)
        match chance.randrange(7):
            case 0:
                # Before its welcome arrived a client has no session to come back to.
                if player.speaker.token:
                    player.cut(noticed=chance.random() < 0.7)
            case 1 | 2:
                player.say()
            case 3:
                other = chance.choice(players)
                if other is not player:
                    player.signal(other)
            case _:
                await player.step(chance)
        board.clock.now += chance.random()
    await quiesce(players, chance)
    check_logs([player.speaker for player in players])
    assert board.metric("chatter_ws_resumes_total", result="unknown") == 0
    assert board.metric("chatter_leaves_total") == 0


async def quiesce(players: list[Player], chance: random.Random) -> None:
    async with asyncio.timeout(30):
        while not all(player.speaker.owes_nothing for player in players) or any(
            [await player.step(chance, all_of_it=True) for player in players]
        ):
            for player in players:
                await player.step(chance, all_of_it=True)
            await asyncio.sleep(0.002)  # acknowledgements are gathered for a moment
