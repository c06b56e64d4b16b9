"""The doctor's parts by themselves: what it takes for an answer, where it looks, what it says of its clean-up."""

from __future__ import annotations

import asyncio
import contextlib
import errno
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http.client import HTTPMessage
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from api.db import DatabaseUnavailable
from api.doctor import clock, here, lodging, there
from api.doctor import http as doctor_http
from api.doctor.deployment import Deployment
from api.doctor.findings import Fault, sentence
from api.doctor.http import Answer, NoHttp, Place, get
from api.load.target import LoadError, Room


@pytest.fixture(autouse=True)
def no_settings_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty.yaml").touch()
    monkeypatch.setenv("CONFIG_PATH", str(tmp_path / "empty.yaml"))
    monkeypatch.setenv("CHATTER_DATA_DIR", str(tmp_path / "data"))


# --- answers --------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def saying(answer: bytes, *, hangs: bool = False) -> AsyncIterator[Place]:
    """Have a server that says this to everyone, and hangs up or does not."""

    ended = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        with contextlib.suppress(ConnectionError):
            if hangs:
                await reader.read()
            writer.close()
            await writer.wait_closed()
        ended.set()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield Place("127.0.0.1", server.sockets[0].getsockname()[1], "localhost", None)
        await ended.wait()


_CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


async def test_a_body_in_chunks() -> None:
    async with saying(_CHUNKED + b'3;x=y\r\n{"a\r\n4\r\n":1}\r\n0\r\n\r\n', hangs=True) as place:
        assert (await get(place, "/")).body == b'{"a":1}'


@pytest.mark.parametrize("body", [b"", b"5\r\nabc", b"x\r\nabc\r\n0\r\n\r\n"])
async def test_chunks_that_break_off(body: bytes) -> None:
    async with saying(_CHUNKED + body) as place:
        with pytest.raises(NoHttp, match="its answer breaks off"):
            await get(place, "/")


async def test_a_chunk_that_is_too_large_is_left() -> None:
    async with saying(_CHUNKED + b"fffffff\r\n", hangs=True) as place:
        assert (await get(place, "/")).body == b""


async def test_who_takes_a_request_and_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_http, "_ANSWER_S", 0.05)
    async with saying(b"", hangs=True) as place:
        with pytest.raises(TimeoutError):
            await get(place, "/")


@pytest.mark.parametrize(
    ("date", "cause"),
    [
        ("", "Another Chatter answers"),
        ("yesterday", "Another Chatter answers"),
        ("Thu, 01 Jan 1970 00:00:00 GMT", "The clock at 127.0.0.1 is 200 hours off this machine's"),
    ],
)
async def test_why_a_server_does_not_know_the_doctor(date: str, cause: str) -> None:
    deployment = Deployment("http://localhost", clock=lambda: 200 * 3600.0)
    body = b'{"code":"not_found"}'
    head = f"HTTP/1.1 404 Not Found\r\nDate: {date}\r\nContent-Length: {len(body)}\r\n\r\n"
    async with saying(head.encode() + body) as place:
        with pytest.raises(Fault, match=cause):
            await there._ask(deployment, place)


async def test_an_answer_that_proves_nothing() -> None:
    async with saying(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}") as place:
        with pytest.raises(Fault, match="cannot prove that it holds AUTH_SECRET"):
            await there._ask(Deployment("http://localhost"), place)


def test_a_way_on_without_a_host_is_none() -> None:
    headers = HTTPMessage()
    headers["Location"] = "/elsewhere"
    fault = there._stranger(
        Deployment("http://localhost"), Place("192.0.2.1", 80, "localhost", None), Answer(302, headers, b"")
    )
    assert "sends people on to /elsewhere" in fault.cause
    assert "--url http://localhost." in fault.fix


# --- where it looks -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://Call.Example.org:443/", "https://call.example.org"),
        ("http://localhost:80", "http://localhost"),
        ("https://[2001:DB8::1]:8443", "https://[2001:db8::1]:8443"),
    ],
)
def test_the_origin_is_as_browsers_write_it(url: str, origin: str) -> None:
    assert Deployment(url).origin == origin


@pytest.mark.parametrize(
    ("gateway", "place", "path"),
    [
        ("", ("192.0.2.1", 443, "call.example.org"), "/ws/x"),
        ("wss://call.example.org/signal", ("192.0.2.1", 443, "call.example.org"), "/signal/ws/x"),
        ("wss://gate.example.org:8443", ("gate.example.org", 8443, "gate.example.org"), "/ws/x"),
    ],
)
def test_where_sockets_are_opened(
    monkeypatch: pytest.MonkeyPatch, gateway: str, place: tuple[str, int, str], path: str
) -> None:
    monkeypatch.setenv("GATEWAY_URL", gateway)
    deployment = Deployment("https://Call.example.org")
    deployment.addresses = ["192.0.2.1"]
    found, found_path = deployment.socket("x")
    assert (found[:3], found_path) == (place, path)


