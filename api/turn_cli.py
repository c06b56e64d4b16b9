"""`chatter turn`."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click
import msgspec

from api.console import Failure, run, settings

if TYPE_CHECKING:
    from signaling.turn.probe import TurnProbe, UrlReport
    from signaling.turn.urls import TurnUrl


@click.group()
def turn() -> None:
    """Look after the TURN servers, which relay calls that strict networks block.

    \b
    Example:
      chatter turn check
    """


@turn.command("check")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def turn_check(as_json: bool) -> None:
    """Check every TURN address: two relays each, and data from one to the other.

    Prints the times, or what is wrong and what to do about it. The exit code is 0 when all work, 1 when one does not.

    \b
    Example:
      TURN_URLS=turn:turn.example.org:3478 TURN_SECRET_FILE=/run/secrets/turn chatter turn check
    """
    from signaling.turn.probe import TurnProbe

    configured = settings(create_secret=False).signaling.turn
    if not configured.urls:
        raise Failure("no TURN server is configured; set TURN_URLS and TURN_SECRET (see docs/turn.md)")
    reports = run(_check(TurnProbe(configured), configured.urls, quiet=as_json))
    if as_json:
        click.echo(json.dumps([msgspec.to_builtins(report) for report in reports], indent=2))
    if not all(report.ok for report in reports):
        sys.exit(1)


async def _check(probe: TurnProbe, urls: tuple[TurnUrl, ...], *, quiet: bool) -> list[UrlReport]:
    reports = []
    for number, url in enumerate(urls, 1):
        click.echo(f"[{number}/{len(urls)}] {url.text} …", err=True)
        reports.append(await probe.check(url))
        if not quiet:
            click.echo(_lines(reports[-1]))
    return reports


def _lines(report: UrlReport) -> str:
    if report.ok:
        return (
            f"ok      {report.url}  {report.total_ms:.0f} ms "
            f"(relay after {report.allocate_ms:.0f} ms, relay to relay and back {report.round_trip_ms:.0f} ms)"
        )
    return (
        f"failed  {report.url}  {report.cause} after {report.total_ms:.0f} ms: {report.detail}\n        {report.hint}"
    )
