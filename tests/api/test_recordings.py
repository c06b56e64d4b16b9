"""Recordings over HTTP: who may, what the codes are, ranges of the film."""

from __future__ import annotations

import asyncio
import socket
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from sqlalchemy.engine import URL

from api.http.recordings import _REFUSALS, _id
from api.server import HttpServer
from api.settings import SettingsError
from signaling.recording.errors import RecordingNotFound, RecordingRefused
from signaling.recording.store import Recording, RecordingStore
from signaling.recording.tickets import LINK_TTL_S
from tests.api.site import SECRET, Site, open_site, problem_of, settings_for
from tests.signaling.recording.fakes import FakeLauncher
from tests.signaling.recording.waiting import until

FILM = bytes(range(256)) * 40
ROOM = "/rooms/stand-up"
FIRST, SECOND = str(uuid.UUID(int=0)), str(uuid.UUID(int=1))


class Studio:
    """A site with a room, and a launcher of fake recorders behind it."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.launcher = FakeLauncher()
        self.people = 1
        recordings: Any = site.application.recordings
        recordings.supervisor.launcher = self.launcher
        recordings._people = lambda _: self.people
        self.folder = site.application.settings.recording.folder
        self.host: dict[str, str] = {}
        self.stranger: dict[str, str] = {}

    async def open(self) -> None:
        self.host = await self.site.sign_up("alice")
        self.stranger = await self.site.sign_up("eve")
        await self.site.ask("POST", "/rooms", json={"roomId": "stand-up"}, headers=self.host)

    async def ask(self, method: str, path: str, **headers: str) -> httpx2.Response:
        return await self.site.ask(method, path, headers=self.host | headers)

    async def ready(self, recording_id: str = FIRST) -> str:
        """Put a finished recording there; return its path."""
        owner = (await self.ask("GET", ROOM)).json()
        assert owner["owner"]
        recording = Recording(
            id=recording_id,
            room_id="stand-up",
            started_by=1,
            started_at=2_000_000_000_000,
            status="ready",
            stopped_at=2_000_000_060_000,
            bytes=len(FILM),
            duration_ms=60_000,
        )
        await RecordingStore(self.site.application.database).insert(recording)
        (self.folder / recording_id).mkdir(parents=True)
        (self.folder / recording_id / "recording.mp4").write_bytes(FILM)
        return f"{ROOM}/recordings/{recording_id}"


@pytest_asyncio.fixture
async def studio(sqlite_url: URL, tmp_path: Path) -> AsyncIterator[Studio]:
    async with open_site(settings_for(sqlite_url, tmp_path)) as site:
        made = Studio(site)
        await made.open()
        yield made


async def test_start_stop_and_show(studio: Studio) -> None:
    answer = await studio.ask("POST", f"{ROOM}/recordings")
    assert answer.status_code == 201
    started = answer.json()
    assert started["status"] == "starting"
    assert started["roomId"] == "stand-up"
    path = f"{ROOM}/recordings/{started['recordingId']}"
    assert problem_of(await studio.ask("POST", f"{ROOM}/recordings")) == (409, "already_recording")
    assert problem_of(await studio.ask("GET", f"{path}/file")) == (409, "recording_not_ready")
    assert problem_of(await studio.ask("POST", f"{path}/link")) == (409, "recording_not_ready")
    assert problem_of(await studio.ask("DELETE", path)) == (409, "recording_not_ready")
    recorder = await studio.launcher.worker(1)
    assert (await studio.ask("POST", f"{path}/stop")).status_code == 200
    assert recorder.orders[-1].stop
    (await studio.launcher.worker(2)).make(FILM)

    async def done() -> bool:
        return bool((await studio.ask("GET", path)).json()["status"] == "ready")

    await until(done)
    shown = (await studio.ask("GET", path)).json()
    assert shown["stoppedAt"] is not None
    assert (shown["bytes"], shown["durationMs"], shown["progress"], shown["error"]) == (len(FILM), 5000, 1.0, "")
    assert (await studio.ask("GET", f"{ROOM}/recordings")).json() == {"recordings": [shown]}
    assert (await studio.ask("POST", f"{path}/stop")).status_code == 200
    assert (await studio.ask("DELETE", path)).status_code == 204
    assert problem_of(await studio.ask("GET", path)) == (404, "recording_not_found")


async def test_an_empty_room(studio: Studio) -> None:
    studio.people = 0
    assert problem_of(await studio.ask("POST", f"{ROOM}/recordings")) == (409, "room_empty")


async def test_a_stranger_cannot_tell_what_is_there(studio: Studio) -> None:
    path = await studio.ready()
    studio.host = studio.stranger
    absent = path.replace("stand-up", "not-there")
    for where in (path, absent):
        room = where.partition("/recordings")[0]
        for method, rest in (("POST", ""), ("GET", "")):
            assert problem_of(await studio.ask(method, f"{room}/recordings{rest}")) == (404, "room_not_found")
        for method, rest in (("GET", ""), ("DELETE", ""), ("POST", "/stop"), ("POST", "/link"), ("GET", "/file")):
            assert problem_of(await studio.ask(method, where + rest)) == (404, "room_not_found")
    assert (studio.folder / FIRST / "recording.mp4").exists()


@pytest.mark.parametrize("recording_id", ["x", SECOND, "1" * 36, "..%2f..%2fchatter.db", "0" * 5000])
async def test_no_such_recording(studio: Studio, recording_id: str) -> None:
    assert problem_of(await studio.ask("GET", f"{ROOM}/recordings/{recording_id}"))[0] == 404


async def test_an_id_with_a_nul_never_reaches_the_database(database_url: URL, tmp_path: Path) -> None:
    async with open_site(settings_for(database_url, tmp_path)) as site:
        headers = await site.sign_up("alice")
        await site.ask("POST", "/rooms", json={"roomId": "stand-up"}, headers=headers)
        path = f"{ROOM}/recordings/%00{'0' * 35}"
        for method, rest in (("GET", ""), ("DELETE", ""), ("POST", "/stop"), ("POST", "/link"), ("GET", "/file")):
            answer = await site.ask(method, path + rest, headers=headers)
            assert problem_of(answer) == (404, "recording_not_found")


@pytest.mark.parametrize(
    "recording_id",
    [
        "\0" + FIRST[1:],
        "x" * 36,
        FIRST.replace("-", "0"),
        "{" + FIRST.replace("-", "") + "}--",
        FIRST[:-1] + "\n",
        "",
        "é",
    ],
)
def test_an_id_that_is_none(recording_id: str) -> None:
    with pytest.raises(RecordingNotFound):
        _id(recording_id)
    assert _id(FIRST) == FIRST


def test_every_refusal_has_a_code_of_its_own() -> None:
    assert set(_REFUSALS) == set(RecordingRefused.__subclasses__())
    assert len({code for _, code, _ in _REFUSALS.values()}) == len(_REFUSALS)


# --- the film


async def test_the_whole_film(studio: Studio) -> None:
    path = await studio.ready()
    answer = await studio.ask("GET", f"{path}/file")
    assert answer.status_code == 200
    assert answer.content == FILM
    assert answer.headers["Content-Type"] == "video/mp4"
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["Content-Disposition"] == f"attachment; filename=recording-{FIRST}.mp4"
    assert "no-store" in answer.headers["Cache-Control"]
    assert "public" not in answer.headers["Cache-Control"]


async def test_head_tells_the_size(studio: Studio) -> None:
    answer = await studio.ask("HEAD", f"{await studio.ready()}/file")
    assert answer.status_code == 200
    assert answer.headers["Content-Length"] == str(len(FILM))
    assert answer.content == b""


@pytest.mark.parametrize(
    ("asked", "begin", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-99", 0, 100),
        ("bytes=100-", 100, len(FILM)),
        ("bytes=-100", len(FILM) - 100, len(FILM)),
        (f"bytes=1000-{10**12}", 1000, len(FILM)),
    ],
)
async def test_a_part_of_the_film(studio: Studio, asked: str, begin: int, end: int) -> None:
    answer = await studio.ask("GET", f"{await studio.ready()}/file", Range=asked)
    assert answer.status_code == 206
    assert answer.content == FILM[begin:end]
    assert answer.headers["Content-Range"] == f"bytes {begin}-{end - 1}/{len(FILM)}"
    assert answer.headers["Content-Length"] == str(end - begin)


@pytest.mark.parametrize("asked", ["bytes=0-1,5-9", "lines=1-2", "bytes=9-1", "nonsense"])
async def test_what_is_no_single_part_gets_the_whole(studio: Studio, asked: str) -> None:
    answer = await studio.ask("GET", f"{await studio.ready()}/file", Range=asked)
    assert (answer.status_code, answer.content) == (200, FILM)


@pytest.mark.parametrize("asked", [f"bytes={len(FILM)}-", f"bytes={10**9}-{10**9 + 1}"])
async def test_a_part_that_is_not_there(studio: Studio, asked: str) -> None:
    answer = await studio.ask("GET", f"{await studio.ready()}/file", Range=asked)
    assert problem_of(answer) == (416, "range_not_satisfiable")
    assert answer.headers["Content-Range"] == f"bytes */{len(FILM)}"


async def test_a_download_goes_on_only_with_the_same_film(studio: Studio) -> None:
    path = await studio.ready()
    etag = (await studio.ask("HEAD", f"{path}/file")).headers["ETag"]
    part = await studio.ask("GET", f"{path}/file", **{"Range": "bytes=5-9", "If-Range": etag})
    assert (part.status_code, part.content) == (206, FILM[5:10])
    whole = await studio.ask("GET", f"{path}/file", **{"Range": "bytes=5-9", "If-Range": '"another"'})
    assert (whole.status_code, whole.content) == (200, FILM)
    assert (await studio.ask("GET", f"{path}/file", **{"If-None-Match": etag})).status_code == 304


async def test_a_link_needs_no_token_and_ends(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    path = await studio.ready()
    link = (await studio.ask("POST", f"{path}/link")).json()
    assert link["expiresIn"] == LINK_TTL_S
    watched = await studio.site.ask("GET", link["url"], headers={"Range": "bytes=0-9"})
    assert (watched.status_code, watched.content) == (206, FILM[:10])
    assert "Content-Disposition" not in watched.headers
    saved = await studio.site.ask("GET", f"{link['url']}?download")
    assert saved.headers["Content-Disposition"].startswith("attachment")
    for changed in (link["url"][:-1] + ("A" if link["url"][-1] != "A" else "Q"), link["url"].rpartition("/")[0] + "/x"):
        assert problem_of(await studio.site.ask("GET", changed)) == (401, "unauthenticated")
    elsewhere = link["url"].replace(FIRST, SECOND)
    assert problem_of(await studio.site.ask("GET", elsewhere)) == (404, "recording_not_found")
    tickets: Any = studio.site.application.recordings.tickets
    monkeypatch.setattr(tickets._files, "_clock", lambda: 9_000_000_000.0)
    assert problem_of(await studio.site.ask("GET", link["url"])) == (401, "unauthenticated")


async def test_a_download_may_take_longer_than_silence_may_last(studio: Studio) -> None:
    path = await studio.ready()
    film = studio.folder / FIRST / "recording.mp4"
    film.write_bytes(FILM * 2000)  # more than the buffers in between hold
    link = (await studio.ask("POST", f"{path}/link")).json()["url"]
    server = HttpServer(studio.site.application.asgi)
    server._config.read_timeout = 0.2  # type: ignore[assignment]  # Hypercorn says whole seconds, and passes it on
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        await server.start([listening.dup()])
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=64 * 1024)
            writer.write(f"GET {link} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            received, begun = 0, asyncio.get_running_loop().time()
            while chunk := await reader.read(512 * 1024):
                received += len(chunk)
                if asyncio.get_running_loop().time() - begun < 1:  # slowly at first, for several timeouts
                    await asyncio.sleep(0.02)
            assert received > len(FILM) * 2000
            writer.close()
            await writer.wait_closed()
        finally:
            await server.stop(0.5)


# --- settings


def test_settings_have_units(tmp_path: Path) -> None:
    settings = settings_for(None, tmp_path, RECORDINGS_QUOTA="1.5GB", RECORDINGS_RETENTION="48h", RECORDINGS_MAX="7")
    recording = settings.recording
    assert (recording.quota_bytes, recording.retention.days, recording.max_active) == (1_500_000_000, 2, 7)
    assert recording.folder == tmp_path / "data" / "recordings"
    assert SECRET not in repr(recording)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("RECORDINGS_QUOTA", "20"),
        ("RECORDINGS_QUOTA", "0GB"),
        ("RECORDINGS_QUOTA", "-1GB"),
        ("RECORDINGS_RETENTION", "a month"),
        ("RECORDINGS_MAX", "-1"),
        ("RECORDINGS_MAX", "many"),
        ("RECORDINGS_QUOTAS", "1GB"),
    ],
)
def test_settings_that_make_no_sense_are_refused(tmp_path: Path, variable: str, value: str) -> None:
    with pytest.raises(SettingsError, match=variable.rstrip("S")):
        settings_for(None, tmp_path, **{variable: value})


@pytest.mark.parametrize(
    ("address", "url"),
    [
        (":9001", "ws://127.0.0.1:9001"),
        ("0.0.0.0:9001", "ws://127.0.0.1:9001"),
        ("[::]:9001", "ws://[::1]:9001"),
        ("192.0.2.7:9001", "ws://192.0.2.7:9001"),
        ("[2001:db8::1]:9001", "ws://[2001:db8::1]:9001"),
    ],
)
def test_the_recorder_finds_the_gateway(tmp_path: Path, address: str, url: str) -> None:
    assert settings_for(None, tmp_path, GATEWAY_ADDR=address).recording.gateway_url == url
