"""The check of TURN servers, against real ones: what works, and each cause by its name."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest
import pytest_asyncio

from signaling.turn.causes import Cause, TurnFailure
from signaling.turn.client import allocation
from signaling.turn.credentials import credential
from signaling.turn.probe import TurnProbe, UrlReport
from signaling.turn.settings import TurnSettings
from signaling.turn.urls import parse_turn_url
from tests.coturn import SECRET, Coturn, StartCoturn

TRANSPORTS = ["udp", "tcp", "tls"]
SOON = 1.0
"""Seconds after which a step of the check gives up where the test is about silence."""


def settings(server: Coturn, transport: str, **changes: Any) -> TurnSettings:
    given: dict[str, Any] = {
        "urls": (parse_turn_url(server.url(transport)),),
        "secret": SECRET,
        "ca_file": server.ca_file,
    }
    return TurnSettings(**(given | changes))


async def check(chosen: TurnSettings, **options: Any) -> UrlReport:
    (url,) = chosen.urls
    return await TurnProbe(chosen, **options).check(url)


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Ask again and again until the condition holds."""
    async with asyncio.timeout(20):
        while True:
            if await condition():
                return
            await asyncio.sleep(0.05)


def assert_failed(report: UrlReport, cause: Cause) -> None:
    assert (report.ok, report.cause, report.hint) == (False, cause.code, cause.hint), report
    assert report.detail
    assert report.round_trip_ms is None


@pytest_asyncio.fixture(autouse=True)
async def nothing_is_left_behind() -> AsyncIterator[None]:
    """Fail a test that leaves a task running."""
    before = asyncio.all_tasks()
    yield

    async def all_done() -> bool:
        return all(task.done() for task in asyncio.all_tasks() - before - {asyncio.current_task()})

    await until(all_done)


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port where datagrams and connections arrive, and nobody answers."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
        udp.bind(("127.0.0.1", 0))
        port = udp.getsockname()[1]
        tcp.bind(("127.0.0.1", port))
        tcp.listen()
        yield port


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_data_goes_from_relay_to_relay_and_back(coturn: Coturn, transport: str) -> None:
    report = await check(settings(coturn, transport))
    assert report.ok, report
    assert (report.url, report.transport) == (coturn.url(transport), transport)
    assert (report.cause, report.hint, report.detail) == (None, None, None)
    assert report.allocate_ms is not None
    assert report.round_trip_ms is not None
    assert 0 < report.allocate_ms + report.round_trip_ms < report.total_ms


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_check_gives_its_relays_back(start_coturn: StartCoturn, transport: str) -> None:
    server = start_coturn("allow-loopback-peers", "total-quota=2")
    assert (await check(settings(server, transport))).ok

    async def has_room_again() -> bool:
        return (await check(settings(server, transport))).ok

    await until(has_room_again)  # coturn lingers a moment over UDP, but far less than the 10 minutes of a relay


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_another_secret(coturn: Coturn, transport: str) -> None:
    assert_failed(await check(settings(coturn, transport, secret="another")), Cause.BAD_SECRET)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_clock_that_is_an_hour_behind(coturn: Coturn, transport: str) -> None:
    report = await check(settings(coturn, transport), clock=lambda: time.time() - 3600)
    assert_failed(report, Cause.EXPIRED)


async def test_a_certificate_of_an_unknown_authority(coturn: Coturn) -> None:
    assert_failed(await check(settings(coturn, "tls", ca_file=None)), Cause.TLS_NOT_TRUSTED)


async def test_a_certificate_for_another_name(coturn: Coturn) -> None:
    url = parse_turn_url(f"turns:127.0.0.2:{coturn.tls_port}")
    server = await asyncio.start_server(_pipe_to(coturn.tls_port), "127.0.0.2", coturn.tls_port)
    async with server:
        assert_failed(await check(settings(coturn, "tls", urls=(url,))), Cause.TLS_NOT_TRUSTED)


def _pipe_to(port: int) -> Any:
    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        onward, back = await asyncio.open_connection("127.0.0.1", port)

        async def copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
            while data := await source.read(65536):
                target.write(data)
            target.close()

        await asyncio.gather(copy(reader, back), copy(onward, writer), return_exceptions=True)

    return pipe


