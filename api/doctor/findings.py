"""What the doctor finds: one verdict per check, and the report of all."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Status = Literal["ok", "warning", "failed", "skipped"]

IN_PRODUCTION = "docker compose exec app-1 chatter doctor"
RECORD_FIX = "Let the A and AAAA records lead to this machine and to no other; it takes up to their TTL."


class Verdict(Struct, frozen=True):
    """How one check went. `fix` says what to do where something is to be done."""

    status: Status
    finding: str
    fix: str | None = None


class Finding(Struct, frozen=True):
    """A verdict with the name of its check; `ms` is how long that took. What `--json` prints, so it stays as it is."""

    name: str
    status: Status
    finding: str
    """What was seen, the cause where it failed, the reason where it was skipped: one line."""
    fix: str | None
    ms: int


class Report(Struct, frozen=True):
    """All findings, in the order of the checks. Times in milliseconds since 1970 UTC."""

    ok: bool
    """Whether nothing failed; warnings are allowed."""
    url: str
    version: str
    started_at: int
    checks: tuple[Finding, ...]


class Fault(Exception):
    """A check fails, for this cause; `fix` says what to do. Both are one line for the operator."""

    def __init__(self, cause: str, fix: str) -> None:
        super().__init__(cause)
        self.cause = cause
        self.fix = fix


def ok(finding: str) -> Verdict:
    """Say that all is well, and what was seen."""
    return Verdict("ok", finding)


def warning(cause: str, fix: str) -> Verdict:
    """Say what works but should not stay so."""
    return Verdict("warning", cause, fix)


def failed(cause: str, fix: str) -> Verdict:
    """Say what does not work, and what to do."""
    return Verdict("failed", cause, fix)


def skipped(why: str) -> Verdict:
    """Say why there was nothing to check."""
    return Verdict("skipped", why)


def sentence(cause: object) -> str:
    """Return a cause that begins in small letters as a sentence."""
    words = str(cause).rstrip(".")
    return f"{words[:1].upper()}{words[1:]}."


def reason(error: OSError) -> str:
    """Say in words why something could not be reached or opened."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return getattr(error, "reason", None) or error.strerror or str(error) or type(error).__name__


def one_line(text: object) -> str:
    """Return a text without line breaks and other characters that would steer a terminal."""
    return "".join(character if character.isprintable() else "\ufffd" for character in " ".join(str(text).split()))
