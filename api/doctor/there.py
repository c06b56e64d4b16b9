"""Checks of the way in: the name, the certificate, the proxy, and what it tells the server."""

from __future__ import annotations

import asyncio
import email.utils
import ipaddress
import socket
import ssl
from typing import TYPE_CHECKING

import msgspec

from api.doctor.certificate import complaint, validity
from api.doctor.findings import Fault, Verdict, failed, ok, skipped, warning
from api.doctor.http import Answer, connected, get
from api.doctor.seen import HEADER, PATH, Questions, Seen

if TYPE_CHECKING:
    from api.doctor.deployment import Deployment
    from api.doctor.http import Place

_LATE_SHARE = 0.2
"""What is left of a certificate's life when it should have been renewed long ago: certbot does so at a third."""
_DAY_S = 86_400
_SLIGHT_S, _GRAVE_S = 5.0, 60.0
"""Nodes must agree to within a few seconds; credentials for relays hold ten minutes."""
_MADE_UP = "192.0.2.1"
"""An address of nobody (RFC 5737)."""
_BEHIND_FIX = "docker compose -f docker-compose.prod.yaml ps, and logs app-1 app-2, say how the app is."
_RECORD_FIX = "Let the A and AAAA records lead to this machine and to no other; it takes up to their TTL."


async def name(deployment: Deployment) -> Verdict:
    """Resolve the name; compare with the expected addresses where some are given."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            deployment.host, deployment.port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP
        )
    except OSError as error:
        raise Fault(f"There is no address for {deployment.host}: {error.strerror}.", _RECORD_FIX) from None
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    strange = [address for address in addresses if deployment.expected and address not in deployment.expected]
    if strange:
        wanted = ", ".join(sorted(deployment.expected))
        return failed(f"{deployment.host} leads to {', '.join(strange)}, not to {wanted}.", _RECORD_FIX)
    deployment.addresses = addresses
    return ok(f"{deployment.host} is {', '.join(addresses)}")


async def connection(deployment: Deployment) -> Verdict:
    """Connect to every address of the name."""
    troubles = {place.address: await _trouble(place) for place in deployment.places()}
    far = [address for address, trouble in troubles.items() if trouble == "unreachable"]
    deployment.addresses = [address for address, trouble in troubles.items() if trouble is None]
    bad = {address: trouble for address, trouble in troubles.items() if trouble not in {None, "unreachable"}}
    if bad or not deployment.addresses:
        address, trouble = next(iter((bad or troubles).items()))
        return failed(
            f"Nothing answers at {address} port {deployment.port}: {trouble}.",
            f"Start the proxy (docker compose -f docker-compose.prod.yaml up -d nginx) and open port {deployment.port} "
            f"in the firewall. {_RECORD_FIX}",
        )
    if far:
        return warning(
            f"{', '.join(far)} cannot be reached from here: this machine, or this container, has no such network.",
            "Look at this address from elsewhere, or drop its record if the server has none.",
        )
    return ok(f"port {deployment.port} is open at {', '.join(deployment.addresses)}")


async def _trouble(place: Place) -> str | None:
    try:
        async with connected(place._replace(tls=None)):
            return None
    except TimeoutError:
        return "no answer"
    except OSError as error:
        network = ipaddress.ip_address(place.address.partition("%")[0])
        if network.version == 6 and not isinstance(error, ConnectionError):
            return "unreachable"
        return error.strerror or type(error).__name__


async def certificate(deployment: Deployment) -> Verdict:
    """Look at the certificate that each address shows."""
    if not deployment.secure:
        return skipped("the address begins with http://")
    left = [await _days_left(deployment, place) for place in deployment.places()]
    days, share = min(left)
    if share < _LATE_SHARE:
        return warning(
            f"The certificate ends in {days:.0f} days and was not renewed.",
            "See why: docker compose -f docker-compose.prod.yaml logs certbot (port 80 must be open).",
        )
    return ok(f"good for {days:.0f} more days")


async def _days_left(deployment: Deployment, place: Place) -> tuple[float, float]:
    try:
        async with connected(place) as (_, writer):
            begins, ends = validity(writer.get_extra_info("ssl_object").getpeercert())
    except ssl.SSLCertVerificationError as refused:
        raise await complaint(place, refused) from None
    except OSError as error:
        raise Fault(
            f"{place.address} does not speak TLS on port {place.port}: {_words(error)}.",
            "Let the proxy listen with `ssl` there, and give the address with its port.",
        ) from None
    left = ends - deployment.clock()
    return left / _DAY_S, left / (ends - begins)


async def server(deployment: Deployment) -> Verdict:
    """Find out whether it is this installation that answers under the name, at each address."""
    for place in deployment.places():
        deployment.seen = await _ask(deployment, place)
    seen = deployment.seen
    if seen is None:
        raise Fault("No address is left to ask.", _RECORD_FIX)
    troubles = [f"{part}: {result.problem}" for part, result in seen.checks.items() if not result.ok]
    if any(not result.ok and result.required for result in seen.checks.values()):
        return failed(f"The server says that it is not ready: {', '.join(troubles)}.", _BEHIND_FIX)
    if troubles:
        return warning(f"The server says: {', '.join(troubles)}.", _BEHIND_FIX)
    from api.app import VERSION

    if seen.version != VERSION:
        return warning(
            f"The server runs version {seen.version}, this command is {VERSION}.", "Bring both to one: scripts/deploy."
        )
    return ok(f"this installation, node {seen.node}, ready")


async def _ask(deployment: Deployment, place: Place, forwarded_for: str | None = None) -> Seen:
    questions = Questions(deployment.settings.auth.secret, deployment.clock)
    headers = {HEADER: questions.sign(), **({"X-Forwarded-For": forwarded_for} if forwarded_for else {})}
    try:
        answer = await get(place, PATH, headers)
    except OSError as error:
        raise Fault(f"{place.address} does not answer: {_words(error)}.", _BEHIND_FIX) from None
    if answer.status != 200:
        raise _stranger(place, answer)
    try:
        seen = msgspec.json.decode(answer.body, type=Seen)
    except msgspec.DecodeError:
        raise Fault(f"{place.address} answers with something else than Chatter does.", _RECORD_FIX) from None
    _note_clocks(deployment, answer, seen)
    return seen


def _words(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return getattr(error, "reason", None) or error.strerror or str(error) or type(error).__name__


def _stranger(place: Place, answer: Answer) -> Fault:
    if answer.status in {502, 503, 504}:
        return Fault(
            f"The proxy at {place.address} answers {answer.status}: the app behind it does not.",
            f"{_BEHIND_FIX} The proxy must reach it at SERVER_ADDR (port 8080).",
        )
    if answer.status == 429:
        return Fault("The server limits what comes from this address (429).", "Wait a minute and run this again.")
    if answer.status == 404 and b'"code":"not_found"' in answer.body:
        return Fault(
            f"Another Chatter answers at {place.address}, or this one with another AUTH_SECRET.",
            f"{_RECORD_FIX} If it is the right one, run this with its settings (… exec app-1 chatter doctor).",
        )
    return Fault(f"Something else answers at {place.address}: {answer.summary}.", _RECORD_FIX)


def _note_clocks(deployment: Deployment, answer: Answer, seen: Seen) -> None:
    now = deployment.clock()
    deployment.offsets["the server"] = seen.time / 1000 - now
    date = email.utils.parsedate_to_datetime(answer.headers["Date"]) if "Date" in answer.headers else None
    if date is not None:
        deployment.offsets["the proxy (its Date header)"] = date.timestamp() + 0.5 - now  # it counts whole seconds


async def clock(deployment: Deployment) -> Verdict:
    """Compare this machine's clock with those of the proxy, the server and the database."""
    if not deployment.offsets:
        return skipped("neither the server nor the database said what time it is")
    part, offset = max(deployment.offsets.items(), key=lambda found: abs(found[1]))
    if abs(offset) < _SLIGHT_S:
        return ok(f"all within {max(1, round(abs(offset)))} s: {', '.join(deployment.offsets)}")
    direction = "ahead of" if offset > 0 else "behind"
    verdict = failed if abs(offset) >= _GRAVE_S else warning
    return verdict(
        f"The clock of {part} is {abs(offset):,.0f} s {direction} this machine's.",
        "Set both by NTP: timedatectl set-ntp true (or install chrony), then timedatectl status.",
    )


