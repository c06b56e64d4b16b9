"""The `chatter` command."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import click
import yaml

from api.calls_cli import calls
from api.console import Failure
from api.console import fail as _fail
from api.console import run as _run
from api.console import settings as _settings
from api.doctor_cli import doctor
from api.load_cli import load
from api.settings import Settings, SettingsError, redacted
from api.turn_cli import turn

T = TypeVar("T")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="chatter")
def main() -> None:
    """Self-hosted video calls.

    Settings come from config/config.yaml and the environment.

    \b
    Example:
      chatter serve
    """


@main.command()
@click.option(
    "--remap",
    is_flag=True,
    envvar="REMAP",
    show_envvar=True,
    help="In development, take other ports where these are busy, and print which.",
)
def serve(remap: bool) -> None:
    """Serve the app and the signaling gateway until Ctrl-C or SIGTERM.

    In development, and with the embedded database, pending migrations are applied first.

    \b
    Example:
      SERVER_ADDR=:9000 GATEWAY_ADDR=:9001 chatter serve
    """
    from api.migrate import MigrationError
    from api.run import StartError
    from api.run import serve as run
    from api.server import PortInUse
    from observability.logs import configure_logging

    settings = _remapped() if remap else _settings()
    configure_logging(settings.observability)

    def ready() -> None:
        click.echo(
            f"Chatter is ready at {settings.base_url} (signaling on port {settings.gateway_listen.port})", err=True
        )

    try:
        _run(run(settings, ready))
    except (StartError, PortInUse, MigrationError) as error:
        _fail(error)


def _remapped() -> Settings:
    from api.ports import RemapError, remapped, table
    from api.server import PortInUse

    try:
        settings, places = remapped()
    except (SettingsError, RemapError, PortInUse) as error:
        _fail(error)
    if any(place.port != place.wanted for place in places):
        click.echo(table(places), err=True)
    return settings


@main.group()
def migrate() -> None:
    """Change the database schema.

    \b
    Example:
      chatter migrate status
    """


@migrate.command("up")
def migrate_up() -> None:
    """Apply all pending migrations.

    \b
    Example:
      DATABASE_URL=postgresql://chatter@localhost/chatter chatter migrate up
    """
    from api import migrate as migrations

    try:
        applied = migrations.migrate_up(_settings(create_secret=False).database_url, click.echo)
    except migrations.MigrationError as error:
        _fail(error)
    click.echo(f"applied {len(applied)}" if applied else "nothing to apply")


@migrate.command("down")
def migrate_down() -> None:
    """Roll back the newest migration. What it added is lost.

    \b
    Example:
      chatter migrate down
    """
    from api import migrate as migrations

    try:
        rolled_back = migrations.migrate_down(_settings(create_secret=False).database_url, click.echo)
    except migrations.MigrationError as error:
        _fail(error)
    click.echo("done" if rolled_back else "nothing to roll back")


@migrate.command("status")
def migrate_status() -> None:
    """List the migrations and whether they are applied.

    \b
    Example:
      chatter migrate status
    """
    from api import migrate as migrations

    try:
        states = migrations.migration_status(_settings(create_secret=False).database_url)
    except migrations.MigrationError as error:
        _fail(error)
    for state in states:
        click.echo(f"{'applied' if state.applied else 'pending'}  {state.id}{'' if state.known else '  (newer)'}")


@migrate.command("new")
@click.argument("name")
def migrate_new(name: str) -> None:
    """Make the two files of the next migration, up and rollback. NAME says what it does: create_rooms.

    \b
    Example:
      chatter migrate new create_rooms
    """
    from api import migrate as migrations

    try:
        for path in migrations.new_migration(name):
            click.echo(f"made {path}")
    except migrations.MigrationError as error:
        _fail(error)


@main.command("check-config")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of YAML.")
def check_config(as_json: bool) -> None:
    """Check all settings and print those in force, secrets masked.

    \b
    Example:
      ENV=production BASE_URL=https://call.example.org chatter check-config
    """
    tree = redacted(_settings(create_secret=False))
    if as_json:
        click.echo(json.dumps(tree, indent=2))
    else:
        click.echo(yaml.safe_dump(json.loads(json.dumps(tree)), sort_keys=False, allow_unicode=True), nl=False)


@main.command("export-schema")
def export_schema() -> None:
    """Print the JSON Schema of every signaling message.

    \b
    Example:
      chatter export-schema > web/src/protocol/schema.json
    """
    from signaling.core.schema import message_schema

    click.echo(json.dumps(message_schema(), indent=2, ensure_ascii=False))


@main.group()
def user() -> None:
    """Manage accounts.

    \b
    Example:
      chatter user create alice
    """


_password = click.password_option(help="Asked for when left out.")


@user.command("create")
@click.argument("username")
@click.option("--email", help="Address of the account; people may sign in with it too.")
@_password
def user_create(username: str, email: str | None, password: str) -> None:
    """Create an account.

    \b
    Example:
      chatter user create alice --email alice@example.org
    """
    user_id = _with_auth(lambda auth: auth.create_user(username, password, email))
    click.echo(f"created {username} with id {user_id}")


@user.command("passwd")
@click.argument("username")
@_password
def user_passwd(username: str, password: str) -> None:
    """Set an account's password; it is signed out everywhere.

    \b
    Example:
      chatter user passwd alice
    """
    _with_auth(lambda auth: auth.set_password(username, password))
    click.echo(f"changed the password of {username}")


@user.command("delete")
@click.argument("username")
@click.confirmation_option(prompt="Delete the account, its devices and its rooms?")
def user_delete(username: str) -> None:
    """Delete an account with its devices and rooms.

    \b
    Example:
      chatter user delete alice --yes
    """
    _with_auth(lambda auth: auth.delete_user(username))
    click.echo(f"deleted {username}")


def _with_auth(action: Callable[[Any], Coroutine[Any, Any, T]]) -> T:
    from api.app import create_app
    from api.db import DatabaseFull, DatabaseUnavailable
    from api.schema import schema_problem
    from auth.errors import AuthError

    settings = _settings()

    async def run() -> T:
        application = create_app(settings)
        try:
            await application.database.prepare()
            problem = await schema_problem(application.database)
            if problem is not None:
                raise Failure(f"the database schema is {problem}; run: chatter migrate up")
            return await action(application.auth)
        finally:
            await application.stop()

    try:
        return _run(run())
    except AuthError as error:
        raise Failure(error.text) from None
    except DatabaseFull:
        raise Failure("the disk of the database is full; make room and run this again") from None
    except DatabaseUnavailable as error:
        _fail(error)


main.add_command(calls)
main.add_command(doctor)
main.add_command(load)
main.add_command(turn)


if __name__ == "__main__":
    sys.exit(main())
