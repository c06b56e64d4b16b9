"""What one member's frame leads to. Pure: a frame and the time go in, effects come out."""

from __future__ import annotations

from typing import NamedTuple

from msgspec import UNSET

from signaling.core.codec import BadFrame, decode
from signaling.core.frozen import FrozenConnection
from signaling.core.kinds import UNREADABLE, kind_of
from signaling.core.limits import FloodGuard, TokenBucket
from signaling.core.lobby import Lobby
from signaling.core.messages import (
    ClientMessage,
    Error,
    Leave,
    MediaState,
    React,
    Received,
    RenewIceServers,
    ReportPath,
    ReportTrouble,
    Resume,
    SendChat,
    SendStats,
    SendWebRtc,
    SetHand,
    SetMedia,
    SetProfile,
    WebRtc,
)
from signaling.core.moderation import COMMANDS, Outcome, moderate
from signaling.core.names import clean_display_name, is_chat_text
from signaling.core.replay import Replay
from signaling.core.room import Deliver, Room
from signaling.errors import Close, CloseReason, FrameFault

MALFORMED_FRAMES = 3
"""The malformed frame that ends the connection."""


class Hangup(NamedTuple):
    """End the sender's connection."""

    reason: CloseReason


class IceServersWanted(NamedTuple):
    """Send the member fresh STUN and TURN servers."""


class Reported(NamedTuple):
    """The member's browser told how its media does; nothing in it was checked but its shape."""

    message: ReportPath | SendStats | ReportTrouble


class ReportDropped(NamedTuple):
    """A report came over the limit and was let fall: an error frame would only make more traffic."""


Effect = Outcome | Hangup | IceServersWanted | Reported | ReportDropped


