"""Addresses of TURN servers (RFC 7065)."""

from __future__ import annotations

import re
from typing import Literal

from msgspec import Struct

Transport = Literal["udp", "tcp", "tls"]
"""How a client reaches the server; what is relayed always travels over UDP."""

DEFAULT_PORT = 3478
DEFAULT_TLS_PORT = 5349
_URL = re.compile(
    r"(?P<scheme>turns?):(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?"
    r"(?:\?transport=(?P<transport>udp|tcp))?",
    re.ASCII,
)


class TurnUrl(Struct, frozen=True):
    """Where a TURN server listens; `text` is the address as it was given."""

    text: str
    host: str
    port: int
    transport: Transport


def parse_turn_url(text: str) -> TurnUrl:
    """Read `turn:host[:port][?transport=udp|tcp]` or `turns:host[:port][?transport=tcp]`. Raises `ValueError`."""
    match = _URL.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not an address such as turn:turn.example.org:3478?transport=udp")
    tls = match["scheme"] == "turns"
    if tls and match["transport"] == "udp":
        raise ValueError(f"{text!r}: turns: goes over TCP; write ?transport=tcp")
    port = int(match["port"] or (DEFAULT_TLS_PORT if tls else DEFAULT_PORT))
    if not 0 < port < 65536:
        raise ValueError(f"{text!r} has no port from 1 to 65535")
    transport: Transport = "tls" if tls else "tcp" if match["transport"] == "tcp" else "udp"
    return TurnUrl(text, match["host"].strip("[]"), port, transport)
