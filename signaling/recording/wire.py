"""What the server and a recorder's process say to each other: lines of JSON on its standard input and output."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import Struct

TRACKS = "tracks"
"""The folder of the tracks in a recording's folder."""
FILM = "recording.mp4"
TRIES = "tries"
"""Holds one byte for each time that the film could not be made."""


class Job(Struct, frozen=True, kw_only=True):
    """The first line to the process: what to do. Nothing in it is secret, nothing stands in the command line."""

    task: Literal["record", "compose"]
    folder: str
    url: str = ""
    display_name: str = ""
    free_floor_bytes: int = 0
    max_bytes: int = 0
    max_seconds: float = 0.0
    alone_seconds: float = 10.0


class Order(Struct, frozen=True, omit_defaults=True):
    """Any later line to the process: the ticket that it asked for, or the order to stop."""

    ticket: str = ""
    stop: bool = False


class News(Struct, frozen=True, omit_defaults=True):
    """A line from the process."""

    event: Literal["ticket_wanted", "joined", "size", "ended", "progress", "made", "failed"]
    bytes: int = 0
    progress: float = 0.0
    duration_ms: int = 0
    code: str = ""


def line(message: Job | Order | News) -> bytes:
    """Return the line that carries a message."""
    return msgspec.json.encode(message) + b"\n"
