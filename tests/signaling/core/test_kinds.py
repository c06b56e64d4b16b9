"""What frames are counted as."""

from __future__ import annotations

import json

from signaling.core.codec import decode
from signaling.core.kinds import CLIENT_KINDS, RELAYED, RESENT, SERVER_KINDS, UNREADABLE, kind_of
from signaling.core.messages import CLIENT_TYPES
from tests.signaling.core.samples import CLIENT_FRAMES, SERVER_MESSAGES


def test_the_kinds_are_the_types_but_for_what_is_relayed() -> None:
    assert CLIENT_KINDS - {UNREADABLE} == CLIENT_TYPES - {"webrtc"} | RELAYED
    assert {"offer", "answer", "ice"} == RELAYED
    assert RELAYED <= SERVER_KINDS


def test_every_message_has_a_kind() -> None:
    assert {kind_of(decode(json.dumps(frame))) for frame in CLIENT_FRAMES} == CLIENT_KINDS - {UNREADABLE}
    assert {kind_of(message) for message in SERVER_MESSAGES} >= SERVER_KINDS - {RESENT} - RELAYED
    assert {kind_of(message) for message in SERVER_MESSAGES} <= SERVER_KINDS


def test_webrtc_is_told_apart() -> None:
    offer = '{"type":"webrtc","action":"offer","to":"x","sdp":"v=0"}'
    assert kind_of(decode(offer)) == "offer"
    assert kind_of(decode('{"type":"leave"}')) == "leave"