class Connection:
    """The protocol state of one member in one room.

    `replay` keeps what a lost connection may have swallowed; `lobby` is the queue at the room's door.
    """

    __slots__ = ("_guard", "_lobby", "_malformed", "_room", "fault", "heard", "last_id", "member_id", "replay")

    def __init__(
        self,
        room: Room,
        member_id: str,
        guard: FloodGuard,
        replay: Replay | None = None,
        lobby: Lobby | None = None,
    ) -> None:
        self._room = room
        self._lobby = lobby or Lobby()
        self._guard = guard
        self._malformed = 0
        self.member_id = member_id
        self.replay = replay
        self.last_id = -1
        """Highest `id` among the client's frames so far, -1 before the first."""
        self.heard = UNREADABLE
        """What the last frame was, one of `CLIENT_KINDS`."""
        self.fault: FrameFault | None = None
        """Why the last frame was refused, None where it was not."""

    @classmethod
    def thaw(cls, room: Room, frozen: FrozenConnection, guard: FloodGuard, lobby: Lobby) -> Connection:
        """Go on where a member was at another node; `guard` is new."""
        replay = None if frozen.replay is None else Replay.thaw(frozen.replay)
        connection = cls(room, frozen.member_id, guard, replay, lobby)
        connection._malformed = frozen.malformed
        connection.last_id = frozen.last_id
        guard.levels = frozen.levels
        return connection

    def freeze(self) -> FrozenConnection:
        """Return where a member is."""
        return FrozenConnection(
            member_id=self.member_id,
            last_id=self.last_id,
            malformed=self._malformed,
            levels=self._guard.levels,
            replay=None if self.replay is None else self.replay.freeze(),
        )

    def receive(self, text: str, now: float) -> list[Effect] | WebRtc:
        """Handle one text frame from the member: return what follows, or a message to be relayed as nearly all are."""
        self.heard, self.fault = UNREADABLE, None
        try:
            message = decode(text)
            self.heard = message.action if type(message) is SendWebRtc else kind_of(message)
            if message.id is not UNSET:
                if message.id <= self.last_id:
                    return self._repeated(now)
                self.last_id = message.id
            if type(message) is SendWebRtc:
                bucket = self._guard.candidates if message.action == "ice" else self._guard.other
                if bucket.take(now):
                    return self._relay(message)
                raise BadFrame(FrameFault.RATE_LIMITED, ref=_ref(message))
            if not self._bucket(message).take(now):
                if isinstance(message, ReportPath | SendStats | ReportTrouble):
                    return self._drop_report(now)
                raise BadFrame(FrameFault.RATE_LIMITED, ref=_ref(message))
            return self._handle(message, now)
        except BadFrame as refused:
            return self.refuse(refused, now)

    def refuse(self, refused: BadFrame, now: float) -> list[Effect]:
        """Answer a frame that could not be accepted; too many of them end the connection."""
        self.fault = fault = refused.fault
        if refused.ref is not None and refused.ref > self.last_id:
            self.last_id = refused.ref  # handled, if not as wished: it must not come again after a resume
        if not self._guard.refusals.take(now):
            return [Hangup(Close.RATE_LIMITED)]
        effects: list[Effect] = [Deliver((self.member_id,), error_for(refused))]
        if fault.malformed:
            self._malformed += 1
            if self._malformed >= MALFORMED_FRAMES:
                effects.append(Hangup(Close.BAD_PROTOCOL))
        return effects

    def _repeated(self, now: float) -> list[Effect]:
        # Sent again after a resume and handled before: harmless, but not without end.
        return [] if self._guard.refusals.take(now) else [Hangup(Close.RATE_LIMITED)]

    def _drop_report(self, now: float) -> list[Effect]:
        dropped: list[Effect] = [ReportDropped()]
        return dropped if self._guard.drops.take(now) else [*dropped, Hangup(Close.RATE_LIMITED)]

    def _bucket(self, message: ClientMessage) -> TokenBucket:
        if type(message) is Received:  # a few for each burst of candidates
            return self._guard.candidates
        if type(message) is SendStats:
            return self._guard.digests
        if type(message) is ReportPath or type(message) is ReportTrouble:
            return self._guard.reports
        return self._guard.chat if type(message) is SendChat else self._guard.other

    def _handle(self, message: ClientMessage, now: float) -> list[Effect]:
        match message:
            case SendChat(text=text):
                if not is_chat_text(text):
                    raise BadFrame(FrameFault.BAD_TEXT, ref=_ref(message))
                return list(self._room.say(self.member_id, text, now))
            case SetProfile(displayName=wanted):
                name = clean_display_name(wanted)
                if name is None:
                    raise BadFrame(FrameFault.BAD_NAME, ref=_ref(message))
                return list(self._room.rename(self.member_id, name))
            case SetMedia():
                media = MediaState(audio=message.audio, video=message.video, screen=message.screen)
                return list(self._room.set_media(self.member_id, media))
            case SetHand(raised=raised):
                return list(self._room.set_hand(self.member_id, raised, now))
            case React(emoji=emoji):
                return list(self._room.react(self.member_id, emoji))
            case Received(seq=seq):
                return self._acknowledge(message, seq)
            case RenewIceServers():
                return [IceServersWanted()]
            case ReportPath() | SendStats() | ReportTrouble():
                return [Reported(message)]
            case Leave():
                return [Hangup(Close.NORMAL)]
            case command if isinstance(command, COMMANDS):
                return list(moderate(self._room, self._lobby, self.member_id, command, now))
            case Resume():
                raise BadFrame(FrameFault.UNEXPECTED_RESUME, ref=_ref(message))
            case _:
                raise BadFrame(FrameFault.UNEXPECTED_HELLO, ref=_ref(message))

    def _acknowledge(self, message: ClientMessage, seq: int) -> list[Effect]:
        if self.replay is not None:
            if seq > self.replay.last_seq:
                raise BadFrame(FrameFault.BAD_ACK, ref=_ref(message))
            self.replay.acknowledge(seq)
        return []

    def _relay(self, message: SendWebRtc) -> WebRtc:
        needs_candidate = message.action == "ice"
        if (message.candidate is UNSET) is needs_candidate or (message.sdp is UNSET) is not needs_candidate:
            detail = "An offer or answer has `sdp`, a candidate has `candidate`, and neither has the other's."
            raise BadFrame(FrameFault.BAD_FRAME, detail, _ref(message))
        relayed = self._room.relay(self.member_id, message)
        if relayed is None:
            raise BadFrame(FrameFault.UNKNOWN_PEER, ref=_ref(message))
        return relayed


def error_for(refused: BadFrame) -> Error:
    """Return the answer to a frame that could not be accepted."""
    return Error(
        code=refused.fault.code,
        message=refused.detail,
        retryable=refused.fault.retryable,
        ref=UNSET if refused.ref is None else refused.ref,
    )


def _ref(message: ClientMessage) -> int | None:
    return None if message.id is UNSET else message.id