async def test_every_expected_address_must_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    async def resolve(*_: object, **__: object) -> list[Any]:
        return [(0, 0, 0, "", ("2001:db8::1", 443))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve, raising=False)
    assert (await there.name(Deployment("https://x", expected=["2001:DB8:0::1"]))).status == "ok"
    missing = await there.name(Deployment("https://x", expected=["2001:db8::1", "192.0.2.1"]))
    assert (missing.status, missing.finding) == ("failed", "x leads to 2001:db8::1, not to 192.0.2.1, 2001:db8::1.")


async def test_without_the_secret_the_server_is_not_asked() -> None:
    deployment = Deployment("https://x")
    assert (await there.server(deployment)).status == "skipped"
    assert (await there.proxy_headers(deployment)).status == "skipped"
    assert (await here.secrets(deployment)).status == "skipped"


async def test_a_folder_that_may_not_be_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("api.disk.existing", refuse)
    verdict = await here.disk(Deployment("https://x"))
    assert (verdict.status, verdict.finding.partition("cannot")[2]) == ("failed", " be looked at: Permission denied.")


# --- clocks ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("is_set", "offsets", "status"),
    [
        (True, {"node one": 0.2}, "ok"),
        (None, {"node one": 0.2}, "ok"),
        (False, {"node one": 0.2}, "warning"),
        (False, {}, "warning"),
        (True, {}, "skipped"),
        (True, {"node one": -7.0}, "warning"),
        (False, {"node one": 0.2, "the database": 61.0}, "failed"),
    ],
)
async def test_the_clocks(
    monkeypatch: pytest.MonkeyPatch, is_set: bool | None, offsets: dict[str, float], status: str
) -> None:
    monkeypatch.setattr(clock, "is_set", lambda: is_set)
    deployment = Deployment("https://x")
    deployment.offsets = offsets
    assert (await clock.clock(deployment)).status == status


# --- what the call leaves -------------------------------------------------------------------------------------------


class Trouble:
    """Stands for the services of the call; what is named in `fails` does not work."""

    def __init__(self, *fails: str) -> None:
        self.fails = fails
        self.done: list[str] = []

    def does(self, name: str, error: type[Exception]) -> None:
        if name in self.fails:
            raise error("away")
        self.done.append(name)

    async def create_user(self, *_: str) -> None:
        self.does("create", DatabaseUnavailable)

    async def delete_user(self, _: str) -> None:
        self.does("delete account", DatabaseUnavailable)

    async def open(self, *_: str) -> None:
        self.does("sign in", LoadError)

    async def make_room(self, *_: object) -> Room:
        self.does("make room", LoadError)
        return Room("abc", "ws://x/ws/abc")

    async def delete_room(self, _: Room) -> None:
        self.does("delete room", LoadError)

    async def forget(self, *_: object) -> None:
        self.does("forget", DatabaseUnavailable)


async def stay(monkeypatch: pytest.MonkeyPatch, trouble: Trouble, end: BaseException | None = None) -> None:
    monkeypatch.setattr(lodging, "Target", lambda *_: trouble)
    monkeypatch.setattr(lodging, "_forget", trouble.forget)
    deployment = Deployment("https://x")
    deployment._application = SimpleNamespace(auth=trouble, database=None)  # type: ignore[assignment]
    async with lodging.lodging(deployment, 3):
        if end is not None:
            raise end


async def test_a_stay_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    trouble = Trouble()
    await stay(monkeypatch, trouble)
    assert trouble.done == ["create", "sign in", "make room", "delete room", "forget", "delete account"]


async def test_each_step_of_the_clean_up_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    trouble = Trouble("delete room", "forget")
    with pytest.raises(Fault) as raised:
        await stay(monkeypatch, trouble)
    assert raised.value.cause == "Left behind: the record of the call in room abc."
    assert trouble.done[-1] == "delete account"


async def test_what_went_wrong_is_told_before_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Fault) as raised:
        await stay(monkeypatch, Trouble("delete account"), Fault("No sound.", "Turn it up."))
    assert raised.value.cause.startswith("No sound. Left behind: the account doctor-")
    assert raised.value.fix.startswith("Turn it up. Delete it: chatter user delete doctor-")


async def test_a_call_that_is_broken_off_says_what_it_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Fault, match=r"The call was broken off\. Left behind: the account"):
        await stay(monkeypatch, Trouble("delete account"), asyncio.CancelledError())
    with pytest.raises(asyncio.CancelledError):
        await stay(monkeypatch, Trouble(), asyncio.CancelledError())


@pytest.mark.parametrize(
    ("fails", "cause"), [("create", "No account for the call could be made: away"), ("sign in", "Away.")]
)
async def test_where_nothing_could_be_made(monkeypatch: pytest.MonkeyPatch, fails: str, cause: str) -> None:
    with pytest.raises(Fault) as raised:
        await stay(monkeypatch, Trouble(fails), None)
    assert raised.value.cause == cause


def test_a_cause_as_a_sentence() -> None:
    assert sentence("cannot reach it.") == sentence(ValueError("cannot reach it")) == "Cannot reach it."
