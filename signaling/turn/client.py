"""One allocation on a TURN server. The only module that knows aioice.

aioice's transport reports errors of a channel binding late and elsewhere, so its protocol classes are driven directly.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from aioice import stun
from aioice.turn import (
    DEFAULT_ALLOCATION_LIFETIME,
    DEFAULT_CHANNEL_REFRESH_TIME,
    TurnClientTcpProtocol,
    TurnClientUdpProtocol,
)

from signaling.turn.causes import Cause, TurnFailure
from signaling.turn.credentials import Credential
from signaling.turn.urls import TurnUrl

T = TypeVar("T")
Address = tuple[str, int]

_CLOSE_TIMEOUT_S = 1.0
_FORBIDDEN = 403
_CAUSES = {401: Cause.BAD_SECRET, 486: Cause.QUOTA, 508: Cause.QUOTA}
"""Error codes of RFC 8489 §14.8 and RFC 8656 §19."""


class Allocation:
    """A relayed address on a TURN server (RFC 8656 §3.2)."""

    def __init__(self, client: TurnClientTcpProtocol | TurnClientUdpProtocol, inbox: _Inbox) -> None:
        self._client = client
        self._inbox = inbox
        self.address: Address = ("", 0)

    async def allocate(self) -> None:
        """Ask the server for a relayed address (§7). Raises `TurnFailure`."""
        self.address = await self._ask(self._client.connect())

    async def send(self, data: bytes, peer: Address) -> None:
        """Send through the relay, after binding a channel to the peer if there is none (§12). Raises `TurnFailure`."""
        await self._ask(self._client.send_data(data, peer), forbidden=Cause.DENIED_PEER)

    async def receive(self) -> bytes:
        """Return the next datagram that came to the relayed address from a permitted peer."""
        return await self._inbox.packets.get()

    async def give_back(self) -> None:
        """Delete the allocation (§8) and close the connection, within a second."""
        with contextlib.suppress(TimeoutError, ConnectionError, stun.TransactionError):
            async with asyncio.timeout(_CLOSE_TIMEOUT_S):
                await self._client.delete()
                await asyncio.shield(self._inbox.lost)
        self.abort()

    def abort(self) -> None:
        """Cut the connection; the server forgets the allocation when its time is over."""
        if self._client.refresh_task is not None:
            self._client.refresh_task.cancel()
        self._client.transport.abort()

    async def _ask(self, work: Coroutine[Any, Any, T], *, forbidden: Cause = Cause.FAILED) -> T:
        """Do something unless the connection ends before."""
        task = asyncio.ensure_future(work)
        ends: set[asyncio.Future[Any]] = {task, self._inbox.lost}
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                lost = self._inbox.lost.result()
                raise TurnFailure(
                    Cause.UNREACHABLE, "the server closed the connection" if lost is None else _in_words(lost)
                )
            return task.result()
        except (stun.TransactionError, OSError) as error:
            raise _failure(error, forbidden) from error
        finally:
            task.cancel()


@asynccontextmanager
async def allocation(
    url: TurnUrl, given: Credential, tls: ssl.SSLContext, *, within: float
) -> AsyncIterator[Allocation]:
    """Have an allocation for the length of a block; granted `within` so many seconds. Raises `TurnFailure`."""
    try:
        async with asyncio.timeout(within):
            made = await _connect(url, given, tls)
            try:
                await made.allocate()
            except BaseException:
                made.abort()
                raise
    except TimeoutError:
        raise TurnFailure(Cause.UNREACHABLE, f"no answer in {within:g} s") from None
    except OSError as error:  # ssl.SSLError is one, TimeoutError too
        raise _failure(error) from error
    try:
        yield made
    except asyncio.CancelledError:
        made.abort()
        raise
    except BaseException:
        await made.give_back()
        raise
    await made.give_back()


async def _connect(url: TurnUrl, given: Credential, tls: ssl.SSLContext) -> Allocation:
    loop = asyncio.get_running_loop()
    inbox = _Inbox()
    client: _TcpClient | _UdpClient
    if url.transport == "udp":
        _, client = await loop.create_datagram_endpoint(
            lambda: _UdpClient(url, given, inbox), remote_addr=(url.host, url.port)
        )
    else:
        _, client = await loop.create_connection(
            lambda: _TcpClient(url, given, inbox), url.host, url.port, ssl=tls if url.transport == "tls" else None
        )
    return Allocation(client, inbox)


def _failure(error: Exception, forbidden: Cause = Cause.FAILED) -> TurnFailure:
    detail = str(error) or type(error).__name__
    match error:
        case stun.TransactionFailed(response=response):
            code, reason = response.attributes.get("ERROR-CODE", (0, ""))
            cause = forbidden if code == _FORBIDDEN else _CAUSES.get(code, Cause.FAILED)
            return TurnFailure(cause, f"{code} {reason}")
        case ssl.SSLCertVerificationError():
            return TurnFailure(Cause.TLS_NOT_TRUSTED, error.verify_message)
        case ssl.SSLError():
            return TurnFailure(Cause.TLS_FAILED, detail)
    return TurnFailure(Cause.UNREACHABLE, _in_words(error))


def _in_words(error: Exception) -> str:
    """Return what happened without numbers and Python's notation, as far as the system has a name for it."""
    if isinstance(error, OSError) and error.errno is not None and error.errno > 0:  # those of getaddrinfo(3) are below
        return os.strerror(error.errno).lower()
    return str(error) or type(error).__name__


class _Inbox(asyncio.DatagramProtocol):
    """What comes out of the relay, and the end of the connection to it."""

    def __init__(self) -> None:
        self.packets: asyncio.Queue[bytes] = asyncio.Queue()
        self.lost: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        self.packets.put_nowait(data)

    def error_received(self, exc: Exception) -> None:
        self.connection_lost(exc)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.lost.done():
            self.lost.set_result(exc)


class _TcpClient(TurnClientTcpProtocol):
    def __init__(self, url: TurnUrl, given: Credential, inbox: _Inbox) -> None:
        super().__init__((url.host, url.port), given.username, given.password, *_LIFETIMES)
        self.receiver = inbox


class _UdpClient(TurnClientUdpProtocol):
    def __init__(self, url: TurnUrl, given: Credential, inbox: _Inbox) -> None:
        super().__init__((url.host, url.port), given.username, given.password, *_LIFETIMES)
        self._inbox = inbox
        self.receiver = inbox

    def error_received(self, exc: Exception) -> None:
        """Learn from ICMP that nobody listens, instead of waiting for an answer."""
        self._inbox.error_received(exc)


_LIFETIMES = (DEFAULT_ALLOCATION_LIFETIME, DEFAULT_CHANNEL_REFRESH_TIME)
