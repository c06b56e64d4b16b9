"""Names, numbers and times of a call in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import accumulate

from signaling.core.calls.record import CallRecord, MemberRecord
from signaling.core.messages import MediaKind

DEVICES: dict[MediaKind, str] = {"audio": "microphone", "video": "camera", "screen": "screen"}
_SHORT_ID = 4
_LONGEST_NAME = 20
_MOST_NAMED = 3
_SHORT_CALL_ID = 12


class Names:
    """The display names of a call's members, long ones cut; two with the same name are told apart by a short id."""

    def __init__(self, members: Sequence[MemberRecord]) -> None:
        self._names = {member.id: _cut(member.name) for member in members}
        self._counts = Counter(self._names.values())

    def of(self, member_id: str) -> str:
        """Return the name of a member; of one that the record does not hold any more only the short id."""
        name = self._names.get(member_id) or "someone"
        return name if self._counts[name] == 1 or not member_id else f"{name} ({member_id[:_SHORT_ID]})"

    def listed(self, member_ids: Iterable[str]) -> str:
        """Return the names as in `A, B and C`, of more than three as in `A, B and 25 others`."""
        return shortened([self.of(member_id) for member_id in member_ids], "other", "others")


def _cut(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1].rstrip()}…"


def listed(words: Sequence[str], last: str = "and") -> str:
    """Return the words as in `A, B and C`."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def shortened(words: Sequence[str], one: str, many: str) -> str:
    """Return the words as in `A, B and C`, of more than three only two and how many others: `A, B and 25 others`."""
    if len(words) <= _MOST_NAMED:
        return listed(words)
    named = words[: _MOST_NAMED - 1]
    return listed([*named, counted(len(words) - len(named), one, many)])


def counted(number: int, one: str, many: str) -> str:
    """Return `1 person`, `3 people`."""
    return f"{number} {one if number == 1 else many}"


def short(call_id: str) -> str:
    """Return as much of a call's id as one reads out; `chatter calls show` takes it."""
    return call_id[:_SHORT_CALL_ID]


def times(number: int) -> str:
    """Return `once`, `3 times`."""
    return "once" if number == 1 else f"{number} times"


def duration(milliseconds: float) -> str:
    """Return a length of time as one reads it at a glance: `0.4 s`, `45 s`, `12 min`, `1 h 05 min`."""
    seconds = max(0.0, milliseconds) / 1000
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def percent(share: float) -> str:
    """Return a share of 1 as `8 %`."""
    return f"{share * 100:.0f} %"


def count_people(record: CallRecord) -> int:
    """Count the people of a call; who came back later under the same name counts once, recorders do not."""
    stays: dict[tuple[str, bool], list[MemberRecord]] = {}
    for member in record.members:
        if member.kind == "person":
            stays.setdefault((member.name, member.account), []).append(member)
    return record.more_members + sum(_most_at_once(members) for members in stays.values())


def _most_at_once(members: list[MemberRecord]) -> int:
    comings = [(member.joined_at, 1) for member in members]
    # Who left before having come (a clock was set back) was there at least then.
    goings = [(max(one.left_at, one.joined_at + 1), -1) for one in members if one.left_at is not None]
    # At the same time, who goes goes first.
    return max(accumulate(change for _, change in sorted(comings + goings)))
