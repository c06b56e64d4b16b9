"""Why a pair that was connected, at last or at times, heard and saw each other badly: each row whose sign is there."""

from __future__ import annotations

from collections.abc import Callable
from itertools import takewhile

from signaling.core.calls.finding import Before, Cause, Match
from signaling.core.calls.path_causes import judge
from signaling.core.calls.quality import DIGEST_MS
from signaling.core.calls.record import Attempt, PairRecord, Quality
from signaling.core.calls.signs import MediaSigns, path_signs, selected_pairs
from signaling.core.calls.words import duration, percent

HIGH_LOSS = 0.03
"""Of packets, on average: what conversational voice bears (ITU-T G.1010, table I.1)."""
HIGH_RTT_MS = 300.0
"""There and back: twice the 150 ms up to which most conversations are not affected (ITU-T G.114)."""
HIGH_JITTER_MS = 50.0
"""What networks for conversations keep below (ITU-T Y.1541, classes 0 and 1)."""
FEWEST_DIGESTS = 3
"""Half a minute: at first every browser probes, and no average is an average."""
MUCH_FROZEN = 0.05
"""Of the time: a picture that stands still for three seconds in each minute."""
MOSTLY = 0.5
"""Of the digests."""
SILENT_BPS = 1_000
"""Less than keep-alives and reports about nothing take."""
TALKING_BPS = 10_000
"""What speech takes at least: 8 to 12 kbit/s in Opus (RFC 6716 §2.1.1)."""
SLOW_SETUP_MS = 10_000
"""After that people think it does not work (the limit of attention: Nielsen, Usability Engineering, 1993, §5.5)."""

Test = Callable[[Quality], bool]


def _told(pair: PairRecord) -> dict[str, Quality]:
    """Return what each of the two told, where it is enough to judge by."""
    both = {member_id: pair.quality.get(member_id) for member_id in (pair.a, pair.b)}
    return {member_id: told for member_id, told in both.items() if told is not None and told.digests >= FEWEST_DIGESTS}


def _who(signs: MediaSigns, holds: Test) -> tuple[str, ...]:
    return tuple(member_id for member_id, told in _told(signs.pair).items() if holds(told))


def _mean(numbers: tuple[float, float] | None) -> float:
    return numbers[0] if numbers is not None else 0.0


def _one_way(signs: MediaSigns) -> Match | None:
    told = _told(signs.pair)
    who = tuple(
        member_id
        for member_id, own in told.items()
        for other_id, other in told.items()
        if other_id != member_id and _hears_nothing(own, other)
    )
    return Match(who) if who else None


def _hears_nothing(own: Quality, other: Quality) -> bool:
    if own.bitrate_in is None or other.bitrate_out is None:
        return False
    return own.bitrate_in < SILENT_BPS and other.bitrate_out >= TALKING_BPS


def _high_loss(signs: MediaSigns) -> Match | None:
    pair = signs.pair
    losses = {pair.a: _loss_towards(pair, pair.a, pair.b), pair.b: _loss_towards(pair, pair.b, pair.a)}
    who = tuple(member_id for member_id, loss in losses.items() if loss >= HIGH_LOSS)
    worst = max(losses.values())
    return Match(who, percent(worst), size=worst) if who else None


def _loss_towards(pair: PairRecord, receiver: str, sender: str) -> float:
    """Return the mean loss on the way to a member, by its own word, else by what the sender was told (RTCP)."""
    told = _told(pair)
    if receiver in told and told[receiver].loss_in is not None:
        return _mean(told[receiver].loss_in)
    return _mean(told[sender].loss_out) if sender in told else 0.0


def _high_delay(signs: MediaSigns) -> Match | None:
    worst = max((_mean(told.rtt_ms) for told in _told(signs.pair).values()), default=0.0)
    return Match((signs.pair.a, signs.pair.b), f"{worst:.0f} ms", size=worst) if worst >= HIGH_RTT_MS else None


def _high_jitter(signs: MediaSigns) -> Match | None:
    who = _who(signs, lambda told: _mean(told.jitter_ms) >= HIGH_JITTER_MS)
    worst = max((_mean(signs.pair.quality[member_id].jitter_ms) for member_id in who), default=0.0)
    return Match(who, f"{worst:.0f} ms", size=worst) if who else None


