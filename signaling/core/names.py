"""What people may type: display names, chat texts, room ids."""

from __future__ import annotations

import re
import unicodedata

from signaling.core.messages import MAX_NAME_CODE_POINTS

ROOM_ID_PATTERN = r"^[a-z0-9][a-z0-9-]{1,62}[a-z0-9]$"
_ROOM_ID = re.compile(ROOM_ID_PATTERN)
# Controls, surrogates, line and paragraph separators. Format characters stay (emoji are joined by one), except those
# that reverse the direction of the text around them and can make a name read as another.
_CONTROL_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})
_BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_INVISIBLE_CATEGORIES = frozenset({"Cf", "Zs", "Mn", "Me"})
_BLANKS = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters and symbols by category, blank by sight: the Hangul fillers and the empty Braille cell."""


def is_room_id(text: str) -> bool:
    """Tell whether `text` has the form of a room id: 3–64 of a–z, 0–9 and hyphen, no hyphen at an end."""
    return _ROOM_ID.match(text) is not None and not text.endswith("\n")


def clean_display_name(text: str) -> str | None:
    """Return the name in NFC without outer white space; None where it is empty, too long or has control characters."""
    name = unicodedata.normalize("NFC", text).strip()
    if not name or len(name) > MAX_NAME_CODE_POINTS:
        return None
    if not is_one_line(name):
        return None
    categories = [unicodedata.category(character) for character in name]
    if all(
        category in _INVISIBLE_CATEGORIES or character in _BLANKS
        for character, category in zip(name, categories, strict=True)
    ):
        return None
    return name


def is_one_line(text: str) -> bool:
    """Tell whether `text` holds no control characters and none that turn the direction of what stands around it."""
    controls = (unicodedata.category(character) in _CONTROL_CATEGORIES for character in text)
    return _BIDI_CONTROLS.isdisjoint(text) and not any(controls)


def is_chat_text(text: str) -> bool:
    """Tell whether `text` says something and holds no control characters but tab and newline."""
    if text.isspace():
        return False
    if text.isprintable():  # the common case, decided in C
        return True
    return all(character in "\n\t" or unicodedata.category(character) not in {"Cc", "Cs"} for character in text)
