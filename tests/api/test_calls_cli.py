"""`chatter calls`: lists, one call, exports, and one line for whatever the operator must mend."""

from __future__ import annotations

import asyncio
import json
import signal
import sqlite3
import stat
import time
import urllib.request
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result
from sqlalchemy.engine import URL
from websockets.sync.client import connect

from api.cli import main
from api.db import Database
from signaling.calls.snapshot import Snapshot
from signaling.calls.store import CallStore
from signaling.core.calls.record import CallRecord, Event, MemberRecord
from tests.api.process import Server, free_ports, run, serving
from tests.api.site import PASSWORD
from tests.signaling.calls.records import call

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
FAILED = "f" * 31 + "1"
OTHER = "f" * 30 + "02"
RUNNING = "ab" * 16


class Shelf:
    """A database file with some calls, and the command that looks at it."""

    def __init__(self, url: URL, folder: Path) -> None:
        self.url = url
        empty = folder / "empty.yaml"
        empty.touch()
        self.variables = {
            "CONFIG_PATH": str(empty),
            "CHATTER_DATA_DIR": str(folder / "data"),
            "DATABASE_URL": url.render_as_string(hide_password=False),
        }
        self.now = int(time.time() * 1000)

    def put(self, record: CallRecord, updated_at: int | None = None) -> None:
        async def write() -> None:
            database = Database(self.url)
            await CallStore(database).write(Snapshot.of(record, self.now if updated_at is None else updated_at))
            await database.close()

        asyncio.run(write())

    def add(self, number: int, age_ms: int, **fields: Any) -> None:
        at = self.now - age_ms
        self.put(call(number, **({"started_at": at, "ended_at": at + 90_000} | fields)))

    def ask(self, *arguments: str, **variables: str) -> Result:
        return CliRunner().invoke(main, ["calls", *arguments], env=self.variables | variables)

    def answer(self, *arguments: str, **variables: str) -> str:
        result = self.ask(*arguments, **variables)
        assert result.exit_code == 0, result.output
        return result.stdout

    def refusal(self, *arguments: str, **variables: str) -> str:
        """Return the one line of a failure."""
        result = self.ask(*arguments, **variables)
        assert result.exit_code == 2, result.output
        assert result.stdout == ""
        assert result.stderr.count("\n") == 1
        assert result.stderr.startswith("chatter: ")
        return result.stderr


@pytest.fixture
def shelf(sqlite_url: URL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    monkeypatch.chdir(tmp_path)
    made = Shelf(sqlite_url, tmp_path)
    at = made.now - HOUR_MS
    member = MemberRecord(id="b1", name="Bob\x1b[31m\u202e", role="guest", joined_at=at)
    made.put(call(started_at=at, ended_at=at + 3_725_000, id=FAILED, members=[member], interrupted=True))
    made.put(call(started_at=at - HOUR_MS, ended_at=at, id=OTHER, room="b" * 64, traced=True))
    made.put(call(started_at=made.now - MINUTE_MS, ended_at=None, id=RUNNING))
    return made


def ids(output: str) -> list[str]:
    return [line.split()[0] for line in output.splitlines() if not line.startswith(" ")]


# --- list


def test_the_list_is_readable(shelf: Shelf) -> None:
    output = shelf.answer("list")
    assert ids(output) == [RUNNING[:12], FAILED[:12], OTHER[:12]]
    facts = [line for line in output.splitlines() if not line.startswith(" ")]
    assert "running" in facts[0]
    assert " 1 h 02 min " in facts[1]
    assert " failed " in facts[1]
    assert facts[1].endswith("stand-up")
    assert " 1 h 00 min " in facts[2]
    assert "…" in facts[2]
    assert all(len(line) <= 100 for line in output.splitlines())
    assert len(output.splitlines()) > 3  # what there is to say of them
    assert "\x1b" not in output


def test_short_calls_and_such_whose_server_is_gone(shelf: Shelf) -> None:
    shelf.add(1, 30 * MINUTE_MS, ended_at=shelf.now - 30 * MINUTE_MS + 65_000)
    shelf.put(call(2, started_at=shelf.now - 40 * MINUTE_MS, ended_at=None), shelf.now - 5 * MINUTE_MS)
    facts = [line for line in shelf.answer("list").splitlines() if not line.startswith(" ")]
    assert " 1 min " in facts[1]
    assert " cut off " in facts[2]


def test_what_is_listed_can_be_chosen(shelf: Shelf) -> None:
    assert ids(shelf.answer("list", "--room", "stand-up")) == [RUNNING[:12], FAILED[:12]]
    assert ids(shelf.answer("list", "--since", "30m")) == [RUNNING[:12], FAILED[:12]]
    assert ids(shelf.answer("list", "--failed")) == [FAILED[:12]]
    assert ids(shelf.answer("list", "--trouble")) == [FAILED[:12]]
    assert ids(shelf.answer("list", "--limit", "2")) == [RUNNING[:12], FAILED[:12]]
    result = shelf.ask("list", "--room", "elsewhere")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "no calls\n")


