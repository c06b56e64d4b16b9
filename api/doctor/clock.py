"""Check of the clocks: that they agree, and that somebody sets them."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING

from api.clock import SLIGHT_S
from api.doctor.findings import Verdict, failed, ok, skipped, warning

if TYPE_CHECKING:
    from api.doctor.deployment import Deployment

GRAVE_S = 60.0
"""Credentials for relays hold ten minutes."""
FIX = "Set all by NTP: timedatectl set-ntp true (or install chrony), then timedatectl status."
_TIME_ERROR = 5
"""What adjtimex(2) returns for a clock that nobody sets."""
_TIMEX_BYTES = 256
"""At least the size of `struct timex` (208); all zeros ask and change nothing."""


async def clock(deployment: Deployment) -> Verdict:
    """Compare this machine's clock with those of the proxy, the server and the database, and ask who sets it."""
    offsets = deployment.offsets
    if offsets:
        part, offset = max(offsets.items(), key=lambda found: abs(found[1]))
        if abs(offset) >= SLIGHT_S:
            return _apart(part, offset)
    if is_set() is False:  # those of one machine are one clock, which agrees with itself
        return warning("Nobody sets the clock of this machine: the system calls it unsynchronized.", FIX)
    if not offsets:
        return skipped("neither the server nor the database said what time it is")
    return ok(f"all within {max(1, round(abs(offset)))} s: {', '.join(offsets)}")


def _apart(part: str, offset: float) -> Verdict:
    direction = "ahead of" if offset > 0 else "behind"
    verdict = failed if abs(offset) >= GRAVE_S else warning
    return verdict(f"The clock of {part} is {abs(offset):,.0f} s {direction} this machine's.", FIX)


def is_set() -> bool | None:
    """Tell whether somebody sets this machine's clock; None where the system does not say."""
    adjtimex = getattr(ctypes.CDLL(None), "adjtimex", None)
    if adjtimex is None:
        return None
    state = adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    return None if state < 0 else state != _TIME_ERROR
