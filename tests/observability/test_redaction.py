"""Nothing secret gets into a log line, wherever a record holds it: the corpus, in every place and both formats."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest

from observability.logs import _formatter
from observability.redaction import MAX_TEXT, REDACTED, may_hold_secrets, redact, redact_text
from observability.settings import ObservabilitySettings

JWT = (
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"
    ".eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6ImFsaWNlIn0"
    ".SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c"
)
RANDOM = "kM3nB7vC9xZ2aS4dF6gH8jK0lQ5wE1rT"
"""As `secrets.token_urlsafe(24)` makes it: resume tokens, invitations; tickets are longer."""
HMAC = "q2fkVf3o7lZb0mJ8Jt4yqLQx0Wg="
"""A TURN credential: base64 of an HMAC-SHA1."""
SDP = (
    "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"
    "c=IN IP4 192.0.2.77\r\na=ice-ufrag:F7gIhush\r\na=ice-pwd:x9cml/YzichV2+XlhiMuhush\r\n"
    "a=candidate:1467250027 1 udp 2122260223 192.0.2.77 46243 typ host generation 0\r\n"
)
CHAT = 'the \\"plan\\" is hush'

# What a record says, and what of it must not be seen.
TEXTS: dict[str, tuple[str, list[str]]] = {
    "bare JWT": (f"rejected {JWT}", [JWT, "eyJ", "SflKxwRJ"]),
    "JWT without signature": (f"alg none: {JWT.rpartition('.')[0]}.", ["eyJ"]),
    "token in a query": ("GET /ws/stand-up?v=2&token=hush1234 HTTP/1.1", ["hush"]),
    "token percent-encoded": ("next=%2Fws%3Ftoken%3Dhush1234%26v%3D2", ["hush"]),
    "ticket in a query": ("/ws/stand-up?ticket=hush1234&v=2", ["hush"]),
    "invitation in a link": ("open https://call.example.org/r/stand-up?invite=hush1234", ["hush"]),
    "Authorization": (f"Authorization: Bearer {RANDOM}", [RANDOM]),
    "Authorization, basic": ("authorization: Basic YWxpY2U6aHVzaA==", ["YWxpY2U6aHVzaA"]),
    "Authorization, odd scheme": ("Authorization: Custom hush hush2", ["hush"]),
    "Bearer alone": ("sent Bearer hush-hush-hush", ["hush"]),
    "header pairs": ("[(b'host', b'x'), (b'authorization', b'Bearer hush')]", ["hush"]),
    "header dict": ("{'Cookie': 'refresh_token=hush; theme=hush2', 'Host': 'x'}", ["hush"]),
    "Cookie": ("Cookie: theme=dark; refresh_token=hush1234", ["hush"]),
    "Set-Cookie": ("Set-Cookie: refresh_token=hush1234; Path=/auth; HttpOnly", ["hush"]),
    "refresh token": ('{"refreshToken": "hush1234"}', ["hush"]),
    "resume token": ('{"type":"resume","resumeToken":"hush1234","lastSeq":3}', ["hush"]),
    "resume token in a repr": ("Resume(id=None, resume_token='hush1234', last_seq=3)", ["hush"]),
    "JSON in JSON": (json.dumps(json.dumps({"token": "hush1234", "a": 'b"c'})), ["hush"]),
    "JSON in JSON in JSON": (json.dumps(json.dumps(json.dumps({"password": "hush1234"}))), ["hush"]),
    "random without a label": (f"KeyError: '{RANDOM}'", [RANDOM]),
    "longer random": (f"redeem({RANDOM}{RANDOM})", [RANDOM]),
    "password": ("register username=alice password=hush1234", ["hush"]),
    "password with quotes in it": (r'{"password": "a\"hush", "username": "alice"}', ["hush"]),
    "password with spaces": ('{"username": "alice", "password": "hush hush hush"}', ["hush"]),
    "database address": ("cannot reach postgresql://chatter:hush@db:5432/chatter", ["hush"]),
    "bcrypt": ("$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW", ["R9h/cIPz0gi"]),
    "SDP": (f"cannot parse {SDP}", ["hush", "192.0.2.77", "4611731400430051336"]),
    "SDP escaped": (json.dumps({"type": "webrtc", "sdp": SDP}), ["hush", "192.0.2.77"]),
    "SDP in a repr": (repr(SDP), ["hush", "192.0.2.77"]),
    "ice-pwd": ("a=ice-pwd:x9cml/YzichV2+XlhiMuhush", ["hush"]),
    "ice-ufrag": ("a=ice-ufrag:hush", ["hush"]),
    "candidate": ("candidate:842163049 1 udp 1677729535 203.0.113.9 46154 typ srflx", ["203.0.113.9"]),
    "candidate in JSON": ('{"candidate":{"candidate":"candidate:1 1 tcp 1 203.0.113.9 9 typ host"}}', ["203.0.113"]),
    "TURN credential": (f'{{"urls":["turn:t"],"username":"1790000000:g1","credential":"{HMAC}"}}', [HMAC]),
    "TURN credential without a label": (f"expected {HMAC}, got nothing", [HMAC]),
    "TURN secret": ("static-auth-secret=hush1234", ["hush"]),
    "settings": ("AUTH_SECRET=hush1234 TURN_SECRET: hush5678 AUTH_PEPPER='hush'", ["hush"]),
    "chat": (f'{{"type":"chat","text":"{CHAT}"}}', ["hush", "plan"]),
    "a label as a value before": ('{"kind":"token","token":"hush1234"}', ["hush"]),
    "chat in a repr": ("Chat(from_='m1', text='the plan is hush', ts=1)", ["hush", "plan"]),
    "chat escaped": (json.dumps(json.dumps({"type": "chat", "text": "the plan is hush"})), ["hush", "plan"]),
    "private key": ("-----BEGIN PRIVATE KEY-----\nhush\nhush\n-----END PRIVATE KEY-----", ["hush"]),
    "half a private key": ("-----BEGIN RSA PRIVATE KEY-----\nhush\nhush", ["hush"]),
}

FIELDS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "token": ({"token": "hush"}, ["hush"]),
    "nested": ({"request": {"headers": {"Authorization": "hush", "X-Api-Key": "hush"}}}, ["hush"]),
    "in a list": ({"frames": [{"type": "chat", "text": "hush"}, ("ticket=hush",)]}, ["hush"]),
    "camel case": ({"resumeToken": "hush", "iceServers": [{"credential": "hush"}]}, ["hush"]),
    "SDP": ({"sdp": SDP, "candidates": [{"ip": "192.0.2.77"}]}, ["hush", "192.0.2.77"]),
    "chat history": ({"chat_history": {"messages": ["hush"]}}, ["hush"]),
    "bytes": ({"frame": b'{"token": "hush"}', "password": b"hush"}, ["hush"]),
    "an object": ({"thing": type("Thing", (), {"__repr__": lambda _: "Thing(ticket='hush')"})()}, ["hush"]),
    "as a key": ({"seen": {f"token=hush-{RANDOM}": 1}}, ["hush"]),
    "a set": ({"seen": {"invite=hush"}}, ["hush"]),
    "an error": ({"cause": ValueError("password=hush")}, ["hush"]),
}

INNOCENT = [
    "joined",
    "GET /rooms/{room_id} 200",
    "token_expired",
    "4002 state_lost: the token is not known",
    "0af7651916cd43dd8448eb211c80319c b7ad6b7169203331",
    "0197b0f2-c1d0-7c3c-8000-000000000000",
    "/ws-tickets",
    "context: candidate pair failed",
    'File "/work/main/signaling/hub.py", line 107, in accept\n    raise RuntimeError',
    "RequestSchemaValidationErrorHandler",
    "http://localhost:8080",
    "chatter chat.example.org",
]


def record(message: str, *args: object, extra: dict[str, Any] | None = None, error: BaseException | None = None) -> Any:
    """Return a log record as the root handler gets it."""
    made = logging.getLogger("chatter.test").makeRecord(
        "chatter.test", logging.ERROR, __file__, 1, message, args, None, extra=extra
    )
    if error is not None:
        try:
            raise error
        except BaseException as raised:
            made.exc_text = logging.Formatter().formatException((type(raised), raised, raised.__traceback__))
    return made


PLACES: dict[str, Callable[[str], logging.LogRecord]] = {
    "message": lambda text: record(text),
    "argument": lambda text: record("about %s (%d)", text, 3),
    "extra": lambda text: record("said", extra={"event": "tried", "detail": text}),
    "nested extra": lambda text: record("said", extra={"detail": [{"a": (text,)}]}),
    "exception": lambda text: record("failed", error=RuntimeError(text)),
    "cause": lambda text: record("failed", error=_caused(text)),
}


def _caused(text: str) -> BaseException:
    try:
        raise LookupError(text)
    except LookupError as error:
        outer = RuntimeError("outer")
        outer.__cause__ = error
        return outer


@pytest.fixture(params=["json", "text"])
def line_of(request: pytest.FixtureRequest) -> Callable[[logging.LogRecord], str]:
    """Each of the two formats."""
    return _formatter(ObservabilitySettings(log_format=request.param)).format


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", TEXTS)
def test_no_text_of_the_corpus_is_seen(line_of: Callable[[logging.LogRecord], str], name: str, place: str) -> None:
    text, hidden = TEXTS[name]
    line = line_of(PLACES[place](text))
    for secret in hidden:
        assert secret not in line
    assert REDACTED in line


@pytest.mark.parametrize("name", FIELDS)
def test_no_field_of_the_corpus_is_seen(line_of: Callable[[logging.LogRecord], str], name: str) -> None:
    fields, hidden = FIELDS[name]
    line = line_of(record("said", extra={"event": "tried", **fields}))
    for secret in hidden:
        assert secret not in line
    assert REDACTED in line
    assert "tried" in line


@pytest.mark.parametrize("text", [text for text, _ in TEXTS.values()])
def test_once_is_enough(text: str) -> None:
    assert redact_text(redact_text(text)) == redact_text(text)


@pytest.mark.parametrize("text", INNOCENT)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact_text(text) == text


def test_what_stands_around_a_secret_stays() -> None:
    assert redact_text("GET /ws/a?token=hush&v=2 403") == f"GET /ws/a?token={REDACTED}&v=2 403"
    assert (
        redact_text('{"password": "hush", "username": "alice"}') == f'{{"password": {REDACTED}, "username": "alice"}}'
    )
    assert redact_text("postgresql://a:hush@db/x") == f"postgresql://{REDACTED}@db/x"


def test_the_usual_line_takes_the_short_way() -> None:
    line = {
        "time": "2026-11-21T12:00:00+0000",
        "level": "INFO",
        "logger": "chatter.access",
        "message": "request",
        "service": "chatter",
        "event": "http_request",
        "path": "/rooms/{room_id}",
        "remote_addr": "192.0.2.1",
        "request_id": "0123456789abcdef",
        "trace_id": "0af7651916cd43dd8448eb211c80319c",
        "username": "alice",
    }
    assert not may_hold_secrets(json.dumps(line))


def test_values_that_are_no_text_stay() -> None:
    kept = {"status": 200, "ok": True, "none": None, "duration": 0.25, "has_token": True, "ticket": None}
    assert redact(kept) == kept


def test_what_json_does_not_know_becomes_text() -> None:
    assert json.dumps(redact([float("nan"), float("inf"), {1: {2}}, object]), allow_nan=False)


def test_depth_and_length_have_an_end() -> None:
    endless: list[Any] = []
    endless.append(endless)
    assert "[too deep]" in json.dumps(redact(endless))
    assert len(redact(list(range(10_000)))) < 1000
    cut = redact_text("begin" + "x" * 10 * MAX_TEXT + "end")
    assert len(cut) < MAX_TEXT + 10
    assert cut.startswith("begin")
    assert cut.endswith("end")


@pytest.mark.parametrize(
    "text", ["token=" * 2000, '"token":"' + '\\"' * 4000, "candidate:" * 800, "v=0" + "\\r\\n" * 2000, "'a', " * 1600]
)
def test_odd_texts_do_not_hold_up_the_log(text: str) -> None:
    assert len(redact_text(text)) <= 2 * len(text)  # returns at all: no pattern backtracks without end
