"""A call as lines of text, to read in a terminal at a glance. Times are UTC."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from signaling.core.calls.event_words import describe_event
from signaling.core.calls.finding import Finding
from signaling.core.calls.record import CallRecord, Event, MemberRecord, Outcome, PairRecord, Quality
from signaling.core.calls.signs import is_connecting, is_running, selected_pairs
from signaling.core.calls.words import DEVICES, Names, count_people, counted, duration, listed, percent
from signaling.core.messages import SelectedPair

WIDTH = 100
_LABEL = 10
"""Columns of `failed`, `degraded` and `note` before what is found."""
_NOT_TOLD = "not told"

_OUTCOMES: dict[Outcome, str] = {
    "connecting": "connecting",
    "connected": "connected",
    "failed": "no path",
    "timeout": "no path in time",
    "abandoned": "ended before a path was found",
    "unreported": _NOT_TOLD,
}


def render(record: CallRecord, findings: Sequence[Finding]) -> list[str]:
    """Return a call as lines: what went wrong first, then people, pairs and what happened, by the clock."""
    names = Names(record.members)
    lines = [*_render_head(record), "", *_render_findings(record, findings)]
    lines += _section("People", [line for member in record.members for line in _render_member(record, member, names)])
    lines += _section("Pairs", [line for pair in record.pairs for line in _render_pair(pair, names)])
    lines += _section("What happened (UTC)", [line for event in record.events for line in _render_event(event, names)])
    if left_out := _describe_left_out(record):
        lines += ["", f"Not kept in the record: {left_out}."]
    return lines


def _render_head(record: CallRecord) -> Iterator[str]:
    trace = "" if record.traced else " (not sent anywhere)"
    yield f"Call {record.id} in room {record.room} on {record.node}"
    yield " · ".join(
        [
            f"{_date(record.started_at)} {_clock(record.started_at)} UTC",
            _length(record),
            counted(count_people(record), "person", "people"),
        ]
    )
    yield f"Trace {record.id}{trace}"


def _length(record: CallRecord) -> str:
    if record.ended_at is not None:
        return duration(record.ended_at - record.started_at)
    return "still running" if is_running(record) else "end not written"


def _render_findings(record: CallRecord, findings: Sequence[Finding]) -> list[str]:
    if not findings:
        return [_describe_good(record)]
    lines: list[str] = []
    for finding in findings:
        lines += _wrap(finding.text, finding.severity.ljust(_LABEL), _LABEL)
        lines += _wrap(finding.advice, f"{' ' * _LABEL}→ ", _LABEL + 2)
    return lines


def _describe_good(record: CallRecord) -> str:
    if not is_running(record):
        return "Nothing went wrong."
    return "Nothing wrong so far; still connecting." if is_connecting(record) else "Nothing wrong so far."


def _section(title: str, lines: list[str]) -> list[str]:
    return ["", title, *lines] if lines else []


def _render_member(record: CallRecord, member: MemberRecord, names: Names) -> list[str]:
    left = "still in" if is_running(record) else "end not written"
    if member.left_at is not None:
        left = f"{_clock(member.left_at)} {member.leave_reason or ''}".rstrip()
    who = [f"{names.of(member.id)} ({member.role if member.kind == 'person' else member.kind})"]
    who += [told for told in (member.browser, member.network) if told]
    if member.losses:
        who.append(f"lost the server {member.losses}×, back {member.resumes}×")
    who += [f"{DEVICES[device]}: {reason}" for device, reason in member.media_errors.items()]
    return _wrap(", ".join(who), f"  {_clock(member.joined_at)} – {left}  ", 4)


def _render_pair(pair: PairRecord, names: Names) -> Iterator[str]:
    told = [_describe_outcome(pair)]
    if path := describe_path(pair):
        told.append(path)
    more = len(pair.attempts) + pair.more_attempts - 1
    if more > 0:
        told.append(counted(more, "further attempt", "further attempts"))
    yield from _wrap(", ".join(told), f"  {names.of(pair.a)} – {names.of(pair.b)}: ", 4)
    for member_id, quality in pair.quality.items():
        if numbers := _describe_quality(quality):
            yield from _wrap(", ".join(numbers), f"    {names.of(member_id)}: ", 6)


def _describe_outcome(pair: PairRecord) -> str:
    if pair.connected_at is None:
        return _OUTCOMES[pair.outcome]
    first = pair.attempts[0] if pair.attempts and pair.attempts[0].kind == "initial" else None
    took = f" after {duration(pair.connected_at - first.started_at)}" if first else ""
    if pair.outcome in ("failed", "timeout"):
        return f"connected{took}, then {_OUTCOMES[pair.outcome]}"
    return f"connected{took}"


def describe_path(pair: PairRecord) -> str:
    """Return a path as `host ↔ relay over udp`, first the side of who was there first; empty where neither told."""
    paths = selected_pairs(pair)
    if not paths:
        return ""
    member_id, path = next(iter(paths.items()))
    sides = (path.local, path.remote) if member_id == pair.a else (path.remote, path.local)
    return f"{sides[0] or '?'} ↔ {sides[1] or '?'} over {_transport(list(paths.values()))}"


def _transport(paths: list[SelectedPair]) -> str:
    """Name how a relay is reached where one is in the path: `protocol` is how the relay speaks to the other side."""
    relayed = sorted({path.relayProtocol for path in paths if path.relayProtocol})
    return listed(relayed) if relayed else paths[0].protocol or "?"


def _describe_quality(quality: Quality) -> list[str]:
    numbers = []
    if quality.rtt_ms is not None:
        numbers.append(f"{quality.rtt_ms[0]:.0f} ms there and back")
    if quality.jitter_ms is not None:
        numbers.append(f"{quality.jitter_ms[0]:.0f} ms jitter")
    for loss, way in ((quality.loss_in, "in"), (quality.loss_out, "out")):
        if loss is not None:
            numbers.append(f"{percent(loss[0])} lost {way}")
    for bitrate, way in ((quality.bitrate_in, "in"), (quality.bitrate_out, "out")):
        if bitrate is not None:
            numbers.append(f"{bitrate / 1000:.0f} kbit/s {way}")
    if quality.freezes:
        numbers.append(f"{counted(quality.freezes, 'freeze', 'freezes')} ({duration(quality.frozen_ms)})")
    for digests, lack in ((quality.limited_by_cpu, "CPU"), (quality.limited_by_bandwidth, "bandwidth")):
        if digests:
            numbers.append(f"short of {lack} in {digests} of {quality.digests} digests")
    return numbers


def _render_event(event: Event, names: Names) -> list[str]:
    return _wrap(describe_event(event, names), f"  {_clock(event.at)}  ", 12)


def _describe_left_out(record: CallRecord) -> str:
    more = (
        (record.more_members, "member", "members"),
        (record.more_pairs, "pair", "pairs"),
        (record.more_events, "event", "events"),
    )
    return listed([counted(number, one, many) for number, one, many in more if number])


def _wrap(text: str, first: str, indent: int) -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _date(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%d")


def _clock(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%H:%M:%S")
