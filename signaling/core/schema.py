"""The JSON Schema of all messages, for clients in other languages."""

from __future__ import annotations

from typing import Any, get_args

import msgspec

from signaling.core.messages import UNNUMBERED, ClientMessage, ServerMessage

_SEQ = {"type": "integer", "minimum": 1, "description": "Numbered per session from 1, without gaps"}


def message_schema() -> dict[str, Any]:
    """Return one JSON Schema (2020-12) document with every message under `$defs` and a union for each direction."""
    client, server = get_args(ClientMessage), get_args(ServerMessage)
    _, definitions = msgspec.json.schema_components([*client, *server], ref_template="#/$defs/{name}")
    for kind in server:
        if kind not in UNNUMBERED:
            definition = definitions[kind.__name__]
            definition["properties"]["seq"] = _SEQ
            definition["required"].append("seq")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Chatter room signaling",
        "$defs": dict(sorted(definitions.items())),
        "ClientMessage": {"anyOf": [{"$ref": f"#/$defs/{kind.__name__}"} for kind in client]},
        "ServerMessage": {"anyOf": [{"$ref": f"#/$defs/{kind.__name__}"} for kind in server]},
    }
