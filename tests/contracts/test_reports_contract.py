"""By either door, a client may tell any nonsense of its media: it is counted, bounded, and the call goes on."""

from __future__ import annotations

import contextlib
from typing import Any, NamedTuple

import msgspec
import pytest
import pytest_asyncio
from websockets.exceptions import ConnectionClosed

from signaling.core.calls.ledger import MAX_ATTEMPTS, MAX_EVENTS_OF_ONE, MAX_RECORD_BYTES
from signaling.core.calls.record import CallRecord, PairRecord
from signaling.core.connection import MALFORMED_FRAMES
from signaling.core.limits import DIGESTS_AT_ONCE, DROPS_PER_WINDOW, REPORTS_AT_ONCE
from signaling.core.messages import CandidateCounts, PeerStats
from tests.contracts.site import Door, Site, Visitor, until

ROOM = "standup"
SDP = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
PLENTY = pytest.mark.parametrize("signaling_overrides", [{"limits_scale": 100.0}], ids=["plenty"])
NUMBERS = [name for name in PeerStats.__struct_fields__ if name not in {"clientId", "pair", "limitedBy"}]


class Couple(NamedTuple):
    """A host and a guest who are connected, in a call."""

    site: Site
    alice: Visitor
    bob: Visitor

    @property
    def record(self) -> CallRecord:
        """What is written of their call now."""
        timeline = self.site.application.keeper.timeline_of(ROOM)
        assert timeline is not None
        return timeline.record

    @property
    def pair(self) -> PairRecord:
        """What is written of the two."""
        (pair,) = self.record.pairs
        return pair

    def counted(self, result: str) -> float:
        """Return how many reports came to this."""
        return self.site.metric("chatter_client_reports_total", result=result)

    async def goes_on(self) -> None:
        """Make sure that all was read, that nobody was told of it, and that they still hear each other."""
        await self.alice.send("chat", text="still there?")
        for visitor in (self.alice, self.bob):
            await visitor.expect("chat", text="still there?")


@pytest_asyncio.fixture
async def couple(door: Door) -> Couple:
    owner = await door.site.sign_up("olivia")
    await door.site.open_room(ROOM, owner)
    alice, bob = await door.join(ROOM, owner), await door.join(ROOM)
    await alice.expect("presence", action="join", clientId=bob.id)
    for action, sender, receiver in (("offer", alice, bob), ("answer", bob, alice)):
        await sender.send("webrtc", action=action, to=receiver.id, sdp=SDP, connection="c1")
        await receiver.expect("webrtc", action=action)
    for sender, receiver in ((alice, bob), (bob, alice)):
        await sender.send("path", clientId=receiver.id, connection="c1", state="connected", elapsedMs=400)
    made = Couple(door.site, alice, bob)
    await made.goes_on()
    assert (made.pair.outcome, made.counted("invalid")) == ("connected", 0)
    return made


@PLENTY
@pytest.mark.parametrize("nonsense", [-1, -1e-9, 1e12, 1e300])
async def test_impossible_numbers_are_left_out(couple: Couple, nonsense: float) -> None:
    await couple.alice.send("stats", peers=[{"clientId": couple.bob.id} | dict.fromkeys(NUMBERS, nonsense)])
    await couple.alice.send("stats", peers=[{"clientId": couple.bob.id, "rttMs": 80, "freezes": nonsense}])
    forged = dict.fromkeys(("elapsedMs", "gatheringMs", "iceMs"), nonsense)
    await couple.alice.send("path", clientId=couple.bob.id, connection="c1", state="connected", **forged)
    await couple.goes_on()
    assert couple.counted("invalid") == 3
    quality = couple.pair.quality[couple.alice.id]
    assert (quality.digests, quality.rtt_ms, quality.freezes, quality.bitrate_in) == (2, (80.0, 80.0), 0, None)
    assert couple.pair.attempts[0].reports[couple.alice.id].elapsed_ms == 400
    for name, value in (("rtt_seconds_sum", 0.08), ("packet_loss_ratio_sum", 0), ("freezes_total", 0)):
        assert couple.site.metric(f"chatter_client_{name}") == value


