"""Structured logs on standard output."""

from __future__ import annotations

import atexit
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

import msgspec
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector
from pythonjsonlogger.json import JsonEncoder, JsonFormatter

from observability.context import current_fields
from observability.log_writer import LogWriter
from observability.redaction import is_plainly_harmless, may_hold_secrets, redact, redact_text
from observability.settings import ObservabilitySettings

STDOUT = 1
FLUSH_TIMEOUT_S = 0.25
"""How long the end of the process waits for whoever reads the log."""
_MAX_LINE = 16384
_LINE_OVERHEAD = 400
# These say more than one line per lifecycle edge, some with client addresses, query strings or stored hashes.
_CHATTY = ("aiosqlite", "asyncio", "hypercorn", "picows", "sqlalchemy", "urllib3", "yoyo")
# A line per batch while the receiver of traces is away; `observability.export` says it once.
_SILENT = "opentelemetry"

_writer: LogWriter | None = None


def configure_logging(settings: ObservabilitySettings, fd: int = STDOUT) -> LogWriter:
    """Send all log records to a file descriptor, one JSON object or one line of text each."""
    global _writer
    if _writer is None:
        atexit.register(_flush)
    else:
        _writer.close(FLUSH_TIMEOUT_S)
    handler = _WriterHandler(fd, _formatter(settings))
    _writer = handler.writer
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    logging.getLogger(_SILENT).setLevel(logging.CRITICAL)
    return _writer


class DroppedRecords(Collector):
    """How many log records this process lost; the log belongs to the process, so the count does too."""

    def __init__(self, registry: CollectorRegistry) -> None:
        registry.register(self)

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Return the count of now."""
        dropped = 0 if _writer is None else _writer.dropped
        yield CounterMetricFamily("chatter_log_records_dropped", "Log records that nobody took in time.", value=dropped)

    describe = collect


def _flush() -> None:
    if _writer is not None:
        _writer.close(FLUSH_TIMEOUT_S)


class _WriterHandler(logging.Handler):
    """Takes of a record what only its own thread and task know, and lets the writer's thread make lines of them."""

    def __init__(self, fd: int, formatter: logging.Formatter) -> None:
        super().__init__()
        self.setFormatter(formatter)
        self.writer = LogWriter(fd, self._notice)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            fields = current_fields()
            if "trace_id" in record.__dict__:  # a call's, told within a request
                fields.pop("span_id", None)
            for name, value in fields.items():
                record.__dict__.setdefault(name, value)
            if not isinstance(record.msg, dict):
                record.msg, record.args = record.getMessage(), None
            size = _settled_size(record)
        except Exception as error:
            self.writer.put(self._unwritable(record, error))
            return
        if size is None:
            self.writer.put(self._line(record))
        else:
            self.writer.put(partial(self._line, record), size)

    def _line(self, record: logging.LogRecord) -> bytes:
        try:
            return f"{self.format(record)}\n".encode("utf-8", "backslashreplace")
        except Exception as error:
            return self._unwritable(record, error)

    def _unwritable(self, record: logging.LogRecord, error: Exception) -> bytes:
        # Not `handleError`, which would print message and arguments, whatever they hold.
        return self._own_line(
            "a log record could not be written",
            "log_record_unwritable",
            source=f"{record.name}:{record.lineno}",
            cause=type(error).__name__,
        )

    def _notice(self, count: int) -> bytes:
        return self._own_line("log lines were dropped", "log_records_dropped", count=count)

    def _own_line(self, text: str, event: str, **fields: object) -> bytes:
        own = {"name": __name__, "levelno": logging.WARNING, "levelname": "WARNING", "msg": text, "event": event}
        return self._line(logging.makeLogRecord(own | fields))


def _settled_size(record: logging.LogRecord) -> int | None:
    """Return about how large a line will be; None for one with anything that could change meanwhile, or is large."""
    if record.exc_info or record.stack_info:
        return None
    size = _LINE_OVERHEAD
    for value in record.__dict__.values():
        kind = value.__class__
        if kind is str:
            size += len(value)
        elif kind is not int and kind is not float and kind is not bool and value is not None:
            return None
    return size if size <= _MAX_LINE else None


def _formatter(settings: ObservabilitySettings) -> logging.Formatter:
    if settings.log_format == "text":
        return _TextFormatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    return _RedactingJsonFormatter(
        "%(asctime)s",
        static_fields={
            "service": settings.service_name,
            "version": settings.version,
            "instance": settings.instance,
        },
    )


_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}
_encode_plain = msgspec.json.Encoder().encode
_encode_any = JsonEncoder(allow_nan=False).encode


class _RedactingJsonFormatter(JsonFormatter):
    """Redaction comes last, when message, arguments, extra fields and exceptions have become one object."""

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802  # logging's name
        """Return the time as RFC 3339 has it, in UTC with milliseconds."""
        return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")

    def add_fields(self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
        """Put one object together, without asking for each field whether it is renamed, as the base class does."""
        log_data["time"] = record.asctime
        log_data["level"] = record.levelname
        log_data["logger"] = record.name
        log_data["message"] = record.message
        log_data |= self.static_fields
        log_data |= message_dict
        for name, value in record.__dict__.items():
            if name not in _STANDARD:
                log_data[name] = value

    def jsonify_log_record(self, log_data: dict[str, Any]) -> str:
        """Return one line, redacted where it must be; most lines hold nothing that could be a secret."""
        line = _encode_plain(log_data).decode() if is_plainly_harmless(log_data) else _encode_checked(log_data)
        return line if line and len(line) <= _MAX_LINE else json.dumps(redact(log_data))


def _encode_checked(log_data: dict[str, Any]) -> str:
    """Return the line, empty where it may hold a secret or is no JSON."""
    try:
        line = _encode_any(log_data)
    except (ValueError, TypeError, RecursionError):  # NaN, cycles, keys that are no text
        return ""
    return "" if may_hold_secrets(line) else line


class _TextFormatter(logging.Formatter):
    """The line for people, with the extra fields behind it."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, redacted."""
        fields = {name: value for name, value in record.__dict__.items() if name not in _STANDARD}
        extras = " ".join(f"{name}={value}" for name, value in redact(fields).items())
        line = redact_text(super().format(record))
        return f"{line} {extras}" if extras else line
