"""`python -m bench`: measure Chatter beside the servers that people use today."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import click
import msgspec


@click.group()
def main() -> None:
    """Measure Chatter beside other servers, in the same run on the same machine.

    \b
    Example:
      python -m bench relay --repeat 3
    """


@main.command()
@click.option("--pairs", default=200, show_default=True, help="Pairs of members that relay to each other.")
@click.option("--seconds", default=5.0, show_default=True, help="Length of each measurement.")
@click.option("--idle", default=2000, show_default=True, help="Idle connections to open for the memory figure.")
@click.option("--repeat", default=3, show_default=True, help="Repetitions, the servers in turn.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write all results here too.")
def relay(pairs: int, seconds: float, idle: int, repeat: int, json_path: Path | None) -> None:
    """Relay candidates between pairs of members, against PeerJS.

    \b
    Example:
      python -m bench relay --pairs 200 --seconds 5 --repeat 3
    """
    from bench.relay import run_relay
    from bench.report import markdown
    from bench.servers import MissingPeer

    try:
        results = run_relay(pairs, seconds, idle, repeat, lambda line: click.echo(line, err=True))
    except MissingPeer as error:
        raise click.ClickException(str(error)) from None
    _publish(markdown(results), results, json_path)


@main.command()
@click.option("--pairs", default=50, show_default=True, help="Pairs of members that relay to each other.")
@click.option("--seconds", default=2.0, show_default=True, help="Length of each turn.")
@click.option("--turns", default=9, show_default=True, help="Turns of each server at each kind of work.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write all results here too.")
def observability(pairs: int, seconds: float, turns: int, json_path: Path | None) -> None:
    """Measure what metrics, traces, logs and call records cost, against a server without them.

    \b
    Example:
      python -m bench observability --turns 9
    """
    from bench.observability import markdown, run_observability

    results = run_observability(pairs, seconds, turns, lambda line: click.echo(line, err=True))
    _publish(markdown(results), results, json_path)


def _publish(table: str, results: Sequence[msgspec.Struct], json_path: Path | None) -> None:
    from bench.report import machine

    here = machine()
    click.echo(f"\n{here['cpu']}, {here['cores']} cores, Python {here['python']}\n\n{table}")
    if json_path is not None:
        json_path.parent.mkdir(parents=True, exist_ok=True)
        document = {"machine": here, "results": msgspec.to_builtins(results)}
        json_path.write_text(json.dumps(document, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
