"""The frame decoder: what it takes, and the name of each fault."""

from __future__ import annotations

import json
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.core.codec import BadFrame, decode, encode, number
from signaling.core.messages import (
    CLIENT_TYPES,
    MAX_CANDIDATE_BYTES,
    MAX_CHAT_CODE_POINTS,
    MAX_NAME_CODE_POINTS,
    MAX_SAFE_INTEGER,
    MAX_SDP_BYTES,
    SERVER_TYPES,
    ClientMessage,
    SendChat,
    SendWebRtc,
    ServerMessage,
)
from signaling.errors import FrameFault
from tests.signaling.core.samples import CLIENT_FRAMES, SERVER_MESSAGES, client_messages, json_values

DEEP = "[" * 10_000 + "]" * 10_000


def fault_of(text: str) -> BadFrame:
    with pytest.raises(BadFrame) as caught:
        decode(text)
    return caught.value


def offer(**fields: Any) -> dict[str, Any]:
    return {"type": "webrtc", "action": "offer", "to": "b", "sdp": "v=0"} | fields


@pytest.mark.parametrize("frame", CLIENT_FRAMES, ids=json.dumps)
def test_every_kind_of_client_frame_is_understood(frame: dict[str, Any]) -> None:
    message = decode(json.dumps(frame))
    assert type(message) in get_args(ClientMessage)
    assert type(message).__struct_config__.tag == frame["type"]
    sent = json.loads(msgspec.json.encode(message))
    for name, value in frame.items():
        if name not in {"from", "candidate"}:
            assert sent[name] == value


def test_the_samples_cover_every_kind() -> None:
    assert {frame["type"] for frame in CLIENT_FRAMES} == CLIENT_TYPES
    assert {type(message) for message in SERVER_MESSAGES} == set(get_args(ServerMessage))


@given(client_messages())
def test_messages_survive_the_wire(message: ClientMessage) -> None:
    assert decode(msgspec.json.encode(message).decode()) == message


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", FrameFault.BAD_JSON),
        ("hello", FrameFault.BAD_JSON),
        ('{"type":"leave"', FrameFault.BAD_JSON),
        ('{"type":"leave"} x', FrameFault.BAD_JSON),
        ("{'type':'leave'}", FrameFault.BAD_JSON),
        ('\ufeff{"type":"leave"}', FrameFault.BAD_JSON),
        ('{"type":"chat","text":NaN}', FrameFault.BAD_JSON),
        ('{"type":"chat","text":"\\ud800"}', FrameFault.BAD_JSON),  # a surrogate without its other half
        ('{"type":"chat","text":"\ud800"}', FrameFault.BAD_JSON),
        ('{"type":"leave","id":1e400}', FrameFault.BAD_JSON),
        ("null", FrameFault.BAD_FRAME),
        ("[]", FrameFault.BAD_FRAME),
        ('"leave"', FrameFault.BAD_FRAME),
        ("{}", FrameFault.BAD_FRAME),
        ('{"type":null}', FrameFault.BAD_FRAME),
        ('{"type":1}', FrameFault.BAD_FRAME),
        ('{"type":["leave"]}', FrameFault.BAD_FRAME),
        ('{"type":"chat"}', FrameFault.BAD_FRAME),
        ('{"type":"chat","text":""}', FrameFault.BAD_FRAME),
        ('{"type":"chat","text":5}', FrameFault.BAD_FRAME),
        ('{"type":"chat","text":null}', FrameFault.BAD_FRAME),
        ('{"type":"media","audio":1,"video":true}', FrameFault.BAD_FRAME),
        ('{"type":"media","audio":"true","video":true}', FrameFault.BAD_FRAME),
        ('{"type":"hello","token":null}', FrameFault.BAD_FRAME),
        ('{"type":"webrtc","action":"renegotiate","to":"b"}', FrameFault.BAD_FRAME),
        ('{"type":"webrtc","action":"unknown field","to":"b"}', FrameFault.BAD_FRAME),
        ('{"type":"webrtc","action":"offer","to":""}', FrameFault.BAD_FRAME),
        ('{"type":"webrtc","action":"ice","to":"b","candidate":"c"}', FrameFault.BAD_FRAME),
        ('{"type":"webrtc","action":"ice","to":"b","candidate":{}}', FrameFault.BAD_FRAME),
        ('{"type":"webrtc","action":"ice","to":"b","candidate":{"candidate":"","sdpMid":0}}', FrameFault.BAD_FRAME),
        ('{"type":"path","clientId":"b","connection":"c","state":"happy"}', FrameFault.BAD_FRAME),
        ('{"type":"path","clientId":"b","connection":"c","state":"new","elapsedMs":NaN}', FrameFault.BAD_JSON),
        ('{"type":"path","clientId":"b","connection":"c","state":"new","elapsedMs":1e400}', FrameFault.BAD_JSON),
        ('{"type":"path","clientId":"b","connection":"c","state":"new","elapsedMs":"5"}', FrameFault.BAD_FRAME),
        ('{"type":"stats","peers":[{"clientId":"b","rttMs":Infinity}]}', FrameFault.BAD_JSON),
        ('{"type":"stats","peers":[{"clientId":"b","rttMs":true}]}', FrameFault.BAD_FRAME),
        ('{"type":"stats","peers":[{"clientId":"b","mood":1}]}', FrameFault.UNKNOWN_FIELD),
        ('{"type":"stats","peers":[' + ",".join(['{"clientId":"b"}'] * 50) + "]}", FrameFault.BAD_FRAME),
        ('{"type":"trouble","media":"smell","reason":"other"}', FrameFault.BAD_FRAME),
        ('{"type":"leave","id":-1}', FrameFault.BAD_FRAME),
        ('{"type":"leave","id":true}', FrameFault.BAD_FRAME),
        ('{"type":"leave","id":1.5}', FrameFault.BAD_FRAME),
        ('{"type":"leave","id":null}', FrameFault.BAD_FRAME),
        ('{"type":"leave","id":"1"}', FrameFault.BAD_FRAME),
        ('{"type":"leave","to":"b"}', FrameFault.UNKNOWN_FIELD),
        ('{"type":"chat","text":"a","\\u0000":1}', FrameFault.UNKNOWN_FIELD),
        ('{"type":"chat","text":"a","seq":1}', FrameFault.UNKNOWN_FIELD),
        ('{"type":"webrtc","action":"ice","to":"b","candidate":{"candidate":"","x":1}}', FrameFault.UNKNOWN_FIELD),
        ('{"type":"shout"}', FrameFault.UNKNOWN_TYPE),
        ('{"type":""}', FrameFault.UNKNOWN_TYPE),
        ('{"type":"Chat","text":"a"}', FrameFault.UNKNOWN_TYPE),
    ],
)  # fmt: skip
def test_each_fault_has_its_name(text: str, fault: FrameFault) -> None:
    refused = fault_of(text)
    assert refused.fault is fault
    assert 0 < len(refused.detail) <= 200


