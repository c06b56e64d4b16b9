"""What is said of a call: a cause from the tables, told of the people it concerns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, Literal, NamedTuple, TypeVar

from msgspec import Struct

Severity = Literal["failed", "degraded", "note"]
"""`failed`: people could not hear or see each other, or could not get in; `degraded`: they could, badly or late;
`note`: nothing was wrong, but it answers a question."""
Signs = TypeVar("Signs")


class Finding(Struct, rename="camel", kw_only=True):
    """One likely cause in plain words; `cause` is its code, `members` whom it concerns."""

    cause: str
    severity: Severity
    text: str
    advice: str
    at: int | None = None
    members: list[str] = []


class Summary(Struct, rename="camel", kw_only=True):
    """One line for a list of calls: the worst finding, or what went well."""

    result: Literal["ok", "degraded", "failed", "empty"]
    text: str
    cause: str | None = None


class Match(NamedTuple):
    """A cause applies: to these members, with a number to tell, at a time (milliseconds since 1970 UTC)."""

    who: tuple[str, ...] = ()
    value: str = ""
    at: int | None = None


class Cause(NamedTuple, Generic[Signs]):
    """One row of a table: the sign in words and as a predicate, and what is said where it applies.

    `text` may hold `{pair}` (the two), `{who}` (whom the sign was seen at), `{other}` (the rest of the pair), `{value}`
    and `{never_found}`.
    """

    code: str
    severity: Severity
    sign: str
    applies: Callable[[Signs], Match | None]
    text: str
    advice: str
