"""Which folders are recordings'."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

import pytest

from signaling.recording.folders import Folders, is_recording_id


def test_an_id_is_written_in_one_way() -> None:
    recording_id = str(uuid.uuid4())
    assert is_recording_id(recording_id)
    for text in (recording_id.upper(), f"{{{recording_id}}}", recording_id.replace("-", ""), "", "..", "/", "r1"):
        assert not is_recording_id(text), text


@pytest.mark.parametrize("name", ["", ".", "..", "tracks"])
async def test_what_is_no_id_is_not_there_and_stays(tmp_path: Path, name: str) -> None:
    (tmp_path / "root" / "tracks").mkdir(parents=True)
    folders = Folders(tmp_path / "root")
    assert not folders.has(name)
    await folders.delete(name)
    assert (tmp_path / "root" / "tracks").is_dir()


async def test_a_folder_is_deleted_once(tmp_path: Path) -> None:
    recording_id, folders = str(uuid.uuid4()), Folders(tmp_path)
    (tmp_path / recording_id).mkdir()
    for there in (True, False, False):
        assert folders.has(recording_id) is there
        await folders.delete(recording_id)


NOW = 1_800_000_000.0
WEEK_S = 7 * 86_400


def made(root: Path, at: float = NOW - 7200) -> str:
    """Make a recording's folder to which nothing happened since then."""
    recording_id = str(uuid.uuid4())
    (root / recording_id).mkdir()
    os.utime(root / recording_id, (at, at))
    return recording_id


async def test_what_is_unknown_for_a_week_is_a_stray(tmp_path: Path) -> None:
    folders, known, unknown = Folders(tmp_path), made(tmp_path), made(tmp_path)
    (tmp_path / "lost+found").mkdir()
    (tmp_path / str(uuid.uuid4())).symlink_to(tmp_path / "lost+found")
    assert await folders.strays({known}, NOW) == set()
    assert await folders.strays({known}, NOW + WEEK_S - 1) == set()
    assert await folders.strays({known}, NOW + WEEK_S) == {unknown}


async def test_what_is_known_again_in_between_begins_its_week_anew(tmp_path: Path) -> None:
    folders, unknown = Folders(tmp_path), made(tmp_path)
    await folders.strays((), NOW)
    await folders.strays({unknown}, NOW + 100)
    assert await folders.strays((), NOW + WEEK_S) == set()
    assert await folders.strays((), NOW + 2 * WEEK_S) == {unknown}


async def test_a_young_folder_waits_for_its_row(tmp_path: Path) -> None:
    folders, young = Folders(tmp_path), made(tmp_path, NOW - 3599)
    assert await folders.strays((), NOW) == set()
    assert list((tmp_path / young).iterdir()) == []


async def test_where_nothing_was_recorded_there_are_no_strays(tmp_path: Path) -> None:
    assert await Folders(tmp_path / "nowhere").strays((), NOW) == set()
