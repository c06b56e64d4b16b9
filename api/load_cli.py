"""`chatter load`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from api.console import Failure, fail, run

if TYPE_CHECKING:
    from api.load.plan import Plan
    from api.load.report import Report
    from api.load.target import Target


@click.command()
@click.option("--url", required=True, help="Where people open it in the browser: https://call.example.org")
@click.option("--user", required=True, help="An account there; the rooms are made in its name.")
@click.option(
    "--password",
    envvar="LOAD_PASSWORD",
    show_envvar=True,
    prompt=True,
    hide_input=True,
    help="Its password. Asked for when left out.",
)
@click.option("--pairs", type=click.IntRange(1, 10_000), help="Pairs that exchange frames.  [default: 10]")
@click.option("--rooms", type=click.IntRange(1, 500), help="Rooms they are in.  [default: one for each pair]")
@click.option(
    "--members", type=click.IntRange(2, 50), help="Members of each room.  [default: as many as the pairs need]"
)
@click.option("--seconds", type=click.FloatRange(1, 3600), default=30.0, show_default=True, help="How long they talk.")
@click.option(
    "--candidates",
    type=click.FloatRange(0, 1000),
    default=1.0,
    show_default=True,
    help="Candidates a second from each of a pair.",
)
@click.option(
    "--chat",
    type=click.FloatRange(0, 1000),
    default=0.1,
    show_default=True,
    help="Chat messages a second from each of a pair.",
)
@click.option(
    "--join-rate",
    type=click.FloatRange(0.1, 10_000),
    default=5.0,
    show_default=True,
    help="Members that come in per second; what nginx as shipped lets through.",
)
@click.option("--ca-file", type=click.Path(dir_okay=False), help="Trust these certificates instead of the system's.")
@click.option("--gateway-host", help="The host of the sockets, where GATEWAY_URL names another than --url's.")
@click.option("--json", "json_path", type=click.Path(dir_okay=False, path_type=Path), help="Write the report here too.")
@click.option("--yes", is_flag=True, help="Do not ask whether the deployment is yours.")
def load(
    url: str,
    user: str,
    password: str,
    pairs: int | None,
    rooms: int | None,
    members: int | None,
    seconds: float,
    candidates: float,
    chat: float,
    join_rate: float,
    ca_file: str | None,
    gateway_host: str | None,
    json_path: Path | None,
    yes: bool,
) -> None:
    """Put load on a deployment of your own, and report how it took it.

    Makes rooms with the account, lets guests come in, who exchange offers, answers, candidates and chat as browsers do
    (but no media), and deletes the rooms. Ctrl-C ends it early, with a report.

    The exit code is 0 when everyone came in and every frame arrived once, 1 when not, 2 when there was no test.

    \b
    Example:
      chatter load --url https://call.example.org --user loadtest --pairs 40 --rooms 10 --seconds 60
    """
    from api.load.plan import PlanError, make_plan
    from api.load.report import render
    from api.load.target import LoadError, Target

    try:
        plan = make_plan(pairs, rooms, members, seconds=seconds, candidates=candidates, chat=chat, joins=join_rate)
        target = Target(url, ca_file, gateway_host)
        _announce(target, plan, yes=yes)
        report = run(_run(target, plan, user, password))
    except (PlanError, LoadError) as error:
        fail(error)
    click.echo(render(report))
    if json_path is not None:
        _write(json_path, report)
    if not report.ok:
        sys.exit(1)


def _announce(target: Target, plan: Plan, *, yes: bool) -> None:
    """Say what will happen, and to whom; ask, unless it stays on this machine."""
    click.echo(
        f"{target.origin}: {plan.people:,} guests in {plan.rooms:,} rooms, {plan.joins:g} coming in per second; then "
        f"{plan.frames_per_second:,.0f} frames a second between {plan.pairs:,} pairs for {plan.seconds:g} s.",
        err=True,
    )
    if yes or target.is_this_machine:
        return
    try:
        agreed = click.confirm(f"Is {target.host} yours, and may it be slow meanwhile?", err=True)
    except click.Abort:
        click.echo(err=True)
        agreed = False
    if not agreed:
        raise Failure(f"nothing was sent to {target.host}; --yes answers the question beforehand")


async def _run(target: Target, plan: Plan, user: str, password: str) -> Report:
    from api.load.run import LoadTest

    await target.open(user, password)
    return await LoadTest(target, plan, lambda line: click.echo(line, err=True)).run()


def _write(path: Path, report: Report) -> None:
    try:
        path.write_text(json.dumps(msgspec.to_builtins(report), indent=2) + "\n", "utf-8")
    except OSError as error:
        raise Failure(f"--json: cannot write {path}: {error.strerror}") from None