@pytest.mark.parametrize("kind", sorted(SERVER_TYPES))
def test_types_that_only_the_server_sends_are_refused(kind: str) -> None:
    refused = fault_of(json.dumps({"type": kind, "id": 4}))
    assert refused.fault is FrameFault.SERVER_ONLY_TYPE
    assert refused.ref == 4
    assert kind not in CLIENT_TYPES


def test_every_type_the_server_sends_is_either_refused_or_understood() -> None:
    sent = {str(kind.__struct_config__.tag) for kind in get_args(ServerMessage)}
    assert sent - CLIENT_TYPES == SERVER_TYPES


@pytest.mark.parametrize(
    "text",
    [
        DEEP,
        "[" * 10_000,
        '{"type":' * 10_000,
        '{"type":"chat","text":' + DEEP + "}",
        '{"type":"chat","text":"a","more":' + DEEP + "}",
        '{"type":"webrtc","action":"offer","to":"b","sdp":"v=0","from":' + DEEP + "}",
        '{"type":"webrtc","action":"ice","to":"b","candidate":' + DEEP + "}",
        '{"type":"shout","id":' + DEEP + "}",
    ],
    ids=lambda text: text[:40],
)
def test_deep_nesting_is_refused_wherever_it_stands(text: str) -> None:
    assert fault_of(text).fault is FrameFault.TOO_DEEP


@pytest.mark.parametrize("number_text", [str(MAX_SAFE_INTEGER + 1), "9" * 30, "9" * 5000, "-" + "9" * 30])
def test_numbers_no_client_can_mean_are_refused(number_text: str) -> None:
    refused = fault_of('{"type":"leave","id":' + number_text + "}")
    assert refused.fault in {FrameFault.BAD_FRAME, FrameFault.BAD_JSON}
    assert refused.ref is None


@pytest.mark.parametrize(
    ("given_id", "ref"),
    [
        ("0", 0),
        ("7", 7),
        (str(MAX_SAFE_INTEGER), MAX_SAFE_INTEGER),
        (str(MAX_SAFE_INTEGER + 1), None),
        ("-1", None),
        ("true", None),
        ("1.0", None),
        ('"7"', None),
        ("null", None),
        ("[7]", None),
    ],
)
@pytest.mark.parametrize("frame", ['"type":"chat","text":5', '"type":"shout"', '"type":"ack"', '"type":"leave","x":1'])
def test_the_fault_names_the_frame_where_it_can(frame: str, given_id: str, ref: int | None) -> None:
    found = fault_of("{" + frame + ',"id":' + given_id + "}").ref
    assert found == ref
    assert type(found) is type(ref)


