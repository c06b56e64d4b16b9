"""Settings of the recordings."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from msgspec import Struct


class RecordingSettings(Struct, frozen=True, kw_only=True):
    """Where recordings lie and how much of everything they may take."""

    folder: Path
    """Absolute: recorders run elsewhere."""
    secret: str
    """What the keys of tickets and links are derived from."""
    gateway_url: str
    """Where the recorder reaches the gateway of this server, such as `ws://127.0.0.1:8081`."""
    quota_bytes: int = 20 * 1024**3
    """What all recordings together may take."""
    free_floor_bytes: int = 512 * 1024**2
    """What recorders leave free on the disk. Films may take half of that, so that a full disk still gets its film."""
    retention: timedelta = timedelta(hours=720)
    max_active: int = 2
    """How many may be recorded or put together at once."""
    max_per_user: int = 200
    max_length: timedelta = timedelta(hours=8)
    alone_after: timedelta = timedelta(seconds=10)
    """How long the recorder stays in a room without people."""
    stop_timeout: timedelta = timedelta(seconds=1.5)
    """How long recorders may take to close their files when the server stops."""

    def __repr__(self) -> str:
        return f"RecordingSettings(folder={str(self.folder)!r}, …)"