def _frozen(signs: MediaSigns) -> Match | None:
    who = _who(signs, lambda told: told.frozen_ms >= MUCH_FROZEN * told.digests * DIGEST_MS)
    longest = max((signs.pair.quality[member_id].frozen_ms for member_id in who), default=0.0)
    return Match(who, duration(longest), size=longest) if who else None


def _cpu_limited(signs: MediaSigns) -> Match | None:
    who = _who(signs, lambda told: told.limited_by_cpu >= MOSTLY * told.digests)
    return Match(who) if who else None


def _bandwidth_limited(signs: MediaSigns) -> Match | None:
    who = _who(signs, lambda told: told.limited_by_bandwidth >= MOSTLY * told.digests)
    return Match(who) if who else None


def _took_long(signs: MediaSigns) -> Match | None:
    pair = signs.pair
    if pair.connected_at is None or not pair.attempts or pair.attempts[0].kind != "initial":
        return None
    took = pair.connected_at - pair.attempts[0].started_at
    return Match((pair.a, pair.b), duration(took), pair.connected_at, took) if took >= SLOW_SETUP_MS else None


def _slow_setup_retried(signs: MediaSigns) -> Match | None:
    slow, before = _took_long(signs), _failed_before(signs)
    return slow._replace(before=before) if slow and before else None


def _slow_setup_turn(signs: MediaSigns) -> Match | None:
    return _took_long(signs) if signs.call.record.turn and not _failed_before(signs) else None


def _slow_setup(signs: MediaSigns) -> Match | None:
    return _took_long(signs) if not signs.call.record.turn and not _failed_before(signs) else None


def _failed_before(signs: MediaSigns) -> Before | None:
    """Return why the attempts before the first path came to nothing; None where there are none that tell."""
    pair = signs.pair
    tried = list(takewhile(lambda attempt: attempt.outcome != "connected", pair.attempts))
    if not tried:
        return None
    path = path_signs(signs.call, PairRecord(a=pair.a, b=pair.b, attempts=tried, outcome=tried[-1].outcome))
    if path is None:
        return None
    found = judge(path)
    return Before(found.cause, found.match)


def _path_recovered(signs: MediaSigns) -> Match | None:
    """Match where media stopped: a restart for a better path, while the old one works, is nothing to tell."""
    gaps = [gap for attempt in signs.pair.attempts if (gap := _gap_before(signs, attempt)) is not None]
    if not gaps:
        return None
    broke_at, back_at = gaps[-1]
    took = back_at - broke_at
    return Match((signs.pair.a, signs.pair.b), duration(took), broke_at, took)


def _gap_before(signs: MediaSigns, attempt: Attempt) -> tuple[int, int] | None:
    """Return when the path broke that this attempt replaced, and when media flowed again."""
    back_at = attempt.settled_at
    if attempt.outcome != "connected" or back_at is None:
        return None
    earlier = [one.settled_at for one in signs.pair.attempts if one.outcome == "connected" and one.settled_at]
    since = max((at for at in earlier if at < back_at), default=back_at)
    broken: dict[str, int] = {}
    for event in signs.call.media_between(signs.pair.a, signs.pair.b):
        if not since < event.at < back_at:
            continue
        if event.kind == "connected":
            broken.pop(event.member, None)
        else:
            broken.setdefault(event.member, event.at)
    return (min(broken.values()), back_at) if broken else None


def _relay_over_tcp(signs: MediaSigns) -> Match | None:
    paths = selected_pairs(signs.pair)
    who = tuple(member_id for member_id, path in paths.items() if path.relayProtocol in ("tcp", "tls"))
    return Match(who) if who else None


