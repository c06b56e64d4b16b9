"""What several settings are checked for; each complaint is one line for the operator."""

from __future__ import annotations

import re
import ssl
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from signaling.calls.settings import TRACE_ID

Sources = dict[tuple[str, str], str]
"""What to call each leaf that was given: its variable, or its place in the file."""
MIN_SECRET_BYTES = 32
_SAMPLE_SECRETS = (
    "a-string-secret-at-least-256-bits-long",
    "dev-secret-change-me",
    "change-me",
    "changeme",
    "your-secret",
    "secret-key",
    "example",
)


class SettingsError(Exception):
    """A setting is unknown, malformed or missing; the message is one line for the operator."""


def origin_of(setting: str, url: str) -> str:
    """Return the web origin of an address."""
    parts = checked_url(setting, url, "http", "https")
    return f"{parts.scheme}://{parts.netloc}"


def checked_url(setting: str, url: str, *schemes: str) -> SplitResult:
    """Return the parts of an address that has one of two schemes and no credentials."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  # reading it checks it
        good = parts.scheme in schemes and parts.hostname and "@" not in parts.netloc and not re.search(r"\s", url)
    except ValueError:  # brackets or a port that do not parse
        good = False
    if not good:
        raise SettingsError(f"{setting}: {url!r} is not an address that begins with {schemes[0]}:// or {schemes[1]}://")
    return parts


def check_otlp_endpoint(setting: str, url: str) -> None:
    """Refuse what cannot be the base address of an OTLP receiver."""
    parts = checked_url(setting, url, "http", "https")
    if parts.query or parts.fragment:  # a path is added to it
        raise SettingsError(f"{setting}: {url!r} is not the base address of a receiver: it has a query or a fragment")


def check_trace_url(setting: str, url: str) -> None:
    """Refuse an address without the place for the id of a trace."""
    if TRACE_ID not in url:
        raise SettingsError(f"{setting}: {url!r} does not hold {TRACE_ID}, which stands for the id of a trace")
    checked_url(setting, url, "http", "https")


def check_certificates(setting: str, path: Path) -> None:
    """Refuse a file that holds no certificates."""
    try:
        ssl.create_default_context().load_verify_locations(path)
    except ssl.SSLError:
        raise SettingsError(f"{setting}: {path} holds no certificates in PEM form") from None
    except OSError as error:
        raise SettingsError(f"{setting}: {path} cannot be read: {error.strerror}") from None


def refuse_weak(setting: str, secret: str) -> None:
    """Refuse a secret that is short, or known from some documentation."""
    if any(sample in secret.lower() for sample in _SAMPLE_SECRETS):
        raise SettingsError(f"{setting} is a sample from some documentation; make one with: openssl rand -base64 48")
    if len(secret.encode()) < MIN_SECRET_BYTES:
        raise SettingsError(f"{setting} must have at least {MIN_SECRET_BYTES} bytes")
