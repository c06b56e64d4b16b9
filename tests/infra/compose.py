"""Compose files as YAML."""

from __future__ import annotations

from typing import Any

import yaml


class _Loader(yaml.SafeLoader):
    """Reads Compose's `!override`, which replaces instead of adding."""


def _replacing(loader: yaml.SafeLoader, node: yaml.SequenceNode) -> list[Any]:
    return loader.construct_sequence(node, deep=True)


_Loader.add_constructor("!override", _replacing)


def services_of(text: str) -> dict[str, Any]:
    """Return the services in the text of a compose file."""
    services: dict[str, Any] = yaml.load(text, _Loader)["services"]
    return services