MEDIA_CAUSES: tuple[Cause[MediaSigns], ...] = (
    Cause(
        "one_way",
        "degraded",
        "One side received next to nothing while the other sent, over half a minute at least",
        _one_way,
        "{who} heard and saw nothing of what was sent between {pair}.",
        "A firewall drops media one way, or the page could not play it. Reload the page; look at the devices chosen.",
        "Reload the page there and look at the devices chosen. If it stays, try another network, or without the VPN.",
    ),
    Cause(
        "path_recovered",
        "degraded",
        "A path broke, and an ICE restart or a new connection found another",
        _path_recovered,
        "The path between {pair} broke and was replaced after {value}.",
        "A change of network is normal. If it happens again and again, look at the Wi-Fi or the VPN.",
        "A change of network is normal. If it happens again and again, look at the Wi-Fi or the VPN.",
    ),
    Cause(
        "slow_setup_retried",
        "degraded",
        "From the first offer to the path took 10 s or more, and an attempt before came to nothing",
        _slow_setup_retried,
        "{before} It took {value} until they were connected.",
        "{advice_before}",
        "{host_advice_before}",
    ),
    Cause(
        "slow_setup_turn",
        "degraded",
        "From the first offer to the path took 10 s or more; nothing failed before, and TURN is configured",
        _slow_setup_turn,
        "It took {value} until {pair} were connected.",
        "Run `chatter turn check`: a TURN server that answers late, or only over TCP, is the usual reason.",
        "Try another network, or without the VPN. If it happens again, {operator}.",
    ),
    Cause(
        "slow_setup",
        "degraded",
        "From the first offer to the path took 10 s or more; nothing failed before, and no TURN is configured",
        _slow_setup,
        "It took {value} until {pair} were connected.",
        "See when the answer came: a page, a computer or a line that is busy is the usual reason.",
        "Close other programs and tabs, stop downloads, or try another network.",
    ),
    Cause(
        "high_loss",
        "degraded",
        "3 % of packets or more were lost on average (ITU-T G.1010)",
        _high_loss,
        "Between {pair}, packets were lost on the way to {who}: {value} on average.",
        "Wi-Fi far from its router, or a full line. A cable, or less video, helps.",
        "Wi-Fi far from its router, or a full line. A cable, less video, or another network helps.",
    ),
    Cause(
        "high_delay",
        "degraded",
        "300 ms or more there and back on average (twice the 150 ms of ITU-T G.114)",
        _high_delay,
        "Sound and picture between {pair} took {value} there and back on average: they will have talked at once.",
        "Over TURN, put a relay nearer to them; otherwise it is distance, a VPN, or a line that is full.",
        "Try it without the VPN, and without downloads at the same time. If it stays, {operator}.",
    ),
    Cause(
        "high_jitter",
        "degraded",
        "50 ms of jitter or more on average (ITU-T Y.1541)",
        _high_jitter,
        "Between {pair}, packets came unevenly to {who}: {value} of jitter on average.",
        "Usually Wi-Fi or a line that is shared with downloads. A cable helps.",
        "Usually Wi-Fi, or a line that is shared with downloads. A cable helps.",
    ),
    Cause(
        "cpu_limited",
        "degraded",
        "In at least half of the digests the browser held its picture back for lack of CPU",
        _cpu_limited,
        "The computer of {who} was too slow to send its picture as it should (in the call between {pair}).",
        "Close other programs and tabs there; on battery, plug it in.",
        "Close other programs and tabs there; on battery, plug it in.",
    ),
    Cause(
        "bandwidth_limited",
        "degraded",
        "In at least half of the digests the browser held its picture back for lack of bandwidth",
        _bandwidth_limited,
        "The line of {who} was too narrow to send its picture as it should (in the call between {pair}).",
        "Turn the camera off, or look at what else uses the line. On a relay, look at its max-bps.",
        "Turn the camera off, or look at what else uses the line.",
    ),
    Cause(
        "frozen",
        "degraded",
        "The picture stood still for 5 % of the time or more",
        _frozen,
        "Between {pair}, the picture froze for {who}: {value} in all.",
        "With no loss told beside it, the sender's or receiver's computer was too slow.",
        "Close other programs and tabs on both computers; less video helps too.",
    ),
    Cause(
        "relay_over_tcp",
        "note",
        "The path goes over a relay that is reached by TCP or TLS",
        _relay_over_tcp,
        "Between {pair}, {who} reached the relay over TCP or TLS only: the network blocks UDP.",
        "It works, with more delay when packets are lost. If the network is yours, let UDP to the TURN server pass.",
        "It works, with more delay when packets are lost. Another network may be quicker.",
    ),
)