async def test_a_port_without_tls() -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH_9.2\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        url = parse_turn_url(f"turns:127.0.0.1:{server.sockets[0].getsockname()[1]}")
        assert_failed(await check(TurnSettings(urls=(url,), secret=SECRET)), Cause.TLS_FAILED)


@pytest.mark.parametrize("scheme", ["turn:{}?transport=udp", "turn:{}?transport=tcp", "turns:{}"])
async def test_nobody_listens(scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    url = parse_turn_url(scheme.format(f"127.0.0.1:{port}"))
    report = await check(TurnSettings(urls=(url,), secret=SECRET))
    assert_failed(report, Cause.UNREACHABLE)
    assert report.detail == "connection refused"  # at once, not after a timeout


@pytest.mark.parametrize("scheme", ["turn:{}?transport=udp", "turn:{}?transport=tcp", "turns:{}"])
async def test_nobody_answers(silent_port: int, scheme: str) -> None:
    url = parse_turn_url(scheme.format(f"127.0.0.1:{silent_port}"))
    report = await check(TurnSettings(urls=(url,), secret=SECRET), step_timeout=SOON)
    assert_failed(report, Cause.UNREACHABLE)
    assert report.detail == "no answer in 1 s"


async def test_a_server_that_hangs_up() -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with server:
        url = parse_turn_url(f"turn:127.0.0.1:{server.sockets[0].getsockname()[1]}?transport=tcp")
        assert_failed(await check(TurnSettings(urls=(url,), secret=SECRET)), Cause.UNREACHABLE)


async def test_a_name_that_does_not_exist() -> None:
    url = parse_turn_url("turn:turn.invalid")
    assert_failed(await check(TurnSettings(urls=(url,), secret=SECRET)), Cause.UNREACHABLE)


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("quota", ["user-quota=1", "total-quota=1"])
async def test_a_quota(start_coturn: StartCoturn, transport: str, quota: str) -> None:
    server = start_coturn("allow-loopback-peers", quota)
    assert_failed(await check(settings(server, transport)), Cause.QUOTA)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_peer_that_is_denied(start_coturn: StartCoturn, transport: str) -> None:
    server = start_coturn("allow-loopback-peers", "denied-peer-ip=127.0.0.0-127.255.255.255")
    assert_failed(await check(settings(server, transport)), Cause.DENIED_PEER)


async def test_a_relay_behind_which_nothing_arrives(start_coturn: StartCoturn) -> None:
    # 192.0.2.1 (TEST-NET-1) is what a wrong external-ip looks like: relays are given out, and lead nowhere.
    server = start_coturn("allow-loopback-peers", "external-ip=192.0.2.1")
    assert_failed(await check(settings(server, "udp"), step_timeout=SOON), Cause.NO_DATA)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_credentials_are_worth_nothing_when_their_time_is_over(coturn: Coturn, transport: str) -> None:
    chosen = settings(coturn, transport)
    (url,) = chosen.urls
    tls = TurnProbe(chosen).tls
    expiry = int(time.time()) + 2
    kept = credential(SECRET, "someone", expiry)
    async with allocation(url, kept, tls, within=5) as relay:
        assert relay.address[0] == coturn.host

    async def is_refused() -> bool:
        try:
            async with allocation(url, kept, tls, within=5):
                return False
        except TurnFailure as failure:
            return failure.cause is Cause.BAD_SECRET

    await until(is_refused)
    assert time.time() >= expiry


async def test_nobody_can_make_credentials_last_longer(coturn: Coturn) -> None:
    chosen = settings(coturn, "udp")
    made = credential(SECRET, "someone", int(time.time()) + 60)
    forged = type(made)(made.username.replace(":", "0:", 1), made.password)
    with pytest.raises(TurnFailure, match="bad_secret"):
        async with allocation(chosen.urls[0], forged, TurnProbe(chosen).tls, within=5):
            pytest.fail("the forged credential works")


async def test_a_check_can_be_cancelled_at_any_moment(coturn: Coturn) -> None:
    chosen = settings(coturn, "tls")
    for pause in range(0, 40, 2):
        task = asyncio.ensure_future(check(chosen))
        for _ in range(pause):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