async def proxy_headers(deployment: Deployment) -> Verdict:
    """Find out whom the server takes for the client, also when the client lies about it."""
    if not deployment.secure:
        return skipped("there is no proxy: the address begins with http://")
    honest = await _ask(deployment, deployment.places()[0])
    lied = await _ask(deployment, deployment.places()[0], _MADE_UP)
    set_header = "Let the proxy set X-Forwarded-For to the client's address alone: infra/nginx/proxy.conf does."
    if lied.address == _MADE_UP:
        return failed(
            "The server believes what clients write into X-Forwarded-For: limits and bans mean nothing.", set_header
        )
    if honest.hops == 0:
        return failed(
            "The proxy passes no X-Forwarded-For: all visitors count as one, and share its limits and bans.",
            f"{set_header} Then TRUSTED_HOPS=1.",
        )
    if honest.trusted_hops == 0:
        return failed("TRUSTED_HOPS is 0 behind a proxy: all visitors count as one.", "Set TRUSTED_HOPS=1.")
    if honest.trusted_hops != honest.hops:
        return failed(
            f"TRUSTED_HOPS is {honest.trusted_hops}, but {honest.hops} addresses stand in X-Forwarded-For.",
            f"Set TRUSTED_HOPS to the number of proxies in a row. {set_header}",
        )
    if honest.scheme != "https":
        return warning(
            f"The proxy says X-Forwarded-Proto: {honest.scheme or '(nothing)'} for a visit by https.",
            "proxy_set_header X-Forwarded-Proto https; as in infra/nginx/proxy.conf.",
        )
    return ok(f"the server takes {honest.address} for this client, and no client's word for it")
