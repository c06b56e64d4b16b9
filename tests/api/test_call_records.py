"""Calls over HTTP: who may see them, what is answered, and what a browser without a socket can say."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import text
from sqlalchemy.engine import URL

from api.http.call_records import TroubleLimiter
from api.settings import SettingsError
from signaling.calls.snapshot import Snapshot
from signaling.calls.store import CallStore
from signaling.core.calls.record import Event
from tests.api.site import Site, open_site, problem_of, settings_for
from tests.signaling.calls.records import NOW_MS, SetClock, call, call_id, running

Headers = dict[str, str]
ROOM = "/rooms/stand-up"
NOT_FOUND = (404, "room_not_found")
INVALID = (422, "validation_failed")
LATER_MS = 4_000_000_000_000
"""After the room was made, whenever the test runs."""


async def open_room(site: Site, **wishes: Any) -> Headers:
    owner = await site.sign_up()
    answer = await site.ask("POST", "/rooms", headers=owner, json={"roomId": "stand-up"} | wishes)
    assert answer.status_code == 200
    return owner


async def store(site: Site, *numbers: int, **fields: Any) -> None:
    kept = CallStore(site.application.database)
    for number in numbers:
        given = {"started_at": LATER_MS + number, "ended_at": LATER_MS + 60_000} | fields
        await kept.write(Snapshot.of(call(number, **given), LATER_MS))


async def report(site: Site, path: str = ROOM, headers: Headers | None = None, **body: Any) -> httpx2.Response:
    return await site.ask("POST", f"{path}/troubles", json={"reason": "socket_blocked"} | body, headers=headers or {})


async def noted(site: Site) -> list[tuple[str, str, int]]:
    """Return room, detail and number of the troubles in each stored record."""
    async with site.application.database.read() as db:
        ids = (await db.execute(text("SELECT id FROM calls ORDER BY room_id"))).scalars().all()
    records = [await CallStore(site.application.database).select(found) for found in ids]
    return [(record.room, record.events[-1].detail, len(record.events)) for record in records if record is not None]


# --- lists


async def test_a_list_tells_how_each_call_went(either_site: Site) -> None:
    owner = await open_room(either_site)
    lost = [Event(at=LATER_MS, kind="unreachable", detail="socket_blocked")]
    await store(either_site, 1)
    await store(either_site, 2, events=lost, members=[])
    await store(either_site, 3, ended_at=None)
    answer = (await either_site.ask("GET", f"{ROOM}/calls", headers=owner)).json()
    assert answer["next"] is None
    third, second, first = answer["calls"]
    assert set(first) == {"id", "startedAt", "endedAt", "people", "result", "cause", "text", "running"}
    assert (first["id"], first["startedAt"], first["endedAt"]) == (call_id(1), LATER_MS + 1, LATER_MS + 60_000)
    assert (first["people"], first["result"], first["cause"], first["running"]) == (1, "empty", None, False)
    assert (second["result"], second["people"]) == ("failed", 0)
    assert second["cause"]
    assert second["text"]
    assert (third["endedAt"], third["running"]) == (None, True)


async def test_pages(site: Site) -> None:
    owner = await open_room(site)
    await store(site, *range(1, 6), started_at=LATER_MS)  # all at once, which a time alone could not page through
    seen, path = [], f"{ROOM}/calls?limit=2"
    while True:
        page = (await site.ask("GET", path, headers=owner)).json()
        seen.append([int(found["id"], 16) for found in page["calls"]])
        if page["next"] is None:
            break
        path = f"{ROOM}/calls?limit=2&before={page['next']}"
    assert seen == [[5, 4], [3, 2], [1]]


async def test_a_page_has_fifty_calls_unless_told_otherwise(site: Site) -> None:
    owner = await open_room(site)
    await store(site, *range(101))
    for query, count in (("", 50), ("?limit=100", 100), ("?limit=1", 1)):
        page = (await site.ask("GET", f"{ROOM}/calls{query}", headers=owner)).json()
        assert len(page["calls"]) == count
        assert page["next"] is not None


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=101",
        "limit=-1",
        "limit=x",
        "limit=1e1",
        "limit=",
        f"limit={'9' * 5000}",
        "before=",
        "before=1",
        "before=x-y",
        f"before={'9' * 16}-{'0' * 32}",
        f"before=1-{'0' * 31}",
        f"before=1-{'A' * 32}",
        "before=%00",
    ],
)
async def test_a_part_of_the_list_that_makes_no_sense(site: Site, query: str) -> None:
    owner = await open_room(site)
    assert problem_of(await site.ask("GET", f"{ROOM}/calls?{query}", headers=owner)) == INVALID


# --- one call


async def test_a_call_is_shown_with_what_its_signs_mean(either_site: Site) -> None:
    owner = await open_room(either_site)
    lost = [Event(at=LATER_MS, kind="unreachable", detail="socket_blocked")]
    await store(either_site, 1, events=lost)
    answer = (await either_site.ask("GET", f"{ROOM}/calls/{call_id(1)}", headers=owner)).json()
    assert list(answer) == ["call", "findings", "summary", "traceUrl"]
    assert answer["call"]["id"] == call_id(1)
    assert answer["call"]["members"][0]["joinedAt"] == NOW_MS
    assert answer["call"]["events"] == [{"at": LATER_MS, "kind": "unreachable", "detail": "socket_blocked"}]
    (finding,) = answer["findings"]
    assert set(finding) == {"cause", "severity", "text", "advice", "hostAdvice", "at", "members"}
    assert answer["summary"]["cause"] == finding["cause"]
    assert answer["traceUrl"] is None


async def test_what_runs_here_comes_from_memory(site: Site) -> None:
    owner = await open_room(site)
    site.application.keeper.begin(timeline := running(1, started_at=LATER_MS))
    assert (await site.ask("GET", f"{ROOM}/calls/{call_id(1)}", headers=owner)).json()["call"]["id"] == call_id(1)
    timeline.record.members[0].name = "Ada Lovelace"
    answer = (await site.ask("GET", f"{ROOM}/calls/{call_id(1)}", headers=owner)).json()
    assert answer["call"]["members"][0]["name"] == "Ada Lovelace"
    (listed,) = (await site.ask("GET", f"{ROOM}/calls", headers=owner)).json()["calls"]
    assert listed["running"]


@pytest.mark.parametrize("unknown", [call_id(2), "x", "0" * 31, "0" * 33, "0" * 5000, "%00" * 32, "G" * 32, "%0a"])
async def test_no_such_call(either_site: Site, unknown: str) -> None:
    owner = await open_room(either_site)
    await store(either_site, 1)
    answer = await either_site.ask("GET", f"{ROOM}/calls/{unknown}", headers=owner)
    assert problem_of(answer) == (404, "call_not_found")


# --- who may


async def test_the_owner_and_moderators_see_calls_and_nobody_else(either_site: Site) -> None:
    site = either_site
    owner, bob, eve = await open_room(site), await site.sign_up("bob"), await site.sign_up("eve")
    await store(site, 1)
    paths = [f"{ROOM}/calls", f"{ROOM}/calls/{call_id(1)}", f"{ROOM}/calls/{call_id(2)}"]
    absent = [path.replace("stand-up", "not-there") for path in paths]
    for path in [*paths, *absent]:
        for headers in (bob, eve):
            assert problem_of(await site.ask("GET", path, headers=headers)) == NOT_FOUND, path
        assert problem_of(await site.ask("GET", path)) == (401, "unauthenticated")
    await site.ask("PUT", f"{ROOM}/moderators/bob", headers=owner)
    for headers in (owner, bob):
        assert (await site.ask("GET", paths[0], headers=headers)).status_code == 200
        assert (await site.ask("GET", paths[1], headers=headers)).status_code == 200
    assert problem_of(await site.ask("GET", paths[1], headers=eve)) == NOT_FOUND


async def test_a_new_room_of_the_same_name_shows_nothing_of_the_former(either_site: Site) -> None:
    owner = await open_room(either_site)
    await store(either_site, 1, started_at=NOW_MS)
    await either_site.ask("DELETE", ROOM, headers=owner)
    assert problem_of(await either_site.ask("GET", f"{ROOM}/calls", headers=owner)) == NOT_FOUND
    async with either_site.application.database.write() as db:  # the operator can still ask
        assert (await db.execute(text("SELECT count(*) FROM calls"))).scalar_one() == 1
        await db.execute(text("UPDATE calls SET started_at = 1000"))
    await either_site.ask("POST", "/rooms", headers=owner, json={"roomId": "stand-up"})
    assert (await either_site.ask("GET", f"{ROOM}/calls", headers=owner)).json() == {"calls": [], "next": None}


@pytest.mark.parametrize("room", ["x", "%00", "STAND-UP", "a" * 65, "a%0a"])
async def test_rooms_that_cannot_be(either_site: Site, room: str) -> None:
    owner = await open_room(either_site)
    for path in (f"/rooms/{room}/calls", f"/rooms/{room}/calls/{call_id(1)}"):
        assert problem_of(await either_site.ask("GET", path, headers=owner)) == NOT_FOUND
    assert (await report(either_site, f"/rooms/{room}")).status_code == 204
    assert await noted(either_site) == []


# --- troubles


async def test_a_trouble_is_noted_once_for_many(either_site: Site) -> None:
    owner = await open_room(either_site)
    answer = await report(either_site)
    assert (answer.status_code, answer.content) == (204, b"")
    assert (await report(either_site, reason="socket_lost", attempts=7, closeCode=1006)).status_code == 204
    assert await noted(either_site) == [("stand-up", "socket_lost", 2)]
    (listed,) = (await either_site.ask("GET", f"{ROOM}/calls", headers=owner)).json()["calls"]
    assert (listed["result"], listed["people"], listed["running"]) == ("failed", 0, False)


async def test_a_trouble_goes_into_the_running_call(site: Site) -> None:
    await open_room(site)
    site.application.keeper.begin(timeline := running(started_at=LATER_MS))
    await report(site)
    assert [event.kind for event in timeline.record.events] == ["unreachable"]
    assert await noted(site) == []


async def test_the_answer_does_not_tell_whether_there_is_such_a_room(site: Site) -> None:
    owner = await open_room(site, guestsAllowed=False)
    bob = await site.sign_up("bob")
    answers = [
        await report(site),
        await report(site, "/rooms/not-there"),
        await report(site, headers=bob),
        await report(site, headers={"X-Invitation": "x"}),
    ]
    assert {(answer.status_code, answer.content) for answer in answers} == {(204, b"")}
    # Whoever would be shown the room is believed: everyone with an account, not a guest whom it does not admit.
    assert await noted(site) == [("stand-up", "socket_blocked", 1)]
    created = await site.ask("POST", f"{ROOM}/invitations", headers=owner)
    token = created.json()["url"].partition("#invite=")[2]
    await report(site, headers={"X-Invitation": token})
    assert await noted(site) == [("stand-up", "socket_blocked", 2)]


async def test_a_bad_token_is_refused(site: Site) -> None:
    assert problem_of(await report(site, headers={"Authorization": "Bearer x"})) == (401, "unauthenticated")


@pytest.mark.parametrize(
    "body",
    [
        {"reason": "bored"},
        {"reason": None},
        {"reason": ["socket_blocked"]},
        {"attempts": "3"},
        {"attempts": 1.5},
        {"attempts": None},
        {"closeCode": True},
        {"detail": "ice-pwd"},
    ],
)
async def test_a_trouble_of_another_shape(site: Site, body: dict[str, Any]) -> None:
    await open_room(site)
    assert problem_of(await report(site, **body)) == INVALID
    assert await noted(site) == []


async def test_numbers_are_bounded(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    await open_room(site)
    given = ((3, 1006), (-(10**30), -1), (10**300, 10**300), (0, 4999), (1, 5000), (1, 999))
    for attempts, code in given:
        assert (await report(site, attempts=attempts, closeCode=code)).status_code == 204
    lines = [record for record in caplog.records if getattr(record, "event", "") == "socket_trouble"]
    assert [(line.attempts, line.close_code) for line in lines] == [  # type: ignore[attr-defined]
        (3, 1006),
        (0, 0),
        (1000, 0),
        (0, 4999),
        (1, 0),
        (1, 0),
    ]


async def test_six_a_minute_from_one_address(sqlite_url: URL, tmp_path: Path) -> None:
    async with open_site(settings_for(sqlite_url, tmp_path, LIMITS_SCALE="1")) as site:
        answers = [await report(site, f"/rooms/room-{number}") for number in range(7)]
        assert [answer.status_code for answer in answers] == [204] * 6 + [429]
        assert problem_of(answers[-1]) == (429, "rate_limited")
        assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60


def test_the_limits_are_those_of_an_address_and_of_a_room() -> None:
    clock = SetClock()
    limiter = TroubleLimiter(1.0, clock)
    assert [bool(limiter.wait_of_address("192.0.2.1")) for _ in range(7)] == [False] * 6 + [True]
    assert limiter.wait_of_address("198.51.100.1") == 0
    assert [bool(limiter.wait_of_room("stand-up")) for _ in range(61)] == [False] * 60 + [True]
    assert limiter.wait_of_room("elsewhere") == 0
    clock.now += 60
    assert limiter.wait_of_address("192.0.2.1") == limiter.wait_of_room("stand-up") == 0


async def test_who_may_not_see_a_room_does_not_silence_those_who_may(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TroubleLimiter, "wait_of_address", lambda *_: 0.0)
    owner = await open_room(site, guestsAllowed=False)
    most = round(TroubleLimiter.PER_ROOM * site.application.settings.auth.limits_scale)
    for _ in range(most + 1):
        assert (await report(site)).status_code == 204
    assert await noted(site) == []
    assert (await report(site, headers=owner)).status_code == 204
    assert await noted(site) == [("stand-up", "socket_blocked", 1)]


async def test_sixty_a_minute_in_one_room(sqlite_url: URL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TroubleLimiter, "wait_of_address", lambda *_: 0.0)
    monkeypatch.setattr(TroubleLimiter, "PER_ROOM", 2.0)
    async with open_site(settings_for(sqlite_url, tmp_path, LIMITS_SCALE="1")) as site:
        owner = await open_room(site)
        answers = [await report(site, headers=owner) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [204, 204, 429]


async def test_other_sites_may_report_only_where_they_may_call(site: Site) -> None:
    for origin, allowed in (("http://localhost:5173", True), ("http://evil.example", False)):
        headers = {
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type",
        }
        answer = await site.ask("OPTIONS", f"{ROOM}/troubles", headers=headers)
        assert (answer.headers.get("Access-Control-Allow-Origin") == origin) is allowed


# --- settings


async def test_a_link_to_the_trace(sqlite_url: URL, tmp_path: Path) -> None:
    given = {"TRACE_URL": "https://grafana.example.org/explore?left={%22q%22:%22{trace_id}%22}"}
    async with open_site(settings_for(sqlite_url, tmp_path, **given)) as site:
        owner = await open_room(site)
        await store(site, 1)
        await store(site, 2, traced=True)
        urls = [
            (await site.ask("GET", f"{ROOM}/calls/{call_id(number)}", headers=owner)).json()["traceUrl"]
            for number in (1, 2)
        ]
    assert urls == [None, f"https://grafana.example.org/explore?left={{%22q%22:%22{call_id(2)}%22}}"]


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("TRACE_URL", "https://grafana.example.org/", r"does not hold \{trace_id\}"),
        ("TRACE_URL", "https://grafana.example.org/{traceID}", r"does not hold \{trace_id\}"),
        ("TRACE_URL", "javascript:alert({trace_id})", "http://"),
        ("TRACE_URL", "grafana.example.org/{trace_id}", "http://"),
        ("TRACE_URL", "https://user:hush@grafana.example.org/{trace_id}", "http://"),
        ("CALLS_RETENTION", "a month", "CALLS_RETENTION"),
        ("CALLS_RETENTION", "0h", "CALLS_RETENTION"),
        ("CALLS_RETENSION", "24h", "did you mean CALLS_RETENTION"),
    ],
)
def test_settings_that_make_no_sense_are_refused(tmp_path: Path, variable: str, value: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message) as refused:
        settings_for(None, tmp_path, **{variable: value})
    assert "\n" not in str(refused.value)
    assert variable in str(refused.value)
