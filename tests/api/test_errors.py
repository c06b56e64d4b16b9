"""What an outage costs in the log."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from api.http.errors import _TELL_AGAIN_S, _Seldom
from tests.api.site import end_of_sqlite_threads, open_site, problem_of, settings_for


def test_seldom_is_once_in_a_while() -> None:
    now = 100.0
    tells = _Seldom(lambda: now)
    assert [tells(), tells()] == [True, False]
    now += _TELL_AGAIN_S
    assert [tells(), tells()] == [True, False]


async def test_an_outage_is_one_line_whatever_it_hits(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    nowhere = URL.create("sqlite+aiosqlite", database=str(tmp_path / "no" / "where" / "chatter.db"))
    async with open_site(settings_for(nowhere, tmp_path)) as site:
        with caplog.at_level(logging.WARNING, "api.http.errors"):
            for _ in range(3):
                account = {"username": "alice", "password": "a long enough phrase"}
                answer = await site.ask("POST", "/auth/login", json=account, headers={"X-Device-ID": "device"})
                assert problem_of(answer) == (503, "unavailable")
    assert len([record for record in caplog.records if getattr(record, "event", "") == "database_unavailable"]) == 1
    await end_of_sqlite_threads()