@pytest.mark.parametrize(
    ("frame", "field", "limit"),
    [
        ({"type": "profile"}, "displayName", MAX_NAME_CODE_POINTS),
        ({"type": "chat"}, "text", MAX_CHAT_CODE_POINTS),
        ({"type": "hello"}, "token", 4096),
        (offer(), "sdp", MAX_SDP_BYTES),
        (offer(), "to", 64),
    ],
)
def test_texts_have_a_longest_length(frame: dict[str, Any], field: str, limit: int) -> None:
    for character in "aé😀":  # one, two and four bytes: limits count code points
        assert getattr(decode(json.dumps(frame | {field: character * limit})), field) == character * limit
        assert fault_of(json.dumps(frame | {field: character * (limit + 1)})).fault is FrameFault.BAD_FRAME


def test_a_candidate_has_a_longest_length() -> None:
    frame = {"type": "webrtc", "action": "ice", "to": "b"}
    for limit, name in ((MAX_CANDIDATE_BYTES, "candidate"), (256, "sdpMid"), (256, "usernameFragment")):
        fits, over = ({"candidate": ""} | {name: "a" * size} for size in (limit, limit + 1))
        assert isinstance(decode(json.dumps(frame | {"candidate": fits})), SendWebRtc)
        assert fault_of(json.dumps(frame | {"candidate": over})).fault is FrameFault.BAD_FRAME


def test_a_fault_quotes_at_most_a_part_of_the_frame() -> None:
    refused = fault_of(json.dumps({"type": "leave", "x" * 5000: 1}))
    assert refused.fault is FrameFault.UNKNOWN_FIELD
    assert len(refused.detail) == 200


def test_escapes_mean_their_characters() -> None:
    assert decode('{"type":"chat","text":"\\ud83d\\ude00\\u0000"}') == SendChat(text="😀\x00")


@pytest.mark.parametrize("message", SERVER_MESSAGES, ids=repr)
def test_numbering_adds_seq_and_nothing_else(message: ServerMessage) -> None:
    body = encode(message)
    plain, numbered = json.loads(body), json.loads(number(body, 41))
    assert "seq" not in plain
    assert numbered == plain | {"seq": 41}
    assert plain["type"] == type(message).__struct_config__.tag


def test_absent_parts_are_not_sent() -> None:
    sent = {message: json.loads(encode(message)) for message in SERVER_MESSAGES if not hasattr(message, "participants")}
    for message, frame in sent.items():
        for field in msgspec.structs.fields(message):
            assert (field.encode_name in frame) is (getattr(message, field.name) is not msgspec.UNSET)


# --- fuzzing ---------------------------------------------------------------------------------------------------------


def check_decodes_or_refuses(text: str) -> None:
    try:
        outcome: ClientMessage | BadFrame = decode(text)
    except BadFrame as refused:
        outcome = refused
    if isinstance(outcome, BadFrame):
        assert outcome.fault.malformed
        assert 0 < len(outcome.detail) <= 200
        assert outcome.ref is None or 0 <= outcome.ref <= MAX_SAFE_INTEGER
        outcome.detail.encode()  # it goes out in an error frame
    else:
        assert type(outcome) in get_args(ClientMessage)


@given(st.text())
def test_any_text_is_decoded_or_refused(text: str) -> None:
    check_decodes_or_refuses(text)


@given(json_values())
def test_any_json_is_decoded_or_refused(value: Any) -> None:
    check_decodes_or_refuses(json.dumps(value))


@given(st.sampled_from(CLIENT_FRAMES), st.data())
def test_frames_with_one_part_replaced_are_decoded_or_refused(frame: dict[str, Any], data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(frame)) | st.text(max_size=5))
    check_decodes_or_refuses(json.dumps(frame | {name: data.draw(json_values())}))


@given(client_messages(), st.data())
def test_damaged_frames_are_decoded_or_refused(message: ClientMessage, data: st.DataObject) -> None:
    text = msgspec.json.encode(message).decode()
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 10)))
        middle = data.draw(
            st.sampled_from(['"', "\\", "{", "}", "[", "]", ",", ":", "\x00", "\\ud800", "1e9"]) | st.text(max_size=3)
        )
        text = text[:start] + middle + text[end:]
    check_decodes_or_refuses(text)