@PLENTY
async def test_impossible_counts_are_left_out(couple: Couple) -> None:
    counts = dict.fromkeys(CandidateCounts.__struct_fields__, 10**12)
    wrong: dict[str, Any] = {"local": counts, "remote": counts, "serverErrors": [-1, 10**12, 701]}
    await couple.bob.send("path", clientId=couple.alice.id, connection="c1", state="connected", **wrong)
    await couple.goes_on()
    assert couple.counted("invalid") == 1
    report = couple.pair.attempts[0].reports[couple.bob.id]
    assert (report.local, report.remote, report.server_errors) == (None, None, [701])


@PLENTY
@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "1" + "0" * 400])
async def test_what_is_no_number_in_json_is_refused_by_name(couple: Couple, number: str) -> None:
    for text in (
        '{"type":"stats","peers":[{"clientId":"%s","rttMs":%s}]}',
        '{"type":"path","clientId":"%s","iceMs":%s}',
    ):
        await couple.alice.send_raw(text % (couple.bob.id, number))
        assert (await couple.alice.expect("error"))["code"] in {"bad_json", "bad_frame"}
    await couple.goes_on()
    assert couple.site.metric("chatter_ws_message_rejects_total") == 2 < MALFORMED_FRAMES
    assert couple.pair.quality == {}


@PLENTY
async def test_pairs_that_are_none_are_written_nowhere(couple: Couple) -> None:
    before = len(couple.record.events)
    for stranger in ("nobody", "x" * 64, couple.alice.id):
        await couple.alice.send("stats", peers=[{"clientId": stranger, "rttMs": 80}])
        await couple.alice.send("path", clientId=stranger, connection="c1", state="failed")
    await couple.goes_on()
    assert couple.counted("invalid") == 6
    assert (couple.pair.quality, couple.pair.outcome) == ({}, "connected")
    assert len(couple.record.events) == before
    assert couple.site.metric("chatter_client_rtt_seconds_count") == 0


@PLENTY
async def test_connections_that_nobody_offered_are_written_nowhere(couple: Couple) -> None:
    for number in range(200):
        await couple.alice.send("path", clientId=couple.bob.id, connection=f"forged{number}", state="failed")
    await couple.goes_on()
    assert (len(couple.pair.attempts), couple.pair.outcome) == (1, "connected")


@PLENTY
async def test_beginnings_without_end_are_counted_and_not_kept(couple: Couple) -> None:
    for number in range(200):
        forged = {"connection": f"forged{number}", "state": "new", "reason": "rebuild"}
        await couple.alice.send("path", clientId=couple.bob.id, **forged)
    await couple.goes_on()
    assert (len(couple.pair.attempts), couple.pair.more_attempts) == (MAX_ATTEMPTS, 201 - MAX_ATTEMPTS)
    assert len(msgspec.json.encode(couple.record)) < MAX_RECORD_BYTES / 2


async def test_a_flood_of_digests_is_let_fall(couple: Couple) -> None:
    flood = 30
    for _ in range(flood):
        await couple.alice.send("stats", peers=[{"clientId": couple.bob.id, "rttMs": 80}])
    await couple.goes_on()
    dropped = couple.counted("rate_limited")
    assert flood - DIGESTS_AT_ONCE - 1 <= dropped <= flood - DIGESTS_AT_ONCE
    assert couple.pair.quality[couple.alice.id].digests == flood - dropped


async def test_a_flood_without_end_ends_the_connection_and_its_record_stays_small(couple: Couple) -> None:
    with contextlib.suppress(ConnectionClosed):
        for number in range(4 * (REPORTS_AT_ONCE + DROPS_PER_WINDOW)):
            state = ("failed", "connected")[number % 2]
            await couple.alice.send("path", clientId=couple.bob.id, connection="c1", state=state)
    await until(lambda: couple.site.metric("chatter_ws_closes_total", reason="rate_limited") == 1)
    assert couple.counted("rate_limited") >= DROPS_PER_WINDOW
    assert len(couple.record.events) < 2 * MAX_EVENTS_OF_ONE
    await couple.bob.expect("presence", action="leave", clientId=couple.alice.id)
    await couple.bob.is_caught_up()
