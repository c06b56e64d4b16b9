"""One clock for all tracks: delays, pauses, drifting and wrong clocks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.recording.timeline import Arrival, Report, segments, sender_offset, track_clock
from signaling.recording.tracks import Unwrapper


def test_without_reports_the_least_delayed_packet_counts() -> None:
    track = segments([Arrival(0, 100.08), Arrival(1, 101.02), Arrival(2, 102.2)], [])
    clock = track_clock(track, sender_offset([track]))
    assert clock.at(0) == pytest.approx(100.02)
    assert clock.at(2) == pytest.approx(102.02)


def test_reports_put_voice_and_picture_in_step_whatever_their_delays() -> None:
    # Captured together at 5000 by the sender's clock; the picture needs 90 ms longer to come.
    voice = segments([Arrival(0, 100.01), Arrival(1, 101.01)], [Report(0, 5000.0)])
    picture = segments([Arrival(7, 100.10), Arrival(8, 101.10)], [Report(7, 5000.0)])
    offset = sender_offset([voice, picture])
    assert track_clock(voice, offset).at(0.5) == pytest.approx(100.51)
    assert track_clock(picture, offset).at(7.5) == pytest.approx(100.51)


def test_each_report_corrects_a_clock_that_runs_wrong() -> None:
    # The sound card's clock is slow by a tenth of a percent: 999.0 of its seconds in 1000.
    arrivals = [Arrival(s * 0.999, 100.0 + s) for s in range(0, 1000, 10)]
    reports = [Report(s * 0.999, 5000.0 + s) for s in range(0, 1000, 5)]
    track = segments(arrivals, reports)
    assert len(track) == 1
    clock = track_clock(track, sender_offset([track]))
    for second in range(0, 990, 7):
        assert clock.at(second * 0.999) == pytest.approx(100.0 + second, abs=0.01)


def test_a_pause_in_which_the_own_clock_stood_still() -> None:
    # As Chromium does when a track is taken away and given back: two seconds that its timestamps know nothing of.
    before = [Arrival(s / 2, 100.01 + s / 2) for s in range(8)]
    after = [Arrival(4 + s / 2, 106.01 + s / 2) for s in range(8)]
    for reports in ([], [Report(1.0, 5001.0), Report(5.0, 5007.0)], [Report(1.0, 5001.0)]):
        track = segments(before + after, reports)
        assert len(track) == 2
        clock = track_clock(track, sender_offset([track]))
        assert clock.at(1.0) == pytest.approx(101.01)
        assert clock.at(5.0) == pytest.approx(107.01)


def test_a_late_burst_is_not_a_pause() -> None:
    arrivals = [Arrival(0, 100.0), Arrival(0.5, 100.5), Arrival(1.0, 101.3), Arrival(1.5, 101.6), Arrival(2, 102.0)]
    track = segments(arrivals, [])
    assert len(track) == 1
    assert track_clock(track, None).at(1.0) == pytest.approx(101.0)


def test_a_sender_with_a_wrong_clock_is_placed_by_arrival() -> None:
    track = segments([Arrival(0, 100.0)], [Report(0, -3.5e8)])
    assert track_clock(track, sender_offset([track])).at(0) == pytest.approx(100.0)


def test_a_sender_that_slept_is_placed_by_arrival_from_then_on() -> None:
    # For ten seconds neither the clock of the track nor that of the reports went on.
    before = [Arrival(s, 100.02 + s) for s in range(5)]
    after = [Arrival(5 + s, 115.02 + s) for s in range(5)]
    track = segments(before + after, [Report(s, 5000.0 + s) for s in range(10)])
    clock = track_clock(track, sender_offset([track]))
    assert clock.at(3.0) == pytest.approx(103.02)
    assert clock.at(7.0) == pytest.approx(117.02)


@pytest.mark.parametrize("leap", [1e6, -1e6, 5.0, -5.0])
def test_reports_that_leap_move_nothing(leap: float) -> None:
    arrivals = [Arrival(s, 100.02 + s) for s in range(20)]
    voice = segments(arrivals, [Report(s, 5000.0 + s + (leap if s >= 10 else 0)) for s in range(20)])
    picture = segments(arrivals, [Report(s, 5000.0 + s) for s in range(20)])
    offset = sender_offset([voice, picture])
    for track in (voice, picture):
        clock = track_clock(track, offset)
        assert [clock.at(s) for s in range(20)] == pytest.approx([100.02 + s for s in range(20)])


def test_nothing_came() -> None:
    assert segments([], [Report(0, 1)]) == []
    assert sender_offset([[]]) is None
    assert track_clock([], None).at(3.0) == 3.0


@given(st.integers(0, 2**32 - 1), st.lists(st.integers(-90_000, 90_000), max_size=50))
def test_timestamps_never_wrap(start: int, steps: list[int]) -> None:
    unwrapper, expected = Unwrapper(), start
    assert unwrapper.unwrap(start) == start
    for step in steps:
        expected += step
        assert unwrapper.unwrap(expected % 2**32) == expected
