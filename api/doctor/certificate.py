"""What is wrong with a certificate, for people."""

from __future__ import annotations

import ssl
from typing import Any, NamedTuple

from api.doctor.findings import RECORD_FIX, Fault
from api.doctor.http import Place, connected

FALLBACK_NAME = "Chatter has no certificate yet"
"""What `infra/tls/certificate` calls the one that it signs itself."""
_EXPIRED, _NOT_YET_VALID = 10, 9
_SELF_SIGNED, _NO_ISSUER, _NO_CHAIN = 18, 20, 21
_OTHER_NAME, _OTHER_ADDRESS = 62, 64
"""OpenSSL's X509_V_ERR_…"""
_NO_CHECK_TIME = 0x200000
"""OpenSSL's X509_V_FLAG_NO_CHECK_TIME, which Python has no name for."""
_RENEW = "See why it is not renewed: docker compose logs certbot; retry: ./init-letsencrypt.sh"
_OBTAIN = "Get one with ./init-letsencrypt.sh; a CA of your own goes into --ca-file."


class Validity(NamedTuple):
    """From when to when a certificate holds, in seconds since 1970 UTC."""

    begins: float
    ends: float


def validity(certificate: dict[str, Any]) -> Validity:
    """Read when a certificate holds from what `ssl.SSLSocket.getpeercert` returns."""
    return Validity(*(ssl.cert_time_to_seconds(certificate[edge]) for edge in ("notBefore", "notAfter")))


async def complaint(place: Place, refused: ssl.SSLCertVerificationError) -> Fault:
    """Say why a certificate was not taken; it is fetched once more for what stands in it."""
    shown = await _fetch(place)
    names = ", ".join(_names(shown)) or "no name"
    if FALLBACK_NAME in str(shown.get("subject")):
        return Fault("The server still shows its self-signed fallback: no certificate was obtained.", _OBTAIN)
    match refused.verify_code:
        case code if code == _EXPIRED:
            return Fault(
                f"The certificate of {place.host} ended on {shown.get('notAfter', 'a day in the past')}.", _RENEW
            )
        case code if code == _NOT_YET_VALID:
            return Fault(
                f"The certificate of {place.host} begins on {shown.get('notBefore', 'a day to come')}.",
                "Set this machine's clock right (NTP), or wait.",
            )
        case code if code in {_OTHER_NAME, _OTHER_ADDRESS}:
            return Fault(
                f"The certificate is for {names}, not for {place.host}.",
                _unless_elsewhere(
                    place, f"run ./init-letsencrypt.sh with DOMAIN={place.host}, or open the name that it was made for."
                ),
            )
        case code if code in {_NO_ISSUER, _NO_CHAIN}:
            return Fault(
                f"The certificate for {names} comes from nobody known here ({refused.verify_message}).",
                _unless_elsewhere(place, f"serve the whole chain (fullchain.pem). {_OBTAIN}"),
            )
        case code if code == _SELF_SIGNED:
            return Fault(
                f"The certificate for {names} is self-signed.", _unless_elsewhere(place, f"replace it. {_OBTAIN}")
            )
    return Fault(f"The certificate for {names} is not trusted: {refused.verify_message}.", _OBTAIN)


def _unless_elsewhere(place: Place, fix: str) -> str:
    return f"If {place.address} is not yours, the records lead elsewhere: {RECORD_FIX} If it is, {fix}"


async def _fetch(place: Place) -> dict[str, Any]:
    """Return what stands in a certificate that was refused, or nothing where it cannot be read."""
    blind = ssl.create_default_context()
    blind.check_hostname, blind.verify_mode = False, ssl.CERT_NONE
    try:
        async with connected(place._replace(tls=blind)) as (_, writer):
            raw = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        # Python reads only certificates that it has verified, so this one is made its own authority.
        trusting = ssl.create_default_context(cadata=raw)
        trusting.check_hostname = False
        trusting.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        trusting.verify_flags = ssl.VerifyFlags(trusting.verify_flags | _NO_CHECK_TIME)
        async with connected(place._replace(tls=trusting)) as (_, writer):
            shown: dict[str, Any] = writer.get_extra_info("ssl_object").getpeercert() or {}
    except (OSError, ValueError):
        return {}
    return shown


def _names(certificate: dict[str, Any]) -> list[str]:
    names = [str(value) for _, value in certificate.get("subjectAltName", ())]
    return names or [str(value) for part in certificate.get("subject", ()) for _, value in part]
