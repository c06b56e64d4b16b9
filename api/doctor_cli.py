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

    Run it where the server runs, with the same settings. Each failure comes with its cause and what to do. The account
    and the room of the call are deleted again. What depends on something that failed is skipped.

    The exit code is 0 when nothing failed (warnings are allowed), 1 when something did, 2 for wrong usage.

    \b
    Example:
      docker compose -f docker-compose.prod.yaml exec app-1 chatter doctor
      chatter doctor --url https://call.example.org --json
    """
    from api.doctor.deployment import Deployment, NoDeployment

    logging.getLogger().addHandler(logging.NullHandler())  # what is wrong stands in the findings
    try:
        deployment = Deployment(url, ca_file=ca_file, expected=addresses)
    except NoDeployment as error:
        fail(error)
    try:
        report = run(_examine(deployment, quiet=as_json))
    except asyncio.CancelledError:  # by SIGTERM, as SIGINT does by itself
        raise click.Abort from None
    if as_json:
        click.echo(json.dumps(msgspec.to_builtins(report), indent=2, ensure_ascii=False))
    else:
        click.echo(_summary(report))
    if not report.ok:
        sys.exit(1)


async def _examine(deployment: Deployment, *, quiet: bool) -> Report:
    from api.doctor.checkup import check_up

    # On both signals the room and the account of the call are deleted before the end.
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
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
