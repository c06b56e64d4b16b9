"""What members of a call send each other, and how long it takes to arrive."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from api.load.client import ResumableConnection

Kind = Literal["offer", "answer", "candidate", "chat"]
KINDS: tuple[Kind, ...] = ("offer", "answer", "candidate", "chat")

_MARK = re.compile(rb'^\{(?:"seq":\d+,)?"type":"(?:webrtc|chat)".*?~load:(\d+)~', re.DOTALL)
_ERROR = re.compile(rb'^\{"seq":\d+,"type":"error"')
_SDP_BYTES = 2100
_RENEGOTIATE_S = 10.0


class Member(ResumableConnection):
    """Someone in a room of the test; `peer` is the other of the pair, if there is one."""

    def __init__(self, traffic: Traffic) -> None:
        super().__init__()
        self.peer: Member | None = None
        self.room: list[Member] = [self]
        """All who are in the room, this one too."""
        self._traffic = traffic

    def received(self, payload: bytes) -> None:
        """Hand marked frames and errors to the traffic."""
        super().received(payload)
        if (mark := _MARK.match(payload)) is not None:
            self._traffic.arrived(self, int(mark[1]))
        elif _ERROR.match(payload):
            self._traffic.refused(msgspec.json.decode(payload)["code"])


@dataclass(slots=True)
class _UnderWay:
    kind: Kind
    sent_at: float
    receivers: int
    """Those that it has not come to yet."""


class Traffic:
    """All frames between members. Delays are in seconds, from sending to arrival, this process on both ends."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self.delays: dict[Kind, list[float]] = {kind: [] for kind in KINDS}
        self.errors: Counter[str] = Counter()
        self.sent = 0
        self.expected = 0
        self.unexpected = 0
        self._clock = clock
        self._under_way: dict[int, _UnderWay] = {}

    @property
    def delivered(self) -> int:
        """How many deliveries there were."""
        return sum(map(len, self.delays.values()))

    @property
    def missing(self) -> int:
        """How many deliveries have not come yet."""
        return self.expected - self.delivered

    def offer(self, member: Member) -> None:
        """Let a member offer to its peer, which will answer."""
        self._send(member, "offer", 1)

    def candidate(self, member: Member) -> None:
        """Let a member send its peer a candidate."""
        self._send(member, "candidate", 1)

    def chat(self, member: Member) -> None:
        """Let a member say something to everyone in the room; it hears itself too."""
        self._send(member, "chat", sum(not someone.closed for someone in member.room))

    def arrived(self, member: Member, number: int) -> None:
        """Note that a frame came to a member."""
        frame = self._under_way.get(number)
        if frame is None:
            self.unexpected += 1
            return
        self.delays[frame.kind].append(self._clock() - frame.sent_at)
        frame.receivers -= 1
        if not frame.receivers:
            del self._under_way[number]
        if frame.kind == "offer" and member.peer is not None:
            self._send(member, "answer", 1)

    def refused(self, code: str) -> None:
        """Note that the server answered a frame with an error."""
        self.errors[code] += 1

    def _send(self, member: Member, kind: Kind, receivers: int) -> None:
        if member.closed or (kind != "chat" and (member.peer is None or member.peer.closed)):
            return
        self.sent += 1
        self.expected += receivers
        self._under_way[self.sent] = _UnderWay(kind, self._clock(), receivers)
        member.transmit(_frame(kind, member.peer.id if member.peer else "", f"~load:{self.sent}~"))


def _frame(kind: Kind, to: str, mark: str) -> bytes:
    return msgspec.json.encode(_body(kind, to, mark))


def _body(kind: Kind, to: str, mark: str) -> dict[str, Any]:
    if kind == "chat":
        return {"type": "chat", "text": f"A message of the load test {mark}"}
    if kind == "candidate":
        text = (
            f"candidate:842163049 1 udp 1677729535 192.0.2.20 46154 typ srflx raddr 0.0.0.0 rport 0 ufrag load {mark}"
        )
        candidate = {"candidate": text, "sdpMid": "0", "sdpMLineIndex": 0, "usernameFragment": "load"}
        return {"type": "webrtc", "action": "ice", "to": to, "candidate": candidate}
    sdp = f"v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns={mark}\r\nt=0 0\r\n"
    return {"type": "webrtc", "action": kind, "to": to, "sdp": sdp + "a=x:" + "x" * (_SDP_BYTES - len(sdp)) + "\r\n"}


class Rota:
    """Who sends what and when: everything evenly over all pairs and over time."""

    def __init__(self, traffic: Traffic, senders: list[Member], candidates: float, chat: float) -> None:
        offers = 1 / (2 * _RENEGOTIATE_S)
        self._duties = [
            (traffic.offer, offers * len(senders)),
            (traffic.candidate, candidates * len(senders)),
            (traffic.chat, chat * len(senders)),
        ]
        self._senders = senders
        self._done = [0] * len(self._duties)

    def catch_up(self, elapsed: float) -> None:
        """Send what is due so many seconds after the beginning."""
        for index, (send, per_second) in enumerate(self._duties):
            due = int(elapsed * per_second)
            for number in range(self._done[index], due):
                send(self._senders[number % len(self._senders)])
            self._done[index] = due
