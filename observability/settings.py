"""Settings of the observability package."""

from __future__ import annotations

import os
import socket
from typing import Literal

from msgspec import Struct, field

SamplerName = Literal[
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
]
"""Values of `OTEL_TRACES_SAMPLER` (OpenTelemetry specification, general SDK configuration)."""


def _instance() -> str:
    return f"{socket.gethostname()}-{os.getpid()}"


class ObservabilitySettings(Struct, frozen=True, kw_only=True):
    """Names and endpoints of what this process tells about itself."""

    service_name: str = "chatter"
    version: str = ""
    instance: str = field(default_factory=_instance)
    """Which of several processes of the service this is."""
    otlp_endpoint: str = ""
    """Base URL of an OTLP/HTTP receiver such as `http://tempo:4318`; empty: no spans are made."""
    sampler: SamplerName = "parentbased_traceidratio"
    sampler_ratio: float = 1.0
    """Share of traces that are kept, 0 to 1, for the samplers that take one."""
    log_level: str = "INFO"
    log_format: str = "json"
    """`json` for machines, `text` for a terminal."""
