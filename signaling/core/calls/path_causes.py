"""Why a pair found no path, or lost it: the first row whose sign is there is the one that is told."""

from __future__ import annotations

from collections.abc import Callable

from signaling.core.calls.finding import Cause, Found, Match
from signaling.core.calls.signs import PathSigns, Side, total

# Error codes of `icecandidateerror`: STUN and TURN (RFC 8489 §14.8, RFC 8656 §19), and the browser's own (W3C WebRTC
# §4.8.1.3). Browsers tell 701 of every interface without a way to the server, so it counts only where no relay came.
_REFUSED = (401, 403, 438)
_FULL = (486, 508)
_NO_ANSWER = (701,)


def judge(signs: PathSigns) -> Found:
    """Return why a pair has no path: the first cause that applies."""
    matches = ((cause, cause.applies(signs)) for cause in PATH_CAUSES)
    cause, match = next((cause, match) for cause, match in matches if match is not None)
    return Found(cause, match._replace(at=signs.at), (signs.pair.a, signs.pair.b))


def _who(signs: PathSigns, holds: Callable[[Side], bool]) -> Match | None:
    who = tuple(side.id for side in signs.sides if holds(side))
    return Match(who) if who else None


def _pair(signs: PathSigns, holds: bool) -> Match | None:
    return Match((signs.pair.a, signs.pair.b)) if holds else None


def _path_not_kept(signs: PathSigns) -> Match | None:
    return _pair(signs, not signs.held)


def _path_broke(signs: PathSigns) -> Match | None:
    return _pair(signs, signs.broke)


def _gone_before_answer(signs: PathSigns) -> Match | None:
    gone = not signs.answered and signs.answerer in signs.gone
    return Match((signs.answerer,)) if gone else None


def _gone_before_path(signs: PathSigns) -> Match | None:
    return Match(signs.gone) if signs.gone else None


def _no_offer(signs: PathSigns) -> Match | None:
    return _pair(signs, not signs.answered and not signs.attempt.offered_by)


def _restart_unanswered(signs: PathSigns) -> Match | None:
    return Match((signs.answerer,)) if signs.worked_before and not signs.answered else None


def _never_answered(signs: PathSigns) -> Match | None:
    return Match((signs.answerer,)) if not signs.answered else None


def _dtls_failed(signs: PathSigns) -> Match | None:
    return _who(signs, lambda side: side.ice_done)


def _turn_refused(signs: PathSigns) -> Match | None:
    return _who(signs, lambda side: signs.record.turn and not side.has_relay and side.was_told(*_REFUSED))


def _turn_full(signs: PathSigns) -> Match | None:
    return _who(signs, lambda side: signs.record.turn and not side.has_relay and side.was_told(*_FULL))


def _no_candidates(signs: PathSigns) -> Match | None:
    return _who(signs, lambda side: side.local is not None and total(side.local) == 0)


def _candidates_lost(signs: PathSigns) -> Match | None:
    one, other = signs.sides
    return _who(signs, lambda side: _never_arrived(side, other if side is one else one))


def _no_candidates_seen(signs: PathSigns) -> Match | None:
    return _pair(signs, all(side.local is None for side in signs.sides))


def _never_arrived(side: Side, other: Side) -> bool:
    """Tell whether none of a side's candidates came to the other; foreign clients send theirs inside the SDP."""
    known = other.report.remote if other.report else None
    if side.relayed is not None or (known is not None and total(known) > 0):
        return False
    return known is not None or side.local is not None


def _relay_one_side(signs: PathSigns) -> Match | None:
    one, other = signs.sides
    if not signs.record.turn or one.has_relay == other.has_relay:
        return None
    return _who(signs, lambda side: side.lacks_relay)


def _turn_unreachable(signs: PathSigns) -> Match | None:
    return _who(signs, lambda side: signs.record.turn and side.lacks_relay and side.was_told(*_NO_ANSWER))


def _no_relay(signs: PathSigns) -> Match | None:
    return _who(signs, lambda side: signs.record.turn and side.lacks_relay)


def _restart_unfinished(signs: PathSigns) -> Match | None:
    return _pair(signs, signs.worked_before)


def _relay_blocked(signs: PathSigns) -> Match | None:
    return _pair(signs, signs.record.turn and all(side.has_relay for side in signs.sides))


def _without_turn(signs: PathSigns) -> bool:
    return not signs.record.turn and not any(side.has_relay for side in signs.sides)


