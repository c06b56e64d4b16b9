"""What the signs in a call's record likely mean, in plain words, the first to look at first.

The rows are in `call_causes`, `path_causes` (a pair without a path is told the first that applies), `member_causes` and
`media_causes`; docs/call-records.md shows them all.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from signaling.core.calls.call_causes import CALL_CAUSES
from signaling.core.calls.finding import Cause, Finding, Match, Severity, Summary
from signaling.core.calls.media_causes import MEDIA_CAUSES
from signaling.core.calls.member_causes import MEMBER_CAUSES
from signaling.core.calls.path_causes import PATH_CAUSES
from signaling.core.calls.record import CallRecord, Outcome, PairRecord
from signaling.core.calls.signs import MediaSigns, MemberSigns, is_running, path_signs, selected_pairs
from signaling.core.calls.words import Names, count_people, counted, duration, listed


def _left_early(pair: PairRecord) -> Match | None:
    if pair.connected_at is not None or not pair.attempts or pair.attempts[-1].outcome != "abandoned":
        return None
    return Match((pair.a, pair.b), at=pair.attempts[-1].settled_at)


def _not_reported(pair: PairRecord) -> Match | None:
    return Match((pair.a, pair.b)) if pair.outcome == "unreported" else None


PAIR_NOTES: tuple[Cause[PairRecord], ...] = (
    Cause(
        "left_before_connected",
        "note",
        "An attempt ended within five seconds because one of the two left",
        _left_early,
        "{pair} were not connected yet when one of them left.",
        "Nothing is wrong: they were together for too short a time.",
    ),
    Cause(
        "not_reported",
        "note",
        "Neither client tells what becomes of its paths",
        _not_reported,
        "What became of the path between {pair} is not known: their clients do not tell.",
        "Foreign or old clients. Chatter's own web client tells.",
    ),
)

CAUSES: tuple[Cause[Any], ...] = (*CALL_CAUSES, *PATH_CAUSES, *MEMBER_CAUSES, *MEDIA_CAUSES, *PAIR_NOTES)
"""All rows. Findings of one severity come in this order."""

_GONE = frozenset({"signaling_lost", "gone_before_answer", "gone_before_path"})
EXPLAINS: dict[str, frozenset[str]] = {
    "server_died": _GONE | {"left_before_connected"},
    "server_stopped": _GONE | {"left_before_connected"},
    "gone_before_answer": frozenset({"signaling_lost"}),
    "gone_before_path": frozenset({"signaling_lost"}),
    "slow_client": frozenset({"gone_before_answer", "gone_before_path"}),
    "broke_protocol": frozenset({"gone_before_answer", "gone_before_path"}),
    "credentials_expired": frozenset({"gone_before_answer", "gone_before_path"}),
    "high_loss": frozenset({"frozen"}),
    "cpu_limited": frozenset({"frozen"}),
}
"""What need not be told of members of whom the first is told."""

_WITHOUT_PATH: dict[Outcome, str] = {
    "connecting": "connecting",
    "abandoned": "one left before they were connected",
    "unreported": "their clients do not tell of their paths",
}
_UNKNOWN = "nothing is known of a path between them"
_SEVERITIES: tuple[Severity, ...] = ("failed", "degraded", "note")
_RANK = {cause.code: (_SEVERITIES.index(cause.severity), index) for index, cause in enumerate(CAUSES)}


class _Found(NamedTuple):
    cause: Cause[Any]
    match: Match
    pair: tuple[str, ...] = ()

    @property
    def order(self) -> tuple[tuple[int, int], int]:
        return _RANK[self.cause.code], self.match.at or 0


def findings(record: CallRecord) -> list[Finding]:
    """Return what likely went wrong in a call, ended or not, the worst first; nothing where all went well."""
    found = [*_find_in_call(record), *_find_in_pairs(record), *_find_in_members(record)]
    told = sorted((one for one in found if not _is_explained(one, found)), key=lambda one: one.order)
    # A dict keeps the order in which its keys came.
    alike: dict[object, list[_Found]] = {}
    for number, one in enumerate(told):
        alike.setdefault(one.cause.code if one.pair else number, []).append(one)
    return [_tell(record, same) for same in alike.values()]


def summary(record: CallRecord) -> Summary:
    """Return one line about a call: the worst that is to be told, or what went well."""
    worst = next((finding for finding in findings(record) if finding.severity != "note"), None)
    if worst is not None:
        failed = worst.severity == "failed"
        return Summary(result="failed" if failed else "degraded", cause=worst.cause, text=worst.text)
    people = count_people(record)
    length = "still running" if record.ended_at is None else duration(record.ended_at - record.started_at)
    text = f"{counted(people, 'person', 'people') if people else 'Nobody came in'}, {length}"
    if people < 2 and not record.pairs:
        return Summary(result="empty", text=text)
    return Summary(result="ok", text=f"{text}; {_describe_paths(record)}")


def _find_in_call(record: CallRecord) -> Iterator[_Found]:
    for cause in CALL_CAUSES:
        if (match := cause.applies(record)) is not None:
            yield _Found(cause, match)


def _find_in_members(record: CallRecord) -> Iterator[_Found]:
    for member in record.members:
        for cause in MEMBER_CAUSES:
            if (match := cause.applies(MemberSigns(record, member))) is not None:
                yield _Found(cause, match)


def _find_in_pairs(record: CallRecord) -> Iterator[_Found]:
    for pair in record.pairs:
        both = (pair.a, pair.b)
        lost = _find_path_cause(record, pair)
        if lost is not None:
            yield lost
        for cause in MEDIA_CAUSES:
            if (match := cause.applies(MediaSigns(record, pair))) is not None:
                yield _Found(cause, match, both)
        for note in PAIR_NOTES:
            if lost is None and (match := note.applies(pair)) is not None:
                yield _Found(note, match, both)


def _find_path_cause(record: CallRecord, pair: PairRecord) -> _Found | None:
    signs = path_signs(record, pair)
    if signs is None:
        return None
    matches = ((cause, cause.applies(signs)) for cause in PATH_CAUSES)
    cause, match = next((cause, match) for cause, match in matches if match is not None)
    at = signs.attempt.settled_at or signs.attempt.started_at
    return _Found(cause, match._replace(at=at), (pair.a, pair.b))


def _is_explained(one: _Found, found: list[_Found]) -> bool:
    return any(
        one.cause.code in EXPLAINS.get(other.cause.code, ())
        and set(one.match.who) <= set(other.match.who)
        and (not one.pair or not other.pair or one.pair == other.pair)
        for other in found
    )


def _tell(record: CallRecord, same: list[_Found]) -> Finding:
    """Make one finding of what holds alike for several pairs."""
    first, names = same[0], Names(record.members)
    text = _fill(first.cause.text, record, first, names)
    if len(same) > 1:
        text += f" The same goes for {'; '.join(names.listed(one.pair) for one in same[1:])}."
    known = {member.id for member in record.members}
    concerned = dict.fromkeys(member_id for one in same for member_id in (*one.pair, *one.match.who))
    return Finding(
        cause=first.cause.code,
        severity=first.cause.severity,
        text=text,
        advice=_fill(first.cause.advice, record, first, names),
        at=first.match.at,
        members=[member_id for member_id in concerned if member_id in known],
    )


def _fill(template: str, record: CallRecord, found: _Found, names: Names) -> str:
    who = found.match.who
    return template.format(
        pair=names.listed(found.pair),
        who=names.listed(who),
        other=names.listed([member_id for member_id in found.pair if member_id not in who]),
        value=found.match.value,
        never_found="have not found" if is_running(record) else "never found",
    )


def _describe_paths(record: CallRecord) -> str:
    pairs = len(record.pairs) + record.more_pairs
    connected = [pair for pair in record.pairs if pair.connected_at is not None]
    ways = [way for pair in connected if (way := describe_way(pair))]
    if not connected:
        outcomes = {pair.outcome for pair in record.pairs}
        return _WITHOUT_PATH.get(outcomes.pop(), _UNKNOWN) if len(outcomes) == 1 else _UNKNOWN
    if pairs == 1:
        return " ".join(["connected", *ways])
    how = [f"{ways.count(way)} {way}" for way in ("directly", "over TURN") if way in ways]
    many = f"all {pairs} pairs" if len(connected) == pairs else f"{len(connected)} of {pairs} pairs"
    return ", ".join([f"{many} connected", *([listed(how)] if how else [])])


def describe_way(pair: PairRecord) -> str:
    """Return `directly` or `over TURN`; the empty string where neither side told."""
    paths = selected_pairs(pair).values()
    if not paths:
        return ""
    return "over TURN" if any("relay" in (path.local, path.remote) for path in paths) else "directly"
