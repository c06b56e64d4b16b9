"""Settings of a node among several."""

from __future__ import annotations

from datetime import timedelta

from msgspec import Struct


class ClusterSettings(Struct, frozen=True, kw_only=True):
    """How this node finds the others."""

    bus_url: str = ""
    """`nats://…` or `redis://…`; empty: it is alone."""
    node: str = "chatter"
    """Its name; no two nodes that run at the same time have the same."""
    drain_timeout: timedelta = timedelta(seconds=10)
    """How long it may hand its rooms over when it is told to stop."""
