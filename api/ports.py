"""Ports that somebody else has: who that is, and which ones to take instead."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from api.settings import Address, Settings, load

_LISTENING = "0A"
"""TCP_LISTEN in /proc/net/tcp (Linux, include/net/tcp_states.h)."""
_FURTHER = 10_000
"""8080 becomes 18080, which one recognizes."""
_LOCAL = {"localhost", "127.0.0.1", "::1"}


class RemapError(Exception):
    """The ports cannot be others; the message is one line for the operator."""


class Place(NamedTuple):
    """Where one part listens: `wanted` is the port that was asked for, `holder` who has it."""

    part: str
    wanted: int
    port: int
    holder: str | None


def holder(port: int, proc: Path = Path("/proc")) -> str | None:
    """Return who listens on a TCP port, as `name (pid 1234)`, where this system lets one see it."""
    sockets = {f"socket:[{inode}]" for inode in _listeners(port, proc)}
    if not sockets:
        return None
    for process in sorted(proc.glob("[0-9]*"), key=lambda path: int(path.name)):
        try:
            if any(os.readlink(descriptor) in sockets for descriptor in (process / "fd").iterdir()):
                return f"{(process / 'comm').read_text().strip()} (pid {process.name})"
        except OSError:  # of somebody else, or ended meanwhile
            continue
    return None


def _listeners(port: int, proc: Path) -> Iterator[str]:
    for table in ("tcp", "tcp6"):
        try:
            lines = (proc / "net" / table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == _LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                yield fields[9]


def remapped(environ: Mapping[str, str] | None = None) -> tuple[Settings, list[Place]]:
    """Load the settings with free ports in place of busy ones, and all that names them changed too.

    Raises `SettingsError`, `RemapError`, `PortInUse` (for another reason than being in use).
    """
    settings = load(environ)
    if settings.production:
        raise RemapError("--remap is for development: in production a proxy leads to fixed ports")
    http = _place("web client and API", settings.listen, taken=set())
    gateway = _place("signaling", settings.gateway_listen, taken={http.port})
    changes = {
        "SERVER_ADDR": _text(settings.listen.host, http.port),
        "GATEWAY_ADDR": _text(settings.gateway_listen.host, gateway.port),
        "BASE_URL": _moved(settings.tree.server.base_url, http),
        "GATEWAY_URL": _moved(settings.tree.gateway.url, gateway),
    }
    given = {name: value for name, value in changes.items() if value}
    return load(environ, changes=given), [http, gateway]


def table(places: list[Place]) -> str:
    """Return what runs where, for people."""
    rows = [("", "port", "instead of", "held by")]
    for place in places:
        moved = place.port != place.wanted
        rows.append(
            (place.part, str(place.port), str(place.wanted) if moved else "", (place.holder or "?") if moved else "")
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _place(part: str, address: Address, taken: set[int]) -> Place:
    if address.port not in taken and _is_free(address):
        return Place(part, address.port, address.port, None)
    for port in itertools.chain(range(min(address.port + _FURTHER, 60_000), 65_536), range(1024, 60_000)):
        if port not in taken and _is_free(Address(address.host, port)):
            return Place(part, address.port, port, holder(address.port))
    raise RemapError("there is no free port at all")


def _is_free(address: Address) -> bool:
    from api.server import PortInUse, bind

    try:
        bind(address, "--remap").close()
    except PortInUse as error:
        if not error.busy:
            raise
        return False
    return True


def _text(host: str | None, port: int) -> str:
    return f"[{host}]:{port}" if host and ":" in host else f"{host or ''}:{port}"


def _moved(url: str, place: Place) -> str:
    """Return a URL of this machine with the port that a part has now; others stay as they are."""
    parts = urlsplit(url)
    if parts.port != place.wanted or parts.hostname not in _LOCAL:
        return url
    return parts._replace(netloc=f"{parts.netloc.rpartition(':')[0]}:{place.port}").geturl()
