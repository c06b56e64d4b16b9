"""A real server with real callers: sockets by websockets, media by aiortc. Each second they flash and beep at once."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import struct
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

from aiortc import (
    AudioStreamTrack,
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
    VideoStreamTrack,
)
from aiortc.rtcconfiguration import RTCBundlePolicy
from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame
from msgspec.structs import replace
from sqlalchemy.engine import URL
from websockets.asyncio.client import ClientConnection, connect

from api.server import bind
from api.settings import parse_address
from signaling.recording.process import ProcessLauncher, Worker
from signaling.recording.wire import Job
from tests.api.process import free_ports
from tests.api.site import Site, open_site, settings_for
from tests.signaling.recording.waiting import until

FLASH_S = 0.2
_RATE = 48_000


def flashes(now: float) -> bool:
    """Tell whether now is the beginning of a second, when pictures are white and voices beep."""
    return now % 1 < FLASH_S


class Picture(VideoStreamTrack):
    """A moving grey picture that flashes."""

    def __init__(self, width: int, height: int) -> None:
        super().__init__()
        self._size = width, height

    def again(self) -> Picture:
        """Return another like it: the end of a peer connection is the end of its tracks."""
        return Picture(*self._size)

    async def recv(self) -> VideoFrame:
        pts, base = await self.next_timestamp()
        now = self._start + pts * base  # what it shows belongs to its timestamp, also when a busy machine makes it late
        frame = VideoFrame(*self._size, "yuv420p")
        shade = 235 if flashes(now) else 60 + int(now * 25) % 40
        for plane, value in zip(frame.planes, (shade, 128, 128), strict=True):
            plane.update(bytes((value,)) * plane.buffer_size)
        frame.pts, frame.time_base = pts, base
        return frame


class Voice(AudioStreamTrack):
    """Silence that beeps."""

    def __init__(self, pitch: float) -> None:
        super().__init__()
        self._pitch = pitch
        self._sent = 0

    def again(self) -> Voice:
        """Return another like it."""
        return Voice(self._pitch)

    async def recv(self) -> AudioFrame:
        count = _RATE // 50
        if not self._sent:
            self._begun = time.time()
        await asyncio.sleep(max(0.0, self._begun + self._sent / _RATE - time.time()))
        at = self._begun + self._sent / _RATE
        tone = 2 * math.pi * self._pitch / _RATE
        loud = 12_000 if flashes(at) else 0
        samples = [int(loud * math.sin(tone * (self._sent + i))) for i in range(count)]
        frame = AudioFrame(format="s16", layout="mono", samples=count)
        frame.planes[0].update(struct.pack(f"<{count}h", *samples))
        frame.sample_rate, frame.pts, frame.time_base = _RATE, self._sent, Fraction(1, _RATE)
        self._sent += count
        return frame


class Caller:
    """Someone in the room. Offers to each recorder that comes, and to nobody else."""

    def __init__(self, socket: ClientConnection, tracks: list[Picture | Voice]) -> None:
        self.socket = socket
        self.tracks = tracks
        self.frames: list[dict[str, Any]] = []
        self.connection: RTCPeerConnection | None = None
        self.recorder = ""
        self.id = ""
        self.recorders: list[str] = []
        self._offers = 0
        self._news = asyncio.Condition()
        self._task = asyncio.create_task(self._listen())

    async def until(self, kind: str, /, **fields: object) -> dict[str, Any]:
        """Wait until a frame like this has come; return it."""

        def found() -> dict[str, Any] | None:
            wanted = {"type": kind, **fields}
            return next((frame for frame in self.frames if wanted.items() <= frame.items()), None)

        async with self._news, asyncio.timeout(20):
            await self._news.wait_for(lambda: found() is not None)
        frame = found()
        assert frame is not None
        return frame

    async def say(self, **frame: Any) -> None:
        """Send a frame."""
        await self.socket.send(json.dumps(frame))

    async def offer(self, *, anew: bool = True) -> None:
        """Offer the media to the recorder, over a new peer connection or the present one."""
        if anew:
            if self.connection is not None:
                await self.connection.close()
                self.tracks = [track.again() for track in self.tracks]
            self.connection = RTCPeerConnection(RTCConfiguration(bundlePolicy=RTCBundlePolicy.MAX_COMPAT))
            for track in self.tracks:
                self.connection.addTrack(track)
            self._offers += 1
        assert self.connection is not None
        await self.connection.setLocalDescription(await self.connection.createOffer())
        sdp = self.connection.localDescription.sdp
        name = f"{self.id}-{self._offers}"
        await self.say(type="webrtc", action="offer", to=self.recorder, sdp=sdp, connection=name)

    async def add(self, track: Picture | Voice) -> None:
        """Send one more track over the same peer connection."""
        assert self.connection is not None
        self.tracks.append(track)
        self.connection.addTrack(track)
        await self.offer(anew=False)

    async def close(self) -> None:
        """Hang up."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self.socket.close()
        if self.connection is not None:
            await self.connection.close()

    async def _listen(self) -> None:
        async for text in self.socket:
            frame = json.loads(text)
            await self._handle(frame)
            async with self._news:
                self.frames.append(frame)
                self._news.notify_all()

    async def _handle(self, frame: dict[str, Any]) -> None:
        if frame["type"] == "welcome":
            self.id = frame["clientId"]
        elif frame["type"] == "participants":
            for entry in frame["participants"]:
                await self._meet(entry)
        elif frame["type"] == "presence" and frame["action"] == "join":
            await self._meet({"id": frame["clientId"], **frame})
        elif frame["type"] == "webrtc" and frame["action"] == "answer" and self.connection is not None:
            await self.connection.setRemoteDescription(RTCSessionDescription(frame["sdp"], "answer"))

    async def _meet(self, member: dict[str, Any]) -> None:
        if member.get("kind") == "recorder":
            self.recorder = member["id"]
            self.recorders.append(member["id"])
            await self.offer()


