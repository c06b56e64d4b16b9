"""A call as an operator reads it in a terminal."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given

from signaling.core.calls.causes import findings
from signaling.core.calls.record import CallRecord, EventKind, PairRecord
from signaling.core.calls.text import WIDTH, describe_path, render
from signaling.core.messages import SelectedPair
from tests.signaling.core.calls.drawn import records
from tests.signaling.core.calls.records import (
    DIRECT,
    HOST,
    MINUTE,
    OVER_TLS,
    T0,
    attempt,
    call,
    connected,
    event,
    judged,
    measured,
    member,
    pair,
    quality,
    report,
)


def text_of(record: CallRecord) -> str:
    return "\n".join(render(record, findings(record)))


def test_a_failed_call_is_explained_first() -> None:
    told = report("failed", HOST, remote=HOST)
    record = judged(
        attempt("failed", told, told, relayed={"ann": HOST, "bob": HOST}),
        members=[
            member("ann", "Ann", role="host", browser="Chrome 156", network="192.0.2.0/24", losses=2, resumes=2),
            member("bob", "Bob", role="guest", media_errors={"audio": "permission"}),
        ],
        events=[
            event("join", 0, "ann"),
            event("offer", 1_000, "bob", "ann"),
            event("failed", 16_000, "bob", "ann", "no_answer"),
            event("leave", 10 * MINUTE, "bob", detail="left"),
            event("refused", 10 * MINUTE, detail="room_full"),
        ],
        more_events=1,
        more_members=2,
    )
    assert text_of(record) == (
        """\
Call 0123456789abcdef0123456789abcdef in room team on node-1
2026-09-21 14:13:20 UTC · 10 min · 4 people
Trace 0123456789abcdef0123456789abcdef (not sent anywhere)

failed    Ann and Bob never found a path: both only offered host candidates and no TURN server is
          configured.
          → Set up TURN (docs/turn.md), with STUN beside it.
degraded  The room was full for someone who wanted to come in (once).
          → Raise the number in the room's settings, if their browsers bear it: each sends its
            picture to every other.
degraded  Bob could not be heard (microphone): the browser has no permission.
          → Allow it beside the address bar and in the system's privacy settings, then reload the
            page.

People
  14:13:20 – 14:23:20 left  Ann (host), Chrome 156, 192.0.2.0/24, lost the server 2×, back 2×
  14:13:20 – 14:23:20 left  Bob (guest), microphone: permission

Pairs
  Ann – Bob: no path

What happened (UTC)
  14:13:20  Ann came in
  14:13:21  Bob offered Ann a connection
  14:13:36  Bob found no path to Ann, as no answer came
  14:23:20  Bob left
  14:23:20  Someone was kept out: the room was full

Not kept in the record: 2 members and 1 event."""
    )


def test_a_good_call_says_so() -> None:
    told = quality(freezes=2, frozen_ms=1_500.0, limited_by_cpu=3, limited_by_bandwidth=1)
    record = measured(told, None, traced=True)
    text = text_of(record)
    assert "Nothing went wrong." in text
    assert "(not sent anywhere)" not in text
    assert "What happened" not in text
    assert (
        """\
Pairs
  Ann – Bob: connected after 0.8 s, host ↔ srflx over udp
    Ann: 40 ms there and back, 5 ms jitter, 0 % lost in, 0 % lost out, 1000 kbit/s in, 1000 kbit/s
      out, 2 freezes (1.5 s), short of CPU in 3 of 60 digests, short of bandwidth in 1 of 60 digests"""
        in text
    )


def test_what_is_not_known_is_left_out() -> None:
    empty = quality(
        rtt_ms=None, jitter_ms=None, loss_in=None, loss_out=None, bitrate_in=None, bitrate_out=None, pair=None
    )
    record = call(pair(connected(path=None), quality={"ann": empty}), members=[])
    assert text_of(record).endswith("Pairs\n  someone (ann) – someone (bob): connected after 0.8 s")


def test_a_running_call_has_no_end_yet() -> None:
    members = [member("ann", "Ann", left=None), member("bob", "Recorder", left=None, kind="recorder")]
    text = text_of(call(members=members, ended_at=None))
    assert "UTC · still running · 1 person" in text
    assert "14:13:20 – still in  Recorder (recorder)" in text
    assert "\nNothing wrong so far.\n" in text
    text = text_of(call(members=members, ended_at=None, interrupted=True))
    assert "UTC · end not written · 1 person" in text
    assert "14:13:20 – end not written  Ann (member)" in text


def test_who_still_connects_in_a_running_call_is_not_well_yet() -> None:
    record = judged(attempt("connecting", lasted=None), ended_at=None)
    assert "\nNothing wrong so far; still connecting.\n" in text_of(record)


def test_lines_are_not_broken_at_hyphens() -> None:
    record = judged(attempt("timeout", answered_at=None), members=[member("ann", "Ann-Sophie-Marie")] * 2)
    assert "-\n" not in text_of(record)


@pytest.mark.parametrize(
    ("of", "text"),
    [
        (pair(outcome="connecting"), "connecting"),
        (pair(attempt("timeout")), "no path in time"),
        (pair(attempt("abandoned")), "ended before a path was found"),
        (pair(attempt("unreported")), "not told"),
        (
            pair(attempt("failed"), connected(at=20_000)),
            "connected after 20 s, host ↔ srflx over udp, 1 further attempt",
        ),
        (
            pair(connected(), attempt("failed", at=MINUTE), more_attempts=2),
            "connected after 0.8 s, then no path, host ↔ srflx over udp, 3 further attempts",
        ),
        (pair(connected_at=T0, outcome="connected"), "connected"),
    ],
)
def test_a_pair_is_one_line(of: PairRecord, text: str) -> None:
    assert f"\n  Ann – Bob: {text}" in text_of(call(of)).replace("\n    ", " ")


@pytest.mark.parametrize(
    ("ann", "bob", "text"),
    [
        (DIRECT, None, "host ↔ srflx over udp"),
        (None, DIRECT, "srflx ↔ host over udp"),
        (None, OVER_TLS, "relay ↔ relay over tls"),
        (DIRECT, OVER_TLS, "host ↔ srflx over tls"),
        (SelectedPair(), None, "? ↔ ? over ?"),
        (None, None, ""),
    ],
)
def test_a_path_is_told_from_the_side_of_who_came_first(
    ann: SelectedPair | None, bob: SelectedPair | None, text: str
) -> None:
    reports = {"ann": report("connected", pair=ann), "bob": report("connected", pair=bob)}
    assert describe_path(pair(connected(reports=reports))) == text


@pytest.mark.parametrize("kind", get_args(EventKind))
def test_every_event_has_its_words(kind: EventKind) -> None:
    record = call(events=[event(kind, 0, "ann", "bob", "audio:in_use"), event(kind, 0)])
    lines = render(record, [])[-2:]
    assert all(line.startswith("  14:13:20  ") and not line.endswith((" ", ":")) for line in lines)


@given(record=records())
def test_any_record_can_be_read(record: CallRecord) -> None:
    lines = render(record, findings(record))
    assert all("\n" not in line for line in lines)
    assert max(map(len, lines)) <= WIDTH
