"""Of whom a cause is told, and how it stays short."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import pytest

from signaling.core.calls.causes import LINE, findings, summary
from signaling.core.calls.finding import Finding
from signaling.core.calls.record import Attempt, CallRecord, PairRecord
from signaling.core.messages import CandidateCounts
from tests.signaling.core.calls.records import (
    HOST,
    MINUTE,
    RELAY,
    SRFLX,
    attempt,
    call,
    connected,
    event,
    judged,
    member,
    pair,
    quality,
    report,
)

NAMES = ["Ann", "Bob", "Cyd", "Dora", "Eve", "Fay", "Gil", "Hal"]


def tried(a: str, b: str, of_a: CandidateCounts = HOST, of_b: CandidateCounts = HOST) -> PairRecord:
    """Make a pair that found no path, with the candidates that each had."""
    one = attempt(
        "failed",
        offered_by=b,
        relayed={a: of_a, b: of_b},
        reports={a: report("failed", of_a, remote=of_b), b: report("failed", of_b, remote=of_a)},
    )
    return pair(one, a=a, b=b)


def lossy(a: str, b: str, loss: float) -> PairRecord:
    """Make a pair of which `a` lost packets."""
    return pair(connected(reports={}), a=a, b=b, quality={a: quality(loss_in=(loss, loss)), b: quality()})


def met(a: str, b: str) -> PairRecord:
    return pair(connected(reports={}), a=a, b=b)


def people(names: list[str], way: Callable[[str, str], PairRecord], **more: object) -> CallRecord:
    """Make a call in which every two of these are a pair."""
    members = [member(name, name) for name in names]
    return call(*(way(a, b) for a, b in combinations(names, 2)), members=members, **more)


def few(*pairs: PairRecord, **more: object) -> CallRecord:
    ids = dict.fromkeys(member_id for one in pairs for member_id in (one.a, one.b))
    return call(*pairs, members=[member(member_id, member_id) for member_id in ids], **more)


def failing(*two: set[str]) -> Callable[[str, str], PairRecord]:
    return lambda a, b: tried(a, b) if {a, b} in two else met(a, b)


def without_relay(*lacking: str) -> Callable[[str, str], PairRecord]:
    def counts(name: str) -> CandidateCounts:
        return SRFLX if name in lacking else RELAY

    return lambda a, b: met(a, b) if counts(a) == counts(b) else tried(a, b, counts(a), counts(b))


def only(record: CallRecord) -> Finding:
    (finding,) = findings(record)
    return finding


# --- who is told of --------------------------------------------------------------------------------------------------


def test_nobody_stands_for_what_the_side_of_another_shows() -> None:
    record = few(tried("Ann", "Bob", RELAY, SRFLX), tried("Ann", "Cyd", SRFLX, RELAY), turn=True)
    told = {finding.text: finding for finding in findings(record)}
    assert list(told) == [
        "Ann and Bob never found a path: Ann reached the TURN server, Bob did not.",
        "Ann and Cyd never found a path: Cyd reached the TURN server, Ann did not.",
    ]
    assert [finding.advice.split(" blocks")[0] for finding in told.values()] == [
        "The network of Bob",
        "The network of Ann",
    ]
    assert [finding.members for finding in told.values()] == [["Ann", "Bob"], ["Ann", "Cyd"]]


def test_who_alone_shows_the_sign_is_told_of_once() -> None:
    finding = only(people(NAMES, without_relay("Dora"), turn=True))
    assert finding.text == (
        "Dora and everyone else never found a path: Ann, Bob and 5 others reached the TURN server, Dora did not."
    )
    assert finding.host_advice.startswith("The network of Dora lets little through")
    assert set(finding.members) == set(NAMES)


def test_the_worst_number_is_told() -> None:
    pairs = [lossy("Ann", other, loss) for other, loss in (("Bob", 0.03), ("Cyd", 0.45), ("Eve", 0.4))]
    assert only(few(*pairs)).text == (
        "Between Ann and everyone else, packets were lost on the way to Ann: up to 45 % on average."
    )
    assert only(few(pairs[0])).text.endswith("on the way to Ann: 3 % on average.")


def test_those_who_lose_packets_are_told_apart() -> None:
    told = [finding.text for finding in findings(few(lossy("Ann", "Bob", 0.05), lossy("Cyd", "Bob", 0.2)))]
    assert told == [
        "Between Ann and Bob, packets were lost on the way to Ann: 5 % on average.",
        "Between Cyd and Bob, packets were lost on the way to Cyd: 20 % on average.",
    ]


# --- how many are named ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("two", "text"),
    [
        ([{"Ann", "Bob"}], "Ann and Bob never"),
        ([{"Ann", "Bob"}, {"Cyd", "Dora"}], "Ann–Bob and Cyd–Dora never"),
        ([{"Ann", "Bob"}, {"Ann", "Cyd"}], "Ann and each of Bob and Cyd never"),
        ([{"Dora", name} for name in NAMES if name not in ("Ann", "Dora")], "Dora and each of Bob, Cyd and 4 others"),
        ([{"Dora", name} for name in NAMES if name != "Dora"], "Dora and everyone else never"),
        (
            [{a, b} for a, b in combinations(NAMES, 2) if {a, b} != {"Ann", "Hal"}],
            "Ann–Bob, Ann–Cyd and 25 other pairs never",
        ),
        ([{a, b} for a, b in combinations(NAMES, 2)], "Nobody found a path to anybody: all only offered host"),
    ],
)
def test_few_are_named_however_many_they_are(two: list[set[str]], text: str) -> None:
    assert only(people(NAMES, failing(*two))).text.startswith(text)


def test_everyone_is_said_only_where_the_record_holds_everyone() -> None:
    star = [{"Ann", name} for name in NAMES[1:]]
    assert only(people(NAMES, failing(*star), more_pairs=1)).text.startswith("Ann and each of Bob, Cyd and 5 others")
    assert only(people(NAMES[:3], tried, more_pairs=1)).text.startswith("Ann–Bob, Ann–Cyd and Bob–Cyd never found")


def test_a_running_call_has_not_found_a_path_yet() -> None:
    assert only(people(NAMES, tried, ended_at=None)).text.startswith("Nobody has found a path to anybody: ")


def test_a_group_is_named_where_media_were_bad() -> None:
    def far(a: str, b: str) -> PairRecord:
        return pair(connected(reports={}), a=a, b=b, quality={a: quality(rtt_ms=(400.0, 900.0))})

    assert only(people(NAMES, far)).text.startswith("Sound and picture between all 8 participants took up to 400 ms")


@pytest.mark.parametrize("count", [2, 3, 8, 20])
@pytest.mark.parametrize("length", [3, 20, 64])
def test_a_list_stays_readable_however_many_find_no_path(count: int, length: int) -> None:
    names = [f"{number:02}".ljust(length, "x") for number in range(count)]
    for lacking in ([], names[:1], names):
        record = people(names, without_relay(*lacking) if lacking != names else tried, turn=bool(lacking != names))
        assert len(summary(record).text) <= LINE
        assert all(len(finding.text) <= 2 * LINE for finding in findings(record))


# --- slow attempts ---------------------------------------------------------------------------------------------------


def refused(**more: object) -> Attempt:
    told = report("failed", SRFLX, 401)
    return attempt("failed", told, told, **more)  # type: ignore[arg-type]


def test_a_slow_setup_is_told_with_why_the_attempt_before_failed() -> None:
    finding = only(judged(refused(), connected(at=20_000), turn=True))
    assert finding.cause == "slow_setup_retried"
    assert finding.text == (
        "Ann and Bob did not find a path at first: the TURN server refused the credentials of Ann and Bob. "
        "It took 20 s until they were connected."
    )
    assert "TURN_SECRET" in finding.advice
    assert "ask whoever runs this server" in finding.host_advice


def test_different_reasons_before_are_told_apart() -> None:
    unanswered = attempt("timeout", answered_at=None, offered_by="ann")
    record = call(
        pair(refused(), connected(at=20_000)),
        pair(unanswered, connected(at=30_000, reports={}), b="cyd"),
        members=[member("ann", "Ann"), member("bob", "Bob"), member("cyd", "Cyd")],
        turn=True,
    )
    first, second = findings(record)
    assert first.text.startswith("Ann and Bob did not find a path at first")
    assert second.text == (
        "Cyd did not answer Ann, though the connection to the server was there. It took 30 s until they were connected."
    )


def test_turn_is_blamed_for_a_slow_setup_only_where_there_is_one() -> None:
    slow = connected(lasted=12_000)
    assert "TURN" in only(judged(slow, turn=True)).advice
    without = only(judged(slow))
    assert (without.cause, "TURN" in without.advice + without.host_advice) == ("slow_setup", False)


# --- hearsay ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("trouble", ["socket_blocked", "socket_lost"])
@pytest.mark.parametrize("ended_at", [None, MINUTE])
def test_what_anybody_may_say_over_http_is_told_as_hearsay(trouble: str, ended_at: int | None) -> None:
    record = call(members=[], events=[event("unreachable", 5, detail=trouble)], ended_at=ended_at)
    assert summary(record).text.startswith("Somebody reported that ")
