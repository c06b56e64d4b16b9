"""Settings of what is kept of calls."""

from __future__ import annotations

from datetime import timedelta

from msgspec import Struct

TRACE_ID = "{trace_id}"
"""What stands in a trace link for the id of the trace."""


class CallSettings(Struct, frozen=True, kw_only=True):
    """How long records of calls are kept, and where their traces can be looked at."""

    retention: timedelta = timedelta(hours=720)
    trace_url: str = ""
    """An address that holds `TRACE_ID`; empty where there is nothing to look at traces with."""

    def trace_link(self, trace_id: str, *, traced: bool) -> str | None:
        """Return where the trace can be looked at, None where it cannot."""
        return self.trace_url.replace(TRACE_ID, trace_id) if self.trace_url and traced else None
