"""All settings: `config/config.yaml`, overridden by the environment, checked once at the start.

The environment is read here and nowhere else. `tree` is the shape of the file, `sources` fills it,
`build` turns it into the settings of each package.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import msgspec

from api.settings.build import Settings, base_url, build
from api.settings.checks import SettingsError
from api.settings.sources import explain, merge
from api.settings.tree import SECRETS, VARIABLES, ServerTree, SettingsTree
from api.settings.units import Address, parse_address, parse_duration, parse_size
from signaling.bus.urls import without_credentials

__all__ = [
    "SECRETS",
    "VARIABLES",
    "Address",
    "Settings",
    "SettingsError",
    "SettingsTree",
    "base_url_of",
    "load",
    "parse_address",
    "parse_duration",
    "parse_size",
    "redacted",
]


def load(
    environ: Mapping[str, str] | None = None, *, create_secret: bool = True, changes: Mapping[str, str] | None = None
) -> Settings:
    """Read and check all settings; `changes` come before the environment. Raises `SettingsError`.

    In development a missing `AUTH_SECRET` is made once and kept in the data folder; not with `create_secret=False`.
    """
    environ = {**(os.environ if environ is None else environ), **(changes or {})}
    values, sources = merge(environ)
    try:
        tree = msgspec.convert(values, SettingsTree, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(explain(str(error), sources)) from None
    return build(tree, sources, create_secret=create_secret)


def base_url_of(environ: Mapping[str, str] | None = None) -> str | None:
    """Return where people reach the app, as far as settings that cannot be used tell; None if they do not."""
    environ = os.environ if environ is None else environ
    try:
        values, _ = merge(environ)
        server = msgspec.convert(values.get("server", {}), ServerTree, strict=False)
        return base_url(server, parse_address(server.addr))
    except (SettingsError, msgspec.ValidationError, ValueError):
        return environ.get("BASE_URL") or None


def redacted(settings: Settings) -> dict[str, Any]:
    """Return the effective tree with secrets masked, for people to read."""
    tree = msgspec.to_builtins(settings.tree)
    if tree["postgres"] is None:
        del tree["postgres"]
    for section, name in SECRETS:
        if tree.get(section, {}).get(name):
            tree[section][name] = "********"
    if tree["bus"]["url"]:
        tree["bus"]["url"] = without_credentials(settings.cluster.bus_url)
    tree["auth"]["secret"] = "********"  # noqa: S105  # the mask itself
    tree["server"]["base_url"] = settings.base_url
    tree["server"]["data_dir"] = str(settings.data_dir)
    tree["recordings"]["dir"] = str(settings.recording.folder)
    tree["server"]["http_websockets"] = settings.http_websockets
    tree["database"]["url"] = settings.database_url.render_as_string(hide_password=True)
    return dict(tree)
