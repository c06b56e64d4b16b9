"""How the doctor goes through its checks, whatever they are; and who may ask a server how requests arrive there."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy.engine import URL

from api.cli import main
from api.doctor.examination import Check, examine
from api.doctor.findings import Fault, Finding, Verdict, ok, skipped, warning
from api.doctor.seen import HEADER, Questions
from tests.api.site import SECRET, Site, open_site, problem_of, settings_for


async def good(_: object) -> Verdict:
    return ok("two\nlines \x1b[2J")


async def doubtful(_: object) -> Verdict:
    return warning("soon", "look")


async def bad(_: object) -> Verdict:
    raise Fault("broken", "mend it")


async def absent(_: object) -> Verdict:
    return skipped("there is none")


async def hanging(_: object) -> Verdict:
    await asyncio.Event().wait()
    raise AssertionError


async def faulty(_: object) -> Verdict:
    raise KeyError("oops")


async def examined(*checks: Check[object]) -> dict[str, Finding]:
    heard: list[str] = []
    findings = await examine(object(), checks, heard.append, lambda finding: heard.append(finding.status))
    assert heard == [part for finding in findings for part in (finding.name, finding.status)]
    return {finding.name: finding for finding in findings}


async def test_what_depends_on_a_failure_is_skipped_by_name() -> None:
    found = await examined(
        Check("bad", bad),
        Check("absent", absent),
        Check("doubtful", doubtful),
        Check("after bad", good, ("doubtful", "bad")),
        Check("after that", good, ("after bad",)),
        Check("after absent", good, ("absent",)),
        Check("after doubtful", good, ("doubtful",)),
    )
    assert (found["bad"].status, found["bad"].finding, found["bad"].fix) == ("failed", "broken", "mend it")
    assert (found["doubtful"].status, found["doubtful"].fix) == ("warning", "look")
    assert (found["after bad"].status, found["after bad"].finding) == ("skipped", "needs bad, which failed")
    assert found["after that"].finding == "needs bad, which failed"
    assert (found["absent"].status, found["after absent"].status) == ("skipped", "ok")  # it was not needed
    assert found["after doubtful"].status == "ok"


async def test_a_finding_is_one_line_that_steers_no_terminal() -> None:
    assert (await examined(Check("good", good)))["good"].finding == "two lines \ufffd[2J"


async def test_what_hangs_is_given_up() -> None:
    found = await examined(Check("hanging", hanging, (), 0.01), Check("next", good))
    assert (found["hanging"].status, found["hanging"].finding) == ("failed", "no end after 0.01 s")
    assert found["next"].status == "ok"


async def test_a_fault_of_a_check_itself_hides_nothing() -> None:
    found = await examined(Check("faulty", faulty), Check("next", good))
    assert (found["faulty"].status, found["faulty"].finding) == ("failed", "KeyError: 'oops'")
    assert found["next"].status == "ok"


@pytest.mark.parametrize("path", ["/doctor", "/api/doctor"])
async def test_who_holds_the_secret_learns_how_a_request_arrives(sqlite_url: URL, tmp_path: Path, path: str) -> None:
    async with open_site(settings_for(sqlite_url, tmp_path, TRUSTED_HOPS="1", NODE_ID="one")) as site:
        questions = Questions(SECRET, time.time)
        headers = {
            HEADER: questions.sign(),
            "X-Forwarded-For": "203.0.113.9",
            "X-Forwarded-Proto": "https",
        }
        answer = await site.ask("GET", path, headers=headers)
    seen = answer.json()
    assert questions.is_answered(headers[HEADER], answer.headers[HEADER], answer.content)
    assert not questions.is_answered(questions.sign(), answer.headers[HEADER], answer.content)
    assert not Questions("another", time.time).is_answered(headers[HEADER], answer.headers[HEADER], answer.content)
    assert {key: seen[key] for key in ("address", "hops", "trusted_hops", "scheme", "node")} == {
        "address": "203.0.113.9",
        "hops": 1,
        "trusted_hops": 1,
        "scheme": "https",
        "node": "one",
    }
    assert seen["checks"]["database"] == {"ok": True}


@pytest.mark.parametrize(
    "proof",
    [
        None,
        "",
        "x",
        "a.b",
        "é.é",
        Questions("another secret" * 4, time.time).sign(),
        Questions(SECRET, lambda: 0.0).sign(),
        Questions(SECRET, lambda: time.time() + 90_000).sign(),
    ],
)
async def test_for_everyone_else_there_is_nothing(site: Site, proof: str | None) -> None:
    headers = {} if proof is None else {HEADER: proof.encode("latin-1")}
    answer = await site.ask("GET", "/doctor", headers=headers)
    assert problem_of(answer) == (404, "not_found")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--url", "call.example.org"], "--url: 'call.example.org' is not the address of a deployment"),
        (["--url", "https://call.example.org/r/x"], "is not the address of a deployment"),
        (["--url", "https://u:p@call.example.org"], "is not the address of a deployment"),
        (["--url", "https://[::1"], "is not the address of a deployment"),
        (["--url", "https://x", "--address", "here"], "--address: 'here' is not an IP address, such as 203.0.113.7"),
        (["--url", "https://x", "--ca-file", "nowhere.pem"], "--ca-file: nowhere.pem holds no certificates"),
    ],
)
def test_wrong_usage_is_one_line(tmp_path: Path, arguments: list[str], named: str) -> None:
    (tmp_path / "empty.yaml").touch()
    result = CliRunner().invoke(main, ["doctor", *arguments], env={"CONFIG_PATH": str(tmp_path / "empty.yaml")})
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("chatter: ")
    assert result.stderr.count("\n") == 1
    assert named in result.stderr


def test_settings_that_cannot_be_used_are_a_finding_and_not_the_end(tmp_path: Path) -> None:
    (tmp_path / "empty.yaml").touch()
    given = {"CONFIG_PATH": str(tmp_path / "empty.yaml"), "AUTH_SECRET": "short", "SERVER_ADDR": ":9"}
    result = CliRunner().invoke(main, ["doctor", "--json"], env=given)
    assert result.exit_code == 1
    report = json.loads(result.stdout)
    assert report["url"] == "http://localhost:9"
    [first, *_] = report["checks"]
    assert (first["name"], first["status"]) == ("settings", "failed")
    assert first["finding"] == "AUTH_SECRET must have at least 32 bytes"
    assert {"database", "bus", "turn-udp"} <= {
        check["name"] for check in report["checks"] if check["finding"] == "needs settings, which failed"
    }


def test_without_settings_and_without_an_address_there_is_nothing_to_look_at() -> None:
    result = CliRunner().invoke(main, ["doctor", "--json"], env={"CONFIG_PATH": "nowhere.yaml"})
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "chatter: CONFIG_PATH: there is no file nowhere.yaml (or name the deployment with --url)\n"


def test_nothing_runs_and_nothing_is_made(tmp_path: Path) -> None:
    (tmp_path / "empty.yaml").touch()
    data = tmp_path / "data"
    given = {"CONFIG_PATH": str(tmp_path / "empty.yaml"), "CHATTER_DATA_DIR": str(data)}
    result = CliRunner().invoke(main, ["doctor", "--json", "--url", "http://127.0.0.1:9"], env=given)
    assert result.exit_code == 1
    found = {check["name"]: check["finding"] for check in json.loads(result.stdout)["checks"]}
    assert found["database"] == f"The database {data / 'chatter.db'} cannot be opened: No such file or directory."
    assert found["certificate"].startswith("needs connection")
    assert not data.exists()
