"""What all commands share: settings, failures in one line, an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, NoReturn, TypeVar

import click

from api.settings import Settings, SettingsError, load

T = TypeVar("T")

EXIT_USAGE = 2


class Failure(click.ClickException):
    """Something the operator must mend: one line on standard error."""

    exit_code = EXIT_USAGE

    def show(self, file: Any = None) -> None:
        """Print the line."""
        click.echo(f"chatter: {self.message}", err=True)


def settings(**options: Any) -> Settings:
    """Load the settings. Raises `Failure`."""
    try:
        return load(**options)
    except SettingsError as error:
        raise Failure(str(error)) from None


def fail(error: Exception) -> NoReturn:
    """End the command with the error in one line."""
    raise Failure(" ".join(str(error).split())) from None


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run something to its end in an event loop like the server's."""
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)
