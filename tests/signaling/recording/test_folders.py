"""Which folders are recordings'."""

from __future__ import annotations

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
