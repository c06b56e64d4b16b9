"""What the log looks like on standard output."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import datetime

import pytest

from observability.logs import configure_logging
from observability.settings import ObservabilitySettings


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    """Put the root logger back as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {
        name: logging.getLogger(name).level
        for name in ("aiosqlite", "asyncio", "hypercorn", "picows", "sqlalchemy", "yoyo")
    }
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)


def configure(**settings: str) -> None:
    configure_logging(ObservabilitySettings(**settings))


@pytest.mark.seed("S1-20")
@pytest.mark.seed("S1-53")
def test_each_record_is_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    configure(service_name="chatter-1")
    logging.getLogger("chatter.test").info("two\nlines", extra={"event": "tried", "count": 2, "who": "Ärger\u2028"})
    captured = capsys.readouterr()
    assert captured.err == ""
    (line,) = captured.out.splitlines()
    entry = json.loads(line)
    assert datetime.fromisoformat(entry.pop("time")).tzinfo is not None
    assert entry == {
        "level": "INFO",
        "logger": "chatter.test",
        "message": "two\nlines",
        "event": "tried",
        "count": 2,
        "who": "Ärger\u2028",
        "service": "chatter-1",
    }


def test_an_exception_stays_within_its_object(capsys: pytest.CaptureFixture[str]) -> None:
    configure()
    try:
        raise ValueError("oops")
    except ValueError:
        logging.getLogger("chatter.test").exception("failed")
    (line,) = capsys.readouterr().out.splitlines()
    entry = json.loads(line)
    assert entry["level"] == "ERROR"
    assert "ValueError: oops" in entry["exc_info"]


def test_what_json_does_not_know_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    configure()
    logging.getLogger("chatter.test").info("odd", extra={"thing": object(), "raw": b"\xff", "many": {1}})
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["message"] == "odd"


def test_text_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    configure(log_format="text")
    logging.getLogger("chatter.test").warning("careful", extra={"event": "tried", "count": 2})
    logging.getLogger("chatter.test").warning("plain")
    first, second = capsys.readouterr().out.splitlines()
    assert first.endswith("WARNING chatter.test: careful event=tried count=2")
    assert second.endswith("WARNING chatter.test: plain")


@pytest.mark.parametrize(("level", "shown"), [("DEBUG", 4), ("INFO", 3), ("WARNING", 2), ("ERROR", 1)])
def test_the_level(capsys: pytest.CaptureFixture[str], level: str, shown: int) -> None:
    configure(log_level=level)
    for number in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR):
        logging.getLogger("chatter.test").log(number, "said")
    assert len(capsys.readouterr().out.splitlines()) == shown


@pytest.mark.parametrize(
    "name", ["hypercorn.access", "picows", "asyncio", "yoyo.migrations", "aiosqlite", "sqlalchemy.engine"]
)
def test_chatty_libraries_are_kept_short(capsys: pytest.CaptureFixture[str], name: str) -> None:
    configure(log_level="DEBUG")
    logging.getLogger(name).info("GET /ws?token=hush")
    assert capsys.readouterr().out == ""
    logging.getLogger(name).warning("trouble")
    assert "trouble" in capsys.readouterr().out


def test_twice_is_once(capsys: pytest.CaptureFixture[str]) -> None:
    configure()
    configure()
    logging.getLogger("chatter.test").info("said")
    assert len(capsys.readouterr().out.splitlines()) == 1
