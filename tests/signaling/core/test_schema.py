"""The exported schema says what the code does."""

from __future__ import annotations

import json
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from signaling.core.codec import BadFrame, decode, encode, number
from signaling.core.messages import UNNUMBERED, ClientMessage, ServerMessage
from signaling.core.schema import message_schema
from tests.signaling.core.samples import CLIENT_FRAMES, SERVER_MESSAGES, client_messages, json_values

SCHEMA = message_schema()
CLIENT = Draft202012Validator(SCHEMA | {"$ref": "#/ClientMessage"})
SERVER = Draft202012Validator(SCHEMA | {"$ref": "#/ServerMessage"})


def on_the_wire(message: ServerMessage) -> Any:
    body = encode(message)
    return json.loads(body if isinstance(message, UNNUMBERED) else number(body, 1))


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    document = msgspec.json.encode(SCHEMA)
    assert msgspec.json.encode(msgspec.json.decode(document)) == document


@pytest.mark.parametrize("union", [ClientMessage, ServerMessage], ids=["client", "server"])
def test_the_unions_are_complete(union: Any) -> None:
    name = "ClientMessage" if union is ClientMessage else "ServerMessage"
    listed = [reference["$ref"].removeprefix("#/$defs/") for reference in SCHEMA[name]["anyOf"]]
    assert listed == [kind.__name__ for kind in get_args(union)]
    assert set(listed) <= set(SCHEMA["$defs"])


@pytest.mark.seed("S1-32")
@pytest.mark.seed("S1-33")
@pytest.mark.seed("S1-34")
@pytest.mark.seed("S1-35")
@pytest.mark.parametrize("message", SERVER_MESSAGES, ids=repr)
def test_what_the_server_sends_fits(message: ServerMessage) -> None:
    SERVER.validate(on_the_wire(message))


@pytest.mark.parametrize("message", SERVER_MESSAGES, ids=repr)
def test_every_frame_of_the_session_carries_seq(message: ServerMessage) -> None:
    frame = json.loads(encode(message))
    assert SERVER.is_valid(frame) is isinstance(message, UNNUMBERED)
    for bad in (0, -1, "1", None):
        assert not SERVER.is_valid(on_the_wire(message) | {"seq": bad}) or isinstance(message, UNNUMBERED)


@pytest.mark.parametrize("frame", CLIENT_FRAMES, ids=json.dumps)
def test_what_a_client_sends_fits(frame: dict[str, Any]) -> None:
    CLIENT.validate(frame)
    assert not CLIENT.is_valid(frame | {"unknown": 1})
    assert not CLIENT.is_valid(frame | {"type": "unknown"})


@given(client_messages())
def test_what_the_decoder_takes_fits(message: ClientMessage) -> None:
    assert CLIENT.is_valid(json.loads(msgspec.json.encode(message)))


@given(st.sampled_from(CLIENT_FRAMES), st.data())
def test_decoder_and_schema_agree(frame: dict[str, Any], data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(frame)) | st.text(st.characters(exclude_categories=["Cs"]), max_size=5))
    # A whole number written with a point is an integer to JSON Schema and a float to the decoder.
    value = data.draw(json_values().filter(lambda value: not isinstance(value, float)))
    changed = frame | {name: value}
    try:
        decode(json.dumps(changed))
    except BadFrame:
        assert not CLIENT.is_valid(changed)
    else:
        CLIENT.validate(changed)
