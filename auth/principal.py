"""Who makes a request."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Principal:
    """A signed-in user on one device session.

    `expires_at` (epoch milliseconds) is when the credentials end if nothing ends them before.
    """

    user_id: int
    username: str
    session_id: str
    expires_at: int


@dataclass(frozen=True, slots=True)
class Device:
    """Where a request comes from: the device's own id, its network address, what it calls itself."""

    device_id: str
    address: str
    user_agent: str = ""
