"""`python -m bench`: measure Chatter beside the servers that people use today."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import click
from msgspec.structs import replace

from bench import fanout, http_api, idle, nodes, observability, profile, relay, storms
from bench.report import Results, machine, markdown, save, table
from bench.scenario import QUICK, Sample, Scale, Scenario

SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        relay.SCENARIO,
        fanout.SCENARIO,
        storms.JOINS,
        storms.RESUMES,
        idle.SCENARIO,
        nodes.SCENARIO,
        http_api.SCENARIO,
        profile.SCENARIO,
        observability.SCENARIO,
    )
}


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("names", nargs=-1, required=True, metavar="all | NAME…", type=click.Choice(["all", *SCENARIOS]))
@click.option("--quick", is_flag=True, help="Less of everything, for a first look.")
@click.option("--repeat", type=click.IntRange(1, 100), help="Repetitions, the servers in turn.  [default: 3]")
@click.option("--seconds", type=click.FloatRange(0.1, 600), help="Length of each measurement.  [default: 5]")
@click.option("--pairs", type=click.IntRange(1, 5_000), help="Pairs that relay to each other.  [default: 200]")
@click.option(
    "--output", type=click.Path(file_okay=False, path_type=Path), help="Write report.md, report.json and pictures here."
)
def main(
    names: tuple[str, ...],
    quick: bool,
    repeat: int | None,
    seconds: float | None,
    pairs: int | None,
    output: Path | None,
) -> None:
    """Measure Chatter beside other servers, in the same run on the same machine.

    \b
    relay          candidates between pairs, against PeerJS, ws and nextcloud-spreed-signaling
    fanout         chat in rooms of 2 to 16
    joins          everyone comes at once
    resumes        everyone comes back at once
    idle           memory of idle connections, and joins meanwhile
    nodes          two nodes over NATS
    api            requests per second
    profile        where the CPU time goes
    observability  what metrics, traces, logs and call records cost

    Servers that are not installed are left out, with a line that says how to install them.

    \b
    Example:
      python -m bench relay joins --repeat 3 --output bench/results
    """
    scale = _scale(quick, repeat=repeat, seconds=seconds, pairs=pairs)
    here = machine()
    command = click.get_current_context().command_path + _arguments(names, quick, repeat, seconds, pairs)
    chosen = SCENARIOS.values() if "all" in names else [SCENARIOS[name] for name in dict.fromkeys(names)]
    results: Results = []
    for scenario in chosen:
        click.echo(f"== {scenario.title}", err=True)
        results.append(_measured(scenario, scale))
        if output is not None:  # after each: a long run that ends early has told something
            save(output, here, command, scale, results)
    click.echo(markdown(here, command, results))


def _measured(scenario: Scenario, scale: Scale) -> tuple[Scenario, list[Sample]]:
    samples = scenario.run(scale, lambda line: click.echo(line, err=True))
    click.echo(table(scenario, samples), err=True)
    return scenario, samples


def _scale(quick: bool, **given: int | float | None) -> Scale:
    return replace(QUICK if quick else Scale(), **{name: value for name, value in given.items() if value is not None})


def _arguments(
    names: tuple[str, ...], quick: bool, repeat: int | None, seconds: float | None, pairs: int | None
) -> str:
    options = {"--repeat": repeat, "--seconds": seconds, "--pairs": pairs}
    given = [f"{name} {value:g}" for name, value in options.items() if value is not None]
    return " ".join(["", *names, *(["--quick"] if quick else []), *given])


def _stop(*_: object) -> None:
    """End as an exception does, so that every server started here ends too."""
    sys.exit(128 + signal.SIGTERM)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _stop)
    main(prog_name="python -m bench")
