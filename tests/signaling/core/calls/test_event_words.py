"""What happened in a call, in sentences."""

from __future__ import annotations

from typing import get_args

import pytest

from signaling.core.calls.event_words import describe_event
from signaling.core.calls.record import EventKind, LeaveReason
from signaling.core.calls.words import Names
from signaling.core.messages import MediaKind, Role
from signaling.errors import Close, CloseReason
from tests.signaling.core.calls.records import event, member

NAMES = Names([member("ann", "Ann"), member("bob", "Bob")])
REFUSING = [reason.name for reason in vars(Close).values() if isinstance(reason, CloseReason) and reason.code > 1012]
OF_MEMBERS_ONLY = {"ping_timeout", "kicked", "replaced", "room_closed", "signed_out", "ended"}
"""Close names of those who are in, which no refusal has."""


def words(kind: EventKind, detail: str = "") -> str:
    return describe_event(event(kind, 0, "ann", "bob", detail), NAMES)


@pytest.mark.parametrize(
    ("kind", "detail", "text"),
    [
        ("join", "", "Ann came in"),
        ("leave", "left", "Ann left"),
        ("leave", "slow", "Ann was disconnected: the connection was too slow to keep up"),
        ("leave", "from_the_future", "Ann left"),
        ("lost", "", "Ann lost the connection to the server"),
        ("back", "", "Ann was connected to the server again"),
        ("refused", "room_full", "Someone was kept out: the room was full"),
        ("refused", "from_the_future", "Someone was kept out: from the future"),
        ("refused", "", "Someone was kept out: it is not known why"),
        ("offer", "", "Ann offered Bob a connection"),
        ("answer", "", "Ann answered Bob"),
        ("connected", "", "Ann was connected to Bob"),
        ("disconnected", "", "Ann heard nothing more from Bob"),
        ("failed", "", "Ann found no path to Bob"),
        ("failed", "no_answer", "Ann found no path to Bob, as no answer came"),
        ("timeout", "", "Ann and Bob found no path in time"),
        ("abandoned", "", "Ann and Bob stopped looking for a path"),
        ("ice_restart", "", "Ann looked for another path to Bob (ICE restart)"),
        ("rebuild", "", "Ann set up the connection to Bob anew"),
        ("media_error", "video:in_use", "Ann had no camera: another program used it"),
        ("media_error", "screen:worn_out", "Ann had no screen to share: worn out"),
        ("media_error", "", "Ann had no device"),
        ("media", "audio", "Ann had a microphone after all"),
        ("role", "moderator", "Ann became a moderator"),
        ("role", "", "Ann became someone else"),
        ("unreachable", "", "Somebody reported that they could not reach the call"),
        (
            "unreachable",
            "socket_blocked",
            "Somebody reported that they could not reach the call: the connection for calls could not be opened",
        ),
    ],
)
def test_an_event_is_a_sentence(kind: EventKind, detail: str, text: str) -> None:
    assert words(kind, detail) == text


@pytest.mark.parametrize(
    ("kind", "details"),
    [
        ("leave", [reason for reason in get_args(LeaveReason) if reason != "left"]),
        ("refused", [name for name in REFUSING if name not in OF_MEMBERS_ONLY]),
        ("role", get_args(Role)),
        ("media", get_args(MediaKind)),
        ("unreachable", ["socket_blocked", "socket_lost", "origin_refused", "draining"]),
        ("media_error", [f"audio:{fault}" for fault in ("permission", "not_found", "in_use", "overconstrained")]),
    ],
)
def test_every_detail_has_words_of_its_own(kind: EventKind, details: list[str]) -> None:
    unknown = words(kind, "from_the_future")
    sentences = {words(kind, detail) for detail in details}
    assert len(sentences - {unknown}) == len(details)
    assert not any(detail in sentence for detail in details if "_" in detail for sentence in sentences)
