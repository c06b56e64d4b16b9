"""From causes that apply to findings: what holds alike of several pairs is told once, and stays short."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from signaling.core.calls.finding import Finding, Found, Match
from signaling.core.calls.index import Index
from signaling.core.calls.scope import Scope
from signaling.core.calls.signs import is_running

_OPERATOR = "ask whoever runs this server, and give them the ID of this call"


class _NoPath(NamedTuple):
    """How it is said that some, or all, are without a path."""

    some: str
    nobody: str


_NEVER = _NoPath("{} never found a path", "Nobody found a path to anybody")
_NOT_YET = _NoPath("{} have not found a path", "Nobody has found a path to anybody")
_AT_FIRST = _NoPath("{} did not find a path at first", "Nobody found a path to anybody at first")


def tell(index: Index, found: Sequence[Found]) -> list[Finding]:
    """Return a finding for each cause and whom it is told of, in the order in which they were found."""
    # A dict keeps the order in which its keys came.
    alike: dict[object, list[Found]] = {}
    for number, one in enumerate(found):
        alike.setdefault(_sameness(one) if one.pair else number, []).append(one)
    return [_tell(index, same) for same in alike.values()]


def _sameness(one: Found) -> object:
    """Return what is equal where the same may be said: nobody is to stand for what another one's side shows."""
    before = one.match.before
    told_before = (before.cause.code, _culprit(before.match, one)) if before else None
    return one.cause.code, _culprit(one.match, one), told_before


def _culprit(match: Match, one: Found) -> frozenset[str]:
    """Return at which side the sign was seen; the empty set where at both."""
    who = frozenset(match.who)
    return who if who < set(one.pair) else frozenset()


def _tell(index: Index, same: list[Found]) -> Finding:
    cause, words = same[0].cause, _words(index, same)
    concerned = dict.fromkeys(member_id for one in same for member_id in (*one.pair, *one.match.who))
    return Finding(
        cause=cause.code,
        severity=cause.severity,
        text=cause.text.format(**words),
        advice=cause.advice.format(**words),
        host_advice=cause.host_advice.format(**words),
        at=same[0].match.at,
        members=[member_id for member_id in concerned if member_id in index.known],
    )


def _words(index: Index, same: list[Found]) -> dict[str, str]:
    """Return what the texts of a cause may hold, of all for whom it is told."""
    scope = Scope(index, [one.pair for one in same])
    words = _words_of(index, scope, [one.match for one in same], _NOT_YET if is_running(index.record) else _NEVER)
    before = [one.match.before for one in same if one.match.before]
    if before:
        cause, then = before[0].cause, _words_of(index, scope, [one.match for one in before], _AT_FIRST)
        words["before"] = cause.text.format(**then)
        words["advice_before"] = cause.advice.format(**then)
        words["host_advice_before"] = cause.host_advice.format(**then)
    return words


def _words_of(index: Index, scope: Scope, matches: list[Match], found: _NoPath) -> dict[str, str]:
    who = list(dict.fromkeys(member_id for match in matches for member_id in match.who))
    worst = max(matches, key=lambda match: match.size)
    return {
        "pair": str(scope),
        "who": index.names.listed(who),
        "other": index.names.listed([member_id for member_id in scope.members if member_id not in who]),
        "value": f"up to {worst.value}" if worst.size and len(matches) > 1 else worst.value,
        "no_path": found.nobody if scope.everyone else found.some.format(scope),
        "both": "both" if len(scope.members) < 3 else "all",
        "operator": _OPERATOR,
    }
