"""Structured logs on standard output."""

from __future__ import annotations

import logging
import sys

from pythonjsonlogger.json import JsonFormatter

from observability.settings import ObservabilitySettings


def configure_logging(settings: ObservabilitySettings) -> None:
    """Send all log records to standard output, one JSON object or one line of text each."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_formatter(settings))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level)
    # These say more than one line per lifecycle edge, some with client addresses, query strings or stored hashes.
    for name in ("aiosqlite", "asyncio", "hypercorn", "picows", "sqlalchemy", "yoyo"):
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def _formatter(settings: ObservabilitySettings) -> logging.Formatter:
    if settings.log_format == "text":
        return _TextFormatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    return JsonFormatter(
        "%(asctime)s %(levelname)s %(name)s %(message)s",
        rename_fields={"asctime": "time", "levelname": "level", "name": "logger"},
        static_fields={"service": settings.service_name},
        datefmt="%Y-%m-%dT%H:%M:%S%z",
    )


_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class _TextFormatter(logging.Formatter):
    """The line for people, with the extra fields behind it."""

    def format(self, record: logging.LogRecord) -> str:
        extras = " ".join(f"{name}={value}" for name, value in record.__dict__.items() if name not in _STANDARD)
        line = super().format(record)
        return f"{line} {extras}" if extras else line