def test_a_call_is_listed_with_the_hours_in_which_it_ran(shelf: Shelf) -> None:
    shelf.add(3, 4 * HOUR_MS, ended_at=shelf.now - 2 * MINUTE_MS)
    assert ids(shelf.answer("list", "--since", "10m")) == [RUNNING[:12], FAILED[:12], f"{3:032x}"[:12]]
    assert shelf.answer("export", "--since", "10m").count("\n") == 3


def test_what_went_badly_can_be_chosen_beside_what_failed(shelf: Shelf) -> None:
    at = shelf.now - 10 * MINUTE_MS
    events = [Event(at=at, kind="unreachable", detail="socket_lost")]
    shelf.add(4, 10 * MINUTE_MS, events=events)
    degraded = f"{4:032x}"[:12]
    assert ids(shelf.answer("list", "--trouble")) == [degraded, FAILED[:12]]
    assert ids(shelf.answer("list", "--trouble", "--failed")) == [degraded, FAILED[:12]]
    assert ids(shelf.answer("list", "--failed")) == [FAILED[:12]]


def test_the_list_for_programs(shelf: Shelf) -> None:
    newest, failed, _ = json.loads(shelf.answer("list", "--json"))
    assert (newest["id"], newest["endedAt"], newest["updatedAt"]) == (RUNNING, None, shelf.now)
    assert (failed["roomId"], failed["result"], failed["people"]) == ("stand-up", "failed", 1)
    assert json.loads(shelf.answer("list", "--room", "elsewhere", "--json")) == []


def test_colours_are_for_terminals(shelf: Shelf) -> None:
    result = CliRunner().invoke(main, ["calls", "list", "--failed"], env=shelf.variables, color=True)
    assert "\x1b[31mfailed" in result.stdout
    assert "\x1b[31m\ufffd" not in result.stdout  # nobody's name paints


@pytest.mark.parametrize("options", [["--since", "soon"], ["--since", "-2h"], ["--limit", "0"], ["--limit", "x"]])
def test_options_that_make_no_sense(shelf: Shelf, options: list[str]) -> None:
    result = shelf.ask("list", *options)
    assert result.exit_code == 2
    assert options[0] in result.stderr


# --- show


@pytest.mark.parametrize("given", [FAILED, FAILED.upper(), "ABABAB", RUNNING[:6], f" {RUNNING[:20]} "])
def test_a_call_is_found_by_its_first_digits(shelf: Shelf, given: str) -> None:
    output = shelf.answer("show", given)
    assert given.strip().lower()[:6] in output
    assert all(len(line) <= 100 for line in output.splitlines())
    assert "\x1b" not in output
    assert "\u202e" not in output


def test_a_call_for_programs(shelf: Shelf) -> None:
    told = json.loads(shelf.answer("show", FAILED, "--json"))
    assert set(told) == {"call", "findings", "summary", "traceUrl"}
    assert told["call"]["id"] == FAILED
    assert told["summary"]["result"] == "failed"
    assert told["findings"][0]["advice"]
    assert told["traceUrl"] is None


def test_the_question_for_the_log_has_the_whole_id(shelf: Shelf) -> None:
    assert f'\nLog:   {{service_name="app"}} | call_id="{FAILED}"\n' in shelf.answer("show", FAILED)


def test_the_trace_is_named_where_there_is_one(shelf: Shelf) -> None:
    url = "https://grafana.example.org/trace/{trace_id}"
    assert shelf.answer("show", OTHER, TRACE_URL=url).endswith(f"\nTrace: https://grafana.example.org/trace/{OTHER}\n")
    assert "grafana" not in shelf.answer("show", FAILED, TRACE_URL=url)
    assert json.loads(shelf.answer("show", OTHER, "--json", TRACE_URL=url))["traceUrl"].endswith(OTHER)


@pytest.mark.parametrize("command", ["show", "export"])
@pytest.mark.parametrize("given", ["ababa", "xyzxyz", "", RUNNING + "a", "ab%bab", "ab_bab", "ábabab"])
def test_what_is_no_id(shelf: Shelf, command: str, given: str) -> None:
    assert "is not the id of a call" in shelf.refusal(command, given)


@pytest.mark.parametrize("command", ["show", "export"])
def test_ids_of_none_and_of_several(shelf: Shelf, command: str) -> None:
    assert "there is no call 123456" in shelf.refusal(command, "123456")
    assert "several calls begin with ffffff" in shelf.refusal(command, "FFFFFF")


# --- export


def test_exports_are_whole_records_on_one_line_each(shelf: Shelf) -> None:
    line = shelf.answer("export", FAILED)
    assert line.count("\n") == 1
    assert msgspec.json.decode(line, type=CallRecord).interrupted
    lines = shelf.answer("export", "--since", "30m").splitlines()
    assert [json.loads(line)["id"] for line in lines] == [RUNNING, FAILED]


