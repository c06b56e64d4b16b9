"""Each row of the tables: a record that shows its sign, and one that nearly does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from signaling.core.calls.causes import CAUSES, EXPLAINS, LINE, findings, summary
from signaling.core.calls.record import Attempt, CallRecord, LeaveReason
from signaling.core.messages import CandidateCounts
from tests.signaling.core.calls.drawn import records
from tests.signaling.core.calls.records import (
    DIRECT,
    HOST,
    MINUTE,
    NONE,
    OVER_TLS,
    OVER_UDP,
    RELAY,
    SRFLX,
    T0,
    attempt,
    call,
    connected,
    event,
    judged,
    measured,
    member,
    pair,
    quality,
    report,
)

DOCS = Path(__file__).resolve().parents[4] / "docs" / "call-records.md"
ROWS = {cause.code: cause for cause in CAUSES}


def causes_of(record: CallRecord) -> list[str]:
    return [finding.cause for finding in findings(record)]


def failed(a: Any = None, b: Any = None, **more: Any) -> Attempt:
    return attempt("failed", a or report(), b or report(), **more)


def unanswered(outcome: str = "timeout", **more: Any) -> Attempt:
    fields: dict[str, Any] = {"answered_at": None, "lasted": 30_000}
    return attempt(outcome, **(fields | more))


def both(counts: CandidateCounts, *errors: int) -> Attempt:
    told = report("failed", counts, *errors, remote=counts)
    return failed(told, told, relayed={"ann": counts, "bob": counts})


def sides(a: CandidateCounts, b: CandidateCounts, *errors: int) -> Attempt:
    return failed(report("failed", a, remote=b), report("failed", b, *errors, remote=a), relayed={"ann": a, "bob": b})


def restart(**more: Any) -> Attempt:
    return failed(at=MINUTE, kind="ice_restart", **more)


def unreported() -> Attempt:
    return attempt("unreported", lasted=None)


def left_as(reason: LeaveReason, **more: Any) -> CallRecord:
    return call(
        pair(connected()), members=[member("ann", "Ann"), member("bob", "Bob", left=MINUTE, reason=reason, **more)]
    )


def with_trouble(device: str, reason: str) -> CallRecord:
    record = call(pair(connected()), events=[event("media_error", 900, "bob", detail=f"{device}:{reason}")])
    record.members[1].media_errors[device] = reason  # type: ignore[index]
    return record


def kept_out(close_name: str) -> CallRecord:
    return call(pair(connected()), events=[event("refused", 1_000, detail=close_name)])


BOB_LOST = [event("lost", 2_000, "bob")]
ANN_LOST = [event("lost", 2_000, "ann")]
ANN_BACK = [*ANN_LOST, event("back", 4_000, "ann")]
BROKEN = report("failed", at=T0 + 5 * MINUTE)
BOB_BROKE = [event("disconnected", MINUTE - 4_000, "bob", "ann")]
STILL_IN = [member("ann", "Ann", left=None), member("bob", "Bob", left=None)]

# Of each cause: a record of which exactly it is found, and a record that lacks one sign.
EXAMPLES: dict[str, tuple[CallRecord, CallRecord]] = {
    "server_died": (
        call(pair(connected()), members=STILL_IN, ended_at=None, interrupted=True),
        call(pair(connected()), members=STILL_IN, ended_at=None),
    ),
    "signaling_blocked": (
        call(events=[event("unreachable", 5, detail="socket_blocked")], members=[], ended_at=T0 + 5),
        call(pair(connected()), events=[event("unreachable", 5, detail="socket_blocked")]),
    ),
    "someone_blocked": (
        call(pair(connected()), events=[event("unreachable", 5, detail="socket_blocked")]),
        call(events=[event("unreachable", 5, detail="socket_blocked")], members=[], ended_at=T0 + 5),
    ),
    "origin_refused": (
        call(events=[event("unreachable", 5, detail="origin_refused")], members=[], ended_at=T0 + 5),
        call(events=[event("unreachable", 5, detail="draining")], members=[], ended_at=T0 + 5),
    ),
    "someone_refused": (
        call(pair(connected()), events=[event("unreachable", 5, detail="origin_refused")]),
        call(events=[event("unreachable", 5, detail="origin_refused")], members=[], ended_at=T0 + 5),
    ),
    "server_draining": (
        call(pair(connected()), events=[event("unreachable", 5, detail="draining")]),
        call(pair(connected()), events=[event("unreachable", 5, detail="socket_lost")]),
    ),
    "signaling_not_back": (
        call(pair(connected()), events=[event("unreachable", 5, detail="socket_lost")]),
        call(pair(connected()), events=[event("unreachable", 5, detail="socket_blocked")]),
    ),
    "server_stopped": (left_as("server"), left_as("left")),
    "kept_out_server": (kept_out("restart"), kept_out("replaced")),
    "kept_out_full": (kept_out("room_full"), kept_out("normal")),
    "kept_out_client": (kept_out("bad_protocol"), kept_out("ping_timeout")),
    "kept_out_credentials": (kept_out("unauthenticated"), kept_out("password_required")),
    "kept_out_password": (kept_out("wrong_password"), kept_out("password_required")),
    "kept_out_invitation": (kept_out("invitation_invalid"), kept_out("room_not_found")),
    "kept_out_locked": (kept_out("room_locked"), kept_out("room_full")),
    "kept_out_denied": (kept_out("denied"), kept_out("forbidden")),
    "ended_by_host": (left_as("ended"), left_as("left")),
    "path_not_kept": (
        call(pair(connected(), outcome="failed", more_attempts=1)),
        call(pair(failed(), outcome="failed", more_attempts=1)),
    ),
    "path_broke": (
        judged(connected(reports={"ann": BROKEN})),
        judged(connected(reports={"ann": report("disconnected", at=T0 + 5 * MINUTE)})),
    ),
    "gone_before_answer": (
        judged(unanswered(), events=ANN_LOST),
        judged(unanswered(), events=ANN_BACK),
    ),
    "gone_before_path": (judged(failed(), events=BOB_LOST), judged(failed(), events=[event("lost", 17_000, "bob")])),
    "no_offer": (judged(unanswered(offered_by="")), judged(unanswered())),
    "restart_unanswered": (
        judged(connected(), unanswered(at=MINUTE, kind="ice_restart")),
        judged(connected(), restart()),
    ),
    "never_answered": (judged(unanswered()), judged(unanswered(answered_at=T0 + 29_000))),
    "dtls_failed": (
        judged(failed(report(ice_state="completed"))),
        judged(failed(report(ice_state="failed"))),
    ),
    "turn_refused": (judged(both(SRFLX, 701, 401), turn=True), judged(both(RELAY, 701, 401), turn=True)),
    "turn_full": (judged(both(SRFLX, 486), turn=True), judged(both(SRFLX, 486))),
    "no_candidates": (judged(sides(SRFLX, NONE)), judged(sides(SRFLX, HOST))),
    "candidates_lost": (
        judged(failed(report(remote=NONE), relayed={"ann": SRFLX})),
        judged(failed(report(remote=SRFLX), relayed={"ann": SRFLX})),
    ),
    "no_candidates_seen": (judged(attempt(relayed={})), judged(attempt(relayed={"ann": HOST}))),
    "relay_one_side": (judged(sides(RELAY, SRFLX, 701), turn=True), judged(sides(RELAY, RELAY, 701), turn=True)),
    "turn_unreachable": (judged(both(SRFLX, 701), turn=True), judged(both(SRFLX, 701))),
    "no_relay": (judged(both(SRFLX), turn=True), judged(both(SRFLX))),
    "restart_unfinished": (judged(connected(), restart()), judged(failed(), restart())),
    "relay_blocked": (judged(both(RELAY), turn=True), judged(both(RELAY))),
    "stun_unreachable": (judged(both(HOST, 701), stun=True), judged(both(SRFLX, 701), stun=True)),
    "no_turn_host_only": (judged(both(HOST)), judged(sides(HOST, SRFLX))),
    "no_turn": (judged(both(SRFLX), stun=True), judged(both(SRFLX), turn=True)),
    "no_path": (judged(attempt(relayed={"ann": RELAY}), turn=True), judged(attempt(relayed={"ann": HOST}), turn=True)),
    "permission_denied": (with_trouble("audio", "permission"), with_trouble("screen", "permission")),
    "device_not_found": (with_trouble("video", "not_found"), with_trouble("screen", "not_found")),
    "device_in_use": (with_trouble("audio", "in_use"), with_trouble("audio", "permission")),
    "device_failed": (with_trouble("screen", "other"), with_trouble("video", "in_use")),
    "signaling_lost": (
        left_as("lost"),
        call(
            pair(connected()),
            members=[member("ann", "Ann", left=MINUTE), member("bob", "Bob", left=2 * MINUTE, reason="lost")],
        ),
    ),
    "signaling_unstable": (left_as("left", losses=3, resumes=3), left_as("left", losses=2, resumes=2)),
    "slow_client": (left_as("slow"), left_as("left")),
    "broke_protocol": (left_as("protocol"), left_as("left")),
    "credentials_expired": (left_as("expired"), left_as("signed_out")),
    "signed_out": (left_as("signed_out"), left_as("expired")),
    "removed": (left_as("removed"), left_as("banned")),
    "banned": (left_as("banned"), left_as("removed")),
    "screen_refused": (with_trouble("screen", "permission"), with_trouble("video", "permission")),
    "one_way": (
        measured(quality(bitrate_in=0.0), quality()),
        measured(quality(bitrate_in=0.0), quality(bitrate_out=9_000.0)),
    ),
    "path_recovered": (
        judged(connected(), connected(at=MINUTE, kind="ice_restart"), events=BOB_BROKE),
        judged(connected(), connected(at=MINUTE, kind="ice_restart")),
    ),
    "slow_setup_retried": (
        judged(failed(), connected(at=20_000)),
        judged(attempt("abandoned", lasted=4_000), connected(at=20_000)),
    ),
    "slow_setup_turn": (
        judged(connected(lasted=10_000), turn=True),
        judged(both(SRFLX, 401), connected(at=20_000), turn=True),
    ),
    "slow_setup": (judged(connected(lasted=10_000)), judged(connected(lasted=9_999))),
    "high_loss": (measured(quality(loss_in=(0.03, 0.2))), measured(quality(loss_in=(0.029, 0.2)))),
    "high_delay": (measured(quality(rtt_ms=(300.0, 400.0))), measured(quality(rtt_ms=(299.0, 400.0)))),
    "high_jitter": (measured(quality(jitter_ms=(50.0, 90.0))), measured(quality(jitter_ms=(49.0, 90.0)))),
    "cpu_limited": (measured(quality(limited_by_cpu=30)), measured(quality(limited_by_cpu=29))),
    "bandwidth_limited": (measured(quality(limited_by_bandwidth=30)), measured(quality(limited_by_bandwidth=29))),
    "frozen": (measured(quality(frozen_ms=30_000.0)), measured(quality(frozen_ms=29_999.0))),
    "relay_over_tcp": (measured(quality(pair=OVER_TLS)), measured(quality(pair=OVER_UDP))),
    "left_before_connected": (
        judged(attempt("abandoned", lasted=4_999)),
        judged(connected(), attempt("abandoned", lasted=4_999, at=MINUTE)),
    ),
    "not_reported": (judged(unreported()), judged(attempt("connecting", lasted=None))),
    "pairs_not_kept": (
        call(pair(connected()), more_pairs=3, more_failed=2),
        call(pair(connected()), more_pairs=3),
    ),
}


def test_every_cause_has_its_examples() -> None:
    assert EXAMPLES.keys() == ROWS.keys()
    assert len(ROWS) == len(CAUSES), "a code stands twice"
    assert EXPLAINS.keys() <= ROWS.keys()
    assert all(codes <= ROWS.keys() for codes in EXPLAINS.values())


@pytest.mark.parametrize("code", EXAMPLES)
def test_a_cause_is_found_alone(code: str) -> None:
    (finding,) = findings(EXAMPLES[code][0])
    assert finding.cause == code
    assert finding.severity == ROWS[code].severity
    assert not re.search(r"[{}]|\b(of|for|and|to|by) [.,;:]|  ", finding.text + finding.advice + finding.host_advice)


@pytest.mark.parametrize("code", EXAMPLES)
def test_what_a_host_reads_is_nothing_for_the_operator_only(code: str) -> None:
    (finding,) = findings(EXAMPLES[code][0])
    operator_words = re.compile(r"`|docs/|chatter |coturn|/metrics|\b[A-Z]+_[A-Z_]+\b")
    assert not operator_words.search(finding.text)
    assert not operator_words.search(finding.host_advice)


@pytest.mark.parametrize("code", EXAMPLES)
def test_a_cause_is_not_found_without_its_sign(code: str) -> None:
    assert code not in causes_of(EXAMPLES[code][1])


@pytest.mark.parametrize("record", [measured(quality(), quality()), call(), call(members=[], ended_at=None)])
def test_nothing_is_found_where_all_went_well(record: CallRecord) -> None:
    assert findings(record) == []


# --- which attempt is judged -----------------------------------------------------------------------------------------


def test_what_a_browser_gave_up_says_more_than_what_was_silent_or_closed_later() -> None:
    record = judged(both(HOST), unanswered(at=20_000), attempt("abandoned", at=50_000, lasted=9_000))
    (finding,) = findings(record)
    assert (finding.cause, finding.at) == ("no_turn_host_only", T0 + 16_000)


def test_who_left_after_waiting_in_vain_is_explained_like_a_failure() -> None:
    told = report("connecting", HOST, remote=HOST)
    waited = attempt("abandoned", told, told, lasted=5_000, relayed={"ann": HOST, "bob": HOST})
    assert causes_of(judged(waited)) == ["no_turn_host_only"]


def test_a_path_found_at_last_is_no_failure() -> None:
    assert causes_of(judged(failed(), connected(at=20_000))) == ["slow_setup_retried"]
    assert causes_of(call(pair(failed(), outcome="connected", more_attempts=3))) == []


def test_a_failure_that_the_record_no_longer_holds_is_still_told() -> None:
    assert causes_of(call(pair(outcome="failed"))) == ["path_not_kept"]
    assert causes_of(call(pair(connected(), outcome="timeout", more_attempts=1))) == ["path_not_kept"]
    (found,) = findings(call(pair(outcome="timeout", more_attempts=2)))
    assert found.at is None


def test_a_path_that_broke_because_someone_vanished_is_told_of_the_member() -> None:
    record = left_as("lost")
    record.pairs[0].attempts[0].reports["ann"] = BROKEN
    assert causes_of(record) == ["signaling_lost"]


def test_an_unsettled_attempt_is_not_judged_but_the_one_before_is() -> None:
    record = judged(both(HOST), attempt("connecting", at=20_000, lasted=None), ended_at=None, members=STILL_IN)
    (finding,) = findings(record)
    assert finding.text == (
        "Ann and Bob have not found a path: both only offered host candidates and no TURN server is configured."
    )


def test_a_timeout_without_an_end_is_judged_by_what_was_heard_last() -> None:
    silent = unanswered(lasted=None, reports={"bob": report("new", at=T0 + 3_000)})
    assert causes_of(judged(silent, events=ANN_LOST)) == ["gone_before_answer"]


# --- what explains what ----------------------------------------------------------------------------------------------


def test_who_was_gone_is_told_once() -> None:
    members = [member("ann", "Ann", left=33_000, reason="lost"), member("bob", "Bob")]
    assert causes_of(judged(unanswered(), events=ANN_LOST, members=members)) == ["gone_before_answer"]


def test_freezes_are_explained_by_loss_of_the_same_pair_only() -> None:
    bad = quality(loss_in=(0.1, 0.4), frozen_ms=60_000.0)
    assert causes_of(measured(bad)) == ["high_loss"]
    other = pair(connected(), a="bob", b="cem", quality={"bob": quality(frozen_ms=60_000.0)})
    record = measured(None, quality(loss_in=(0.1, 0.4)))
    record.members.append(member("cem", "Cem"))
    record.pairs.append(other)
    assert causes_of(record) == ["high_loss", "frozen"]


def test_what_explains_only_one_of_two_explains_not_both() -> None:
    ann = quality(loss_in=(0.1, 0.4), frozen_ms=60_000.0)
    bob = quality(limited_by_cpu=60, frozen_ms=60_000.0)
    assert causes_of(measured(ann, bob)) == ["high_loss", "cpu_limited", "frozen"]


def test_a_path_that_came_back_by_itself_was_not_replaced() -> None:
    events = [event("disconnected", MINUTE - 9_000, "bob", "ann"), event("connected", MINUTE - 8_000, "bob", "ann")]
    assert causes_of(judged(connected(), connected(at=MINUTE, kind="ice_restart"), events=events)) == []


def test_a_stopped_server_explains_who_was_gone() -> None:
    members = [member("ann", "Ann", left=20_000, reason="server"), member("bob", "Bob", left=20_000, reason="server")]
    abandoned = unanswered("abandoned", lasted=19_000)
    assert causes_of(judged(abandoned, members=members, ended_at=T0 + 20_000)) == ["server_stopped"]


def test_what_befell_one_does_not_explain_what_befell_two() -> None:
    members = [member("ann", "Ann", left=20_000, reason="server"), member("bob", "Bob", left=20_000)]
    abandoned = attempt("abandoned", lasted=4_000)
    assert causes_of(judged(abandoned, members=members)) == ["server_stopped", "left_before_connected"]


def test_the_worst_comes_first() -> None:
    record = judged(both(HOST), events=[event("refused", 5, detail="wrong_password")])
    record.members[0].media_errors["audio"] = "permission"
    assert [(one.cause, one.severity) for one in findings(record)] == [
        ("no_turn_host_only", "failed"),
        ("permission_denied", "degraded"),
        ("kept_out_password", "note"),
    ]


# --- whom it is told of ----------------------------------------------------------------------------------------------


def test_what_holds_for_several_pairs_is_told_once() -> None:
    record = judged(both(HOST))
    record.members.append(member("cem", "Cem"))
    told = report("failed", HOST, remote=HOST)
    for one in ("ann", "bob"):
        tried = attempt(offered_by="cem", reports={one: told, "cem": told}, relayed={one: HOST, "cem": HOST})
        record.pairs.append(pair(tried, a=one, b="cem"))
    (finding,) = findings(record)
    assert finding.text == (
        "Nobody found a path to anybody: all only offered host candidates and no TURN server is configured."
    )
    assert finding.members == ["ann", "bob", "cem"]


def test_two_of_one_name_are_told_apart() -> None:
    record = judged(both(HOST), members=[member("ann", "Sam"), member("bob", "Sam")])
    (finding,) = findings(record)
    assert finding.text.startswith("Sam (ann) and Sam (bob) never found a path")


def test_members_beyond_the_record_have_no_name_and_are_not_listed() -> None:
    record = judged(both(HOST), members=[member("ann", "Ann")], more_members=1)
    (finding,) = findings(record)
    assert finding.text.startswith("Ann and someone (bob) never found a path")
    assert finding.members == ["ann"]


def test_only_the_side_that_shows_the_sign_is_named() -> None:
    (finding,) = findings(EXAMPLES["relay_one_side"][0])
    assert finding.text == "Ann and Bob never found a path: Ann reached the TURN server, Bob did not."
    assert finding.advice.startswith("The network of Bob blocks it")


def test_the_devices_of_one_person_are_told_together() -> None:
    record = with_trouble("audio", "permission")
    record.members[1].media_errors["video"] = "permission"
    (finding,) = findings(record)
    assert finding.text == "Bob could not be heard (microphone) or seen (camera): the browser has no permission."
    assert finding.at == T0 + 900
    record.events.clear()
    assert findings(record)[0].at == T0


def test_numbers_are_told() -> None:
    (loss,) = findings(measured(quality(loss_in=(0.1, 0.4)), quality(loss_in=(0.05, 0.1))))
    assert loss.text == "Between Ann and Bob, packets were lost on the way to Ann and Bob: 10 % on average."
    (recovered,) = findings(EXAMPLES["path_recovered"][0])
    assert recovered.text == "The path between Ann and Bob broke and was replaced after 4.8 s."
    (unreachable,) = findings(call(events=[event("unreachable", at, detail="socket_lost") for at in (5, 9)]))
    assert "(2 times)" in unreachable.text


# --- what is not enough ----------------------------------------------------------------------------------------------


def test_a_few_digests_are_not_judged() -> None:
    bad: dict[str, Any] = {"loss_in": (0.5, 1.0), "rtt_ms": (900.0, 900.0), "limited_by_cpu": 2, "frozen_ms": 9_000.0}
    assert causes_of(measured(quality(digests=2, **bad))) == []


def test_what_was_not_measured_is_not_judged() -> None:
    unknown = quality(rtt_ms=None, jitter_ms=None, loss_in=None, loss_out=None, bitrate_in=None, bitrate_out=None)
    assert causes_of(measured(unknown, unknown)) == []


def test_loss_is_known_from_the_sender_where_the_receiver_is_silent() -> None:
    (finding,) = findings(measured(None, quality(loss_out=(0.08, 0.2))))
    assert finding.text.endswith("on the way to Ann: 8 % on average.")


def test_candidates_inside_the_description_are_not_missed() -> None:
    record = judged(failed(report(remote=SRFLX), report(local=None), relayed={"ann": SRFLX}))
    assert causes_of(record) == ["no_turn"]
    silent = judged(attempt("failed", report(remote=None), relayed={"ann": SRFLX}), turn=True)
    assert causes_of(silent) == ["no_relay"]


def test_candidates_that_came_after_the_last_report_count() -> None:
    early = report("connecting", NONE, remote=NONE, ice_state="checking")
    assert causes_of(judged(attempt("timeout", early, early))) == ["no_turn"]
    assert causes_of(judged(attempt("timeout", early, relayed={"ann": HOST, "bob": HOST}))) == ["no_turn_host_only"]


def test_a_relay_of_one_side_proves_nothing_where_the_other_is_not_known() -> None:
    record = judged(attempt("failed", report("failed", RELAY), relayed={"ann": RELAY}), turn=True)
    assert causes_of(record) == ["no_path"]


# --- the line in a list ----------------------------------------------------------------------------------------------


def three(*ways: Any) -> CallRecord:
    record = call(members=[member("ann", "Ann"), member("bob", "Bob"), member("cem", "Cem")])
    two = (("ann", "bob"), ("ann", "cem"), ("bob", "cem"))
    for (a, b), way in zip(two, ways, strict=True):
        told = attempt("connected", lasted=500, reports={a: report("connected", pair=way, at=T0)})
        record.pairs.append(pair(told, a=a, b=b))
    return record


@pytest.mark.parametrize(
    ("record", "result", "text"),
    [
        (three(DIRECT, DIRECT, OVER_UDP), "ok", "3 people, 10 min; all 3 pairs connected, 2 directly and 1 over TURN"),
        (three(DIRECT, None, None), "ok", "3 people, 10 min; all 3 pairs connected, 1 directly"),
        (three(None, None, None), "ok", "3 people, 10 min; all 3 pairs connected"),
        (measured(quality()), "ok", "2 people, 10 min; connected directly"),
        (measured(quality(pair=OVER_UDP), ended_at=None), "ok", "2 people, still running; connected over TURN"),
        (
            call(pair(connected()), more_pairs=1),
            "ok",
            "2 people, 10 min; connected directly; 1 more pair is not in the record",
        ),
        (judged(unreported()), "ok", "2 people, 10 min; their clients do not tell of their paths"),
        (judged(attempt("abandoned", lasted=9)), "ok", "2 people, 10 min; one left before they were connected"),
        (judged(attempt("connecting", lasted=None)), "ok", "2 people, 10 min; still connecting"),
        (
            judged(attempt("connecting", lasted=None), members=STILL_IN, ended_at=None),
            "empty",
            "2 people, still running; still connecting",
        ),
        (
            call(pair(connected()), pair(attempt("connecting", lasted=None), b="cem"), members=STILL_IN, ended_at=None),
            "ok",
            "2 people, still running; 1 of 2 pairs connected, 1 directly",
        ),
        (call(), "ok", "2 people, 10 min; nothing is known of a path between them"),
        (call(members=[member("ann", "Ann")]), "empty", "1 person, 10 min"),
        (call(members=[], ended_at=T0 + 400), "empty", "Nobody came in, 0.4 s"),
    ],
)
def test_the_line_says_what_went_well(record: CallRecord, result: str, text: str) -> None:
    line = summary(record)
    assert (line.result, line.cause, line.text) == (result, None, text)


def test_the_line_is_cut_at_a_word() -> None:
    wordy = [member("ann", "Ann " * 20), member("bob", "Bob " * 20)]
    text = summary(judged(both(HOST, 701), members=wordy, stun=True)).text
    assert len(text) <= LINE
    assert text.startswith("Ann Ann Ann Ann Ann… and Bob Bob Bob Bob Bob… never found a path: the STUN server")
    assert text.endswith("…")


def test_the_line_says_the_worst() -> None:
    line = summary(judged(both(HOST)))
    assert (line.result, line.cause) == ("failed", "no_turn_host_only")
    assert line.text == (
        "Ann and Bob never found a path: both only offered host candidates and no TURN server is configured."
    )
    line = summary(with_trouble("audio", "permission"))
    assert (line.result, line.cause) == ("degraded", "permission_denied")


def test_a_note_does_not_spoil_the_line() -> None:
    line = summary(EXAMPLES["ended_by_host"][0])
    assert (line.result, line.cause) == ("ok", None)


def test_somebody_alone_who_could_not_be_heard_is_told_all_the_same() -> None:
    record = call(members=[member("ann", "Ann", media_errors={"audio": "not_found"})])
    assert summary(record).cause == "device_not_found"


# --- any record ------------------------------------------------------------------------------------------------------


@given(record=records())
def test_any_record_is_judged_and_twice_the_same(record: CallRecord) -> None:
    told = findings(record)
    assert told == findings(record)
    assert summary(record) == summary(record)
    ids = {one.id for one in record.members}
    for finding in told:
        assert set(finding.members) <= ids
        assert finding.cause in ROWS
        assert finding.text
        assert finding.advice
        assert finding.host_advice


@given(record=records())
def test_a_pair_has_one_cause_of_failure_at_most(record: CallRecord) -> None:
    failures = [finding for finding in findings(record) if finding.severity == "failed"]
    whole = {"server_died", "signaling_blocked", "origin_refused", "pairs_not_kept"}
    assert len([one for one in failures if one.cause not in whole]) <= len(record.pairs)


# --- the documentation -----------------------------------------------------------------------------------------------


def documented() -> dict[str, list[str]]:
    rows = [line.strip().strip("|").split(" | ") for line in DOCS.read_text("utf-8").splitlines()]
    table = [[cell.strip() for cell in row] for row in rows if len(row) == 6 and row[0].strip().startswith("`")]
    assert len({row[0] for row in table}) == len(table), "a cause has two rows"
    return {row[0].strip("`"): row[1:] for row in table}


def as_documented(template: str) -> str:
    return template.format(
        pair="A and B",
        who="A",
        other="B",
        value="…",
        no_path="A and B never found a path",
        both="both",
        before="(What the cause of the attempt before says.)",
        advice_before="(What that cause says.)",
        host_advice_before="(What that cause says.)",
        operator="ask whoever runs this server, and give them the ID of this call",
    )


@pytest.mark.parametrize("trouble", ["socket_blocked", "socket_lost"])
def test_a_trouble_told_to_another_server_names_the_call_there(trouble: str) -> None:
    record = call(events=[event("unreachable", 5, detail=trouble)], members=[], beside="4bf92f3577b3" + "0" * 20)
    (found,) = findings(record)
    assert "(once, while call 4bf92f3577b3 ran at another server)" in found.text
    assert summary(record).text == found.text


def test_the_documentation_has_every_row_as_it_is_in_the_code() -> None:
    rows = documented()
    assert list(rows) == list(ROWS)
    for code, cause in ROWS.items():
        texts = [as_documented(text) for text in (cause.text, cause.advice, cause.host_advice)]
        assert rows[code] == [cause.severity, cause.sign, *texts], code
