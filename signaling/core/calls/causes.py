"""What the signs in a call's record likely mean, in plain words, the first to look at first.

The rows are in `call_causes`, `path_causes` (a pair without a path is told the first that applies), `member_causes` and
`media_causes`; docs/call-records.md shows them all.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

from signaling.core.calls.call_causes import CALL_CAUSES
from signaling.core.calls.finding import Cause, Finding, Found, Match, Result, Severity, Summary
from signaling.core.calls.index import Index
from signaling.core.calls.media_causes import MEDIA_CAUSES
from signaling.core.calls.member_causes import MEMBER_CAUSES
from signaling.core.calls.path_causes import PATH_CAUSES, judge
from signaling.core.calls.record import CallRecord, Outcome, PairRecord
from signaling.core.calls.signs import MediaSigns, MemberSigns, is_connecting, is_running, path_signs, selected_pairs
from signaling.core.calls.telling import tell
from signaling.core.calls.words import count_people, counted, duration, listed


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
        "One left before {pair} were connected.",
        "Nothing is wrong: they were together for too short a time.",
        "Nothing is wrong: they were together for too short a time.",
    ),
    Cause(
        "not_reported",
        "note",
        "Neither client tells what becomes of its paths",
        _not_reported,
        "What became of the path between {pair} is not known: their clients do not tell.",
        "Foreign or old clients. Chatter's own web client tells.",
        "Nothing is wrong with that. The page of this server tells more than other programs do.",
    ),
)


def _failed_not_kept(record: CallRecord) -> Match | None:
    return Match(value=counted(record.more_failed, "more pair", "more pairs")) if record.more_failed else None


LEFT_OUT: tuple[Cause[CallRecord], ...] = (
    Cause(
        "pairs_not_kept",
        "failed",
        "Pairs that found no path, or lost it, had no place in the record",
        _failed_not_kept,
        "No path, or a lost one: {value} for which the record had no place.",
        "The call was too large for a record. Look at what is told of the others: it is likely the same.",
        "The call was very large. Look at what is told of the others: it is likely the same.",
    ),
)

CAUSES: tuple[Cause[Any], ...] = (*CALL_CAUSES, *PATH_CAUSES, *MEMBER_CAUSES, *MEDIA_CAUSES, *PAIR_NOTES, *LEFT_OUT)
"""All rows. Findings of one severity come in this order."""

_ANY = ("any",)
"""Stands for the pair of what is told of whatever pair."""
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
    "connecting": "still connecting",
    "abandoned": "one left before they were connected",
    "unreported": "their clients do not tell of their paths",
}
_UNKNOWN = "nothing is known of a path between them"
LINE = 160
"""Characters of a summary, at most."""
_SEVERITIES: tuple[Severity, ...] = ("failed", "degraded", "note")
_RANK = {cause.code: (_SEVERITIES.index(cause.severity), index) for index, cause in enumerate(CAUSES)}


def findings(record: CallRecord) -> list[Finding]:
    """Return what likely went wrong in a call, ended or not, the worst first; nothing where all went well."""
    index = Index(record)
    found = [*_find_in_call(record), *_find_in_pairs(index), *_find_in_members(index)]
    explanations = _Explanations(found)
    told = sorted((one for one in found if not explanations.cover(one)), key=_order)
    return tell(index, told)


def summary(record: CallRecord) -> Summary:
    """Return one line about a call: the worst that is to be told, or what went well."""
    worst = next((finding for finding in findings(record) if finding.severity != "note"), None)
    if worst is not None:
        failed = worst.severity == "failed"
        text = textwrap.shorten(worst.text, LINE, placeholder="…", break_on_hyphens=False)
        return Summary(result="failed" if failed else "degraded", cause=worst.cause, text=text)
    people = count_people(record)
    length = "still running" if record.ended_at is None else duration(record.ended_at - record.started_at)
    text = f"{counted(people, 'person', 'people') if people else 'Nobody came in'}, {length}"
    if people < 2 and not record.pairs:
        return Summary(result="empty", text=text)
    # Of a call that runs nothing is known to be well before two have met.
    result: Result = "empty" if is_running(record) and is_connecting(record) else "ok"
    return Summary(result=result, text=f"{text}; {_describe_paths(record)}")


def _order(one: Found) -> tuple[tuple[int, int], int]:
    return _RANK[one.cause.code], one.match.at or 0


def _find_in_call(record: CallRecord) -> Iterator[Found]:
    for cause in (*CALL_CAUSES, *LEFT_OUT):
        if (match := cause.applies(record)) is not None:
            yield Found(cause, match)


def _find_in_members(index: Index) -> Iterator[Found]:
    for member in index.record.members:
        for cause in MEMBER_CAUSES:
            if (match := cause.applies(MemberSigns(index, member))) is not None:
                yield Found(cause, match)


def _find_in_pairs(index: Index) -> Iterator[Found]:
    for pair in index.record.pairs:
        both = (pair.a, pair.b)
        signs = path_signs(index, pair)
        lost = judge(signs) if signs else None
        if lost is not None:
            yield lost
        for cause in MEDIA_CAUSES:
            if (match := cause.applies(MediaSigns(index, pair))) is not None:
                yield Found(cause, match, both)
        for note in PAIR_NOTES:
            if lost is None and (match := note.applies(pair)) is not None:
                yield Found(note, match, both)


class _Explanations:
    """What was found that explains something else, by what it explains and of whom."""

    def __init__(self, found: list[Found]) -> None:
        self._by: dict[tuple[str, str, tuple[str, ...]], list[frozenset[str]]] = {}
        for one in found:
            who = frozenset(one.match.who)
            for explained in EXPLAINS.get(one.cause.code, ()):
                for member_id in who:
                    for pair in {one.pair, _ANY}:
                        self._by.setdefault((explained, member_id, pair), []).append(who)

    def cover(self, one: Found) -> bool:
        """Tell whether all of whom something was found need not be told of it."""
        who = frozenset(one.match.who)
        for pair in (one.pair, ()) if one.pair else (_ANY,):
            for others in self._by.get((one.cause.code, next(iter(one.match.who), ""), pair), ()):
                if who <= others:
                    return True
        return False


def _describe_paths(record: CallRecord) -> str:
    text = _describe_kept_paths(record.pairs)
    if not record.more_pairs:
        return text
    return f"{text}; {counted(record.more_pairs, 'more pair is', 'more pairs are')} not in the record"


def _describe_kept_paths(pairs: list[PairRecord]) -> str:
    connected = [pair for pair in pairs if pair.connected_at is not None]
    ways = [way for pair in connected if (way := describe_way(pair))]
    if not connected:
        outcomes = {pair.outcome for pair in pairs}
        return _WITHOUT_PATH.get(outcomes.pop(), _UNKNOWN) if len(outcomes) == 1 else _UNKNOWN
    if len(pairs) == 1:
        return " ".join(["connected", *ways])
    how = [f"{ways.count(way)} {way}" for way in ("directly", "over TURN") if way in ways]
    many = f"all {len(pairs)} pairs" if len(connected) == len(pairs) else f"{len(connected)} of {len(pairs)} pairs"
    return ", ".join([f"{many} connected", *([listed(how)] if how else [])])


def describe_way(pair: PairRecord) -> str:
    """Return `directly` or `over TURN`; the empty string where neither side told."""
    paths = selected_pairs(pair).values()
    if not paths:
        return ""
    return "over TURN" if any("relay" in (path.local, path.remote) for path in paths) else "directly"
