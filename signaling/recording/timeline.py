"""When each frame of each track was captured, on one clock for the whole recording. Pure arithmetic.

A track's own time is that of its RTP timestamps: exact between frames, but it begins anywhere, and it may stand still
while nothing is sent. Two things tie it to the recorder's clock: when packets arrived (too late by a delay that varies,
so the least late ones count), and the sender reports (RFC 3550 §6.4.1), which tie all tracks of one browser to that
browser's clock, so that lips and voice agree whatever the delays.

All times are in seconds: `media` on the track's own clock, `arrival` on the recorder's, `ntp` on the sender's.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

_JUMP_S = 0.4
"""A change of delay this large is not the network's: the track's own clock stood still, or leapt."""
_NEAR = 8
"""So many arrivals before and after a moment tell how late packets were then."""


class Arrival(NamedTuple):
    """The least delayed packet of a short while."""

    media: float
    arrival: float

    @property
    def delay(self) -> float:
        """How late it was, on two clocks that have nothing to do with each other."""
        return self.arrival - self.media


class Report(NamedTuple):
    """A sender report: the moment `media` was captured at `ntp` of the sender's clock."""

    media: float
    ntp: float


class Segment(NamedTuple):
    """A stretch of a track whose own clock ran evenly."""

    arrivals: tuple[Arrival, ...]
    reports: tuple[Report, ...]


class TrackClock:
    """Turns a track's own time into time on the recorder's clock."""

    def __init__(self, points: Sequence[tuple[float, float]]) -> None:
        self._media = [media for media, _ in points]
        self._offsets = [offset for _, offset in points]

    def at(self, media: float) -> float:
        """Return when a frame was captured, on the recorder's clock."""
        if not self._media:
            return media
        return media + self._offsets[max(0, bisect_right(self._media, media) - 1)]


def segments(arrivals: Sequence[Arrival], reports: Iterable[Report]) -> list[Segment]:
    """Cut a track where its own clock jumped; each report belongs to the stretch that it falls into."""
    cut: list[list[Arrival]] = []
    for arrival in arrivals:
        if cut and abs(arrival.delay - min(known.delay for known in cut[-1][-8:])) < _JUMP_S:
            cut[-1].append(arrival)
        else:
            cut.append([arrival])
    starts = [stretch[0].media for stretch in cut]
    sorted_reports: list[list[Report]] = [[] for _ in cut]
    for report in reports:
        place = max(0, bisect_right(starts, report.media) - 1)
        if cut and report.media <= cut[place][-1].media + _JUMP_S:  # else it stands in a pause and says nothing of us
            sorted_reports[place].append(report)
    return [Segment(tuple(a), tuple(sorted(r))) for a, r in zip(cut, sorted_reports, strict=True)]


def sender_offset(tracks: Iterable[Sequence[Segment]]) -> float | None:
    """Return what to add to the clock of one sender to get the recorder's, None where it never sent a report.

    `tracks` are those of one browser. The least delayed packet of all of them counts.
    """
    offsets = [
        arrival.arrival - (arrival.media + _nearest(segment.reports, arrival.media))
        for track in tracks
        for segment in track
        if segment.reports
        for arrival in segment.arrivals
    ]
    return min(offsets, default=None)


def track_clock(track: Sequence[Segment], offset: float | None) -> TrackClock:
    """Return the clock of one track; `offset` is what `sender_offset` said of its sender.

    Where the sender's clock leapt, or stood still while the machine slept, its reports contradict the arrivals: then
    the arrivals count. So no report moves anything by more than the network could.
    """
    points: list[tuple[float, float]] = []
    for segment in track:
        start = segment.arrivals[0].media
        if segment.reports and offset is not None:
            (_, first), *others = _checked(segment, offset)
            points += [(start, first), *others]
        else:
            points.append((start, min(arrival.delay for arrival in segment.arrivals)))
    return TrackClock(points)


def _checked(segment: Segment, offset: float) -> list[tuple[float, float]]:
    moments = [arrival.media for arrival in segment.arrivals]
    points = []
    for report in segment.reports:
        place = bisect_right(moments, report.media)
        # Those near by: over hours a clock that runs a little wrong drifts away from all the others.
        own = min(arrival.delay for arrival in segment.arrivals[max(0, place - _NEAR) : place + _NEAR])
        said = report.ntp - report.media + offset
        points.append((report.media, said if abs(said - own) <= _JUMP_S else own))
    return points


def _nearest(reports: Sequence[Report], media: float) -> float:
    before = reports[max(0, bisect_right(reports, (media, float("inf"))) - 1)]
    return before.ntp - before.media
