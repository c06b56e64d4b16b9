"""Which browser a User-Agent header (RFC 9110 §10.1.5) names."""

from __future__ import annotations

import re

_MAX_HEADER = 512
# In this order: a browser names those before it too, which it wants to be taken for.
_FAMILIES = (
    ("Edge", re.compile(r"\bEdg(?:e|A|iOS)?/(\d{1,4})")),
    ("Opera", re.compile(r"\b(?:OPR|OPT|Opera)/(\d{1,4})")),
    ("Samsung Internet", re.compile(r"\bSamsungBrowser/(\d{1,4})")),
    ("Firefox", re.compile(r"\b(?:Firefox|FxiOS)/(\d{1,4})")),
    ("Chrome", re.compile(r"\b(?:Headless)?(?:Chrome|CriOS)/(\d{1,4})")),
    ("Safari", re.compile(r"\bVersion/(\d{1,4})[\d.]* (?:Mobile/\w+ )?Safari/")),
)


def browser_of(user_agent: str) -> str:
    """Return family and major version, such as `Chrome 156`; empty for what is no browser known here."""
    header = user_agent[:_MAX_HEADER]
    for family, pattern in _FAMILIES:
        found = pattern.search(header)
        if found is not None:
            return f"{family} {found[1]}"
    return ""
