"""The report of a load test: a page for people, and what it advises."""

from __future__ import annotations

from typing import Any

from api.load.plan import make_plan
from api.load.report import Report, counts, distribution, render


def report(**changes: Any) -> Report:
    facts: dict[str, Any] = {
        "url": "https://call.example.org",
        "started_at": 0,
        "plan": make_plan(2, None, None, seconds=10, candidates=1, chat=1, joins=5),
        "seconds": 10.0,
        "joins": distribution([0.010, 0.020, 0.030, 0.040]),
        "refused": {},
        "relayed": {"candidate": distribution([0.001] * 98 + [0.002, 0.1])},
        "sent": 100,
        "delivered": 100,
        "lost": 0,
        "unexpected": 0,
        "errors": {},
        "closed": {},
        "lag": distribution([0.001]),
        "rooms_left": [],
    }
    return Report(**facts | changes)


def test_a_good_one() -> None:
    made = report()
    assert made.ok
    assert render(made).splitlines() == [
        "https://call.example.org: all well",
        "",
        "ms              count      p50      p95      p99      max",
        "join                4     30.0     40.0     40.0     40.0",
        "candidate         100      1.0      1.0    100.0    100.0",
        "",
        "100 frames sent and 100 delivered in 10.0 s, 10 a second; 0 lost, 0 not expected",
    ]


def test_what_went_wrong_is_counted_with_advice() -> None:
    made = report(
        refused=counts(["HTTP 429"] * 12 + ["4003 rate_limited"]),
        closed={"4000 slow_consumer": 2},
        errors={"rate_limited": 1234},
        lost=3,
        rooms_left=["k3v9xq2mhdw"],
        stopped_early=True,
    )
    assert not made.ok
    text = render(made)
    assert text.startswith("https://call.example.org: NOT ALL WELL, stopped early\n")
    assert "not let in: 12 × HTTP 429, 1 × 4003 rate_limited\n  nginx as shipped" in text
    assert "200 connections from one address" in text
    assert "closed: 2 × 4000 slow_consumer\n" in text
    assert "errors: 1,234 × rate_limited\n  A member may send" in text
    assert "3 lost" in text
    assert text.endswith("Rooms that could not be deleted: k3v9xq2mhdw")


def test_a_slow_machine_says_so() -> None:
    assert "This machine was 80 ms late" in render(report(lag=distribution([0.08])))


def test_nobody_came_in() -> None:
    made = report(joins=distribution([]), relayed={}, seconds=0.0, sent=0, delivered=0, refused={"HTTP 403": 4})
    assert "join                0      0.0      0.0      0.0      0.0\n" in render(made)
    assert "--url is not its BASE_URL" in render(made)
