"""`chatter` that gives members up sooner: what half a minute shows, twenty seconds show too."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from unittest.mock import patch

from msgspec import structs

from api.cli import main
from api.settings import Settings, load

RESUME_WINDOW = timedelta(seconds=20)
PING_INTERVAL = timedelta(seconds=3)
PONG_TIMEOUT = timedelta(seconds=2)


def load_impatient(**options: Any) -> Settings:
    """Read the settings as ever, but for what no variable sets."""
    settings = load(**options)
    signaling = structs.replace(
        settings.signaling, resume_window=RESUME_WINDOW, ping_interval=PING_INTERVAL, pong_timeout=PONG_TIMEOUT
    )
    return structs.replace(settings, signaling=signaling)


if __name__ == "__main__":
    with patch("api.console.load", load_impatient):
        main()
