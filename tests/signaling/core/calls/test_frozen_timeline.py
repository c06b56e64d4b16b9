"""A timeline that moves from node to node goes on as one that stays where it is."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import settings
from hypothesis.stateful import invariant

from signaling.core.calls.frozen import FrozenTimeline
from signaling.core.calls.record import CallRecord
from signaling.core.calls.timeline import Timeline
from tests.signaling.core.calls.test_timeline_machine import BOUNDS, TimelineMachine


def moved(timeline: Timeline) -> Timeline:
    """Return a timeline as it arrives at another node."""
    sent = msgspec.msgpack.encode(timeline.freeze())
    return Timeline.thaw(msgspec.msgpack.decode(sent, type=FrozenTimeline))


class Twins:
    """A timeline that stays and one that moves before each word; both hear the same, and must say the same.

    Not where the record is full (`exact`): what goes first is decided by what was found out before, which is found out
    anew after a move.
    """

    def __init__(self, staying: Timeline, *, exact: bool) -> None:
        self._staying = staying
        self._moving = staying
        self._exact = exact

    def __getattr__(self, name: str) -> Any:
        def told(*what: Any) -> Any:
            self._moving = moved(self._moving)
            facts = getattr(self._staying, name)(*what)
            others = getattr(self._moving, name)(*what)
            if self._exact:
                assert (others, self._moving.record) == (facts, self._staying.record)
            written = msgspec.json.encode(self._moving.record)
            assert len(written) <= BOUNDS["MAX_RECORD_BYTES"] or self._exact
            assert msgspec.json.decode(written, type=CallRecord) == self._moving.record
            return facts

        return told


class MovingMachine(TimelineMachine):
    """The same people in a call that moves all the time."""

    def __init__(self) -> None:
        super().__init__()
        self.patch.undo()
        self.timeline = Twins(Timeline(self.record), exact=True)  # type: ignore[assignment]

    @invariant()
    def it_reads_back_and_fits(self) -> None:
        """The record has room for more than in the other machine."""


class MovingFullMachine(TimelineMachine):
    """The same, where the record is soon full."""

    def __init__(self) -> None:
        super().__init__()
        self.timeline = Twins(self.timeline, exact=False)  # type: ignore[assignment]


TestMovingTimeline = MovingMachine.TestCase
TestMovingTimeline.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestMovingFullTimeline = MovingFullMachine.TestCase
TestMovingFullTimeline.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
