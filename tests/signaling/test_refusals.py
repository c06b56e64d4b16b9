"""Refused handshakes are logged, and remembered for a while: bounded in time and number."""

from __future__ import annotations

import logging

import pytest

from signaling.link import LinkRequest
from signaling.refusals import KEPT_S, MOST_ROOMS, Refusals
from tests.signaling.fakes import ROOM, ManualClock

FOREIGN = "https://meet.example.net"


def request(room_id: str = ROOM, origin: str | None = FOREIGN) -> LinkRequest:
    return LinkRequest(room_id=room_id, origin=origin, address="192.0.2.7", token="hush-hush")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def refusals(clock: ManualClock) -> Refusals:
    return Refusals(clock)


def test_the_newest_counts_and_only_for_its_room(refusals: Refusals) -> None:
    assert refusals.newest(ROOM) is None
    refusals.add(request(), "bad_origin")
    assert refusals.newest(ROOM) == "bad_origin"
    refusals.add(request(), "draining")
    assert refusals.newest(ROOM) == "draining"
    assert refusals.newest("elsewhere") is None


def test_they_are_forgotten(refusals: Refusals, clock: ManualClock) -> None:
    refusals.add(request(), "bad_origin")
    clock.now += KEPT_S - 1
    assert refusals.newest(ROOM) == "bad_origin"
    clock.now += 1
    assert refusals.newest(ROOM) is None


def test_the_longest_ago_makes_place(refusals: Refusals) -> None:
    refusals.add(request("first"), "bad_origin")
    refusals.add(request("second"), "bad_origin")
    for number in range(MOST_ROOMS - 2):
        refusals.add(request(f"room-{number}"), "bad_origin")
    refusals.add(request("first"), "bad_origin")
    refusals.add(request("one-more"), "bad_origin")
    assert refusals.newest("second") is None
    assert refusals.newest("first") == refusals.newest("one-more") == "bad_origin"


def test_what_is_no_browser_says_nothing_about_browsers(refusals: Refusals) -> None:
    refusals.add(request(origin=None), "bad_origin")
    refusals.add(request("No Room"), "room_not_found")
    assert refusals.newest(ROOM) is None
    assert refusals.newest("No Room") is None


@pytest.mark.parametrize(
    ("room_id", "origin", "code", "told"),
    [
        (ROOM, FOREIGN, "bad_origin", {"room": ROOM, "origin": FOREIGN}),
        (ROOM, None, "draining", {"room": ROOM, "origin": None}),
        ("../../x" * 999, "x" * 9999, "room_not_found", {"room": "", "origin": "x" * 256}),
    ],
)
def test_each_is_logged(
    refusals: Refusals, caplog: pytest.LogCaptureFixture, room_id: str, origin: str, code: str, told: dict[str, str]
) -> None:
    caplog.set_level(logging.INFO)
    refusals.add(request(room_id, origin), code)  # type: ignore[arg-type]
    (record,) = caplog.records
    expected = {"event": "handshake_refused", "code": code, "remote_addr": "192.0.2.7"} | told
    assert {name: record.__dict__[name] for name in expected} == expected
    assert "hush" not in str(record.__dict__)
