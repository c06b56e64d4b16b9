"""The recorder: a member of the room that listens, and writes down what it hears and sees."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import itertools
import logging
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from signaling.recording.channel import ABNORMAL, Channel, ChannelClosed
from signaling.recording.conversation import Conversation, Frame
from signaling.recording.feed import Feed
from signaling.recording.peer import IceServer
from signaling.recording.tracklog import TrackInfo, TrackKind
from signaling.recording.tracks import TrackWriter
from signaling.recording.wire import TRACKS, Job, News

logger = logging.getLogger(__name__)

_RETRIES_S = (0.0, 0.5, 1.0, 2.0, *[3.0] * 20)
_TICKET_TIMEOUT_S = 20.0
_FINAL = 4500
"""Close codes from here on say: stay away."""
_STATE_LOST = 4002
_CODES = {4502: "removed", 4503: "removed", 4508: "room_closed", 4510: "room_closed"}


class Recorder:
    """Take part in one room until someone says stop, nobody is left, or there is no more space."""

    def __init__(self, job: Job, tell: Callable[[News], None]) -> None:
        self._job = job
        self._tell = tell
        self._folder = Path(job.folder) / TRACKS
        self._conversation = Conversation()
        self._channel: Channel | None = None
        self._feeds: dict[str, Feed] = {}
        self._people: dict[str, str] = {}
        self._media: dict[str, dict[str, Any]] = {}
        self._ice_servers: list[IceServer] = []
        self._ice_renewal: float | None = None
        self._numbers = itertools.count(1)
        self._closing: set[asyncio.Task[None]] = set()
        self._tickets: asyncio.Queue[str] = asyncio.Queue()
        self._ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._begun = time.monotonic()
        self._alone_since: float | None = None

    def take_ticket(self, ticket: str) -> None:
        """Take the ticket that was asked for."""
        self._tickets.put_nowait(ticket)

    def stop(self, code: str = "stopped") -> None:
        """End the recording; the first reason counts."""
        if not self._ended.done():
            self._ended.set_result(code)

    async def run(self) -> str:
        """Record to the end; return why it ended."""
        self._folder.mkdir(parents=True, exist_ok=True)
        work: list[asyncio.Future[Any]] = [asyncio.create_task(self._take_part()), asyncio.create_task(self._watch())]
        try:
            await asyncio.wait([self._ended, *work], return_when=asyncio.FIRST_COMPLETED)
            for task in work:
                if task.done():
                    task.result()  # what is broken in here should be heard
            return self._ended.result()
        finally:
            for task in work:
                task.cancel()
            await asyncio.gather(*work, *(feed.close() for feed in self._feeds.values()), return_exceptions=True)
            await asyncio.gather(*self._closing, return_exceptions=True)
            if self._channel is not None:
                self._channel.close()
            self._tell(News(event="size", bytes=folder_bytes(self._folder)))

    # --- the connection to the server

    async def _take_part(self) -> None:
        retries = iter(_RETRIES_S)
        while (delay := next(retries, None)) is not None:
            await asyncio.sleep(delay)
            heard, code = await self._one_connection()
            if code == 1000 or code >= _FINAL:
                self.stop(_CODES.get(code, "lost"))
                return
            if code == _STATE_LOST:
                self._conversation.forget()
            if heard:
                retries = iter(_RETRIES_S)
        self.stop("lost")

    async def _one_connection(self) -> tuple[bool, int]:
        """Go through one connection; return whether the server let us in, and the code it ended with."""
        heard = False
        try:
            opening = self._conversation.resume() if self._conversation.can_resume else await self._hello()
            self._channel = await Channel.open(self._job.url)
        except (OSError, TimeoutError):
            return False, ABNORMAL
        self._channel.send(opening)
        try:
            while True:
                frame, answers = self._conversation.receive(await self._channel.receive())
                for answer in answers:
                    self._channel.send(answer)
                if frame is not None:
                    heard = heard or frame["type"] in {"welcome", "resumed"}
                    self._handle(frame)
        except ChannelClosed as closed:
            return heard, closed.code

    async def _hello(self) -> str:
        while not self._tickets.empty():  # asked for in vain before
            self._tickets.get_nowait()
        self._tell(News(event="ticket_wanted"))
        ticket = await asyncio.wait_for(self._tickets.get(), _TICKET_TIMEOUT_S)
        return msgspec.json.encode({"type": "hello", "token": ticket, "displayName": self._job.display_name}).decode()

    def _send(self, frame: Frame) -> None:
        text = self._conversation.send(frame)
        if self._channel is not None:
            self._channel.send(text)

    # --- what the server says

    def _handle(self, frame: Frame) -> None:
        match frame["type"]:
            case "welcome":
                self._welcome(frame)
            case "participants":
                self._participants(frame)
            case "presence":
                self._presence(frame)
            case "profile" if frame["clientId"] in self._people:
                self._people[frame["clientId"]] = frame["displayName"]
            case "media":
                self._media_changed(frame)
            case "webrtc" if frame["from"] in self._people:
                self._feed(frame["from"]).signal(frame)
            case "ice_servers":
                self._take_ice_servers(frame["iceServers"], frame["ttlMs"])
            case _:
                pass

    def _welcome(self, frame: Frame) -> None:
        self._take_ice_servers(frame["iceServers"], frame["iceTtlMs"])
        for member in list(self._feeds):  # a new session: to the browsers we are somebody else now
            self._forget(member)
        self._people.clear()
        self._tell(News(event="joined"))

    def _participants(self, frame: Frame) -> None:
        for entry in frame["participants"]:
            if entry["kind"] == "person":
                self._people[entry["id"]] = entry["displayName"]
                if any(entry["media"].values()):  # else it may not have said anything yet
                    self._media[entry["id"]] = entry["media"]
        self._count_people()

    def _presence(self, frame: Frame) -> None:
        member = frame["clientId"]
        if frame["action"] == "join" and frame.get("kind", "person") == "person":
            self._people[member] = frame.get("displayName", "")
        elif frame["action"] == "leave":
            self._people.pop(member, None)
            self._media.pop(member, None)
            self._forget(member)
        self._count_people()

    def _media_changed(self, frame: Frame) -> None:
        member = frame["clientId"]
        if member in self._people:
            self._media[member] = frame
            if member in self._feeds:
                self._feeds[member].media(frame)

    def _take_ice_servers(self, servers: list[dict[str, Any]], ttl_ms: int) -> None:
        self._ice_servers = [
            IceServer(tuple(server["urls"]), server.get("username"), server.get("credential")) for server in servers
        ]
        self._ice_renewal = time.monotonic() + ttl_ms / 2000 if ttl_ms else None

    def _count_people(self) -> None:
        self._alone_since = None if self._people else self._alone_since or time.monotonic()

    # --- members

    def _feed(self, member: str) -> Feed:
        feed = self._feeds.get(member)
        if feed is None:
            feed = Feed(member, self._send, lambda: self._ice_servers, self._new_track)
            feed.media(self._media.get(member, {}))
            self._feeds[member] = feed
        return feed

    def _forget(self, member: str) -> None:
        feed = self._feeds.pop(member, None)
        if feed is not None:
            task = asyncio.get_running_loop().create_task(feed.close())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    def _new_track(self, feed: Feed, kind: TrackKind, clock: int) -> TrackWriter:
        info = TrackInfo(
            member=feed.member,
            name=self._people.get(feed.member, ""),
            kind=kind,
            clock=clock,
            started_at=time.time_ns() // 1_000_000,
            connection=feed.connections,
        )
        return TrackWriter(self._folder / f"{next(self._numbers):04d}-{kind}", info, self._write_failed)

    def _write_failed(self, error: OSError) -> None:
        full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        if not full:
            logger.error("cannot write", exc_info=error, extra={"event": "recorder_write_failed"})
        self.stop("disk_full" if full else "write_failed")

    # --- limits

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(1)
            self._check_limits(time.monotonic())

    def _check_limits(self, now: float) -> None:
        size = folder_bytes(self._folder)
        self._tell(News(event="size", bytes=size))
        if shutil.disk_usage(self._folder).free < self._job.free_floor_bytes:
            self.stop("disk_full")
        elif size >= self._job.max_bytes:
            self.stop("quota_exceeded")
        elif now - self._begun >= self._job.max_seconds:
            self.stop("too_long")
        elif self._alone_since is not None and now - self._alone_since >= self._job.alone_seconds:
            self.stop("empty")
        elif self._ice_renewal is not None and now >= self._ice_renewal:
            self._ice_renewal = None
            self._send({"type": "ice_servers"})


def folder_bytes(folder: Path) -> int:
    """Add up the files of a folder and those below it."""
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):  # renamed meanwhile
                total += os.stat(os.path.join(path, name)).st_size
    return total
