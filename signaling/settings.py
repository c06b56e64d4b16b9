"""Settings of the signaling package."""

from __future__ import annotations

from datetime import timedelta

from msgspec import Struct

from signaling.turn.settings import TurnSettings


class SignalingSettings(Struct, frozen=True, kw_only=True):
    """How the gateway treats its connections."""

    origins: frozenset[str] = frozenset()
    """Web origins whose pages may open sockets, such as `https://call.example.org`."""
    stun_urls: tuple[str, ...] = ()
    turn: TurnSettings = TurnSettings()
    hello_timeout: timedelta = timedelta(seconds=5)
    ping_interval: timedelta = timedelta(seconds=10)
    pong_timeout: timedelta = timedelta(seconds=4)
    close_timeout: timedelta = timedelta(seconds=2)
    """How long a closed peer may take to answer before its connection is cut."""
    resume_window: timedelta = timedelta(seconds=30)
    """How long a member whose connection broke keeps its place."""
    outbox_bytes: int = 256 * 1024
    """What may wait for one member beyond the transport's own buffer before it counts as a slow consumer."""
    max_connections_per_address: int = 200
    trusted_hops: int = 0
    """How many proxies in front append to X-Forwarded-For; 0 means the header is ignored."""
    limits_scale: float = 1.0
    """Multiplies every flood and rate limit; for benchmarks and load tests."""
