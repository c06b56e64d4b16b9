"""Real processes: where they write, and what they say."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from msgspec.structs import replace
from sqlalchemy.engine import URL

from api.settings import load
from signaling.recording.process import ProcessLauncher
from signaling.recording.store import Recording, RecordingStore
from signaling.recording.wire import Job, News
from tests.api.site import SECRET, Site, open_site
from tests.signaling.recording.conftest import NOW
from tests.signaling.recording.test_media import put_audio
from tests.signaling.recording.waiting import until


@pytest_asyncio.fixture
async def site(sqlite_url: URL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    """A site that was started in `tmp_path`, with the folders that it takes by itself."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.yaml").touch()
    settings = load(
        {
            "CONFIG_PATH": "empty.yaml",
            "AUTH_SECRET": SECRET,
            "DATABASE_URL": sqlite_url.render_as_string(hide_password=False),
        }
    )
    assert not settings.data_dir.is_absolute()
    async with open_site(settings) as opened:
        yield opened


async def test_recorders_write_into_the_folder_of_the_server(site: Site, tmp_path: Path) -> None:
    recording_id = str(uuid.uuid4())
    folder = tmp_path / "data" / "recordings" / recording_id
    (folder / "tracks").mkdir(parents=True)
    put_audio(folder, "ann", 100.0, [False] * 2)
    recording = Recording(id=recording_id, room_id="r", started_by=1, started_at=int(NOW * 1000), status="processing")
    store = RecordingStore(site.application.database)
    await store.insert(recording)
    await site.application.recordings.recover()

    async def done() -> bool:
        found = await store.select(recording_id)
        return found is not None and found.status in {"ready", "failed"}

    await until(done)
    found = await store.select(recording_id)
    assert found is not None
    assert (found.status, found.error) == ("ready", "")
    assert (folder / "recording.mp4").stat().st_size == found.bytes


@pytest.mark.parametrize("variable", ["data/recordings", "films"])
def test_the_folder_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.yaml").touch()
    settings = load({"CONFIG_PATH": "empty.yaml", "AUTH_SECRET": SECRET, "RECORDINGS_DIR": variable})
    assert settings.recording.folder == tmp_path / variable


async def test_a_film_that_would_fill_the_disk_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "tracks").mkdir()
    put_audio(tmp_path, "ann", 100.0, [False] * 2)
    job = Job(task="compose", folder=str(tmp_path), max_seconds=60)
    assert await last_news(replace(job, free_floor_bytes=2**62)) == News(event="failed", code="disk_full")
    assert (await last_news(job)).event == "made"


async def last_news(job: Job) -> News:
    """Run a process to its end; return the last that it said."""
    worker = await ProcessLauncher().launch(job)
    last = News(event="size")
    while (news := await worker.news()) is not None:
        last = news
    return last
