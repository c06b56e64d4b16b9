"""The recorder's side of the protocol: numbers, acknowledgements, what to send again."""

from __future__ import annotations

from typing import Any

import msgspec

from signaling.core.codec import decode
from signaling.core.messages import Received, Resume, SendWebRtc
from signaling.recording.conversation import Conversation


def frame(**fields: Any) -> str:
    return msgspec.json.encode(fields).decode()


def welcome(seq: int = 1) -> str:
    return frame(type="welcome", seq=seq, clientId="me", resumeToken="secret")


def test_it_resumes_where_it_was() -> None:
    conversation = Conversation()
    assert not conversation.can_resume
    conversation.receive(welcome())
    conversation.receive(frame(type="presence", seq=2, action="join", clientId="a"))
    assert conversation.can_resume
    assert decode(conversation.resume()) == Resume(resumeToken="secret", lastSeq=2)


def test_what_comes_twice_counts_once() -> None:
    conversation = Conversation()
    conversation.receive(welcome())
    news = frame(type="presence", seq=2, action="join", clientId="a")
    assert conversation.receive(news)[0] is not None
    assert conversation.receive(news) == (None, [])
    assert conversation.receive(welcome()) == (None, [])


def test_what_the_server_did_not_handle_is_sent_again() -> None:
    conversation = Conversation()
    conversation.receive(welcome())
    sent = [
        conversation.send({"type": "webrtc", "action": "answer", "to": name, "sdp": "v=0"}) for name in ("a", "b", "c")
    ]
    assert [message.id for message in map(decode, sent)] == [1, 2, 3]
    assert all(isinstance(message, SendWebRtc) for message in map(decode, sent))
    conversation.receive(frame(type="ack", id=1))
    resumed, again = conversation.receive(frame(type="resumed", clientId="me", lastId=2))
    assert resumed is not None
    assert again == sent[2:]
    assert conversation.receive(frame(type="resumed", clientId="me"))[1] == sent[2:]


def test_it_acknowledges_now_and_then() -> None:
    conversation = Conversation()
    conversation.receive(welcome())
    answers = [conversation.receive(frame(type="media", seq=seq))[1] for seq in range(2, 60)]
    acknowledged = [decode(text) for texts in answers for text in texts]
    assert acknowledged == [Received(seq=seq) for seq in (16, 32, 48)]


def test_a_lost_session_is_forgotten_whole() -> None:
    conversation = Conversation()
    conversation.receive(welcome())
    conversation.send({"type": "leave"})
    conversation.forget()
    assert not conversation.can_resume
    fresh, answers = conversation.receive(welcome())
    assert fresh is not None
    assert answers == []
    assert conversation.receive(frame(type="resumed", clientId="me"))[1] == []
