"""A disk that is soon full: memory with a size, mounted for a test."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """Have a disk of this size at a folder; skips the test where one may not mount."""
    folder.mkdir(parents=True, exist_ok=True)
    options = f"size={megabytes * 1_000_000}"
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"cannot mount a small disk: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True, capture_output=True)


def fill(folder: Path) -> Path:
    """Fill the disk to its last byte; return the file that does."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        size = os.statvfs(folder)
        piece = b"\0" * size.f_bsize
        try:
            while True:
                file.write(piece)
        except OSError:
            return filler
