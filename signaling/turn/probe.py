"""Check TURN servers the way a call uses them: two relays on each, and data from one to the other."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import ssl
import time
from collections.abc import Callable

from msgspec import Struct

from signaling.turn.causes import Cause, TurnFailure
from signaling.turn.client import Allocation, allocation
from signaling.turn.credentials import Credential, credential
from signaling.turn.settings import TurnSettings
from signaling.turn.urls import Transport, TurnUrl

STEP_TIMEOUT_S = 5.0
_RESEND_S = 0.5
_USER = "check"
_FAR_AHEAD_S = 5 * 365 * 86400


class UrlReport(Struct, frozen=True, kw_only=True):
    """How one address did; times in milliseconds, None for what was not reached."""

    url: str
    transport: Transport
    ok: bool
    total_ms: float
    allocate_ms: float | None = None
    """From the first packet to the first relayed address."""
    round_trip_ms: float | None = None
    """From relay to relay and back."""
    cause: str | None = None
    hint: str | None = None
    detail: str | None = None


class TurnProbe:
    """Check the configured TURN servers. `clock` gives seconds since 1970 UTC."""

    def __init__(
        self,
        settings: TurnSettings,
        *,
        clock: Callable[[], float] = time.time,
        step_timeout: float = STEP_TIMEOUT_S,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._step_timeout = step_timeout
        self.tls = ssl.create_default_context()
        if settings.ca_file is not None:
            self.tls.load_verify_locations(settings.ca_file)

    async def check(self, url: TurnUrl, given: Credential | None = None) -> UrlReport:
        """Allocate twice, send data from relay to relay and back. Takes six steps of `step_timeout` at most.

        With a credential that was given out by a server, or one made for the purpose.
        """
        started = _now_ms()
        given = given or self._credential(self._settings.ttl.total_seconds())
        try:
            allocated, round_trip = await self._relay(url, given)
        except TurnFailure as failure:
            cause = await self._refined(url, failure.cause)
            return UrlReport(
                url=url.text,
                transport=url.transport,
                ok=False,
                total_ms=_now_ms() - started,
                cause=cause.code,
                hint=cause.hint,
                detail=failure.detail,
            )
        return UrlReport(
            url=url.text,
            transport=url.transport,
            ok=True,
            total_ms=_now_ms() - started,
            allocate_ms=allocated - started,
            round_trip_ms=round_trip,
        )

    async def _relay(self, url: TurnUrl, given: Credential) -> tuple[float, float]:
        async with self._allocation(url, given) as first:
            allocated = _now_ms()
            async with self._allocation(url, given) as second:
                return allocated, await self._round_trip(first, second)

    async def _round_trip(self, first: Allocation, second: Allocation) -> float:
        try:
            async with asyncio.timeout(self._step_timeout):
                # Each side must let the other in before data passes; what is sent to do so may be lost.
                await first.send(b"open", second.address)
                await second.send(b"open", first.address)
                started = _now_ms()
                await _deliver(first, second)
                await _deliver(second, first)
                return _now_ms() - started
        except TimeoutError:
            raise TurnFailure(Cause.NO_DATA, f"nothing came through in {self._step_timeout:g} s") from None

    async def _refined(self, url: TurnUrl, cause: Cause) -> Cause:
        """Tell an expired credential from a wrong secret; the server gives 401 for both."""
        if cause is Cause.BAD_SECRET:
            try:
                async with self._allocation(url, self._credential(_FAR_AHEAD_S)):
                    return Cause.EXPIRED
            except TurnFailure:
                pass
        return cause

    def _credential(self, ttl: float) -> Credential:
        return credential(self._settings.secret, _USER, int(self._clock() + ttl))

    def _allocation(self, url: TurnUrl, given: Credential) -> contextlib.AbstractAsyncContextManager[Allocation]:
        return allocation(url, given, self.tls, within=self._step_timeout)


async def _deliver(source: Allocation, target: Allocation) -> None:
    """Send until it arrives: datagrams may be lost."""
    token = secrets.token_bytes(16)
    arrived = asyncio.ensure_future(_await_packet(target, token))
    try:
        while not arrived.done():
            await source.send(token, target.address)
            await asyncio.wait({arrived}, timeout=_RESEND_S)
    finally:
        arrived.cancel()


async def _await_packet(target: Allocation, token: bytes) -> None:
    while await target.receive() != token:
        pass


def _now_ms() -> float:
    return time.perf_counter() * 1000
