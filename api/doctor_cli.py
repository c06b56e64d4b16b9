"""`chatter doctor`."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from api.console import fail, run

if TYPE_CHECKING:
    from api.doctor.deployment import Deployment
    from api.doctor.findings import Finding, Report

_COLOURS = {"ok": "green", "warning": "yellow", "failed": "red", "skipped": "bright_black"}
_INDENT = " " * 24
_SIGNALLED = 128
"""What shells add to the number of the signal that ended a command."""


@click.command()
@click.option("--url", help="Where people open it in the browser.  [default: BASE_URL]")
@click.option(
    "--address",
    "addresses",
    multiple=True,
    metavar="IP",
    help="An address that the name must lead to and no other; may be given several times.",
)
@click.option(
    "--ca-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Trust these certificates instead of the system's.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(url: str | None, addresses: tuple[str, ...], ca_file: Path | None, as_json: bool) -> None:
    """Check everything that a deployment stands on, and hold a call of three through its public address.

    Run it where the server runs, with the same settings; where no node starts, in a container of its own. Each failure
    comes with its cause and what to do. The account and the room of the call are deleted again. What depends on
    something that failed is skipped.

    From inside the machine no firewall of the provider is passed: look at the public address from elsewhere too, with
    --url. What needs AUTH_SECRET or the database is not checked there.

    The exit code is 0 when nothing failed (warnings are allowed), 1 when something did, 2 for wrong usage, 130 or 143
    when a signal broke it off.

    \b
    Example:
      docker compose exec app-1 chatter doctor
      docker compose run --rm --no-deps -T app-1 doctor
      chatter doctor --url https://call.example.org --json
    """
    from api.doctor.deployment import Deployment, NoDeployment

    logging.getLogger().addHandler(logging.NullHandler())  # what is wrong stands in the findings
    try:
        deployment = Deployment(url, ca_file=ca_file, expected=addresses)
    except NoDeployment as error:
        fail(error)
    signals: list[int] = []
    try:
        report = run(_examine(deployment, signals, quiet=as_json))
    except asyncio.CancelledError:
        click.echo("Aborted!", err=True)
        sys.exit(_SIGNALLED + signals[0])
    if as_json:
        click.echo(json.dumps(msgspec.to_builtins(report), indent=2, ensure_ascii=False))
    else:
        click.echo(_summary(report))
    if signals:  # the call said what it could not delete
        sys.exit(_SIGNALLED + signals[0])
    if not report.ok:
        sys.exit(1)


async def _examine(deployment: Deployment, signals: list[int], *, quiet: bool) -> Report:
    work = asyncio.create_task(_examined(deployment, quiet=quiet))

    def heard(number: int) -> None:
        signals.append(number)
        work.cancel()  # the room and the account of the call are deleted before the end

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, heard, number)
    return await work


async def _examined(deployment: Deployment, *, quiet: bool) -> Report:
    from api.doctor.checkup import check_up

    on_terminal = sys.stderr.isatty() and not quiet

    def begun(name: str) -> None:
        if on_terminal:
            click.echo(f"…        {name}", err=True, nl=False)

    def done(finding: Finding) -> None:
        if on_terminal:
            click.echo("\r\033[K", err=True, nl=False)
        if not quiet:
            click.echo(_lines(finding))

    return await check_up(deployment, begun, done)


def _lines(finding: Finding) -> str:
    status = click.style(f"{finding.status:<8}", fg=_COLOURS[finding.status])
    fix = "" if finding.fix is None else f"\n{_INDENT} → {finding.fix}"
    return f"{status} {finding.name:<15} {finding.finding}{fix}"


def _summary(report: Report) -> str:
    counts = {status: sum(found.status == status for found in report.checks) for status in _COLOURS}
    said = ", ".join(f"{count} {status}" for status, count in counts.items() if count)
    return f"\n{report.url}: {said}"
