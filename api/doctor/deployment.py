"""The deployment that the doctor looks at: what is known of it beforehand, and what its checks find out."""

from __future__ import annotations

import ipaddress
import ssl
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from api.doctor.findings import Fault
from api.doctor.http import Place
from api.load.target import DEFAULT_PORTS, LoadError, split_address, trust_in
from api.settings import Settings, SettingsError, base_url_of, load

if TYPE_CHECKING:
    from collections.abc import Callable

    from api.application import Application
    from signaling.turn.urls import TurnUrl

A = TypeVar("A")
T = TypeVar("T")
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class NoDeployment(Exception):
    """The options name nothing that could be looked at; the message is one line for the operator."""


class Deployment:
    """One installation, seen from a machine that has its settings. `clock` gives seconds since 1970 UTC."""

    def __init__(
        self,
        url: str | None = None,
        *,
        ca_file: Path | None = None,
        expected: Sequence[str] = (),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.clock = clock
        self.expected = frozenset(map(_address, expected))
        self.ca_file = ca_file
        self.trust = _usable(trust_in, str(ca_file) if ca_file else None)
        self._settings, self.problem = _load()
        known = self._settings.base_url if self._settings is not None else base_url_of()
        if url is None and known is None:
            raise NoDeployment(f"{self.problem} (or name the deployment with --url)")
        self._parts = _usable(split_address, url or str(known), "--url: ")
        self.secure = self._parts.scheme == "https"
        self.host = self._parts.hostname or ""
        self.port = self._parts.port or DEFAULT_PORTS[self._parts.scheme]
        here = Place("", self.port, self.host, self.trust if self.secure else None)
        self.origin = f"{self._parts.scheme}://{here.authority}"
        """As browsers write it (RFC 6454 §6.2): in small letters, without the port that goes without saying."""
        self.addresses: list[str] = []
        """Those of the name, as far as they can be reached from here."""
        self.offsets: dict[str, float] = {}
        """By how many seconds the clock of each part is ahead of this machine's."""
        self.relays: list[TurnUrl] = []
        """The TURN addresses that work."""
        self._application: Application | None = None

    @property
    def settings(self) -> Settings:
        """The settings. Raises `Fault` where they cannot be used."""
        if self._settings is None:
            raise Fault(str(self.problem), "Mend this setting; chatter check-config shows those in force.")
        return self._settings

    @property
    def secret(self) -> str:
        """`AUTH_SECRET` as the server has it; empty where it is not known here. Raises `Fault`."""
        known = self.settings
        kept = (known.data_dir / "auth_secret").is_file()  # by a server in development
        return known.auth.secret if known.tree.auth.secret or kept else ""

    @property
    def application(self) -> Application:
        """The application put together like the server's, but not started; for its stores and services."""
        if self._application is None:
            from api.app import create_app

            self._application = create_app(self.settings, clock=self.clock)
        return self._application

    def places(self, tls: ssl.SSLContext | None = None) -> list[Place]:
        """Return where the name leads, with another way to look at certificates where one is given."""
        context = (tls or self.trust) if self.secure else None
        return [Place(address, self.port, self.host, context) for address in self.addresses]

    def socket(self, room: str) -> tuple[Place, str]:
        """Return where browsers open the socket of a room, and its path there."""
        parts = urlsplit(self._socket_url(room))
        host = parts.hostname or ""
        address = self.addresses[0] if host == self.host else host
        tls = self.trust if parts.scheme == "wss" else None
        return Place(address, parts.port or DEFAULT_PORTS[parts.scheme], host, tls), parts.path

    def _socket_url(self, room: str) -> str:
        known = self._settings
        if known is not None and (known.tree.gateway.url or not self.secure):
            return known.ws_url(room, self._parts.netloc)
        return f"ws{self.origin.removeprefix('http')}/ws/{room}"

    async def close(self) -> None:
        """Let go of the database."""
        if self._application is not None:
            await self._application.stop()


def _load() -> tuple[Settings | None, str | None]:
    try:
        return load(create_secret=False), None
    except SettingsError as error:
        return None, str(error)


def _usable(read: Callable[[A], T], given: A, option: str = "") -> T:
    try:
        return read(given)
    except LoadError as error:
        raise NoDeployment(f"{option}{error}") from None


def _address(text: str) -> Address:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        raise NoDeployment(f"--address: {text!r} is not an IP address, such as 203.0.113.7") from None
