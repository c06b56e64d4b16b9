"""Ports that somebody else has: who that is, and which ones to take instead."""

from __future__ import annotations

import ipaddress
import itertools
import os
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from api.settings import Address, Settings, load

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

_LISTENING = "0A"
"""TCP_LISTEN in /proc/net/tcp (Linux, include/net/tcp_states.h)."""
_FURTHER = 10_000
"""8080 becomes 18080, which one recognizes."""
_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}
_LOCAL = {"localhost", "127.0.0.1", "::1"}


class RemapError(Exception):
    """The ports cannot be others; the message is one line for the operator."""


class Place(NamedTuple):
    """Where one part listens: `wanted` is the port that was asked for, `holder` who has it."""

    part: str
    wanted: int
    port: int
    holder: str | None


def holder(address: Address, proc: Path = Path("/proc")) -> str | None:
    """Return who listens where one wants to, as `name (pid 1234)`, where this system lets one see it."""
    sockets = {f"socket:[{inode}]" for inode in _listeners(address, proc)}
    if not sockets:
        return None
    for process in sorted(proc.glob("[0-9]*"), key=lambda path: int(path.name)):
        try:
            if any(_target(descriptor) in sockets for descriptor in (process / "fd").iterdir()):
                return f"{(process / 'comm').read_text().strip()} (pid {process.name})"
        except OSError:  # of somebody else, or ended meanwhile
            continue
    return None


def _target(descriptor: Path) -> str:
    try:
        return os.readlink(descriptor)
    except OSError:  # closed meanwhile, which says nothing about the others
        return ""


def _listeners(address: Address, proc: Path) -> Iterator[str]:
    for table in ("tcp", "tcp6"):
        try:
            lines = (proc / "net" / table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            host, _, port = fields[1].rpartition(":")
            if fields[3] == _LISTENING and int(port, 16) == address.port and _meet(_ip(host), address.host):
                yield fields[9]


def _ip(text: str) -> IpAddress:
    """Read an address of /proc/net/tcp: words of four bytes, each in the order of this machine."""
    words = struct.unpack(f"!{len(text) // 8}I", bytes.fromhex(text))
    found = ipaddress.ip_address(struct.pack(f"={len(words)}I", *words))
    return getattr(found, "ipv4_mapped", None) or found


def _meet(listening: IpAddress, host: str | None) -> bool:
    """Tell whether one who listens there is in the way of one who wants to; a name may be any address."""
    try:
        wanted = ipaddress.ip_address(host or "::")
    except ValueError:
        return True
    return listening.is_unspecified or wanted.is_unspecified or listening == wanted


def remapped(environ: Mapping[str, str] | None = None) -> tuple[Settings, list[Place]]:
    """Load the settings with free ports in place of busy ones; `BASE_URL` and `GATEWAY_URL` of this machine follow.

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
    if address.port == 0 or (address.port not in taken and _is_free(address)):  # 0 is whatever is free
        return Place(part, address.port, address.port, None)
    for port in itertools.chain(range(min(address.port + _FURTHER, 60_000), 65_536), range(1024, 60_000)):
        if port not in taken and _is_free(Address(address.host, port)):
            return Place(part, address.port, port, holder(address))
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
    if (parts.port or _PORTS.get(parts.scheme)) != place.wanted or parts.hostname not in _LOCAL:
        return url
    name = parts.netloc if parts.port is None else parts.netloc.rpartition(":")[0]
    return parts._replace(netloc=f"{name}:{place.port}").geturl()
