"""What people may type."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.core.names import clean_display_name, is_chat_text, is_room_id

FAMILY = "👨‍👩‍👧"  # three people joined by U+200D


@pytest.mark.parametrize("name", ["Alice", "Zoë", "李雷", "علي", "O'Neil-Smith 3rd", FAMILY, "❤️", "a\u200db", "1"])
def test_names_of_people_pass_unchanged(name: str) -> None:
    assert clean_display_name(name) == name


def test_names_are_composed() -> None:
    assert clean_display_name("Zoe\u0308") == "Zo\u00eb"


@pytest.mark.parametrize("space", [" ", "\t", "\n", "\u00a0", "\u3000", "\u2028"])
def test_outer_white_space_goes(space: str) -> None:
    assert clean_display_name(f"{space}Alice {space}") == "Alice"


def test_inner_spaces_stay() -> None:
    assert clean_display_name("Alice  B") == "Alice  B"


@pytest.mark.parametrize("name", ["", " ", "\t\n", "\u00a0\u3000"])
def test_a_name_says_something(name: str) -> None:
    assert clean_display_name(name) is None


@pytest.mark.parametrize("character", ["\x00", "\n", "\t", "\x1b", "\x7f", "\x85", "\u2028", "\u2029", "\ud800"])
def test_control_characters_are_refused(character: str) -> None:
    assert clean_display_name(f"Ali{character}ce") is None


@pytest.mark.parametrize("character", "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
def test_characters_that_turn_the_text_around_are_refused(character: str) -> None:
    assert clean_display_name(f"Ali{character}ce") is None


@pytest.mark.parametrize(
    "name",
    [
        "\u200b",
        "\u200d\u200c",
        "\ufeff",
        "\u2060\u200b",
        "\u00ad",
        "\u0301",
        "\ufe0f",
        "\u200b \u200b",
        "\u20dd",
        "\U000e0041",
        "\u115f",  # fillers and blanks that count as letters or symbols
        "\u1160",
        "\u2800",
        "\u3164",
        "\uffa0\u200b",
    ],
    ids=ascii,
)
def test_a_name_can_be_seen(name: str) -> None:
    assert clean_display_name(name) is None


@pytest.mark.parametrize(("name", "fits"), [("a" * 64, True), ("a" * 65, False), ("😀" * 64, True), ("😀" * 65, False)])
def test_a_name_has_at_most_64_code_points(name: str, fits: bool) -> None:
    assert clean_display_name(name) == (name if fits else None)


def test_what_counts_is_the_composed_and_trimmed_name() -> None:
    assert clean_display_name("e\u0308" * 64) == "ë" * 64
    assert clean_display_name(" " + "a" * 64 + " ") == "a" * 64
    assert clean_display_name("\u0958" * 33) is None  # each becomes two code points


@given(st.text(max_size=70))
def test_a_clean_name_stays_clean(text: str) -> None:
    name = clean_display_name(text)
    if name is not None:
        assert clean_display_name(name) == name
        assert 1 <= len(name) <= 64
        assert unicodedata.is_normalized("NFC", name)
        assert name == name.strip()


@pytest.mark.parametrize("text", ["hello", "two\nlines\tand a tab", FAMILY, "a\u200eb", " a ", "\u05d0\u202bb"])
def test_chat_texts_pass(text: str) -> None:
    assert is_chat_text(text)


@pytest.mark.parametrize("text", [" ", "\n\t ", "\u3000", "a\x00", "a\rb", "\x1b[31mred", "a\x85b", "\x7f", "\ud800"])
def test_chat_texts_say_something_and_hold_no_controls(text: str) -> None:
    assert not is_chat_text(text)


@pytest.mark.parametrize("room_id", ["abc", "a1b", "a-b", "team-standup", "a" * 64, "123", "a--b"])
def test_room_ids_pass(room_id: str) -> None:
    assert is_room_id(room_id)


@pytest.mark.parametrize(
    "room_id",
    ["", "a", "ab", "a" * 65, "-ab", "ab-", "Abc", "a_b", "a b", "a/b", "abc\n", "\nabc", "äbc", "a.b", "١٢٣", "a%62c"],
)
def test_room_ids_have_one_form(room_id: str) -> None:
    assert not is_room_id(room_id)
