"""Addresses of buses."""

from __future__ import annotations

import re

_CREDENTIALS = re.compile(r"//[^@/,]*@")


def without_credentials(url: str) -> str:
    """Return one or several addresses as they may be shown."""
    return _CREDENTIALS.sub("//", url)
