"""One peer connection of the recorder: the only module that uses aiortc.

aiortc decodes what it receives, and a recorder would encode it again. Here its decoders are replaced by one that hands
the encoded frames on as they are, and its timestamps, which begin anew with each track, by those of the packets.
Both replacements are of names in `aiortc.rtcrtpreceiver`; `tests/signaling/recording/test_peer.py` fails when a new
version no longer uses them.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, cast

import aiortc.rtcrtpreceiver
from aiortc import (
    RTCBundlePolicy,
    RTCConfiguration,
    RTCIceServer,
    RTCPeerConnection,
    RTCRtpReceiver,
    RTCRtpTransceiver,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError
from aiortc.rtp import RtcpSrPacket, RtpPacket
from aiortc.sdp import candidate_from_sdp

from signaling.recording.media import UndecodableFrame, is_key_frame
from signaling.recording.tracklog import TrackKind

logger = logging.getLogger(__name__)

_NTP_EPOCH_S = 2_208_988_800
_KINDS: dict[str, tuple[TrackKind, ...]] = {"audio": ("audio", "screen_audio"), "video": ("video", "screen")}
"""What the first and the second section of each kind carry in an offer of the web client."""
_CLOCKS = {"audio": 48_000, "video": 90_000}


class Sink(Protocol):
    """Where the frames of one track go. Timestamps are those of RTP; `now` is the monotonic clock."""

    def arrived(self, timestamp: int, now: float) -> None:
        """Note a packet as it comes in."""

    def report(self, timestamp: int, ntp: float) -> None:
        """Note a sender report: `ntp` in seconds since 1970 by the sender's clock."""

    def frame(self, timestamp: int, data: bytes) -> None:
        """Take one whole encoded frame."""

    def end(self) -> None:
        """Nothing more will come."""


SinkFactory = Callable[[TrackKind, int], Sink]
"""Makes the sink of a track from its kind and its RTP clock rate."""


class IceServer(NamedTuple):
    """A STUN or TURN server."""

    urls: tuple[str, ...]
    username: str | None
    credential: str | None


class Peer:
    """Receive what one member sends over one `RTCPeerConnection` that the member's browser began. Sends nothing."""

    def __init__(self, ice_servers: list[IceServer], new_sink: SinkFactory) -> None:
        servers = [RTCIceServer(list(urls), username, credential) for urls, username, credential in ice_servers]
        # With the default, a second video track is lost when audio comes first (aiortc#1414).
        configuration = RTCConfiguration(iceServers=servers, bundlePolicy=RTCBundlePolicy.MAX_COMPAT)
        self._connection = RTCPeerConnection(configuration)
        self._new_sink = new_sink
        self._sections: Counter[str] = Counter()
        self._tapped: set[RTCRtpReceiver] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.fragment = ""
        """The browser's ICE user name fragment; another one means an ICE restart."""

    @property
    def failed(self) -> bool:
        """Whether the way to the browser is lost for good: aiortc cannot restart ICE."""
        return self._connection.connectionState in {"failed", "closed"}

    async def answer(self, offer: str) -> str:
        """Take an offer; return the answer, which holds all candidates. Raises `ValueError` for one that is no good."""
        self.fragment = ice_fragment(offer)
        self._make_transceivers(offer)
        try:
            await self._connection.setRemoteDescription(RTCSessionDescription(offer, "offer"))
            self._tap_receivers()
            await self._connection.setLocalDescription(await self._connection.createAnswer())
        except Exception as error:  # aiortc knows many ways to refuse a description
            raise ValueError(f"offer refused: {type(error).__name__}") from error
        return str(self._connection.localDescription.sdp)

    async def add_candidate(self, candidate: str, mid: str | None, line: int | None) -> None:
        """Take a candidate of the browser's; an empty one says that no more will come (RFC 8838 §9)."""
        if not candidate:
            await self._connection.addIceCandidate(None)
            return
        parsed = candidate_from_sdp(candidate.removeprefix("candidate:"))
        parsed.sdpMid, parsed.sdpMLineIndex = mid, line
        await self._connection.addIceCandidate(parsed)

    async def close(self) -> None:
        """End the connection and its tracks. Idempotent."""
        await self._connection.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _make_transceivers(self, offer: str) -> None:
        """Make ours for each new section of the offer: they name the codecs, which are written as they come."""
        offered = Counter(re.findall(r"^m=(audio|video) ", offer, re.MULTILINE))
        for kind, count in offered.items():
            for _ in range(count - self._sections[kind]):
                transceiver = self._connection.addTransceiver(kind, direction="recvonly")
                transceiver.setCodecPreferences(_codecs(kind))
            self._sections[kind] = max(count, self._sections[kind])

    def _tap_receivers(self) -> None:
        places: Counter[str] = Counter()
        for transceiver in sorted(self._connection.getTransceivers(), key=_line):
            kind, receiver = transceiver.kind, transceiver.receiver
            place = places[kind]
            places[kind] += 1
            if receiver in self._tapped or receiver.track is None:
                continue
            self._tapped.add(receiver)
            if place < len(_KINDS[kind]):
                sink = self._new_sink(_KINDS[kind][place], _CLOCKS[kind])
                _tap(receiver, sink)
                task = asyncio.get_running_loop().create_task(_pump(receiver, sink))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)


