"""The server that takes the load, through its HTTP API: sign in, make rooms, delete them."""

from __future__ import annotations

import asyncio
import http.client
import ipaddress
import json
import secrets
import socket
import ssl
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import SplitResult, urlsplit

_TIMEOUT_S = 10
_PATIENCE = 5
_LONGEST_WAIT_S = 30
DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}


class LoadError(Exception):
    """Why there is no test; the message is one line for the operator."""


class _Answer(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: dict[str, Any]

    @property
    def retry_after_s(self) -> int:
        """How long to wait before asking again."""
        said = self.headers.get("Retry-After", "")
        return int(said) if said.isdecimal() else 1


class Room(NamedTuple):
    """A room of the test."""

    id: str
    socket_url: str


class Target:
    """A deployment at a public URL. `open` signs in; `close` signs out."""

    def __init__(self, url: str, ca_file: str | None = None, gateway_host: str | None = None) -> None:
        self._parts = split_address(url)
        self._gateway_host = gateway_host or self.host
        self.origin = f"{self._parts.scheme}://{self._parts.netloc}"
        self.tls = trust_in(ca_file) if self._parts.scheme == "https" else None
        self._device = f"load-{secrets.token_hex(8)}"
        self._bearer: dict[str, str] = {}

    @property
    def host(self) -> str:
        """The host's name or address."""
        return self._parts.hostname or ""

    @property
    def is_this_machine(self) -> bool:
        """Whether the load would stay on this machine."""
        return _is_loopback(self.host)

    async def open(self, user: str, password: str) -> None:
        """Sign in. Raises `LoadError`."""
        answer = await self._ask("POST", "/auth/login", {"username": user, "password": password})
        if answer.status == HTTPStatus.UNAUTHORIZED:
            raise LoadError(f"{self.host} does not let {user} in: wrong username or password")
        if "token" not in self._checked(answer, "sign in"):
            raise LoadError(f"{self.origin} does not answer as Chatter does")
        self._bearer = {"Authorization": f"Bearer {answer.body['token']}"}

    async def make_room(self, members: int, name: str = "Load test") -> Room:
        """Make a room that admits guests. Raises `LoadError`."""
        body = {"name": name, "guestsAllowed": True, "maxMembers": max(2, members), "lobby": "off"}
        made = self._checked(await self._ask("POST", "/rooms", body), "make a room")
        room = Room(str(made.get("roomId")), str(made.get("wsUrl")))
        socket_host = urlsplit(room.socket_url).hostname or ""
        if socket_host != self._gateway_host and not (self.is_this_machine and _is_loopback(socket_host)):
            await self.delete_room(room)
            raise LoadError(
                f"{self.host} sends its clients to another host, {socket_host or 'none'}; "
                "if that is yours too (GATEWAY_URL), name it with --gateway-host"
            )
        return room

    async def delete_room(self, room: Room) -> None:
        """Delete it; one that is gone already is no error. Raises `LoadError`."""
        answer = await self._ask("DELETE", f"/rooms/{room.id}")
        if answer.status != HTTPStatus.NOT_FOUND:
            self._checked(answer, "delete a room")

    async def close(self) -> None:
        """Sign out. Raises `LoadError`."""
        if self._bearer:
            self._checked(await self._ask("POST", "/auth/logout"), "sign out")

    async def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> _Answer:
        for _ in range(_PATIENCE):
            answer = await asyncio.to_thread(self._exchange, method, f"/api{path}", body)
            if answer.status != HTTPStatus.TOO_MANY_REQUESTS or answer.retry_after_s > _LONGEST_WAIT_S:
                break
            await asyncio.sleep(answer.retry_after_s)
        return answer

    def _exchange(self, method: str, path: str, body: dict[str, Any] | None) -> _Answer:
        headers = {"X-Device-ID": self._device, "Origin": self.origin, "Accept": "application/json", **self._bearer}
        if body is not None:
            headers["Content-Type"] = "application/json"
        connection = self._connection()
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            return _Answer(response.status, response.headers, _object(response.read()))
        except (OSError, http.client.HTTPException) as error:
            raise LoadError(self._trouble(error)) from None
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        port = self._parts.port or DEFAULT_PORTS[self._parts.scheme]
        if self.tls is None:
            return http.client.HTTPConnection(self.host, port, timeout=_TIMEOUT_S)
        return http.client.HTTPSConnection(self.host, port, timeout=_TIMEOUT_S, context=self.tls)

    def _checked(self, answer: _Answer, deed: str) -> dict[str, Any]:
        if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
            raise LoadError(
                f"{self.host} limits what comes from one address (429); wait {answer.retry_after_s} s, "
                "or raise LIMITS_SCALE and the proxy's limits there while you test"
            )
        if answer.status >= HTTPStatus.BAD_REQUEST:
            why = answer.body.get("error") or HTTPStatus(answer.status).phrase
            raise LoadError(f"{self.host} refused to {deed}: {answer.status} {why}")
        return answer.body

    def _trouble(self, error: Exception) -> str:
        if isinstance(error, ssl.SSLCertVerificationError):
            why = f"the certificate of {self.host} is not trusted: {error.verify_message}"
            return f"{why}; a CA of your own goes into --ca-file"
        if isinstance(error, ssl.SSLError):
            return f"{self._parts.netloc} does not speak TLS as it should ({error.reason or error}); is it http://?"
        if isinstance(error, socket.gaierror):
            return f"there is no host {self.host}"
        if isinstance(error, TimeoutError):
            return f"{self._parts.netloc} did not answer within {_TIMEOUT_S} s"
        return f"cannot reach {self._parts.netloc}: {getattr(error, 'strerror', None) or type(error).__name__}"


def split_address(url: str) -> SplitResult:
    """Take the address of a deployment apart. Raises `LoadError`."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in {"http", "https"} and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        good = False
    if not good or "@" in parts.netloc or parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise LoadError(f"{url!r} is not the address of a deployment, such as https://call.example.org")
    return parts


def trust_in(ca_file: str | None) -> ssl.SSLContext:
    """Trust these certificates, or the system's. Raises `LoadError`."""
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise LoadError(f"--ca-file: {ca_file} holds no certificates ({error.strerror or error})") from None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