def test_exports_of_more_than_a_batch(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.calls_cli._BATCH", 2)
    for number in range(5):
        shelf.add(number, 30 * MINUTE_MS)
    lines = shelf.answer("export", "--since", "720h").splitlines()
    assert len({json.loads(line)["id"] for line in lines}) == len(lines) == 8


def test_exports_go_into_a_new_file_of_ones_own(shelf: Shelf, tmp_path: Path) -> None:
    target = tmp_path / "calls.jsonl"
    result = shelf.ask("export", "--since", "30m", "--output", str(target))
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", f"wrote 2 calls to {target}\n")
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    kept = target.read_text("utf-8")
    assert kept.count("\n") == 2
    assert f"{target} exists" in shelf.refusal("export", "--since", "90m", "--output", str(target))
    assert target.read_text("utf-8") == kept


def test_an_export_that_fails_leaves_no_file(shelf: Shelf, tmp_path: Path) -> None:
    target = tmp_path / "calls.jsonl"
    shelf.refusal("export", "123456", "--output", str(target))
    assert not target.exists()
    assert "cannot be written: No such file" in shelf.refusal(
        "export", FAILED, "--output", str(tmp_path / "nowhere" / "calls.jsonl")
    )
    result = shelf.ask("export", FAILED, "--output", "/dev/full")
    assert result.exit_code == 2
    assert "/dev/full exists" in result.stderr


@pytest.mark.parametrize("arguments", [[], [FAILED, "--since", "2h"]])
def test_an_export_is_of_one_call_or_of_a_time(shelf: Shelf, arguments: list[str]) -> None:
    result = shelf.ask("export", *arguments)
    assert result.exit_code == 2
    assert "either the ID of a call or --since" in result.stderr


# --- no database


COMMANDS = [["list"], ["show", FAILED], ["export", FAILED]]


@pytest.mark.parametrize("command", COMMANDS)
def test_no_database(shelf: Shelf, tmp_path: Path, command: list[str]) -> None:
    missing = tmp_path / "data" / "chatter.db"
    assert f"there is no database {missing}" in shelf.refusal(*command, DATABASE_URL=f"sqlite:///{missing}")
    assert not missing.parent.exists()  # looking makes nothing
    away = f"postgresql://u:hush-hush@127.0.0.1:{free_ports(1)[0]}/x"
    assert "hush" not in shelf.refusal(*command, DATABASE_URL=away)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_schema_that_is_behind(shelf: Shelf, tmp_path: Path, command: list[str]) -> None:
    with sqlite3.connect(str(shelf.url.database)) as file:
        file.execute("DELETE FROM _yoyo_migration WHERE migration_id = '00006_create_calls'")
    file.close()
    assert shelf.refusal(*command).endswith("behind by 1: 00006_create_calls; run: chatter migrate up\n")
    (tmp_path / "empty.db").touch()
    assert shelf.refusal(*command, DATABASE_URL=f"sqlite:///{tmp_path / 'empty.db'}").endswith(
        "run: chatter migrate up\n"
    )


def test_a_setting_that_cannot_be_used(shelf: Shelf) -> None:
    assert "TRACE_URL" in shelf.refusal("list", TRACE_URL="nonsense")


def test_looking_makes_no_secret(shelf: Shelf, tmp_path: Path) -> None:
    shelf.answer("show", FAILED)
    assert not (tmp_path / "data").exists()


# --- a server that is killed


@pytest.mark.integration
def test_what_a_killed_server_wrote_last_is_what_is_told(tmp_path: Path) -> None:
    with serving(tmp_path) as server, connect(_socket(server, "alice")):
        _wait_for(tmp_path, "SELECT 1 FROM calls")
        server.stop(signal.SIGKILL)
    ((call_id,),) = _change(tmp_path, "UPDATE calls SET updated_at = updated_at - 360000 RETURNING id")
    with serving(tmp_path):
        _wait_for(tmp_path, "SELECT 1 FROM calls WHERE ended_at IS NOT NULL")
    (listed,) = json.loads(run(tmp_path, "calls", "list", "--json").stdout)
    assert (listed["id"], listed["result"], listed["cause"]) == (call_id, "failed", "server_died")
    assert listed["endedAt"] == listed["updatedAt"]
    assert "alice" in run(tmp_path, "calls", "show", call_id[:8]).stdout


def _socket(server: Server, username: str) -> str:
    """Make an account; return the address of a socket for it."""
    request = urllib.request.Request(
        f"{server.url}/auth/register",
        json.dumps({"username": username, "password": PASSWORD}).encode(),
        {"Content-Type": "application/json", "X-Device-ID": "laptop"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return f"ws://127.0.0.1:{server.gateway_port}/ws/stand-up?token={json.load(answer)['token']}"


def _change(folder: Path, statement: str) -> list[tuple[str]]:
    with closing(sqlite3.connect(folder / "data" / "chatter.db", timeout=30)) as file, file:
        return file.execute(statement).fetchall()


def _wait_for(folder: Path, query: str) -> None:
    deadline = time.monotonic() + 30
    while not _change(folder, query):
        assert time.monotonic() < deadline, query
        time.sleep(0.05)
