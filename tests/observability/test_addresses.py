"""What may be kept of an address."""

from __future__ import annotations

import pytest

from observability.addresses import subnet_of


@pytest.mark.parametrize(
    ("address", "subnet"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"),
        ("fe80::1%eth0", "fe80::/48"),
        ("::ffff:192.0.2.77", "192.0.2.0/24"),
        ("", ""),
        ("unix:", ""),
        ("192.0.2.777", ""),
    ],
)
def test_a_record_holds_the_subnet(address: str, subnet: str) -> None:
    assert subnet_of(address) == subnet