class Launcher(ProcessLauncher):
    """Real processes, within reach; `changes` are made to the jobs of recorders."""

    def __init__(self) -> None:
        self.workers: list[Any] = []
        self.changes: dict[str, Any] = {}

    async def launch(self, job: Job) -> Worker:
        worker = await super().launch(replace(job, **self.changes) if job.task == "record" else job)
        self.workers.append(worker)
        return worker


class Call:
    """A room on a running server."""

    def __init__(self, site: Site, port: int, launcher: Launcher) -> None:
        self.site = site
        self.port = port
        self.launcher = launcher
        self.headers: dict[str, str] = {}
        self.callers: list[Caller] = []

    async def open(self) -> None:
        """Sign the host in and make the room."""
        self.headers = await self.site.sign_up("alice")
        answer = await self.site.ask("POST", "/rooms", json={"roomId": "stand-up"}, headers=self.headers)
        assert answer.status_code == 200, answer.text

    async def join(self, name: str, *tracks: Picture | Voice) -> Caller:
        """Bring someone into the room: the host first, then guests."""
        token = self.headers["Authorization"].removeprefix("Bearer ") if not self.callers else None
        url = f"ws://127.0.0.1:{self.port}/ws/stand-up?v=2"
        origin = next(iter(self.site.application.settings.origins))
        socket = await connect(url, origin=origin, max_size=None)  # type: ignore[arg-type]
        hello = {"type": "hello", "displayName": name, **({"token": token} if token else {})}
        await socket.send(json.dumps(hello))
        caller = Caller(socket, list(tracks))
        self.callers.append(caller)
        await caller.until("participants")
        return caller

    async def start(self) -> str:
        """Start to record; return the id once the recorder is at it."""
        answer = await self.site.ask("POST", "/rooms/stand-up/recordings", headers=self.headers)
        assert answer.status_code == 201, answer.text
        recording_id = str(answer.json()["recordingId"])
        await self.until(recording_id, "recording")
        return recording_id

    async def stop(self, recording_id: str) -> None:
        """Stop it."""
        path = f"/rooms/stand-up/recordings/{recording_id}/stop"
        answer = await self.site.ask("POST", path, headers=self.headers)
        assert answer.status_code == 200, answer.text

    async def show(self, recording_id: str) -> dict[str, Any]:
        """Return it as the API shows it."""
        answer = await self.site.ask("GET", f"/rooms/stand-up/recordings/{recording_id}", headers=self.headers)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def until(self, recording_id: str, *statuses: str) -> dict[str, Any]:
        """Wait until it has come so far."""
        shown: dict[str, Any] = {}

        async def so_far() -> bool:
            nonlocal shown
            shown = await self.show(recording_id)
            assert shown["status"] != "failed" or "failed" in statuses, shown
            return shown["status"] in statuses

        await until(so_far, 90)
        return shown

    async def until_tracks(self, recording_id: str, pattern: str, wanted: int) -> None:
        """Wait until so many track files of this kind are there."""
        folder = self.film(recording_id).parent / "tracks"

        async def there() -> bool:
            return len(list(folder.glob(pattern))) >= wanted

        await until(there)

    async def until_bytes(self, recording_id: str, wanted: int) -> None:
        """Wait until so much is on the disk."""

        async def enough() -> bool:
            return int((await self.show(recording_id))["bytes"]) >= wanted

        await until(enough, 60)

    def film(self, recording_id: str) -> Path:
        """Return the file."""
        return self.site.application.settings.recording.folder / recording_id / "recording.mp4"


@asynccontextmanager
async def open_call(url: URL, folder: Path, **settings: str) -> AsyncIterator[Call]:
    """Run a server with its gateway, and a room on it."""
    (port,) = free_ports(1)
    made = settings_for(url, folder, GATEWAY_ADDR=f"127.0.0.1:{port}", **settings)
    async with open_site(made) as site:
        application = site.application
        launcher = Launcher()
        application.recordings.supervisor.launcher = launcher
        call = Call(site, port, launcher)
        await call.open()
        application.hub.start()
        await application.gateway.start([bind(parse_address(f"127.0.0.1:{port}"), "GATEWAY_ADDR")])
        try:
            yield call
        finally:
            for caller in call.callers:
                with contextlib.suppress(Exception):
                    await caller.close()
            application.gateway.stop_listening()
            await application.recordings.stop()
            await application.hub.stop()
