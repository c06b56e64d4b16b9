"""What one member of the room sends to the recorder, through however many peer connections, one after another."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

from signaling.recording.conversation import Frame
from signaling.recording.peer import IceServer, Peer, ice_fragment
from signaling.recording.tracklog import TrackKind
from signaling.recording.tracks import TrackWriter

logger = logging.getLogger(__name__)

_MAX_EARLY = 256
"""More candidates than any browser gathers."""
_FLAGS: dict[TrackKind, str] = {"audio": "audio", "video": "video", "screen": "screen", "screen_audio": "screen"}
"""Which flag of a `media` frame speaks of which track."""

NewTrack = Callable[["Feed", TrackKind, int], TrackWriter]
"""Makes the writer of a track from its feed, its kind and its RTP clock rate."""


class Feed:
    """Answer one member's offers and keep the tracks that come of them.

    The browser offers, the recorder answers. It builds a new peer connection when the browser has built one, and
    when the browser restarts ICE, which aiortc cannot: to the browser that is an ICE restart whose answer has a new
    DTLS fingerprint (RFC 8842 §4), so both begin their encryption anew and the media goes on.
    """

    def __init__(
        self,
        member: str,
        send: Callable[[Frame], None],
        ice_servers: Callable[[], list[IceServer]],
        new_track: NewTrack,
    ) -> None:
        self.member = member
        self.connections = 0
        self._send = send
        self._ice_servers = ice_servers
        self._new_track = new_track
        self._media: Mapping[str, Any] = {}
        self._present: _Reception | None = None
        self._connection: str | None = None
        self._early: list[Frame] = []
        self._signals: asyncio.Queue[Frame] = asyncio.Queue()
        self._worker = asyncio.get_running_loop().create_task(self._work())

    def signal(self, frame: Frame) -> None:
        """Take a `webrtc` frame of this member; they are handled one after another."""
        self._signals.put_nowait(frame)

    def media(self, media: Mapping[str, Any]) -> None:
        """Note which of the member's tracks are on."""
        self._media = media
        for track in self._present.tracks if self._present is not None else ():
            track.switch(self._is_on(track.kind))

    async def close(self) -> None:
        """End the connection and the tracks. Idempotent."""
        self._worker.cancel()
        await asyncio.gather(self._worker, return_exceptions=True)
        if self._present is not None:
            await self._present.close()

    # --- inside

    async def _work(self) -> None:
        while True:
            frame = await self._signals.get()
            try:
                if frame["action"] == "offer":
                    await self._offer(frame)
                elif frame["action"] == "ice":
                    await self._candidate(frame)
            except Exception as error:  # one browser's bad description must not end the recording
                logger.warning(
                    "signal refused", extra={"event": "recorder_signal_refused", "cause": type(error).__name__}
                )

    async def _offer(self, frame: Frame) -> None:
        offer, connection = frame["sdp"], frame.get("connection")
        present = self._present
        if present is not None and self._goes_on(present.peer, offer, connection):
            self._send_answer(await present.peer.answer(offer), connection)
            return
        fresh = self._begin()
        try:
            answer = await fresh.peer.answer(offer)
        except BaseException:
            await fresh.close()
            raise
        self._present, self._connection = fresh, connection
        self._send_answer(answer, connection)
        if present is not None:
            await present.close()
        early, self._early = self._early, []
        for candidate in early:
            await self._candidate(candidate)

    def _goes_on(self, peer: Peer, offer: str, connection: str | None) -> bool:
        return not peer.failed and connection == self._connection and peer.fragment == ice_fragment(offer)

    def _begin(self) -> _Reception:
        self.connections += 1
        tracks: list[TrackWriter] = []

        def new_sink(kind: TrackKind, clock: int) -> TrackWriter:
            track = self._new_track(self, kind, clock)
            track.switch(self._is_on(kind))
            tracks.append(track)
            return track

        return _Reception(Peer(self._ice_servers(), new_sink), tracks)

    def _send_answer(self, answer: str, connection: str | None) -> None:
        frame = {"type": "webrtc", "action": "answer", "to": self.member, "sdp": answer}
        self._send(frame if connection is None else {**frame, "connection": connection})

    async def _candidate(self, frame: Frame) -> None:
        candidate = frame.get("candidate")
        if candidate is None:
            return
        fragment = candidate.get("usernameFragment")
        peer = self._present.peer if self._present is not None else None
        if peer is None or frame.get("connection") != self._connection or fragment not in {None, peer.fragment}:
            if len(self._early) < _MAX_EARLY:  # of an offer that is still to come, or of one that is past
                self._early.append(frame)
            return
        await peer.add_candidate(candidate["candidate"], candidate.get("sdpMid"), candidate.get("sdpMLineIndex"))

    def _is_on(self, kind: TrackKind) -> bool:
        return bool(self._media.get(_FLAGS[kind], True))


class _Reception:
    """One peer connection with the tracks that came of it."""

    def __init__(self, peer: Peer, tracks: list[TrackWriter]) -> None:
        self.peer = peer
        self.tracks = tracks

    async def close(self) -> None:
        await self.peer.close()
        for track in self.tracks:
            track.end()
