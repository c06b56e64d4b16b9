"""What the log looks like on standard output."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from observability import logs
from observability.context import log_fields
from observability.log_writer import LogWriter
from observability.settings import ObservabilitySettings

LIBRARIES = ("aiosqlite", "asyncio", "hypercorn", "opentelemetry", "picows", "sqlalchemy", "urllib3", "yoyo")
WATCHDOG_S = 30.0


class Log:
    """A log in a file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self.writer: LogWriter | None = None

    def configure(self, **settings: Any) -> None:
        """Let the root logger write here."""
        self.writer = logs.configure_logging(ObservabilitySettings(**settings), self.fd)

    def lines(self) -> list[str]:
        """End the log; return its lines, split at nothing but line feeds."""
        assert self.writer is not None
        assert self.writer.close(WATCHDOG_S)
        return self.path.read_text("utf-8").split("\n")[:-1]

    def entries(self) -> list[dict[str, Any]]:
        """End the log; return its objects."""
        return [json.loads(line) for line in self.lines()]


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Log]:
    """A log; the loggers are put back as they were."""
    monkeypatch.setattr(logs, "_writer", None)
    monkeypatch.setattr("atexit.register", lambda _: None)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in LIBRARIES}
    made = Log(tmp_path / "log")
    yield made
    if made.writer is not None:
        made.writer.close(WATCHDOG_S)
    os.close(made.fd)
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)


@pytest.mark.seed("S1-20")
@pytest.mark.seed("S1-53")
def test_each_record_is_one_object(log: Log) -> None:
    log.configure(service_name="chatter-1", version="1.2.3", instance="here")
    logging.getLogger("chatter.test").info("two\nlines", extra={"event": "tried", "count": 2, "who": "Ärger\u2028"})
    (entry,) = log.entries()
    assert datetime.fromisoformat(entry.pop("time")).tzinfo is not None
    assert entry == {
        "level": "INFO",
        "logger": "chatter.test",
        "message": "two\nlines",
        "event": "tried",
        "count": 2,
        "who": "Ärger\u2028",
        "service": "chatter-1",
        "version": "1.2.3",
        "instance": "here",
    }


def test_every_process_has_its_own_name() -> None:
    assert str(os.getpid()) in ObservabilitySettings().instance


def test_an_exception_stays_within_its_object(log: Log) -> None:
    log.configure()
    try:
        raise ValueError("oops")
    except ValueError:
        logging.getLogger("chatter.test").exception("failed at %s", "once")
    (entry,) = log.entries()
    assert entry["level"] == "ERROR"
    assert entry["message"] == "failed at once"
    assert "ValueError: oops" in entry["exc_info"]
    assert "Traceback" in entry["exc_info"]


def endless() -> list[Any]:
    made: list[Any] = []
    made.append(made)
    return made


@pytest.mark.parametrize(
    "extra",
    [
        {"thing": object(), "raw": b"\xff", "many": {1}},
        {"nan": float("nan"), "inf": float("inf")},
        {"keys": {1: 2, (3, 4): 5, None: 6}},
        {"endless": endless()},
        {"long": "x" * 1_000_000},
        {"lone": "\ud800"},
    ],
    ids=lambda extra: next(iter(extra)),
)
@pytest.mark.parametrize("log_format", ["json", "text"])
def test_odd_values_neither_break_a_line_nor_the_log(log: Log, log_format: str, extra: dict[str, Any]) -> None:
    log.configure(log_format=log_format)
    logging.getLogger("chatter.test").info("odd", extra=extra)
    logging.getLogger("chatter.test").info("after")
    first, second = log.lines()
    assert len(first) < 20_000
    if log_format == "json":
        entry = json.loads(first, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
        assert entry["message"] == "odd"
    assert "after" in second


@pytest.mark.parametrize("message", [{1: "one"}, {("a",): "tuple"}, {None: "nothing"}], ids=str)
def test_a_message_with_keys_that_are_no_text_is_a_line(log: Log, message: dict[Any, str]) -> None:
    log.configure()
    logging.getLogger("chatter.test").info(message)
    (entry,) = log.entries()
    assert entry["logger"] == "chatter.test"
    assert next(iter(message.values())) in entry.values()


def test_nothing_but_ascii_reaches_the_reader_as_it_is(log: Log) -> None:
    log.configure()
    said = "\u0085\u009b2J\u2028Grüße"
    logging.getLogger("chatter.test").info("said", extra={"what": said})
    (line,) = log.lines()
    assert line.isascii()
    assert json.loads(line)["what"] == said


def test_arguments_are_as_they_were_when_it_was_said(log: Log) -> None:
    log.configure()
    changing = ["before"]
    logging.getLogger("chatter.test").info("is %s", changing)
    changing[0] = "after"
    (entry,) = log.entries()
    assert entry["message"] == "is ['before']"


class Grumpy:
    def __repr__(self) -> str:
        raise RuntimeError("no")


def test_the_time_is_that_of_rfc_3339_with_milliseconds(log: Log) -> None:
    log.configure()
    for created in (0.0, 1_790_000_000.0425):
        record = logging.makeLogRecord({"name": "chatter.test", "levelno": logging.INFO, "created": created})
        logging.getLogger("chatter.test").handle(record)
    assert [entry["time"] for entry in log.entries()] == [
        "1970-01-01T00:00:00.000+00:00",
        "2026-09-21T14:13:20.042+00:00",
    ]


def test_an_object_that_refuses_to_be_shown_costs_its_record_only(log: Log, capsys: pytest.CaptureFixture[str]) -> None:
    log.configure()
    logging.getLogger("chatter.test").info("odd token=hush", extra={"grumpy": {"nested": Grumpy()}})
    logging.getLogger("chatter.test").info("after")
    first, second = log.entries()
    assert (first["event"], first["cause"]) == ("log_record_unwritable", "RuntimeError")
    assert first["source"].startswith("chatter.test:")
    assert second["message"] == "after"
    assert capsys.readouterr().err == ""


def test_arguments_that_do_not_fit_cost_their_record_only_and_are_shown_to_nobody(
    log: Log, capsys: pytest.CaptureFixture[str]
) -> None:
    log.configure()
    logging.getLogger("chatter.test").info("%d", "token=hush")
    logging.getLogger("chatter.test").info("after")
    first, second = log.entries()
    assert (first["event"], first["cause"]) == ("log_record_unwritable", "TypeError")
    assert second["message"] == "after"
    assert "hush" not in json.dumps(first) + capsys.readouterr().err


def test_text_for_people(log: Log) -> None:
    log.configure(log_format="text")
    logging.getLogger("chatter.test").warning("careful", extra={"event": "tried", "count": 2})
    logging.getLogger("chatter.test").warning("plain")
    first, second = log.lines()
    assert first.endswith("WARNING chatter.test: careful event=tried count=2")
    assert second.endswith("WARNING chatter.test: plain")


@pytest.mark.parametrize(("level", "shown"), [("DEBUG", 4), ("INFO", 3), ("WARNING", 2), ("ERROR", 1)])
def test_the_level(log: Log, level: str, shown: int) -> None:
    log.configure(log_level=level)
    for number in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR):
        logging.getLogger("chatter.test").log(number, "said")
    assert len(log.lines()) == shown


