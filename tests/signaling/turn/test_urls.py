"""Addresses of TURN servers: what they mean, what is none."""

from __future__ import annotations

import pytest

from signaling.turn.urls import parse_turn_url


@pytest.mark.parametrize(
    ("text", "host", "port", "transport"),
    [
        ("turn:turn.example.org", "turn.example.org", 3478, "udp"),
        ("turn:turn.example.org:80", "turn.example.org", 80, "udp"),
        ("turn:turn.example.org?transport=udp", "turn.example.org", 3478, "udp"),
        ("turn:turn.example.org:443?transport=tcp", "turn.example.org", 443, "tcp"),
        ("turns:turn.example.org", "turn.example.org", 5349, "tls"),
        ("turns:turn.example.org:443?transport=tcp", "turn.example.org", 443, "tls"),
        ("turn:192.0.2.1:3478", "192.0.2.1", 3478, "udp"),
        ("turn:[2001:db8::1]:3478?transport=tcp", "2001:db8::1", 3478, "tcp"),
    ],
)
def test_addresses(text: str, host: str, port: int, transport: str) -> None:
    url = parse_turn_url(text)
    assert (url.text, url.host, url.port, url.transport) == (text, host, port, transport)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "turn:",
        "stun:turn.example.org",
        "TURN:turn.example.org",
        "turn://turn.example.org",
        "turn:user:password@turn.example.org",
        "turn:turn.example.org:",
        "turn:turn.example.org:0",
        "turn:turn.example.org:65536",
        "turn:turn.example.org?transport=sctp",
        "turn:turn.example.org?transport=udp&x=1",
        "turns:turn.example.org?transport=udp",
        "turn:2001:db8::1",
        "turn:turn.example.org\n",
        " turn:turn.example.org",
    ],
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match="turn"):
        parse_turn_url(text)
