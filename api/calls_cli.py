"""`chatter calls`."""

from __future__ import annotations

import json
import os
import textwrap
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, TypeVar

import click
import msgspec

from api.console import Failure, fail, run, settings
from api.settings import parse_duration

if TYPE_CHECKING:
    from signaling.calls.overview import CallOverview
    from signaling.calls.store import CallStore, Wanted
    from signaling.core.calls.finding import Result
    from signaling.core.calls.record import CallRecord

T = TypeVar("T")

_WIDTH = 100
_LEAST_DIGITS = 6
_HEXADECIMAL = frozenset("0123456789abcdef")
_BATCH = 50
_LOGS = '{{service_name="app"}} | call_id="{}"'
"""LogQL; labels as infra/monitoring/alloy sets them."""
_COLOURS = {"failed": "red", "degraded": "yellow", "ok": "green"}


def _since(_: click.Context, __: click.Parameter, value: str | None) -> int | None:
    """Return the moment so long ago, in milliseconds since 1970 UTC."""
    try:
        return None if value is None else int((time.time() - parse_duration(value).total_seconds()) * 1000)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.group()
def calls() -> None:
    """Look at calls of the last weeks: who was there, what failed, and why.

    \b
    Example:
      chatter calls list --since 2h --failed
    """


@calls.command("list")
@click.option("--room", metavar="ID", help="Only calls in this room.")
@click.option(
    "--since", metavar="DURATION", default="720h", show_default=True, callback=_since, help="How far to look back."
)
@click.option("--failed", is_flag=True, help="Only those in which something failed.")
@click.option("--trouble", is_flag=True, help="Only those in which something failed, or went badly.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many at most.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_calls(room: str | None, since: int, failed: bool, trouble: bool, limit: int, as_json: bool) -> None:
    """List calls that ran meanwhile, the last to begin first, with how each went. Times are UTC.

    \b
    Example:
      chatter calls list --room stand-up --since 24h
    """
    from signaling.calls.store import Wanted

    wanted = Wanted(room_id=room, running_since=since, results=_results(failed=failed, trouble=trouble))
    found = _with_store(lambda store: store.select_overviews(wanted, None, limit))
    if as_json:
        click.echo(json.dumps([msgspec.to_builtins(call) for call in found], indent=2, ensure_ascii=False))
        return
    now = int(time.time() * 1000)
    for call in found:
        click.echo(_lines(call, now))
    if not found:
        click.echo("no calls", err=True)


@calls.command("show")
@click.argument("call_id", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, as GET /rooms/{room}/calls/{id} answers it.")
def show_call(call_id: str, as_json: bool) -> None:
    """Show what happened in a call, and what likely caused it.

    Some digits of the id are enough, from its beginning: six, or more if several calls begin with them.

    \b
    Example:
      chatter calls show 4bf92f3577b3
    """
    from signaling.core.calls.causes import findings, summary

    configured = settings(create_secret=False)
    record = _with_store(lambda store: _find(store, call_id))
    found = findings(record)
    trace_url = configured.calls.trace_link(record.id, traced=record.traced)
    if as_json:
        told = {"call": record, "findings": found, "summary": summary(record), "traceUrl": trace_url}
        click.echo(json.dumps(msgspec.to_builtins(told), indent=2, ensure_ascii=False))
        return
    from signaling.core.calls.text import render

    for line in render(record, found):
        click.echo(_printable(line))
    click.echo(f"\nLog:   {_LOGS.format(record.id)}")
    if trace_url is not None:
        click.echo(f"Trace: {trace_url}")


@calls.command("export")
@click.argument("call_id", metavar="ID", required=False)
@click.option(
    "--since", metavar="DURATION", callback=_since, help="All calls as far back, such as 24h, instead of one."
)
@click.option("--output", metavar="FILE", type=click.Path(path_type=Path), help="A new file for them.")
def export_calls(call_id: str | None, since: int | None, output: Path | None) -> None:
    """Print the whole records of calls as JSON Lines, newest first.

    They name people: keep them as carefully as the database.

    \b
    Example:
      chatter calls export --since 24h --output calls.jsonl
    """
    from signaling.calls.store import Wanted
    from signaling.core.calls.words import counted

    if (call_id is None) == (since is None):
        raise click.UsageError("name either the ID of a call or --since")

    async def export(store: CallStore) -> int:
        if call_id is None:
            return await _print(_records(store, Wanted(running_since=since)), file)
        return await _print(_one(await _find(store, call_id)), file)

    with _new_file(output) as file:
        count = _with_store(export)
    if output is not None:
        click.echo(f"wrote {counted(count, 'call', 'calls')} to {output}", err=True)


# --- reading


def _results(*, failed: bool, trouble: bool) -> tuple[Result, ...]:
    if trouble:
        return "failed", "degraded"
    return ("failed",) if failed else ()


def _with_store(action: Callable[[CallStore], Awaitable[T]]) -> T:
    """Do something with the records of the configured database. Raises `Failure`."""
    from api.db import Database, DatabaseUnavailable
    from api.schema import schema_problem
    from signaling.calls.store import CallStore

    url = settings(create_secret=False).database_url
    if url.get_backend_name() == "sqlite" and not Path(str(url.database)).exists():
        raise Failure(f"there is no database {url.database}; is this where the server runs?")

    async def read() -> T:
        database = Database(url, max_connections=2)
        try:
            problem = await schema_problem(database)
            if problem is not None:
                raise Failure(f"the database schema is {problem}; run: chatter migrate up")
            return await action(CallStore(database))
        finally:
            await database.close()

    try:
        return run(read())
    except DatabaseUnavailable as error:
        fail(error)


async def _find(store: CallStore, text: str) -> CallRecord:
    """Return the call whose id begins so. Raises `Failure`."""
    prefix = text.strip().lower()
    if not _HEXADECIMAL.issuperset(prefix) or not _LEAST_DIGITS <= len(prefix) <= 32:
        raise Failure(f"{text!r} is not the id of a call: 32 hexadecimal digits, of which the first 6 may be enough")
    found = await store.select_ids(prefix, 2)
    if len(found) > 1:
        raise Failure(f"several calls begin with {prefix}; give more digits")
    record = await store.select(found[0]) if found else None
    if record is None:
        raise Failure(f"there is no call {prefix}; records are kept for a while only (CALLS_RETENTION)")
    return record


async def _one(record: CallRecord) -> AsyncIterator[CallRecord]:
    yield record


async def _records(store: CallStore, wanted: Wanted) -> AsyncIterator[CallRecord]:
    from signaling.calls.store import Place

    before = None
    while page := await store.select_records(wanted, before, _BATCH):
        for record in page:
            yield record
        before = Place(page[-1].started_at, page[-1].id)


# --- printing


@contextmanager
def _new_file(path: Path | None) -> Iterator[IO[str] | None]:
    """Make a file that only its owner may read, and delete it again where it stays half. None stands for none."""
    if path is None:
        yield None
        return
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            try:
                yield file
            except BaseException:
                path.unlink()
                raise
    except FileExistsError:
        raise Failure(f"{path} exists; name a new file") from None
    except OSError as error:
        raise Failure(f"{path} cannot be written: {error.strerror}") from None


async def _print(records: AsyncIterator[CallRecord], file: IO[str] | None) -> int:
    """Print records to a file, or to standard output; return how many."""
    from signaling.calls.snapshot import encode_record

    count = 0
    async for record in records:
        click.echo(encode_record(record).decode(), file=file)
        count += 1
    return count


def _lines(call: CallOverview, now: int) -> str:
    """Return a call in two lines or more: the facts, and what is to be said of it."""
    from signaling.core.calls.words import counted, short

    call_id, people = short(call.id), counted(call.people, "person", "people")
    facts = f"{call_id}  {_moment(call.started_at)}  {_length(call, now):>9}  {people:>10}  "
    result = click.style(f"{call.result:<8}", fg=_COLOURS.get(call.result))
    space = _WIDTH - len(facts) - 10
    room = call.room_id if len(call.room_id) <= space else f"{call.room_id[: space - 1]}…"
    indent = " " * (len(call_id) + 2)
    said = textwrap.wrap(
        _printable(call.text), _WIDTH, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False
    )
    return "\n".join([f"{facts}{result}  {room}", *said])


def _length(call: CallOverview, now: int) -> str:
    from signaling.calls.history import SILENT_MS
    from signaling.core.calls.words import duration

    if call.ended_at is None:
        return "running" if now - call.updated_at < SILENT_MS else "cut off"
    return duration(call.ended_at - call.started_at)


def _moment(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(sep=" ", timespec="seconds").removesuffix("+00:00")


def _printable(text: str) -> str:
    """Return a line without what would steer a terminal: display names are chosen by anyone."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)
