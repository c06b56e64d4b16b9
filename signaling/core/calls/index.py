"""A record by whom its parts concern, read once: to find causes takes as long as the record is, not its square."""

from __future__ import annotations

import math
from bisect import bisect_right
from itertools import accumulate

from signaling.core.calls.record import CallRecord, Event, LeaveReason, MemberRecord
from signaling.core.calls.words import Names

_VANISHED: frozenset[LeaveReason] = frozenset({"lost", "slow", "protocol", "expired", "server"})
"""Reasons to leave that are nobody's wish."""
_OF_MEDIA = ("connected", "disconnected", "failed")


class Index:
    """What a record says of one member, of two, of a moment. Times are milliseconds since 1970 UTC."""

    __slots__ = (
        "_device_failed_at",
        "_joins",
        "_last_leave",
        "_left",
        "_media",
        "_signaling",
        "known",
        "names",
        "paired",
        "record",
    )

    def __init__(self, record: CallRecord) -> None:
        self.record = record
        self.names = Names(record.members)
        self.known = {member.id for member in record.members}
        self.paired = {member_id for pair in record.pairs for member_id in (pair.a, pair.b)}
        self._left: dict[str, list[MemberRecord]] = {}
        for member in record.members:
            if member.left_at is not None:
                self._left.setdefault(member.id, []).append(member)
        stays = sorted((member.joined_at, _end_of(member)) for member in record.members)
        self._joins = [joined_at for joined_at, _ in stays]
        self._last_leave = list(accumulate((left_at for _, left_at in stays), max))
        """When the last left of those who had come by the join at the same place in `_joins`."""
        self._signaling: dict[str, list[Event]] = {}
        self._media: dict[frozenset[str], list[Event]] = {}
        self._device_failed_at: dict[str, int] = {}
        for event in record.events:
            self._sort(event)

    def was_cut_off(self, member_id: str, at: int) -> bool:
        """Tell whether a member was cut off at this time: signaling lost and not back, or gone without wishing to."""
        heard = [event.kind for event in self._signaling.get(member_id, ()) if event.at <= at]
        if heard and heard[-1] == "lost":
            return True
        return any(
            member.leave_reason in _VANISHED and member.left_at is not None and member.left_at <= at
            for member in self._left.get(member_id, ())
        )

    def lost_at(self, member_id: str) -> int | None:
        """Return when a member's signaling connection broke last; None where it never did."""
        lost = [event.at for event in self._signaling.get(member_id, ()) if event.kind == "lost"]
        return lost[-1] if lost else None

    def someone_stays(self, at: int) -> bool:
        """Tell whether anybody who had come by then is there for longer."""
        come = bisect_right(self._joins, at)
        return come > 0 and self._last_leave[come - 1] > at

    def media_between(self, a: str, b: str) -> list[Event]:
        """Return when two told that media between them passes, and that it does not."""
        return self._media.get(frozenset((a, b)), [])

    def device_failed_at(self, member_id: str) -> int | None:
        """Return when a member told first that a device cannot be used."""
        return self._device_failed_at.get(member_id)

    def _sort(self, event: Event) -> None:
        if event.kind in ("lost", "back"):
            self._signaling.setdefault(event.member, []).append(event)
        elif event.kind in _OF_MEDIA:
            self._media.setdefault(frozenset((event.member, event.other)), []).append(event)
        elif event.kind == "media_error":
            self._device_failed_at.setdefault(event.member, event.at)


def _end_of(member: MemberRecord) -> float:
    return math.inf if member.left_at is None else member.left_at