def _stun_unreachable(signs: PathSigns) -> Match | None:
    if not signs.record.stun or not _without_turn(signs):
        return None
    return _who(signs, lambda side: side.host_only and side.was_told(*_NO_ANSWER))


def _no_turn_host_only(signs: PathSigns) -> Match | None:
    return _pair(signs, _without_turn(signs) and all(side.host_only for side in signs.sides))


def _no_turn(signs: PathSigns) -> Match | None:
    return _pair(signs, _without_turn(signs))


def _no_path(signs: PathSigns) -> Match | None:
    return _pair(signs, True)


PATH_CAUSES: tuple[Cause[PathSigns], ...] = (
    Cause(
        "path_not_kept",
        "failed",
        "No path in the end, and the record had no place for the attempt that came to nothing",
        _path_not_kept,
        "No path between {pair}, or it was lost; what they tried is not in the record.",
        "The call was too large for a record. Look at what is told of the others: it is likely the same.",
        "The call was very large. Look at what is told of the others: it is likely the same.",
    ),
    Cause(
        "path_broke",
        "failed",
        "A browser reported that a path which had worked failed; both were still there, and no new attempt followed",
        _path_broke,
        "The path between {pair} broke, and neither side looked for another.",
        "Look at their networks at that time. If it happens often, ask which browser and version they use.",
        "Reload the page there. If it happens again, try another network, or without the VPN.",
    ),
    Cause(
        "gone_before_answer",
        "failed",
        "No answer to the offer, and the one who was to answer had lost the signaling connection or vanished",
        _gone_before_answer,
        "{who} was gone before answering {other}: the connection to the server broke, or the browser ended.",
        "Nothing to mend on the server if it is one person. Ask whether their page was closed or their network broke.",
        "Ask whether the page of {who} was closed or the network broke there, and join again.",
    ),
    Cause(
        "gone_before_path",
        "failed",
        "One of the two had lost the signaling connection or vanished when the attempt ended",
        _gone_before_path,
        "{who} was gone before a path between {pair} was found.",
        "Ask whether the page was closed, the computer slept, or the network broke at that time.",
        "Ask whether the page was closed, the computer slept, or the network broke, and join again.",
    ),
    Cause(
        "no_offer",
        "failed",
        "An attempt began, but no offer passed the server",
        _no_offer,
        "No offer between {pair} reached the server.",
        "Reload both pages. If it stays, see whether an extension of a browser blocks WebRTC.",
        "Reload both pages. If it stays, try it without extensions of the browser, or another browser.",
    ),
    Cause(
        "restart_unanswered",
        "failed",
        "Connected before; the offer of the ICE restart or new connection was not answered though the other was there",
        _restart_unanswered,
        "The path between {pair} broke, and the ICE restart to mend it never completed: {who} did not answer.",
        "The page of {who} hung, or the browser froze its tab. Reload it; ask for the browser's version.",
        "Reload the page of {who}. If it happens again, update the browser there.",
    ),
    Cause(
        "never_answered",
        "failed",
        "No answer to the offer, though the other was there",
        _never_answered,
        "{who} did not answer {other}, though the connection to the server was there.",
        "The page hung, or it is a client that cannot do WebRTC. Reload it; try another browser.",
        "Reload the page of {who}, or try another browser there.",
    ),
    Cause(
        "dtls_failed",
        "failed",
        "ICE was connected on one side at least, the peer connection was not",
        _dtls_failed,
        "A path between {pair} was found, but the encryption (DTLS) over it was not set up.",
        "A firewall drops DTLS or large UDP packets, or the clock of a computer is far off. Try it without the VPN.",
        "Try another network, or without the VPN; see that the clocks of both computers are right.",
    ),
    Cause(
        "turn_refused",
        "failed",
        "TURN configured, no relay candidate, and error 401, 403 or 438",
        _turn_refused,
        "{no_path}: the TURN server refused the credentials of {who}.",
        "Run `chatter turn check`. TURN_SECRET and coturn's static-auth-secret must be equal, both clocks right.",
        "Nobody in the call can mend this: {operator}. Another network may help until then.",
    ),
    Cause(
        "turn_full",
        "failed",
        "TURN configured, no relay candidate, and error 486 or 508",
        _turn_full,
        "{no_path}: the TURN server had no relay left for {who}.",
        "Raise user-quota, total-quota or the range of relay ports of coturn.",
        "Nobody in the call can mend this: {operator}. Another network may help until then.",
    ),
    Cause(
        "no_candidates",
        "failed",
        "A browser gathered no candidate at all",
        _no_candidates,
        "{no_path}: the browser of {who} offered no address to reach it at.",
        "A policy, an extension or a VPN hides all networks from WebRTC (or there is none). Try another browser.",
        "Try another browser or network for {who}, without the VPN and without extensions.",
    ),
    Cause(
        "candidates_lost",
        "failed",
        "None of one side's candidates passed the server, and the other side knows none",
        _candidates_lost,
        "{no_path}: the candidates of {who} did not arrive.",
        "The connection to the server broke at that moment, or the client sends none. Reload the page and try again.",
        "Reload the page of {who} and try again.",
    ),
    Cause(
        "no_candidates_seen",
        "failed",
        "Answered, but not one candidate of either side passed the server, and no browser told of any",
        _no_candidates_seen,
        "{no_path}: not one candidate of theirs passed the server.",
        "A policy hides networks, or allows only relays while TURN gives none: run `chatter turn check`; try without.",
        "Reload both pages. If it stays, try another browser, without the VPN and without extensions.",
    ),
    Cause(
        "relay_one_side",
        "failed",
        "TURN configured; one side has a relay candidate, the other has none",
        _relay_one_side,
        "{no_path}: {other} reached the TURN server, {who} did not.",
        "The network of {who} blocks it, often all UDP. Offer TURN over TLS on port 443: turns:…:443?transport=tcp.",
        "The network of {who} lets little through: try another there, such as a phone's. Else {operator}.",
    ),
    Cause(
        "turn_unreachable",
        "failed",
        "TURN configured, no relay candidate on either side, and error 701 (no answer)",
        _turn_unreachable,
        "{no_path}: the TURN server did not answer {who}.",
        "Run `chatter turn check`. Does coturn run, does its name lead to it, do the firewalls pass its ports?",
        "Try another network, such as a phone's. If it fails there too, {operator}.",
    ),
    Cause(
        "no_relay",
        "failed",
        "TURN configured, no relay candidate on either side, and no error told",
        _no_relay,
        "{no_path}: TURN is configured, but gave {who} no relay.",
        "Run `chatter turn check`; let {who} run “Test your connection” on the page before the call.",
        "Let {who} run “Test your connection” on the page before the call, or try another network. Else {operator}.",
    ),
    Cause(
        "restart_unfinished",
        "failed",
        "Connected before; the ICE restart or new connection was answered, but ended without a path",
        _restart_unfinished,
        "The path between {pair} broke, and the ICE restart to mend it never completed.",
        "Someone changed to a network that lets nothing through. A TURN server over TLS on port 443 mostly helps.",
        "Reload the page after a change of network. If the new one lets nothing through, try another.",
    ),
    Cause(
        "relay_blocked",
        "failed",
        "TURN configured, both sides have relay candidates, still no path",
        _relay_blocked,
        "{no_path}, although {both} reached the TURN server: it does not pass data between its relays.",
        "Run `chatter turn check`. Open min-port to max-port UDP; check external-ip and denied-peer-ip of coturn.",
        "Nobody in the call can mend this: {operator}. Another network may help until then.",
    ),
    Cause(
        "stun_unreachable",
        "failed",
        "STUN but no TURN configured; host candidates only, and error 701 (no answer)",
        _stun_unreachable,
        "{no_path}: the STUN server did not answer {who}, and no TURN server is configured.",
        "Check STUN_URLS and that UDP reaches it. Set up TURN: it helps where STUN cannot.",
        "Try another network, such as a phone's, or all of you the same one. Else {operator}.",
    ),
    Cause(
        "no_turn_host_only",
        "failed",
        "No TURN configured, host candidates only on both sides",
        _no_turn_host_only,
        "{no_path}: {both} only offered host candidates and no TURN server is configured.",
        "Set up TURN (docs/turn.md), with STUN beside it.",
        "Try another network, such as a phone's, or all of you the same one. If that is no way, {operator}.",
    ),
    Cause(
        "no_turn",
        "failed",
        "No TURN configured, and none of the above",
        _no_turn,
        "{no_path}: their networks let nothing through directly, and no TURN server is configured.",
        "Set up TURN (docs/turn.md); about one call in ten needs it.",
        "Try another network, such as a phone's, or all of you the same one. If that is no way, {operator}.",
    ),
    Cause(
        "no_path",
        "failed",
        "None of the above",
        _no_path,
        "{no_path}. What they tried is not known.",
        "Let them run “Test your connection” on the page before the call.",
        "Let them run “Test your connection” on the page before the call. If it fails there, {operator}.",
    ),
)
