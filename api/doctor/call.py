"""A call of three through the public address, as browsers hold it: everything but sound and picture.

The server carries no media. What it does carry, and what the relays do, is tried: offers, answers and candidates
between each two, chat to all, and data through a relay with the credentials that the server gave out.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from api.doctor.findings import Fault, Verdict, ok, reason
from api.doctor.lodging import lodging
from api.load.client import Refused, ResumableConnection, connect
from signaling.turn.credentials import Credential

if TYPE_CHECKING:
    from api.doctor.deployment import Deployment
    from api.load.target import Room, Target

LIMIT_S = 75.0
_PEOPLE = 3
_WAIT_S = 5.0
_STUCK = "Frames get lost on the way: look at the app's log, and at chatter_bus_up where there are several nodes."

Frame = dict[str, Any]


class Caller(ResumableConnection):
    """One of the three; keeps what it hears."""

    first_frame = b'{"type":"hello","displayName":"Doctor"}'

    def __init__(self) -> None:
        super().__init__()
        self._heard: list[Frame] = []
        self._news = asyncio.Event()

    def received(self, payload: bytes) -> None:
        """Keep a frame."""
        super().received(payload)
        self._heard.append(msgspec.json.decode(payload))
        self._news.set()

    def say(self, frame: Frame) -> None:
        """Send a frame."""
        self.transmit(msgspec.json.encode(frame))

    async def hear(self, what: str, fits: Callable[[Frame], bool]) -> Frame:
        """Wait for a frame. Raises `Fault`."""
        try:
            async with asyncio.timeout(_WAIT_S):
                while True:
                    found = next((frame for frame in self._heard if fits(frame)), None)
                    if found is not None:
                        return found
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            lost = f", the connection was closed: {self.closed}" if self.closed else ""
            raise Fault(f"{what} did not arrive within {_WAIT_S:g} s{lost}.", _STUCK) from None


async def call(deployment: Deployment) -> Verdict:
    """Hold the call, in a room of its own that is deleted in the end."""
    begun = time.perf_counter()
    async with lodging(deployment, _PEOPLE) as (target, room):
        callers: list[Caller] = []
        try:
            while len(callers) < _PEOPLE:
                callers.append(await _join(target, room))
            for one, other in itertools.combinations(callers, 2):
                await _negotiate(one, other)
            await _chat(callers)
            relayed = await _relay(deployment, callers[0])
        finally:
            for caller in callers:
                caller.leave()
    taken = time.perf_counter() - begun
    return ok(f"{_PEOPLE} people, offers, answers, candidates and chat{relayed}, in {taken:.1f} s; nothing left behind")


async def _join(target: Target, room: Room) -> Caller:
    try:
        return await connect(Caller, f"{room.socket_url}?v=2", target.origin, target.tls)
    except Refused as refused:
        raise Fault(f"A caller was not let in: {refused.cause}.", "The app's log says why, under this room.") from None
    except OSError as error:
        raise Fault(
            f"No socket at {room.socket_url}: {reason(error)}.", "GATEWAY_URL or BASE_URL must lead to the proxy."
        ) from None


async def _negotiate(one: Caller, other: Caller) -> None:
    steps = (("offer", one, other), ("answer", other, one), ("ice", one, other), ("ice", other, one))
    for kind, sender, receiver in steps:
        mark = secrets.token_hex(8)
        sender.say({"type": "webrtc", "action": kind, "to": receiver.id, **_content(kind, mark)})
        await receiver.hear(f"A frame of kind {kind}", partial(_is_signal, sender.id, mark))


def _is_signal(sender: str, mark: str, frame: Frame) -> bool:
    if frame["type"] != "webrtc" or frame["from"] != sender:
        return False
    return mark in frame.get("sdp", "") or mark in (frame.get("candidate") or {}).get("candidate", "")


def _is_chat(words: str, frame: Frame) -> bool:
    return bool(frame["type"] == "chat" and frame["text"] == words)


def _content(kind: str, mark: str) -> Frame:
    if kind == "ice":
        text = f"candidate:1 1 udp 1 192.0.2.1 9 typ host ufrag {mark}"
        return {"candidate": {"candidate": text, "sdpMid": "0", "sdpMLineIndex": 0, "usernameFragment": mark}}
    return {"sdp": f"v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns={mark}\r\nt=0 0\r\n"}


async def _chat(callers: list[Caller]) -> None:
    for speaker in callers:
        words = f"Test call {secrets.token_hex(8)}"
        speaker.say({"type": "chat", "text": words})
        for listener in callers:
            await listener.hear("A chat message", partial(_is_chat, words))


async def _relay(deployment: Deployment, caller: Caller) -> str:
    """Have data relayed with what the server gave out; return what to say of it."""
    if not deployment.relays:
        return ""
    from signaling.turn.probe import TurnProbe

    url = deployment.relays[0]
    welcome = await caller.hear("The welcome", lambda frame: frame["type"] == "welcome")
    servers = [server for server in welcome["iceServers"] if url.text in server["urls"]]
    fix = "The server runs with other TURN settings than this command: start the app anew."
    if not servers:
        raise Fault(f"The server does not name {url.text} to those who come in.", fix)
    given = Credential(servers[0]["username"], servers[0]["credential"])
    report = await TurnProbe(deployment.settings.signaling.turn, clock=deployment.clock).check(url, given)
    if not report.ok:
        raise Fault(f"{url.text} does not take what the server gives out: {report.cause}: {report.detail}", fix)
    return f", data through {url.text}"
