"""A real recorder in a real call."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import AsyncIterator
from math import inf
from pathlib import Path
from statistics import median

import pytest
import pytest_asyncio
from sqlalchemy.engine import URL
from websockets.asyncio.client import connect

from signaling.recording.tickets import Tickets
from tests.signaling.recording.call import Call, Picture, Voice, open_call
from tests.signaling.recording.film import Film, stretches, watch

pytestmark = pytest.mark.integration
_TRACE = 60_000
"""Bytes that two callers leave within a few seconds."""


@pytest_asyncio.fixture
async def call(sqlite_url: URL, tmp_path: Path) -> AsyncIterator[Call]:
    async with open_call(sqlite_url, tmp_path) as opened:
        yield opened


def assert_in_step(film: Film, begin: float = 0.0, end: float = inf) -> None:
    """Expect sound and picture of a stretch together.

    Most, not all: aiortc's sender reports tell when a packet was sent, which a busy machine may delay.
    """
    skews = film.skews(begin, end)
    assert len(skews) >= 2, skews
    assert median(map(abs, skews)) < 0.1, skews


async def test_a_call_of_two_becomes_a_film_in_step(call: Call) -> None:
    ann = await call.join("Ann", Voice(440), Picture(320, 240))
    recording_id = await call.start()
    assert (await ann.until("presence", action="join", kind="recorder"))["displayName"] == "Recorder of alice"
    await call.until_bytes(recording_id, 20_000)
    bob = await call.join("Bob", Voice(880), Picture(160, 120))
    await bob.until("webrtc", action="answer")
    size = (await call.show(recording_id))["bytes"]
    await call.until_bytes(recording_id, size + _TRACE)
    await ann.say(type="leave")
    await bob.until("presence", action="leave", clientId=ann.id)
    size = (await call.show(recording_id))["bytes"]
    await call.until_bytes(recording_id, size + _TRACE // 2)
    (_, ann_went), (bob_came, _) = stretches(call.film(recording_id).parent / "tracks")
    await call.stop(recording_id)
    await bob.until("presence", action="leave", clientId=bob.recorder)
    shown = await call.until(recording_id, "ready")
    film = watch(call.film(recording_id))
    assert film.size == (1280, 720)
    assert film.seconds == pytest.approx(shown["durationMs"] / 1000, abs=0.2)
    assert_in_step(film, end=bob_came)
    assert_in_step(film, begin=ann_went)
    assert shown["error"] == ""
    assert shown["bytes"] == call.film(recording_id).stat().st_size
    assert sorted(path.name for path in call.film(recording_id).parent.iterdir()) == ["lock", "recording.mp4"]


async def test_a_killed_recorder_keeps_what_was_recorded_and_the_call(call: Call) -> None:
    ann = await call.join("Ann", Voice(440), Picture(320, 240))
    recording_id = await call.start()
    await call.until_bytes(recording_id, 40_000)
    os.kill(call.launcher.workers[0].pid, signal.SIGKILL)
    shown = await call.until(recording_id, "ready")
    assert shown["error"] == "crashed"
    film = watch(call.film(recording_id))
    assert film.flashes()
    assert film.beeps()
    await ann.say(type="chat", text="still here?")
    await ann.until("chat", text="still here?")
    again = await call.start()
    assert again != recording_id


async def test_a_lost_socket_does_not_break_the_recording(call: Call) -> None:
    ann = await call.join("Ann", Voice(440), Picture(320, 240))
    recording_id = await call.start()
    await ann.until("webrtc", action="answer")
    hub = call.site.application.hub
    for link in [link for link in hub._links if link.identity and link.identity.recorder_of]:
        link.abort()
    await ann.until("presence", action="back", clientId=ann.recorder)
    size = (await call.show(recording_id))["bytes"]
    await call.until_bytes(recording_id, size + 30_000)
    await call.stop(recording_id)
    await call.until(recording_id, "ready")
    assert ann.recorders == [ann.recorder]


async def test_a_new_peer_connection_goes_into_the_same_film(call: Call) -> None:
    ann = await call.join("Ann", Voice(440), Picture(320, 240))
    recording_id = await call.start()
    await call.until_bytes(recording_id, 30_000)
    await ann.offer()
    await call.until_tracks(recording_id, "*.mkv", 4)
    size = (await call.show(recording_id))["bytes"]
    await call.until_bytes(recording_id, size + 30_000)
    _, (changed, _) = stretches(call.film(recording_id).parent / "tracks")
    await call.stop(recording_id)
    await call.until(recording_id, "ready")
    film = watch(call.film(recording_id))
    assert_in_step(film, end=changed)
    assert_in_step(film, begin=changed)


async def test_several_screens_and_one_who_leaves(call: Call) -> None:
    ann = await call.join("Ann", Voice(440), Picture(320, 240))
    bob = await call.join("Bob", Voice(880), Picture(160, 120))
    recording_id = await call.start()
    for caller in (ann, bob):
        await caller.until("webrtc", action="answer")
        await caller.add(Picture(640, 360))
    await call.until_tracks(recording_id, "*-screen.mkv", 2)
    await bob.say(type="leave")
    await ann.until("presence", action="leave", clientId=bob.id)
    size = (await call.show(recording_id))["bytes"]
    await call.until_bytes(recording_id, size + 30_000)
    await call.stop(recording_id)
    await call.until(recording_id, "ready")
    assert watch(call.film(recording_id)).flashes(10)


@pytest.mark.parametrize(
    ("change", "error"), [({"free_floor_bytes": 2**62}, "disk_full"), ({"max_bytes": 30_000}, "quota_exceeded")]
)
async def test_no_more_space_ends_it_cleanly(call: Call, change: dict[str, int], error: str) -> None:
    ann = await call.join("Ann", Voice(440), Picture(320, 240))
    call.launcher.changes = {**change, "alone_seconds": 60.0}
    answer = await call.site.ask("POST", "/rooms/stand-up/recordings", headers=call.headers)
    recording_id = answer.json()["recordingId"]
    await ann.until("presence", action="join", kind="recorder")
    await ann.until("presence", action="leave", clientId=ann.recorder)
    shown = await call.until(recording_id, "ready", "failed")
    assert shown["error"] == error


async def test_it_goes_when_nobody_is_left(call: Call) -> None:
    ann = await call.join("Ann", Voice(440), Picture(320, 240))
    call.launcher.changes = {"alone_seconds": 0.5}
    recording_id = await call.start()
    await call.until_bytes(recording_id, 20_000)
    await ann.say(type="leave")
    shown = await call.until(recording_id, "ready")
    assert shown["error"] == ""
    assert call.site.application.hub.live_rooms() == {}


async def test_nothing_was_sent(call: Call) -> None:
    ann = await call.join("Ann")
    ann.offer = no_offer  # type: ignore[method-assign]
    answer = await call.site.ask("POST", "/rooms/stand-up/recordings", headers=call.headers)
    recording_id = answer.json()["recordingId"]
    await ann.until("presence", action="join", kind="recorder")
    await call.stop(recording_id)
    shown = await call.until(recording_id, "failed")
    assert shown["error"] == "nothing_recorded"


async def no_offer(*, anew: bool = True) -> None:
    """Send nothing."""


async def knock(call: Call, room: str, token: str) -> tuple[str, int]:
    """Come to a room with a token and no origin; return the first frame and the code of the end, 0 if none."""
    async with connect(f"ws://127.0.0.1:{call.port}/ws/{room}?v=2") as socket:
        await socket.send(json.dumps({"type": "hello", "token": token, "displayName": "Recorder of eve"}))
        first = json.loads(await socket.recv())["type"]
        if first == "error":
            await socket.wait_closed()
        return first, socket.close_code or 0


async def test_a_ticket_opens_its_room_and_no_other(call: Call) -> None:
    tickets = call.site.application.recordings.tickets
    ticket = tickets.for_recorder("stand-up", "r1", 1)
    assert await knock(call, "stand-up", ticket) == ("welcome", 0)
    assert await knock(call, "another", ticket) == ("error", 4501)
    assert await knock(call, "stand-up", ticket[:-2]) == ("error", 4500)
    expired = Tickets(call.site.application.settings.recording.secret, lambda: 1_000_000.0)
    assert await knock(call, "stand-up", expired.for_recorder("stand-up", "r1", 1)) == ("error", 4500)


async def test_the_recorders_session_is_no_device_that_could_be_signed_out(call: Call) -> None:
    ann = await call.join("Ann", Voice(440))
    await call.start()
    await call.site.application.close_revoked()
    await ann.say(type="chat", text="hello")
    await ann.until("chat", text="hello")
    assert not [frame for frame in ann.frames if frame.get("action") in {"leave", "lost"}]
