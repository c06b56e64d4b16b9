"""Take out of log records what must never be in a log, whoever put it there.

This is the net below the rule that secrets are not logged. It knows secrets by their label (`token=…`, `"sdp": …`) and
by their look (JWTs, hashes, long random strings), in texts as well as in nested fields.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

REDACTED = "[redacted]"
MAX_TEXT = 8192
"""Longer texts lose their middle; in characters."""
_MAX_DEPTH = 8
_MAX_ITEMS = 256

# Words a label of a secret ends with, without separators and in lower case.
_LABELS = (
    "token",
    "ticket",
    "secret",
    "password",
    "passwd",
    "pepper",
    "credential",
    "credentials",
    "authorization",
    "cookie",
    "invite",
    "invitation",
    "icepwd",
    "iceufrag",
    "sdp",
    "candidate",
    "candidates",
    "apikey",
    "privatekey",
    "traceparent",
)
_CHAT = frozenset({"text", "chat", "chattext", "chathistory"})

_QUOTED = r"""b?\\+"(?:(?!\\+").)*(?:\\+")?|b?"(?:[^"\\]|\\.)*"?|b?\\+'(?:(?!\\+').)*(?:\\+')?|b?'(?:[^'\\]|\\.)*'?"""
# Between a label and its value: a colon or equals sign, or the comma of a pair; but not where a key follows the comma.
_COLON = r"""\\*["']?\]?\s*(?:[:=]|%3d)\s*+(?!\[redacted\])"""
_SEPARATOR = rf"""(?:{_COLON}|\\*["']\s*,\s*+(?!b?\\*["'][\w-]*\\*["']\s*:|\[redacted\]))"""
_LABEL = (
    r"(?:token|ticket|secret|passw(?:or)?d|pepper|credentials?|invit(?:e|ation)|ice[-_]?(?:pwd|ufrag)|sdp|candidates?"
    r"|(?:api|private)[-_ ]?key|traceparent)"
)
_FLAGS = re.IGNORECASE | re.DOTALL

_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"-----BEGIN [^-]*PRIVATE KEY-----.*?(?:-----END [^-]*-----|\Z)", re.DOTALL), REDACTED),
    # A whole session description (RFC 8866 §5), also with its line ends escaped.
    (re.compile(r"v=0(?:\\*[rn]|\s)+o=[^\"']*"), REDACTED),
    (re.compile(r"candidate:[\w+/]+ \d+ (?:udp|tcp) [^\r\n\"'\\]*", re.IGNORECASE), f"candidate:{REDACTED}"),
    # Header fields, whose values go on to the end of the line.
    (
        re.compile(rf"((?:authorization|cookie){_SEPARATOR})(?:{_QUOTED}|[^\r\n\"'\\]+)", _FLAGS),
        rf"\1{REDACTED}",
    ),
    (re.compile(r"\b(Bearer|Basic|Digest) [\w.~+/=-]{6,}", re.IGNORECASE), rf"\1 {REDACTED}"),
    (re.compile(rf"({_LABEL}{_SEPARATOR})(?:{_QUOTED}|[^\s&,;)}}\]\"'<>\\]+)", _FLAGS), rf"\1{REDACTED}"),
    (re.compile(rf"((?<![a-z])(?:text|chat){_COLON})(?:{_QUOTED})", _FLAGS), rf"\1{REDACTED}"),
    (re.compile(r"(?<![\w-])eyJ[\w-]{4,}+\.[\w-]*(?:\.[\w-]*)?"), REDACTED),  # JWT (RFC 7519 §3.1)
    (re.compile(r"\$2[abxy]\$\d\d\$[./\w]{20,}"), REDACTED),  # bcrypt
    (re.compile(r"://[^/\s@\"']*:[^/\s@\"']*@"), f"://{REDACTED}@"),
    (re.compile(r"(?<![\w+/=])[A-Za-z0-9+/]{27}=(?!=)"), REDACTED),  # TURN: base64 of an HMAC-SHA1
)
# One of these stands in every text that a rule or a label matches. Searching for words takes a tenth of the time of
# the rules, and each log line pays for it.
_HINTS = (
    *("token", "ticket", "secret", "passw", "pepper", "credential", "authorization", "cookie", "invit", "ice-", "ice_"),
    *("icepwd", "iceufrag", "sdp", "candidate", "key", "traceparent", "bearer ", "basic ", "digest ", "v=0", "eyj"),
    *("$2", "=", "://", "text", "chat"),
)
_OUR_NAME = "chatter"
_RANDOM = re.compile(r"[A-Za-z0-9_-]{32,}")
_LOOKS: dict[Any, Callable[[str], object]] = {
    "time": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00").fullmatch,
    **dict.fromkeys(
        ("trace_id", "span_id", "call_id", "request_id"), re.compile(r"[0-9a-f]{16}(?:[0-9a-f]{16})?").fullmatch
    ),
}
_SHORT = 128
"""Longer texts are hardly said twice."""
_MOST_NAMES = 512
_harmless_names: set[str] = set()


def may_hold_secrets(text: str) -> bool:
    """Tell quickly whether anything in a text could be a secret; True is no verdict."""
    searched = text.lower().replace(_OUR_NAME, "")
    for hint in _HINTS:  # not `any`, which takes twice as long
        if hint in searched:
            return True
    return any(map(_looks_random, _RANDOM.findall(text)))


def is_plainly_harmless(fields: Mapping[Any, Any]) -> bool:
    """Tell whether all of an object is short ASCII texts without any hint of a secret, and numbers that JSON knows.

    No hint goes across a field, so each is looked at for itself: names, events and routes come again and again, and
    what never does, times and ids, can be told by its look.
    """
    for name, value in fields.items():
        kind = value.__class__
        if kind is str:
            looks_right = _LOOKS.get(name)
            if not ((looks_right is not None and looks_right(value)) or _is_harmless(value)):
                return False
        elif kind is float:
            if not math.isfinite(value):
                return False
        elif kind is not int and kind is not bool and value is not None:
            return False
        if name not in _harmless_names and not _has_harmless_name(name):
            return False
    return True


def _has_harmless_name(name: Any) -> bool:
    harmless = isinstance(name, str) and _is_harmless(name)
    if harmless and len(_harmless_names) < _MOST_NAMES:
        _harmless_names.add(name)
    return harmless


@lru_cache(maxsize=2048)
def _is_harmless(text: str) -> bool:
    return len(text) <= _SHORT and text.isascii() and not may_hold_secrets(text)


def redact_text(text: str) -> str:
    """Return a text without what looks like a secret, cut to `MAX_TEXT`."""
    if len(text) > MAX_TEXT:
        text = f"{text[: MAX_TEXT // 4]} […] {text[-MAX_TEXT * 3 // 4 :]}"
    if not may_hold_secrets(text):
        return text
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return _RANDOM.sub(lambda found: REDACTED if _looks_random(found[0]) else found[0], text)


def redact(value: Any, depth: int = 0) -> Any:
    """Return a value of which every text is redacted and every field with a telling name too. Fit for strict JSON."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if depth >= _MAX_DEPTH:
        return "[too deep]"
    if isinstance(value, Mapping):
        return {redact_text(str(name)): _field(str(name), kept, depth) for name, kept in _first(value.items())}
    if isinstance(value, list | tuple | set | frozenset):
        return [redact(item, depth + 1) for item in _first(value)]
    return redact_text(str(value))


def _field(name: str, value: Any, depth: int) -> Any:
    if value is None or isinstance(value, bool):
        return value
    plain = name.lower().replace("-", "").replace("_", "")
    if plain.endswith(_LABELS) or plain in _CHAT:
        return REDACTED
    return redact(value, depth + 1)


def _first(items: Any) -> list[Any]:
    return [item for _, item in zip(range(_MAX_ITEMS), items, strict=False)]


def _looks_random(run: str) -> bool:
    return run != run.lower() and run != run.upper() and any(character.isdigit() for character in run)
