"""`python -m bench`: measure Chatter beside the servers that people use today."""

from __future__ import annotations

import json
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
    from bench.report import machine, markdown
    from bench.servers import MissingPeer

    try:
        results = run_relay(pairs, seconds, idle, repeat, lambda line: click.echo(line, err=True))
    except MissingPeer as error:
        raise click.ClickException(str(error)) from None
    here = machine()
    click.echo(f"\n{here['cpu']}, {here['cores']} cores, Python {here['python']}\n\n{markdown(results)}")
    if json_path is not None:
        json_path.parent.mkdir(parents=True, exist_ok=True)
        document = {"machine": here, "results": msgspec.to_builtins(results)}
        json_path.write_text(json.dumps(document, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
