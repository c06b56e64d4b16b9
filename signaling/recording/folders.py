"""The folders of recordings on this node, each named by the id of its recording."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import uuid
from collections.abc import Collection
from pathlib import Path

_MARK = "unknown"
_YOUNG_S = 3600.0
_STRAY_AFTER_S = 7 * 86_400.0


def is_recording_id(text: str) -> bool:
    """Tell whether this is how a recording's id is written; only then it may stand in a path."""
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


class Folders:
    """Find and delete the folders below `root`. What is not named by an id is somebody else's, and left alone."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def has(self, recording_id: str) -> bool:
        """Tell whether files of a recording are here."""
        return is_recording_id(recording_id) and (self._root / recording_id).is_dir()

    async def delete(self, recording_id: str) -> None:
        """Delete the files of a recording. Idempotent."""
        if is_recording_id(recording_id):
            with contextlib.suppress(FileNotFoundError):
                await asyncio.to_thread(shutil.rmtree, self._root / recording_id)

    async def strays(self, known: Collection[str], now: float) -> set[str]:
        """Return the recordings that have been unknown for a week; `now` in seconds since 1970 UTC.

        A mark in the folder tells since when. It goes when the recording is known again: a database may have been
        restored, or been another for a while.
        """
        return await asyncio.to_thread(self._strays, known, now)

    def _strays(self, known: Collection[str], now: float) -> set[str]:
        found = set()
        for folder in self._all():
            mark = folder / _MARK
            if folder.name in known:
                mark.unlink(missing_ok=True)
            elif mark.exists():
                if mark.stat().st_mtime <= now - _STRAY_AFTER_S:
                    found.add(folder.name)
            elif folder.stat().st_mtime <= now - _YOUNG_S:  # else its row may not have been written yet
                mark.touch()
                os.utime(mark, (now, now))
        return found

    def _all(self) -> list[Path]:
        with contextlib.suppress(FileNotFoundError):
            return [folder for folder in self._root.iterdir() if self.has(folder.name) and not folder.is_symlink()]
        return []
