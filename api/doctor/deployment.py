"""The deployment that the doctor looks at: what is known of it beforehand, and what its checks find out."""

from __future__ import annotations

import ssl
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from api.doctor.findings import Fault
from api.doctor.http import Place
from api.settings import Settings, SettingsError, load

if TYPE_CHECKING:
    from collections.abc import Callable

    from api.app import Application
    from api.doctor.seen import Seen
    from signaling.turn.urls import TurnUrl

_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}


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
        self.expected = frozenset(expected)
        self.ca_file = ca_file
        self.trust = _trust(ca_file)
        self._settings, self.problem = _load()
        known = self._settings.base_url if self._settings is not None else None
        if url is None and known is None:
            raise NoDeployment(f"{self.problem} (or name the deployment with --url)")
        self._parts = urlsplit(_checked(url or str(known)))
        self.secure = self._parts.scheme == "https"
        self.host = self._parts.hostname or ""
        self.port = self._parts.port or _PORTS[self._parts.scheme]
        self.origin = f"{self._parts.scheme}://{self._parts.netloc}"
        self.addresses: list[str] = []
        """Those of the name, as far as they can be reached from here."""
        self.seen: Seen | None = None
        """What the server said last."""
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

    def socket_place(self) -> Place:
        """Return where browsers open sockets."""
        beside = f"wss://{self._parts.netloc}" if self.secure else self.settings.ws_url("x", self._parts.netloc)
        parts = urlsplit(self.settings.tree.gateway.url or beside)
        host = parts.hostname or ""
        address = self.addresses[0] if host == self.host else host
        return Place(address, parts.port or _PORTS[parts.scheme], host, self.trust if parts.scheme == "wss" else None)

    async def close(self) -> None:
        """Let go of the database."""
        if self._application is not None:
            await self._application.stop()


def _load() -> tuple[Settings | None, str | None]:
    try:
        return load(create_secret=False), None
    except SettingsError as error:
        return None, str(error)


def _trust(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise NoDeployment(f"--ca-file: {ca_file} holds no certificates ({error.strerror or error})") from None


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
        good = parts.scheme in {"http", "https"} and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        good = False
    if not good or "@" in parts.netloc or parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise NoDeployment(f"--url: {url!r} is not the address of a deployment, such as https://call.example.org")
    return url
