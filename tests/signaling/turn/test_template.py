"""The shipped configuration of coturn: it runs, relays for us, and reaches nothing inside."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from signaling.turn.causes import Cause, TurnFailure
from signaling.turn.client import allocation
from signaling.turn.credentials import credential
from signaling.turn.probe import TurnProbe
from signaling.turn.settings import TurnSettings
from signaling.turn.urls import parse_turn_url
from tests.coturn import SECRET, Coturn, StartCoturn

TEMPLATE = Path(__file__).resolve().parents[3] / "infra" / "coturn" / "turnserver.conf"
OF_THE_PLACE = {
    "static-auth-secret",
    "realm",
    "listening-port",
    "tls-listening-port",
    "cert",
    "pkey",
    "min-port",
    "max-port",
    "log-file",
}
"""Settings that the test's server has in its own way."""
INSIDE = [
    "0.0.0.1",
    "10.1.2.3",
    "100.64.0.1",
    "127.0.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.254",
    "192.168.1.1",
    "198.18.0.1",
    "203.0.113.1",
    "224.0.0.1",
    "255.255.255.255",
]
INSIDE_6 = [
    "::1",
    "::ffff:10.0.0.1",
    "64:ff9b::a00:1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:a00:1::1",
    "fc00::1",
    "fd12::1",
    "fe80::1",
    "ff02::1",
]
OVER_6 = ("relay-ip=::1", "allocation-default-address-family=ipv6")


def lines() -> list[str]:
    text = TEMPLATE.read_text("utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def started(start_coturn: StartCoturn, *more: str) -> Coturn:
    return start_coturn(*(line for line in lines() if line.partition("=")[0] not in OF_THE_PLACE), *more)


def test_it_leaves_few_ports_open_and_no_way_to_steer_it() -> None:
    values = dict(line.partition("=")[::2] for line in lines())
    assert int(values["max-port"]) - int(values["min-port"]) < 100
    assert set(values) >= OF_THE_PLACE
    assert {"no-cli", "no-multicast-peers", "fingerprint", "use-auth-secret", "no-tcp-relay"} <= set(values)
    assert 0 < int(values["user-quota"]) < int(values["total-quota"]) <= 100


@pytest.mark.parametrize(
    ("inside", "public", "family"),
    [(INSIDE, "198.41.0.4", ()), (INSIDE_6, "2001:503:ba3e::2:30", OVER_6)],
    ids=["IPv4", "IPv6"],
)
async def test_relays_reach_nothing_inside(
    start_coturn: StartCoturn, inside: list[str], public: str, family: tuple[str, ...]
) -> None:
    server = started(start_coturn, "allow-loopback-peers", *family)  # so that not coturn's default, but the list denies
    url = parse_turn_url(server.url("udp"))
    chosen = TurnSettings(urls=(url,), secret=SECRET)
    made = credential(SECRET, "someone", int(time.time()) + 60)
    async with asyncio.timeout(30), allocation(url, made, TurnProbe(chosen).tls, within=5) as relay:
        for address in inside:
            with pytest.raises(TurnFailure) as refused:
                await relay.send(b"x", (address, 80))
            assert refused.value.cause is Cause.DENIED_PEER, address
        await relay.send(b"x", (public, 80))  # from the loopback interface nothing gets there


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
async def test_two_relays_meet_where_their_own_address_is_allowed(start_coturn: StartCoturn, transport: str) -> None:
    server = started(start_coturn, "allow-loopback-peers", "allowed-peer-ip=127.0.0.1")
    url = parse_turn_url(server.url(transport))
    report = await TurnProbe(TurnSettings(urls=(url,), secret=SECRET, ca_file=server.ca_file)).check(url)
    assert report.ok, report
