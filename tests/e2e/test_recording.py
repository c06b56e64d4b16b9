"""A call recorded: three people at real browsers, one of them late, one who mutes, one whose network changes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from statistics import median
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.e2e.conftest import People, Server
from tests.e2e.person import Person, until
from tests.signaling.recording.film import Film, watch

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]
PASSWORD = "a long enough secret"

# Instead of Chromium's made-up devices, some whose picture turns white and whose voice beeps at each full second.
_METRONOME = """
navigator.mediaDevices.getUserMedia = async ({audio, video}) => {
  const stream = new MediaStream();
  const beat = () => Date.now() % 1000 < 200;
  if (video) {
    const canvas = Object.assign(document.createElement('canvas'), {width: 320, height: 240});
    const pen = canvas.getContext('2d');
    let turn = 0;
    setInterval(() => {
      pen.fillStyle = beat() ? '#fff' : `hsl(${turn++ * 7 % 360} 60% 30%)`;
      pen.fillRect(0, 0, 320, 240);
    }, 15);
    for (const track of canvas.captureStream(30).getTracks()) stream.addTrack(track);
  }
  if (audio) {
    const context = new AudioContext();
    const out = context.createMediaStreamDestination();
    const gain = new GainNode(context, {gain: 0});
    const tone = new OscillatorNode(context, {frequency: 600});
    tone.connect(gain).connect(out);
    tone.start();
    setInterval(() => { gain.gain.value = beat() ? 0.5 : 0; }, 5);
    for (const track of out.stream.getTracks()) stream.addTrack(track);
  }
  return stream;
};
"""


async def join(people: People, link: str, name: str) -> Person:
    """Bring a guest with a metronome into the call."""
    guest = await people.new()
    await guest.context.add_init_script(_METRONOME)
    await guest.join(link, name)
    return guest


async def choose(person: Person, name: str) -> None:
    """Choose from the More menu of the call."""
    await person.click("More")
    await person.page.get_by_role("menuitem", name=name).click()


class Host:
    """The host's side over HTTP."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self.client = client
        self.path = ""

    def look_at(self, link: str) -> None:
        """Name the room by its link."""
        self.path = f"/api/rooms/{link.removeprefix('/r/')}/recordings"

    async def sign_in(self, username: str) -> None:
        """Sign in beside the browser."""
        self.client.headers |= {"Origin": str(self.client.base_url).rstrip("/"), "X-Device-ID": "test-host"}
        answer = await self.client.post("/api/auth/login", json={"username": username, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        self.client.headers["Authorization"] = f"Bearer {answer.json()['token']}"

    async def newest(self) -> dict[str, Any]:
        """Return the newest recording."""
        answer = await self.client.get(self.path)
        assert answer.status_code == 200, answer.text
        return dict(answer.json()["recordings"][0])

    async def until_bytes(self, wanted: int) -> None:
        """Wait until so much was recorded."""

        async def enough() -> bool:
            return bool((await self.newest())["bytes"] >= wanted)

        await until(enough, self.newest, timeout=60)

    async def until_more(self, seconds: float) -> None:
        """Wait until about so many seconds more of this call are on the disk."""
        before = await self.newest()
        await self.until_bytes(before["bytes"] + int(seconds * 25_000))

    async def film(self, folder: Path) -> Film:
        """Wait for the film, download it in ranges, decode it."""

        async def ready() -> bool:
            newest = await self.newest()
            assert newest["status"] != "failed", newest
            return bool(newest["status"] == "ready")

        await until(ready, self.newest, timeout=120)
        newest = await self.newest()
        whole, part, size = b"", 200_000, newest["bytes"]
        while len(whole) < size:
            last = min(len(whole) + part, size) - 1
            wanted = {"Range": f"bytes={len(whole)}-{last}"}
            answer = await self.client.get(f"{self.path}/{newest['recordingId']}/file", headers=wanted)
            assert answer.status_code == 206
            assert answer.headers["Content-Range"] == f"bytes {len(whole)}-{last}/{size}"
            whole += answer.content
        path = folder / "film.mp4"
        path.write_bytes(whole)
        return await asyncio.to_thread(watch, path)


@pytest_asyncio.fixture(loop_scope="session")
async def host(server: Server) -> AsyncIterator[Host]:
    """A client for the host; the test signs it in."""
    async with httpx2.AsyncClient(base_url=server.url, timeout=30) as client:
        yield Host(client)


async def test_a_call_of_three_becomes_one_film(people: People, host: Host, tmp_path: Path) -> None:
    ann = await people.new()
    await ann.context.add_init_script(_METRONOME)
    await ann.sign_up("films-ann", PASSWORD)
    link = await ann.create_room()
    await ann.join(link)
    ben = await join(people, link, "Ben")
    await asyncio.gather(ann.watches(1), ben.watches(1))

    await host.sign_in("films-ann")
    host.look_at(link)
    await choose(ann, "Record this call")
    for person in (ann, ben):
        await expect(person.page.get_by_text("This call is being recorded by films-ann.")).to_be_visible()
        await expect(person.page.get_by_role("article")).to_have_count(2)  # no tile for the recorder
    await expect(ben.page.get_by_role("button", name="Stop recording")).to_have_count(0)
    await host.until_more(2)
    cem = await join(people, link, "Cem")  # comes late
    await expect(cem.page.get_by_text("This call is being recorded by films-ann.")).to_be_visible()
    await host.until_more(2)
    await ben.page.keyboard.press("m")  # mutes
    await expect(ben.page.get_by_role("button", name="Microphone", exact=True)).to_have_attribute(
        "aria-pressed", "false"
    )
    await ben.page.evaluate("window.__connections.forEach(connection => connection.restartIce())")
    await host.until_more(3)
    await ben.page.keyboard.press("m")
    await cem.leave()
    await host.until_more(2)
    recording = await host.newest()
    assert recording["status"] == "recording"
    again = await host.client.post(host.path)
    assert (again.status_code, again.json()["code"]) == (409, "already_recording")
    await ann.click("Stop recording")
    for person in (ann, ben):
        await expect(person.page.get_by_text("This call is being recorded")).to_have_count(0)

    film = await host.film(tmp_path)
    newest = await host.newest()
    assert newest["error"] == ""
    assert film.size == (1280, 720)
    assert 6 < film.seconds < 60
    assert film.seconds == pytest.approx(newest["durationMs"] / 1000, abs=0.2)
    shades = [shade for _, shade in film.brightness]
    assert min(shades[24:-24]) > 20, "there is always someone to be seen"
    assert len(film.flashes()) >= film.seconds / 2
    assert len(film.beeps()) >= film.seconds / 2
    skews = film.skews()
    assert len(skews) >= 4
    # A busy page draws single flashes late, which no recorder can know; in step is what holds for most of them.
    assert abs(median(skews)) < 0.1, skews

    await ann.leave()
    await ann.goto("/")
    await ann.page.get_by_role("button", name=re.compile("^More for")).click()
    await ann.page.get_by_role("menuitem", name="Recordings").click()
    await ann.page.get_by_role("button", name=re.compile("^Play")).click()
    video = ann.page.locator("dialog video, [role=dialog] video")
    await expect(video).to_be_visible()

    async def plays() -> bool:
        return bool(await video.evaluate("video => video.currentTime > 0.3 && video.videoWidth === 1280"))

    await until(plays)
    async with ann.page.expect_download() as download:
        await ann.page.get_by_role("button", name=re.compile("^Download")).click()
    saved = await (await download.value).path()
    assert saved.stat().st_size == newest["bytes"]
    await ann.page.get_by_role("button", name=re.compile("^Delete")).click()
    await ann.click("Delete recording")
    await expect(ann.page.get_by_text("No recordings yet")).to_be_visible()
