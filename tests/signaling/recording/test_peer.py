"""The recorder's side of a peer connection: what it replaces in aiortc is still there, and offers are answered."""

from __future__ import annotations

import inspect
from typing import Any

import aiortc.rtcrtpreceiver
import pytest
from aiortc import RTCPeerConnection

from signaling.recording.media import UndecodableFrame
from signaling.recording.peer import Peer, _undecoded, ice_fragment
from tests.signaling.recording.call import Picture, Voice


def test_aiortc_still_uses_what_is_replaced() -> None:
    module: Any = aiortc.rtcrtpreceiver
    assert "get_decoder(codec)" in inspect.getsource(module.decoder_worker)
    assert "except av.FFmpegError" in inspect.getsource(module.decoder_worker)
    assert "TimestampMapper()" in inspect.getsource(module.RTCRtpReceiver.__init__)
    for name in ("_handle_rtp_packet", "_handle_rtcp_packet"):
        assert inspect.iscoroutinefunction(getattr(module.RTCRtpReceiver, name))
    assert module.logger.name == "aiortc.rtcrtpreceiver"


def test_pictures_begin_with_a_key_frame() -> None:
    class Codec:
        mimeType = "video/VP8"  # noqa: N815  # aiortc's name

    class Frame:
        data = b"\x01"

    decoder: Any = _undecoded(Codec())
    with pytest.raises(UndecodableFrame):
        decoder.decode(Frame())
    Frame.data = b"\x00"
    assert len(decoder.decode(Frame())) == 1
    Frame.data = b"\x01"
    assert len(decoder.decode(Frame())) == 1


async def test_it_listens_and_sends_nothing() -> None:
    browser = RTCPeerConnection()
    for track in (Voice(440), Picture(64, 64), Picture(64, 64)):
        browser.addTrack(track)
    await browser.setLocalDescription(await browser.createOffer())
    kinds = []
    peer = Peer([], lambda kind, clock: kinds.append((kind, clock)))  # type: ignore[arg-type,return-value]
    answer = await peer.answer(browser.localDescription.sdp)
    assert kinds == [("audio", 48_000), ("video", 90_000), ("screen", 90_000)]
    assert answer.count("a=recvonly") == 3
    assert "a=sendrecv" not in answer
    assert "VP8/90000" in answer
    assert "H264" not in answer
    assert peer.fragment == ice_fragment(browser.localDescription.sdp)
    assert not peer.failed
    await peer.close()
    await peer.close()
    assert peer.failed
    await browser.close()


@pytest.mark.parametrize("rest", ["", "a=mid:0\r\n", "a=ice-ufrag:x\r\na=ice-pwd:y\r\n"])
async def test_a_description_that_is_no_good_is_refused(rest: str) -> None:
    peer = Peer([], lambda kind, clock: None)  # type: ignore[arg-type,return-value]
    with pytest.raises(ValueError, match="offer refused"):
        await peer.answer(f"v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 96\r\n{rest}")
    await peer.close()
