"""What may be the address of a bus, and how it is shown."""

from __future__ import annotations

import pytest

from signaling.bus.urls import check_bus_url, without_credentials


@pytest.mark.parametrize(
    "url",
    [
        "nats://bus",
        "nats://bus:4222",
        "tls://chatter:hush@bus:4222",
        "nats://a:4222,nats://u:p@b:4222",
        "redis://:a,b@bus:6379/1",
        "rediss://bus",
        "nats://[::1]:4222",
    ],
)
def test_addresses_of_buses(url: str) -> None:
    check_bus_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "nats://",
        "nats://:4222",
        "nats://u:hush@",
        "nats://bus:port",
        "nats://bus:70000",
        "redis://bus:0",
        "redis://u:hush/hush@bus:6379",
        "nats://[::1",
        "nats://a,nats://",
        "nats://a,",
        "bus:4222",
        "",
    ],
)
def test_what_is_no_address_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(ValueError, match="bus") as refused:
        check_bus_url(url)
    assert "hush" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_credentials_are_not_shown() -> None:
    assert without_credentials("nats://u:p@a:4222,nats://b:4222") == "nats://a:4222,nats://b:4222"
