"""Checks of WebSockets: that they come through, and for whose pages."""

from __future__ import annotations

import secrets
import ssl
from typing import TYPE_CHECKING

from api.doctor.certificate import complaint
from api.doctor.findings import Fault, Verdict, failed, ok, reason
from api.doctor.http import shake_hands

if TYPE_CHECKING:
    from api.doctor.deployment import Deployment

_SWITCHED = 101
_FORBIDDEN = 403
_FOREIGN = "https://doctor.invalid"
"""The origin of nobody's pages (RFC 6761 §6.4)."""


async def through_the_proxy(deployment: Deployment) -> Verdict:
    """Open a WebSocket the way browsers do, but as a program: without an origin."""
    status = await _status(deployment, None)
    if status == _SWITCHED:
        return ok(f"opened at {deployment.socket('x')[0].authority}")
    if status in {502, 503, 504}:
        return failed(
            f"The proxy answers {status} to sockets: the gateway behind it does not answer, or is being stopped.",
            "The proxy must send /ws/ to GATEWAY_ADDR (port 8081): infra/nginx/upstreams.conf does.",
        )
    if status == 429:
        return failed("Too many sockets come from this address (429).", "Wait a minute and run this again.")
    return failed(
        f"The proxy does not pass WebSockets on: it answers {status}, not 101.",
        "For /ws/ set: proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "
        "upgrade; as infra/nginx/proxy-websocket.conf does.",
    )


async def origins(deployment: Deployment) -> Verdict:
    """Find out whether pages of this address may open sockets, and pages of others may not."""
    own = await _status(deployment, deployment.origin)
    if own == _FORBIDDEN:
        return failed(
            f"The server refuses sockets to pages of {deployment.origin}: it is not in its list of origins.",
            f"Set BASE_URL={deployment.origin}, or add it to SERVER_CORS_ORIGINS, and start the app anew.",
        )
    if own != _SWITCHED:
        return failed(
            f"A socket from a page of {deployment.origin} is answered {own}.", "Run this again; see the app's log."
        )
    foreign = await _status(deployment, _FOREIGN)
    if foreign != _FORBIDDEN:
        return failed(
            f"Pages of any other site may open sockets: one from {_FOREIGN} is answered {foreign}, not 403.",
            "Let the proxy pass the header Origin on unchanged.",
        )
    return ok(f"pages of {deployment.origin} may open sockets, foreign ones may not")


async def _status(deployment: Deployment, origin: str | None) -> int:
    place, path = deployment.socket(f"doctor-{secrets.token_hex(4)}")
    try:
        answer = await shake_hands(place, f"{path}?v=2", origin)
    except ssl.SSLCertVerificationError as refused:
        raise await complaint(place, refused) from None
    except OSError as error:
        raise Fault(
            f"No socket at {place.authority}: {reason(error)}.",
            "GATEWAY_URL (or BASE_URL) must lead to the proxy, and the proxy to GATEWAY_ADDR.",
        ) from None
    return answer.status