@pytest.mark.parametrize(
    "name", ["hypercorn.access", "picows", "asyncio", "yoyo.migrations", "aiosqlite", "sqlalchemy.engine", "urllib3.x"]
)
def test_chatty_libraries_are_kept_short(log: Log, name: str) -> None:
    log.configure(log_level="DEBUG")
    logging.getLogger(name).info("GET /ws?token=hush")
    logging.getLogger(name).warning("trouble")
    assert [entry["message"] for entry in log.entries()] == ["trouble"]


def test_the_exporter_of_traces_says_nothing_itself(log: Log) -> None:
    log.configure(log_level="DEBUG")
    logging.getLogger("opentelemetry.exporter.otlp.proto.http.trace_exporter").error("Failed to export spans batch")
    assert log.lines() == []


def test_twice_is_once(log: Log) -> None:
    log.configure()
    first = log.writer
    log.configure()
    assert first is not log.writer
    logging.getLogger("chatter.test").info("said")
    assert len(log.lines()) == 1


# --- what a record carries without being told -----------------------------------------------------------------------


def test_a_record_carries_the_fields_of_its_task(log: Log) -> None:
    log.configure()
    logger = logging.getLogger("chatter.test")
    with log_fields(request_id="r1"), log_fields(call_id="c1"):
        logger.info("bound")
        logger.info("its own", extra={"request_id": "r2"})
    logger.info("free")
    bound, own, free = log.entries()
    assert (bound["request_id"], bound["call_id"]) == ("r1", "c1")
    assert (own["request_id"], own["call_id"]) == ("r2", "c1")
    assert not {"request_id", "call_id", "trace_id", "span_id"} & free.keys()


def test_a_record_carries_the_ids_of_its_span(log: Log) -> None:
    log.configure()
    provider = TracerProvider(shutdown_on_exit=False)
    with provider.get_tracer("test").start_as_current_span("work") as span:
        logging.getLogger("chatter.test").info("inside")
    (entry,) = log.entries()
    assert entry["trace_id"] == trace.format_trace_id(span.get_span_context().trace_id)
    assert entry["span_id"] == trace.format_span_id(span.get_span_context().span_id)


def test_a_line_that_names_its_own_trace_names_no_span_of_another(log: Log) -> None:
    log.configure()
    with TracerProvider(shutdown_on_exit=False).get_tracer("test").start_as_current_span("a request"):
        logging.getLogger("chatter.test").info("left", extra={"trace_id": "ab" * 16})
    (entry,) = log.entries()
    assert entry["trace_id"] == "ab" * 16
    assert "span_id" not in entry


# --- redaction on the whole way -------------------------------------------------------------------------------------

Say = Callable[[logging.Logger], None]


def _crash(logger: logging.Logger) -> None:
    try:
        raise RuntimeError("password=hush")
    except RuntimeError:
        logger.exception("crashed")


@pytest.mark.parametrize(
    "say",
    [
        lambda logger: logger.info("GET /ws?token=hush"),
        lambda logger: logger.info("headers %s", {"Authorization": "Bearer hush-hush"}),
        lambda logger: logger.info("frame", extra={"frame": {"type": "chat", "text": "hush"}}),
        lambda logger: logger.info("stack with token=hush", stack_info=True),
        _crash,
    ],
)
@pytest.mark.parametrize("log_format", ["json", "text"])
def test_nothing_secret_leaves(log: Log, log_format: str, say: Say) -> None:
    log.configure(log_format=log_format)
    say(logging.getLogger("chatter.test"))
    (line, *more) = log.lines()
    whole = "\n".join([line, *more])
    assert "[redacted]" in whole
    assert "hush" not in whole