def ice_fragment(sdp: str) -> str:
    """Return the ICE user name fragment of a description (RFC 8839 §5.4)."""
    found = re.search(r"^a=ice-ufrag:(\S+)", sdp, re.MULTILINE)
    return found[1] if found else ""


def _codecs(kind: str) -> list[Any]:
    known: Any = RTCRtpReceiver.getCapabilities(kind)
    return [codec for codec in known.codecs if codec.mimeType in {"audio/opus", "video/VP8", "video/rtx"}]


def _line(transceiver: RTCRtpTransceiver) -> int:
    line = transceiver._get_mline_index()
    return 1 << 16 if line is None else int(line)


def _tap(receiver: RTCRtpReceiver, sink: Sink) -> None:
    """Let the sink see packets and reports on their way into the receiver."""
    whole: Any = receiver
    take_packet, take_report = whole._handle_rtp_packet, whole._handle_rtcp_packet

    async def packet_came(packet: RtpPacket, arrival_time_ms: int) -> None:
        if packet.payload:  # those without are padding, whose time is that of an earlier frame
            sink.arrived(packet.timestamp, time.monotonic())
        await take_packet(packet, arrival_time_ms=arrival_time_ms)

    async def report_came(packet: object) -> None:
        if isinstance(packet, RtcpSrPacket):
            info = packet.sender_info
            sink.report(info.rtp_timestamp, info.ntp_timestamp / 2**32 - _NTP_EPOCH_S)
        await take_report(packet)

    whole._handle_rtp_packet, whole._handle_rtcp_packet = packet_came, report_came


async def _pump(receiver: RTCRtpReceiver, sink: Sink) -> None:
    try:
        while True:
            frame: Any = await receiver.track.recv()
            sink.frame(frame.timestamp, frame.data)
    except MediaStreamError:
        pass
    finally:
        sink.end()


# --- in the place of aiortc's own


class _Undecoded:
    """Takes the place of a decoder: passes frames on as they are."""

    def decode(self, frame: Any) -> list[Any]:
        return [frame]


class _UndecodedVideo(_Undecoded):
    """Waits for a key frame first; aiortc asks the sender for one as long as this refuses."""

    def __init__(self) -> None:
        self._begun = False

    def decode(self, frame: Any) -> list[Any]:
        self._begun = self._begun or is_key_frame(frame.data)
        if not self._begun:
            raise UndecodableFrame(1, "no key frame yet")
        return [frame]


class _PlainTimestamps:
    """Takes the place of aiortc's mapper: RTP timestamps as they are."""

    def map(self, timestamp: int) -> int:
        return timestamp


def _undecoded(codec: Any) -> _Undecoded:
    return _UndecodedVideo() if codec.mimeType.lower().startswith("video/") else _Undecoded()


def install() -> None:
    """Replace aiortc's decoders and timestamps, for this whole process."""
    module = cast("Any", aiortc.rtcrtpreceiver)
    module.get_decoder = _undecoded
    module.TimestampMapper = _PlainTimestamps
    module.logger.setLevel(logging.ERROR)  # it warns of each frame before the first key frame
