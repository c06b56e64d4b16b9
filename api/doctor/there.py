"""Checks of the way in: the name, the certificate, the proxy, and what it tells the server."""

from __future__ import annotations

import asyncio
import email.utils
import ipaddress
import socket
import ssl
from typing import TYPE_CHECKING

import msgspec

from api.doctor import clock
from api.doctor.certificate import complaint, validity
from api.doctor.findings import IN_PRODUCTION, RECORD_FIX, Fault, Verdict, failed, ok, reason, skipped, warning
from api.doctor.http import Answer, connected, get
from api.doctor.seen import HEADER, PATH, TTL_S, Questions, Seen
from api.version import VERSION

if TYPE_CHECKING:
    from api.doctor.deployment import Deployment
    from api.doctor.http import Place

_LATE_SHARE = 0.2
"""What is left of a certificate's life when it should have been renewed long ago: certbot does so at a third."""
_DAY_S = 86_400
_PROXY = "the proxy (its Date header)"
_MADE_UP = "192.0.2.1"
"""An address of nobody (RFC 5737)."""
_NOT_ASKED = "AUTH_SECRET is not set here, and only who holds it may ask"
_BEHIND_FIX = "docker compose ps, and logs app-1 app-2, say how the app is."


async def name(deployment: Deployment) -> Verdict:
    """Resolve the name; compare with the expected addresses where some are given."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            deployment.host, deployment.port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP
        )
    except OSError as error:
        raise Fault(f"There is no address for {deployment.host}: {error.strerror}.", RECORD_FIX) from None
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    led_to = {ipaddress.ip_address(address) for address in addresses}
    if deployment.expected and led_to != deployment.expected:
        wanted = ", ".join(sorted(map(str, deployment.expected)))
        return failed(f"{deployment.host} leads to {', '.join(addresses)}, not to {wanted}.", RECORD_FIX)
    deployment.addresses = addresses
    return ok(f"{deployment.host} is {', '.join(addresses)}")


async def connection(deployment: Deployment) -> Verdict:
    """Connect to every address of the name."""
    places = deployment.places()
    found = await asyncio.gather(*map(_trouble, places))
    troubles = {place.address: trouble for place, trouble in zip(places, found, strict=True)}
    far = [address for address, trouble in troubles.items() if trouble == "unreachable"]
    deployment.addresses = [address for address, trouble in troubles.items() if trouble is None]
    bad = {address: trouble for address, trouble in troubles.items() if trouble not in {None, "unreachable"}}
    if bad or not deployment.addresses:
        address, trouble = next(iter((bad or troubles).items()))
        return failed(
            f"Nothing answers at {address} port {deployment.port}: {trouble}.",
            f"Start the proxy (docker compose up -d --no-deps nginx) and open port {deployment.port} "
            f"in the firewall.{'' if address == deployment.host else f' {RECORD_FIX}'}",
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
    except OSError as error:
        if ":" in place.address and not isinstance(error, ConnectionError | TimeoutError):
            return "unreachable"
        return reason(error)


async def certificate(deployment: Deployment) -> Verdict:
    """Look at the certificate that each address shows."""
    if not deployment.secure:
        return skipped("the address begins with http://")
    left = await asyncio.gather(*(_days_left(deployment, place) for place in deployment.places()))
    days, share = min(left)
    if share < _LATE_SHARE:
        return warning(
            f"The certificate ends in {days:.0f} days and was not renewed.",
            "See why: docker compose logs certbot (port 80 must be open).",
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
            f"{place.address} does not speak TLS on port {place.port}: {reason(error)}.",
            "Let the proxy listen with `ssl` there, and give the address with its port.",
        ) from None
    left = ends - deployment.clock()
    return left / _DAY_S, left / (ends - begins)


async def server(deployment: Deployment) -> Verdict:
    """Find out whether it is this installation that answers under the name, at each address."""
    if not deployment.secret:
        return skipped(_NOT_ASKED)
    seen = (await asyncio.gather(*(_ask(deployment, place) for place in deployment.places())))[-1]
    troubles = [f"{part}: {result.problem}" for part, result in seen.checks.items() if not result.ok]
    if any(not result.ok and result.required for result in seen.checks.values()):
        return failed(f"The server says that it is not ready: {', '.join(troubles)}.", _BEHIND_FIX)
    if troubles:
        return warning(f"The server says: {', '.join(troubles)}.", _BEHIND_FIX)
    if seen.version != VERSION:
        return warning(
            f"The server runs version {seen.version}, this command is {VERSION}.", "Bring both to one: scripts/deploy."
        )
    return ok(f"this installation, node {seen.node}, ready{_beside(seen)}")


def _beside(seen: Seen) -> str:
    return f"; it hears {', '.join(seen.others)}" if seen.others else ""


async def _ask(deployment: Deployment, place: Place, forwarded_for: str | None = None) -> Seen:
    questions = Questions(deployment.settings.auth.secret, deployment.clock)
    proof = questions.sign()
    headers = {HEADER: proof, **({"X-Forwarded-For": forwarded_for} if forwarded_for else {})}
    try:
        answer = await get(place, PATH, headers)
    except OSError as error:
        raise Fault(f"{place.address} does not answer: {reason(error)}.", _BEHIND_FIX) from None
    _note_date(deployment, answer)
    if answer.status != 200:
        raise _stranger(deployment, place, answer)
    if not questions.is_answered(proof, answer.headers.get(HEADER, ""), answer.body):
        raise Fault(f"What answers at {place.address} cannot prove that it holds AUTH_SECRET.", RECORD_FIX)
    try:
        seen = msgspec.json.decode(answer.body, type=Seen)
    except msgspec.DecodeError:
        raise Fault(
            f"{place.address} answers as another version of Chatter does.", "Run the doctor of that version."
        ) from None
    deployment.offsets[f"node {seen.node}"] = seen.time / 1000 - deployment.clock()
    return seen


def _stranger(deployment: Deployment, place: Place, answer: Answer) -> Fault:
    if answer.status in {502, 503, 504}:
        return Fault(
            f"The proxy at {place.address} answers {answer.status}: the app behind it does not.",
            f"{_BEHIND_FIX} The proxy must reach it at SERVER_ADDR (port 8080).",
        )
    if answer.status == 429:
        return Fault("The server limits what comes from this address (429).", "Wait a minute and run this again.")
    if answer.status == 404 and b'"code":"not_found"' in answer.body:
        offset = deployment.offsets.get(_PROXY, 0.0)
        if abs(offset) > TTL_S - clock.GRAVE_S:
            return Fault(
                f"The clock at {place.address} is {abs(offset) / 3600:,.0f} hours off this machine's: "
                "it takes no proof of who asks.",
                clock.FIX,
            )
        return Fault(
            f"Another Chatter answers at {place.address}, or this one with another AUTH_SECRET or of an older version.",
            f"{RECORD_FIX} If it is the right one, run this with its settings ({IN_PRODUCTION}), in its version.",
        )
    to = answer.headers.get("Location", "")
    if 300 <= answer.status < 400 and to:
        return Fault(
            f"{place.address} sends people on to {to}: {answer.summary}.",
            f"If that is yours, look there: --url {_origin(to) or deployment.origin}. Else: {RECORD_FIX}",
        )
    return Fault(f"Something else answers at {place.address}: {answer.summary}.", RECORD_FIX)


def _origin(url: str) -> str:
    return "/".join(url.split("/")[:3]) if "://" in url else ""


def _note_date(deployment: Deployment, answer: Answer) -> None:
    try:
        date = email.utils.parsedate_to_datetime(answer.headers.get("Date", ""))
    except ValueError:  # none, or not one
        return
    deployment.offsets[_PROXY] = date.timestamp() + 0.5 - deployment.clock()  # it counts whole seconds


async def proxy_headers(deployment: Deployment) -> Verdict:
    """Find out whom the server takes for the client, also when the client lies about it."""
    if not deployment.secure:
        return skipped("there is no proxy: the address begins with http://")
    if not deployment.secret:
        return skipped(_NOT_ASKED)
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
