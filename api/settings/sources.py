"""Where values come from: the file, the environment and files of secrets; and what to call each in a complaint."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from api.settings.checks import SettingsError, Sources
from api.settings.tree import LISTS, SECRETS, VARIABLES

_OWN_PREFIX = "CHATTER_"
_SHARED_PREFIXES = (
    "SERVER_",
    "GATEWAY_",
    "AUTH_",
    "POSTGRES_",
    "DATABASE_",
    "LIMIT",
    "RECORDINGS_",
    "CALLS_",
    "LOG_",
    "STUN_",
    "TRACE_",
    "TURN_",
    "TRUSTED_",
    "HTTP_WEB",
    "BASE_",
    "BUS_",
    "NODE_",
)
"""Others use these too; only what looks like a slip of the pen is refused."""
_INJECTED = re.compile(r"_(SERVICE_HOST|SERVICE_PORT|PORT)(_|$)")
"""What container platforms set for each service: CHATTER_SERVICE_HOST, CHATTER_PORT_8080_TCP and the like."""


def merge(environ: Mapping[str, str]) -> tuple[dict[str, Any], Sources]:
    """Return the values of the file and of the environment, which comes first, and what to call each."""
    values, sources = _read_file(environ)
    _refuse_typos(environ)
    for variable, path in VARIABLES.items():
        value = environ.get(variable)
        if path in SECRETS and not value and environ.get(f"{variable}_FILE"):
            value = _read_secret(f"{variable}_FILE", environ[f"{variable}_FILE"])
        if not value:
            continue
        section, name = path
        parsed: Any = [part.strip() for part in value.split(",") if part.strip()] if path in LISTS else value
        values.setdefault(section, {})[name] = parsed
        sources[path] = variable
    return values, sources


def _read_file(environ: Mapping[str, str]) -> tuple[dict[str, Any], Sources]:
    path = Path(environ.get("CONFIG_PATH", "config/config.yaml"))
    try:
        content = yaml.safe_load(path.read_text("utf-8"))
    except FileNotFoundError:
        if "CONFIG_PATH" in environ:
            raise SettingsError(f"CONFIG_PATH: there is no file {path}") from None
        content = None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: {error}") from None
    except yaml.YAMLError as error:
        raise SettingsError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None
    if content is None:
        content = {}
    if not isinstance(content, dict):
        raise SettingsError(f"{path} must hold a mapping at its top")
    sources: Sources = {}
    for section, leaves in content.items():
        if leaves is None:
            content[section] = {}
        elif isinstance(leaves, dict):
            sources.update({(section, name): f"{path}: {section}.{name}" for name in leaves})
        else:
            raise SettingsError(f"{path}: {section} must hold a mapping")
    return content, sources


def _read_secret(variable: str, path: str) -> str:
    try:
        secret = Path(path).read_text("utf-8").strip()
    except OSError as error:
        raise SettingsError(f"{variable}: {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{variable}: {path} holds no text") from None
    if not secret:
        raise SettingsError(
            f"{variable}: {path} is empty; delete it and run scripts/secrets, or write a secret into it"
        )
    return secret


def _refuse_typos(environ: Mapping[str, str]) -> None:
    known = {*VARIABLES, *(f"{name}_FILE" for name, path in VARIABLES.items() if path in SECRETS), "CONFIG_PATH"}
    for name in environ:
        if name in known or _INJECTED.search(name):
            continue
        close = difflib.get_close_matches(name, known, n=1, cutoff=0.85)
        if name.startswith(_OWN_PREFIX) or (close and name.startswith(_SHARED_PREFIXES)):
            hint = f"; did you mean {close[0]}?" if close else ""
            raise SettingsError(f"{name} is not a setting{hint}")


def explain(problem: str, sources: Sources) -> str:
    """Say what a failed conversion complains about in the words of who wrote the value."""
    what, _, where = problem.partition(" - at `$")
    path = tuple(re.sub(r"\[.*?\]", "", where.rstrip("`")).strip(".").split("."))
    unknown = re.search(r"unknown field `(.*?)`", what)
    if unknown:
        section = ".".join(part for part in path if part)
        return f"{section}.{unknown[1]} is not a setting" if section else f"{unknown[1]} is not a setting"
    source = sources.get((path[0], path[1])) if len(path) == 2 else None
    return f"{source or '.'.join(path)}: {what[:1].lower()}{what[1:]}"
