"""A call in one line: what lists show of its record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from signaling.core.calls.causes import summary
from signaling.core.calls.finding import Result
from signaling.core.calls.words import count_people

if TYPE_CHECKING:
    from signaling.core.calls.record import CallRecord


class CallLine(Struct, rename="camel", frozen=True, kw_only=True):
    """What everyone sees of a call in a list. Times are milliseconds since 1970 UTC; `people`: how many took part."""

    id: str
    started_at: int
    ended_at: int | None
    people: int
    result: Result
    cause: str | None
    text: str


class CallOverview(CallLine, frozen=True, kw_only=True):
    """What lists are made of."""

    room_id: str
    node: str
    updated_at: int
    """When this was written; tells a call that runs from one whose server is gone."""


def overview(record: CallRecord, updated_at: int) -> CallOverview:
    """Return what lists show of a record as it is at `updated_at`."""
    found = summary(record)
    return CallOverview(
        id=record.id,
        room_id=record.room,
        node=record.node,
        started_at=record.started_at,
        ended_at=record.ended_at,
        updated_at=updated_at,
        people=count_people(record),
        result=found.result,
        cause=found.cause,
        text=found.text,
    )
