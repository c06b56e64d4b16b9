"""What is said of a call: a cause from the tables, told of the people it concerns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, Literal, NamedTuple, TypeVar

from msgspec import Struct

Severity = Literal["failed", "degraded", "note"]
"""`failed`: people could not hear or see each other, or could not get in; `degraded`: they could, badly or late;
`note`: nothing was wrong, but it answers a question."""
Result = Literal["ok", "degraded", "failed", "empty"]
Signs = TypeVar("Signs")


class Finding(Struct, rename="camel", kw_only=True):
    """One likely cause in plain words; `cause` is its code, `members` whom it concerns."""

    cause: str
    severity: Severity
    text: str
    advice: str
    """For the operator."""
    host_advice: str
    """For who leads the call, or takes part: nobody but the operator can change a server."""
    at: int | None = None
    members: list[str] = []


class Summary(Struct, rename="camel", kw_only=True):
    """One line for a list of calls: the worst finding, or what went well."""

    result: Result
    text: str
    cause: str | None = None


class Match(NamedTuple):
    """A cause applies: to these members, with a number to tell, at a time (milliseconds since 1970 UTC)."""

    who: tuple[str, ...] = ()
    value: str = ""
    at: int | None = None
    size: float = 0.0
    """The number of `value`: of several pairs the worst is told."""
    before: Before | None = None


class Cause(NamedTuple, Generic[Signs]):
    """One row of a table: the sign in words and as a predicate, and what is said where it applies.

    `text` may hold `{pair}` (the two), `{who}` (whom the sign was seen at), `{other}` (the rest of the pair),
    `{value}`, `{no_path}` (a clause: that they found none), `{both}` and `{before}` (why an attempt before came to
    nothing). The advices may hold these, `{operator}` (to ask whoever runs the server), and what is advised for
    `{before}`: `{advice_before}` and `{host_advice_before}`.
    """

    code: str
    severity: Severity
    sign: str
    applies: Callable[[Signs], Match | None]
    text: str
    advice: str
    host_advice: str


class Before(NamedTuple):
    """Why an attempt came to nothing that was made before the one that is told of."""

    cause: Cause[Any]
    match: Match


class Found(NamedTuple):
    """A cause that applies, to which pair if to one."""

    cause: Cause[Any]
    match: Match
    pair: tuple[str, ...] = ()
