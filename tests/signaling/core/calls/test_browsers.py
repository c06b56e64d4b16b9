"""Browsers are known by what their own makers write."""

from __future__ import annotations

import pytest

from signaling.core.calls.browsers import browser_of

_WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
_MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)"
_WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"
_ANDROID = "Mozilla/5.0 (Linux; Android 10; K)"
_IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("header", "browser"),
    [
        (f"{_WINDOWS} {_WEBKIT} Chrome/156.0.0.0 Safari/537.36", "Chrome 156"),
        (f"{_WINDOWS} {_WEBKIT} HeadlessChrome/156.0.0.0 Safari/537.36", "Chrome 156"),
        (f"{_WINDOWS} {_WEBKIT} Chrome/156.0.0.0 Safari/537.36 Edg/155.0.1.2", "Edge 155"),
        (f"{_WINDOWS} {_WEBKIT} Chrome/156.0.0.0 Safari/537.36 OPR/122.0.0.0", "Opera 122"),
        (f"{_ANDROID} {_WEBKIT} SamsungBrowser/29.0 Chrome/136.0.0.0 Mobile Safari/537.36", "Samsung Internet 29"),
        (f"{_ANDROID} {_WEBKIT} Chrome/156.0.0.0 Mobile Safari/537.36 EdgA/156.0.0.0", "Edge 156"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:151.0) Gecko/20100101 Firefox/151.0", "Firefox 151"),
        (f"{_MAC} AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Safari/605.1.15", "Safari 26"),
        (f"{_IPHONE} Version/18.5 Mobile/15E148 Safari/604.1", "Safari 18"),
        (f"{_IPHONE} CriOS/156.0.7000.1 Mobile/15E148 Safari/604.1", "Chrome 156"),
        (f"{_IPHONE} FxiOS/151.0 Mobile/15E148 Safari/605.1.15", "Firefox 151"),
        ("Python/3.11 websockets/17.0", ""),
        ("", ""),
        ("Chrome/", ""),
        ("Chrome/12345678", "Chrome 1234"),
        ("x" * 600 + " Chrome/156", ""),
        ("Alice <alice@example.org>", ""),
    ],
)
def test_family_and_version(header: str, browser: str) -> None:
    assert browser_of(header) == browser
