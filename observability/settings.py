"""Settings of the observability package."""

from __future__ import annotations

from msgspec import Struct


class ObservabilitySettings(Struct, frozen=True, kw_only=True):
    """Names and endpoints of what this process tells about itself."""

    service_name: str = "chatter"
    otlp_endpoint: str = ""
    """Base URL of an OTLP/HTTP receiver such as `http://tempo:4318`; reserved: nothing is exported yet."""
    log_level: str = "INFO"
    log_format: str = "json"
    """`json` for machines, `text` for a terminal."""
